// StructuredOutcome: how every step and every run ends. Same fields and spelling as AOS's schema of that name, so that
// its readers understand ours; money exact in micro-USD beside the cents rounded up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

enum class outcome_status : std::uint8_t { success, failure, partial, skipped };
const char* to_string(outcome_status s);

/// Stages of the gate in their order. A refusal names the stage that made it.
enum class gate_stage : std::uint8_t {
    resolve,
    validate,
    capability,
    policy,
    approval,
    reserve,
    idempotency,
    lease,
    secrets,
    commit_intent,
    perform,
    outcome,
    settle,
    redact,
    evidence,
};
const char* to_string(gate_stage s);

/// Why a proposal was not executed. Never holds an argument's value.
struct refusal {
    errc code = errc::policy_no_rule;
    gate_stage stage = gate_stage::policy;
    std::string decided_by; ///< the deciding rule with file:line, or the limit's name
    std::string message;
    std::string help; ///< what would make it pass
    friend bool operator==(const refusal&, const refusal&) = default;
};

struct side_effect {
    std::string type;   ///< label from the skill, or its id
    std::string target; ///< the skill's id
    friend bool operator==(const side_effect&, const side_effect&) = default;
};

struct structured_outcome {
    outcome_status status = outcome_status::success;
    errc code = errc::ok;
    std::string message;
    usd_micros cost;
    duration latency; ///< virtual or real time between start and end
    instant at;
    run_id run;
    std::string step; ///< step id or "call#n"; empty for a run
    std::string skill;
    std::string skill_version;
    payload details; ///< object or null
    std::vector<side_effect> side_effects;
    std::uint32_t retries = 0;
    bool abstained = false;
    friend bool operator==(const structured_outcome&, const structured_outcome&) = default;
};

/// The AOS JSON form. Its readers reject unknown top-level properties, so what is ours stands in `details`: the members
/// of `o.details` (under "value" when it is no object), `cost_usd_micros`, and where they apply `abstained` and `error`
/// (our dotted code); of equal names ours win. `code` is the AOS code; success of an http_call, llm_invoke or
/// json_transform skill (dotted or with underscore) has AOS's own OK code. Cents and milliseconds are rounded up and
/// never negative. `run_id`, `step_id` and `metadata` are left out where they are empty.
payload to_payload(const structured_outcome& o);
/// What a model is told instead of a result: {"error":"policy.no_rule","executed":false,"help":…,"message":…}.
payload to_payload(const refusal& r);

} // namespace aivp
