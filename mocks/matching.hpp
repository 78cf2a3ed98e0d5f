// How expectations and canned answers say which arguments they mean.
#pragma once

#include "aivp/base/payload.hpp"

namespace aivp {

/// Is `part` in `whole`? Objects: every member of `part` is in `whole`, recursively. Arrays: same length, item by item.
/// Anything else: equal. `{}` fits every object.
bool subset_matches(const payload& whole, const payload& part);

} // namespace aivp
