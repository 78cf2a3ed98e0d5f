// The inside of a live host. Members stand in the order in which they are needed: the last one goes first.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "aivp/engine/call_guard.hpp"
#include "runtime/daemon/agent_library.hpp"
#include "runtime/daemon/internal/gathering_sink.hpp"
#include "runtime/daemon/internal/live_ports.hpp"
#include "runtime/daemon/live_host.hpp"
#include "runtime/daemon/probe_watch.hpp"
#include "runtime/daemon/secrets.hpp"
#include "runtime/net/http_client.hpp"
#include "runtime/os/live_clock.hpp"
#include "runtime/os/live_timers.hpp"
#include "runtime/os/pid_lock.hpp"
#include "runtime/os/scratch_root.hpp"
#include "runtime/store/projector.hpp"

namespace aivp {

namespace internal {

/// The clock as the engine reads it: what a reading finds out is told before the engine takes what it reads it for.
class watched_clock final : public clock_port {
public:
    watched_clock(live_clock& clock, std::function<void(const clock_change&)> note)
        : clock_(clock), note_(std::move(note)) {}
    instant now() override {
        const instant t = clock_.now();
        for (const clock_change& change : clock_.take_changes()) note_(change);
        return t;
    }

private:
    live_clock& clock_;
    std::function<void(const clock_change&)> note_;
};

} // namespace internal

struct live_host::impl final : private driver_observer {
    impl(event_loop& l, live_host_options o, pid_lock held, std::unique_ptr<sqlite_store> opened);
    ~impl() override;

    // ---- start-up, in this order
    void make_scratch();
    result<void> make_ports();
    result<void> recover_state(instant last_sign_of_life);
    result<void> resume_held();
    void load_agents();
    void begin_ticking();

    // ---- agents
    std::size_t load_all();
    std::vector<std::string> agent_files(std::vector<error>& errors) const;
    result<bool> activate_if_new(const snapshot_ptr& agent, const source_texts& texts);
    void retire_missing(const std::set<std::string>& loaded);
    void warn_of_configuration();
    void warn_of_missing_ports(const agent_snapshot& agent);
    const agent_state* find_agent(std::string_view id) const;
    error no_such_agent(std::string_view id) const;
    std::optional<process_turn> turn_of(run_id run) const;

    // ---- inputs from people
    result<void> ready() const;
    result<void> submit_now(engine_input input, input_source source = input_source::operator_);
    result<void> submit_for_run(run_id run, engine_input input);

    // ---- running
    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record& record) override;
    void log_event(const engine_event& e);
    void note_commit_failure();
    void try_again();
    void lose(const error& e);
    void note_clock_change(const clock_change& change);
    void tick();
    void save_snapshot();
    result<void> catch_up(std::uint64_t records_max);

    // ---- the end
    void begin_stop(std::function<void()> stopped);
    void hold_runs();
    std::size_t calls_under_way() const;
    void look_whether_stopped();
    void finish_stop();

    void log(log_level level, const std::string& text) const {
        if (options.log) options.log(level, text);
    }

    event_loop& loop;
    live_host_options options;
    probe_watch probes;
    pid_lock lock;
    std::unique_ptr<sqlite_store> store;
    agent_library library;
    live_secrets secrets;
    live_clock clock;
    internal::watched_clock engine_clock;
    internal::gathering_sink sink;
    internal::watched_store commits;
    http_client http;
    std::optional<scratch_root> scratch;
    std::unique_ptr<process_launcher> launcher;
    std::unique_ptr<subprocess_connector> programs;
    std::unique_ptr<http_connector> calls;
    std::unique_ptr<process_provider> deciders;
    internal::skill_router skills;
    internal::model_router models;
    internal::waiting_questions questions;
    call_guard guard;
    guarded_connector guarded_skills;
    guarded_model_provider guarded_models;
    internal::gathered_connector edge_skills;
    internal::gathered_models edge_models;
    internal::gathered_users edge_users;
    live_timers timers;
    driver engine;
    projector tables;

    std::vector<error> agent_problems;
    std::list<std::function<bool(seq_no, std::string_view)>> followers;
    std::vector<engine_event>* capture = nullptr; ///< the events of an operator's input go here

    std::optional<error> degraded;
    duration retry_after;
    std::function<void(const error&)> lost;

    instant started_at;
    seq_no snapshot_seq;
    instant snapshot_at;
    instant heartbeat_at;
    seq_no ticked_seq;
    seq_no projected_seq;

    bool stopping = false;
    bool finished = false;
    std::set<run_id> held;
    std::function<void()> stopped;

    loop_handle retry_timer;
    loop_handle tick_timer;
    loop_handle grace_timer;
    /// Gone with the host: what was posted to the loop looks at it first.
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

} // namespace aivp
