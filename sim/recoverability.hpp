// What a run under faults is excused from, and by what: the one table of it. A run must keep every property, start again after
// every fault and come to rest when the faults are over, but for what stands here. What is acknowledged and lost, and an
// effect that happens twice, nothing excuses.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "aivp/engine/state.hpp"
#include "sim/faults/injector.hpp"

namespace aivp::sim {

struct finding;

enum class excuse_id : std::uint8_t {
    paused,
    parked,
    behind,
    asked,
    rot_at_start,
    rot_at_recovery,
    rot_in_the_journal,
};
inline constexpr std::size_t excuse_count = static_cast<std::size_t>(excuse_id::rot_in_the_journal) + 1;

/// A row of docs/faults.md.
struct excuse {
    excuse_id id;
    std::string_view name;
    std::string_view finding; ///< the `what` of the finding that is none then
    std::string_view when;    ///< what must be so
    std::string_view why;
};
/// In the order of the enum.
const std::vector<excuse>& excuses();
const excuse& info(excuse_id id);

/// Why the run may be open although nothing is wrong any more: it waits for a person. nullptr: it must end.
const excuse* excuse_of(const engine_state& state, const run_state& run);

/// Why the finding is none under the faults that were met. nullptr: it is one.
const excuse* excuse_of(const finding& f, const fault_plan& plan, std::span<const met_fault> met);

} // namespace aivp::sim
