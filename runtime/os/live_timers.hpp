// Timers at absolute instants of the wall clock, on the event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "aivp/ports/completion.hpp"
#include "runtime/os/event_loop.hpp"
#include "runtime/os/live_clock.hpp"

namespace aivp {

struct live_timers_options {
    /// The longest time without a look at the clock. A step or the end of a sleep is noticed at once where the kernel
    /// tells of it (timerfd), else after this time.
    duration slice_max = seconds(60);
    /// Told of each change of the clock that is noticed here, on the loop's thread.
    std::function<void(const clock_change&)> report;
};

/// Timers fire in order of their instants, then keys, never from within arm(), never before clock.now() >= due.
/// Threads: the loop's. The loop and the clock outlive it.
class live_timers final : public timer_port {
public:
    live_timers(event_loop& loop, live_clock& clock, live_timers_options options = {});
    ~live_timers() override;
    /// Where fired timers go; set once, before the loop runs.
    void deliver_to(completion_sink& sink) { sink_ = &sink; }

    void arm(timer_key key, instant due) override;
    void disarm(timer_key key) override;
    /// Looks at the clock now and fires what is due at the loop's next turn.
    void reevaluate();
    std::size_t armed() const { return armed_.size(); }

private:
    struct arming {
        instant due;
        std::uint64_t number = 0;
    };
    struct watch;
    void wait();
    void look();
    void report_changes();

    event_loop& loop_;
    live_clock& clock_;
    live_timers_options options_;
    completion_sink* sink_ = nullptr;
    std::map<timer_key, arming> armed_;
    std::set<std::pair<instant, timer_key>> queue_;
    std::uint64_t next_number_ = 1;
    loop_handle next_look_;
    std::shared_ptr<watch> watch_;
};

} // namespace aivp
