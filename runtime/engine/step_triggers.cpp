// Agents and triggers: every window of a schedule, every event and every manual start becomes a run, waits, or is refused
// with a reason.
#include <algorithm>
#include <optional>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/base/probe.hpp"
#include "runtime/engine/internal/engine_step.hpp"

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

} // namespace

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
        AIVP_REACHABLE("trigger: a due window is refused when its agent changes");
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
            AIVP_REACHABLE("trigger: too many windows were missed");
            refuse_trigger(a.id, trigger, window, errc::trigger_refused,
                           "more than " + std::to_string(missed_windows_max) + " windows were missed at once",
                           count_windows(a.snapshot->triggers[trigger].when, window, at_));
            window = at_;
        } else {
            accept(a, trigger, window, {});
        }
        AIVP_SOMETIMES(window < at_, "trigger: a window of the past is taken");
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
            AIVP_REACHABLE("trigger: a payload that does not fit");
            refuse_trigger(a.id, trigger, scheduled_for, errc::trigger_payload,
                           (violation->instance_pointer.empty() ? "the payload" : violation->instance_pointer) + ": " +
                               violation->message);
            return;
        }
    }
    const bool waits = static_cast<bool>(a.active);
    AIVP_SOMETIMES(waits, "trigger: fires while its agent is busy");
    if (waits && spec.overlap == overlap_policy::refuse) {
        AIVP_REACHABLE("trigger: refused by overlap");
        refuse_trigger(a.id, trigger, scheduled_for, errc::trigger_refused,
                       to_string(a.active) + " is under way and overlap is `refuse`");
        return;
    }
    if (waits && a.waiting.size() >= spec.queue_max) {
        AIVP_REACHABLE("trigger: refused by a full queue");
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
    AIVP_ALWAYS(!state_.runs.at(id).started, "run: starts once");
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

} // namespace aivp
