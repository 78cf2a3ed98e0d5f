// Journal lines back into events. What a line leaves out is taken from the state before it, and nothing is applied that
// does not fit that state: a journal that verifies and still tells nonsense ends in an error, not in an assertion.
#include <algorithm>
#include <optional>

#include "aivp/base/canonical_text.hpp"
#include "aivp/engine/recovery.hpp"
#include "runtime/engine/internal/canonical_fields.hpp"
#include "runtime/engine/internal/retry_accounts.hpp"

namespace aivp {

namespace {

constexpr effect_outcome all_effect_outcomes[] = {effect_outcome::ok, effect_outcome::failed, effect_outcome::unknown};
// The only one that an event tells.
constexpr retry_stop told_stops[] = {retry_stop::budget};
constexpr outcome_status all_statuses[] = {outcome_status::success, outcome_status::failure, outcome_status::partial,
                                           outcome_status::skipped};
constexpr gate_stage all_stages[] = {gate_stage::resolve,       gate_stage::validate, gate_stage::capability,
                                     gate_stage::policy,        gate_stage::approval, gate_stage::reserve,
                                     gate_stage::idempotency,   gate_stage::lease,    gate_stage::secrets,
                                     gate_stage::commit_intent, gate_stage::perform,  gate_stage::outcome,
                                     gate_stage::settle,        gate_stage::redact,   gate_stage::evidence};

/// Reads one event. `misfit` is set when it cannot have happened in the state.
class event_reader {
public:
    event_reader(const engine_state& state, std::string_view object, run_id correlation, instant at,
                 snapshot_source& snapshots)
        : state_(state), f_(object), correlation_(correlation), at_(at), snapshots_(snapshots) {}

    result<engine_event> read() {
        const std::string type = f_.string("type");
        const auto event = read(type);
        if (!f_.fault().empty()) return fail(errc::store_corrupt, type + ": " + f_.fault());
        if (!misfit_.empty())
            return fail(missing_snapshot_ ? errc::store_snapshot : errc::store_corrupt, type + ": " + misfit_);
        if (!event) return fail(errc::store_corrupt, "there is no event `" + type + "`");
        return *event;
    }

private:
    std::optional<engine_event> read(const std::string& type) {
        if (type == "call_settled") return settled();
        if (type == "call_intended") return intended();
        if (type == "step_finished") return step();
        if (type == "model_settled") return model_settled_event();
        if (type == "model_requested")
            return model_requested{
                idle_loop(), new_call(*run()), f_.hash("key"), money("reserved"), {f_.integer("deadline")}};
        if (type == "call_refused") return refused();
        if (type == "turn_completed") return turn_completed{answered_turn()};
        if (type == "timer_armed") return timer_armed{started_run(), f_.when("due")};
        if (type == "run_started") return run_started{waiting_run()};
        if (type == "run_finished") return finished();
        if (type == "user_asked") return user_asked{idle_loop(), new_call(*run()), f_.value("text")};
        if (type == "user_answered")
            return user_answered{started_run(), open_call_of(call_kind::user).call, f_.value("message"),
                                 f_.boolean("ended")};
        return read_rare(type);
    }
    std::optional<engine_event> read_rare(const std::string& type) {
        if (type == "agent_activated") return activated();
        if (type == "agent_retired") return agent_retired{agent()};
        if (type == "trigger_armed") return trigger_armed{agent(), trigger(), f_.when("due")};
        if (type == "trigger_accepted") return accepted();
        if (type == "trigger_refused")
            return trigger_refused{{f_.count("agent")},   f_.small("trigger"), {f_.integer("scheduled_for")},
                                   f_.code_or_ok("code"), f_.string("reason"), f_.count("count")};
        if (type == "completion_ignored")
            return completion_ignored{f_.run(correlation_), f_.call(), f_.string("reason")};
        if (type == "journal_opened") return opened();
        if (type == "recovered") return recovered{f_.count("resent"), f_.count("parked")};
        if (type == "time_lost") return time_lost{{static_cast<std::int64_t>(f_.count("by"))}};
        if (type == "call_parked")
            return call_parked{started_run(), under_way(call_kind::skill).call, f_.code_or_ok("code"),
                               f_.string("message")};
        if (type == "call_resent")
            return call_resent{started_run(), open_call_of(std::nullopt).call, {f_.integer("deadline")}, money("lost")};
        if (type == "call_retry_planned") return retry_planned();
        if (type == "run_paused") return run_paused{paused(false), f_.string_or_empty("reason")};
        if (type == "run_resumed") return run_resumed{paused(true)};
        return std::nullopt;
    }

