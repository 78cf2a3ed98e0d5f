#include "runtime/providers/process_provider.hpp"

#include <algorithm>
#include <utility>

#include "runtime/os/deadline.hpp"
#include "runtime/os/program.hpp"

namespace aivp {

namespace {

constexpr duration turn_time_default = seconds(60);
/// As a number of milliseconds that a duration can hold.
constexpr std::int64_t wait_ms_max = 1'000'000'000'000;

errc code_of(const process_answer& answer) {
    const auto* const known = find_error(answer.code);
    if (!known || known->name != answer.code) return errc::model_failed;
    if (known->code == errc::rate_limited) return errc::model_rate_limited;
    // Whether a turn has happened is not in doubt: it only proposes.
    return answer.code.starts_with("model.") && known->code != errc::model_unknown ? known->code : errc::model_failed;
}

model_completion failed_turn(call_ref ref, errc code, std::string message) {
    return {ref, effect_outcome::failed, {}, code, std::move(message), {}};
}

model_completion completion_of(call_ref ref, const result<process_result>& end) {
    auto answer = answer_of(end, &parse_process_answer);
    if (!answer) return failed_turn(ref, answer.error().code, "the agent's program: " + answer.error().message);
    if (answer->ok) return {ref, effect_outcome::ok, std::move(answer->response), errc::ok, {}, {}};
    model_completion failed = failed_turn(ref, code_of(*answer),
                                          "the agent's program says: " + answer->code +
                                              (answer->message.empty() ? "" : ": ") + answer->message);
    if (answer->retry_after_ms) failed.retry_after = milliseconds(std::min(*answer->retry_after_ms, wait_ms_max));
    return failed;
}

} // namespace

process_provider::process_provider(process_starter& processes, clock_port& clock, std::string folder, turn_lookup turns)
    : processes_(processes), clock_(clock), folder_(std::move(folder)), turns_(std::move(turns)) {}

process_provider::~process_provider() {
    for (const auto& [ref, ticket] : open_) processes_.cancel(ticket);
}

void process_provider::call(const model_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const auto turn = turns_(request.run);
    if (!turn)
        return sink.model_done(failed_turn(ref, errc::connector_missing,
                                           "no program decides for the agent " + std::string(request.agent)));
    const duration left = time_until(request.deadline, clock_.now());
    if (left <= duration{})
        return sink.model_done(failed_turn(ref, errc::limit_step_time,
                                           "the turn's deadline has passed before the agent's program could start"));
    const brain_program& program = turn->program;
    program_command command = command_in(program.command, folder_);
    const duration most = program.wall_time > duration{} ? program.wall_time : turn_time_default;
    const process_spec spec{
        std::move(command.words),   std::string(process_turn_document(request, *turn).text()) + "\n",
        std::min(most, left),       program.memory_bytes,
        program.output_bytes,       program.sandbox,
        std::move(command.readable)};
    const auto started = processes_.start(spec, [this, ref, &sink](result<process_result> end) {
        open_.erase(ref);
        sink.model_done(completion_of(ref, end));
    });
    if (!started)
        return sink.model_done(
            failed_turn(ref, started.error().code, "the agent's program: " + started.error().message));
    open_[ref] = *started;
}

void process_provider::cancel(call_ref ref) {
    const auto found = open_.find(ref);
    if (found == open_.end()) return;
    processes_.cancel(found->second);
    open_.erase(found);
}

} // namespace aivp
