// What people and restarts do to runs: recovery, pause and resume, a finding about a parked call, cancelling.
#include <algorithm>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/base/probe.hpp"
#include "aivp/skill/secret_reference.hpp"
#include "runtime/engine/internal/engine_step.hpp"

namespace aivp {

/// Null when there is no such run; that is then recorded.
run_state* engine_step::known_run(run_id run, const char* otherwise) {
    const auto it = state_.runs.find(run);
    if (it != state_.runs.end()) return &it->second;
    emit(completion_ignored{run, {}, otherwise});
    return nullptr;
}

void engine_step::on(const open_journal& in) {
    // A name that changes would change the keys of effects that were recorded under the old one.
    if (state_.journal || state_.last_run != 0) {
        emit(completion_ignored{{}, {}, "the journal has a name, or runs without one, already"});
        return;
    }
    emit(journal_opened{in.name});
}

// ---- recovery ----------------------------------------------------------------------------------------------------------

void engine_step::on(const recover& in) {
    if (in.away.us > 0) emit(time_lost{in.away});
    recovered counts;
    std::vector<run_id> runs;
    for (const auto& [id, r] : state_.runs)
        if (r.started) runs.push_back(id);
    // A run that ends here starts the next one of its agent, whose calls are new: only those that were there are looked at.
    for (const run_id id : runs)
        if (const auto it = state_.runs.find(id); it != state_.runs.end()) take_up_again(it->second, counts);
    AIVP_SOMETIMES(counts.resent > 0, "recovery: an open call is sent again");
    AIVP_SOMETIMES(counts.parked > 0, "recovery: a write is parked for a person");
    emit(counts);
    request_timers();
}

void engine_step::on(const wake& in) {
    if (in.slept.us > 0) emit(time_lost{in.slept});
}

/// The host's timers are gone with the process: every one that should be armed is asked for.
void engine_step::request_timers() {
    for (const agent_state& a : state_.agents)
        for (std::uint32_t t = 0; t < a.due.size(); ++t)
            if (a.due[t] != instant::max())
                out_.effects.emplace_back(timer_request{{timer_key::kind::trigger, a.id.value, t}, a.due[t]});
    for (const auto& [id, r] : state_.runs)
        if (r.watchdog != instant::max())
            out_.effects.emplace_back(timer_request{{timer_key::kind::run, id.value, 0}, r.watchdog});
}

void engine_step::take_up_again(run_state& r, recovered& counts) {
    if (ends_overdue(r)) return;
    const run_id id = r.id;
    const std::vector<open_call> open = r.open;
    for (const open_call& o : open) {
        // A planned attempt is not under way: its timer is armed again, and that is all it needs.
        AIVP_SOMETIMES(o.retry_at != instant::max(), "recovery: a planned attempt is kept");
        if (o.parked || o.retry_at != instant::max()) continue;
        take_up_again(r, o, counts);
        if (!state_.find(id)) return;
    }
    arm_watchdog(r);
}

/// What can be sent again under its key is; a write for which nobody can say whether it happened waits for a person.
void engine_step::take_up_again(run_state& r, const open_call& o, recovered& counts) {
    if (o.kind == call_kind::model) {
        if (ask_model_again(r, o)) ++counts.resent;
        return;
    }
    if (o.kind == call_kind::user) {
        emit(r, call_resent{r.id, o.call, deadline_of(r), {}});
        out_.effects.emplace_back(user_question_effect{{r.id, o.call}, r.snapshot, o.arguments, r.messages});
        ++counts.resent;
        return;
    }
    const skill_contract& skill = *r.snapshot->bindings[o.binding].skill;
    const bool whole = o.arguments.hash() == o.arguments_hash;
    const bool repeatable = skill.effect != effect_class::write || skill.takes_key || skill.idempotent;
    if (repeatable && whole) {
        call_skill_again(r, o);
        ++counts.resent;
    } else if (skill.effect != effect_class::write) {
        AIVP_REACHABLE("recovery: a read cannot be sent again without its secrets");
        settle(r, o, effect_outcome::failed, {}, errc::run_interrupted,
               "the host stopped before the answer, and the arguments were recorded without their secrets");
    } else {
        emit(r, call_parked{r.id, o.call, errc::call_parked,
                            "the host stopped before the answer of " + skill.id +
                                ", and it cannot be sent again under a key"});
        ++counts.parked;
    }
}

/// The lost attempt may have been billed; false when the budget does not allow for both, and then the run has ended.
bool engine_step::ask_model_again(run_state& r, const open_call& o) {
    if (!affords_another(r, o.reserved)) {
        AIVP_REACHABLE("recovery: asking the model again does not fit the budget");
        emit(r, model_settled{r.id, o.call, effect_outcome::unknown, nullptr, errc::run_interrupted,
                              "the host stopped before the answer", o.reserved});
        finish(r, outcome_status::failure, errc::budget_exhausted,
               "asking the model once more does not fit limits.budget_usd");
        return false;
    }
    send_model_again(r, o, o.reserved);
    return true;
}

/// The call's own reservation stands already; what was lost comes on top.
bool engine_step::affords_another(const run_state& r, usd_micros lost) const {
    const auto committed = checked_add(r.spent, r.reserved);
    const auto total = committed ? checked_add(*committed, lost) : committed;
    return total && *total <= r.snapshot->limits.budget;
}

void engine_step::send_model_again(run_state& r, const open_call& o, usd_micros lost) {
    const auto& brain = std::get<loop_brain>(r.snapshot->brain);
    const instant deadline = std::min(at_ + r.snapshot->limits.step_timeout, deadline_of(r));
    const digest key = request_key(r.messages, r.snapshot->tools, brain.model.params, brain.model.name);
    emit(r, call_resent{r.id, o.call, deadline, lost});
    out_.effects.emplace_back(model_call{{r.id, o.call}, r.snapshot, r.messages, key, deadline});
}

void engine_step::call_skill_again(run_state& r, const open_call& o) {
    const skill_contract& skill = *r.snapshot->bindings[o.binding].skill;
    const instant deadline = std::min(at_ + std::min(r.snapshot->limits.step_timeout, skill.timeout), deadline_of(r));
    emit(r, call_resent{r.id, o.call, deadline, {}});
    out_.effects.emplace_back(skill_call{{r.id, o.call},
                                         r.snapshot,
                                         o.binding,
                                         o.arguments,
                                         o.idempotency_key,
                                         deadline,
                                         has_secret_reference(o.arguments)});
}

// ---- operators ---------------------------------------------------------------------------------------------------------

void engine_step::on(const cancel_run& in) {
    if (run_state* r = known_run(in.run, "the run to cancel has ended"))
        finish(*r, outcome_status::skipped, errc::run_cancelled, in.reason);
}

void engine_step::on(const pause_run& in) {
    run_state* r = known_run(in.run, "the run to pause has ended");
    if (!r) return;
    if (r->paused)
        emit(completion_ignored{in.run, {}, "the run is paused already"});
    else
        emit(*r, run_paused{in.run, in.reason});
}

void engine_step::on(const resume_run& in) {
    run_state* r = known_run(in.run, "the run to resume has ended");
    if (!r) return;
    if (!r->paused) {
        emit(completion_ignored{in.run, {}, "the run is not paused"});
        return;
    }
    const std::optional<model_response> held = r->held;
    AIVP_SOMETIMES(held.has_value(), "resume: a held turn is taken");
    emit(*r, run_resumed{in.run});
    if (!r->started) return;
    read_back_ = true;
    if (held)
        take_turn(*r, std::get<loop_brain>(r->snapshot->brain), *held);
    else
        go_on(*r);
    if (const auto it = state_.runs.find(in.run); it != state_.runs.end()) arm_watchdog(it->second);
}

/// What would have been done had the run not been paused when the last answer came.
void engine_step::go_on(run_state& r) {
    if (const auto* steps = std::get_if<steps_brain>(&r.snapshot->brain)) {
        if (r.open.empty()) run_steps(r, *steps);
        return;
    }
    const auto& brain = std::get<loop_brain>(r.snapshot->brain);
    if (!r.slots.empty())
        continue_turn(r, brain);
    else if (r.open.empty())
        ask_model(r, brain);
}

void engine_step::on(const resolve_call& in) {
    run_state* r = known_run(in.ref.run, "the run of the parked call has ended");
    if (!r) return;
    const auto it = std::find_if(r->open.begin(), r->open.end(),
                                 [&](const open_call& o) { return o.call == in.ref.call && o.parked; });
    if (it == r->open.end()) {
        emit(completion_ignored{in.ref.run, in.ref.call, "the call is not parked"});
        return;
    }
    const open_call parked = *it;
    AIVP_SOMETIMES(in.finding == call_finding::happened, "resolve: a parked write did happen");
    AIVP_SOMETIMES(in.finding == call_finding::again, "resolve: a parked write is made again");
    const auto& output = r->snapshot->bindings[parked.binding].skill->output;
    if (in.finding == call_finding::happened && !in.result.is_null() && output && output->validate(in.result)) {
        emit(completion_ignored{in.ref.run, in.ref.call, "the result does not fit the skill's output schema"});
        return;
    }
    switch (in.finding) {
    case call_finding::again:
        if (parked.arguments.hash() != parked.arguments_hash) {
            emit(
                completion_ignored{in.ref.run, in.ref.call,
                                   "the arguments were recorded without their secrets: the call cannot be made again"});
            return;
        }
        call_skill_again(*r, parked);
        arm_watchdog(*r);
        return;
    case call_finding::happened: settle(*r, parked, effect_outcome::ok, in.result, errc::ok, {}); return;
    case call_finding::failed:
        settle(*r, parked, effect_outcome::failed, {}, errc::skill_failed,
               "a person found that it did not take effect" + (in.note.empty() ? "" : ": " + in.note));
        return;
    }
    AIVP_ASSERT(false, "a finding that does not exist");
}

} // namespace aivp
