// Whether a failed call is made again, and when. One layer of the program retries, this one; clients of protocols below it
// do not. Sources: AWS Architecture Blog, "Exponential Backoff And Jitter" (full, equal and decorrelated jitter); RFC 9110
// section 10.2.3 (Retry-After); aws-sdk-net #4341 (full jitter under throttling collapses to waits of nearly zero).
// All arithmetic is in whole microseconds, and the jitter of an attempt is a pure function of a stable key.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/reliability/retry_budget.hpp"

namespace aivp {

/// How a delay d is spread, so that many callers do not come back at once.
enum class jitter_kind : std::uint8_t {
    none,         ///< d
    full,         ///< uniform in [0, d]
    equal,        ///< uniform in [d/2, d]
    decorrelated, ///< uniform in [base, 3 * the wait before], at most the cap; instead of the exponential delay
    proportional, ///< uniform in [d - p*d, d + p*d], at most the cap; p = jitter_permille / 1000
};
std::string_view to_string(jitter_kind kind);

inline constexpr std::uint32_t retry_attempts_limit = 1'000;

struct retry_policy {
    std::uint32_t max_attempts = 4; ///< including the first; 1 = never again; at most retry_attempts_limit
    duration base_delay = seconds(1);
    std::uint32_t multiplier_tenths = 20; ///< growth per retry; 10..1000; 20 = doubled
    duration cap = seconds(30);           ///< of a delay, before jitter and after; >= base_delay
    jitter_kind jitter = jitter_kind::full;
    std::uint32_t jitter_permille = 0;     ///< for proportional jitter; 0..1000
    duration throttle_floor = seconds(1);  ///< shortest wait after a throttled attempt
    std::optional<duration> max_elapsed;   ///< from the start of the first attempt to the start of the last; > 0
    std::optional<duration> attempt_limit; ///< time that one attempt may take; > 0
    /// Of all calls to the dependency together, of those that state the same one. next_attempt() asks the one that it is given.
    std::optional<retry_budget_policy> budget;

    friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

/// Errors: config.range, with the member's name in the message.
result<void> check(const retry_policy& policy);

/// What one attempt came to.
struct attempt_failure {
    errc code = errc::internal_bug;
    effect_outcome outcome = effect_outcome::failed;
    /// The call may be made again although its effect may have happened: it only reads, or the other side knows its key.
    bool repeatable = false;
    std::optional<duration> retry_after; ///< what the other side asked for (see retry_after.hpp)
    /// Goes before the code's own row: the header x-should-retry, or an override that repeats what is not repeated by itself.
    std::optional<bool> should_retry;
    friend bool operator==(const attempt_failure&, const attempt_failure&) = default;
};

/// The error means "too many requests", here or on the other side.
bool is_throttling(errc code);

/// What the jitter of a call depends on. The same key always gives the same waits, another key independent ones.
struct jitter_key {
    std::uint64_t value = 0;
    friend bool operator==(const jitter_key&, const jitter_key&) = default;
};

/// `seed`: the journal's or the simulation's own number. Runs are numbered from 1 in every journal, so without it all hosts
/// would wait in step. A call that has an effect key can use jitter_key{key.prefix()} instead.
jitter_key jitter_key_of(std::uint64_t seed, run_id run, std::string_view purpose, std::uint64_t ordinal);

struct retry_times {
    instant first_started;             ///< of the first attempt
    instant now;                       ///< when the attempt failed
    instant deadline = instant::max(); ///< of the whole call
};

/// Why there is no further attempt, in the order in which it is looked at.
enum class retry_stop : std::uint8_t {
    none,            ///< there is one
    outcome_unknown, ///< it may have taken effect and must not be made blindly again
    not_retryable,   ///< the same call would fail the same way
    attempts,        ///< max_attempts were made
    deadline,        ///< the wait would end at or after the deadline or max_elapsed
    budget,          ///< too large a share of the calls to this dependency are retries already
};
std::string_view to_string(retry_stop stop);

struct retry_decision {
    retry_stop stop = retry_stop::none;
    duration wait;            ///< the rest holds only when `stop` is none
    instant at;               ///< now + wait; before the deadline
    instant attempt_deadline; ///< the next attempt must end by then
    bool floored = false;     ///< Retry-After or the floor for throttling was longer than the delay

    explicit operator bool() const { return stop == retry_stop::none; }
    friend bool operator==(const retry_decision&, const retry_decision&) = default;
};

/// The delay after `attempt` attempts, before jitter: base * multiplier^(attempt - 1), rounded up, at most the cap. The first
/// retry waits the base delay. Never falls as `attempt` grows. attempt >= 1.
duration backoff_delay(const retry_policy& policy, std::uint32_t attempt);

/// The delay with jitter; in [0, cap]. `throttled`: full and decorrelated jitter become equal jitter, and proportional jitter
/// takes away half at most.
duration jittered_delay(const retry_policy& policy, std::uint32_t attempt, jitter_key key, bool throttled = false);

/// Decides after attempt number `attempt` (from 1) has failed. Retry-After is a floor, not a replacement: the wait is at least
/// as long as was asked, even beyond the cap, plus up to an eighth of it as jitter where the policy has jitter.
retry_decision next_attempt(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure,
                            const retry_times& times, jitter_key key);
/// The same within a budget, which pays for the attempt when there is one, and only then.
retry_decision next_attempt(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure,
                            const retry_times& times, jitter_key key, retry_budget& budget);

} // namespace aivp
