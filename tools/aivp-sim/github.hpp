// Failures as GitHub Actions shows them: annotations beside the line of the scenario, and a summary of the step.
#pragma once

#include <string>

#include "tools/aivp-sim/results.hpp"

namespace aivp::tools {

/// The service shows no more of a kind for one step.
inline constexpr std::size_t github_annotations_max = 10;
/// The service refuses a larger summary.
inline constexpr std::size_t github_summary_bytes_max = 1u << 20;

/// "::error file=…,line=…,title=…::…", one line for each distinct property.
std::string github_annotations(const reported_results& results);
/// Markdown of at most github_summary_bytes_max bytes.
std::string github_summary(const reported_results& results);
/// To the file that the environment variable GITHUB_STEP_SUMMARY names; nothing without it. Errors: io.write.
result<void> append_github_summary(const reported_results& results);

} // namespace aivp::tools
