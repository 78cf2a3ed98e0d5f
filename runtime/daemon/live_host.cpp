#include "runtime/daemon/live_host.hpp"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "aivp/version.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/daemon/internal/host_impl.hpp"

namespace aivp {

namespace {

constexpr duration host_tick = seconds(1);
constexpr std::uint64_t tables_at_once = 20'000; ///< records that are derived in one go
constexpr duration retry_least = milliseconds(100);
constexpr duration retry_most = seconds(5);
// No agent's id has a colon.
constexpr const char* host_space = "aivp:host";
constexpr const char* held_key = "held_runs";

/// The folder is the owner's alone: the control socket in it obeys whoever can open it.
result<void> make_state_folder(const std::string& path) {
    std::error_code ec;
    if (!std::filesystem::exists(path, ec)) {
        std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ec);
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            return fail(errc::io_write, "the state folder cannot be made: " + std::string(std::strerror(errno)),
                        {path, 0, 0});
    }
    if (!is_folder(path)) return fail(errc::io_write, "the state folder is no folder", {path, 0, 0});
    return {};
}

/// Of the writer before, whose row our own opening replaces; the beginning of time when there was none.
instant last_heartbeat(sqlite_options options) {
    options.read_only = true;
    const auto store = sqlite_store::open(std::move(options));
    if (!store) return {};
    const auto writer = (*store)->writer();
    return writer ? writer->heartbeat_at : instant{};
}

result<effect_key> random_name() {
    effect_key name;
    std::size_t have = 0;
    while (have < name.bytes.size()) {
        const ssize_t n = ::getrandom(name.bytes.data() + have, name.bytes.size() - have, 0);
        if (n < 0 && errno != EINTR)
            return fail(errc::internal_bug, "the system gives no random bytes: " + std::string(std::strerror(errno)));
        if (n > 0) have += static_cast<std::size_t>(n);
    }
    return name;
}

http_client_options http_options(const daemon_config& c) {
    http_client_options out;
    out.egress = egress_rules(c.egress);
    out.ca_file = c.ca_file;
    return out;
}

bool wants_bwrap(const daemon_config& c) {
    return std::ranges::any_of(c.programs, [](const auto& entry) {
        return entry.second.sandbox_profile.empty() || entry.second.sandbox_profile == "bwrap";
    });
}

std::string run_name(run_id run) { return to_string(run); }

} // namespace

// ---- making ----------------------------------------------------------------------------------------------------------

live_host::impl::impl(event_loop& l, live_host_options o, pid_lock locked, std::unique_ptr<sqlite_store> opened)
    : loop(l),
      options(std::move(o)),
      probes([this](const std::string& text) { log(log_level::error, text); }),
      lock(std::move(locked)),
      store(std::move(opened)),
      library(*store),
      secrets(options.config.secret_folder),
      engine_clock(clock, [this](const clock_change& c) { note_clock_change(c); }),
      sink(loop),
      commits(*store, sink, [this] { note_commit_failure(); }),
      http(loop, http_options(options.config)),
      skills(*store, [this] { return engine.last_seq(); }),
      guarded_skills(skills, guard, clock),
      guarded_models(models, guard, clock),
      edge_skills(guarded_skills, sink),
      edge_models(guarded_models, sink),
      edge_users(questions, sink),
      timers(loop, clock, {.report = [this](const clock_change& c) { note_clock_change(c); }}),
      engine({engine_clock, timers, commits, edge_models, edge_skills, edge_users, secrets},
             {.batch_max = options.config.batch_max}),
      tables(*store) {
    sink.attach(engine);
    sink.when_handed_over([this] {
        if (stopping) look_whether_stopped();
    });
    timers.deliver_to(sink);
    engine.observe(*this);
    started_at = clock.now();
    heartbeat_at = started_at;
    snapshot_at = started_at;
}

live_host::impl::~impl() { *alive = false; }

