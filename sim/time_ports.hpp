// The simulator's side of time: clock, timers and delayed actions, all on one scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "aivp/ports/clock.hpp"
#include "aivp/ports/completion.hpp"
#include "mocks/world.hpp"
#include "sim/scheduler.hpp"

namespace aivp::sim {

class sim_clock final : public clock_port {
public:
    explicit sim_clock(const scheduler& s) : scheduler_(s) {}
    instant now() override { return scheduler_.now(); }

private:
    const scheduler& scheduler_;
};

/// Timers. A replaced or disarmed timer stays in the queue and is recognised as stale when its turn comes.
class sim_timers final : public timer_port, public event_handler {
public:
    explicit sim_timers(scheduler& s) : scheduler_(s) {}
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

private:
    scheduler& scheduler_;
    completion_sink* sink_ = nullptr;
    std::uint64_t next_token_ = 1;
    std::map<timer_key, std::uint64_t> armed_;    ///< key -> its valid token
    std::map<std::uint64_t, timer_key> by_token_; ///< only valid tokens
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
