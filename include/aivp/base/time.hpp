// Instants and durations as integer microseconds. The engine never asks what time it is: an instant arrives in the
// envelope of an input. int64 microseconds cover the years -290,000 to +290,000 and survive a JSON number exactly
// within +-285 years around 1970.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

/// A signed span of time in microseconds.
struct duration {
    std::int64_t us = 0;

    friend constexpr auto operator<=>(const duration&, const duration&) = default;
};

/// A point of UTC time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX).
struct instant {
    std::int64_t us = 0;

    friend constexpr auto operator<=>(const instant&, const instant&) = default;
    static constexpr instant max() { return {std::numeric_limits<std::int64_t>::max()}; }
    static constexpr instant min() { return {std::numeric_limits<std::int64_t>::min()}; }
};

constexpr duration microseconds(std::int64_t n) { return {n}; }
constexpr duration milliseconds(std::int64_t n) { return {n * 1'000}; }
constexpr duration seconds(std::int64_t n) { return {n * 1'000'000}; }
constexpr duration minutes(std::int64_t n) { return seconds(n * 60); }
constexpr duration hours(std::int64_t n) { return minutes(n * 60); }
constexpr duration days(std::int64_t n) { return hours(n * 24); }

namespace detail {
/// Sums saturate instead of overflowing: a deadline beyond the end of time is the end of time.
constexpr std::int64_t add_saturated(std::int64_t a, std::int64_t b) {
    std::int64_t r = 0;
    if (!__builtin_add_overflow(a, b, &r)) return r;
    return b > 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}
constexpr std::int64_t sub_saturated(std::int64_t a, std::int64_t b) {
    std::int64_t r = 0;
    if (!__builtin_sub_overflow(a, b, &r)) return r;
    return b < 0 ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min();
}
} // namespace detail

constexpr instant operator+(instant t, duration d) { return {detail::add_saturated(t.us, d.us)}; }
constexpr instant operator-(instant t, duration d) { return {detail::sub_saturated(t.us, d.us)}; }
constexpr duration operator-(instant a, instant b) { return {detail::sub_saturated(a.us, b.us)}; }
constexpr duration operator+(duration a, duration b) { return {detail::add_saturated(a.us, b.us)}; }
constexpr duration operator-(duration a, duration b) { return {detail::sub_saturated(a.us, b.us)}; }

/// RFC 3339 with exactly the precision that the value needs: "2026-03-01T09:00:00Z", "…00.250Z", "…00.000001Z".
std::string to_string(instant t);
/// Accepts RFC 3339 with `Z` or an offset, up to 6 fractional digits. Errors: time.syntax, time.range.
result<instant> parse_instant(std::string_view text);

/// Compact: "1h30m", "250ms", "2s", "15us", "0s"; negative with a leading "-".
std::string to_string(duration d);
/// Sum of <integer><unit>, unit one of d, h, m, s, ms, us, each unit at most once, largest first ("1h30m", "250ms").
/// Errors: time.syntax, time.range.
result<duration> parse_duration(std::string_view text);

} // namespace aivp
