// The decisions. `engine_step` lives for one input: it looks at the state, and whatever it decides becomes an event first
// and a change of the state by that event only.
#include <algorithm>
#include <optional>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/engine/gate.hpp"
#include "aivp/model/pricing.hpp"
#include "aivp/skill/redact.hpp"
#include "aivp/skill/secret_reference.hpp"
#include "runtime/engine/evolve.hpp"

namespace aivp {

namespace {

/// A schedule that missed more windows than this at once gets one refusal for the rest.
constexpr std::uint64_t missed_windows_max = 1000;
/// How many of the rest are counted one by one.
constexpr std::uint64_t counted_windows_max = 1'000'000;

/// The number of windows from `first`, which is one, to `last`.
std::uint64_t count_windows(const schedule& when, instant first, instant last) {
    if (const auto* interval = std::get_if<interval_schedule>(&when))
        return static_cast<std::uint64_t>((last - first).us / interval->every.us) + 1;
    std::uint64_t n = 0;
    for (std::optional<instant> w = first; w && *w <= last && n < counted_windows_max; w = next_fire(when, *w)) ++n;
    return n;
}

class engine_step {
public:
    engine_step(engine_state& state, const input_envelope& input, decision& out)
        : state_(state), at_(input.at), out_(out) {}

    void on(const activate_agent& in);
    void on(const retire_agent& in);
    void on(const start_run& in);
    void on(const publish_event& in);
    void on(const timer_elapsed& in);
    void on(const model_completion& in);
    void on(const skill_completion& in);
    void on(const user_completion& in);
    void on(const cancel_run& in);

private:
    template <class E>
    void emit(E event) {
        evolve(state_, out_.events.emplace_back(std::move(event)), at_);
    }
    template <class E>
    void emit(run_state& r, E event) {
        apply(r, event, at_);
        out_.events.emplace_back(std::move(event));
    }

    // triggers
    void arm_trigger(agent_state& a, std::uint32_t trigger, instant after);
    void fire_schedule(agent_state& a, std::uint32_t trigger);
    void accept(agent_state& a, std::uint32_t trigger, instant scheduled_for, const payload& body);
    void refuse_trigger(agent_id a, std::uint32_t trigger, instant scheduled_for, errc code, std::string reason,
                        std::uint64_t count = 1);
    void start(run_id id);
    void start_next(agent_id id);

    // runs
    run_state* open_run(call_ref ref, call_kind kind);
    void advance(run_state& r);
    void arm_watchdog(run_state& r);
    void expire(run_state& r);
    void finish(run_state& r, outcome_status status, errc code, std::string message, payload details = {},
                bool abstained = false);
    void finish_success(run_state& r, payload details);
    void abandon_open_calls(run_state& r);
    static usd_micros reserved_for(const run_state& r, call_id call);
    void refuse_due_windows(agent_state& a, const char* reason);
    std::pair<bool, refusal_ptr> propose(run_state& r, std::string_view as, const payload& arguments,
                                         std::uint32_t step, bool validated);
    void settle(run_state& r, const open_call& open, effect_outcome outcome, payload result, errc code,
                std::string message);

    // loop brain
    bool ask_model(run_state& r, const loop_brain& brain);
    bool continue_turn(run_state& r, const loop_brain& brain);
    void take_turn(run_state& r, const loop_brain& brain, const model_response& response);
    void answer(run_state& r, const loop_brain& brain, const model_response& response);
    void call_skills(run_state& r, const model_response& response);
    bool abstains(run_state& r, const loop_brain& brain, const model_response& response);

    // steps brain
    void run_steps(run_state& r, const steps_brain& brain);
    bool run_step(run_state& r, const step_spec& spec, std::uint32_t index);
    bool step_failed(run_state& r, const step_spec& spec, std::uint32_t index, errc code, const std::string& message);

