// From a parsed agent file to the immutable snapshot that runs hold on to.
#pragma once

#include <vector>

#include "aivp/agent/definition.hpp"
#include "aivp/agent/snapshot.hpp"
#include "aivp/base/error.hpp"
#include "aivp/skill/registry.hpp"

namespace aivp {

/// Binds the skills, checks `fixed` and constant arguments against their schemas and every reference against what earlier
/// steps promise to return, and computes the hashes. `zone` holds the rules of definition.zone. Pure; any thread.
///
/// Intervals are anchored at 1970-01-01T00:00:00Z: "every 10m" fires at :00, :10, :20 of UTC, whenever the agent was activated.
///
/// Appends all errors to `diagnostics`, in the order in which the file is read, and returns the first of them. Errors: skill.unknown, skill.disabled, config.fixed,
/// config.reference, config.cycle, config.duplicate, config.value, config.type, config.range, config.missing_key, config.unknown_key,
/// config.not_supported, schema.*, cron.*.
result<snapshot_ptr> compile_agent(const agent_definition& definition, const skill_registry& registry,
                                   const zone_rules& zone, std::vector<error>& diagnostics);

} // namespace aivp
