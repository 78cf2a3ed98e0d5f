#include "runtime/os/live_timers.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <sys/timerfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "aivp/base/assert.hpp"
#include "runtime/os/internal/asio_loop.hpp"

namespace aivp {

/// A timer of the kernel's that is never due and is cancelled whenever the wall clock is set or the machine wakes up.
struct live_timers::watch : std::enable_shared_from_this<live_timers::watch> {
    watch(boost::asio::io_context& context, live_timers& o) : descriptor(context), owner(&o) {}

    void open() {
        const int fd = ::timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (fd < 0) return;
        boost::system::error_code failed;
        descriptor.assign(fd, failed);
        if (failed) {
            ::close(fd);
            return;
        }
        wait();
    }
    void wait() {
        itimerspec never{};
        never.it_value.tv_sec = INT64_C(1) << 33;
        if (::timerfd_settime(descriptor.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never,
                              nullptr) != 0 &&
            errno != ECANCELED)
            return;
        descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read, [weak = weak_from_this()](
                                                                                    boost::system::error_code failed) {
            const auto self = weak.lock();
            if (failed || !self) return;
            std::uint64_t expirations = 0;
            if (::read(self->descriptor.native_handle(), &expirations, sizeof expirations) < 0 && errno == ECANCELED)
                self->owner->reevaluate();
            self->wait();
        });
    }

    boost::asio::posix::stream_descriptor descriptor;
    live_timers* owner; ///< which owns this and outlives every handler that locks it
};

live_timers::live_timers(event_loop& loop, live_clock& clock, live_timers_options options)
    : loop_(loop),
      clock_(clock),
      options_(std::move(options)),
      watch_(std::make_shared<watch>(asio_context(loop), *this)) {
    AIVP_ASSERT(options_.slice_max > duration{}, "timers need a slice of time");
    watch_->open();
    wait();
}

live_timers::~live_timers() = default;

void live_timers::arm(timer_key key, instant due) {
    disarm(key);
    armed_.emplace(key, arming{due, next_number_++});
    queue_.emplace(due, key);
    if (queue_.begin()->second == key) wait();
}

void live_timers::disarm(timer_key key) {
    const auto found = armed_.find(key);
    if (found == armed_.end()) return;
    queue_.erase({found->second.due, key});
    armed_.erase(found);
}

void live_timers::reevaluate() {
    next_look_ = loop_.call_after({}, [this] { look(); });
}

void live_timers::wait() {
    duration delay = options_.slice_max;
    if (!queue_.empty()) {
        duration left = std::max(queue_.begin()->first - clock_.now(), duration{});
        // The guarded clock runs at half speed while it is ahead of the wall clock; at its end it is at full speed again,
        // so a look after the shorter time may come early, and waits again.
        delay = std::min(delay, left);
    }
    next_look_ = loop_.call_after(delay, [this] { look(); });
}

void live_timers::report_changes() {
    for (const auto& change : clock_.take_changes())
        if (options_.report) options_.report(change);
}

void live_timers::look() {
    const instant now = clock_.now();
    report_changes();
    // What is armed while timers fire has its turn later, even when it is due: a timer that arms itself must not keep the
    // loop from everything else.
    std::vector<std::pair<timer_key, std::uint64_t>> due;
    for (const auto& [at, key] : queue_) {
        if (at > now) break;
        due.emplace_back(key, armed_.at(key).number);
    }
    for (const auto& [key, number] : due) {
        const auto found = armed_.find(key);
        if (found == armed_.end() || found->second.number != number) continue;
        disarm(key);
        AIVP_ASSERT(sink_ != nullptr, "deliver_to() comes before the first timer fires");
        sink_->timer_fired(key);
    }
    wait();
}

} // namespace aivp
