// `aivp-sim verify --faults`: random plans, each run twice.
#pragma once

#include "tools/aivp-sim/explore_command.hpp"

namespace aivp::tools {

/// Exit code: 0; 12 when two runs of a case differ; 10 when a run throws or a scenario fails without further faults.
int run_doubles(const arguments& a, const scenario_list& scenarios);

/// The flags that belong to it.
std::vector<flag_spec> doubles_flags();

} // namespace aivp::tools
