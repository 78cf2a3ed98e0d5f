// What the last run was and what failed in it: a text that `run --failed` reads again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp::tools {

struct last_run {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 1;
    std::vector<std::string> failed; ///< files, as they were named
    friend bool operator==(const last_run&, const last_run&) = default;
};

std::string to_json(const last_run& r);
/// Errors: json.*, config.value (not a record of a run).
result<last_run> parse_last_run(std::string_view text);

} // namespace aivp::tools
