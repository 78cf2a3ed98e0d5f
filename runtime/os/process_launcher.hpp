// Starts programs and sees to it that they end: in time, within their caps, with everything that they have started.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "aivp/base/id.hpp"
#include "aivp/ports/services.hpp"
#include "runtime/os/event_loop.hpp"
#include "runtime/os/sandbox.hpp"

namespace aivp {

using process_ticket = id<struct process_tag>; ///< one start; never used twice by a launcher

/// A process port whose processes can be cancelled.
class process_starter : public process_port {
public:
    using done_function = std::function<void(result<process_result>)>;

    /// `done` is called once, later, on the loop's thread, or never when the start fails or is cancelled.
    virtual result<process_ticket> start(const process_spec& spec, done_function done) = 0;
    /// Ends it; `done` will not be called. Nothing happens when it has ended already.
    virtual void cancel(process_ticket ticket) = 0;

    result<void> run(const process_spec& spec, done_function done) override {
        AIVP_CHECK(start(spec, std::move(done)));
        return {};
    }
};

/// The absolute path of the program that a command's first word means. Errors: io.not_found, process.start,
/// config.not_supported.
result<std::string> find_program(const std::string& name);

/// Whether an error of a process port says that the program never ran, and so cannot have done anything.
bool never_started(errc code);

struct process_launcher_options {
    std::size_t concurrent_max = 8;       ///< more wait in a queue
    std::size_t queued_max = 1024;        ///< still more are refused
    std::uint64_t memory_bytes_total = 0; ///< sum of the memory caps of what runs at once; 0 = no such budget
    duration kill_grace = seconds(2);     ///< between SIGTERM and SIGKILL
    // For specs that say nothing (0):
    duration wall_time_default = seconds(60);
    std::uint64_t memory_bytes_default = 512u << 20;
    std::uint64_t output_bytes_default = 1u << 20;
    std::string profile_default = "bwrap";
    // For all:
    std::uint64_t log_bytes_max = 16u << 10; ///< the last ones are kept
    std::uint64_t file_bytes_max = 64u << 20;
    std::uint64_t open_files_max = 256;
    std::uint64_t processes_max = 64;           ///< on top of what the user runs at the start; not enforced for root
    std::vector<std::string> environment_names; ///< variables that are passed on, where set
    std::vector<std::string> readable; ///< absolute paths that profile bwrap shows, read-only, besides the system
    std::string scratch_folder;        ///< private folders are made in it; empty = TMPDIR, else /tmp
    bool scratch_on_demand = false;    ///< scratch_folder is made when a program needs it, and removed when none does
    std::string bwrap_program;         ///< empty = looked for where programs are
    bool probe_bwrap = true;           ///< false: bwrap is not supported
    bool use_pidfd = true;             ///< false: SIGCHLD tells of ends, as where the kernel has no pidfd
    /// Makes this process the parent of what its descendants leave behind, so that it can be ended. While it is on,
    /// children of this process in a session other than its own are taken for that, whoever started them; so only one
    /// launcher of a process may have it on.
    bool adopt_orphans = true;
};

/// Programs get: an environment of PATH, LANG, HOME, TMPDIR, AIVP_PROCESS and the allowed names; a private empty folder as
/// current one, removed at the end; the input as a file on stdin; a session and process group of their own; no other
/// descriptor. The command's first word is an absolute path or a name that is looked for in the usual folders.
///
/// Results: an exit code with output and log; `killed` and 128 + the signal when it ended by a signal that nobody here
/// sent. Errors in done(): limit.step_time (wall clock), limit.output, process.memory (it failed and came near its cap: a
/// judgement by the kernel's peak of its memory, which is not made when the host itself has ever been larger than that
/// cap), process.died (somebody else reaped it), and for one that had to wait also those of start(). An error's context has
/// the end of its log as "log". Whatever happens, after done() none of its processes is left in the profile bwrap and, as
/// far as they can be found, in none and rlimits: what leaves the session, clears its environment and is adopted is found,
/// and ended when the next program ends.
///
/// Errors of start(): config.not_supported (profile, empty command, more memory than the budget, queue full), io.not_found,
/// process.start, sandbox.unavailable (this machine cannot meet the profile, or the profile hides the program).
///
/// Threads: the loop's. Children are killed when that thread ends. The loop outlives the launcher; its end kills what runs
/// and waits for it, without calling done(). done() must not end the launcher.
class process_launcher final : public process_starter {
public:
    using options = process_launcher_options;

    explicit process_launcher(event_loop& loop, options o = {});
    ~process_launcher() override;

    result<process_ticket> start(const process_spec& spec, done_function done) override;
    void cancel(process_ticket ticket) override;

    /// The sandbox is probed when it is first needed or asked for, by starting a program in it, which takes some 10 ms.
    const sandbox_support& sandboxes() const;
    std::size_t running() const; ///< with those that are being ended
    std::size_t queued() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace aivp
