// Runs a simulation whose process may be killed and whose store may break: what an operator does then is done here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sim/recoverability.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

/// As simulation::run(), but a process that a fault killed is started again, and a store that a fault broke is used again,
/// each after the fault's span. Returns killed or store_failed only for what is no fault of the plan, or when a crash loop
/// does not end. `failed` says then why it did not start again; unset: it was never tried.
stop_reason run_through_faults(simulation& world, instant until, std::uint64_t max_events,
                               std::optional<error>& failed);

/// What is still under way although nothing is wrong any more; runs after `since` do not count.
struct open_runs {
    std::string unexcused;              ///< the first that nothing excuses, in words; empty = none
    std::vector<const excuse*> excused; ///< why the others may be open, each once, in the order of the table
};
open_runs still_open(const simulation& world, run_id since);

} // namespace aivp::sim
