// What the host is asked to do. Effects are data: they can be printed, compared, counted and refused; the driver is the
// only one who performs them, after the commit.
#pragma once

#include <cstdint>
#include <variant>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/id.hpp"
#include "aivp/kernel/history.hpp"
#include "aivp/ports/clock.hpp"
#include "aivp/ports/completion.hpp"

namespace aivp {

struct model_call {
    call_ref ref;
    snapshot_ptr snapshot;
    history messages;
    digest key;
    instant deadline;
};

struct skill_call {
    call_ref ref;
    snapshot_ptr snapshot;
    std::uint32_t binding = 0;
    payload arguments; ///< secrets still as {"$secret":"name"}
    effect_key idempotency_key;
    instant deadline;
    bool has_secrets = false;
};

struct user_question_effect {
    call_ref ref;
    snapshot_ptr snapshot;
    payload text;
    history messages;
};

struct timer_request {
    timer_key key;
    instant due; ///< instant::max(): disarm
};

enum class call_kind : std::uint8_t { model, skill, user };

/// The answer is no longer wanted.
struct call_cancel {
    call_ref ref;
    call_kind kind = call_kind::skill;
};

using engine_effect = std::variant<model_call, skill_call, user_question_effect, timer_request, call_cancel>;

/// "skill_call".
const char* effect_name(const engine_effect& e);

} // namespace aivp
