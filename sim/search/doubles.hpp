// Runs each random plan of the swarm twice: whatever fails, and however often, it must fail in the same way twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/search/search.hpp"

namespace aivp::sim {

struct doubles_options {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 1;   ///< each draws a plan and a workload, as those of a search
    bool vary_workload = true; ///< false: triggers, payloads and users stay as they are written
    unsigned jobs = 1;         ///< the result does not depend on it
    /// Called now and then from the calling thread. What it throws ends everything.
    std::function<void(std::uint64_t done, std::uint64_t all)> progress;
    setup_hook hook; ///< for every run; called from several threads
};

struct doubles_report {
    /// A case with two histories.
    struct parted {
        run_case met;
        divergence where;
    };
    std::shared_ptr<const scenario> what;
    std::uint64_t compared = 0; ///< cases that were run twice
    std::uint64_t inputs = 0;   ///< of one run each
    std::uint64_t faulty = 0;   ///< cases in which a fault took effect
    std::uint64_t broken = 0;   ///< cases with findings, the same ones twice; a search is there to look into them
    std::uint64_t diverged = 0;
    std::vector<parted> first;                ///< of those, by seed; at most 5
    std::vector<std::uint64_t> met;           ///< by kind: cases in which a fault of this kind took effect
    digest outcomes;                          ///< chain over the outcomes, by seed
    std::optional<finding> fails_by_itself{}; ///< the scenario fails without further faults: nothing was run twice
    std::vector<std::pair<run_case, std::string>> thrown{}; ///< what runs threw; at most 5
    bool passed() const { return diverged == 0 && thrown.empty() && !fails_by_itself; }
};

/// The token of the case that the calling thread is running, for whoever has to say what a process died of. Empty when there
/// is none.
const std::string& case_under_way();

/// Errors: as search().
result<doubles_report> run_twice(const std::shared_ptr<const scenario>& s, const doubles_options& options);

} // namespace aivp::sim
