// The commands of aivp: what a person at a desk does with agents.
#pragma once

#include "tools/common/command.hpp"

namespace aivp::tools {

command_spec run_command_spec();
command_spec validate_command_spec();
command_spec new_command_spec();
command_spec schema_command_spec();

// Of runs for real.
command_spec ps_command_spec();
command_spec show_command_spec();
command_spec logs_command_spec();
command_spec cancel_command_spec();
command_spec pause_command_spec();
command_spec resume_command_spec();
command_spec answer_command_spec();
command_spec resolve_command_spec();
command_spec dead_letters_command_spec();

} // namespace aivp::tools