    // ---- what an event is about
    const run_state* run() {
        static const run_state none{};
        const run_state* r = state_.find(f_.run(correlation_));
        if (!r) misfit("there is no run " + std::to_string(f_.run(correlation_).value));
        return r ? r : &none;
    }
    run_id started_run() {
        const run_state* r = run();
        if (!r->started) misfit("its run has not begun");
        return r->id;
    }
    run_id started_loop() {
        if (!std::holds_alternative<loop_brain>(snapshot(*run()).brain)) misfit("its agent has no model");
        return started_run();
    }
    /// Nothing of it is open or unanswered: a model is asked, or a person.
    run_id idle_loop() {
        if (const run_state* r = run(); !r->open.empty() || !r->slots.empty()) misfit("its run waits for answers");
        return started_loop();
    }
    run_id answered_turn() {
        const run_state* r = run();
        if (r->slots.empty() ||
            std::any_of(r->slots.begin(), r->slots.end(), [](const turn_slot& s) { return !s.done; }))
            misfit("its run has no turn that is answered");
        return started_loop();
    }
    run_id paused(bool before) {
        if (run()->paused != before) misfit(before ? "its run is not paused" : "its run is paused already");
        return run()->id;
    }
    call_id new_call(const run_state& r) {
        const call_id call = f_.call();
        if (call.value != r.last_call + 1) misfit("calls are numbered without gaps");
        return call;
    }
    const open_call& under_way(std::optional<call_kind> kind) {
        const open_call& o = open_call_of(kind);
        if (o.parked || o.retry_at != instant::max()) misfit("its call is not under way");
        return o;
    }
    usd_micros money(std::string_view key) {
        const std::int64_t v = f_.integer_or(key, 0);
        if (v < 0) f_.wrong(key);
        return {v};
    }
    run_id waiting_run() {
        const run_state* r = run();
        if (r->started) misfit("its run has begun before");
        const std::size_t agents = state_.agents.size();
        if (r->agent.value >= 1 && r->agent.value <= agents) {
            const run_id active = state_.agents[r->agent.value - 1].active;
            if (active && active != r->id) misfit("its agent runs something else");
        }
        return r->id;
    }
    agent_id agent() {
        const agent_id id{f_.count("agent")};
        if (id.value < 1 || id.value > state_.agents.size()) misfit("there is no agent " + std::to_string(id.value));
        return id;
    }
    std::uint32_t trigger() {
        const std::uint32_t t = f_.small("trigger");
        const std::uint64_t a = f_.count("agent");
        if (a >= 1 && a <= state_.agents.size() && t >= state_.agents[a - 1].due.size())
            misfit("the agent has no trigger " + std::to_string(t));
        return t;
    }
    const open_call& open_call_of(std::optional<call_kind> kind) {
        static const open_call none{};
        const call_id call = f_.call();
        const run_state* r = run();
        for (const open_call& o : r->open)
            if (o.call == call && (!kind || o.kind == *kind)) return o;
        misfit("its call is not open");
        return none;
    }
    std::uint32_t place(const run_state& r, std::uint32_t step) {
        const std::size_t places = std::holds_alternative<steps_brain>(snapshot(r).brain)
                                       ? std::get<steps_brain>(snapshot(r).brain).steps.size()
                                       : r.slots.size();
        if (step >= places) misfit("it names a step or call that its run does not have");
        return step;
    }
    /// Of a call that begins here: the step that is next, or a call of the turn that has no answer and is not open.
    std::uint32_t free_place(const run_state& r, std::uint32_t step) {
        if (std::holds_alternative<steps_brain>(snapshot(r).brain)) {
            if (step != r.next_step || !r.open.empty()) misfit("it is not the turn of its step");
        } else if (step < r.slots.size()) {
            const auto same = [step](const open_call& o) { return o.step == step; };
            if (r.slots[step].done || std::any_of(r.open.begin(), r.open.end(), same))
                misfit("its call was made before");
        }
        return place(r, step);
    }
    static const agent_snapshot& snapshot(const run_state& r) {
        static const agent_snapshot none{};
        return r.snapshot ? *r.snapshot : none;
    }
    void misfit(std::string why) {
        if (misfit_.empty()) misfit_ = std::move(why);
    }

