#include "runtime/os/process_launcher.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "aivp/reliability/kill.hpp"
#include "runtime/os/internal/asio_loop.hpp"
#include "runtime/os/internal/proc_table.hpp"
#include "runtime/os/internal/spawn.hpp"

namespace aivp {

namespace {

using descriptor = boost::asio::posix::stream_descriptor;

constexpr const char* program_path = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";
constexpr const char* mark = "AIVP_PROCESS";
constexpr duration sweep_pause = milliseconds(5);
constexpr duration sweep_time_max = seconds(2);   ///< for what was left behind to vanish after SIGKILL
constexpr duration vanish_time_max = seconds(10); ///< for the program itself, which may hang in the kernel

bool is_program(const std::string& path) {
    struct stat what{};
    return ::stat(path.c_str(), &what) == 0 && S_ISREG(what.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string end_of(const std::string& text, std::size_t bytes_max) {
    return text.size() <= bytes_max ? text : text.substr(text.size() - bytes_max);
}

std::uint64_t peak_bytes_so_far() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
}

/// The monotonic clock as the decider sees it: only differences count.
instant kill_clock() { return {monotonic_now().us}; }

/// A process is killed only while it cannot have been reaped, so its number is not anybody else's.
void signal_group(pid_t leader, int signal) { ::kill(-leader, signal); }

} // namespace

result<std::string> find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        if (name.front() != '/')
            return fail(errc::config_not_supported, "the program's path " + name + " is not absolute", {},
                        "A program starts in a folder of its own: write the whole path, or a name without \"/\".");
        if (is_program(name)) return name;
        if (::access(name.c_str(), F_OK) != 0) return fail(errc::io_not_found, "there is no program " + name);
        return fail(errc::process_start, name + " is not a program that may be executed");
    }
    std::string_view rest = program_path;
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        std::string path = std::string(rest.substr(0, end)) + "/" + name;
        if (is_program(path)) return path;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return fail(errc::io_not_found, "there is no program " + name + " in " + program_path);
}

bool never_started(errc code) {
    return code == errc::process_start || code == errc::sandbox_unavailable || code == errc::io_not_found ||
           code == errc::config_not_supported;
}

struct process_launcher::impl {
    struct job : std::enable_shared_from_this<job> {
        process_ticket ticket;
        process_spec spec;
        sandbox_profile profile = sandbox_profile::none;
        std::string program; ///< absolute path
        done_function done;
        pid_t pid = 0;
        std::string scratch;
        std::string token; ///< value of the mark
        std::optional<descriptor> exit_watch, output_pipe, log_pipe;
        std::string output, log;
        loop_handle wall_timer, kill_timer, settle_timer;
        std::optional<error> verdict;
        std::optional<kill_state> ending; ///< once it was decided that it must end
        bool ended = false;               ///< reaped
        bool swept = false;               ///< and nothing of what it started is left
        int status = 0;
        std::uint64_t host_peak_bytes =
            0; ///< of this process at the fork, which the kernel counts as the program's own
        std::uint64_t peak_bytes = 0;
        monotonic_instant settle_until;
    };

    impl(event_loop& l, options o) : loop(l), opts(std::move(o)), context(asio_context(l)) {}

    result<std::shared_ptr<job>> admit(const process_spec& spec, done_function done);
    result<void> launch(job& j);
    result<spawn_plan> plan(const job& j);
    void watch_exit(job& j);
    void wait_for_exit(job& j);
    void watch_pipe(job& j, std::optional<descriptor> job::* pipe);
    void take(job& j, std::optional<descriptor> job::* pipe, std::string_view bytes);
    void terminate(job& j, std::optional<error> verdict);
    void take_kill_steps(job& j);
    void look_for_end(job& j);
    void settle(job& j);
    std::size_t sweep();
    void finish(job& j);
    result<process_result> outcome(job& j);
    void deliver(job& j);
    bool has_room(const job& j) const;
    const sandbox_support& support();
    std::vector<std::string> readable_of(const job& j) const;
    void launch_queued();
    /// Succeeds when nothing is left in it.
    void leave_scratch() const {
        if (opts.scratch_on_demand) ::rmdir(opts.scratch_folder.c_str());
    }
    void end_all();
    std::uint64_t reserved() const;

