// Integer arithmetic that neither overflows nor loses anything unnoticed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp::detail {

__extension__ using wide = __int128;

constexpr std::int64_t narrow_saturated(wide value) {
    constexpr wide low = std::numeric_limits<std::int64_t>::min();
    constexpr wide high = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::clamp(value, low, high));
}

/// divisor > 0.
constexpr wide floor_div(wide value, wide divisor) {
    const wide quotient = value / divisor;
    return value % divisor < 0 ? quotient - 1 : quotient;
}
constexpr wide ceil_div(wide value, wide divisor) { return -floor_div(-value, divisor); }

/// Checks one member of a policy: config.range unless low <= value <= high.
inline result<void> check_range(std::string_view name, std::int64_t value, std::int64_t low, std::int64_t high) {
    if (value >= low && value <= high) return {};
    return fail(errc::config_range, std::string(name) + " is " + std::to_string(value) +
                                        ", allowed: " + std::to_string(low) + " to " + std::to_string(high));
}

} // namespace aivp::detail
