// Runs a simulation whose process may be killed and whose store may break: what an operator does then is done here.
#pragma once

#include <optional>
#include <string>

#include "sim/simulation.hpp"

namespace aivp::sim {

/// As simulation::run(), but a process that a fault killed is started again, and a store that a fault broke is used again,
/// each after the fault's span. Returns killed or store_failed only for what is no fault of the plan, or when a crash loop
/// does not end. `failed` says then what went wrong.
stop_reason run_through_faults(simulation& world, instant until, std::uint64_t max_events,
                               std::optional<error>& failed);

/// What is still under way although nothing is wrong any more and nobody is asked, by words; empty = all is at rest.
/// Runs that are paused or parked wait for a person, and so does what waits behind them; runs after `since` do not count.
std::string still_open(const simulation& world, run_id since);

} // namespace aivp::sim
