// The numbers of a scenario's agents and skills that a smaller case may have smaller: how many steps, turns, attempts, probes.
// A breaker that opens after two failures shows what one that opens after twenty does, in a tenth of the events.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp::sim {

struct scenario;

/// One number as it stands in the files.
struct setting {
    std::string of;   ///< an agent's id, or a skill as "http.get@2.0.0"
    std::string name; ///< as in the file: "steps", "limits.model_turns", "breaker.calls_min", "model.retry.attempts"
    std::int64_t value = 0;
    std::int64_t least = 1; ///< what it can be lowered to
    friend bool operator==(const setting&, const setting&) = default;
};

/// Another value. `steps` keeps an agent's first ones; "retry.within_ms" is in milliseconds.
struct setting_edit {
    std::string of;
    std::string name;
    std::int64_t to = 0;
    friend auto operator<=>(const setting_edit&, const setting_edit&) = default;
};

/// All that could be lower, sorted by `of` and `name`. Any thread.
std::vector<setting> settings_of(const scenario& s);

/// Gives the scenario's agents, and the skills that they are bound to, the values. Their hashes change with it: a run says
/// which values decided. Errors: config.value (something that the scenario does not have, a value that is not from the
/// least to what is written), config.range (values that do not go together).
result<void> apply_settings(scenario& s, const std::vector<setting_edit>& edits);

} // namespace aivp::sim
