#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/schema/internal/program.hpp"

namespace aivp::schema_internal {

/// One broken rule, small enough to collect many; text is made for those that are shown.
struct finding {
    std::uint32_t node; ///< of the instance
    schema_index schema;
    keyword rule;
    std::uint32_t extra; ///< required, dependentRequired: the entry that is absent; dynamic reference: none
    std::uint32_t order; ///< in which it was found
    bool unknown_property;
};

/// Schemas applied to one value through references and combinations, times levels of the value. Frames are small, so the
/// bound keeps the stack below one megabyte.
inline constexpr std::uint32_t evaluation_depth_max = 1500;
/// Applications of a schema to a value, in total: a constant and a part that grows with the instance.
inline constexpr std::uint64_t evaluation_steps_base = 2'000'000;
inline constexpr std::uint64_t evaluation_steps_per_node = 64;

/// Whether `schema` accepts the value at `node`. Pure.
bool evaluate(const program& p, const json_tree& instance, schema_index schema, std::uint32_t node);
/// The first `limit` findings in document order; `limit` >= 1.
std::vector<finding> explain(const program& p, const json_tree& instance, schema_index schema, std::uint32_t node,
                             std::size_t limit);

} // namespace aivp::schema_internal
