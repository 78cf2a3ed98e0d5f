// Holds calls to a dependency back while most of them fail. After resilience4j's CircuitBreaker (count and time window,
// minimum of calls, failure and slow-call rate, half-open probes) with growing pauses as Envoy's outlier ejection has them.
// A probe carries a time limit: when its caller never reports, the probe counts as failed and gives its permit back
// (resilience4j #903: a hanging call kept a breaker half-open for ever).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

enum class breaker_window : std::uint8_t {
    count, ///< the last window_calls calls
    time,  ///< the calls of the last window_time, in slices of a tenth
};

inline constexpr std::uint32_t breaker_window_calls_limit = 256;
inline constexpr std::uint32_t breaker_probes_limit = 16;

struct breaker_policy {
    breaker_window window = breaker_window::count;
    std::uint32_t window_calls = 20; ///< 1..breaker_window_calls_limit
    duration window_time = seconds(60);
    std::uint32_t calls_min = 10;          ///< calls in the window before a rate means anything; >= 1
    std::uint32_t failure_permille = 500;  ///< opens at this share of failures; 1..1000
    std::uint32_t slow_permille = 1000;    ///< opens at this share of slow calls; 1..1000
    std::optional<duration> slow_from;     ///< a call that takes as long is slow; nullopt = none is; > 0
    duration open_for = seconds(30);       ///< the first pause; > 0
    std::uint32_t open_growth_tenths = 20; ///< of the pause each time a probe phase fails; 10..1000
    duration open_max = minutes(5);        ///< >= open_for
    std::uint32_t probes_max = 3;          ///< calls let through while half-open; 1..breaker_probes_limit
    duration probe_timeout = seconds(30);  ///< a probe without a report fails then; > 0

    friend bool operator==(const breaker_policy&, const breaker_policy&) = default;
};

/// Errors: config.range.
result<void> check(const breaker_policy& policy);

enum class breaker_state : std::uint8_t { closed, open, half_open };
std::string_view to_string(breaker_state state);

/// How a call counts.
enum class breaker_verdict : std::uint8_t {
    success,
    failure,
    neutral, ///< says nothing about the dependency: cancelled, refused here, throttled, a mistake in the request
};
/// Success for errc::ok; failure for the categories transient, third_party and infra unless throttled; else neutral.
breaker_verdict verdict_of(errc code);

/// Permission for one call. Handed back with record(), at most once; it is no use to another breaker.
struct breaker_permit {
    std::uint64_t generation = 0;
    std::uint64_t probe = 0; ///< number of the probe in this generation; 0 = an ordinary call

    friend bool operator==(const breaker_permit&, const breaker_permit&) = default;
};

struct breaker_answer {
    std::optional<breaker_permit> permit;
    instant retry_at; ///< when refused: before then it is refused again, unless a probe reports earlier

    explicit operator bool() const { return permit.has_value(); }
    friend bool operator==(const breaker_answer&, const breaker_answer&) = default;
};

/// One a dependency. A value; not thread-safe. Time that runs back counts as standing still. What happens by time alone
/// (a probe's limit, the end of a pause) is dated to when it was due: how often anyone looks makes no difference.
class circuit_breaker {
public:
    /// The policy must pass check().
    explicit circuit_breaker(const breaker_policy& policy = {});

    breaker_answer allow(instant now);
    /// The end of a permitted call. A permit of an earlier state, or one whose probe ran out, has no effect.
    void record(const breaker_permit& permit, breaker_verdict verdict, duration latency, instant now);
    /// Lets time pass.
    void advance(instant now);

    breaker_state state(instant now) const;
    /// End of the present pause; nullopt unless open.
    std::optional<instant> open_until(instant now) const;
    const breaker_policy& policy() const { return policy_; }
    friend bool operator==(const circuit_breaker&, const circuit_breaker&) = default;

private:
    struct tally {
        std::uint32_t calls = 0;
        std::uint32_t failed = 0;
        std::uint32_t slow = 0;
        friend bool operator==(const tally&, const tally&) = default;
    };
    struct probe_slot {
        std::uint64_t number = 0; ///< 0 = free
        instant expires;
        friend bool operator==(const probe_slot&, const probe_slot&) = default;
    };
    static constexpr std::size_t slice_count = 10;

    void expire_probes();
    void settle_probe(bool failed, bool slow, instant at);
    void add_to_window(bool failed, bool slow);
    void move_slices();
    void enter(breaker_state next);
    void open(instant at);

    breaker_policy policy_;
    breaker_state state_ = breaker_state::closed;
    std::uint64_t generation_ = 1;
    instant latest_ = instant::min();
    instant open_until_;
    duration pause_; ///< of the latest opening; zero after a closing
    tally window_;   ///< of the window, or of the probes that have ended
    std::array<std::uint64_t, breaker_window_calls_limit / 64> failed_bits_{};
    std::array<std::uint64_t, breaker_window_calls_limit / 64> slow_bits_{};
    std::uint32_t next_bit_ = 0;
    std::array<tally, slice_count> slices_{};
    std::int64_t head_ = 0; ///< number of the newest slice
    std::array<probe_slot, breaker_probes_limit> probes_{};
    std::uint64_t probes_issued_ = 0;
};

} // namespace aivp
