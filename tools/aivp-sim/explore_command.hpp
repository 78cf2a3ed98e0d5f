// `aivp-sim explore` and the search behind `run --faults`: plans are tried, and what breaks is shrunk, shown and kept.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sim/search/search.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

using scenario_list = std::vector<std::shared_ptr<const sim::scenario>>;

/// Reads all scenarios at and below the paths. Returns an exit code when something is wrong with them. In run_command.cpp.
int load_scenarios(const arguments& a, scenario_list& out);

/// `run --faults N`: random plans only. Exit code: 0, or 10 when anything was found.
int run_swarm(const arguments& a, const scenario_list& scenarios);
/// `run --plan FILE`: puts the scenarios under the plan of a file. Returns an exit code; not 0 when the file is wrong.
int read_plan(const arguments& a, scenario_list& scenarios);

/// Writes the failure as FOLDER/STEM-SIGNATURE.yaml and returns the path. Errors: io.write.
result<std::string> keep_failure(const sim::failure_report& r, const std::string& folder);
/// Where failures are kept unless --keep says otherwise.
inline constexpr const char* regressions_folder = "scenarios/regressions";
/// The folder that --keep and --no-keep name; empty = nowhere.
std::string keep_folder(const arguments& a);

/// --jobs as a number of threads.
result<unsigned> jobs_of(const arguments& a);
/// --time-budget in seconds; 0 = none.
result<double> budget_of(const arguments& a);
/// True once so many seconds have passed since now. Empty for 0.
std::function<bool()> expires_after(double seconds);

} // namespace aivp::tools
