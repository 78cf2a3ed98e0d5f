// What is decided once all schemas of a program are known.
#pragma once

#include "runtime/schema/internal/program.hpp"

namespace aivp::schema_internal {

/// How many schemas may apply to one and the same value in a chain.
inline constexpr std::uint32_t chain_max = 200;

/// A schema that applies itself to the same value again (or starts a chain longer than chain_max); none = there is none.
/// Targets of dynamic references are known at run time only and are not followed.
schema_index find_circle(const program& p);
/// Lets whatever leads to a schema that is only a `$ref` lead to the target itself.
void join_references(program& p);

} // namespace aivp::schema_internal