    // ---- the larger events
    engine_event settled() {
        const open_call& o = open_call_of(call_kind::skill);
        place(*run(), o.step);
        return call_settled{started_run(),
                            o.call,
                            o.step,
                            o.binding,
                            f_.word("outcome", all_effect_outcomes, effect_outcome::ok),
                            f_.value("result"),
                            f_.code_or_ok("code"),
                            f_.string_or_empty("message"),
                            money("cost"),
                            f_.word("not_retried", told_stops, retry_stop::none)};
    }
    engine_event retry_planned() {
        const open_call& o = under_way(std::nullopt);
        call_retry_planned e{started_run(),         o.call,
                             f_.small("attempt"),   {f_.integer("due")},
                             f_.code_or_ok("code"), f_.string_or_empty("message"),
                             money("lost"),         f_.word("outcome", all_effect_outcomes, effect_outcome::failed)};
        if (!misfit_.empty() || e.attempt <= o.attempt) return e;
        if (o.kind == call_kind::user) {
            misfit("its call is a question");
            return e;
        }
        const call_dependency on = dependency_of(*run(), o);
        if (on.retry->budget && !budget_of(state_, on).try_withdraw(at_)) misfit("its retry budget is spent");
        return e;
    }
    engine_event intended() {
        const run_state* r = run();
        call_intended e{started_run(),       new_call(*r),          free_place(*r, f_.small("step")),
                        f_.small("binding"), f_.value("arguments"), {},
                        f_.key("key"),       money("reserved"),     {f_.integer("deadline")}};
        e.arguments_hash = f_.has("arguments_hash") ? f_.hash("arguments_hash") : e.arguments.hash();
        std::int64_t reserved = 0;
        if (__builtin_add_overflow(r->reserved.value, e.reserved.value, &reserved)) f_.wrong("reserved");
        if (e.binding >= snapshot(*r).bindings.size()) misfit("its agent has no binding " + std::to_string(e.binding));
        return e;
    }
    engine_event refused() {
        const run_state* r = run();
        auto why = std::make_shared<refusal>();
        why->code = f_.code_or_ok("code");
        why->stage = f_.word("stage", all_stages, gate_stage::policy);
        why->decided_by = f_.string("decided_by");
        why->message = f_.string("message");
        why->help = f_.string("help");
        std::string as = f_.string("as");
        const std::uint32_t binding = snapshot(*r).find_binding(as).value_or(no_binding);
        return call_refused{started_run(), new_call(*r),  free_place(*r, f_.small("step")),
                            binding,       std::move(as), f_.hash("arguments_hash"),
                            std::move(why)};
    }
    engine_event step() {
        const run_state* r = run();
        const std::uint32_t index = f_.small("step");
        const auto* brain = std::get_if<steps_brain>(&snapshot(*r).brain);
        if (!brain || index >= brain->steps.size()) misfit("its agent has no step " + std::to_string(index));
        if (index != r->next_step || !r->open.empty()) misfit("it is not the turn of its step");
        return step_finished{started_run(), index, f_.word("status", all_statuses, outcome_status::success),
                             f_.code_or_ok("code"), f_.string_or_empty("message")};
    }
    engine_event model_settled_event() {
        model_settled e{started_run(),
                        open_call_of(call_kind::model).call,
                        f_.word("outcome", all_effect_outcomes, effect_outcome::ok),
                        nullptr,
                        f_.code_or_ok("code"),
                        f_.string_or_empty("message"),
                        money("cost"),
                        f_.word("not_retried", told_stops, retry_stop::none)};
        if (f_.has("response")) e.response = response(f_.text("response"));
        if ((e.outcome == effect_outcome::ok) != (e.response != nullptr))
            misfit("outcome and response contradict each other");
        return e;
    }
    std::shared_ptr<const model_response> response(std::string_view object) {
        return std::make_shared<const model_response>(read_model_response(object, misfit_));
    }
    engine_event finished() {
        const run_state* r = run();
        auto o = std::make_shared<structured_outcome>();
        o->status = f_.word("status", all_statuses, outcome_status::success);
        o->code = f_.code_or_ok("code");
        o->message = f_.string("message");
        o->cost = {f_.integer("cost")};
        o->latency = {f_.integer("latency")};
        o->at = at_;
        o->run = r->id;
        o->details = f_.value("details");
        o->abstained = f_.boolean("abstained");
        for (const std::string_view item : item_texts(f_.text("side_effects"))) {
            canonical_fields effect(item);
            o->side_effects.push_back({effect.string("type"), effect.string("target")});
            if (!effect.fault().empty()) misfit(effect.fault());
        }
        if (!r->open.empty()) misfit("its run has open calls");
        return run_finished{r->id, std::move(o)};
    }
    engine_event activated() {
        const agent_id id{f_.count("agent")};
        if (id.value < 1 || id.value > state_.agents.size() + 1) misfit("agents are numbered without gaps");
        canonical_fields hashes(f_.text("snapshot"));
        const digest whole = hashes.hash("whole");
        if (!hashes.fault().empty()) misfit(hashes.fault());
        snapshot_ptr snapshot = snapshots_.find(whole);
        if (!snapshot) {
            missing_snapshot_ = misfit_.empty();
            misfit("snapshot " + to_hex(whole, 8) + " of agent `" + f_.string("id") + "` is not known");
        } else if (id.value >= 1 && id.value <= state_.agents.size() &&
                   state_.agents[id.value - 1].snapshot->id != snapshot->id) {
            misfit("agent " + std::to_string(id.value) + " is another one");
        }
        return agent_activated{id, std::move(snapshot)};
    }
    engine_event accepted() {
        const agent_id a = agent();
        const run_id id = f_.run(correlation_);
        if (id.value != state_.last_run + 1) misfit("runs are numbered without gaps");
        const bool waits = f_.boolean("waits");
        if (misfit_.empty() && waits != static_cast<bool>(state_.agents[a.value - 1].active))
            misfit(waits ? "it waits for nothing" : "its agent runs something else");
        return trigger_accepted{a, f_.small("trigger"), id, {f_.integer("scheduled_for")}, f_.value("body"), waits};
    }
    engine_event opened() {
        if (state_.journal || state_.last_run != 0) misfit("the journal has a name, or runs without one, already");
        return journal_opened{f_.key("name")};
    }

