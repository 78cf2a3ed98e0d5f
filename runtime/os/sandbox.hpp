// Sandbox profiles: what each of them promises, and the command line that keeps the promise.
//
//   none     session, environment and descriptors of its own; caps on time and output
//   rlimits  and limits on memory, CPU time, open files, file size, core dumps and, unless the user is root, processes;
//            no new privileges
//   bwrap    and, by bubblewrap: no network, no other processes, a read-only system, no home folders, no capabilities
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp {

enum class sandbox_profile : std::uint8_t { none, rlimits, bwrap };
const char* to_string(sandbox_profile p);
/// Errors: config.not_supported.
result<sandbox_profile> parse_sandbox_profile(std::string_view name);

/// What this machine can do.
struct sandbox_support {
    bool bwrap = false;
    std::string bwrap_program; ///< absolute path, when found
    std::string why;           ///< when bwrap is false: why not, for people
};

/// What of the machine stands where, for the read-only view.
struct system_layout {
    struct link {
        std::string name;   ///< "/bin"
        std::string target; ///< "usr/bin"
    };
    std::vector<link> links;          ///< top folders that are links into /usr
    std::vector<std::string> folders; ///< the others, and files below /etc that programs need to start
};
system_layout read_system_layout();

struct bwrap_request {
    std::string bwrap_program;
    std::string program;                 ///< absolute path
    std::vector<std::string> arguments;  ///< without the program
    std::vector<std::string> readable;   ///< folders and files that are seen as well, read-only, absolute
    std::uint64_t scratch_bytes_max = 0; ///< of /tmp, its current folder, which is all that it can write to
};
/// The whole command, bwrap first. Pure.
std::vector<std::string> bwrap_command(const bwrap_request& request, const system_layout& layout);
/// Whether `path` (absolute, resolved) is /usr, one of the folders or below one of them. Pure.
bool is_seen(std::string_view path, const system_layout& layout, const std::vector<std::string>& readable);

} // namespace aivp
