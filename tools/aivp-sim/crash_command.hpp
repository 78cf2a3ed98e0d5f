// `aivp-sim run --crash-points`: kills a scenario's process wherever it can die, and says what became of it.
#pragma once

#include <memory>
#include <vector>

#include "sim/scenario.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// Exit code: 0, or 10 when anything was found.
int run_crash_points(const arguments& a, const std::vector<std::shared_ptr<const sim::scenario>>& scenarios);

/// The flags that belong to it.
std::vector<flag_spec> crash_flags();

} // namespace aivp::tools
