#include "runtime/os/pid_lock.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aivp/base/payload.hpp"
#include "runtime/os/internal/proc_table.hpp"
#include "runtime/os/internal/spawn.hpp"

namespace aivp {

namespace {

constexpr std::size_t text_bytes_max = 4096;

std::string read_text(int fd) {
    char buffer[text_bytes_max];
    const ssize_t n = ::pread(fd, buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
}

/// Errors: io.write.
result<void> write_text(int fd, const std::string& path, const std::string& text) {
    if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
        ::fsync(fd) == 0)
        return {};
    return fail(errc::io_write, path + ": " + std::strerror(errno), {path});
}

std::unexpected<error> held_by(const std::string& folder, const std::optional<process_identity>& holder) {
    error e{errc::daemon_running, "a daemon works on " + folder + " already", {folder}, {}, {}};
    if (holder) {
        e.message += ", with pid " + std::to_string(holder->pid);
        e.context.emplace_back("pid", std::to_string(holder->pid));
    }
    return std::unexpected(std::move(e));
}

/// The holder writes its name just after it has taken the lock; a reader may be faster.
std::optional<process_identity> read_holder(int fd) {
    for (int i = 0; i < 20; ++i) {
        if (auto holder = parse_identity(read_text(fd))) return holder;
        ::usleep(1000);
    }
    return std::nullopt;
}

/// Whether `path` still names the open file.
bool same_file(int fd, const std::string& path) {
    struct stat open_one{}, named{};
    return ::fstat(fd, &open_one) == 0 && ::stat(path.c_str(), &named) == 0 && open_one.st_dev == named.st_dev &&
           open_one.st_ino == named.st_ino;
}

} // namespace

process_identity own_identity() {
    process_identity out{::getpid(), boot_id(), 0};
    if (const auto self = read_process(::getpid())) out.start_ticks = self->start_ticks;
    return out;
}

bool is_running(const process_identity& p) {
    if (p.boot != boot_id() || p.pid <= 0 || p.pid > INT32_MAX) return false;
    const auto now = read_process(static_cast<pid_t>(p.pid));
    return now && now->start_ticks == p.start_ticks && now->state != 'Z';
}

std::string to_text(const process_identity& p) {
    return std::string(
               payload::of_object({{"pid", payload::of_integer(p.pid)},
                                   {"boot", payload::of_string(p.boot)},
                                   {"start_ticks", payload::of_integer(static_cast<std::int64_t>(p.start_ticks))}})
                   .text()) +
           "\n";
}

std::optional<process_identity> parse_identity(std::string_view text) {
    const auto document = payload::parse(text);
    if (!document) return std::nullopt;
    const auto pid = member(*document, "pid"), boot = member(*document, "boot"),
               start = member(*document, "start_ticks");
    if (!pid || !boot || !start) return std::nullopt;
    const auto number = as_integer(*pid), ticks = as_integer(*start);
    const auto name = as_string(*boot);
    if (!number || !ticks || !name || *number <= 0 || *ticks < 0) return std::nullopt;
    return process_identity{*number, *name, static_cast<std::uint64_t>(*ticks)};
}

result<pid_lock> pid_lock::acquire(const std::string& folder) {
    const std::string path = folder + "/daemon.lock";
    for (int attempt = 0; attempt < 10; ++attempt) {
        unique_fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file)
            return fail(errno == ENOENT ? errc::io_not_found : errc::io_write, path + ": " + std::strerror(errno),
                        {path});
        const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
        if (!locked && errno == EWOULDBLOCK) return held_by(folder, read_holder(file.get()));
        if (!same_file(file.get(), path)) continue; // somebody removed it in between
        auto before = parse_identity(read_text(file.get()));
        if (before && !locked && is_running(*before)) return held_by(folder, before);
        AIVP_CHECK(write_text(file.get(), path, to_text(own_identity())));
        pid_lock out(file.release());
        out.owner_pid_ = ::getpid();
        out.died_before_ = std::move(before);
        return out;
    }
    return fail(errc::io_write, path + " keeps being replaced", {path});
}

pid_lock::pid_lock(pid_lock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), owner_pid_(other.owner_pid_), died_before_(std::move(other.died_before_)) {}

pid_lock& pid_lock::operator=(pid_lock&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(owner_pid_, other.owner_pid_);
    std::swap(died_before_, other.died_before_);
    return *this;
}

pid_lock::~pid_lock() {
    if (fd_ < 0) return;
    // An empty file says that the lock was given back; when that cannot be written, the next holder takes it for stale.
    if (owner_pid_ == ::getpid() && ::ftruncate(fd_, 0) != 0) ::close(std::exchange(fd_, -1));
    if (fd_ >= 0) ::close(fd_);
}

} // namespace aivp
