// Rates and circuit breakers in front of the ports, the same in every host: what they hold back comes back at once as a
// failed completion with `rate.limited` or `breaker.open` and the time to wait, and the engine plans another attempt for then.
// Their state is the host's and not the journal's: after a restart a breaker is closed and a rate has its burst.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "aivp/agent/snapshot.hpp"
#include "aivp/ports/clock.hpp"
#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/gcra.hpp"

namespace aivp {

/// Sees what the guard does. Must not call it.
class call_guard_observer {
public:
    virtual ~call_guard_observer() = default;
    /// A call asked to be made, and was held back for this reason or (ok) was not. `open_until`: the end of the breaker's
    /// pause, when there is one now.
    virtual void asked(std::string_view dependency, instant now, errc held_back, std::optional<instant> open_until) = 0;
    /// A call came to an end.
    virtual void ended(std::string_view dependency, std::optional<instant> open_until) = 0;
};

/// Rates and breakers by dependency: a skill's id, a model's name. Driver's thread only.
class call_guard {
public:
    /// What a dependency has been declared with before is kept when it is the same, with its state.
    void declare(std::string_view dependency, const std::optional<rate_limit>& rate,
                 const std::optional<breaker_policy>& breaker);
    /// Those of all skills that the agent binds, and of its model.
    void declare(const agent_snapshot& agent);

    struct answer {
        errc held_back = errc::ok; ///< ok: go ahead, and tell ended()
        duration wait;
    };
    answer begin(std::string_view dependency, call_ref call, instant now, instant deadline);
    /// The call has come to an end that says something about the dependency. Unknown calls are ignored.
    void ended(call_ref call, errc code, instant now);
    /// Nobody waits any longer: after the deadline that counts as a failure, before it says nothing about the dependency.
    /// What was reserved for the call is not given back.
    void forget(call_ref call, instant now);
    /// nullptr = nobody. Must outlive the guard.
    void observe(call_guard_observer* observer) { observer_ = observer; }

private:
    struct dependency_state {
        std::string_view name; ///< its key
        std::optional<rate_limit> rate;
        gcra_state used;
        std::optional<circuit_breaker> breaker;
    };
    struct flight {
        dependency_state* dependency = nullptr;
        std::optional<breaker_permit> permit;
        instant begun;
        instant deadline;
    };
    bool wait_for_turn(dependency_state& d, call_ref call, instant now, answer& out);
    answer decide(dependency_state& d, call_ref call, instant now, instant deadline);
    void record(const flight& f, breaker_verdict verdict, instant now);

    std::map<std::string, dependency_state, std::less<>> dependencies_;
    std::map<call_ref, flight> flights_;
    std::map<call_ref, instant> turns_; ///< of calls that wait: paid for already, to be made then
    call_guard_observer* observer_ = nullptr;
};

/// Tells the guard how a call ended, and hands the answer on to whoever made it. Holds references to all that it is given.
class guarded_answers final : public completion_sink {
public:
    guarded_answers(call_guard& guard, clock_port& clock) : guard_(guard), clock_(clock) {}
    /// As the guard's; answers go to `sink` from now on.
    call_guard::answer begin(std::string_view dependency, call_ref call, instant deadline, completion_sink& sink);
    void forget(call_ref call) { guard_.forget(call, clock_.now()); }

    void model_done(model_completion c) override;
    void skill_done(skill_completion c) override;
    void user_done(user_completion c) override;
    void timer_fired(timer_key key) override;

private:
    call_guard& guard_;
    clock_port& clock_;
    completion_sink* sink_ = nullptr;
};

class guarded_connector final : public forwarding_connector {
public:
    guarded_connector(connector_port& next, call_guard& guard, clock_port& clock)
        : forwarding_connector(next), answers_(guard, clock) {}
    void call(const skill_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    guarded_answers answers_;
};

class guarded_model_provider final : public forwarding_model_provider {
public:
    guarded_model_provider(model_provider& next, call_guard& guard, clock_port& clock)
        : forwarding_model_provider(next), answers_(guard, clock) {}
    void call(const model_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

private:
    guarded_answers answers_;
};

} // namespace aivp
