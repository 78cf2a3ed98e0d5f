// `aivp-sim run --crash-points`: kills a scenario's process wherever it can die, and says what became of it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/scenario.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// --shard I/N: the I-th of N parts, from 1. Errors: usage.invalid.
struct shard_selection {
    std::uint64_t shard = 1;
    std::uint64_t shards = 1;
};
result<shard_selection> shard_of(const arguments& a);

/// Exit code: 0, or 10 when anything was found.
int run_crash_points(const arguments& a, const std::vector<std::shared_ptr<const sim::scenario>>& scenarios);

/// The flags that belong to it.
std::vector<flag_spec> crash_flags();

} // namespace aivp::tools