    event_loop& loop;
    options opts;
    boost::asio::io_context& context;
    std::optional<sandbox_support> sandboxes; ///< once somebody has asked
    system_layout layout;
    loop_handle child_signal;
    std::uint64_t next_ticket = 1;
    std::map<process_ticket, std::shared_ptr<job>> running;
    std::deque<std::shared_ptr<job>> queue;
};

// --- start ---------------------------------------------------------------------------------------------------------

result<std::shared_ptr<process_launcher::impl::job>> process_launcher::impl::admit(const process_spec& spec,
                                                                                   done_function done) {
    auto j = std::make_shared<job>();
    j->spec = spec;
    j->done = std::move(done);
    auto& s = j->spec;
    if (s.command.empty() || s.command.front().empty())
        return fail(errc::config_not_supported, "a process needs a command");
    for (const auto& word : s.command)
        if (word.find('\0') != std::string::npos)
            return fail(errc::config_not_supported, "a command's words cannot hold a zero byte");
    if (s.wall_time_max <= duration{}) s.wall_time_max = opts.wall_time_default;
    if (s.memory_bytes_max == 0) s.memory_bytes_max = opts.memory_bytes_default;
    if (s.output_bytes_max == 0) s.output_bytes_max = opts.output_bytes_default;
    if (s.sandbox_profile.empty()) s.sandbox_profile = opts.profile_default;
    AIVP_TRY(j->profile, parse_sandbox_profile(s.sandbox_profile));
    if (j->profile == sandbox_profile::bwrap && !support().bwrap)
        return fail(errc::sandbox_unavailable, "profile bwrap cannot be met on this machine: " + support().why);
    if (opts.memory_bytes_total != 0 && s.memory_bytes_max > opts.memory_bytes_total)
        return fail(errc::config_not_supported,
                    "a process asks for " + std::to_string(s.memory_bytes_max) +
                        " bytes of memory, all together may take " + std::to_string(opts.memory_bytes_total),
                    {}, "Lower its memory cap, or raise the budget of all processes.");
    AIVP_TRY(j->program, find_program(s.command.front()));
    if (j->profile == sandbox_profile::bwrap) {
        std::error_code failed;
        const auto real = std::filesystem::canonical(j->program, failed).string();
        if (failed || !is_seen(real, layout, readable_of(*j)))
            return fail(errc::sandbox_unavailable, j->program + " is not visible within profile bwrap", {},
                        "Add its folder to the readable ones, or put it below /usr.");
    }
    j->ticket = {next_ticket++};
    j->token = std::to_string(::getpid()) + "-" + std::to_string(j->ticket.value);
    return j;
}

std::vector<std::string> process_launcher::impl::readable_of(const job& j) const {
    std::vector<std::string> all = opts.readable;
    for (const std::string& path : j.spec.readable)
        if (std::ranges::find(all, path) == all.end()) all.push_back(path);
    return all;
}

result<spawn_plan> process_launcher::impl::plan(const job& j) {
    spawn_plan out;
    out.program = j.program;
    out.arguments = j.spec.command;
    out.folder = j.scratch;
    if (j.profile == sandbox_profile::bwrap) {
        out.program = sandboxes->bwrap_program;
        out.arguments = bwrap_command({sandboxes->bwrap_program,
                                       j.program,
                                       {j.spec.command.begin() + 1, j.spec.command.end()},
                                       readable_of(j),
                                       std::max<std::uint64_t>(opts.file_bytes_max, 4096)},
                                      layout);
    }
    out.environment = {std::string("PATH=") + program_path, "LANG=C.UTF-8", "HOME=" + j.scratch, "TMPDIR=" + j.scratch,
                       std::string(mark) + "=" + j.token};
    for (const auto& name : opts.environment_names)
        if (const char* value = std::getenv(name.c_str())) out.environment.push_back(name + "=" + value);
    if (j.profile == sandbox_profile::none) return out;

    const auto cpu_seconds = static_cast<rlim_t>(j.spec.wall_time_max.us / 1'000'000 + 1);
    out.limits = {{RLIMIT_AS, j.spec.memory_bytes_max},
                  {RLIMIT_CPU, cpu_seconds},
                  {RLIMIT_NOFILE, opts.open_files_max},
                  {RLIMIT_FSIZE, opts.file_bytes_max},
                  {RLIMIT_CORE, 0}};
    if (const uid_t user = ::geteuid(); user != 0)
        out.limits.emplace_back(RLIMIT_NPROC, count_threads_of(user) + opts.processes_max);
    out.no_new_privileges = true;
    return out;
}

