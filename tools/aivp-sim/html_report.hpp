// Results as one HTML page that opens from disk: no script, nothing loaded from elsewhere, light and dark.
#pragma once

#include <string>

#include "tools/aivp-sim/results.hpp"

namespace aivp::tools {

std::string to_html(const reported_results& results);

} // namespace aivp::tools