result<std::unique_ptr<live_host>> live_host::start(event_loop& loop, live_host_options options) {
    AIVP_CHECK(make_state_folder(options.config.state_folder));
    AIVP_TRY(pid_lock lock, pid_lock::acquire(options.config.state_folder));
    if (options.log && lock.died_before())
        options.log(log_level::warning, "process " + std::to_string(lock.died_before()->pid) +
                                            " ended without giving the folder back; its work is taken up");
    sqlite_options where = options.config.store;
    const instant heartbeat = last_heartbeat(where);
    where.writer = "aivpd " + std::string(aivp::version);
    where.pid = ::getpid();
    live_clock clock;
    where.opened_at = clock.now();
    AIVP_TRY(auto store, sqlite_store::open(std::move(where)));
    auto made = std::make_unique<impl>(loop, std::move(options), std::move(lock), std::move(store));
    AIVP_CHECK(made->make_ports());
    AIVP_CHECK(made->recover_state(heartbeat));
    AIVP_CHECK(made->resume_held());
    if (!made->options.one_shot) made->load_agents();
    if (!made->engine.failures().empty())
        return std::unexpected(made->degraded.value_or(made->engine.failures().front()));
    made->begin_ticking();
    return std::unique_ptr<live_host>(new live_host(std::move(made)));
}

/// Without one, programs work in the system's folder for what is temporary, and a kill may leave something there.
void live_host::impl::make_scratch() {
    auto made = scratch_root::make(options.config.state_folder);
    if (!made) return log(log_level::warning, made.error().message);
    for (const std::string& path : made->removed()) log(log_level::info, "removed what programs had left in " + path);
    for (const std::string& path : made->remaining())
        log(log_level::warning, "what programs have left in " + path + " cannot be removed");
    scratch.emplace(std::move(*made));
    options.config.processes.scratch_folder = scratch->path();
    options.config.processes.scratch_on_demand = true;
}

result<void> live_host::impl::make_ports() {
    if (options.config.processes.scratch_folder.empty()) make_scratch();
    const daemon_config& c = options.config;
    launcher = std::make_unique<process_launcher>(loop, c.processes);
    if (wants_bwrap(c) && !launcher->sandboxes().bwrap)
        log(log_level::warning, "the sandbox bwrap does not work here: " + launcher->sandboxes().why);
    programs = std::make_unique<subprocess_connector>(*launcher, clock, c.programs);
    calls = std::make_unique<http_connector>(http, secrets, clock);
    deciders =
        std::make_unique<process_provider>(*launcher, clock, c.folder, [this](run_id run) { return turn_of(run); });
    models.route(*deciders);
    const auto of_file = [&](error e, const std::string& what) {
        e.message = what + ": " + e.message;
        if (e.where.file.empty()) e.where.file = c.file;
        return std::unexpected(std::move(e));
    };
    for (const auto& [skill, binding] : c.calls)
        if (auto bound = calls->bind(skill, binding); !bound) return of_file(bound.error(), "skill `" + skill + "`");
    skills.route(*programs, *calls);
    for (const auto& [name, o] : c.models) {
        auto provider = openai_provider::make(http, secrets, clock, o);
        if (!provider) return of_file(provider.error(), "model `" + name + "`");
        models.add(name, std::move(*provider));
    }
    if (options.one_shot)
        sink.hold_triggers();
    else
        warn_of_configuration();
    return {};
}

result<void> live_host::impl::recover_state(instant last_sign_of_life) {
    AIVP_TRY(recovered_state known, read_state(*store, library));
    for (const std::string& w : known.warnings) log(log_level::warning, w);
    if (known.seq.value == 0) {
        AIVP_TRY(const effect_key name, random_name());
        return engine.submit(open_journal{name}, input_source::host);
    }
    for (const agent_state& a : known.state.agents) guard.declare(*a.snapshot);
    for (const auto& [id, run] : known.state.runs) guard.declare(*run.snapshot);
    const duration away = std::max(clock.now() - std::max(known.at, last_sign_of_life), duration{});
    const std::size_t open = known.state.runs.size();
    const std::uint64_t read = known.records_read;
    const seq_no seq = known.seq;
    engine.restore(std::move(known));
    projected_seq = {};
    AIVP_CHECK(engine.submit(recover{away}, input_source::host));
    log(log_level::info, "recovered " + std::to_string(seq.value) + " records (" + std::to_string(read) + " read), " +
                             std::to_string(open) + " open runs, away " + to_string(away));
    return {};
}

