// Agent files: the published format `v1alpha1` and what aivp adds to it. docs/agent-format.md is the page for those who
// write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/definition.hpp"

namespace aivp {

/// Reads an agent file (YAML, or JSON when the name ends in ".json"). Appends all errors; nullopt when there was one. What
/// needs other files (skills, time zones) is checked by compile_agent. Errors: yaml.*, json.*, config.*, cron.*.
std::optional<agent_definition> parse_agent(std::string_view text, const std::string& file, std::vector<error>& errors);

} // namespace aivp
