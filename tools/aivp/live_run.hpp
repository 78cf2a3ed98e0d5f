// `aivp run` for real: in this process, or by the daemon that works on the folder.
#pragma once

#include "tools/common/command.hpp"

namespace aivp::tools {

int live_run(const arguments& a);

} // namespace aivp::tools