/// What a stop has held goes on; what a person has paused does not.
result<void> live_host::impl::resume_held() {
    AIVP_TRY(const auto stored, store->kv_get(host_space, held_key));
    if (!stored) return {};
    const auto list = payload::parse(*stored);
    if (list)
        for (const payload& n : items(*list)) {
            const run_id run{static_cast<std::uint64_t>(as_integer(n).value_or(0))};
            const run_state* r = engine.state().find(run);
            if (r && r->paused) AIVP_CHECK(engine.submit(resume_run{run}, input_source::host));
        }
    return store->kv_erase(host_space, held_key);
}

// ---- running ---------------------------------------------------------------------------------------------------------

void live_host::impl::begin_ticking() {
    // The tables should be there before the disk may be full.
    if (const auto caught = catch_up(tables_at_once); !caught)
        log(log_level::warning, "tables: " + caught.error().message);
    ticked_seq = engine.last_seq();
    tick_timer = loop.call_after(host_tick, [this] { tick(); });
}

void live_host::impl::tick() {
    tick_timer = loop.call_after(host_tick, [this] { tick(); });
    if (degraded || stopping) return;
    const instant now = clock.now();
    const bool idle = engine.last_seq() == ticked_seq;
    if (now - std::max(heartbeat_at, idle ? instant{} : engine.last_at()) >= options.config.heartbeat) {
        heartbeat_at = now;
        if (const auto beat = store->heartbeat(now); !beat) {
            if (beat.error().code == errc::store_fenced) return lose(beat.error());
            log(log_level::warning, "no heartbeat: " + beat.error().message);
        }
    }
    const std::uint64_t since = engine.last_seq().value - snapshot_seq.value;
    if (since >= options.config.snapshot_records || (since > 0 && now - snapshot_at >= options.config.snapshot_time))
        save_snapshot();
    if (const auto caught = catch_up(tables_at_once); !caught)
        log(log_level::warning, "tables: " + caught.error().message);
    if (store->checkpoint_due() || (idle && store->wal_bytes() > 0))
        if (const auto done = store->checkpoint(); !done)
            log(log_level::warning, "checkpoint: " + done.error().message);
    ticked_seq = engine.last_seq();
}

void live_host::impl::save_snapshot() {
    snapshot_at = clock.now();
    const auto saved =
        store->save_snapshot({engine.last_seq(), engine.last_at(), engine.chain(), encode_state(engine.state())});
    if (!saved) return log(log_level::warning, "snapshot: " + saved.error().message);
    snapshot_seq = engine.last_seq();
    const auto& runs = engine.state().runs;
    const run_id oldest = runs.empty() ? run_id{engine.state().last_run + 1} : runs.begin()->first;
    if (const auto forgotten = store->kv_forget_effects(oldest); !forgotten)
        log(log_level::warning, "effects of ended runs: " + forgotten.error().message);
}

result<void> live_host::impl::catch_up(std::uint64_t records_max) {
    if (projected_seq == engine.last_seq()) return {};
    AIVP_CHECK(tables.catch_up(records_max));
    AIVP_TRY(const std::uint64_t at, tables.position());
    projected_seq = {at};
    return {};
}

void live_host::impl::committed(const input_envelope& input, const decision& d, const engine_state&,
                                const journal_record& record) {
    if (capture && input.source == input_source::operator_) *capture = d.events;
    for (const engine_event& e : d.events) log_event(e);
    for (auto it = followers.begin(); it != followers.end();)
        it = (*it)(record.seq, record.line) ? std::next(it) : followers.erase(it);
}

