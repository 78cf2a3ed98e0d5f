#include "runtime/daemon/internal/gathering_sink.hpp"

#include <type_traits>
#include <utility>

namespace aivp::internal {

void gathering_sink::take(item i) {
    if (depth_ > 0) {
        deliver(std::move(i));
        return;
    }
    waiting_.push_back(std::move(i));
    if (std::exchange(posted_, true)) return;
    // Behind everything that is ready in this turn of the loop.
    loop_.post([weak = std::weak_ptr(self_)] {
        const auto alive = weak.lock();
        if (!alive) return;
        gathering_sink& self = **alive;
        self.posted_ = false;
        self.hand_over();
        if (self.handed_over_) self.handed_over_();
    });
}

/// All that came in one turn of the loop is one batch.
void gathering_sink::hand_over() {
    driver_->hold();
    while (!waiting_.empty()) {
        item i = std::move(waiting_.front());
        waiting_.pop_front();
        deliver(std::move(i));
    }
    driver_->release();
}

void gathering_sink::deliver(item i) {
    std::visit(
        [this](auto&& x) {
            using kind = std::decay_t<decltype(x)>;
            if constexpr (std::is_same_v<kind, model_completion>)
                driver_->model_done(std::forward<decltype(x)>(x));
            else if constexpr (std::is_same_v<kind, skill_completion>)
                driver_->skill_done(std::forward<decltype(x)>(x));
            else if constexpr (std::is_same_v<kind, user_completion>)
                driver_->user_done(std::forward<decltype(x)>(x));
            else
                driver_->timer_fired(x);
        },
        std::move(i));
}

} // namespace aivp::internal
