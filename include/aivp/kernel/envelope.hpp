// Envelope v1: what every input of the engine carries. Time arrives here and nowhere else.
#pragma once

#include <cstdint>
#include <string_view>

#include "aivp/base/id.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// Who made the input. The order is the tie-break class of equal instants: completions before timers before triggers.
enum class input_source : std::uint8_t { host, operator_, model, connector, user, timer, schedule, event_bus };
const char* to_string(input_source s);

inline constexpr std::uint32_t envelope_version = 1;

/// `Body` is the engine's input variant. `correlation` = the run it belongs to (0 = none yet); `causation` = the input
/// that led to this one (0 = from outside).
template <class Body>
struct envelope {
    seq_no seq;
    instant at;
    input_source source = input_source::host;
    run_id correlation;
    seq_no causation;
    Body body;
};

} // namespace aivp
