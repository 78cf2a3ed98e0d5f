// The engine's state: a value. It can be copied, forked, hashed and compared; whatever it holds by pointer is immutable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/engine/effect.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/kernel/history.hpp"
#include "aivp/kernel/model_call.hpp"
#include "aivp/reliability/retry_budget.hpp"
#include "aivp/skill/outcome.hpp"

namespace aivp {

inline constexpr std::uint32_t no_binding = 0xffffffff;

/// An intent that has no outcome yet.
struct open_call {
    call_id call;
    call_kind kind = call_kind::skill;
    std::uint32_t step = 0;
    std::uint32_t binding = 0;
    usd_micros reserved;
    instant started_at;
    instant deadline;
    payload arguments;                 ///< of a skill call, as recorded
    digest arguments_hash;             ///< of a skill call
    effect_key idempotency_key;        ///< of a skill call
    bool parked = false;               ///< waits for a person
    std::uint32_t attempt = 1;         ///< the one that is under way, or follows at `retry_at`
    instant retry_at = instant::max(); ///< waits until then for its next attempt; max = under way
    friend bool operator==(const open_call&, const open_call&) = default;
};

/// A write of which nobody knows whether it happened. The same call may not simply be made again: where the far side takes
/// a key it is sent under the old one, else it is refused.
struct unknown_write {
    std::uint32_t binding = 0;
    digest arguments_hash;
    effect_key idempotency_key;
    friend bool operator==(const unknown_write&, const unknown_write&) = default;
};

/// What became of one step, for references and conditions of later ones.
struct step_result {
    bool ran = false;
    payload value;
    friend bool operator==(const step_result&, const step_result&) = default;
};

/// One call of the current model turn; answers are put into the history in the order of the calls.
struct turn_slot {
    std::uint64_t ordinal = 0; ///< n of "call#n"
    bool done = false;
    bool failed = false;
    bool ends_run = false;
    payload content;
    friend bool operator==(const turn_slot&, const turn_slot&) = default;
};

struct run_state {
    run_id id;
    agent_id agent;
    std::uint32_t trigger = 0;
    snapshot_ptr snapshot;
    effect_key effect_seed; ///< what all idempotency keys of the run are made from
    payload trigger_body;
    instant scheduled_for;
    instant started_at;
    instant deadline;
    bool started = false;

    std::uint64_t last_call = 0;
    std::uint32_t skill_calls = 0;
    std::uint32_t model_turns = 0;
    std::int64_t tokens = 0;
    usd_micros spent;
    usd_micros reserved;
    std::vector<open_call> open;
    instant watchdog = instant::max();  ///< when the armed timer fires; max = not armed
    bool paused = false;                ///< nothing is dispatched
    instant halted_at = instant::max(); ///< since when it is paused or a call is parked; its deadline moves on by that

    history messages;
    std::vector<turn_slot> slots;
    std::uint64_t named_calls = 0;
    payload answer;                     ///< last text of the model
    std::optional<model_response> held; ///< a turn that came while the run was paused

    std::uint32_t next_step = 0;
    std::vector<step_result> results;
    std::uint32_t failed_steps = 0;

    digest repeated_hash;               ///< arguments of the last proposal
    std::uint32_t repeated_binding = 0; ///< its binding; no_binding when it named none
    std::uint32_t repeated = 0;         ///< how often in a row it has been proposed
    std::vector<side_effect> side_effects;
    std::vector<unknown_write> unknown_writes;

    /// May a write under this key have taken effect, whatever becomes of a further attempt?
    bool is_in_doubt(const effect_key& key) const {
        return std::any_of(unknown_writes.begin(), unknown_writes.end(),
                           [&](const unknown_write& u) { return u.idempotency_key == key; });
    }
    friend bool operator==(const run_state&, const run_state&) = default;
};

struct agent_state {
    agent_id id;
    snapshot_ptr snapshot;
    bool retired = false;
    run_id active;              ///< the one run that is under way; 0 = none
    std::deque<run_id> waiting; ///< accepted, in order
    std::vector<instant> due;   ///< for each trigger; max = nothing scheduled
    friend bool operator==(const agent_state&, const agent_state&) = default;
};

/// How much of the load on a dependency may be retries. Calls whose files state another policy for it have an account of
/// their own: nobody can widen what another one has narrowed.
struct retry_account {
    call_kind kind = call_kind::skill; ///< skill or model
    std::string dependency;            ///< the skill's id, or the model's name
    retry_budget budget;
    friend bool operator==(const retry_account&, const retry_account&) = default;
};

struct engine_state {
    effect_key journal;               ///< the journal's own name; zeros when it was not given one
    std::vector<agent_state> agents;  ///< agents[n-1] has id n
    std::map<run_id, run_state> runs; ///< accepted and not finished
    std::uint64_t last_run = 0;
    std::uint64_t finished_runs = 0;
    std::vector<retry_account> retry_accounts; ///< in the order of their first use; few

    const run_state* find(run_id r) const {
        const auto it = runs.find(r);
        return it == runs.end() ? nullptr : &it->second;
    }
    friend bool operator==(const engine_state&, const engine_state&) = default;
};

} // namespace aivp
