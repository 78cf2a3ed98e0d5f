// Judges what the system's clocks say: whether the machine slept, whether somebody set the wall clock, whether it runs
// apart slowly; and makes of it a time that never runs back. Pure: the readings come in, so that every history of clocks
// can be tested.
#pragma once

#include <cstdint>
#include <vector>

#include "aivp/base/time.hpp"

namespace aivp {

/// The system's three clocks at (nearly) the same moment, microseconds.
struct clock_reading {
    std::int64_t wall_us = 0;      ///< CLOCK_REALTIME: UTC, may be set by anyone
    std::int64_t monotonic_us = 0; ///< CLOCK_MONOTONIC: stands still while the machine sleeps
    std::int64_t boottime_us = 0;  ///< CLOCK_BOOTTIME: as monotonic, but counts sleep
};

struct clock_change {
    enum class kind : std::uint8_t {
        sleep, ///< the machine slept for `amount`
        step,  ///< the wall clock was set forward (amount > 0) or back by `amount`
        drift, ///< without a step, the wall clock has run apart by `amount` since the last step or report of drift
    } what = kind::sleep;
    duration amount;

    friend bool operator==(const clock_change&, const clock_change&) = default;
};
const char* to_string(clock_change::kind kind);

struct clock_guard_options {
    duration sleep_min = milliseconds(500);
    duration step_min = milliseconds(500);
    duration drift_min = seconds(1);
    std::int64_t slew_ppm_max = 1000; ///< as fast as a time service moves the clock without a step, with room
};

class clock_guard {
public:
    using options = clock_guard_options;
    struct observation {
        instant now;                       ///< never before an earlier one, never before the reading's wall clock
        std::vector<clock_change> changes; ///< since the reading before; at most one of each kind, sleep first
        duration slept; ///< so much of what `now` went on was sleep: less than the sleep itself at half speed
    };

    explicit clock_guard(options o = {}) : options_(o) {}

    /// Readings in the order in which they were taken. After the wall clock was set back, `now` goes on at half speed
    /// until the wall clock has caught up: standing still, it would hold up every timeout for as long.
    observation observe(const clock_reading& reading);
    /// How far `now` is ahead of the wall clock; zero but after a step back.
    duration ahead() const { return now_ - instant{last_.wall_us}; }

private:
    void judge(const clock_reading& reading, duration elapsed, std::vector<clock_change>& out);

    options options_;
    bool started_ = false;
    clock_reading last_;
    duration drift_base_; ///< wall − boottime when the present measurement of drift began
    instant now_;
    std::int64_t half_us_carry_ = 0; ///< 0 or 1: what halving has left over
};

} // namespace aivp
