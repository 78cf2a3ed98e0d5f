#include "sim/time_ports.hpp"

#include <utility>

namespace aivp::sim {

instant sim_clock::now() {
    if (look_) look_();
    return shown();
}

clock_reading sim_clock::reading() const {
    constexpr std::int64_t hour_us = 3'600'000'000;
    const std::int64_t true_us = scheduler_.now().us;
    const std::int64_t drifted = drift_an_hour_.us == 0
                                     ? 0
                                     : static_cast<std::int64_t>(static_cast<__int128>(true_us - drifts_since_.us) *
                                                                 drift_an_hour_.us / hour_us);
    return {.wall_us = true_us + asleep_.us + set_.us + drifted,
            .monotonic_us = true_us,
            .boottime_us = true_us + asleep_.us};
}

void sim_clock::set_by(duration step) {
    if (!disturbed_) guard_.observe(reading());
    disturbed_ = true;
    set_ = set_ + step;
}

duration sim_clock::sleep(duration asleep) {
    guard_.observe(reading());
    disturbed_ = true;
    asleep_ = asleep_ + asleep;
    return guard_.observe(reading()).slept;
}

void sim_clock::drift(duration an_hour) {
    if (!disturbed_) guard_.observe(reading());
    disturbed_ = true;
    set_.us += reading().wall_us - scheduler_.now().us - asleep_.us - set_.us;
    drift_an_hour_ = an_hour;
    drifts_since_ = scheduler_.now();
}

void sim_timers::schedule(std::uint64_t token, instant due) {
    scheduler_.at(clock_.disturbed() ? due - clock_.ahead() : due, event_class::timer, *this, token);
}

void sim_timers::arm(timer_key key, instant due) {
    disarm(key);
    const std::uint64_t token = next_token_++;
    armed_.emplace(key, token);
    by_token_.emplace(token, armed_timer{key, due});
    schedule(token, due);
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
    const auto [key, due] = it->second;
    // After a step back time goes at half speed for a while: what is left is waited for again.
    if (clock_.disturbed() && clock_.shown() < due) return schedule(token, due);
    by_token_.erase(it);
    armed_.erase(key);
    sink_->timer_fired(key);
}

void sim_timers::clock_changed() {
    // The old entries in the queue carry old tokens and are passed over.
    for (auto& [key, token] : armed_) {
        const auto old = by_token_.extract(token);
        token = next_token_++;
        by_token_.emplace(token, old.mapped());
        schedule(token, old.mapped().due);
    }
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