result<void> process_launcher::impl::launch(job& j) {
    const char* const temporary = std::getenv("TMPDIR");
    std::string scratch = (!opts.scratch_folder.empty() ? opts.scratch_folder : temporary ? temporary : "/tmp");
    scratch += "/aivp-process-XXXXXX";
    // What is wrong with it, mkdtemp() finds out.
    if (opts.scratch_on_demand) ::mkdir(opts.scratch_folder.c_str(), 0700);
    if (!::mkdtemp(scratch.data()))
        return fail(errc::process_start, "no private folder can be made as " + scratch, {},
                    "Check that the scratch folder exists, is absolute and may be written to.");
    j.scratch = scratch;
    const auto started = [&]() -> result<void> {
        AIVP_TRY(auto input, make_input(j.spec.input));
        AIVP_TRY(auto output, make_pipe());
        AIVP_TRY(auto log, make_pipe());
        AIVP_TRY(auto to_spawn, plan(j));
        to_spawn.input = input.get();
        to_spawn.output = output.write.get();
        to_spawn.log = log.write.get();
        AIVP_TRY(j.pid, spawn(to_spawn));
        j.host_peak_bytes = peak_bytes_so_far();
        j.output_pipe.emplace(context, output.read.release());
        j.log_pipe.emplace(context, log.read.release());
        return {};
    }();
    if (!started) {
        // It is empty; a walk through it would need a descriptor, which may be what is missing.
        ::rmdir(j.scratch.c_str());
        leave_scratch();
        return started;
    }
    j.spec.input = {};
    running.emplace(j.ticket, j.shared_from_this());
    watch_exit(j);
    watch_pipe(j, &job::output_pipe);
    watch_pipe(j, &job::log_pipe);
    j.wall_timer = loop.call_after(j.spec.wall_time_max, [this, &j] {
        terminate(j, error{errc::limit_step_time,
                           j.spec.command.front() + " was ended after " + to_string(j.spec.wall_time_max),
                           {},
                           {},
                           {}});
    });
    return {};
}

std::uint64_t process_launcher::impl::reserved() const {
    std::uint64_t sum = 0;
    for (const auto& [ticket, j] : running) sum += j->spec.memory_bytes_max;
    return sum;
}

bool process_launcher::impl::has_room(const job& j) const {
    return running.size() < opts.concurrent_max &&
           (opts.memory_bytes_total == 0 || reserved() + j.spec.memory_bytes_max <= opts.memory_bytes_total);
}

void process_launcher::impl::launch_queued() {
    while (!queue.empty() && has_room(*queue.front())) {
        const auto j = queue.front();
        queue.pop_front();
        if (const auto launched = launch(*j); !launched && j->done)
            std::exchange(j->done, nullptr)(std::unexpected(launched.error()));
    }
}

// --- while it runs -------------------------------------------------------------------------------------------------

void process_launcher::impl::watch_exit(job& j) {
    const int fd = opts.use_pidfd ? static_cast<int>(::syscall(SYS_pidfd_open, j.pid, 0)) : -1;
    if (fd < 0) { // the signal's hook looks at all; one may have come before this process was in the table
        loop.post([this, weak = j.weak_from_this()] {
            if (const auto self = weak.lock()) look_for_end(*self);
        });
        return;
    }
    j.exit_watch.emplace(context, fd);
    wait_for_exit(j);
}

