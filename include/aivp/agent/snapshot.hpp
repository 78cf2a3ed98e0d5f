// A compiled, immutable agent: what a run holds on to from its start to its end. Whatever is activated later, a running
// run keeps its snapshot, and the snapshot's hashes say exactly what decided.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "aivp/agent/template.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/model/pricing.hpp"
#include "aivp/schedule/trigger.hpp"
#include "aivp/skill/contract.hpp"

namespace aivp {

/// A grant: this agent may call this skill, with these arguments pinned. Nothing else is granted.
struct skill_binding {
    std::string as;  ///< the name under which the brain knows it
    std::string use; ///< "mail.send" or "mail.send@1.2.0"
    payload fixed;   ///< object (may be empty): arguments that the brain can neither see nor change
    bool has_fixed = false;
    skill_ptr skill; ///< never null in a snapshot
    source_pos where;
};

/// Caps of one run. 0 is a legal cap and means "none at all"; defaults are finite on purpose.
struct run_limits {
    std::uint32_t skill_calls = 200;
    std::uint32_t model_turns = 50;
    std::int64_t tokens = 2'000'000;
    usd_micros budget{5'000'000};
    duration run_timeout = hours(1);
    duration step_timeout = minutes(5); ///< also capped by the skill's own timeout
    std::uint32_t repeated_calls = 5;   ///< the same call with the same arguments, in a row
    friend bool operator==(const run_limits&, const run_limits&) = default;
};

enum class overlap_policy : std::uint8_t { queue, refuse };

struct trigger_spec {
    std::string id; ///< unique in the agent; default "trigger" or "trigger-2"
    schedule when;
    std::optional<json_schema> payload_schema; ///< of an event's or a manual trigger's payload
    overlap_policy overlap = overlap_policy::queue;
    std::uint32_t queue_max = 100; ///< waiting triggers of the agent; more are refused with a reason
    source_pos where;
};

enum class on_error : std::uint8_t { abort, proceed };

/// One step of a `steps` agent.
struct step_spec {
    std::string id;
    std::uint32_t binding = 0; ///< index into bindings; meaningless when `abstain_reason` is set
    argument_template arguments;
    condition when;
    on_error error_policy = on_error::abort;
    /// The arguments have no references and passed the input schema when the agent was compiled.
    bool constant_validated = false;
    std::string abstain_reason; ///< not empty: the step ends the run as abstained
    source_pos where;
};

struct steps_brain {
    std::vector<step_spec> steps;
};

/// A program of the user that decides in a model's place. What is 0 or empty is as the host has it by default.
struct brain_program {
    std::vector<std::string> command; ///< program and arguments, as in the file; not empty
    std::string sandbox;              ///< profile: none, rlimits, bwrap
    duration wall_time;               ///< of one turn
    std::uint64_t memory_bytes = 0;
    std::uint64_t output_bytes = 0;
    friend bool operator==(const brain_program&, const brain_program&) = default;
};

/// What the model of a process agent is called: this and the agent's id. No id has a colon.
inline constexpr std::string_view program_model_prefix = "process:";

struct loop_brain {
    std::string system; ///< system prompt; may be empty
    std::string goal;   ///< first user message; the trigger's payload is appended when it is not null
    model_spec model;
    bool converse = false;                ///< a text answer is put to the user, whose reply continues the run
    std::vector<std::string> ends_after;  ///< bindings (`as`) after whose success the run ends
    bool may_abstain = true;              ///< offers the reserved tool `abstain(reason, escalate_to?)`
    std::optional<brain_program> program; ///< of a process agent: `model` then has its name, price and reliability
};

/// Name of the reserved tool with which a model declines to act.
inline constexpr std::string_view abstain_tool = "abstain";

struct snapshot_hashes {
    digest agent;   ///< canonical agent file
    digest prompts; ///< system prompt and goal
    digest skills;  ///< all bound contracts
    digest policy;  ///< all grants
    digest whole;   ///< of the four above and the zone
    friend bool operator==(const snapshot_hashes&, const snapshot_hashes&) = default;
};

/// What a shared namespace of key-value state is called: this and its name. No agent's id has a colon.
inline constexpr std::string_view shared_space_prefix = "shared:";

struct agent_snapshot {
    std::string id;
    std::string name;
    zone_rules zone;
    std::vector<trigger_spec> triggers;
    std::vector<skill_binding> bindings; ///< sorted by `as`
    std::variant<steps_brain, loop_brain> brain;
    run_limits limits;
    std::string space; ///< whose values kv.* skills work on: "shared:NAME"; empty = the agent's own
    payload
        tools; ///< what a model is offered: array of {"description","name","parameters"}, sorted by name, without fixed arguments
    snapshot_hashes hashes;
    std::string file; ///< as named by the user; for messages only

    /// Index into bindings, or nullopt. Binary search.
    std::optional<std::uint32_t> find_binding(std::string_view as) const;
};

using snapshot_ptr = std::shared_ptr<const agent_snapshot>;

} // namespace aivp
