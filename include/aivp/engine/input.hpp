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

/// Gives a journal its name, which its idempotency keys begin with: so a fresh journal never uses a key that a service
/// remembers from an older one. The first input of a journal, or never.
struct open_journal {
    effect_key name;
};

/// The host is back after a crash or a stop: what was under way is taken up again. First input on a journal that was read.
struct recover {
    duration away; ///< how long nobody was there: no deadline runs meanwhile; >= 0
};

/// The machine slept, and no deadline ran meanwhile. What is due by the wall clock is due all the same.
struct wake {
    duration slept; ///< >= 0
};

/// Nothing more of this run is dispatched until it is resumed; what is under way may finish.
struct pause_run {
    run_id run;
    std::string reason;
};

struct resume_run {
    run_id run;
};

/// What a person found out about a parked call.
enum class call_finding : std::uint8_t {
    happened, ///< it took effect; `result` is what it returned
    failed,   ///< it did not
    again,    ///< it did not, and it is to be made now
};
constexpr const char* to_string(call_finding f) {
    return f == call_finding::happened ? "happened" : f == call_finding::failed ? "failed" : "again";
}

struct resolve_call {
    call_ref ref;
    call_finding finding = call_finding::failed;
    payload result; ///< for `happened`; what the skill would have returned, or null
    std::string note;
};

using engine_input = std::variant<activate_agent, retire_agent, start_run, publish_event, timer_elapsed,
                                  model_completion, skill_completion, user_completion, cancel_run, open_journal,
                                  recover, wake, pause_run, resume_run, resolve_call>;
using input_envelope = envelope<engine_input>;

} // namespace aivp
