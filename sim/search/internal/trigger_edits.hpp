// The triggers of a changed workload, one edit for each: what a shrinker reads and changes.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/search/case.hpp"

namespace aivp::sim::internal {

/// The workload with each trigger as an edit of its own: those that are not edited, and nothing else, are empty.
std::vector<trigger_edit> one_edit_each(const run_case& c);
/// Back to the edits: without those that change nothing, and a trigger that is gone and comes back is one that changed.
std::vector<trigger_edit> without_empty(std::vector<trigger_edit> edits);

const planned_trigger& written_trigger(const run_case& c, const trigger_edit& e);
std::uint64_t times_of(const run_case& c, const trigger_edit& e);
duration after_of(const run_case& c, const trigger_edit& e);
/// Did the trigger go with its agent?
bool is_without(const workload_edits& edits, const planned_trigger& t);
/// Does it never happen?
bool is_gone(const run_case& c, const trigger_edit& e);

} // namespace aivp::sim::internal
