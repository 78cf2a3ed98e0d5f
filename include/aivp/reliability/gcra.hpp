// A rate limit whose whole state is one point in time: the generic cell rate algorithm (ITU-T I.371; as in throttled and
// redis-cell). The theoretical arrival time (TAT) is when the bucket would be empty again; a cost is admitted unless that lies
// too far ahead. The TAT is a fraction and nothing of it is rounded, so that a rate which divides badly loses nothing either:
// no window of any length ever holds more than rate * length + burst, and who comes at the exact moment gets through.
#pragma once

#include <cstdint>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// `count` units in each `per`, and up to `burst` units at once. All > 0; per <= 366 days; count and burst <= 10^12.
struct rate_limit {
    std::int64_t count = 1;
    duration per = seconds(1);
    std::int64_t burst = 1;

    friend bool operator==(const rate_limit&, const rate_limit&) = default;
};

/// Errors: config.range.
result<void> check(const rate_limit& limit);

/// The state of one key. Never used: any time in the past.
struct gcra_state {
    std::int64_t tat_ns = INT64_MIN; ///< nanoseconds since 1970
    std::int64_t tat_rest = 0;       ///< and so many `count`ths of a nanosecond; 0..count - 1

    friend bool operator==(const gcra_state&, const gcra_state&) = default;
};

enum class rate_verdict : std::uint8_t {
    admitted,
    wait,  ///< not now
    never, ///< it costs more than the burst
};

struct rate_answer {
    rate_verdict verdict = rate_verdict::admitted;
    instant
        at; ///< now when admitted; when to wait: the first microsecond at which it would be admitted if nobody else came

    explicit operator bool() const { return verdict == rate_verdict::admitted; }
    friend bool operator==(const rate_answer&, const rate_answer&) = default;
};

/// What admit() would answer. cost >= 0; 0 is always admitted. Instants count within the years 1678 to 2262.
rate_answer peek(const rate_limit& limit, const gcra_state& state, std::int64_t cost, instant now);
/// Takes the cost when it is admitted; otherwise the state stays as it is. The limit must pass check().
rate_answer admit(const rate_limit& limit, gcra_state& state, std::int64_t cost, instant now);
/// Takes the cost unasked, also into debt: for what turned out to cost more than was admitted.
void charge(const rate_limit& limit, gcra_state& state, std::int64_t cost, instant now);

} // namespace aivp
