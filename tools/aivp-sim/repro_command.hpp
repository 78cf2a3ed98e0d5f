// Cases that tokens and files name: what `repro`, `shrink` and `why` have in common.
#pragma once

#include <string>

#include "sim/search/case.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// What a token, or a scenario or regression file, says; of a file that names no seed with that of --seed, else 1. An exit
/// code when it cannot be read.
int read_case(const arguments& a, const std::string& what, sim::run_case& out);

/// The record of a moment. Errors: usage.invalid (the run has none such).
result<seq_no> record_of(const sim::journal_text& journal, const std::string& moment, instant start);

} // namespace aivp::tools
