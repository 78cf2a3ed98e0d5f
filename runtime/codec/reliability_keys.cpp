#include "runtime/codec/reliability_keys.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace aivp {

namespace {

constexpr duration reliability_span_min = milliseconds(1);
constexpr duration reliability_span_max = days(366);
constexpr std::int64_t reliability_count_max = 1'000'000'000'000;
constexpr std::int64_t breaker_calls_max = 1'000'000'000;
constexpr std::int64_t budget_per_second_max = 1'000'000;
constexpr duration budget_ttl_max = hours(1);

void read_number(mapping_reader& keys, std::string_view key, std::int64_t minimum, std::int64_t maximum,
                 std::uint32_t& target) {
    target = static_cast<std::uint32_t>(keys.integer(key, minimum, maximum).value_or(target));
}

/// A growth factor in tenths: "1.5" is 15.
void read_growth(mapping_reader& keys, std::string_view key, std::uint32_t& tenths) {
    tenths = static_cast<std::uint32_t>(keys.decimal(key, 1, 10, 1'000).value_or(tenths));
}

void read_share(mapping_reader& keys, std::string_view key, std::int64_t minimum_permille, std::uint32_t& permille) {
    permille = static_cast<std::uint32_t>(keys.share(key, minimum_permille, 1'000).value_or(permille));
}

/// A span that grows up to a longest one: when only the first is written, the longest is never below it.
void read_growing_span(mapping_reader& keys, std::string_view first_key, duration first_minimum,
                       std::string_view longest_key, duration& first, duration& longest) {
    first = keys.span(first_key, first_minimum, reliability_span_max).value_or(first);
    const auto written = keys.span(longest_key, first_minimum, reliability_span_max);
    if (written && *written < first)
        keys.errors().report(errc::config_range, keys.node(longest_key)->at,
                             "`" + std::string(longest_key) + "` is at least `" + std::string(first_key) +
                                 "`, which is " + to_string(first));
    longest = std::max(first, written.value_or(longest));
}

/// The keys are checked one by one, where they stand; this holds them to the policy's own rules as a whole.
template <class Policy>
void check_policy(mapping_reader& keys, std::size_t errors_before, const Policy& policy) {
    if (keys.errors().count() > errors_before) return;
    if (const auto sound = check(policy); !sound)
        keys.errors().report(sound.error().code, keys.at(), sound.error().message);
}

void read_jitter(mapping_reader& keys, retry_policy& policy) {
    if (const auto kind = keys.word("jitter", {"none", "full", "equal", "decorrelated", "proportional"}))
        policy.jitter = static_cast<jitter_kind>(*kind);
    if (policy.jitter != jitter_kind::proportional)
        return keys.refuse("jitter_share", errc::config_value, "`jitter_share` belongs to `jitter: proportional`",
                           "Remove it, or write `jitter: proportional`.");
    if (keys.required("jitter_share") != nullptr) read_share(keys, "jitter_share", 0, policy.jitter_permille);
}

void read_budget(mapping_reader& retry_keys, retry_policy& retry) {
    const yaml_node* node = retry_keys.mapping("budget");
    if (node == nullptr) return;
    const std::size_t errors_before = retry_keys.errors().count();
    mapping_reader keys(*node, "`budget`", retry_keys.errors());
    retry_budget_policy policy;
    read_share(keys, "share", 0, policy.share_permille);
    read_number(keys, "min_per_second", 0, budget_per_second_max, policy.min_per_second);
    policy.ttl = keys.span("ttl", reliability_span_min, budget_ttl_max).value_or(policy.ttl);
    keys.finish();
    check_policy(keys, errors_before, policy);
    retry.budget = policy;
}

retry_policy read_retry(const yaml_node& node, file_errors& errors, attempt_time time) {
    const std::size_t errors_before = errors.count();
    mapping_reader keys(node, "`retry`", errors);
    retry_policy policy;
    keys.required("attempts");
    read_number(keys, "attempts", 1, retry_attempts_limit, policy.max_attempts);
    read_growing_span(keys, "delay", duration{}, "delay_max", policy.base_delay, policy.cap);
    read_growth(keys, "growth", policy.multiplier_tenths);
    read_jitter(keys, policy);
    policy.throttle_floor =
        keys.span("throttle_floor", duration{}, reliability_span_max).value_or(policy.throttle_floor);
    policy.max_elapsed = keys.span("within", reliability_span_min, reliability_span_max);
    if (time == attempt_time::in_retry)
        policy.attempt_limit = keys.span("attempt_timeout", reliability_span_min, reliability_span_max);
    else if (node.find("attempt_timeout") != nullptr)
        keys.refuse("attempt_timeout", errc::config_value, "how long one attempt may take is the skill's `timeout`",
                    "Remove it, and set `timeout` beside `retry`.");
    read_budget(keys, policy);
    keys.finish();
    check_policy(keys, errors_before, policy);
    return policy;
}

rate_limit read_rate_limit(const yaml_node& node, file_errors& errors) {
    const std::size_t errors_before = errors.count();
    mapping_reader keys(node, "`rate_limit`", errors);
    rate_limit limit;
    if (keys.required("count") != nullptr)
        limit.count = keys.integer("count", 1, reliability_count_max).value_or(limit.count);
    if (keys.required("per") != nullptr)
        limit.per = keys.span("per", reliability_span_min, reliability_span_max).value_or(limit.per);
    limit.burst = keys.integer("burst", 1, reliability_count_max).value_or(limit.burst);
    keys.finish();
    check_policy(keys, errors_before, limit);
    return limit;
}

/// `window: 20` counts calls, `window: 60s` looks back in time.
void read_window(mapping_reader& keys, breaker_policy& policy) {
    const yaml_node* window = keys.node("window");
    if (window != nullptr && window->is_scalar() && type_of(*window) == scalar_type::integer) {
        read_number(keys, "window", 1, breaker_window_calls_limit, policy.window_calls);
    } else if (const auto span = keys.span("window", reliability_span_min, reliability_span_max)) {
        policy.window = breaker_window::time;
        policy.window_time = *span;
    }
    const bool counts = policy.window == breaker_window::count;
    if (counts) policy.calls_min = std::min(policy.calls_min, policy.window_calls);
    read_number(keys, "calls_min", 1, counts ? policy.window_calls : breaker_calls_max, policy.calls_min);
}

void read_slow(mapping_reader& breaker_keys, breaker_policy& policy) {
    const yaml_node* node = breaker_keys.mapping("slow");
    if (node == nullptr) return;
    mapping_reader keys(*node, "`slow`", breaker_keys.errors());
    if (keys.required("from") != nullptr)
        policy.slow_from = keys.span("from", reliability_span_min, reliability_span_max);
    read_share(keys, "share", 1, policy.slow_permille);
    keys.finish();
}

breaker_policy read_breaker(const yaml_node& node, file_errors& errors) {
    const std::size_t errors_before = errors.count();
    mapping_reader keys(node, "`breaker`", errors);
    breaker_policy policy;
    read_window(keys, policy);
    read_share(keys, "failures", 1, policy.failure_permille);
    read_slow(keys, policy);
    read_growing_span(keys, "open_for", reliability_span_min, "open_max", policy.open_for, policy.open_max);
    read_growth(keys, "open_growth", policy.open_growth_tenths);
    read_number(keys, "probes", 1, breaker_probes_limit, policy.probes_max);
    policy.probe_timeout =
        keys.span("probe_timeout", reliability_span_min, reliability_span_max).value_or(policy.probe_timeout);
    keys.finish();
    check_policy(keys, errors_before, policy);
    return policy;
}

} // namespace

reliability_policies read_reliability(mapping_reader& keys, attempt_time time) {
    reliability_policies policies;
    if (const yaml_node* retry = keys.mapping("retry")) policies.retry = read_retry(*retry, keys.errors(), time);
    if (const yaml_node* rate = keys.mapping("rate_limit")) policies.rate = read_rate_limit(*rate, keys.errors());
    if (const yaml_node* breaker = keys.mapping("breaker")) policies.breaker = read_breaker(*breaker, keys.errors());
    return policies;
}

} // namespace aivp
