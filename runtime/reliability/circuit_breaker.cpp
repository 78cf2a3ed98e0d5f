#include "aivp/reliability/circuit_breaker.hpp"

#include <algorithm>

#include "aivp/base/assert.hpp"
#include "aivp/base/probe.hpp"
#include "aivp/reliability/retry.hpp"
#include "runtime/reliability/internal/scale.hpp"

namespace aivp {
namespace {

bool breaker_reached(std::uint64_t part, std::uint64_t permille, std::uint64_t whole) {
    return part * 1000 >= permille * whole;
}

} // namespace

result<void> check(const breaker_policy& policy) {
    using detail::check_range;
    constexpr std::int64_t longest = days(366).us;
    const bool counts = policy.window == breaker_window::count;
    AIVP_CHECK(check_range("window_calls", policy.window_calls, 1, breaker_window_calls_limit));
    AIVP_CHECK(check_range("window_time", policy.window_time.us, milliseconds(1).us, longest));
    AIVP_CHECK(check_range("calls_min", policy.calls_min, 1, counts ? policy.window_calls : 1'000'000'000));
    AIVP_CHECK(check_range("failure_permille", policy.failure_permille, 1, 1000));
    AIVP_CHECK(check_range("slow_permille", policy.slow_permille, 1, 1000));
    if (policy.slow_from) AIVP_CHECK(check_range("slow_from", policy.slow_from->us, 1, longest));
    AIVP_CHECK(check_range("open_for", policy.open_for.us, 1, longest));
    AIVP_CHECK(check_range("open_growth_tenths", policy.open_growth_tenths, 10, 1000));
    AIVP_CHECK(check_range("open_max", policy.open_max.us, policy.open_for.us, longest));
    AIVP_CHECK(check_range("probes_max", policy.probes_max, 1, breaker_probes_limit));
    AIVP_CHECK(check_range("probe_timeout", policy.probe_timeout.us, 1, longest));
    return {};
}

std::string_view to_string(breaker_state state) {
    constexpr std::array<std::string_view, 3> names{"closed", "open", "half_open"};
    return names[static_cast<std::size_t>(state)];
}

breaker_verdict verdict_of(errc code) {
    if (code == errc::ok) return breaker_verdict::success;
    if (code == errc::breaker_open || is_throttling(code)) return breaker_verdict::neutral;
    const error_category category = info(code).category;
    const bool theirs = category == error_category::transient || category == error_category::third_party ||
                        category == error_category::infra;
    return theirs ? breaker_verdict::failure : breaker_verdict::neutral;
}

circuit_breaker::circuit_breaker(const breaker_policy& policy) : policy_(policy) {
    AIVP_ASSERT(check(policy).has_value(), "the policy of a circuit breaker was checked");
}

breaker_answer circuit_breaker::allow(instant now) {
    advance(now);
    if (state_ == breaker_state::closed) return {breaker_permit{generation_, 0}, latest_};
    if (state_ == breaker_state::open) return {std::nullopt, open_until_};
    std::uint32_t running = 0;
    probe_slot* free = nullptr;
    instant first_expiry = instant::max();
    for (probe_slot& slot : probes_) {
        if (slot.number == 0) {
            if (!free) free = &slot;
            continue;
        }
        ++running;
        first_expiry = std::min(first_expiry, slot.expires);
    }
    if (!free || running + window_.calls >= policy_.probes_max) return {std::nullopt, first_expiry};
    *free = {++probes_issued_, latest_ + policy_.probe_timeout};
    return {breaker_permit{generation_, free->number}, latest_};
}

void circuit_breaker::record(const breaker_permit& permit, breaker_verdict verdict, duration latency, instant now) {
    advance(now);
    if (permit.generation != generation_) return;
    const bool failed = verdict == breaker_verdict::failure;
    const bool slow = policy_.slow_from && latency >= *policy_.slow_from;
    if (permit.probe != 0) {
        const auto slot = std::ranges::find(probes_, permit.probe, &probe_slot::number);
        if (slot == probes_.end()) return;
        *slot = {};
        if (verdict != breaker_verdict::neutral) settle_probe(failed, slow, latest_);
        return;
    }
    if (state_ != breaker_state::closed || verdict == breaker_verdict::neutral) return;
    add_to_window(failed, slow);
    if (window_.calls < policy_.calls_min) return;
    if (breaker_reached(window_.failed, policy_.failure_permille, window_.calls) ||
        (policy_.slow_from && breaker_reached(window_.slow, policy_.slow_permille, window_.calls)))
        open(latest_);
}

void circuit_breaker::advance(instant now) {
    latest_ = std::max(latest_, now);
    if (state_ == breaker_state::half_open) expire_probes();
    if (state_ == breaker_state::open && latest_ >= open_until_) enter(breaker_state::half_open);
    if (state_ == breaker_state::closed && policy_.window == breaker_window::time) move_slices();
}

breaker_state circuit_breaker::state(instant now) const {
    circuit_breaker later = *this;
    later.advance(now);
    return later.state_;
}

std::optional<instant> circuit_breaker::open_until(instant now) const {
    circuit_breaker later = *this;
    later.advance(now);
    return later.state_ == breaker_state::open ? std::optional(later.open_until_) : std::nullopt;
}

// In the order in which they are due, because the first that decides the phase dates the pause.
void circuit_breaker::expire_probes() {
    while (state_ == breaker_state::half_open) {
        probe_slot* due = nullptr;
        for (probe_slot& slot : probes_)
            if (slot.number != 0 && slot.expires <= latest_ && (!due || slot.expires < due->expires)) due = &slot;
        if (!due) return;
        const instant at = due->expires;
        *due = {};
        settle_probe(true, false, at);
    }
}

void circuit_breaker::settle_probe(bool failed, bool slow, instant at) {
    ++window_.calls;
    window_.failed += failed;
    window_.slow += slow;
    const std::uint32_t whole = policy_.probes_max;
    const std::uint32_t to_come = whole - window_.calls;
    const bool watches_slow = policy_.slow_from.has_value();
    if (breaker_reached(window_.failed, policy_.failure_permille, whole) ||
        (watches_slow && breaker_reached(window_.slow, policy_.slow_permille, whole)))
        return open(at);
    if (breaker_reached(window_.failed + to_come, policy_.failure_permille, whole) ||
        (watches_slow && breaker_reached(window_.slow + to_come, policy_.slow_permille, whole)))
        return;
    enter(breaker_state::closed);
    pause_ = {};
}

void circuit_breaker::add_to_window(bool failed, bool slow) {
    if (policy_.window == breaker_window::time) {
        tally& newest = slices_[static_cast<std::size_t>(head_ % std::int64_t{slice_count})];
        for (tally* t : {&newest, &window_}) {
            ++t->calls;
            t->failed += failed;
            t->slow += slow;
        }
        return;
    }
    std::uint64_t& failed_word = failed_bits_[next_bit_ / 64];
    std::uint64_t& slow_word = slow_bits_[next_bit_ / 64];
    const std::uint64_t bit = std::uint64_t{1} << (next_bit_ % 64);
    if (window_.calls == policy_.window_calls) {
        window_.failed -= (failed_word & bit) != 0;
        window_.slow -= (slow_word & bit) != 0;
    } else {
        ++window_.calls;
    }
    failed_word = failed ? failed_word | bit : failed_word & ~bit;
    slow_word = slow ? slow_word | bit : slow_word & ~bit;
    window_.failed += failed;
    window_.slow += slow;
    next_bit_ = (next_bit_ + 1) % policy_.window_calls;
}

void circuit_breaker::move_slices() {
    // Slices are counted from the beginning of time, so that their numbers are never negative.
    const detail::wide since = detail::wide{latest_.us} - instant::min().us;
    const std::int64_t slice = detail::narrow_saturated(since / (policy_.window_time.us / std::int64_t{slice_count}));
    const std::int64_t passed = std::min<std::int64_t>(slice - head_, slice_count);
    for (std::int64_t i = 1; i <= passed; ++i) {
        tally& old = slices_[static_cast<std::size_t>((head_ + i) % std::int64_t{slice_count})];
        window_.calls -= old.calls;
        window_.failed -= old.failed;
        window_.slow -= old.slow;
        old = {};
    }
    head_ = slice;
}

void circuit_breaker::enter(breaker_state next) {
    AIVP_SOMETIMES(next == breaker_state::open && state_ == breaker_state::closed, "breaker: opens");
    AIVP_SOMETIMES(next == breaker_state::open && state_ == breaker_state::half_open, "breaker: opens again");
    AIVP_SOMETIMES(next == breaker_state::half_open, "breaker: is half-open");
    AIVP_SOMETIMES(next == breaker_state::closed, "breaker: closes");
    state_ = next;
    ++generation_;
    window_ = {};
    failed_bits_ = {};
    slow_bits_ = {};
    next_bit_ = 0;
    slices_ = {};
    probes_ = {};
    probes_issued_ = 0;
}

void circuit_breaker::open(instant at) {
    const detail::wide grown = detail::ceil_div(detail::wide{pause_.us} * policy_.open_growth_tenths, 10);
    pause_ = pause_.us == 0 ? policy_.open_for : std::min(duration{detail::narrow_saturated(grown)}, policy_.open_max);
    enter(breaker_state::open);
    open_until_ = at + pause_;
}

} // namespace aivp