    engine_state& state_;
    instant at_;
    decision& out_;
    agent_id starting_; ///< whose waiting runs are being started
    run_id expiring_;   ///< its watchdog is set once, when all that is overdue has been given up
};

// ---- agents and triggers -----------------------------------------------------------------------------------------------

void engine_step::on(const activate_agent& in) {
    AIVP_ASSERT(in.snapshot != nullptr, "an agent is activated without a snapshot");
    agent_id id{state_.agents.size() + 1};
    std::size_t old_triggers = 0;
    for (const agent_state& a : state_.agents) {
        if (a.snapshot->id != in.snapshot->id) continue;
        id = a.id;
        old_triggers = a.due.size();
    }
    if (id.value <= state_.agents.size())
        refuse_due_windows(state_.agents[id.value - 1], "the agent was activated anew before this window was taken");
    emit(agent_activated{id, in.snapshot});
    agent_state& a = state_.agents[id.value - 1];
    for (std::uint32_t t = 0; t < std::max(a.due.size(), old_triggers); ++t) {
        if (t < a.due.size()) arm_trigger(a, t, at_);
        const bool armed = t < a.due.size() && a.due[t] != instant::max();
        if (!armed && t < old_triggers)
            out_.effects.emplace_back(timer_request{{timer_key::kind::trigger, id.value, t}, instant::max()});
    }
}

void engine_step::on(const retire_agent& in) {
    if (in.agent.value < 1 || in.agent.value > state_.agents.size()) return;
    refuse_due_windows(state_.agents[in.agent.value - 1], "the agent was retired before this window was taken");
    emit(agent_retired{in.agent});
    agent_state& a = state_.agents[in.agent.value - 1];
    for (std::uint32_t t = 0; t < a.due.size(); ++t)
        out_.effects.emplace_back(timer_request{{timer_key::kind::trigger, a.id.value, t}, instant::max()});
    const std::deque<run_id> waiting = a.waiting;
    for (const run_id id : waiting)
        finish(state_.runs.at(id), outcome_status::skipped, errc::run_cancelled,
               "the agent was retired before the run began");
}

/// Windows that are due and whose timer has not fired yet: they end here, with a reason.
void engine_step::refuse_due_windows(agent_state& a, const char* reason) {
    for (std::uint32_t t = 0; t < a.due.size(); ++t) {
        if (a.due[t] > at_) continue;
        refuse_trigger(a.id, t, a.due[t], errc::trigger_refused, reason,
                       count_windows(a.snapshot->triggers[t].when, a.due[t], at_));
    }
}

void engine_step::arm_trigger(agent_state& a, std::uint32_t trigger, instant after) {
    const auto next = next_fire(a.snapshot->triggers[trigger].when, after);
    const instant due = next.value_or(instant::max());
    if (due == instant::max() && a.due[trigger] == instant::max()) return;
    const agent_id id = a.id;
    emit(trigger_armed{id, trigger, due});
    if (due != instant::max())
        out_.effects.emplace_back(timer_request{{timer_key::kind::trigger, id.value, trigger}, due});
}

void engine_step::on(const start_run& in) {
    if (in.agent.value < 1 || in.agent.value > state_.agents.size() || state_.agents[in.agent.value - 1].retired) {
        refuse_trigger({}, 0, at_, errc::trigger_no_agent, "no active agent has this number");
        return;
    }
    agent_state& a = state_.agents[in.agent.value - 1];
    const auto& triggers = a.snapshot->triggers;
    const auto manual = std::find_if(triggers.begin(), triggers.end(), [](const trigger_spec& t) {
        return std::holds_alternative<manual_schedule>(t.when);
    });
    const auto index = manual == triggers.end() ? 0u : static_cast<std::uint32_t>(manual - triggers.begin());
    accept(a, index, at_, in.body);
}

void engine_step::on(const publish_event& in) {
    bool heard = false;
    for (agent_state& a : state_.agents) {
        if (a.retired) continue;
        for (std::uint32_t t = 0; t < a.snapshot->triggers.size(); ++t) {
            const auto* on_event = std::get_if<event_schedule>(&a.snapshot->triggers[t].when);
            if (!on_event || on_event->event_type != in.type) continue;
            heard = true;
            accept(a, t, at_, in.body);
        }
    }
    if (!heard)
        refuse_trigger({}, 0, at_, errc::trigger_no_agent, "no agent has a trigger for event `" + in.type + "`");
}

void engine_step::on(const timer_elapsed& in) {
    if (in.key.what == timer_key::kind::trigger) {
        if (in.key.owner < 1 || in.key.owner > state_.agents.size()) return;
        agent_state& a = state_.agents[in.key.owner - 1];
        if (in.key.ordinal < a.due.size() && a.due[in.key.ordinal] <= at_) fire_schedule(a, in.key.ordinal);
        return;
    }
    const auto it = state_.runs.find(run_id{in.key.owner});
    if (it != state_.runs.end()) expire(it->second);
}

/// Every window between the due time and now is accepted or refused, oldest first; none is dropped in silence.
void engine_step::fire_schedule(agent_state& a, std::uint32_t trigger) {
    instant window = a.due[trigger];
    std::uint64_t taken = 0;
    while (window <= at_) {
        if (++taken > missed_windows_max) {
            refuse_trigger(a.id, trigger, window, errc::trigger_refused,
                           "more than " + std::to_string(missed_windows_max) + " windows were missed at once",
                           count_windows(a.snapshot->triggers[trigger].when, window, at_));
            window = at_;
        } else {
            accept(a, trigger, window, {});
        }
        const auto next = next_fire(a.snapshot->triggers[trigger].when, window);
        if (!next) {
            emit(trigger_armed{a.id, trigger, instant::max()});
            return;
        }
        window = *next;
    }
    emit(trigger_armed{a.id, trigger, window});
    out_.effects.emplace_back(timer_request{{timer_key::kind::trigger, a.id.value, trigger}, window});
}

void engine_step::accept(agent_state& a, std::uint32_t trigger, instant scheduled_for, const payload& body) {
    static const trigger_spec no_trigger{};
    const trigger_spec& spec = trigger < a.snapshot->triggers.size() ? a.snapshot->triggers[trigger] : no_trigger;
    if (spec.payload_schema) {
        if (const auto violation = spec.payload_schema->validate(body)) {
            refuse_trigger(a.id, trigger, scheduled_for, errc::trigger_payload,
                           (violation->instance_pointer.empty() ? "the payload" : violation->instance_pointer) + ": " +
                               violation->message);
            return;
        }
    }
    const bool waits = static_cast<bool>(a.active);
    if (waits && spec.overlap == overlap_policy::refuse) {
        refuse_trigger(a.id, trigger, scheduled_for, errc::trigger_refused,
                       to_string(a.active) + " is under way and overlap is `refuse`");
        return;
    }
    if (waits && a.waiting.size() >= spec.queue_max) {
        refuse_trigger(a.id, trigger, scheduled_for, errc::trigger_queue_full,
                       std::to_string(a.waiting.size()) + " runs are waiting already");
        return;
    }
    const run_id id{state_.last_run + 1};
    emit(trigger_accepted{a.id, trigger, id, scheduled_for, body, waits});
    if (!waits) start(id);
}

void engine_step::refuse_trigger(agent_id a, std::uint32_t trigger, instant scheduled_for, errc code,
                                 std::string reason, std::uint64_t count) {
    emit(trigger_refused{a, trigger, scheduled_for, code, std::move(reason), count});
}

void engine_step::start(run_id id) {
    emit(run_started{id});
    advance(state_.runs.at(id));
}

/// A run that ends at once comes back here while it is being started: the loop below then takes the next one, so that a
/// long queue of such runs needs no stack.
void engine_step::start_next(agent_id id) {
    if (starting_ == id) return;
    const agent_id outer = std::exchange(starting_, id);
    agent_state& a = state_.agents[id.value - 1];
    while (!a.active && !a.waiting.empty()) start(a.waiting.front());
    starting_ = outer;
}

// ---- runs --------------------------------------------------------------------------------------------------------------

run_state* engine_step::open_run(call_ref ref, call_kind kind) {
    const auto it = state_.runs.find(ref.run);
    if (it == state_.runs.end()) {
        emit(completion_ignored{ref.run, ref.call, "the run has ended"});
        return nullptr;
    }
    for (const open_call& o : it->second.open)
        if (o.call == ref.call && o.kind == kind) return &it->second;
    emit(completion_ignored{ref.run, ref.call, "the call is not open"});
    return nullptr;
}

/// Goes on until the run waits for something or has ended. After finish() the run is gone and must not be touched.
void engine_step::advance(run_state& r) {
    if (const auto* steps = std::get_if<steps_brain>(&r.snapshot->brain)) {
        run_steps(r, *steps);
        return;
    }
    if (ask_model(r, std::get<loop_brain>(r.snapshot->brain))) arm_watchdog(r);
}

/// One timer a run, set to the earliest deadline; it is only moved when an earlier deadline appears, and when it fires.
void engine_step::arm_watchdog(run_state& r) {
    if (r.id == expiring_) return;
    instant due = r.deadline;
    for (const open_call& o : r.open) due = std::min(due, o.deadline);
    if (r.watchdog <= due) return;
    emit(r, timer_armed{r.id, due});
    out_.effects.emplace_back(timer_request{{timer_key::kind::run, r.id.value, 0}, due});
}

void engine_step::expire(run_state& r) {
    if (r.watchdog > at_) return;
    emit(r, timer_armed{r.id, instant::max()});
    if (r.started && r.deadline <= at_) {
        finish(r, outcome_status::failure, errc::limit_time, "the run took longer than limits.run_timeout");
        return;
    }
    const run_id id = r.id;
    const std::vector<open_call> open = r.open;
    expiring_ = id;
    for (const open_call& o : open) {
        if (o.deadline > at_) continue;
        out_.effects.emplace_back(call_cancel{{id, o.call}, o.kind});
        if (o.kind == call_kind::model) {
            emit(r, model_settled{id, o.call, effect_outcome::unknown, nullptr, errc::limit_step_time,
                                  "no answer in time", o.reserved});
            finish(r, outcome_status::failure, errc::limit_step_time, "the model did not answer in time");
            return;
        }
        // A read can be called failed; a write may have happened.
        const skill_contract& skill = *r.snapshot->bindings[o.binding].skill;
        const bool harmless = skill.effect != effect_class::write;
        settle(r, o, harmless ? effect_outcome::failed : effect_outcome::unknown, {}, errc::limit_step_time,
               "no answer in time");
        if (!state_.find(id)) return;
    }
    expiring_ = {};
    arm_watchdog(r);
}

void engine_step::finish(run_state& r, outcome_status status, errc code, std::string message, payload details,
                         bool abstained) {
    const run_id id = r.id;
    const agent_id agent = r.agent;
    abandon_open_calls(r);
    // What was changed stays changed: such a run did a part of its work, whatever ended it.
    if (status == outcome_status::failure && code != errc::skill_outcome_unknown && !r.side_effects.empty())
        status = outcome_status::partial;
    if (r.watchdog != instant::max())
        out_.effects.emplace_back(timer_request{{timer_key::kind::run, id.value, 0}, instant::max()});
    auto outcome = std::make_shared<structured_outcome>();
    outcome->status = status;
    outcome->code = code;
    outcome->message = std::move(message);
    outcome->cost = r.spent;
    outcome->latency = r.started ? at_ - r.started_at : duration{};
    outcome->at = at_;
    outcome->run = id;
    outcome->details = std::move(details);
    outcome->side_effects = r.side_effects;
    outcome->abstained = abstained;
    emit(run_finished{id, std::move(outcome)});
    start_next(agent);
}

/// The run ends and nobody waits any longer: every open intent gets its outcome, so that none is left open in the journal.
void engine_step::abandon_open_calls(run_state& r) {
    const std::vector<open_call> open = r.open;
    for (const open_call& o : open) {
        out_.effects.emplace_back(call_cancel{{r.id, o.call}, o.kind});
        const std::string why = "the run ended before the answer";
        if (o.kind == call_kind::model) {
            emit(r,
                 model_settled{r.id, o.call, effect_outcome::unknown, nullptr, errc::model_unknown, why, o.reserved});
        } else if (o.kind == call_kind::user) {
            emit(r, user_answered{r.id, o.call, {}, true});
        } else {
            const bool write = r.snapshot->bindings[o.binding].skill->effect == effect_class::write;
            emit(r, call_settled{r.id,
                                 o.call,
                                 o.step,
                                 o.binding,
                                 write ? effect_outcome::unknown : effect_outcome::failed,
                                 {},
                                 write ? errc::skill_outcome_unknown : errc::run_cancelled,
                                 why,
                                 o.reserved});
        }
    }
}

void engine_step::finish_success(run_state& r, payload details) {
    if (!r.unknown_writes.empty()) {
        const skill_contract& skill = *r.snapshot->bindings[r.unknown_writes.front().binding].skill;
        finish(r, outcome_status::partial, errc::skill_outcome_unknown,
               "it is not known whether " + skill.id + " took effect", std::move(details));
        return;
    }
    if (r.failed_steps > 0) {
        finish(r, outcome_status::partial, errc::run_step_failed,
               std::to_string(r.failed_steps) + " steps failed and were passed over", std::move(details));
        return;
    }
    finish(r, outcome_status::success, errc::ok, "done", std::move(details));
}

/// first: intended (and its effect is out). second: the refusal otherwise.
std::pair<bool, refusal_ptr> engine_step::propose(run_state& r, std::string_view as, const payload& arguments,
                                                  std::uint32_t step, bool validated) {
    const call_id call{r.last_call + 1};
    gate_context c{.snapshot = *r.snapshot,
                   .run = r,
                   .now = at_,
                   .call = call,
                   .as = as,
                   .proposed = arguments,
                   .validated = validated};
    if (refusal_ptr why = pass_gate(c)) {
        // The loop guard compares calls as they would be made: with the fixed arguments, where the gate came that far.
        const digest& proposed = c.arguments.is_null() ? arguments.hash() : c.arguments.hash();
        emit(r, call_refused{r.id, call, step, c.binding, std::string(as), proposed, why});
        return {false, std::move(why)};
    }
    emit(r, call_intended{r.id, call, step, c.binding, c.recorded, c.arguments.hash(), c.idempotency_key, c.reserve,
                          c.deadline});
    out_.effects.emplace_back(
        skill_call{{r.id, call}, r.snapshot, c.binding, c.arguments, c.idempotency_key, c.deadline, c.has_secrets});
    return {true, nullptr};
}

void engine_step::settle(run_state& r, const open_call& open, effect_outcome outcome, payload result, errc code,
                         std::string message) {
    const skill_contract& skill = *r.snapshot->bindings[open.binding].skill;
    const bool write = skill.effect == effect_class::write;
    // A port that says how a call ended and not why: the event always has a reason.
    if (outcome == effect_outcome::ok)
        code = errc::ok;
    else if (code == errc::ok)
        code = outcome == effect_outcome::failed ? errc::skill_failed : errc::skill_outcome_unknown;
    if (result.text().size() > result_bytes_max) {
        if (outcome == effect_outcome::ok) {
            outcome = write ? effect_outcome::unknown : effect_outcome::failed;
            code = errc::limit_output;
            message = "the result takes more than 8 MiB";
        }
        result = {};
    }
    if (outcome == effect_outcome::ok && skill.output) {
        if (const auto violation = skill.output->validate(result)) {
            outcome = write ? effect_outcome::unknown : effect_outcome::failed;
            code = errc::skill_bad_output;
            const bool secret = is_below_pattern(violation->instance_pointer, skill.secret_results);
            message = (violation->instance_pointer.empty() ? "the result" : violation->instance_pointer) + ": " +
                      (secret ? "does not fit its schema" : violation->message);
            result = {};
        }
    }
    if (outcome != effect_outcome::ok && result.is_null()) {
        result = payload::of_object(
            {{"error", payload::of_string(info(code).name)}, {"message", payload::of_string(message)}});
    }
    if (!skill.secret_results.empty()) result = redact(result, skill.secret_results, "result");
    // What was sent is charged, whatever came back.
    emit(r, call_settled{r.id, open.call, open.step, open.binding, outcome, std::move(result), code, std::move(message),
                         open.reserved});
    if (const auto* steps = std::get_if<steps_brain>(&r.snapshot->brain)) {
        const step_spec& spec = steps->steps[open.step];
        const auto& settled = std::get<call_settled>(out_.events.back());
        if (outcome == effect_outcome::ok) {
            emit(r, step_finished{r.id, open.step, outcome_status::success, errc::ok, {}});
        } else {
            const errc failed_with = settled.code;
            const std::string why = settled.message;
            if (outcome == effect_outcome::unknown && write) {
                emit(r, step_finished{r.id, open.step, outcome_status::failure, failed_with, why});
                finish(r, outcome_status::failure, errc::skill_outcome_unknown,
                       "step `" + spec.id + "`: it is not known whether " + skill.id + " took effect");
                return;
            }
            if (!step_failed(r, spec, open.step, failed_with, why)) return;
        }
        run_steps(r, *steps);
        return;
    }
    if (continue_turn(r, std::get<loop_brain>(r.snapshot->brain))) arm_watchdog(r);
}

void engine_step::on(const skill_completion& in) {
    run_state* r = open_run(in.ref, call_kind::skill);
    if (!r) return;
    const auto open =
        std::find_if(r->open.begin(), r->open.end(), [&](const open_call& o) { return o.call == in.ref.call; });
    settle(*r, open_call(*open), in.outcome, in.result, in.code, in.message);
}

void engine_step::on(const cancel_run& in) {
    const auto it = state_.runs.find(in.run);
    if (it == state_.runs.end()) {
        emit(completion_ignored{in.run, {}, "the run to cancel has ended"});
        return;
    }
    finish(it->second, outcome_status::skipped, errc::run_cancelled, in.reason);
}

// ---- loop brain --------------------------------------------------------------------------------------------------------

/// False when the run ended instead.
bool engine_step::ask_model(run_state& r, const loop_brain& brain) {
    const run_limits& limits = r.snapshot->limits;
    const auto capped = [&](errc code, const char* message) {
        payload details = r.answer.is_null() ? payload() : payload::of_object({{"answer", r.answer}});
        finish(r, r.side_effects.empty() ? outcome_status::failure : outcome_status::partial, code, message,
               std::move(details));
        return false;
    };
    if (r.model_turns >= limits.model_turns) return capped(errc::limit_model_calls, "limits.model_turns is reached");
    if (r.tokens >= limits.tokens) return capped(errc::limit_tokens, "limits.tokens is reached");
    // An upper bound of what the turn may cost: a token is never less than one byte of the request.
    const token_usage bound{.input = static_cast<std::int64_t>(r.messages.bytes() + r.snapshot->tools.text().size()),
                            .output = brain.model.max_output_tokens};
    const auto reserve = cost_of(bound, brain.model.price);
    const auto committed = checked_add(r.spent, r.reserved);
    const auto total = reserve && committed ? checked_add(*committed, *reserve) : reserve;
    if (!total || *total > limits.budget)
        return capped(errc::budget_exhausted, "the next model turn does not fit limits.budget_usd");
    const call_id call{r.last_call + 1};
    const digest key = request_key(r.messages, r.snapshot->tools, brain.model.params, brain.model.name);
    const instant deadline = std::min(at_ + limits.step_timeout, r.deadline);
    emit(r, model_requested{r.id, call, key, *reserve, deadline});
    out_.effects.emplace_back(model_call{{r.id, call}, r.snapshot, r.messages, key, deadline});
    return true;
}

usd_micros engine_step::reserved_for(const run_state& r, call_id call) {
    for (const open_call& o : r.open)
        if (o.call == call) return o.reserved;
    return {};
}

void engine_step::on(const model_completion& in) {
    run_state* r = open_run(in.ref, call_kind::model);
    if (!r) return;
    const auto& brain = std::get<loop_brain>(r->snapshot->brain);
    if (in.outcome != effect_outcome::ok) {
        const errc code = in.outcome == effect_outcome::unknown ? errc::model_unknown
                          : in.code == errc::ok                 ? errc::model_failed
                                                                : in.code;
        // A call that may have happened may have been billed.
        const usd_micros billed = in.outcome == effect_outcome::unknown ? reserved_for(*r, in.ref.call) : usd_micros{};
        emit(*r, model_settled{r->id, in.ref.call, in.outcome, nullptr, code, in.message, billed});
        finish(*r, outcome_status::failure, code, in.message.empty() ? std::string(info(code).text) : in.message);
        return;
    }
    // Without a bill the whole reservation counts as spent, and so it does when the bill cannot be right.
    const usd_micros reserved = reserved_for(*r, in.ref.call);
    const auto cost =
        in.response.usage.reported ? cost_of(in.response.usage, brain.model.price) : result<usd_micros>(reserved);
    if (!cost) {
        emit(*r, model_settled{r->id, in.ref.call, effect_outcome::failed, nullptr, errc::model_invalid_response,
                               cost.error().message, reserved});
        finish(*r, outcome_status::failure, errc::model_invalid_response,
               "the usage cannot be right: " + cost.error().message);
        return;
    }
    emit(*r, model_settled{r->id,
                           in.ref.call,
                           effect_outcome::ok,
                           std::make_shared<const model_response>(recordable(*r->snapshot, in.response)),
                           errc::ok,
                           {},
                           *cost});
    take_turn(*r, brain, in.response);
}

void engine_step::take_turn(run_state& r, const loop_brain& brain, const model_response& response) {
    if (response.finish == "content_filter" || response.finish == "refusal") {
        finish(r, outcome_status::failure, errc::model_content_filter,
               "the model's answer was withheld: " + response.finish, payload::of_object({{"answer", r.answer}}));
        return;
    }
    if (response.calls.empty()) {
        answer(r, brain, response);
        return;
    }
    if (abstains(r, brain, response)) return;
    if (r.model_turns >= r.snapshot->limits.model_turns) {
        // Their results could not reach the model any more.
        finish(r, r.side_effects.empty() ? outcome_status::failure : outcome_status::partial, errc::limit_model_calls,
               "the last allowed turn still asked for " + std::to_string(response.calls.size()) + " calls",
               payload::of_object({{"answer", r.answer}}));
        return;
    }
    call_skills(r, response);
    if (continue_turn(r, brain)) arm_watchdog(r);
}

bool engine_step::abstains(run_state& r, const loop_brain& brain, const model_response& response) {
    if (!brain.may_abstain) return false;
    const auto call = std::find_if(response.calls.begin(), response.calls.end(),
                                   [](const proposed_call& c) { return c.name == abstain_tool; });
    if (call == response.calls.end() || r.snapshot->find_binding(abstain_tool)) return false;
    const auto reason = member(call->arguments, "reason");
    const auto text = reason ? as_string(*reason) : std::nullopt;
    finish(r, outcome_status::skipped, errc::run_abstained, text.value_or("the agent gave no reason"),
           call->arguments.is_object() ? call->arguments : payload(), true);
    return true;
}

void engine_step::answer(run_state& r, const loop_brain& brain, const model_response& response) {
    payload details = payload::of_object({{"answer", r.answer}, {"finish", payload::of_string(response.finish)}});
    if (!brain.converse) {
        if (response.finish == "length") {
            finish(r, outcome_status::partial, errc::ok, "the answer was cut at max_output_tokens", std::move(details));
            return;
        }
        finish_success(r, std::move(details));
        return;
    }
    const call_id call{r.last_call + 1};
    emit(r, user_asked{r.id, call, response.content});
    out_.effects.emplace_back(user_question_effect{{r.id, call}, r.snapshot, response.content, r.messages});
    arm_watchdog(r);
}

void engine_step::call_skills(run_state& r, const model_response& response) {
    for (std::uint32_t i = 0; i < response.calls.size(); ++i) {
        const proposed_call& call = response.calls[i];
        propose(r, call.name, call.arguments, i, false);
    }
}

/// Goes on when all calls of the turn have an answer. False when the run ended.
bool engine_step::continue_turn(run_state& r, const loop_brain& brain) {
    if (std::any_of(r.slots.begin(), r.slots.end(), [](const turn_slot& s) { return !s.done; })) return true;
    const bool ends = std::any_of(r.slots.begin(), r.slots.end(), [](const turn_slot& s) { return s.ends_run; });
    emit(r, turn_completed{r.id});
    if (ends) {
        finish_success(r, r.answer.is_null() ? payload() : payload::of_object({{"answer", r.answer}}));
        return false;
    }
    return ask_model(r, brain);
}

void engine_step::on(const user_completion& in) {
    run_state* r = open_run(in.ref, call_kind::user);
    if (!r) return;
    emit(*r, user_answered{r->id, in.ref.call, in.message, in.ended});
    if (in.ended) {
        finish_success(*r, payload::of_object({{"answer", r->answer}}));
        return;
    }
    if (ask_model(*r, std::get<loop_brain>(r->snapshot->brain))) arm_watchdog(*r);
}

// ---- steps brain -------------------------------------------------------------------------------------------------------

void engine_step::run_steps(run_state& r, const steps_brain& brain) {
    while (r.next_step < brain.steps.size()) {
        const std::uint32_t index = r.next_step;
        if (!run_step(r, brain.steps[index], index)) return;
    }
    finish_success(r, {});
}

/// True: the step is over, go on with the next one. False: it waits for an answer, or the run has ended.
bool engine_step::run_step(run_state& r, const step_spec& spec, std::uint32_t index) {
    const value_lookup lookup = [&r](std::uint32_t source) -> const payload* {
        if (source == 0) return &r.trigger_body;
        const step_result& s = r.results[source - 1];
        return s.ran ? &s.value : nullptr;
    };
    if (!spec.when.always()) {
        const auto holds = spec.when.evaluate(lookup);
        if (!holds) return step_failed(r, spec, index, holds.error().code, holds.error().message);
        if (!*holds) {
            emit(r, step_finished{r.id, index, outcome_status::skipped, errc::ok, "its condition does not hold"});
            return true;
        }
    }
    if (!spec.abstain_reason.empty()) {
        finish(r, outcome_status::skipped, errc::run_abstained, spec.abstain_reason, {}, true);
        return false;
    }
    payload arguments = spec.arguments.document();
    if (!spec.arguments.constant()) {
        auto rendered = spec.arguments.render(lookup);
        if (!rendered) return step_failed(r, spec, index, rendered.error().code, rendered.error().message);
        arguments = std::move(*rendered);
    }
    const auto [intended, why] =
        propose(r, r.snapshot->bindings[spec.binding].as, arguments, index, spec.constant_validated);
    if (!intended) return step_failed(r, spec, index, why->code, why->message);
    arm_watchdog(r);
    return false;
}

/// True when the run goes on.
bool engine_step::step_failed(run_state& r, const step_spec& spec, std::uint32_t index, errc code,
                              const std::string& message) {
    emit(r, step_finished{r.id, index, outcome_status::failure, code, message});
    if (spec.error_policy == on_error::proceed) return true;
    const payload details =
        payload::of_object({{"error", payload::of_string(info(code).name)}, {"step", payload::of_string(spec.id)}});
    finish(r, r.side_effects.empty() ? outcome_status::failure : outcome_status::partial, errc::run_step_failed,
           "step `" + spec.id + "` failed: " + message, details);
    return false;
}

} // namespace

model_response recordable(const agent_snapshot& snapshot, model_response response) {
    for (proposed_call& call : response.calls) {
        const auto binding = snapshot.find_binding(call.name);
        if (!binding) continue;
        const std::vector<std::string>& secret = snapshot.bindings[*binding].skill->secret_arguments;
        if (secret.empty()) continue;
        // Text that is no JSON may hold a secret anywhere.
        static const std::vector<std::string> whole{""};
        call.arguments = redact(call.arguments, call.arguments.is_object() ? secret : whole, "argument");
    }
    return response;
}

void step(engine_state& state, const input_envelope& input, decision& out) {
    out.clear();
    engine_step s(state, input, out);
    std::visit([&s](const auto& body) { s.on(body); }, input.body);
}

decision decide(const engine_state& state, const input_envelope& input) {
    engine_state copy = state;
    decision d;
    step(copy, input, d);
    return d;
}

} // namespace aivp