    const engine_state& state_;
    canonical_fields f_;
    run_id correlation_;
    instant at_;
    snapshot_source& snapshots_;
    std::string misfit_;
    bool missing_snapshot_ = false;
};

/// The input of a record that does not name it.
std::string completion_settled_by(const std::vector<engine_event>& events) {
    if (events.empty()) return {};
    if (std::holds_alternative<call_settled>(events.front())) return "skill_completed";
    if (std::holds_alternative<model_settled>(events.front())) return "model_completed";
    if (std::holds_alternative<user_answered>(events.front())) return "user_replied";
    return {};
}

} // namespace

result<journal_step> replay_line(engine_state& state, std::string_view line, snapshot_source& snapshots) {
    const auto parsed = payload::parse(line);
    if (!parsed || parsed->text() != line) return fail(errc::store_corrupt, "the line is no canonical JSON");
    canonical_fields f(line);
    if (f.integer_or("v", 1) != 1) return fail(errc::store_corrupt, "the line has another version than 1");
    journal_step out{.seq = {f.count("seq")},
                     .at = {f.integer("at")},
                     .correlation = {static_cast<std::uint64_t>(f.integer_or("correlation", 0))},
                     .causation = {static_cast<std::uint64_t>(f.integer_or("causation", 0))},
                     .input = f.has("input") ? canonical_fields(f.text("input")).string("type") : std::string(),
                     .events = {}};
    const std::string_view events = f.text("events");
    if (!events.starts_with('[')) f.wrong("events");
    for (const std::string_view item : item_texts(events)) {
        auto event = event_reader(state, item, out.correlation, out.at, snapshots).read();
        if (!event) return std::unexpected(std::move(event.error()));
        evolve(state, *event, out.at);
        out.events.push_back(std::move(*event));
    }
    if (!f.has("input")) {
        out.input = completion_settled_by(out.events);
        if (out.input.empty()) f.wrong("input");
    }
    if (!f.fault().empty()) return fail(errc::store_corrupt, f.fault());
    return out;
}

} // namespace aivp
