#include "aivp/reliability/retry.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "aivp/base/failure_catalogue.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/random.hpp"
#include "runtime/reliability/internal/scale.hpp"

namespace aivp {
namespace {

duration retry_next_delay(const retry_policy& policy, duration delay) {
    const detail::wide grown = detail::ceil_div(detail::wide{delay.us} * policy.multiplier_tenths, 10);
    return std::min(duration{detail::narrow_saturated(grown)}, policy.cap);
}

// A stream for each attempt, so that the number of draws for one never shifts those for another.
random_stream retry_stream(jitter_key key, std::uint32_t attempt, std::string_view purpose) {
    return {key.value, "retry", std::to_string(attempt), purpose};
}

duration retry_draw(random_stream stream, duration low, duration high) {
    return high <= low ? low : duration{stream.between(low.us, high.us)};
}

duration retry_decorrelated(const retry_policy& policy, std::uint32_t attempt, jitter_key key) {
    duration wait = std::min(policy.base_delay, policy.cap);
    for (std::uint32_t i = 1; i <= std::min(attempt, retry_attempts_limit); ++i) {
        const duration high{detail::narrow_saturated(detail::wide{wait.us} * 3)};
        wait = std::min(retry_draw(retry_stream(key, i, "jitter"), policy.base_delay, high), policy.cap);
    }
    return wait;
}

duration retry_permille(duration d, std::uint32_t permille) {
    return {detail::narrow_saturated(detail::wide{d.us} * permille / 1000)};
}

retry_stop retry_stop_before_time(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure) {
    if (failure.outcome == effect_outcome::ok) return retry_stop::not_retryable;
    if (failure.outcome == effect_outcome::unknown && !failure.repeatable) return retry_stop::outcome_unknown;
    if (!failure.should_retry.value_or(info(failure.code).retryable)) return retry_stop::not_retryable;
    if (attempt >= std::min(policy.max_attempts, retry_attempts_limit)) return retry_stop::attempts;
    return retry_stop::none;
}

} // namespace

std::string_view to_string(jitter_kind kind) {
    constexpr std::array<std::string_view, 5> names{"none", "full", "equal", "decorrelated", "proportional"};
    return names[static_cast<std::size_t>(kind)];
}

std::string_view to_string(retry_stop stop) {
    constexpr std::array<std::string_view, 6> names{"none",     "outcome_unknown", "not_retryable",
                                                    "attempts", "deadline",        "budget"};
    return names[static_cast<std::size_t>(stop)];
}

result<void> check(const retry_policy& policy) {
    using detail::check_range;
    constexpr std::int64_t longest = days(366).us;
    AIVP_CHECK(check_range("max_attempts", policy.max_attempts, 1, retry_attempts_limit));
    AIVP_CHECK(check_range("base_delay", policy.base_delay.us, 0, longest));
    AIVP_CHECK(check_range("multiplier_tenths", policy.multiplier_tenths, 10, 1000));
    AIVP_CHECK(check_range("cap", policy.cap.us, policy.base_delay.us, longest));
    AIVP_CHECK(check_range("jitter_permille", policy.jitter_permille, 0, 1000));
    AIVP_CHECK(check_range("throttle_floor", policy.throttle_floor.us, 0, longest));
    if (policy.max_elapsed) AIVP_CHECK(check_range("max_elapsed", policy.max_elapsed->us, 1, longest));
    if (policy.attempt_limit) AIVP_CHECK(check_range("attempt_limit", policy.attempt_limit->us, 1, longest));
    if (policy.budget) AIVP_CHECK(check(*policy.budget));
    return {};
}

bool is_throttling(errc code) {
    if (code == errc::rate_limited || code == errc::model_rate_limited) return true;
    const failure_advice advice = advise(code);
    return advice.entry && advice.entry->code == "RATE_LIMITED";
}

jitter_key jitter_key_of(std::uint64_t seed, run_id run, std::string_view purpose, std::uint64_t ordinal) {
    const std::string names =
        std::to_string(seed) + ':' + std::to_string(run.value) + ':' + std::to_string(ordinal) + ':';
    return {sha256(names, purpose).prefix()};
}

duration backoff_delay(const retry_policy& policy, std::uint32_t attempt) {
    duration delay = std::min(policy.base_delay, policy.cap);
    for (std::uint32_t i = 1; i < attempt; ++i) {
        const duration next = retry_next_delay(policy, delay);
        if (next <= delay) break;
        delay = next;
    }
    return delay;
}

duration jittered_delay(const retry_policy& policy, std::uint32_t attempt, jitter_key key, bool throttled) {
    const duration delay = backoff_delay(policy, attempt);
    const random_stream stream = retry_stream(key, attempt, "jitter");
    const auto at_least_half = [&] { return retry_draw(stream, {delay.us - delay.us / 2}, delay); };
    switch (policy.jitter) {
    case jitter_kind::none: return delay;
    case jitter_kind::full: return throttled ? at_least_half() : retry_draw(stream, {0}, delay);
    case jitter_kind::equal: return at_least_half();
    case jitter_kind::decorrelated: return throttled ? at_least_half() : retry_decorrelated(policy, attempt, key);
    case jitter_kind::proportional: break;
    }
    const std::uint32_t less = throttled ? std::min(policy.jitter_permille, 500U) : policy.jitter_permille;
    const duration high = std::min(delay + retry_permille(delay, policy.jitter_permille), policy.cap);
    return retry_draw(stream, delay - retry_permille(delay, less), high);
}

retry_decision next_attempt(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure,
                            const retry_times& times, jitter_key key) {
    attempt = std::max(attempt, 1U);
    if (const retry_stop stop = retry_stop_before_time(policy, attempt, failure); stop != retry_stop::none)
        return {.stop = stop, .wait = {}, .at = {}, .attempt_deadline = {}};

    const bool throttled = is_throttling(failure.code);
    duration floor = throttled ? policy.throttle_floor : duration{};
    floor = std::max({floor, failure.retry_after.value_or(duration{}), duration{}});
    duration wait = jittered_delay(policy, attempt, key, throttled || failure.retry_after.has_value());
    const bool floored = wait < floor;
    if (floored) {
        // Those who were told the same time must not all come at that time.
        const duration spread{policy.jitter == jitter_kind::none ? 0 : floor.us / 8};
        wait = floor + retry_draw(retry_stream(key, attempt, "spread"), {0}, spread);
    }

    instant end = times.deadline;
    if (policy.max_elapsed) end = std::min(end, times.first_started + *policy.max_elapsed);
    const instant at = times.now + wait;
    if (at >= end) return {.stop = retry_stop::deadline, .wait = {}, .at = {}, .attempt_deadline = {}};
    instant attempt_deadline = times.deadline;
    if (policy.attempt_limit) attempt_deadline = std::min(attempt_deadline, at + *policy.attempt_limit);
    return {.stop = retry_stop::none, .wait = wait, .at = at, .attempt_deadline = attempt_deadline, .floored = floored};
}

retry_decision next_attempt(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure,
                            const retry_times& times, jitter_key key, retry_budget& budget) {
    const retry_decision decision = next_attempt(policy, attempt, failure, times, key);
    if (!decision || budget.try_withdraw(times.now)) return decision;
    return {.stop = retry_stop::budget, .wait = {}, .at = {}, .attempt_deadline = {}};
}

} // namespace aivp
