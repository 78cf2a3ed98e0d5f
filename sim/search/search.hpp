// Looks for a plan under which a scenario breaks a property: every single fault at every place, then pairs, then random
// plans and workloads. What it finds is shrunk and explained. docs/faults.md is the page for those who use it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/recoverability.hpp"
#include "sim/search/failure.hpp"
#include "sim/search/plan_space.hpp"

namespace aivp::sim {

enum class search_stage : std::uint8_t { census, singles, disk, pairs, swarm, shrinking };
const char* to_string(search_stage s);

/// What half of the swarm's later plans are changes of: plans that reached …
enum class search_guide : std::uint8_t {
    nothing, ///< none: every plan is drawn
    steps,   ///< … an order of events that no run before had reached
    all,     ///< … that, or an event where no run had stood like that, or a probe that none had hit
};
const char* to_string(search_guide g);
/// nullopt for any other word.
std::optional<search_guide> parse_search_guide(std::string_view word);

struct search_options {
    std::uint64_t first_seed = 1;   ///< of the census and of the swarm
    std::uint64_t census_seeds = 3; ///< runs without faults, which say where faults can be
    /// More are sampled evenly, and the report says so. Of the disk's a tenth of that, unless there are no others.
    std::uint64_t singles_max = 5'000;
    std::uint64_t pairs_max = 1'000;
    std::uint64_t seeds = 200; ///< of the swarm: each draws a plan and a workload
    bool vary_workload = true;
    search_guide guide = search_guide::all;
    std::uint64_t guided_from = 512;      ///< so many plans are drawn first: until then that reaches more (ADR 20)
    fault_filter filter;                  ///< the scenario's own `swarm` is added
    std::size_t failures_max = 10;        ///< different ones, to be shrunk
    std::uint64_t shrink_tries = 2'000;   ///< of each
    bool shrinks = true;                  ///< false: failures are reported as they were met
    unsigned jobs = 1;                    ///< the result does not depend on it, unless time runs out
    std::function<bool()> expired;        ///< true: look for nothing more; empty = never
    std::function<bool()> shrink_expired; ///< true: shrink no further; empty = never
    /// Called now and then from the thread that searches.
    std::function<void(search_stage, std::uint64_t done, std::uint64_t all)> progress;
    setup_hook hook; ///< for every run; called from several threads
};

struct stage_count {
    std::uint64_t tried = 0;
    std::uint64_t planned = 0;  ///< so many would have been tried in time
    std::uint64_t possible = 0; ///< so many there are; more than `planned`: a sample
    std::uint64_t failed = 0;
};

struct search_report {
    std::shared_ptr<const scenario> what;
    std::vector<fault_site> sites;
    std::vector<std::uint64_t> met;                  ///< by kind: in so many runs a fault of this kind took effect
    stage_count census, singles, disk, pairs, swarm; ///< singles: without those of the disk
    std::uint64_t runs = 0;                          ///< executions, those of shrinking not counted
    std::uint64_t inputs = 0;
    std::uint64_t reached = 0; ///< different (event, event after it) pairs that any run reached
    std::uint64_t states = 0;  ///< different (situation of a run, event) pairs
    std::uint64_t probes = 0;  ///< different AIVP_SOMETIMES and AIVP_REACHABLE
    std::vector<std::uint64_t> excused = std::vector<std::uint64_t>(excuse_count); ///< by excuse_id: runs
    std::vector<std::uint64_t> property_checks;                                    ///< by property_id
    std::uint64_t failed = 0;                                                      ///< executions that did
    std::uint64_t not_examined = 0; ///< failed, and were neither shrunk nor equal to one that was
    bool out_of_time = false;
    std::vector<failure_report> failures; ///< the smallest first
    bool passed() const { return failed == 0; }
    /// After so many swarm seeds without a failure, what failed in this search is gone with 95 % confidence; 0 when no
    /// seed of the swarm failed.
    std::uint64_t clean_seeds_wanted() const;
};

/// Errors: config.value (a pattern of the filter that no kind matches), fault.no_site (or no place of the scenario). With
/// no singles, pairs and seeds it is only the census: which places there are.
result<search_report> search(const std::shared_ptr<const scenario>& s, const search_options& options);

} // namespace aivp::sim
