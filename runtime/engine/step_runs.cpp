// Runs and their calls: the proposal through the gate, the outcome, deadlines, and the end.
#include <algorithm>
#include <utility>

#include "aivp/base/probe.hpp"
#include "aivp/skill/redact.hpp"
#include "aivp/skill/secret_reference.hpp"
#include "runtime/engine/internal/engine_step.hpp"

namespace aivp {

namespace {
/// What our own limits hold back has not been tried: it waits for its turn, and that is no attempt.
bool is_held_back(errc code) { return code == errc::rate_limited || code == errc::breaker_open; }
} // namespace

run_state* engine_step::open_run(call_ref ref, call_kind kind) {
    const auto it = state_.runs.find(ref.run);
    if (it == state_.runs.end()) {
        AIVP_REACHABLE("completion: too late, its run has ended");
        emit(completion_ignored{ref.run, ref.call, "the run has ended"});
        return nullptr;
    }
    // What a parked call's port says after all is not taken for what happened: a person was asked.
    for (const open_call& o : it->second.open)
        if (o.call == ref.call && o.kind == kind && !o.parked) return &it->second;
    AIVP_REACHABLE("completion: too late, its call is not open");
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
    // While the run stands still its own deadline does too, and a parked call has none; a person has as long as the run.
    instant due = r.halted_at == instant::max() ? r.deadline : instant::max();
    for (const open_call& o : r.open)
        if (o.kind != call_kind::user && !o.parked && !(r.paused && o.retry_at != instant::max()))
            due = std::min(due, o.deadline);
    if (r.watchdog <= due) return;
    emit(r, timer_armed{r.id, due});
    out_.effects.emplace_back(timer_request{{timer_key::kind::run, r.id.value, 0}, due});
}

void engine_step::expire(run_state& r) {
    AIVP_SOMETIMES(r.watchdog > at_, "timer: a run's timer that was moved fires early");
    if (r.watchdog > at_) return;
    emit(r, timer_armed{r.id, instant::max()});
    if (r.started && r.deadline <= at_ && r.halted_at == instant::max()) {
        AIVP_REACHABLE("run: reaped at its deadline");
        finish(r, outcome_status::failure, errc::limit_time, "the run took longer than limits.run_timeout");
        return;
    }
    const run_id id = r.id;
    const std::vector<open_call> open = r.open;
    expiring_ = id;
    for (const open_call& o : open) {
        if (o.deadline > at_ || o.parked || o.kind == call_kind::user) continue;
        if (o.retry_at != instant::max()) {
            if (!r.paused) start_attempt(r, o);
            continue;
        }
        out_.effects.emplace_back(call_cancel{{id, o.call}, o.kind});
        if (o.kind == call_kind::model) {
            AIVP_REACHABLE("model: reaped, no answer in time");
            model_failed(r, o, effect_outcome::unknown, errc::limit_step_time, "the model did not answer in time", {});
        } else {
            // A read can be called failed; a write may have happened.
            const skill_contract& skill = *r.snapshot->bindings[o.binding].skill;
            const effect_outcome how =
                skill.effect != effect_class::write ? effect_outcome::failed : effect_outcome::unknown;
            AIVP_SOMETIMES(how == effect_outcome::failed, "call: a read is reaped, no answer in time");
            AIVP_SOMETIMES(how == effect_outcome::unknown, "call: a write is reaped and unknown");
            const retry_stop stop = retry_skill(r, o, how, errc::limit_step_time, "no answer in time", {});
            if (stop != retry_stop::none) settle(r, o, how, {}, errc::limit_step_time, "no answer in time", told(stop));
        }
        if (!state_.find(id)) return;
    }
    expiring_ = {};
    arm_watchdog(r);
}

void engine_step::finish_overdue(run_state& r) {
    AIVP_REACHABLE("run: its time is over before its timer says so");
    finish(r, outcome_status::failure, errc::limit_time, "the run took longer than limits.run_timeout");
}

void engine_step::finish(run_state& r, outcome_status status, errc code, std::string message, payload details,
                         bool abstained) {
    const run_id id = r.id;
    const agent_id agent = r.agent;
    abandon_open_calls(r);
    AIVP_ALWAYS(r.open.empty() && r.reserved.value == 0, "run: ends without an open call or a reservation");
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
        AIVP_REACHABLE("run: ends before an answer that it waits for");
        out_.effects.emplace_back(call_cancel{{r.id, o.call}, o.kind});
        const std::string why = "the run ended before the answer";
        // Its last attempt has ended and was paid for; only what may be repeated can have happened all the same.
        const bool waits = o.retry_at != instant::max();
        if (o.kind == call_kind::model) {
            emit(r, model_settled{r.id, o.call, effect_outcome::unknown, nullptr, errc::model_unknown, why,
                                  waits ? usd_micros{} : o.reserved});
        } else if (o.kind == call_kind::user) {
            emit(r, user_answered{r.id, o.call, {}, true});
        } else {
            const skill_contract& skill = *r.snapshot->bindings[o.binding].skill;
            const bool write = skill.effect == effect_class::write && (!waits || skill.takes_key || skill.idempotent);
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
        AIVP_REACHABLE("run: ends with a write of which nobody knows");
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
                                                  std::uint32_t step, bool validated,
                                                  std::optional<std::uint32_t> known) {
    const call_id call{r.last_call + 1};
    gate_context c{.snapshot = *r.snapshot,
                   .run = r,
                   .now = at_,
                   .call = call,
                   .as = as,
                   .proposed = arguments,
                   .known = known,
                   .validated = validated,
                   .read_back = read_back_};
    if (refusal_ptr why = pass_gate(c)) {
        // The loop guard compares calls as they would be made: with the fixed arguments, where the gate came that far.
        const digest& proposed = c.arguments.is_null() ? arguments.hash() : c.arguments.hash();
        emit(r, call_refused{r.id, call, step, c.binding, std::string(as), proposed, why});
        return {false, std::move(why)};
    }
    emit(r, call_intended{r.id, call, step, c.binding, std::move(c.recorded), c.arguments.hash(), c.idempotency_key,
                          c.reserve, c.deadline});
    out_.effects.emplace_back(skill_call{
        {r.id, call}, r.snapshot, c.binding, std::move(c.arguments), c.idempotency_key, c.deadline, c.has_secrets});
    return {true, nullptr};
}

void engine_step::settle(run_state& r, const settled_place& open, effect_outcome outcome, payload result, errc code,
                         std::string message, retry_stop not_retried) {
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
    // Of a call that happened a person may not know what it returned.
    if (outcome == effect_outcome::ok && skill.output && !(open.parked && result.is_null())) {
        if (const auto violation = skill.output->validate(result)) {
            AIVP_REACHABLE("call: a result that does not fit its schema");
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
                         open.reserved, not_retried});
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

retry_decision engine_step::next_attempt_of(const run_state& r, const open_call& open,
                                            const attempt_failure& told) const {
    const call_dependency on = dependency_of(r, open);
    const instant end = r.halted_at == instant::max() ? r.deadline : instant::max();
    const retry_times times{open.started_at, at_, end};
    const jitter_key key{open.kind == call_kind::skill
                             ? open.idempotency_key.prefix()
                             : jitter_key_of(r.effect_seed.prefix(), r.id, "model", open.call.value).value};
    if (!on.retry->budget) return next_attempt(*on.retry, open.attempt, told, times, key);
    // A copy is asked: what takes it out is the event.
    retry_budget budget = budget_of(state_, on);
    return next_attempt(*on.retry, open.attempt, told, times, key, budget);
}

/// none when another attempt follows.
retry_stop engine_step::plan_retry(run_state& r, const open_call& open, const attempt_failure& failure, bool repeatable,
                                   const std::string& message, usd_micros lost) {
    const bool held_back =
        is_held_back(failure.code) && failure.retry_after && failure.outcome == effect_outcome::failed;
    std::uint32_t attempt = open.attempt + 1;
    instant due;
    if (held_back) {
        AIVP_SOMETIMES(failure.code == errc::rate_limited, "retry: held back by a rate");
        AIVP_SOMETIMES(failure.code == errc::breaker_open, "retry: held back by an open breaker");
        attempt = open.attempt;
        due = at_ + *failure.retry_after;
        if (r.halted_at == instant::max() && due >= r.deadline) return retry_stop::deadline;
    } else {
        attempt_failure told = failure;
        told.repeatable = repeatable;
        // These codes say only that nobody knows; whether it may be made again is the call's own.
        if (failure.code == errc::skill_outcome_unknown || failure.code == errc::model_unknown)
            told.should_retry = repeatable;
        const retry_decision again = next_attempt_of(r, open, told);
        AIVP_SOMETIMES(again.stop == retry_stop::outcome_unknown, "retry: none, the outcome is unknown");
        AIVP_SOMETIMES(again.stop == retry_stop::not_retryable, "retry: none, it would fail the same way");
        AIVP_SOMETIMES(again.stop == retry_stop::attempts, "retry: none, all attempts are used up");
        AIVP_SOMETIMES(again.stop == retry_stop::deadline, "retry: none, the deadline comes first");
        AIVP_SOMETIMES(again.stop == retry_stop::budget, "retry: none, the budget is spent");
        if (!again) return again.stop;
        AIVP_SOMETIMES(failure.outcome == effect_outcome::failed, "retry: planned after a failure");
        AIVP_SOMETIMES(failure.outcome == effect_outcome::unknown, "retry: planned after an unknown outcome");
        AIVP_SOMETIMES(again.floored, "retry: the far side asks for a longer wait");
        due = again.at;
    }
    AIVP_ALWAYS(attempt <= dependency_of(r, open).retry->max_attempts || held_back,
                "retry: no more attempts than the policy allows");
    emit(r, call_retry_planned{r.id, open.call, attempt, due, failure.code, message, lost, failure.outcome});
    arm_watchdog(r);
    return retry_stop::none;
}

retry_stop engine_step::retry_skill(run_state& r, const open_call& open, effect_outcome outcome, errc code,
                                    const std::string& message, duration retry_after) {
    const skill_contract& skill = *r.snapshot->bindings[open.binding].skill;
    // What was recorded without its secrets cannot be sent again.
    if (open.arguments.hash() != open.arguments_hash) return retry_stop::not_retryable;
    if (code == errc::ok) code = outcome == effect_outcome::failed ? errc::skill_failed : errc::skill_outcome_unknown;
    attempt_failure failure{.code = code, .outcome = outcome};
    if (retry_after.us > 0) failure.retry_after = retry_after;
    const bool repeatable = skill.effect != effect_class::write || skill.takes_key || skill.idempotent;
    return plan_retry(r, open, failure, repeatable, message, {});
}

/// A planned attempt is due.
void engine_step::start_attempt(run_state& r, const open_call& open) {
    if (open.kind == call_kind::skill)
        call_skill_again(r, open);
    else
        send_model_again(r, open, {});
}

void engine_step::on(const skill_completion& in) {
    run_state* r = open_run(in.ref, call_kind::skill);
    if (!r) return;
    const auto open =
        std::find_if(r->open.begin(), r->open.end(), [&](const open_call& o) { return o.call == in.ref.call; });
    retry_stop stop = retry_stop::none;
    if (in.outcome != effect_outcome::ok) {
        const open_call call = *open;
        if (call.retry_at != instant::max()) {
            AIVP_REACHABLE("call: a late failure while another attempt is planned");
            emit(completion_ignored{in.ref.run, in.ref.call, "another attempt is planned already"});
            return;
        }
        stop = retry_skill(*r, call, in.outcome, in.code, in.message, in.retry_after);
        if (stop == retry_stop::none) return;
        // That this attempt failed says nothing about one before it.
        if (in.outcome == effect_outcome::failed && r->is_in_doubt(call.idempotency_key)) {
            AIVP_REACHABLE("call: a failure after an attempt of which nobody knows");
            // The details of a refusal would read as the answer of a call that may have happened.
            settle(*r, call, effect_outcome::unknown, {}, errc::skill_outcome_unknown,
                   "an earlier attempt may have taken effect; the last one failed: " + in.message, told(stop));
            return;
        }
    }
    AIVP_SOMETIMES(in.outcome == effect_outcome::ok && open->retry_at != instant::max(),
                   "call: an attempt that was given up answers after all");
    settle(*r, *open, in.outcome, in.result, in.code, in.message, told(stop));
}

} // namespace aivp
