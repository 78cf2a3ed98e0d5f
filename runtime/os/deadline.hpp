// How long an adapter waits for an answer.
#pragma once

#include "aivp/base/time.hpp"

namespace aivp {

inline constexpr duration deadline_grace = milliseconds(500);

/// A little longer than the engine does: of two timers for one deadline it is the engine's that decides, in every host, and
/// the adapter's is there in case nobody cancels. Zero or less for a deadline that has passed.
constexpr duration time_until(instant deadline, instant now) {
    const duration left = deadline - now;
    return left > duration{} ? left + deadline_grace : left;
}

} // namespace aivp
