// What stands in a line of the journal, as far as a story of a run needs it: docs/journal-format.md has the keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp::sim {

struct event_view {
    std::string type; ///< "call_intended"
    payload whole;
    /// 0 and "" when there is no such member.
    std::int64_t number(std::string_view key) const;
    std::string text(std::string_view key) const;
};

struct record_view {
    std::string input; ///< "start_run"; empty for a completion that its first event tells
    payload told;      ///< the input, or null
    std::int64_t correlation = 0;
    std::vector<event_view> events;
};

/// Of a line that is no journal line: empty.
record_view view_of(std::string_view line);

/// A number of a canonical object without reading the rest; 0 when there is none.
std::int64_t number_of(std::string_view canonical_object, std::string_view key);

} // namespace aivp::sim
