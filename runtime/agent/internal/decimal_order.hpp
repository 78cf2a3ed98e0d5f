// Exact order of JSON numbers by their text: two 64-bit ids beyond 2^53 are two numbers, and 1e+30 is the integer with
// thirty zeros.
#pragma once

#include <string_view>

namespace aivp::internal {

/// Negative, zero or positive. Both are JSON numbers.
int compare_decimals(std::string_view left, std::string_view right);

} // namespace aivp::internal
