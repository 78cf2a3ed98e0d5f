#include "aivp/reliability/recovery.hpp"

#include <algorithm>

namespace aivp {
namespace {

bool repeats(recovery_mode mode) {
    return mode == recovery_mode::retry_immediate || mode == recovery_mode::retry_exponential ||
           mode == recovery_mode::retry_with_jitter || mode == recovery_mode::checkpoint_restore;
}

retry_policy recovery_category_policy(recovery_mode mode, const failure_category_info* category) {
    retry_policy policy = strategy_policy(mode);
    if (!category || category->recovery != mode || !repeats(mode)) return policy;
    policy.max_attempts = category->retries + 1;
    policy.base_delay = milliseconds(category->base_delay_ms);
    policy.multiplier_tenths = std::max(category->multiplier_tenths, 10U);
    policy.cap = std::max(policy.cap, policy.base_delay);
    return policy;
}

/// What the tables say about a failure.
struct recovery_lookup {
    std::string_view own_name; ///< the error's dotted name; empty for a code from outside
    std::string_view aos_code;
    std::string_view catalogue_code;
    const failure_category_info* category = nullptr;
    recovery_mode mode = recovery_mode::abort;
    recovery_source source = recovery_source::global;
    int http_status = 500;
};

const recovery_override* recovery_find(std::span<const recovery_override> overrides, std::string_view name) {
    if (name.empty()) return nullptr;
    const auto found = std::ranges::find(overrides, name, &recovery_override::name);
    return found == overrides.end() ? nullptr : &*found;
}

recovery_plan recovery_make_plan(const recovery_lookup& found, const std::optional<retry_policy>& numbers) {
    recovery_plan plan;
    plan.mode = found.mode;
    plan.source = found.source;
    plan.http_status = found.http_status;
    plan.retry = numbers ? *numbers : recovery_category_policy(found.mode, found.category);
    if (!repeats(found.mode)) plan.retry = strategy_policy(found.mode);
    if (found.mode == recovery_mode::escalate) plan.decision_limit = hours(1);
    if (found.mode == recovery_mode::manual_intervention) plan.decision_limit = hours(24);
    if (found.mode == recovery_mode::checkpoint_restore) plan.checkpoint_age_max = seconds(300);
    return plan;
}

recovery_plan recovery_resolve(recovery_lookup found, std::span<const recovery_override> overrides) {
    const recovery_override* chosen = recovery_find(overrides, found.own_name);
    if (!chosen) chosen = recovery_find(overrides, found.aos_code);
    if (!chosen) chosen = recovery_find(overrides, found.catalogue_code);
    recovery_source source = recovery_source::override_entry;
    if (!chosen && found.category) {
        chosen = recovery_find(overrides, found.category->name);
        source = recovery_source::override_category;
    }
    if (!chosen) return recovery_make_plan(found, std::nullopt);
    found.mode = chosen->mode;
    found.source = source;
    return recovery_make_plan(found, chosen->retry);
}

recovery_source recovery_source_of(failure_match match) {
    return match == failure_match::entry      ? recovery_source::entry
           : match == failure_match::category ? recovery_source::category
                                              : recovery_source::global;
}

} // namespace

retry_policy strategy_policy(recovery_mode mode) {
    constexpr auto proportional = jitter_kind::proportional;
    switch (mode) {
    case recovery_mode::retry_immediate:
        return {.max_attempts = 2, .base_delay = {}, .multiplier_tenths = 10, .cap = {}, .jitter = jitter_kind::none};
    case recovery_mode::retry_exponential:
        return {.max_attempts = 4,
                .base_delay = seconds(1),
                .cap = seconds(30),
                .jitter = proportional,
                .jitter_permille = 100};
    case recovery_mode::retry_with_jitter:
        return {.max_attempts = 4,
                .base_delay = milliseconds(500),
                .cap = seconds(15),
                .jitter = proportional,
                .jitter_permille = 250};
    case recovery_mode::checkpoint_restore:
        return {.max_attempts = 3, .base_delay = seconds(1), .cap = seconds(30), .jitter = jitter_kind::none};
    default: return {.max_attempts = 1};
    }
}

breaker_policy strategy_breaker() {
    return {.window_calls = 5,
            .calls_min = 5,
            .failure_permille = 1000,
            .open_for = seconds(60),
            .open_growth_tenths = 10,
            .open_max = seconds(60),
            .probes_max = 1,
            .probe_timeout = seconds(60)};
}

recovery_plan recovery_for(errc code, std::span<const recovery_override> overrides) {
    const error_info& row = info(code);
    const failure_advice advice = advise(code);
    recovery_lookup found{.own_name = row.name,
                          .aos_code = row.aos_code,
                          .catalogue_code = advice.entry ? advice.entry->code : std::string_view{},
                          .category = advice.entry ? &info(advice.entry->category) : nullptr,
                          .mode = row.recovery,
                          .source = recovery_source::entry,
                          .http_status = advice.http_status};
    return recovery_resolve(found, overrides);
}

recovery_plan recovery_for(std::string_view code, std::optional<failure_category> category,
                           std::span<const recovery_override> overrides) {
    const failure_advice advice = advise(code, category);
    const aos_code_info* aos = find_aos_code(code);
    recovery_lookup found{.own_name = {},
                          .aos_code = aos ? aos->code : std::string_view{},
                          .catalogue_code = advice.entry ? advice.entry->code : code,
                          .category = advice.entry ? &info(advice.entry->category)
                                      : category   ? &info(*category)
                                                   : nullptr,
                          .mode = advice.recovery,
                          .source = recovery_source_of(advice.match),
                          .http_status = advice.http_status};
    return recovery_resolve(found, overrides);
}

} // namespace aivp
