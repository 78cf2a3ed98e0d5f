#include "sim/time_ports.hpp"

#include <utility>

namespace aivp::sim {

void sim_timers::arm(timer_key key, instant due) {
    disarm(key);
    const std::uint64_t token = next_token_++;
    armed_.emplace(key, token);
    by_token_.emplace(token, key);
    scheduler_.at(due, event_class::timer, *this, token);
}

void sim_timers::disarm(timer_key key) {
    const auto it = armed_.find(key);
    if (it == armed_.end()) return;
    by_token_.erase(it->second);
    armed_.erase(it);
}

void sim_timers::fire(std::uint64_t token) {
    const auto it = by_token_.find(token);
    if (it == by_token_.end()) return;
    const timer_key key = it->second;
    by_token_.erase(it);
    armed_.erase(key);
    sink_->timer_fired(key);
}

void sim_mock_world::after(duration delay, std::function<void()> action) {
    std::uint32_t slot = 0;
    if (free_.empty()) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.push_back(std::move(action));
    } else {
        slot = free_.back();
        free_.pop_back();
        slots_[slot] = std::move(action);
    }
    scheduler_.in(delay, event_class::completion, *this, slot);
}

void sim_mock_world::fire(std::uint64_t token) {
    const auto slot = static_cast<std::uint32_t>(token);
    const std::function<void()> action = std::exchange(slots_[slot], nullptr);
    free_.push_back(slot);
    action();
}

} // namespace aivp::sim
