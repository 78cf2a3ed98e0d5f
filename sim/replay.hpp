// Replays tapes through the real engine: the tape answers every model turn, skill call and user turn; what the engine asks
// must be what was recorded. A miss stops that run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "aivp/tape/matcher.hpp"
#include "runtime/codec/workspace.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

struct replay_report {
    std::string tape;            ///< folder
    std::vector<error> problems; ///< of the tape itself: torn, edited; they do not stop a replay
    std::optional<error> failed; ///< it could not be replayed at all
    tape_verdict verdict;
    std::uint64_t recorded = 0; ///< events on the tape that can be matched, user turns included
    /// How the run ended is not how the recorded one did: recorded on the left.
    std::optional<std::pair<std::string, std::string>> diverged;
    digest outcome; ///< journal chain
    std::uint64_t inputs = 0;
    duration virtual_time;
    bool passed() const { return !failed && verdict.clean() && !diverged; }
};

struct replay_options {
    unsigned jobs = 1;
    zone_loader zones = load_utc_only; ///< called from several threads
    /// Called after each tape, from whichever thread, one at a time. What it throws ends the replay.
    std::function<void(std::uint64_t done, std::uint64_t all)> progress;
};

struct replay_totals {
    std::uint64_t tapes = 0;
    std::uint64_t passed = 0;
    std::uint64_t matched = 0; ///< model turns and skill calls
    std::uint64_t matched_model = 0;
    std::uint64_t matched_skill = 0;
    std::uint64_t matched_user = 0;
    std::uint64_t missed = 0;
    std::uint64_t unused = 0;
    std::uint64_t diverged = 0;
    std::uint64_t failed = 0;
    std::uint64_t edited = 0; ///< tapes whose digest chain does not verify
    std::uint64_t inputs = 0;
    digest outcomes; ///< chain over the outcomes, in order of the tapes
};

/// Finds all tapes at or below the paths and replays them, in the order of their paths. What a
/// replay throws becomes its tape's internal.bug. Errors: tape.missing, io.not_found.
result<std::vector<replay_report>> replay_all(const std::vector<std::string>& paths,
                                              const replay_options& options = {});
replay_totals sum_up(const std::vector<replay_report>& reports);

} // namespace aivp::sim
