// What a fault may be weakened to when a plan is made smaller.
#pragma once

#include <vector>

#include "sim/faults/fault.hpp"

namespace aivp::sim {

/// Kinds of the same port that are easier to understand, the easiest first.
std::vector<fault_kind> weaker_kinds(fault_kind k);

} // namespace aivp::sim
