// Work that was accepted and did not come to its end, kept for a person to look at, replay or drop. Nothing that was accepted
// disappears: done + refused + dead letters + under way = accepted. What was refused, cancelled or declined has its end.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/reliability/retry.hpp"

namespace aivp {

enum class dead_letter_kind : std::uint8_t {
    exhausted, ///< it could be repeated, and the attempts, the time or the budget for retries ended
    failed,    ///< it would fail the same way until something is changed
    parked,    ///< a write that may have taken effect: never replayed unless a person has found out
};
std::string_view to_string(dead_letter_kind kind);

struct dead_letter {
    dead_letter_kind kind = dead_letter_kind::failed;
    run_id run;
    call_id call; ///< none = the whole run
    errc code = errc::internal_bug;
    std::string message; ///< redacted by whoever made it
    instant at;
    std::uint32_t attempts = 0;
    payload work; ///< what it takes to do it again: a trigger or a call; redacted

    friend bool operator==(const dead_letter&, const dead_letter&) = default;
};

/// How a piece of work ended for good: no further attempt follows.
struct final_outcome {
    run_id run;
    call_id call; ///< none = the whole run
    errc code = errc::ok;
    effect_class effect = effect_class::none;
    effect_outcome outcome = effect_outcome::ok;
    bool repeatable = true;             ///< as in attempt_failure
    retry_stop stop = retry_stop::none; ///< why there was no further attempt; none = it was never asked
    std::string message;
    instant at;
    std::uint32_t attempts = 1;
    payload work;
};

/// The letter, or nullopt when the work has come to its end. In order: a write that is not repeatable and has an unknown
/// outcome is parked; success, and an end that somebody decided (refused by the gate, a policy or a trigger; cancelled;
/// declined), make none; a code that may be repeated is exhausted; every other failure is failed.
std::optional<dead_letter> dead_letter_for(final_outcome end);

/// The letter may be replayed without a person having answered for it.
bool is_replayable(const dead_letter& letter);

} // namespace aivp
