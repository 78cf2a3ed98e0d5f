// What the engine is told. Inputs are commands and completions; nothing else changes its state.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/kernel/envelope.hpp"
#include "aivp/ports/completion.hpp"

namespace aivp {

/// Makes an agent known, or replaces the active snapshot of the agent with the same id (running runs keep theirs).
struct activate_agent {
    snapshot_ptr snapshot; ///< never null
};

/// No new runs; what waits is refused with a reason, what runs goes on.
struct retire_agent {
    agent_id agent;
};

/// A manual trigger. `body` is null or what the trigger's schema allows.
struct start_run {
    agent_id agent;
    payload body;
};

/// An event for every agent that has an event trigger of this type.
struct publish_event {
    std::string type;
    payload body;
};

struct timer_elapsed {
    timer_key key;
};

struct cancel_run {
    run_id run;
    std::string reason;
};

using engine_input = std::variant<activate_agent, retire_agent, start_run, publish_event, timer_elapsed,
                                  model_completion, skill_completion, user_completion, cancel_run>;
using input_envelope = envelope<engine_input>;

} // namespace aivp