void live_host::impl::log_event(const engine_event& e) {
    if (const auto* accepted = std::get_if<trigger_accepted>(&e))
        log(log_level::info, run_name(accepted->run) + " accepted");
    if (const auto* refused = std::get_if<trigger_refused>(&e))
        log(log_level::warning, "trigger refused: " + std::string(info(refused->code).name) + ": " + refused->reason);
    if (const auto* ended = std::get_if<run_finished>(&e))
        log(log_level::info, run_name(ended->run) + " " + to_string(ended->outcome->status) + " (" +
                                 std::string(info(ended->outcome->code).name) + ") " + ended->outcome->message);
    if (const auto* parked = std::get_if<call_parked>(&e))
        log(log_level::warning, run_name(parked->run) + " " + to_string(parked->call) +
                                    " is parked: " + parked->message + "; `aivp resolve " + run_name(parked->run) +
                                    " " + to_string(parked->call) + "` goes on");
}

/// Called from within a commit: what is to be done waits until the driver is done.
void live_host::impl::note_commit_failure() {
    const bool first = !degraded;
    const auto& why = store->last_error();
    degraded = why ? *why : error{errc::store_commit_failed, "the store does not work", {}, {}, {}};
    if (!first) return;
    retry_after = retry_least;
    log(log_level::error, "degraded: " + degraded->message + "; nothing new is accepted until the store works again");
    retry_timer = loop.call_after(retry_after, [this] { try_again(); });
}

void live_host::impl::try_again() {
    const auto again = [&]() -> result<void> {
        // With a full or locked file the connection is sound, and opening another could take away what reading needs.
        const bool sound = degraded && (degraded->code == errc::store_full || degraded->code == errc::store_locked);
        if (!sound) AIVP_CHECK(store->reopen());
        return engine.retry(library);
    }();
    if (again) {
        degraded.reset();
        log(log_level::info, "the store works again");
        if (stopping) look_whether_stopped();
        return;
    }
    if (again.error().code == errc::store_fenced) return lose(again.error());
    if (again.error().code != errc::store_commit_failed && again.error().code != errc::store_commit_unknown)
        degraded = again.error();
    retry_after = std::min(duration{retry_after.us * 2}, retry_most);
    retry_timer = loop.call_after(retry_after, [this] { try_again(); });
}

void live_host::impl::lose(const error& e) {
    if (!degraded) degraded = e;
    log(log_level::error, "the store is lost: " + e.message);
    if (lost) loop.post([fn = lost, e] { fn(e); });
}

void live_host::impl::note_clock_change(const clock_change& change) {
    log(change.what == clock_change::kind::drift ? log_level::info : log_level::warning,
        std::string(info(errc::clock_step).name) + ": " + std::string(to_string(change.what)) + " of " +
            to_string(change.amount));
    if (change.what == clock_change::kind::sleep) engine.slept(clock.take_slept());
}

// ---- what people ask for ---------------------------------------------------------------------------------------------

result<void> live_host::impl::ready() const {
    if (degraded) return std::unexpected(*degraded);
    if (stopping) return fail(errc::daemon_unreachable, "the daemon is stopping");
    return {};
}

result<void> live_host::impl::submit_now(engine_input input, input_source source) {
    AIVP_CHECK(ready());
    if (auto done = engine.submit(std::move(input), source); !done)
        return std::unexpected(degraded.value_or(done.error()));
    return {};
}

result<void> live_host::impl::submit_for_run(run_id run, engine_input input) {
    AIVP_CHECK(ready());
    if (!engine.state().find(run))
        return fail(errc::run_not_found,
                    run_name(run) +
                        (run.value <= engine.state().last_run && run.value > 0 ? " has ended" : " does not exist"));
    std::vector<engine_event> events;
    capture = &events;
    const auto done = submit_now(std::move(input));
    capture = nullptr;
    AIVP_CHECK(done);
    for (const engine_event& e : events)
        if (const auto* ignored = std::get_if<completion_ignored>(&e))
            return fail(errc::usage_invalid, ignored->reason, {},
                        "`aivp show " + run_name(run) + "` says how it stands.");
    return {};
}

// ---- the end ---------------------------------------------------------------------------------------------------------

void live_host::impl::begin_stop(std::function<void()> fn) {
    stopped = std::move(fn);
    if (std::exchange(stopping, true)) return;
    sink.hold_triggers();
    log(log_level::info, "stopping");
    grace_timer = loop.call_after(options.config.stop_grace, [this] {
        log(log_level::warning, std::to_string(calls_under_way()) + " calls did not end in time");
        finish_stop();
    });
    loop.post([this, token = alive] {
        if (*token) look_whether_stopped();
    });
}

