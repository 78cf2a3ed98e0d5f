// One process, one thread, one event loop: the engine with the system plugged in. It owns the state folder while it lives.
// docs/runbook.md says what it does when something breaks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/engine/driver.hpp"
#include "runtime/codec/diagnostics.hpp"
#include "runtime/daemon/config.hpp"
#include "runtime/os/event_loop.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

enum class log_level : std::uint8_t { info, warning, error };

struct live_host_options {
    daemon_config config;
    /// For one run: the agents of the configuration are not loaded, and no trigger fires by itself.
    bool one_shot = false;
    std::function<void(log_level level, const std::string& text)> log; ///< for people; may be empty
};

/// Threads: the loop's. The loop outlives it. Its end without stop() is like a crash: the next one takes up what was open.
class live_host {
public:
    /// Takes the folder, recovers, loads the agents. Errors: daemon.running, io.*, those of sqlite_store::open() and
    /// read_state(), config.value (an address of the configuration), store.commit_failed. An agent file that is wrong is
    /// logged with all its errors, and what was active before stays.
    static result<std::unique_ptr<live_host>> start(event_loop& loop, live_host_options options);
    ~live_host();
    live_host(const live_host&) = delete;
    live_host& operator=(const live_host&) = delete;

    // What people ask for. While the store does not work: its error, and nothing happens. While stopping:
    // daemon.unreachable.

    /// Loads and activates one agent file, unless it is active already. Errors: config.value, after all the file's errors
    /// were appended.
    result<snapshot_ptr> activate(const std::string& path, std::vector<error>& errors, source_texts& texts);
    /// Reads the agents of the configuration again. The number of agents that changed.
    std::size_t reload();
    /// Errors: trigger.no_agent, and the code with which the trigger was refused.
    result<run_id> start_run(std::string_view agent, const payload& body);
    result<void> publish(const std::string& type, const payload& body);
    /// Errors of these: run.not_found, and usage.invalid when it changes nothing (a run that is not paused, a call that is
    /// not parked).
    result<void> cancel(run_id run, const std::string& reason);
    result<void> pause(run_id run, const std::string& reason);
    result<void> resume(run_id run);
    result<void> resolve(call_ref ref, call_finding finding, const payload& result_of_call, const std::string& note);
    result<void> answer(run_id run, const std::string& text, bool ended);

    /// What the run has asked and nobody has answered; nullopt when there is nothing.
    std::optional<payload> question_of(run_id run) const;

    /// As sqlite_store::query(), with tables that know everything up to now; while the store does not work, up to some time
    /// before.
    result<query_result> query(std::string_view sql, std::size_t rows_max);
    snapshot_source& snapshots();
    const engine_state& state() const;
    /// {"aivp","agents","error","pid","probes","questions","records","runs","started_at","state","store","version"}.
    payload status() const;

    /// `fn` gets the line of each record, canonical JSON, after its commit, until it returns false.
    void follow(std::function<bool(seq_no seq, std::string_view line)> fn);

    /// Nothing new begins; runs are held, calls under way may end within the grace. Then the state is saved and `stopped` is
    /// called. Held runs go on at the next start.
    void stop(std::function<void()> stopped);
    bool is_stopping() const;
    bool is_degraded() const;
    /// Somebody else has taken the store over, or it cannot be worked with any more: the process has to end.
    void when_lost(std::function<void(const error&)> fn);

private:
    struct impl;
    explicit live_host(std::unique_ptr<impl> made);
    std::unique_ptr<impl> impl_;
};

} // namespace aivp
