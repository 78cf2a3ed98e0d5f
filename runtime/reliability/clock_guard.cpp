#include "aivp/reliability/clock_guard.hpp"

#include <algorithm>

namespace aivp {

namespace {

duration between(std::int64_t later_us, std::int64_t earlier_us) {
    return {detail::sub_saturated(later_us, earlier_us)};
}

/// Of the smallest number it is the largest one.
duration magnitude(duration d) { return d.us < 0 ? duration{} - d : d; }

/// What falls on a part of the time that passed; never more than the part.
duration share_of(duration advanced, duration part, duration elapsed) {
    if (advanced >= elapsed) return part;
    return {static_cast<std::int64_t>(detail::wide{part.us} * advanced.us / elapsed.us)};
}

} // namespace

const char* to_string(clock_change::kind kind) {
    switch (kind) {
    case clock_change::kind::sleep: return "sleep";
    case clock_change::kind::step: return "step";
    case clock_change::kind::drift: return "drift";
    }
    return "";
}

void clock_guard::judge(const clock_reading& reading, duration elapsed, std::vector<clock_change>& out) {
    const duration slept =
        between(reading.boottime_us, reading.monotonic_us) - between(last_.boottime_us, last_.monotonic_us);
    if (slept >= options_.sleep_min) out.push_back({clock_change::kind::sleep, slept});

    const duration offset = between(reading.wall_us, reading.boottime_us);
    const duration moved = offset - between(last_.wall_us, last_.boottime_us);
    const duration slewed{elapsed.us / 1'000'000 * options_.slew_ppm_max};
    if (magnitude(moved) >= options_.step_min + slewed) {
        out.push_back({clock_change::kind::step, moved});
        drift_base_ = offset;
    } else if (const duration apart = offset - drift_base_; magnitude(apart) >= options_.drift_min) {
        out.push_back({clock_change::kind::drift, apart});
        drift_base_ = offset;
    }
}

clock_guard::observation clock_guard::observe(const clock_reading& reading) {
    observation out;
    const instant wall{reading.wall_us};
    if (!started_) {
        started_ = true;
        now_ = wall;
        drift_base_ = between(reading.wall_us, reading.boottime_us);
    } else {
        const duration elapsed = std::max(between(reading.boottime_us, last_.boottime_us), duration{});
        judge(reading, elapsed, out.changes);
        const instant before = now_;
        if (wall >= now_) {
            now_ = wall;
            half_us_carry_ = 0;
        } else {
            const std::int64_t halves = detail::add_saturated(elapsed.us, half_us_carry_);
            now_ = now_ + duration{halves / 2};
            half_us_carry_ = halves % 2;
        }
        if (!out.changes.empty() && out.changes.front().what == clock_change::kind::sleep)
            out.slept = share_of(now_ - before, out.changes.front().amount, elapsed);
    }
    last_ = reading;
    out.now = now_;
    return out;
}

} // namespace aivp
