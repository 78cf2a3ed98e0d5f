// Connector: the only way by which a skill call leaves the engine.
//
// Ownership, threads, reentrancy: as for the model provider.
// Fault model: a call may fail before the effect, fail or vanish after it, answer late, answer twice, answer with
// anything. Where the skill takes a key, the connector passes `idempotency_key` on, and the far side keeps it to one
// effect; where it does not, nobody repeats the call.
#pragma once

#include <string_view>

#include "aivp/kernel/effect.hpp"
#include "aivp/ports/completion.hpp"

namespace aivp {

struct skill_request {
    run_id run;
    call_id call;
    std::string_view agent;         ///< agent id; valid during the call only
    std::string_view skill;         ///< skill id, "mail.send"; valid during the call only
    std::string_view skill_version; ///< valid during the call only
    std::string_view as;            ///< the agent's name for it; valid during the call only
    effect_class effect = effect_class::write;
    bool takes_key = false; ///< the far side keeps `idempotency_key` to one effect
    payload arguments;      ///< with secrets filled in
    effect_key idempotency_key;
    instant deadline;
    std::string_view space; ///< key-value namespace, "shared:NAME"; empty = the agent's own; valid during the call only
};

/// The namespace that kv.* skills work in.
inline std::string_view space_of(const skill_request& r) { return r.space.empty() ? r.agent : r.space; }

class connector_port {
public:
    virtual ~connector_port() = default;
    virtual void call(const skill_request& request, completion_sink& sink) = 0;
    virtual void cancel(call_ref ref) = 0;
};

class forwarding_connector : public connector_port {
public:
    explicit forwarding_connector(connector_port& next) : next_(next) {}
    void call(const skill_request& request, completion_sink& sink) override { next_.call(request, sink); }
    void cancel(call_ref ref) override { next_.cancel(ref); }

protected:
    connector_port& next_;
};

} // namespace aivp
