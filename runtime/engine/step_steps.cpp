// The brain of a `steps` agent: one step after the other, with conditions and references to earlier results.
#include <utility>

#include "runtime/engine/internal/engine_step.hpp"

namespace aivp {

void engine_step::run_steps(run_state& r, const steps_brain& brain) {
    if (r.paused) return;
    while (r.next_step < brain.steps.size()) {
        if (ends_overdue(r)) return;
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
    payload rendered;
    if (!spec.arguments.constant()) {
        auto made = spec.arguments.render(lookup);
        if (!made) return step_failed(r, spec, index, made.error().code, made.error().message);
        rendered = std::move(*made);
    }
    const payload& arguments = spec.arguments.constant() ? spec.arguments.document() : rendered;
    const auto [intended, why] =
        propose(r, r.snapshot->bindings[spec.binding].as, arguments, index, spec.constant_validated, spec.binding);
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

} // namespace aivp
