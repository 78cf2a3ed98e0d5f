// Notices that files change, and that somebody wants to stop.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "sim/scenario.hpp"

namespace aivp::tools {

/// The files that a scenario was read from: its own, its agents' and all below its folders of skills.
std::set<std::string> files_of(const sim::scenario& s);

/// What a file is like: when it was written and how long it is. {0, 0} when there is none.
using file_mark = std::pair<std::int64_t, std::uint64_t>;
file_mark mark_of(const std::string& path);

/// From its construction on, SIGINT and SIGTERM only set a flag. One at a time.
class stop_signal {
public:
    stop_signal();
    ~stop_signal();
    stop_signal(const stop_signal&) = delete;
    stop_signal& operator=(const stop_signal&) = delete;
    static bool wanted();
    /// Sleeps so long, or until a signal comes.
    static void sleep_ms(int ms);
};

} // namespace aivp::tools
