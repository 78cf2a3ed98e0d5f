// The driver: the loop around the engine, the same code in every host. Input in, decision out, commit, and only then
// perform. It owns the input log's order and nothing of the outside world.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "aivp/engine/engine.hpp"
#include "aivp/ports/clock.hpp"
#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/services.hpp"
#include "aivp/ports/store.hpp"
#include "aivp/ports/user_channel.hpp"
#include "aivp/skill/redact.hpp"

namespace aivp {

/// References to whatever the host plugs in; all must outlive the driver.
struct driver_ports {
    clock_port& clock;
    timer_port& timers;
    store_port& store;
    model_provider& models;
    connector_port& connector;
    user_channel& users;
    secret_port& secrets;
};

/// Sees every committed step, after the commit and before the effects are performed. Must not call the driver.
class driver_observer {
public:
    virtual ~driver_observer() = default;
    virtual void committed(const input_envelope& input, const decision& d, const engine_state& after,
                           const journal_record& record) = 0;
    /// An effect is about to be handed to its port.
    virtual void performing(const engine_effect& effect) { (void)effect; }
};

/// Not thread-safe: one thread calls it, and all completions arrive on that thread.
class driver final : public completion_sink {
public:
    explicit driver(driver_ports ports) : ports_(ports) {}

    /// Each submits one input and works until nothing is left to do at this instant. Errors: store.commit_failed,
    /// store.commit_unknown (the driver is stopped then: recovery from a journal belongs to the durable store).
    result<agent_id> activate(snapshot_ptr snapshot);
    result<void> submit(engine_input input, input_source source);

    void observe(driver_observer& o) { observers_.push_back(&o); }

    /// After a failure: with the step that was not committed.
    const engine_state& state() const { return state_; }
    /// After the last committed record, whose number is last_seq().
    const digest& chain() const { return chain_.head(); }
    seq_no last_seq() const { return last_seq_; }
    instant last_at() const { return last_at_; }
    /// Set once the store failed; nothing is accepted any more.
    const std::vector<error>& failures() const { return failures_; }

    void model_done(model_completion c) override;
    void skill_done(skill_completion c) override;
    void user_done(user_completion c) override;
    void timer_fired(timer_key key) override;

private:
    struct pending {
        input_source source;
        seq_no causation;
        engine_input body;
    };
    void enqueue(input_source source, engine_input body);
    void drain();
    bool process(pending& p);
    void perform(const engine_effect& e);
    void perform(const model_call& e);
    void perform(const skill_call& e);
    void perform(const user_question_effect& e);
    void perform(const timer_request& e);
    void perform(const call_cancel& e);

    driver_ports ports_;
    engine_state state_;
    digest_chain chain_;
    seq_no last_seq_;
    instant last_at_;
    seq_no cause_;
    bool busy_ = false;
    std::deque<pending> inbox_;
    decision decision_;
    std::string line_;
    std::vector<driver_observer*> observers_;
    std::vector<error> failures_;
    known_secrets secrets_seen_;
};

} // namespace aivp
