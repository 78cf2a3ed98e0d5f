// The system's clock as the driver sees it, with a guard that never lets it run back.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/reliability/clock_guard.hpp"

namespace aivp {

/// Reads CLOCK_MONOTONIC, CLOCK_REALTIME and CLOCK_BOOTTIME; of a few tries the one least torn by a pause in between.
clock_reading read_system_clocks();

/// Threads: one.
class live_clock final : public clock_port {
public:
    explicit live_clock(clock_guard::options options = {}, std::function<clock_reading()> read = read_system_clocks);

    instant now() override;
    /// See clock_guard::ahead(), at the last now().
    duration ahead() const { return guard_.ahead(); }
    /// What calls of now() have noticed since the last take_changes(), oldest first; of more than 64 the newest.
    std::vector<clock_change> take_changes();
    /// How much of the time that now() showed to pass was sleep, since the last take_slept().
    duration take_slept() { return std::exchange(slept_, {}); }

private:
    clock_guard guard_;
    std::function<clock_reading()> read_;
    std::vector<clock_change> changes_;
    duration slept_;
};

} // namespace aivp
