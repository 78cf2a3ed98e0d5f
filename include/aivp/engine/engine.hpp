// The engine: pure functions from state and input to events and effects. No clock, no randomness, no I/O, no globals.
#pragma once

#include <vector>

#include "aivp/engine/effect.hpp"
#include "aivp/engine/event.hpp"
#include "aivp/engine/input.hpp"
#include "aivp/engine/state.hpp"

namespace aivp {

struct decision {
    std::vector<engine_event> events;
    std::vector<engine_effect> effects;

    void clear() {
        events.clear();
        effects.clear();
    }
};

/// Applies one fact. Total: an event that does not fit the state is a programmer's error and asserts.
void evolve(engine_state& state, const engine_event& event, instant at);

/// Decides and evolves in one go; `out` is cleared first (and reused, so that a warm engine allocates little). The state
/// afterwards is exactly `evolve` over out.events.
void step(engine_state& state, const input_envelope& input, decision& out);

/// The pure form: leaves `state` alone.
decision decide(const engine_state& state, const input_envelope& input);

/// What of a model's response is kept, in the conversation, the journal and on tapes: everything but the arguments that
/// their skills declare secret. A name that is misspelt hides nothing less: of a skill with secret arguments those that it
/// does not have are left out too, and when any of the agent's skills has some, so are all that come with an unknown name.
model_response recordable(const agent_snapshot& snapshot, model_response response);

/// Who sends inputs of this kind as a rule: the journal names only the others.
input_source natural_source(const engine_input& body);

/// Appends the journal line of one step: canonical JSON, see docs/journal-format.md.
void append_journal_line(std::string& out, const input_envelope& input, const decision& d);

} // namespace aivp
