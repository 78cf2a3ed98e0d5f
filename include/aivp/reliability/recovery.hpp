// From a failure to what is done about it: the catalogue of AOS with the numbers of its strategies. An override beats an entry,
// an entry beats its category, a category beats "abort". Where the entry's strategy is that of its category, the
// category's retries, delay and growth count; otherwise the strategy's own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "aivp/base/failure_catalogue.hpp"
#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/retry.hpp"

namespace aivp {

/// From where a checkpoint is restored.
enum class restore_point : std::uint8_t { last_successful, step_start, workflow_start };

enum class recovery_source : std::uint8_t { override_entry, override_category, entry, category, global };

/// What to do about a failure.
struct recovery_plan {
    recovery_mode mode = recovery_mode::abort;
    recovery_source source = recovery_source::global;
    retry_policy retry = {.max_attempts = 1};        ///< max_attempts 1 where the mode does not repeat
    duration decision_limit;                         ///< escalate and manual intervention: time a person has; else 0
    recovery_mode afterwards = recovery_mode::abort; ///< when the retries or the person's time are used up
    duration checkpoint_age_max;                     ///< checkpoint_restore: no older one is used; else 0
    restore_point restore_from = restore_point::last_successful;
    int http_status = 500;

    bool retries() const { return retry.max_attempts > 1; }
    friend bool operator==(const recovery_plan&, const recovery_plan&) = default;
};

/// `name`: an error's dotted name ("skill.failed"), a code of the catalogue or of the taxonomy ("TIMEOUT",
/// "ERR_HTTP_503"), or a category ("TRANSIENT"). Exact match; the first that fits the most exact name wins.
struct recovery_override {
    std::string name;
    recovery_mode mode = recovery_mode::abort;
    std::optional<retry_policy> retry; ///< instead of the strategy's numbers
    friend bool operator==(const recovery_override&, const recovery_override&) = default;
};

/// The numbers of a strategy by itself; max_attempts 1 for one that does not repeat.
retry_policy strategy_policy(recovery_mode mode);
/// The strategy CIRCUIT_BREAKER: 5 failures in a row, 60 s, 1 request half-open.
breaker_policy strategy_breaker();

/// Through the error's own row, which is the most exact entry; the taxonomy code of the row leads to catalogue and category.
recovery_plan recovery_for(errc code, std::span<const recovery_override> overrides = {});
/// A code from outside, of the catalogue or of the taxonomy; `category` where it has no entry.
recovery_plan recovery_for(std::string_view code, std::optional<failure_category> category = std::nullopt,
                           std::span<const recovery_override> overrides = {});

} // namespace aivp
