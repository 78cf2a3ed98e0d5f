// fork and exec: one child in a session of its own that inherits nothing but what the plan names.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/types.h>

#include "aivp/base/error.hpp"

namespace aivp {

/// Closes it at the end; -1 = none.
class unique_fd {
public:
    unique_fd() = default;
    explicit unique_fd(int fd) : fd_(fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~unique_fd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset();

private:
    int fd_ = -1;
};

/// `read` does not block its reader; both ends close at exec. Errors: process.start.
struct pipe_ends {
    unique_fd read;
    unique_fd write;
};
result<pipe_ends> make_pipe();
/// A sealed file in memory that holds `text`, at its start: as stdin it needs no feeding. Errors: process.start.
result<unique_fd> make_input(std::string_view text);

struct spawn_plan {
    std::string program;                  ///< absolute path
    std::vector<std::string> arguments;   ///< with the program's name first
    std::vector<std::string> environment; ///< "NAME=value", the whole of it
    std::string folder;                   ///< the child's current folder
    int input = -1;                       ///< descriptors that become 0, 1 and 2
    int output = -1;
    int log = -1;
    std::vector<std::pair<int, rlim_t>> limits; ///< RLIMIT_*, most; never above what this process may have itself
    bool no_new_privileges = false;
};

/// Returns when the program runs; its session and process group have its pid as number, all signals have their default
/// action, and it is killed when the calling thread ends. Errors: io.not_found, process.start.
result<pid_t> spawn(const spawn_plan& plan);

} // namespace aivp
