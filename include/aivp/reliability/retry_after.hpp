// How long the other side asks us to wait, in every form in which servers say it. Sources: RFC 9110 sections 10.2.3
// (Retry-After) and 5.6.7 (the three forms of HTTP-date); OpenAI (retry-after-ms, x-ratelimit-reset-* as durations such as
// "6m0s"), Groq ("17.399999999s"), Azure (bare integers), GitHub (x-ratelimit-reset in Unix seconds), Anthropic
// (anthropic-ratelimit-*-reset in RFC 3339), the IETF draft's ratelimit-reset. Such headers also stand on successful answers:
// only a failure is a reason to wait.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "aivp/base/time.hpp"

namespace aivp {

/// A header of an answer. The views belong to the caller.
struct header_view {
    std::string_view name; ///< compared without regard to case
    std::string_view value;
};

/// No wait is taken for longer than this: more is a mistake of the server, or of its clock.
inline constexpr duration retry_after_max = days(1);

enum class retry_after_source : std::uint8_t { milliseconds, seconds, date, reset };
std::string_view to_string(retry_after_source source);

struct retry_after_hint {
    duration wait; ///< 0 .. retry_after_max
    retry_after_source source = retry_after_source::seconds;
    bool clamped = false; ///< the server said something negative, past or above retry_after_max

    friend bool operator==(const retry_after_hint&, const retry_after_hint&) = default;
};

/// The value of a Retry-After header: decimal seconds (fractions are rounded up to the microsecond) or an HTTP-date. A number
/// below zero and a date in the past mean 0. nullopt for anything else.
std::optional<retry_after_hint> parse_retry_after(std::string_view value, instant now);

/// IMF-fixdate "Sun, 06 Nov 1994 08:49:37 GMT", RFC 850 "Sunday, 06-Nov-94 08:49:37 GMT" or asctime
/// "Sun Nov  6 08:49:37 1994". Names in any case; that the day of the week fits the date is not checked; second 60 is the next
/// minute. A two-digit year is the one within 50 years of `now`, which must lie in the years 0 to 9999.
std::optional<instant> parse_http_date(std::string_view text, instant now);

/// A span as Go and protobuf write it: "1s", "6m0s", "20ms", "45.837906927s", "-1s"; units d, h, m, s, ms, us, µs, ns. Rounded
/// up to the microsecond; beyond +-1000 days it is +-1000 days.
std::optional<duration> parse_reset_duration(std::string_view text);

/// When a limit is renewed, as time from `now`: a duration, an RFC 3339 instant, or a bare number: seconds, below 10^9; Unix
/// seconds, below 10^12; Unix milliseconds from there on.
std::optional<retry_after_hint> parse_reset(std::string_view value, instant now);

/// The best of what the headers say: retry-after-ms before retry-after before the times at which limits are renewed. Of
/// the latter, the last one among the limits whose "remaining" is 0; when none is, the first one at all. Of several headers
/// of one name the longest wait. Headers that are not understood are passed over; nullopt when none is left.
std::optional<retry_after_hint> find_retry_after(std::span<const header_view> headers, instant now);

/// x-should-retry: "true" or "false"; nullopt when absent or anything else.
std::optional<bool> find_should_retry(std::span<const header_view> headers);

} // namespace aivp
