// The simulator's side of time: clock, timers and delayed actions, all on one scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/completion.hpp"
#include "aivp/reliability/clock_guard.hpp"
#include "mocks/world.hpp"
#include "sim/scheduler.hpp"

namespace aivp::sim {

/// What the machine's clock shows. Somebody may set it, it may run apart, and the machine may sleep: from then on it is read
/// as the live host reads its own, through a guard that never lets time run back.
class sim_clock final : public clock_port {
public:
    explicit sim_clock(const scheduler& s) : scheduler_(s) {}
    instant now() override;
    /// The same, without counting as a reading.
    instant shown() { return disturbed_ ? guard_.observe(reading()).now : scheduler_.now(); }
    /// How far it is ahead of the scheduler's time.
    duration ahead() { return shown() - scheduler_.now(); }

    bool disturbed() const { return disturbed_; }
    void set_by(duration step);
    /// Returns how far what is shown goes on by it: nothing for a nap that the guard does not notice.
    duration sleep(duration asleep);
    /// The wall clock gains (or loses) so much in each hour from now on.
    void drift(duration an_hour);
    /// Called at each reading by the engine, before it.
    void on_reading(std::function<void()> look) { look_ = std::move(look); }

private:
    clock_reading reading() const;

    const scheduler& scheduler_;
    bool disturbed_ = false;
    duration set_;
    duration asleep_;
    duration drift_an_hour_;
    instant drifts_since_;
    clock_guard guard_;
    std::function<void()> look_;
};

/// Timers. A replaced or disarmed timer stays in the queue and is recognised as stale when its turn comes. Due times are the
/// machine's clock's: a timer that comes too early by that clock is armed again.
class sim_timers final : public timer_port, public event_handler {
public:
    sim_timers(scheduler& s, sim_clock& clock) : scheduler_(s), clock_(clock) {}
    /// Where fired timers go; before the first arm().
    void deliver_to(completion_sink& sink) { sink_ = &sink; }

    void arm(timer_key key, instant due) override;
    void disarm(timer_key key) override;
    void fire(std::uint64_t token) override;
    std::size_t armed() const { return armed_.size(); }
    /// The process that armed them is gone.
    void clear() {
        armed_.clear();
        by_token_.clear();
    }
    /// The clock has jumped: what is due is due by what it shows now.
    void clock_changed();

private:
    struct armed_timer {
        timer_key key;
        instant due;
    };
    void schedule(std::uint64_t token, instant due);

    scheduler& scheduler_;
    sim_clock& clock_;
    completion_sink* sink_ = nullptr;
    std::uint64_t next_token_ = 1;
    std::map<timer_key, std::uint64_t> armed_;      ///< key -> its valid token
    std::map<std::uint64_t, armed_timer> by_token_; ///< only valid tokens
};

/// What mocks use to act later.
class sim_mock_world final : public mock_world, public event_handler {
public:
    explicit sim_mock_world(scheduler& s) : scheduler_(s) {}

    instant now() override { return scheduler_.now(); }
    void after(duration delay, std::function<void()> action) override;
    void fire(std::uint64_t token) override;

private:
    scheduler& scheduler_;
    std::vector<std::function<void()>> slots_;
    std::vector<std::uint32_t> free_;
};

} // namespace aivp::sim
