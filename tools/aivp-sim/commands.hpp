// The commands of aivp-sim. None of them opens a socket.
#pragma once

#include "tools/common/command.hpp"

namespace aivp::tools {

command_spec run_command_spec();
command_spec verify_command_spec();
command_spec list_command_spec();
command_spec explore_command_spec();
command_spec faults_command_spec();
command_spec repro_command_spec();
command_spec shrink_command_spec();
command_spec why_command_spec();
command_spec replay_command_spec();
command_spec import_command_spec();
command_spec properties_command_spec();

} // namespace aivp::tools
