// What a skill promises: the schema of its arguments, what it does to the world, what it may cost. A contract is
// enforcement; the Markdown body of a SKILL.md is guidance and never enforces anything.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aivp/base/hash.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/gcra.hpp"
#include "aivp/reliability/retry.hpp"
#include "aivp/schema/schema.hpp"

namespace aivp {

enum class risk_level : std::uint8_t { low, medium, high };

/// Immutable; shared by every snapshot that binds it.
struct skill_contract {
    std::string id;      ///< dotted: "mail.send"; the part before the first dot names the connector
    std::string version; ///< semver
    std::string summary;
    json_schema input = json_schema::anything();
    std::optional<json_schema> output;
    effect_class effect = effect_class::write;
    bool reversible = false;
    bool idempotent = false; ///< repeating it changes nothing more (every read is)
    bool takes_key = false;  ///< the connector honours an idempotency key: at most one effect a key
    bool enabled = true;
    bool needs_approval = false;
    risk_level risk = risk_level::medium;
    duration timeout = seconds(60);        ///< of one attempt
    retry_policy retry{.max_attempts = 1}; ///< what the file does not say is not made again
    std::optional<rate_limit> rate;        ///< of all runs together
    std::optional<breaker_policy> breaker; ///< of all runs together
    usd_micros cost_estimate;              ///< of one call; reserved before it and charged when it was sent
    std::vector<std::string> permissions;  ///< "connector:scope"
    std::vector<std::string> side_effects; ///< labels such as "send_email"
    std::vector<std::string>
        secret_arguments; ///< JSON pointers, `*` = every item; from "x-secret" or "writeOnly" in the schema
    std::vector<std::string> secret_results; ///< the same in the result
    digest hash;                             ///< of the canonical skill file
    source_pos where;
};

using skill_ptr = std::shared_ptr<const skill_contract>;

} // namespace aivp
