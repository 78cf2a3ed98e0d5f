// Agents that are programs: one start for each turn, a JSON line on stdin, a JSON line on stdout.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/model_provider.hpp"
#include "runtime/os/process_launcher.hpp"
#include "runtime/providers/process_answer.hpp"

namespace aivp {

/// Completions: ok; failed with connector.missing (the run has no program), with what the program says went wrong (its code
/// when it is one of model.*, model.rate_limited for rate.limited, else model.failed), or with why it gave no answer:
/// process.died, process.protocol, process.memory, limit.output, limit.step_time, and the launcher's codes when it never
/// ran. Never unknown: a turn only proposes, so it can be asked for again.
///
/// Threads: the loop's. Clock and starter outlive it. A call's sink outlives its answer; turns that are open at the
/// provider's end are cancelled.
class process_provider final : public model_provider {
public:
    /// The turn of an open run; nullopt when there is no such run, or when a model decides for it.
    using turn_lookup = std::function<std::optional<process_turn>(run_id)>;

    /// `folder` is absolute: what `{folder}` in a command stands for.
    process_provider(process_starter& processes, clock_port& clock, std::string folder, turn_lookup turns);
    ~process_provider() override;

    void call(const model_request& request, completion_sink& sink) override;
    /// Ends the program; no completion follows.
    void cancel(call_ref ref) override;
    std::size_t open_calls() const { return open_.size(); }

private:
    process_starter& processes_;
    clock_port& clock_;
    std::string folder_;
    turn_lookup turns_;
    std::map<call_ref, process_ticket> open_;
};

} // namespace aivp
