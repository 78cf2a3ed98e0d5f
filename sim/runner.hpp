// Runs scenarios: once for each seed, on several threads, with the results in a fixed order. A seed that is run twice must
// give the same journal, record for record; where it does not, the first divergent record is shown with both sides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/faults/injector.hpp"
#include "sim/scenario.hpp"

namespace aivp::sim {

/// One thing that does not hold.
struct finding {
    errc code = errc::scenario_expectation;
    std::string what; ///< the property's name, or the expectation in words
    source_pos where; ///< the line of the scenario; empty for built-in properties
    std::string expected;
    std::string actual;
    std::string
        moment; ///< "7c1e@2600": digits of the chain and virtual ms since the start; empty when it is about the whole run
};

struct excuse;
/// A finding that is none: sim/recoverability.hpp.
struct excused_finding {
    const excuse* why = nullptr;
    finding what;
};

struct run_report {
    std::string scenario;
    std::string file;
    std::uint64_t seed = 0;
    std::vector<finding> findings;
    std::vector<excused_finding> excused; ///< would be findings, but for the faults that were met or for whom they wait
    stop_reason stopped = stop_reason::idle;
    digest outcome;            ///< journal chain and ledger
    std::uint64_t inputs = 0;  ///< engine inputs
    std::uint64_t effects = 0; ///< writes that reached the world
    std::uint64_t runs = 0;
    std::uint64_t refused_calls = 0;
    usd_micros cost;
    duration virtual_time;
    std::vector<std::uint64_t> property_checks; ///< by property_id
    std::vector<property_verdict> own;          ///< of the scenario's own properties, in their order
    std::vector<property_id> violated;          ///< muted ones left out
    std::vector<fault_site> sites;              ///< where faults could be met, and how often each was called
    std::vector<met_fault> met;                 ///< which of the plan's faults took effect, in order
    /// On the durable store: operations of the disk up to the end of the n-th commit that was acknowledged, at n - 1.
    std::vector<std::uint64_t> disk_calls_by_commit;
    bool passed() const { return findings.empty(); }
};

/// Changes a setup before it is used: how tests plant faults.
using setup_hook = std::function<void(simulation_setup&)>;

/// What the tape behind the world says at the end: tape.miss with the first miss, tape.unused or tape.empty. Nullopt when
/// all is well, and where no tape answers.
std::optional<error> tape_failure(const simulation& world);

/// Under the scenario's own plan.
run_report run_once(const scenario& s, std::uint64_t seed, const setup_hook& hook = {});

/// Under the given plan instead. What `expect` says is asked only when that is the scenario's own plan: it is written for
/// that, and any other fault may rightly change it. Properties hold under every plan. A process that a fault kills is
/// started again and a store that a fault breaks is used again, as an operator would. Once the horizon is reached the faults
/// end, and the agents must come to rest (scenario.not_converged) within `horizon` more, two days at least. A fault that nothing met is a
/// finding (fault.not_met) only when it is of the scenario's own plan.
struct planned_world {
    run_report report;
    std::unique_ptr<simulation> world; ///< as it was at the end; null when it could not be built
};
planned_world run_planned(const scenario& s, std::uint64_t seed, const fault_plan& plan, const setup_hook& hook = {});

/// Where two runs of one seed part.
struct divergence {
    seq_no seq;        ///< the first differing record; one beyond the end when one run is longer
    std::string first; ///< journal lines; empty = the run had ended
    std::string second;
    std::vector<json_difference> differences; ///< at most 8
};
struct verify_report {
    run_report run;
    std::optional<divergence> diverged;
    bool compared = false; ///< it was run twice
};
/// Runs it twice, under the scenario's own plan.
verify_report verify_once(const scenario& s, std::uint64_t seed, const setup_hook& hook = {});
/// The same under the given plan, as run_planned().
verify_report verify_planned(const scenario& s, std::uint64_t seed, const fault_plan& plan,
                             const setup_hook& hook = {});

struct batch_options {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 1;
    unsigned jobs = 1;
    bool verify = false;
    /// Called after each finished item, from whichever thread, one at a time. What it throws ends the batch.
    std::function<void(std::uint64_t done, std::uint64_t all)> progress;
    setup_hook hook; ///< for every run; called from several threads
};
/// What became of one scenario over all its seeds.
struct scenario_report {
    std::shared_ptr<const scenario> what;
    std::uint64_t seeds_run = 0;
    std::uint64_t seeds_failed = 0;
    std::uint64_t seeds_compared = 0; ///< run twice, with the same journal or not
    std::uint64_t inputs = 0;
    std::uint64_t effects = 0;
    std::uint64_t runs = 0;
    duration virtual_time;
    std::vector<run_report> failed;                               ///< the first few, by seed
    std::optional<std::pair<std::uint64_t, divergence>> diverged; ///< the lowest seed
    digest outcomes;                                              ///< chain over the outcomes of all seeds, ascending
    std::vector<std::uint64_t> property_checks;
    std::vector<property_verdict> own; ///< evaluations of all seeds; reached or violated by any
    std::vector<property_id> violated; ///< in any seed, muted ones left out
    bool passed() const { return seeds_failed == 0 && !diverged; }
};
/// Results in the order of `scenarios`, whatever the number of jobs. What a run throws becomes a finding with internal.bug.
std::vector<scenario_report> run_batch(const std::vector<std::shared_ptr<const scenario>>& scenarios,
                                       const batch_options& options);

} // namespace aivp::sim
