// Looks up the names of a parsed property and gives every node its type.
#pragma once

#include <vector>

#include "aivp/base/error.hpp"
#include "sim/property/internal/program.hpp"

namespace aivp::sim {

/// Appends all errors, with the byte from 1 in where.column. The program is complete when there was none.
void check_property(property_program& program, const property_names& names, std::vector<error>& errors);

} // namespace aivp::sim
