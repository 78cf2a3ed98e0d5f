#include "runtime/os/subprocess_connector.hpp"

#include <algorithm>
#include <utility>

#include "runtime/os/deadline.hpp"
#include "runtime/os/program.hpp"
#include "runtime/os/skill_answer.hpp"

namespace aivp {

namespace {

/// A program that ran and did not answer: what it did is not known.
skill_completion without_answer(call_ref ref, effect_class effect, errc code, std::string message) {
    const auto outcome = effect == effect_class::write ? effect_outcome::unknown : effect_outcome::failed;
    return {ref, outcome, {}, code, std::move(message)};
}

errc code_of(const skill_answer& answer) {
    const auto* const known = find_error(answer.code);
    if (known && known->name == answer.code && (answer.code.starts_with("skill.") || known->code == errc::rate_limited))
        return known->code;
    return answer.retry_after_ms ? errc::skill_unavailable : errc::skill_failed;
}

skill_completion with_error(call_ref ref, const skill_answer& answer) {
    std::vector<std::pair<std::string, payload>> details{{"error", payload::of_string(answer.code)},
                                                         {"message", payload::of_string(answer.message)}};
    if (answer.retry_after_ms) details.emplace_back("retry_after_ms", payload::of_integer(*answer.retry_after_ms));
    const errc code = code_of(answer);
    const auto outcome = code == errc::skill_outcome_unknown ? effect_outcome::unknown : effect_outcome::failed;
    return {ref, outcome, payload::of_object(std::move(details)), code, answer.code + ": " + answer.message};
}

skill_completion completion_of(call_ref ref, effect_class effect, const result<process_result>& end) {
    auto answer = answer_of(end, &parse_skill_answer);
    if (!answer) {
        error& e = answer.error();
        if (never_started(e.code)) return {ref, effect_outcome::failed, {}, e.code, std::move(e.message)};
        return without_answer(ref, effect, e.code, std::move(e.message));
    }
    if (!answer->ok) return with_error(ref, *answer);
    return {ref, effect_outcome::ok, std::move(answer->result), errc::ok, {}};
}

} // namespace

payload skill_request_document(const skill_request& request) {
    return payload::of_object(
        {{"skill", payload::of_string(request.skill)},
         {"version", payload::of_string(request.skill_version)},
         {"run", payload::of_integer(static_cast<std::int64_t>(request.run.value))},
         {"call", payload::of_integer(static_cast<std::int64_t>(request.call.value))},
         {"key", request.idempotency_key ? payload::of_string(to_hex(request.idempotency_key)) : payload()},
         {"arguments", request.arguments},
         {"deadline", deadline_payload(request.deadline)}});
}

subprocess_connector::subprocess_connector(process_starter& processes, clock_port& clock, skill_table skills)
    : processes_(processes), clock_(clock), skills_(std::move(skills)) {}

subprocess_connector::~subprocess_connector() {
    for (const auto& [ref, ticket] : open_) processes_.cancel(ticket);
}

void subprocess_connector::call(const skill_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const auto failed = [&](errc code, std::string message) {
        sink.skill_done({ref, effect_outcome::failed, {}, code, std::move(message)});
    };
    const auto found = skills_.find(request.skill);
    if (found == skills_.end())
        return failed(errc::connector_missing, "no program serves the skill " + std::string(request.skill));
    const auto& skill = found->second;
    const duration left = time_until(request.deadline, clock_.now());
    if (left <= duration{})
        return failed(errc::limit_step_time, "the call's deadline has passed before its program could start");
    const duration wall_time = skill.wall_time_max > duration{} ? std::min(skill.wall_time_max, left) : left;
    const process_spec spec{skill.command,
                            std::string(skill_request_document(request).text()) + "\n",
                            wall_time,
                            skill.memory_bytes_max,
                            skill.output_bytes_max,
                            skill.sandbox_profile,
                            skill.readable};
    const auto started =
        processes_.start(spec, [this, ref, effect = request.effect, &sink](result<process_result> end) {
            open_.erase(ref);
            sink.skill_done(completion_of(ref, effect, end));
        });
    if (!started) return failed(started.error().code, started.error().message);
    open_[ref] = *started;
}

void subprocess_connector::cancel(call_ref ref) {
    const auto found = open_.find(ref);
    if (found == open_.end()) return;
    processes_.cancel(found->second);
    open_.erase(found);
}

} // namespace aivp