void process_launcher::impl::wait_for_exit(job& j) {
    j.exit_watch->async_wait(descriptor::wait_read,
                             [this, weak = j.weak_from_this()](boost::system::error_code failed) {
                                 const auto self = weak.lock();
                                 if (failed || !self) return;
                                 look_for_end(*self);
                                 // A wait may end for no reason: an event of a descriptor that was closed meanwhile.
                                 if (!self->ended) wait_for_exit(*self);
                             });
}

void process_launcher::impl::watch_pipe(job& j, std::optional<descriptor> job::* pipe) {
    (j.*pipe)->async_wait(descriptor::wait_read,
                          [this, pipe, weak = j.weak_from_this()](boost::system::error_code failed) {
                              const auto self = weak.lock();
                              if (failed || !self || !((*self).*pipe)) return;
                              char buffer[16384];
                              const ssize_t n = ::read(((*self).*pipe)->native_handle(), buffer, sizeof buffer);
                              if (n < 0 && (errno == EAGAIN || errno == EINTR)) return watch_pipe(*self, pipe);
                              if (n <= 0) {
                                  ((*self).*pipe).reset();
                                  return settle(*self);
                              }
                              take(*self, pipe, {buffer, static_cast<std::size_t>(n)});
                              if ((*self).*pipe) watch_pipe(*self, pipe);
                          });
}

void process_launcher::impl::take(job& j, std::optional<descriptor> job::* pipe, std::string_view bytes) {
    if (pipe == &job::log_pipe) {
        j.log += bytes;
        if (j.log.size() > 2 * opts.log_bytes_max) j.log = end_of(j.log, opts.log_bytes_max);
        return;
    }
    const std::uint64_t room = j.spec.output_bytes_max - j.output.size();
    j.output += bytes.substr(0, room);
    if (bytes.size() <= room) return;
    j.output_pipe.reset();
    terminate(j, error{errc::limit_output,
                       j.spec.command.front() + " wrote more than " + std::to_string(j.spec.output_bytes_max) +
                           " bytes to stdout and was ended",
                       {},
                       {},
                       {}});
    settle(j);
}

void process_launcher::impl::terminate(job& j, std::optional<error> verdict) {
    if (!j.verdict) j.verdict = std::move(verdict);
    if (j.ended || j.ending) return;
    j.wall_timer.cancel();
    j.ending = kill_state{.due = kill_clock()};
    take_kill_steps(j);
}

/// Does what is due until it has to wait: for its end, or for a grace to pass.
void process_launcher::impl::take_kill_steps(job& j) {
    while (!j.ended) {
        const kill_step step = next_kill_step({opts.kill_grace, vanish_time_max}, *j.ending, kill_clock());
        *j.ending = after_kill_step(*j.ending, step);
        switch (step.action) {
        case kill_action::none: return;
        case kill_action::term:
            signal_group(j.pid, SIGTERM);
            signal_group(j.pid, SIGCONT); // a stopped process does not get the other signal
            break;
        case kill_action::kill:
            signal_group(j.pid, SIGKILL);
            ::kill(j.pid, SIGKILL);
            break;
        case kill_action::wait:
            j.kill_timer = loop.call_after(step.at - kill_clock(), [this, &j] { take_kill_steps(j); });
            return;
        case kill_action::give_up: deliver(j); return;
        }
    }
}

// --- its end -------------------------------------------------------------------------------------------------------

void process_launcher::impl::look_for_end(job& j) {
    if (j.ended) return;
    siginfo_t what{};
    const bool failed = ::waitid(P_PID, static_cast<id_t>(j.pid), &what, WEXITED | WNOWAIT | WNOHANG) != 0;
    if (failed ? errno != ECHILD : what.si_pid == 0) return;
    if (failed && !j.verdict)
        j.verdict =
            error{errc::process_died, j.spec.command.front() + " ended, and somebody else was told how", {}, {}, {}};
    rusage used{};
    if (!failed) {
        signal_group(j.pid, SIGKILL); // before it is reaped, while its number still names its group
        while (::wait4(j.pid, &j.status, 0, &used) < 0 && errno == EINTR) {}
    }
    j.ended = true;
    j.peak_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
    j.exit_watch.reset();
    j.wall_timer.cancel();
    j.kill_timer.cancel();
    j.settle_until = monotonic_now() + sweep_time_max;
    settle(j);
}

