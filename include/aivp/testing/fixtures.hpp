// One construction site for each component, for tests and benchmarks: options come last and have defaults, so that every
// option that a test sets means something.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/skill/contract.hpp"

namespace aivp::testing {

struct skill_options {
    std::string version = "1.0.0";
    effect_class effect = effect_class::write;
    bool reversible = true;
    bool takes_key = false;
    bool idempotent = false;
    bool enabled = true;
    bool needs_approval = false;
    duration timeout = seconds(60);
    usd_micros cost{};
    std::string input_schema = "{}"; ///< JSON text
    std::string output_schema{};     ///< JSON text; empty = none
    std::vector<std::string> secret_arguments{};
    std::vector<std::string> secret_results{};
    std::vector<std::string> side_effects{}; ///< labels
    source_pos where{};
};
/// Asserts on a schema that does not compile.
skill_ptr make_skill(std::string id, skill_options options = {});

struct binding_options {
    std::string fixed{}; ///< JSON object text; empty = nothing fixed
    source_pos where{};
};
skill_binding make_binding(std::string as, skill_ptr skill, binding_options options = {});

struct step_options {
    std::string arguments = "{}"; ///< JSON text, may hold ${…}
    std::string when{};           ///< condition; empty = always
    on_error error_policy = on_error::abort;
    std::string abstain_reason{};
};
struct step_row {
    std::string id;
    std::string as;
    step_options options = {};
};

struct agent_options {
    run_limits limits = {};
    std::vector<trigger_spec> triggers = {}; ///< empty = one manual trigger
    // loop agents
    std::string system{};
    std::string model = "scripted";
    model_price price = {};
    bool converse = false;
    std::vector<std::string> ends_after = {};
    bool may_abstain = false;
};
/// Steps refer to bindings by `as` and to earlier steps by id. Asserts on anything that does not compile.
snapshot_ptr make_steps_agent(std::string id, std::vector<skill_binding> bindings, std::vector<step_row> steps,
                              agent_options options = {});
snapshot_ptr make_loop_agent(std::string id, std::vector<skill_binding> bindings, std::string goal,
                             agent_options options = {});

/// "call the skill `name` with these arguments"; arguments are JSON text.
proposed_call make_call(std::string name, std::string_view arguments = "{}");
model_response make_answer(std::string_view text);
model_response make_turn(std::vector<proposed_call> calls);

} // namespace aivp::testing
