// What the last run was and what failed in it, for `run --failed`: FOLDER/last-run.json.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/common/command.hpp"

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

/// The folder of --record, else .aivp below the current one.
std::string record_folder(const arguments& a);
/// Errors: io.not_found (nothing was recorded), and those of parse_last_run().
result<last_run> read_last_run(const arguments& a);
/// Replaces the file in one step. Without --record, a run in which nothing failed makes no folder for saying so.
/// Errors: io.write.
result<void> record_run(const arguments& a, const last_run& r);

} // namespace aivp::tools
