#include "runtime/os/sandbox.hpp"

#include <algorithm>

#include <sys/stat.h>
#include <unistd.h>

namespace aivp {

const char* to_string(sandbox_profile p) {
    switch (p) {
    case sandbox_profile::none: return "none";
    case sandbox_profile::rlimits: return "rlimits";
    case sandbox_profile::bwrap: return "bwrap";
    }
    return "";
}

result<sandbox_profile> parse_sandbox_profile(std::string_view name) {
    for (const auto p : {sandbox_profile::none, sandbox_profile::rlimits, sandbox_profile::bwrap})
        if (name == to_string(p)) return p;
    return fail(errc::config_not_supported, "there is no sandbox profile \"" + std::string(name) + "\"", {},
                "Profiles are none, rlimits and bwrap.");
}

system_layout read_system_layout() {
    system_layout out;
    for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
        struct stat what{};
        if (::lstat(name, &what) != 0) continue;
        if (!S_ISLNK(what.st_mode)) {
            if (S_ISDIR(what.st_mode)) out.folders.emplace_back(name);
            continue;
        }
        char target[256];
        const ssize_t n = ::readlink(name, target, sizeof target);
        if (n > 0 && n < static_cast<ssize_t>(sizeof target))
            out.links.push_back({name, std::string(target, static_cast<std::size_t>(n))});
    }
    for (const char* name : {"/etc/alternatives", "/etc/ld.so.cache", "/etc/localtime"})
        if (::access(name, R_OK) == 0) out.folders.emplace_back(name);
    return out;
}

std::vector<std::string> bwrap_command(const bwrap_request& request, const system_layout& layout) {
    std::vector<std::string> out{request.bwrap_program,
                                 "--unshare-all",
                                 "--die-with-parent",
                                 "--cap-drop",
                                 "ALL",
                                 "--uid",
                                 "65534",
                                 "--gid",
                                 "65534",
                                 "--hostname",
                                 "aivp",
                                 "--ro-bind",
                                 "/usr",
                                 "/usr"};
    for (const auto& link : layout.links) out.insert(out.end(), {"--symlink", link.target, link.name});
    for (const auto& folder : layout.folders) out.insert(out.end(), {"--ro-bind", folder, folder});
    out.insert(out.end(), {"--proc", "/proc", "--dev", "/dev", "--size", std::to_string(request.scratch_bytes_max),
                           "--tmpfs", "/tmp"});
    for (const auto& path : request.readable) out.insert(out.end(), {"--ro-bind", path, path});
    out.insert(out.end(), {"--remount-ro", "/", "--setenv", "HOME", "/tmp", "--setenv", "TMPDIR", "/tmp", "--chdir",
                           "/tmp", "--", request.program});
    out.insert(out.end(), request.arguments.begin(), request.arguments.end());
    return out;
}

bool is_seen(std::string_view path, const system_layout& layout, const std::vector<std::string>& readable) {
    const auto below = [&](std::string_view folder) {
        return path.starts_with(folder) &&
               (path.size() == folder.size() || folder.ends_with('/') || path[folder.size()] == '/');
    };
    return below("/usr") || std::ranges::any_of(layout.folders, below) || std::ranges::any_of(readable, below);
}

} // namespace aivp
