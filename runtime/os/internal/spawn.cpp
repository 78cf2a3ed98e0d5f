#include "runtime/os/internal/spawn.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace aivp {

namespace {

std::unexpected<error> cannot(const char* what, int number) {
    return fail(errc::process_start, std::string(what) + ": " + std::strerror(number), {},
                "This is about the host's own resources (open files, memory, processes).");
}

/// Descriptors 0 to 2 would be in the way of the child's own.
result<unique_fd> above_standard(int fd) {
    if (fd > 2) return unique_fd(fd);
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    const int number = errno;
    ::close(fd);
    if (moved < 0) return cannot("fcntl", number);
    return unique_fd(moved);
}

struct child_failure {
    int stage = 0;
    int number = 0;
};
constexpr const char* stage_names[] = {"setsid", "current folder", "standard streams", "limits", "privileges", "exec"};
enum stage : int { stage_session, stage_folder, stage_streams, stage_limits, stage_privileges, stage_exec };

/// All that the child needs, made before the fork: after it, in a process that may have had other threads, only calls
/// that are safe in signal handlers are allowed.
struct child_plan {
    const char* program;
    char* const* arguments;
    char* const* environment;
    const char* folder;
    int streams[3];
    const std::pair<int, rlim_t>* limits;
    std::size_t limits_count;
    bool no_new_privileges;
    int report;
    pid_t parent;
    sigset_t no_signals;
};

[[noreturn]] void give_up(const child_plan& plan, stage where) {
    const child_failure failure{where, errno};
    if (::write(plan.report, &failure, sizeof failure) < 0) ::_exit(126);
    ::_exit(127);
}

void close_others_at_exec() {
    if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    rlimit open_files{};
    ::getrlimit(RLIMIT_NOFILE, &open_files);
    const int most = open_files.rlim_cur > 65536 ? 65536 : static_cast<int>(open_files.rlim_cur);
    for (int fd = 3; fd < most; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void set_limits(const child_plan& plan) {
    for (std::size_t i = 0; i < plan.limits_count; ++i) {
        const auto what = static_cast<__rlimit_resource>(plan.limits[i].first);
        rlimit now{};
        if (::getrlimit(what, &now) != 0) give_up(plan, stage_limits);
        const rlim_t most = std::min(plan.limits[i].second, now.rlim_max);
        const rlimit wanted{most, most};
        if (::setrlimit(what, &wanted) != 0) give_up(plan, stage_limits);
    }
}

[[noreturn]] void become(const child_plan& plan) {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
    ::sigprocmask(SIG_SETMASK, &plan.no_signals, nullptr);
    if (::setsid() < 0) give_up(plan, stage_session);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent) ::_exit(126);
    for (int i = 0; i < 3; ++i)
        if (::dup2(plan.streams[i], i) < 0) give_up(plan, stage_streams);
    close_others_at_exec();
    if (::chdir(plan.folder) != 0) give_up(plan, stage_folder);
    ::umask(077);
    set_limits(plan);
    if (plan.no_new_privileges && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(plan, stage_privileges);
    ::execve(plan.program, plan.arguments, plan.environment);
    give_up(plan, stage_exec);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str())); // exec does not write to them
    out.push_back(nullptr);
    return out;
}

/// What the child says before its exec closes the pipe; stage < 0 = nothing.
child_failure read_report(int fd) {
    child_failure failure{-1, 0};
    for (;;) {
        const ssize_t n = ::read(fd, &failure, sizeof failure);
        if (n < 0 && errno == EINTR) continue;
        if (n != sizeof failure) failure.stage = -1;
        return failure;
    }
}

} // namespace

void unique_fd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

result<pipe_ends> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return cannot("pipe", errno);
    auto read = above_standard(fds[0]);
    auto write = above_standard(fds[1]);
    if (!read) return std::unexpected(read.error());
    if (!write) return std::unexpected(write.error());
    ::fcntl(read->get(), F_SETFL, O_NONBLOCK);
    return pipe_ends{std::move(*read), std::move(*write)};
}

result<unique_fd> make_input(std::string_view text) {
    const int made = ::memfd_create("aivp-input", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0) return cannot("memfd_create", errno);
    AIVP_TRY(auto file, above_standard(made));
    while (!text.empty()) {
        const ssize_t n = ::write(file.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot("write of the input", errno);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    if (::lseek(file.get(), 0, SEEK_SET) != 0) return cannot("lseek", errno);
    return file;
}

result<pid_t> spawn(const spawn_plan& plan) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return cannot("pipe", errno);
    auto report_read = above_standard(fds[0]);
    auto report_write = above_standard(fds[1]);
    if (!report_read) return std::unexpected(report_read.error());
    if (!report_write) return std::unexpected(report_write.error());

    const auto arguments = pointers(plan.arguments);
    const auto environment = pointers(plan.environment);
    child_plan child{plan.program.c_str(),
                     arguments.data(),
                     environment.data(),
                     plan.folder.c_str(),
                     {plan.input, plan.output, plan.log},
                     plan.limits.data(),
                     plan.limits.size(),
                     plan.no_new_privileges,
                     report_write->get(),
                     ::getpid(),
                     {}};
    sigemptyset(&child.no_signals);

    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before); // a handler of ours must not run in the child
    const pid_t pid = ::fork();
    if (pid == 0) become(child);
    const int number = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return cannot("fork", number);

    report_write->reset();
    const child_failure failure = read_report(report_read->get());
    if (failure.stage < 0) return pid;
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
    const bool absent = failure.stage == stage_exec && failure.number == ENOENT;
    return fail(absent ? errc::io_not_found : errc::process_start,
                plan.program + " could not be started: " + stage_names[failure.stage] + ": " +
                    std::strerror(failure.number));
}

} // namespace aivp
