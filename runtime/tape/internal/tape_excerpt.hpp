// Two differing values, cut to what a person needs to see the difference.
#pragma once

#include <string>
#include <utility>

#include "aivp/base/payload.hpp"

namespace aivp::internal {

/// Left and right side; "absent" where there is none. Long values are cut around the first difference.
std::pair<std::string, std::string> tape_excerpts(const json_difference& d);

} // namespace aivp::internal
