// Another aivp-sim as the measure of what is right: `shrink --against`.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "sim/search/case.hpp"

namespace aivp::tools {

/// Asks the program what `property`, an expectation of the case, comes to there: `PROGRAM repro TOKEN --times 1`, once for
/// each call. `folder` as --in. Nullopt: it cannot be started, does not break the expectation, or does not know the token.
/// Threads: one call at a time.
std::function<std::optional<std::string>(const sim::run_case&)>
reference_program(std::string program, std::string folder, std::string property);

} // namespace aivp::tools
