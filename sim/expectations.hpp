// Checks the `expect` section of a scenario against what a simulation left behind.
#pragma once

#include <vector>

#include "sim/runner.hpp"

namespace aivp::sim {

void check_expectations(const scenario& s, simulation& world, std::vector<finding>& out);

} // namespace aivp::sim