/// Ends what it has left behind and waits for the ends of its streams.
void process_launcher::impl::settle(job& j) {
    if (!j.ended) return;
    const bool late = monotonic_now() >= j.settle_until;
    if (!j.swept) j.swept = sweep() == 0;
    const bool closed = !j.output_pipe && !j.log_pipe;
    if (late || (j.swept && closed)) return finish(j);
    j.settle_timer = loop.call_after(sweep_pause, [this, &j] { settle(j); });
}

/// Kills and reaps what has no running program to belong to; returns how many were still there.
std::size_t process_launcher::impl::sweep() {
    std::map<pid_t, bool> leaders; // whether it has ended
    std::vector<std::string> tokens;
    for (const auto& [ticket, j] : running) {
        leaders.emplace(j->pid, j->ended);
        if (!j->ended) tokens.push_back(j->token);
    }
    const pid_t self = ::getpid(), own_session = ::getsid(0);
    std::size_t left = 0;
    for (const auto& entry : read_processes()) {
        const auto leader = leaders.find(entry.session);
        const bool adopted = opts.adopt_orphans && entry.parent == self && entry.session != own_session;
        if (leader == leaders.end() && !adopted) continue;
        if (const auto main = leaders.find(entry.pid); main != leaders.end() && !main->second) continue;
        if (entry.state == 'Z') {
            if (adopted) ::waitpid(entry.pid, nullptr, WNOHANG);
            continue;
        }
        if (leader != leaders.end() && !leader->second) continue;
        if (leader == leaders.end() && std::ranges::count(tokens, started_with(entry.pid, mark)) > 0) continue;
        ::kill(entry.pid, SIGKILL);
        ++left;
    }
    return left;
}

result<process_result> process_launcher::impl::outcome(job& j) {
    const std::string log = end_of(j.log, opts.log_bytes_max);
    const bool killed = j.ended && WIFSIGNALED(j.status);
    const int exit_code = killed ? 128 + WTERMSIG(j.status) : WEXITSTATUS(j.status);
    if (!j.verdict && j.profile != sandbox_profile::none && exit_code != 0 &&
        j.peak_bytes > j.host_peak_bytes + (1u << 20) && j.peak_bytes >= j.spec.memory_bytes_max / 4 * 3)
        j.verdict = error{errc::process_memory,
                          j.spec.command.front() + " failed with " + std::to_string(j.peak_bytes) +
                              " bytes in use of the " + std::to_string(j.spec.memory_bytes_max) + " that it may have",
                          {},
                          {},
                          {}};
    if (j.verdict) {
        j.verdict->context.emplace_back("log", end_of(log, 1024));
        return std::unexpected(*j.verdict);
    }
    return process_result{exit_code, killed, std::move(j.output), log};
}

void process_launcher::impl::deliver(job& j) {
    if (!j.done) return;
    auto done = std::exchange(j.done, nullptr);
    done(outcome(j));
}

void process_launcher::impl::finish(job& j) {
    const auto keep = j.shared_from_this();
    j.settle_timer.cancel();
    j.output_pipe.reset();
    j.log_pipe.reset();
    running.erase(j.ticket);
    std::error_code ignored;
    std::filesystem::remove_all(j.scratch, ignored);
    leave_scratch();
    launch_queued();
    deliver(j);
}

void process_launcher::impl::end_all() {
    queue.clear();
    for (const auto& [ticket, j] : running) {
        j->done = nullptr;
        if (j->ended) continue;
        signal_group(j->pid, SIGKILL);
        ::kill(j->pid, SIGKILL);
    }
    const auto deadline = monotonic_now() + sweep_time_max;
    for (bool left = !running.empty(); left && monotonic_now() < deadline;) {
        left = false;
        for (const auto& [ticket, j] : running) {
            if (!j->ended && ::waitpid(j->pid, nullptr, WNOHANG) != 0) j->ended = true;
            left = left || !j->ended;
        }
        left = sweep() > 0 || left;
        if (left) ::usleep(1000);
    }
    for (const auto& [ticket, j] : running) {
        std::error_code ignored;
        std::filesystem::remove_all(j->scratch, ignored);
    }
    running.clear();
}

