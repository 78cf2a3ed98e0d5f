// A failure as a block of text: at most 25 lines, the last of which repeat it. docs/faults.md explains one.
#pragma once

#include <string>

#include "sim/search/failure.hpp"

namespace aivp::tools {

inline constexpr std::size_t failure_lines_max = 25;

/// `kept`: the regression file that was written for it; empty = none. Every line ends with a line end.
std::string failure_block(const sim::failure_report& r, const std::string& kept);
/// One JSON object without a line end.
std::string failure_json(const sim::failure_report& r, const std::string& kept);
/// "skill/clerk/charge #2 lost after=2s", "no faults", with the changes of the workload in a few words.
std::string plan_words(const sim::run_case& c);

} // namespace aivp::tools
