// The commands of aivp: what a person at a desk does with agents.
#pragma once

#include "tools/common/command.hpp"

namespace aivp::tools {

command_spec run_command_spec();
command_spec validate_command_spec();
command_spec new_command_spec();
command_spec schema_command_spec();

} // namespace aivp::tools
