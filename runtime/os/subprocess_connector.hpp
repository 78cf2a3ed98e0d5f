// Skills that are programs: one start for each call, a JSON request on stdin, a JSON answer on stdout.
//
//   request  {"skill", "version", "run", "call", "key", "arguments", "deadline"}; key is 32 hex digits or null, deadline an
//            instant in RFC 3339 or null
//   answer   {"ok": result} or {"error": {"code", "message"?, "retry_after_ms"?}}; stderr is for people
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/connector.hpp"
#include "runtime/os/process_launcher.hpp"

namespace aivp {

/// How a skill is run; numbers that are 0 and an empty profile: the launcher's own.
struct subprocess_skill {
    std::vector<std::string> command;
    std::string sandbox_profile;
    duration wall_time_max;
    std::uint64_t memory_bytes_max = 0;
    std::uint64_t output_bytes_max = 0;
    std::vector<std::string> readable = {}; ///< absolute paths that its sandbox shows as well, read-only
};

/// The document that a skill reads. Pure.
payload skill_request_document(const skill_request& request);

/// Completions: ok. failed: the skill answered with an error (its code when errors.def has it and it is one of skill.*
/// or rate.limited, else skill.unavailable when it says when to retry, else skill.failed; `result` holds {"error",
/// "message", "retry_after_ms"?}), or the program never ran (process.start, io.not_found, sandbox.unavailable,
/// config.not_supported, connector.missing), or nothing could happen because the call changes nothing. unknown: a write
/// whose program started and gave no valid answer (process.died, process.protocol, process.memory, limit.output,
/// limit.step_time), or that says so itself (skill.outcome_unknown).
///
/// An "ok" counts only from a program that exits with 0; an "error" from one that exits with any code.
/// Threads: the loop's. Clock and starter outlive it. A call's sink outlives its answer; calls that are open at the
/// connector's end are cancelled.
class subprocess_connector final : public connector_port {
public:
    using skill_table = std::map<std::string, subprocess_skill, std::less<>>; ///< by skill id

    subprocess_connector(process_starter& processes, clock_port& clock, skill_table skills);
    ~subprocess_connector() override;

    void call(const skill_request& request, completion_sink& sink) override;
    /// Ends the program; no completion follows.
    void cancel(call_ref ref) override;
    bool serves(std::string_view skill) const { return skills_.contains(skill); }
    std::size_t open_calls() const { return open_.size(); }

private:
    process_starter& processes_;
    clock_port& clock_;
    skill_table skills_;
    std::map<call_ref, process_ticket> open_;
};

} // namespace aivp
