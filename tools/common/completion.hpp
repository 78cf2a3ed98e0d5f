// Scripts that teach a shell the commands and options of a program.
#pragma once

#include <string>
#include <string_view>

#include "tools/common/command.hpp"

namespace aivp::tools {

/// `shell` is bash, zsh or fish; "" for any other.
std::string completion_script(const program_spec& program, std::string_view shell);

} // namespace aivp::tools