/// What is noted before is resumed at the next start, also when this process dies in between.
void live_host::impl::hold_runs() {
    std::vector<run_id> to_hold;
    for (const auto& [id, r] : engine.state().runs)
        if (r.started && !r.paused && !held.contains(id)) to_hold.push_back(id);
    if (to_hold.empty()) return;
    held.insert(to_hold.begin(), to_hold.end());
    std::vector<payload> numbers;
    for (const run_id r : held) numbers.push_back(payload::of_integer(static_cast<std::int64_t>(r.value)));
    if (!store->kv_put(host_space, held_key, payload::of_array(numbers).text(), engine.last_seq())) return;
    for (const run_id r : to_hold)
        if (!engine.submit(pause_run{r, "the daemon stops"}, input_source::host)) return;
}

std::size_t live_host::impl::calls_under_way() const {
    std::size_t n = 0;
    for (const auto& [id, r] : engine.state().runs)
        for (const open_call& o : r.open) n += !o.parked && o.retry_at == instant::max() && o.kind != call_kind::user;
    return n;
}

void live_host::impl::look_whether_stopped() {
    if (finished || degraded) return;
    hold_runs();
    if (!degraded && calls_under_way() == 0) finish_stop();
}

void live_host::impl::finish_stop() {
    if (std::exchange(finished, true)) return;
    grace_timer.cancel();
    tick_timer.cancel();
    retry_timer.cancel();
    if (!degraded) {
        save_snapshot();
        if (const auto done = catch_up(UINT64_MAX); !done) log(log_level::warning, "tables: " + done.error().message);
        if (const auto beat = store->heartbeat(clock.now()); !beat)
            log(log_level::warning, "no heartbeat: " + beat.error().message);
        if (const auto done = store->checkpoint(); !done)
            log(log_level::warning, "checkpoint: " + done.error().message);
    }
    log(log_level::info, "stopped at record " + std::to_string(engine.last_seq().value) + " after " +
                             std::to_string(commits.commits()) + " commits");
    if (stopped) stopped();
}

// ---- the public face -------------------------------------------------------------------------------------------------

