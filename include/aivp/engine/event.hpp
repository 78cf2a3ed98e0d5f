// What has become true. Events are the only thing that changes the state, and together with the input they are the
// journal. Intents (model_requested, call_intended, user_asked, timer_armed) are events too: they are committed before
// anything is performed, and an intent without its settling event is what recovery finds open.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/model_call.hpp"
#include "aivp/reliability/retry.hpp"
#include "aivp/skill/outcome.hpp"

namespace aivp {

struct agent_activated {
    agent_id agent;
    snapshot_ptr snapshot;
};

struct agent_retired {
    agent_id agent;
};

/// The next time at which a schedule fires was decided. due = instant::max(): never again.
struct trigger_armed {
    agent_id agent;
    std::uint32_t trigger = 0;
    instant due;
};

/// A trigger became a run. It starts at once, or waits while the agent's one run is busy.
struct trigger_accepted {
    agent_id agent;
    std::uint32_t trigger = 0;
    run_id run;
    instant scheduled_for;
    payload body;
    bool waits = false;
};

/// A trigger did not become a run, and this is why. `count` > 1: that many windows, starting at `scheduled_for`.
struct trigger_refused {
    agent_id agent; ///< 0: no such agent
    std::uint32_t trigger = 0;
    instant scheduled_for;
    errc code = errc::trigger_refused;
    std::string reason;
    std::uint64_t count = 1;
};

struct run_started {
    run_id run;
};

struct model_requested {
    run_id run;
    call_id call;
    digest key;
    usd_micros reserved;
    instant deadline;
};

struct model_settled {
    run_id run;
    call_id call;
    effect_outcome outcome = effect_outcome::ok;
    std::shared_ptr<const model_response> response; ///< null unless ok
    errc code = errc::ok;
    std::string message;
    usd_micros cost;
    retry_stop not_retried = retry_stop::none; ///< as in call_settled
};

/// The gate said no. Nothing was performed.
struct call_refused {
    run_id run;
    call_id call;
    std::uint32_t step = 0;    ///< of a steps agent: index of the step; of a loop: position within the turn
    std::uint32_t binding = 0; ///< no_binding when the name is not bound
    std::string as;
    digest arguments_hash;
    std::shared_ptr<const refusal> why; ///< never null
};

/// The gate said yes. `arguments` are redacted; the key is what the far side deduplicates by.
struct call_intended {
    run_id run;
    call_id call;
    std::uint32_t step = 0;
    std::uint32_t binding = 0;
    payload arguments;
    digest arguments_hash;
    effect_key idempotency_key;
    usd_micros reserved;
    instant deadline;
};

struct call_settled {
    run_id run;
    call_id call;
    std::uint32_t step = 0;
    std::uint32_t binding = 0;
    effect_outcome outcome = effect_outcome::ok;
    payload result; ///< redacted
    errc code = errc::ok;
    std::string message;
    usd_micros cost;
    /// Why no other attempt follows, where that cannot be told from the call itself: `budget`, or none.
    retry_stop not_retried = retry_stop::none;
};

struct step_finished {
    run_id run;
    std::uint32_t step = 0;
    outcome_status status = outcome_status::success;
    errc code = errc::ok;
    std::string message;
};

/// All calls of a model turn have an answer; the answers enter the history in the order of the calls.
struct turn_completed {
    run_id run;
};

struct user_asked {
    run_id run;
    call_id call;
    payload text;
};

struct user_answered {
    run_id run;
    call_id call;
    payload message;
    bool ended = false;
};

/// The run's one watchdog timer was set; due = instant::max(): switched off.
struct timer_armed {
    run_id run;
    instant due;
};

/// A completion for something that is not open any more. It changes nothing.
struct completion_ignored {
    run_id run;
    call_id call;
    std::string reason;
};

struct run_finished {
    run_id run;
    std::shared_ptr<const structured_outcome> outcome; ///< never null
};

/// The journal has a name.
struct journal_opened {
    effect_key name;
};

/// The host came back. `resent` calls were handed to their ports once more under their old keys, `parked` ones wait for a
/// person.
struct recovered {
    std::uint64_t resent = 0;
    std::uint64_t parked = 0;
};

/// Every deadline of a run or call moves on by this much.
struct time_lost {
    duration by;
};

/// A write of which nobody knows whether it happened, and which cannot be sent again under a key: it waits for a person,
/// and so does its run, whose clock stands still meanwhile.
struct call_parked {
    run_id run;
    call_id call;
    errc code = errc::skill_outcome_unknown;
    std::string message;
};

/// An open call is handed to its port once more: same call, same key. `lost` is what the attempt before may have cost.
struct call_resent {
    run_id run;
    call_id call;
    instant deadline;
    usd_micros lost;
};

/// An attempt did not end well and another one follows: same call, same key. `lost` is what the attempt may have cost.
struct call_retry_planned {
    run_id run;
    call_id call;
    std::uint32_t attempt = 2; ///< number of the one that follows
    instant due;
    errc code = errc::ok; ///< why: how the attempt before ended
    std::string message;
    usd_micros lost;
    effect_outcome outcome = effect_outcome::failed; ///< unknown: the attempt before may have taken effect
};

struct run_paused {
    run_id run;
    std::string reason;
};

struct run_resumed {
    run_id run;
};

using engine_event = std::variant<agent_activated, agent_retired, trigger_armed, trigger_accepted, trigger_refused,
                                  run_started, model_requested, model_settled, call_refused, call_intended,
                                  call_settled, step_finished, turn_completed, user_asked, user_answered, timer_armed,
                                  completion_ignored, run_finished, journal_opened, recovered, time_lost, call_parked,
                                  call_resent, call_retry_planned, run_paused, run_resumed>;

/// "call_intended": the name in the journal.
const char* event_name(const engine_event& e);
/// The run that an event is about; 0 when it is about none.
run_id run_of(const engine_event& e);

} // namespace aivp
