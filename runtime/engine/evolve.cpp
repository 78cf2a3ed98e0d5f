#include "runtime/engine/evolve.hpp"

#include <algorithm>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/engine/gate.hpp"
#include "runtime/engine/internal/retry_accounts.hpp"

namespace aivp {

namespace {

run_state& run_at(engine_state& s, run_id id) {
    const auto it = s.runs.find(id);
    AIVP_ASSERT(it != s.runs.end(), "an event names a run that does not exist");
    return it->second;
}

agent_state& agent_at(engine_state& s, agent_id id) {
    AIVP_ASSERT(id.value >= 1 && id.value <= s.agents.size(), "an event names an agent that does not exist");
    return s.agents[id.value - 1];
}

open_call take_open(run_state& r, call_id call) {
    const auto it = std::find_if(r.open.begin(), r.open.end(), [call](const open_call& o) { return o.call == call; });
    AIVP_ASSERT(it != r.open.end(), "a call is settled that is not open");
    open_call taken = std::move(*it);
    r.open.erase(it);
    return taken;
}

open_call& open_at(run_state& r, call_id call) {
    const auto it = std::find_if(r.open.begin(), r.open.end(), [call](const open_call& o) { return o.call == call; });
    AIVP_ASSERT(it != r.open.end(), "an event names a call that is not open");
    return *it;
}

/// Remembers since when the run stands still, and moves its deadline on by that time when it goes on.
void keep_halted(run_state& r, instant at) {
    const bool halted =
        r.paused || std::any_of(r.open.begin(), r.open.end(), [](const open_call& o) { return o.parked; });
    if (halted == (r.halted_at != instant::max())) return;
    if (halted) {
        r.halted_at = at;
        return;
    }
    r.deadline = r.deadline + (at - r.halted_at);
    r.halted_at = instant::max();
}

void release_and_charge(run_state& r, usd_micros reserved, usd_micros cost) {
    r.reserved.value -= reserved.value;
    AIVP_ASSERT(r.reserved.value >= 0, "more was released than reserved");
    // A bill beyond 64 bits saturates: the cap has long been hit, and the event keeps the exact cost.
    if (__builtin_add_overflow(r.spent.value, cost.value, &r.spent.value))
        r.spent.value = std::numeric_limits<std::int64_t>::max();
}

/// Runs leave the queue at its front, but for those that are cancelled while they wait.
void forget_waiting(agent_state& a, run_id run) {
    const auto it = std::find(a.waiting.begin(), a.waiting.end(), run);
    if (it != a.waiting.end()) a.waiting.erase(it);
}

void count_repeat(run_state& r, std::uint32_t binding, const digest& arguments) {
    const bool again = r.repeated > 0 && r.repeated_binding == binding && r.repeated_hash == arguments;
    r.repeated = again ? r.repeated + 1 : 1;
    r.repeated_binding = binding;
    r.repeated_hash = arguments;
}

std::string first_user_text(const loop_brain& brain, const payload& body) {
    if (body.is_null()) return brain.goal;
    return brain.goal + "\n\n" + std::string(body.text());
}

} // namespace

void apply(run_state& r, const run_started&, instant at) {
    r.started = true;
    r.started_at = at;
    r.deadline = at + r.snapshot->limits.run_timeout;
    if (r.halted_at != instant::max()) r.halted_at = at;
    if (const auto* loop = std::get_if<loop_brain>(&r.snapshot->brain)) {
        if (!loop->system.empty()) r.messages = r.messages.appended(system_message(loop->system));
        r.messages = r.messages.appended(user_message(first_user_text(*loop, r.trigger_body)));
    } else {
        r.results.assign(std::get<steps_brain>(r.snapshot->brain).steps.size(), {});
    }
}

void apply(run_state& r, const model_requested& e, instant at) {
    r.last_call = e.call.value;
    ++r.model_turns;
    r.reserved.value += e.reserved.value;
    r.open.push_back({.call = e.call,
                      .kind = call_kind::model,
                      .binding = no_binding,
                      .reserved = e.reserved,
                      .started_at = at,
                      .deadline = e.deadline,
                      .arguments = {}});
}

void apply(run_state& r, const model_settled& e, instant) {
    const open_call open = take_open(r, e.call);
    release_and_charge(r, open.reserved, e.cost);
    if (!e.response) return;
    const model_response& response = *e.response;
    const auto count = [](std::int64_t n) { return std::max<std::int64_t>(n, 0); };
    if (__builtin_add_overflow(r.tokens, count(response.usage.input), &r.tokens) ||
        __builtin_add_overflow(r.tokens, count(response.usage.output), &r.tokens))
        r.tokens = std::numeric_limits<std::int64_t>::max();
    r.messages = r.messages.appended(assistant_message(response, r.named_calls));
    if (response.content.is_string()) r.answer = response.content;
    if (r.paused) r.held = response;
    r.slots.clear();
    for (std::size_t i = 0; i < response.calls.size(); ++i)
        r.slots.push_back({.ordinal = r.named_calls++, .content = {}});
}

void apply(run_state& r, const call_refused& e, instant) {
    r.last_call = e.call.value;
    count_repeat(r, e.binding, e.arguments_hash);
    if (r.slots.empty()) return;
    turn_slot& slot = r.slots.at(e.step);
    slot.done = slot.failed = true;
    slot.content = to_payload(*e.why);
}

void apply(run_state& r, const call_intended& e, instant at) {
    r.last_call = e.call.value;
    ++r.skill_calls;
    r.reserved.value += e.reserved.value;
    count_repeat(r, e.binding, e.arguments_hash);
    r.open.push_back({.call = e.call,
                      .kind = call_kind::skill,
                      .step = e.step,
                      .binding = e.binding,
                      .reserved = e.reserved,
                      .started_at = at,
                      .deadline = e.deadline,
                      .arguments = e.arguments,
                      .arguments_hash = e.arguments_hash,
                      .idempotency_key = e.idempotency_key});
}

void apply(run_state& r, const call_settled& e, instant at) {
    const open_call open = take_open(r, e.call);
    release_and_charge(r, open.reserved, e.cost);
    if (r.halted_at != instant::max()) keep_halted(r, at);
    const skill_contract& skill = *r.snapshot->bindings[e.binding].skill;
    // What was unknown is settled by the first answer that is not; until then it is remembered once.
    std::erase_if(r.unknown_writes, [&](const unknown_write& u) { return u.idempotency_key == open.idempotency_key; });
    if (skill.effect == effect_class::write && e.outcome == effect_outcome::unknown)
        r.unknown_writes.push_back({e.binding, open.arguments_hash, open.idempotency_key});
    if (skill.effect == effect_class::write && e.outcome != effect_outcome::failed)
        r.side_effects.push_back({skill.side_effects.empty() ? skill.id : skill.side_effects.front(), skill.id});
    if (r.slots.empty()) {
        if (e.step < r.results.size()) r.results[e.step] = {e.outcome == effect_outcome::ok, e.result};
        return;
    }
    turn_slot& slot = r.slots.at(e.step);
    slot.done = true;
    slot.failed = e.outcome != effect_outcome::ok;
    slot.content = e.result;
    const auto& ends = std::get<loop_brain>(r.snapshot->brain).ends_after;
    slot.ends_run =
        !slot.failed && std::find(ends.begin(), ends.end(), r.snapshot->bindings[e.binding].as) != ends.end();
}

void apply(run_state& r, const step_finished& e, instant) {
    r.next_step = e.step + 1;
    if (e.status == outcome_status::failure) ++r.failed_steps;
}

void apply(run_state& r, const turn_completed&, instant) {
    for (const turn_slot& slot : r.slots)
        r.messages = r.messages.appended(tool_message(call_name(slot.ordinal), slot.content, slot.failed));
    r.slots.clear();
}

void apply(run_state& r, const user_asked& e, instant at) {
    r.last_call = e.call.value;
    r.open.push_back({.call = e.call,
                      .kind = call_kind::user,
                      .binding = no_binding,
                      .started_at = at,
                      .deadline = r.deadline,
                      .arguments = e.text});
}

void apply(run_state& r, const user_answered& e, instant) {
    take_open(r, e.call);
    if (const auto text = as_string(e.message)) r.messages = r.messages.appended(user_message(*text));
}

void apply(run_state& r, const timer_armed& e, instant) { r.watchdog = e.due; }

void apply(run_state& r, const call_parked& e, instant at) {
    open_at(r, e.call).parked = true;
    keep_halted(r, at);
}

/// An attempt may have taken effect, and another one under its key follows.
void remember_doubt(run_state& r, const open_call& o) {
    if (o.kind != call_kind::skill) return;
    if (r.snapshot->bindings[o.binding].skill->effect != effect_class::write) return;
    if (!r.is_in_doubt(o.idempotency_key)) r.unknown_writes.push_back({o.binding, o.arguments_hash, o.idempotency_key});
}

void apply(run_state& r, const call_resent& e, instant at) {
    open_call& o = open_at(r, e.call);
    // Not one that waited for its time, nor one of which a person has said that it did not happen.
    if (o.retry_at == instant::max() && !o.parked) remember_doubt(r, o);
    o.parked = false;
    o.retry_at = instant::max();
    o.deadline = e.deadline;
    release_and_charge(r, {}, e.lost);
    keep_halted(r, at);
}

void apply(run_state& r, const call_retry_planned& e, instant) {
    open_call& o = open_at(r, e.call);
    if (e.outcome == effect_outcome::unknown) remember_doubt(r, o);
    o.attempt = e.attempt;
    o.retry_at = e.due;
    o.deadline = e.due;
    release_and_charge(r, {}, e.lost);
}

void apply(run_state& r, const run_paused&, instant at) {
    r.paused = true;
    keep_halted(r, at);
}

void apply(run_state& r, const run_resumed&, instant at) {
    r.paused = false;
    r.held.reset();
    keep_halted(r, at);
}

void apply(engine_state& s, const agent_activated& e, instant at) {
    AIVP_ASSERT(e.agent.value >= 1 && e.agent.value <= s.agents.size() + 1, "agents are numbered without gaps");
    if (e.agent.value > s.agents.size()) s.agents.emplace_back();
    agent_state& a = s.agents[e.agent.value - 1];
    a.id = e.agent;
    a.snapshot = e.snapshot;
    a.retired = false;
    a.due.assign(e.snapshot->triggers.size(), instant::max());
    if (!s.retry_accounts.empty()) forget_idle_accounts(s, at);
}

void apply(engine_state& s, const agent_retired& e, instant) {
    agent_state& a = agent_at(s, e.agent);
    a.retired = true;
    std::fill(a.due.begin(), a.due.end(), instant::max());
}

void apply(engine_state& s, const trigger_armed& e, instant) { agent_at(s, e.agent).due.at(e.trigger) = e.due; }

void apply(engine_state& s, const trigger_accepted& e, instant) {
    agent_state& a = agent_at(s, e.agent);
    run_state& r = s.runs[e.run];
    r.id = e.run;
    r.agent = e.agent;
    r.trigger = e.trigger;
    r.snapshot = a.snapshot;
    r.effect_seed = effect_seed_of(s.journal, e.run, *a.snapshot);
    r.trigger_body = e.body;
    r.scheduled_for = e.scheduled_for;
    s.last_run = e.run.value;
    if (e.waits)
        a.waiting.push_back(e.run);
    else
        a.active = e.run;
}

void apply(engine_state& s, const journal_opened& e, instant) { s.journal = e.name; }

void apply(engine_state& s, const time_lost& e, instant) {
    for (auto& [id, r] : s.runs) {
        // A run that stands still loses nothing: its deadline moves on by all of that time when it goes on.
        if (r.started && r.halted_at == instant::max()) r.deadline = r.deadline + e.by;
        for (open_call& o : r.open) {
            // A planned attempt is not put off: what it waits for went on without us.
            if (o.retry_at == instant::max()) o.deadline = o.deadline + e.by;
        }
    }
}

void apply(engine_state& s, const run_finished& e, instant) {
    agent_state& a = agent_at(s, run_at(s, e.run).agent);
    if (a.active == e.run)
        a.active = {};
    else
        forget_waiting(a, e.run);
    s.runs.erase(e.run);
    ++s.finished_runs;
}

void evolve(engine_state& state, const engine_event& event, instant at) {
    std::visit(
        [&](const auto& e) {
            using event_type = std::decay_t<decltype(e)>;
            if constexpr (requires(run_state& r) { apply(r, e, at); }) {
                run_state& r = run_at(state, e.run);
                if constexpr (requires { keep_accounts(state, r, e, at); }) keep_accounts(state, r, e, at);
                apply(r, e, at);
                if constexpr (std::is_same_v<event_type, run_started>) {
                    agent_state& a = agent_at(state, r.agent);
                    forget_waiting(a, e.run);
                    a.active = e.run;
                }
            } else if constexpr (requires { apply(state, e, at); }) {
                apply(state, e, at);
            }
        },
        event);
}

const char* event_name(const engine_event& e) {
    static constexpr const char* names[] = {
        "agent_activated", "agent_retired",      "trigger_armed",  "trigger_accepted",   "trigger_refused",
        "run_started",     "model_requested",    "model_settled",  "call_refused",       "call_intended",
        "call_settled",    "step_finished",      "turn_completed", "user_asked",         "user_answered",
        "timer_armed",     "completion_ignored", "run_finished",   "journal_opened",     "recovered",
        "time_lost",       "call_parked",        "call_resent",    "call_retry_planned", "run_paused",
        "run_resumed"};
    static_assert(std::size(names) == std::variant_size_v<engine_event>);
    return names[e.index()];
}

run_id run_of(const engine_event& e) {
    return std::visit(
        [](const auto& x) -> run_id {
            if constexpr (requires { x.run; })
                return x.run;
            else
                return {};
        },
        e);
}

const char* effect_name(const engine_effect& e) {
    static constexpr const char* names[] = {"model_call", "skill_call", "user_question", "timer_request",
                                            "call_cancel"};
    static_assert(std::size(names) == std::variant_size_v<engine_effect>);
    return names[e.index()];
}

} // namespace aivp