live_host::live_host(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
live_host::~live_host() = default;

result<run_id> live_host::start_run(std::string_view agent, const payload& body) {
    AIVP_CHECK(impl_->ready());
    const agent_state* known = impl_->find_agent(agent);
    if (!known || known->retired) return std::unexpected(impl_->no_such_agent(agent));
    std::vector<engine_event> events;
    impl_->capture = &events;
    const auto done = impl_->submit_now(aivp::start_run{known->id, body});
    impl_->capture = nullptr;
    AIVP_CHECK(done);
    for (const engine_event& e : events) {
        if (const auto* accepted = std::get_if<trigger_accepted>(&e)) return accepted->run;
        if (const auto* refused = std::get_if<trigger_refused>(&e))
            return fail(refused->code, refused->reason, {},
                        refused->code == errc::trigger_payload
                            ? "Give what the trigger of its file asks for: `aivp run AGENT --body '{…}'`."
                            : "");
    }
    return fail(errc::internal_bug, "a trigger was neither accepted nor refused");
}

result<void> live_host::publish(const std::string& type, const payload& body) {
    return impl_->submit_now(publish_event{type, body}, input_source::event_bus);
}
result<void> live_host::cancel(run_id run, const std::string& reason) {
    return impl_->submit_for_run(run, cancel_run{run, reason});
}
result<void> live_host::pause(run_id run, const std::string& reason) {
    return impl_->submit_for_run(run, pause_run{run, reason});
}
result<void> live_host::resume(run_id run) { return impl_->submit_for_run(run, resume_run{run}); }
result<void> live_host::resolve(call_ref ref, call_finding finding, const payload& result_of_call,
                                const std::string& note) {
    return impl_->submit_for_run(ref.run, resolve_call{ref, finding, result_of_call, note});
}

result<void> live_host::answer(run_id run, const std::string& text, bool ended) {
    AIVP_CHECK(impl_->ready());
    if (impl_->questions.answer(run, ended && text.empty() ? payload() : payload::of_string(text), ended)) return {};
    return fail(errc::run_not_found, run_name(run) + " has asked nothing");
}

std::optional<payload> live_host::question_of(run_id run) const {
    const auto it = impl_->questions.open().find(run);
    return it == impl_->questions.open().end() ? std::nullopt : std::optional(it->second.text);
}

result<query_result> live_host::query(std::string_view sql, std::size_t rows_max) {
    if (!impl_->degraded)
        // Without room for new rows, what is there can be looked at all the same.
        if (auto caught = impl_->catch_up(UINT64_MAX); !caught && caught.error().code == errc::store_corrupt)
            return std::unexpected(std::move(caught).error());
    auto answer = impl_->store->query(sql, rows_max);
    if (answer || answer.error().code != errc::store_full) return answer;
    // Opened again without room it cannot become the writer, and then not be read by that connection either.
    sqlite_options beside = impl_->options.config.store;
    beside.read_only = true;
    const auto reader = sqlite_store::open(std::move(beside));
    return reader ? (*reader)->query(sql, rows_max) : std::move(answer);
}

snapshot_source& live_host::snapshots() { return impl_->library; }
const engine_state& live_host::state() const { return impl_->engine.state(); }

payload live_host::status() const {
    const auto number = [](std::uint64_t n) { return payload::of_integer(static_cast<std::int64_t>(n)); };
    const engine_state& s = impl_->engine.state();
    std::uint64_t running = 0, waiting = 0, paused = 0, parked = 0;
    for (const auto& [id, r] : s.runs) {
        (r.started ? running : waiting) += 1;
        paused += r.paused;
        for (const open_call& o : r.open) parked += o.parked;
    }
    std::vector<payload> agents;
    for (const agent_state& a : s.agents) {
        if (a.retired) continue;
        const auto due = std::ranges::min_element(a.due);
        agents.push_back(payload::of_object(
            {{"id", payload::of_string(a.snapshot->id)},
             {"next_at", due == a.due.end() || *due == instant::max() ? payload() : payload::of_integer(due->us)},
             {"snapshot", payload::of_string(to_hex(a.snapshot->hashes.whole, 16))}}));
    }
    const auto& bad = impl_->degraded;
    return payload::of_object(
        {{"agent_problems", number(impl_->agent_problems.size())},
         {"agents", payload::of_array(agents)},
         {"aivp", payload::of_string(aivp::version)},
         {"error", bad ? payload::of_object({{"code", payload::of_string(info(bad->code).name)},
                                             {"message", payload::of_string(bad->message)}})
                       : payload()},
         {"pid", payload::of_integer(::getpid())},
         {"probes", probe_watch::report()},
         {"questions", number(impl_->questions.open().size())},
         {"records", number(impl_->engine.last_seq().value)},
         {"runs", payload::of_object({{"finished", number(s.finished_runs)},
                                      {"parked_calls", number(parked)},
                                      {"paused", number(paused)},
                                      {"running", number(running)},
                                      {"waiting", number(waiting)}})},
         {"started_at", payload::of_integer(impl_->started_at.us)},
         {"state", payload::of_string(bad               ? "degraded"
                                      : impl_->stopping ? "stopping"
                                                        : "ok")},
         {"store", payload::of_object({{"commits", number(impl_->commits.commits())},
                                       {"epoch", number(impl_->store->epoch())},
                                       {"path", payload::of_string(impl_->options.config.store.path)},
                                       {"wal_bytes", number(impl_->store->wal_bytes())}})},
         {"version", payload::of_integer(1)}});
}

void live_host::follow(std::function<bool(seq_no seq, std::string_view line)> fn) {
    impl_->followers.push_back(std::move(fn));
}
void live_host::stop(std::function<void()> stopped) { impl_->begin_stop(std::move(stopped)); }
bool live_host::is_stopping() const { return impl_->stopping; }
bool live_host::is_degraded() const { return impl_->degraded.has_value(); }
void live_host::when_lost(std::function<void(const error&)> fn) { impl_->lost = std::move(fn); }

} // namespace aivp
