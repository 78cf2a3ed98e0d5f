#include "tools/aivp-sim/watch.hpp"

#include <csignal>
#include <ctime>
#include <filesystem>

namespace aivp::tools {

namespace {

constexpr std::size_t files_of_a_folder_max = 5'000;

volatile std::sig_atomic_t stop_wanted = 0;
struct sigaction interrupt_before, terminate_before;

void note_signal(int) { stop_wanted = 1; }

} // namespace

std::set<std::string> files_of(const sim::scenario& s) {
    namespace fs = std::filesystem;
    std::set<std::string> out{s.file};
    for (const snapshot_ptr& a : s.agents)
        if (!a->file.empty()) out.insert(a->file);
    std::error_code ec;
    for (const std::string& path : s.skill_paths) {
        if (!fs::is_directory(path, ec)) {
            out.insert(path);
            continue;
        }
        std::size_t seen = 0;
        for (fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, ec), end;
             !ec && it != end && seen < files_of_a_folder_max; it.increment(ec), ++seen)
            if (it->is_regular_file(ec)) out.insert(it->path().generic_string());
    }
    return out;
}

file_mark mark_of(const std::string& path) {
    std::error_code ec;
    const auto size = std::filesystem::file_size(path, ec);
    if (ec) return {0, 0};
    const auto written = std::filesystem::last_write_time(path, ec);
    if (ec) return {0, 0};
    return {static_cast<std::int64_t>(written.time_since_epoch().count()), size};
}

stop_signal::stop_signal() {
    stop_wanted = 0;
    struct sigaction action{};
    action.sa_handler = note_signal;
    sigaction(SIGINT, &action, &interrupt_before);
    sigaction(SIGTERM, &action, &terminate_before);
}

stop_signal::~stop_signal() {
    sigaction(SIGINT, &interrupt_before, nullptr);
    sigaction(SIGTERM, &terminate_before, nullptr);
}

bool stop_signal::wanted() { return stop_wanted != 0; }

void stop_signal::sleep_ms(int ms) {
    const timespec time{ms / 1000, (ms % 1000) * 1'000'000L};
    nanosleep(&time, nullptr);
}

} // namespace aivp::tools