// --- the launcher --------------------------------------------------------------------------------------------------

namespace {

sandbox_support probe(const process_launcher_options& given) {
    sandbox_support out;
    if (!given.probe_bwrap) {
        out.why = "it is switched off";
        return out;
    }
    const auto found = find_program(given.bwrap_program.empty() ? "bwrap" : given.bwrap_program);
    if (!found) {
        out.why = found.error().message;
        return out;
    }
    out.bwrap_program = *found;
    process_launcher_options o = given;
    o.probe_bwrap = false;
    o.use_pidfd = true;
    o.adopt_orphans = false; // programs of the launcher that asks may be running already
    event_loop loop;
    process_launcher launcher(loop, o);
    bwrap_request request{*found, "/usr/bin/true", {}, given.readable, 1u << 20};
    std::optional<result<process_result>> end;
    const auto started = launcher.start({bwrap_command(request, read_system_layout()), {}, seconds(5), 0, 0, "none"},
                                        [&](result<process_result> r) { end = std::move(r); });
    if (started) loop.run_until([&] { return end.has_value(); }, seconds(10));
    if (!started)
        out.why = started.error().message;
    else if (!end)
        out.why = *found + " does not answer";
    else if (!*end)
        out.why = end->error().message;
    else if ((*end)->exit_code != 0)
        out.why = *found + " fails: " + (*end)->log;
    else
        out.bwrap = true;
    return out;
}

} // namespace

const sandbox_support& process_launcher::impl::support() {
    if (sandboxes) return *sandboxes;
    sandboxes = probe(opts);
    // What the probe has left behind came to this process, when it is the one that adopts.
    const auto deadline = monotonic_now() + sweep_time_max;
    while (sweep() > 0 && monotonic_now() < deadline) ::usleep(1000);
    return *sandboxes;
}

process_launcher::process_launcher(event_loop& loop, options o) : impl_(std::make_unique<impl>(loop, std::move(o))) {
    if (impl_->opts.adopt_orphans) ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    impl_->layout = read_system_layout();
    const long pidfd = impl_->opts.use_pidfd ? ::syscall(SYS_pidfd_open, ::getpid(), 0) : -1;
    if (pidfd >= 0) {
        ::close(static_cast<int>(pidfd));
        return;
    }
    impl_->opts.use_pidfd = false;
    auto hook = loop.on_signal(SIGCHLD, [this] {
        const auto now = impl_->running; // ends change the table
        for (const auto& [ticket, j] : now) impl_->look_for_end(*j);
    });
    if (hook) impl_->child_signal = std::move(*hook);
}

process_launcher::~process_launcher() { impl_->end_all(); }

result<process_ticket> process_launcher::start(const process_spec& spec, done_function done) {
    AIVP_TRY(const auto j, impl_->admit(spec, std::move(done)));
    if (!impl_->queue.empty() || !impl_->has_room(*j)) {
        if (impl_->queue.size() >= impl_->opts.queued_max)
            return fail(errc::config_not_supported,
                        std::to_string(impl_->queue.size()) + " processes wait already, which is the most that may");
        impl_->queue.push_back(j);
        return j->ticket;
    }
    AIVP_CHECK(impl_->launch(*j));
    return j->ticket;
}

void process_launcher::cancel(process_ticket ticket) {
    if (const auto found = impl_->running.find(ticket); found != impl_->running.end()) {
        found->second->done = nullptr;
        impl_->terminate(*found->second, std::nullopt);
        return;
    }
    std::erase_if(impl_->queue, [&](const auto& j) { return j->ticket == ticket; });
}

const sandbox_support& process_launcher::sandboxes() const { return impl_->support(); }
std::size_t process_launcher::running() const { return impl_->running.size(); }
std::size_t process_launcher::queued() const { return impl_->queue.size(); }

} // namespace aivp
