// The commands of aivpd: the daemon itself, and what an operator does with its store.
#pragma once

#include "tools/common/command.hpp"

namespace aivp::tools {

command_spec serve_command_spec();
command_spec status_command_spec();
command_spec migrate_command_spec();
command_spec check_command_spec();

} // namespace aivp::tools
