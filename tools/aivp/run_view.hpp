// A live run as people read it, from what show_run() answers.
#pragma once

#include "aivp/base/payload.hpp"

namespace aivp::tools {

/// In the manner of a dry run's preview.
void print_run_view(const payload& shown);
/// One line of a journal: a line for each of its events.
void print_log_line(const payload& line);
/// What a command that waited for the run ends with: exit_ok unless it has failed, then the exit code of its error.
int exit_code_of_run(const payload& shown);

} // namespace aivp::tools
