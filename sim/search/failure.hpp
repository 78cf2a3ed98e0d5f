// A failure as a person needs it: what was broken, the smallest history found that breaks it, which faults it takes, and how
// to see it again. docs/faults.md shows one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/search/case.hpp"

namespace aivp::sim {

/// One line of the minimal history.
struct story_line {
    duration at; ///< since the start
    std::string
        what; ///< "trigger", "model", "skill", "user", "retry 1", "timer", "operator", "FAULT", "crash", "violation"
    std::string text;   ///< one line
    std::string note;   ///< "required", or empty
    std::string moment; ///< "7c1e@480"
    seq_no seq;         ///< the input, 0 = none
};

struct shrink_statistics {
    std::uint64_t tries = 0;
    std::uint64_t accepted = 0;
    std::uint64_t faults_before = 0, faults_after = 0;
    std::uint64_t events_before = 0,
                  events_after = 0; ///< engine inputs: of the whole run as met, up to the violation now
    bool out_of_time = false;       ///< the result may not be minimal
};

struct failure_report {
    finding what; ///< of the shrunk case
    failure_signature signature;
    run_case found; ///< as the search met it
    run_case shrunk;
    std::uint64_t seeds_tried = 0;
    shrink_statistics shrinking;
    std::vector<bool> required;       ///< by fault of the shrunk plan: without it alone the run passes
    std::uint64_t seeds_without = 0;  ///< of so many seeds without the faults …
    std::uint64_t passed_without = 0; ///< … so many passed
    std::vector<story_line> story;
    std::vector<std::string> free_values; ///< "any order id": what was changed and still fails
    /// Where the nearest passing run parts from this one.
    struct difference {
        std::string passing; ///< how that run differs: "without the fault skill/clerk/charge #2 lost"
        seq_no seq;
        std::string first; ///< the failing run's record in short
        std::string second;
    };
    std::optional<difference> nearest;
    std::string token; ///< of the shrunk case
    std::string found_token;
    std::uint64_t also = 0; ///< more failures of the same signature
};

} // namespace aivp::sim
