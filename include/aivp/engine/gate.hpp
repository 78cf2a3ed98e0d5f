// The one gate: every call that a brain proposes passes the same stages in the same order, whoever proposed it. A stage
// is a small pure decider: it narrows, computes, or refuses; none performs anything. Refusing is an outcome with a code,
// the rule that decided and what would help.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "aivp/engine/state.hpp"
#include "aivp/skill/outcome.hpp"

namespace aivp {

inline constexpr std::size_t argument_bytes_max = 1u << 20;
inline constexpr std::size_t result_bytes_max = 8u << 20;

/// What the idempotency keys of a run begin with: run 7 of one journal is not run 7 of another, nor run 7 under other
/// skills or grants.
effect_key effect_seed_of(const effect_key& journal, run_id run, const agent_snapshot& snapshot);

/// A proposal on its way through the gate. Stages read the upper half and fill the lower half.
struct gate_context {
    const agent_snapshot& snapshot;
    const run_state& run;
    instant now;
    call_id call;
    std::string_view as;
    const payload& proposed;
    /// Whoever proposes looked the name up before: a step of a file did so when it was compiled.
    std::optional<std::uint32_t> known{};
    /// The arguments are a constant of the agent file that was validated when it was compiled.
    bool validated = false;
    /// The proposal comes from what was recorded of a turn: where a secret stood, a placeholder stands. (A tape's placeholders
    /// are something else: it answers for them too.)
    bool read_back = false;

    std::uint32_t binding = 0;
    const skill_binding* grant = nullptr;
    payload arguments{}; ///< with fixed arguments merged in
    bool has_secrets = false;
    usd_micros reserve{};
    effect_key idempotency_key{};
    instant deadline{};
    payload recorded{}; ///< arguments as the journal shows them
};

using refusal_ptr = std::shared_ptr<const refusal>; ///< null = passes

refusal_ptr gate_resolve(gate_context& c);     ///< skill and version from the run's snapshot
refusal_ptr gate_validate(gate_context& c);    ///< arguments against the skill's schema; unknown argument = no
refusal_ptr gate_capability(gate_context& c);  ///< the grant narrows: fixed arguments
refusal_ptr gate_policy(gate_context& c);      ///< default deny: only what the agent file grants
refusal_ptr gate_approval(gate_context& c);    ///< a skill that needs a person's consent
refusal_ptr gate_reserve(gate_context& c);     ///< caps, loop guard, budget reservation
refusal_ptr gate_idempotency(gate_context& c); ///< the key of the effect
refusal_ptr gate_lease(gate_context& c);       ///< one run an agent; deadline of the call
refusal_ptr gate_secrets(gate_context& c);     ///< which secrets the call needs; only grants may name them
refusal_ptr gate_redact(gate_context& c);      ///< what of the arguments may be written down

struct gate_stage_entry {
    gate_stage stage;
    refusal_ptr (*decide)(gate_context&);
};
/// All stages before the commit, in order.
std::span<const gate_stage_entry> gate_stages();
/// Runs the stages until one refuses. A refusal has its stage filled in.
refusal_ptr pass_gate(gate_context& c);

} // namespace aivp
