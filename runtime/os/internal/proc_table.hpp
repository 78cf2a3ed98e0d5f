// What /proc says about processes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace aivp {

struct proc_entry {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t session = 0;
    char state = 0;                ///< 'Z' = has ended, waits to be reaped
    std::uint32_t threads = 0;     ///< at least 1
    std::uint64_t start_ticks = 0; ///< since boot; with the pid it names one process of this boot
};

/// The text of /proc/<pid>/stat; nullopt when it is not one. The program's name in it may hold blanks and brackets.
std::optional<proc_entry> parse_proc_stat(std::string_view text);
/// nullopt when there is no such process.
std::optional<proc_entry> read_process(pid_t pid);
/// All there are, in ascending order of pid.
std::vector<proc_entry> read_processes();
/// Value of a variable in the environment that the process was started with; empty when absent or not readable.
std::string started_with(pid_t pid, std::string_view variable);
/// Number of threads that run as this user.
std::uint64_t count_threads_of(uid_t user);
/// Names the boot; empty when not known.
std::string boot_id();

} // namespace aivp
