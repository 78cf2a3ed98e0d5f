// Where the record of the last run is kept: FOLDER/last-run.json.
#pragma once

#include <string>

#include "tools/aivp-sim/run_record.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// The folder of --record, else .aivp below the current one.
std::string record_folder(const arguments& a);
/// Errors: io.not_found (nothing was recorded), and those of parse_last_run().
result<last_run> read_last_run(const arguments& a);
/// Replaces the file in one step. Without --record, a run in which nothing failed makes no folder for saying so.
/// Errors: io.write.
result<void> record_run(const arguments& a, const last_run& r);

} // namespace aivp::tools
