// Where a dry run's tape goes, and how the tape finds its agent and skills again.
#pragma once

#include "sim/recording.hpp"
#include "sim/scenario.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// Writes the first run into the folder that `--record` names: a fixture starts its agent once. Errors: those of
/// run_recording::write.
result<void> write_recording(const sim::run_recording& recording, const sim::scenario& s, const arguments& a);

} // namespace aivp::tools
