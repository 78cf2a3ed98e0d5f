#include "runtime/os/internal/proc_table.hpp"

#include <algorithm>
#include <charconv>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aivp {

namespace {

/// Empty when it cannot be read.
std::string read_proc_file(const std::string& path) {
    std::string text;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return text;
    char buffer[4096];
    ssize_t n = 0;
    do { // the kernel fills the buffer while it has more
        n = ::read(fd, buffer, sizeof buffer);
        if (n > 0) text.append(buffer, static_cast<std::size_t>(n));
    } while (n == sizeof buffer);
    ::close(fd);
    return text;
}

template <class Number>
bool parse_whole(std::string_view text, Number& out) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
    return failed == std::errc{} && end == text.data() + text.size();
}

std::vector<pid_t> pids() {
    std::vector<pid_t> out;
    DIR* const folder = ::opendir("/proc");
    if (!folder) return out;
    while (const dirent* entry = ::readdir(folder)) {
        pid_t pid = 0;
        if (parse_whole(std::string_view(entry->d_name), pid)) out.push_back(pid);
    }
    ::closedir(folder);
    std::ranges::sort(out);
    return out;
}

} // namespace

std::optional<proc_entry> parse_proc_stat(std::string_view text) {
    const auto name_end = text.rfind(')');
    const auto name_begin = text.find(" (");
    if (name_end == std::string_view::npos || name_begin == std::string_view::npos) return std::nullopt;
    proc_entry out;
    if (!parse_whole(text.substr(0, name_begin), out.pid)) return std::nullopt;
    std::vector<std::string_view> fields; // from the third one on: state
    for (std::string_view rest = text.substr(name_end + 1); !rest.empty();) {
        const auto begin = rest.find_first_not_of(" \n");
        if (begin == std::string_view::npos) break;
        rest.remove_prefix(begin);
        const auto end = std::min(rest.find_first_of(" \n"), rest.size());
        fields.push_back(rest.substr(0, end));
        rest.remove_prefix(end);
    }
    constexpr std::size_t state = 0, parent = 1, session = 3, threads = 17, start = 19;
    if (fields.size() <= start || fields[state].size() != 1) return std::nullopt;
    out.state = fields[state].front();
    if (!parse_whole(fields[parent], out.parent) || !parse_whole(fields[session], out.session) ||
        !parse_whole(fields[threads], out.threads) || !parse_whole(fields[start], out.start_ticks))
        return std::nullopt;
    return out;
}

std::optional<proc_entry> read_process(pid_t pid) {
    return parse_proc_stat(read_proc_file("/proc/" + std::to_string(pid) + "/stat"));
}

std::vector<proc_entry> read_processes() {
    std::vector<proc_entry> out;
    for (const pid_t pid : pids())
        if (const auto entry = read_process(pid)) out.push_back(*entry);
    return out;
}

std::string started_with(pid_t pid, std::string_view variable) {
    const std::string all = read_proc_file("/proc/" + std::to_string(pid) + "/environ");
    for (std::string_view rest = all; !rest.empty();) {
        const auto end = std::min(rest.find('\0'), rest.size());
        const std::string_view one = rest.substr(0, end);
        if (one.size() > variable.size() && one.starts_with(variable) && one[variable.size()] == '=')
            return std::string(one.substr(variable.size() + 1));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

std::uint64_t count_threads_of(uid_t user) {
    std::uint64_t count = 0;
    for (const pid_t pid : pids()) {
        struct stat owner{};
        if (::stat(("/proc/" + std::to_string(pid)).c_str(), &owner) != 0 || owner.st_uid != user) continue;
        if (const auto entry = read_process(pid)) count += entry->threads;
    }
    return count;
}

std::string boot_id() {
    std::string text = read_proc_file("/proc/sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

} // namespace aivp
