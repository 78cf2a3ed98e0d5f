#include "runtime/os/live_clock.hpp"

#include <ctime>
#include <utility>

namespace aivp {

namespace {

constexpr std::size_t changes_max = 64;

std::int64_t read_us(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return std::int64_t{t.tv_sec} * 1'000'000 + t.tv_nsec / 1000;
}

} // namespace

clock_reading read_system_clocks() {
    constexpr std::int64_t torn_us = 100;
    clock_reading best;
    std::int64_t best_width = INT64_MAX;
    for (int i = 0; i < 3 && best_width > torn_us; ++i) {
        const std::int64_t before = read_us(CLOCK_MONOTONIC);
        const std::int64_t wall = read_us(CLOCK_REALTIME);
        const std::int64_t boot = read_us(CLOCK_BOOTTIME);
        const std::int64_t width = read_us(CLOCK_MONOTONIC) - before;
        if (width >= best_width) continue;
        best_width = width;
        best = {wall, before, boot};
    }
    return best;
}

live_clock::live_clock(clock_guard::options options, std::function<clock_reading()> read)
    : guard_(options), read_(std::move(read)) {}

instant live_clock::now() {
    auto seen = guard_.observe(read_());
    slept_ = slept_ + seen.slept;
    for (const auto& change : seen.changes) {
        if (changes_.size() == changes_max) changes_.erase(changes_.begin());
        changes_.push_back(change);
    }
    return seen.now;
}

std::vector<clock_change> live_clock::take_changes() { return std::exchange(changes_, {}); }

} // namespace aivp
