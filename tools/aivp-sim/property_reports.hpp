// What was stated, and what came of it: by the code (probes), by the checker, by scenarios.
#pragma once

#include <string>
#include <vector>

#include "sim/runner.hpp"

namespace aivp::tools {

/// "  properties   31 always held · 12 of 14 sometimes reached · never reached: …\n".
std::string properties_line(const std::vector<sim::scenario_report>& reports);
/// Prints each with its place to stderr as property.not_reached. True when there was none.
bool report_not_reached(const std::vector<sim::scenario_report>& reports);

/// JSON arrays: all probes of this program, and the scenario's own properties.
std::string probes_json();
std::string own_json(const sim::scenario_report& r);

} // namespace aivp::tools
