// A case, one execution of it, and what a search has to know of that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/runner.hpp"
#include "sim/workload.hpp"

namespace aivp::sim {

/// What a run is made of: executing it again gives the same journal.
struct run_case {
    std::shared_ptr<const scenario> what; ///< with its workload: a shrunk case has fewer agents, triggers or less time
    std::uint64_t seed = 1;
    fault_plan plan;
    std::shared_ptr<const scenario> written = nullptr; ///< the scenario as it stands in its file; null = it is `what`
    workload_edits edits{};                            ///< what makes `what` of `written`

    const std::shared_ptr<const scenario>& origin() const { return written ? written : what; }
};

/// `c` with another workload. Errors: those of apply_edits().
result<run_case> with_edits(const run_case& c, workload_edits edits);

/// Two failures are one when these are equal.
struct failure_signature {
    std::string property; ///< the finding's `what`
    digest last_events;   ///< of the kinds of the last few events before it, without numbers, names and times
    friend auto operator<=>(const failure_signature&, const failure_signature&) = default;
};

/// What a run came to, as hashes; each sorted.
struct reached_things {
    std::vector<std::uint64_t> steps;  ///< pairs of events that followed each other
    std::vector<std::uint64_t> states; ///< pairs of what a run was waiting for, and the event that came then
    std::vector<std::uint64_t> probes; ///< AIVP_SOMETIMES and AIVP_REACHABLE; only under a probe_recording
};

struct case_result {
    run_report report;
    failure_signature signature; ///< of the first finding; empty when there is none
    reached_things reached;
    bool failed() const { return !report.findings.empty(); }
    /// The finding with this `what`; nullptr when there is none.
    const finding* find(std::string_view what) const;
};
/// What a run throws becomes a finding with internal.bug. Any thread.
case_result execute(const run_case& c, const setup_hook& hook);

/// A run's journal, whatever store it was in.
struct journal_text {
    struct record {
        std::string line;
        instant at;
        digest chain;
    };
    std::vector<record> records; ///< records[n-1] has the number n
    std::string moment(seq_no seq, instant start) const;
};
struct executed_case {
    case_result result;
    journal_text journal;
    std::unique_ptr<simulation> world; ///< null when it could not be built
};
/// The same with the journal. Threads: as execute().
executed_case execute_fully(const run_case& c, const setup_hook& hook);

/// The record at which the finding showed: that of its moment, else the last one. 0 in an empty journal.
seq_no seq_of(const finding& f, const journal_text& journal, instant start);

/// Indices of the plan's faults that nothing met in this run.
std::vector<std::size_t> unmet_faults(const run_case& c, const run_report& report);
/// What is wrong with a plan that this run did not meet in full: fault.no_site or fault.not_met for each such fault.
std::vector<error> stale_faults(const run_case& c, const run_report& report);

/// Executes in parallel, `jobs` at a time, and returns the lowest index whose result is `wanted`; or the number of cases.
/// Which one that is does not depend on `jobs`. `stop` is asked between two rounds; true ends the search at once.
std::size_t first_wanted(std::span<const run_case> cases, const setup_hook& hook, unsigned jobs,
                         const std::function<bool(const case_result&)>& wanted, const std::function<bool()>& stop);

/// Executes all; results in the order of the cases. `visit` is called in that order, `chunk` results at a time; false ends
/// it. Returns how many were visited.
std::size_t execute_all(std::size_t count, const std::function<run_case(std::size_t)>& make, const setup_hook& hook,
                        unsigned jobs, std::size_t chunk,
                        const std::function<bool(std::size_t, const run_case&, case_result&)>& visit);

} // namespace aivp::sim
