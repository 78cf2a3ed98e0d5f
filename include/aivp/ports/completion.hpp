// How ports answer: by completions, at once or later, always on the driver's thread. A completion for a call that is not
// open any more (timed out, cancelled, answered before) is recorded as late and changes nothing.
#pragma once

#include <string>

#include "aivp/base/error.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/kernel/model_call.hpp"
#include "aivp/ports/clock.hpp"

namespace aivp {

struct call_ref {
    run_id run;
    call_id call;
    friend constexpr auto operator<=>(const call_ref&, const call_ref&) = default;
};

/// outcome ok: `response` is set. failed and unknown: `code` says why (model.*), `message` for people.
struct model_completion {
    call_ref ref;
    effect_outcome outcome = effect_outcome::ok;
    model_response response;
    errc code = errc::ok;
    std::string message;
    duration retry_after{}; ///< as in skill_completion
};

/// outcome ok: `result` is what the skill returned. failed: the skill answered with an error (`code` skill.*, mock.*,
/// connector.*; `result` may hold its details and is what a model gets to see). unknown: it may have happened.
struct skill_completion {
    call_ref ref;
    effect_outcome outcome = effect_outcome::ok;
    payload result;
    errc code = errc::ok;
    std::string message;
    duration
        retry_after{}; ///< the far side, or a limit of ours, asked to wait this long before the next attempt; 0 = it did not
};

/// The user's answer; `ended` = the user left the conversation (message may be null then).
struct user_completion {
    call_ref ref;
    payload message; ///< JSON string or null
    bool ended = false;
};

/// Implemented by the driver. May be called from within the port's own call.
class completion_sink {
public:
    virtual ~completion_sink() = default;
    virtual void model_done(model_completion c) = 0;
    virtual void skill_done(skill_completion c) = 0;
    virtual void user_done(user_completion c) = 0;
    virtual void timer_fired(timer_key key) = 0;
};

} // namespace aivp
