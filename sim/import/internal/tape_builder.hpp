// From a logged run to the tape that the engine's own run of the agent file would have left behind.
#pragma once

#include <string>

#include "aivp/tape/tape.hpp"
#include "sim/import/internal/imported_run.hpp"
#include "sim/import/internal/skill_set.hpp"

namespace aivp::sim::internal {

/// Every call of `run` is known to `skills`.
tape build_tape(const imported_run& run, const skill_set& skills);
/// The agent file that goes with it.
std::string agent_text(const imported_run& run, const skill_set& skills);

} // namespace aivp::sim::internal
