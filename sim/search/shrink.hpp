// From a case that fails to a small one that fails in the same way: fewer and weaker faults, earlier; fewer triggers, agents
// and less time; a small seed. docs/faults.md says what is tried in which order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "sim/search/failure.hpp"

namespace aivp::sim {

struct shrink_options {
    std::uint64_t tries_max = 2000; ///< executions, without those that turn out to have been in vain
    std::function<bool()> expired;  ///< true: stop now, and say so; empty = never
    unsigned jobs = 1;              ///< the result does not depend on it, unless time runs out
    setup_hook hook;                ///< for every run; called from several threads
    /// What the one pinned expectation of this case comes to in a program that is right, in the words of a finding's
    /// `actual`; nullopt when it cannot be told. An expectation holds for the workload that it was written for, so without
    /// this it is not shrunk; with it, a smaller case is one in which the two programs still differ there. Called from one
    /// thread.
    std::function<std::optional<std::string>(const run_case&)> reference;
    bool explain = true; ///< also which faults it takes, which values are free, and what the nearest passing run did
};

/// `found` must fail with a finding whose `what` is `property`: a case counts as failing in the same way when it has one.
/// Errors: repro.token (it does not fail so), fault.no_site, fault.not_met (a fault of the plan takes no effect any more,
/// and it does not fail: the plan is of another scenario or version). Of an expectation, the shrunk case is pinned to it.
result<failure_report> shrink(const run_case& found, const std::string& property, const shrink_options& options);

/// Fills in what is to be known of a report whose `shrunk`, `found` and `what` are set: required faults, free values, the
/// nearest passing run, the story, the tokens. Part of shrink().
void explain(failure_report& report, const shrink_options& options);

/// Is it easier to understand? Fewer faults, then fewer inputs.
bool smaller(const failure_report& a, const failure_report& b);

} // namespace aivp::sim
