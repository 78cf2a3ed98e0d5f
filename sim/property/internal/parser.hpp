// From words to a tree. Names are not looked up yet: a field has its name in `text`.
#pragma once

#include "aivp/base/error.hpp"
#include "sim/property/internal/program.hpp"

namespace aivp::sim {

/// Errors: config.value, with the byte from 1 in where.column.
result<property_program> parse_property(std::string_view text);

} // namespace aivp::sim
