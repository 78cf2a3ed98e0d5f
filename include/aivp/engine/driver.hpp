// The driver: the loop around the engine, the same code in every host. Input in, decision out, commit, and only then
// perform. It owns the input log's order and nothing of the outside world.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "aivp/engine/engine.hpp"
#include "aivp/engine/recovery.hpp"
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

struct driver_options {
    /// Inputs that are waiting together are committed together, up to so many: group commit. 1: each by itself.
    std::size_t batch_max = 1;
};

/// Sees every committed step, after the commit and before the effects are performed. Must not call the driver.
/// `after` is the state after the whole batch.
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
    explicit driver(driver_ports ports, driver_options options = {}) : ports_(ports), options_(options) {}

    /// Goes on where a journal ended; before any input, and to be followed by the input `recover`.
    void restore(recovered_state s);

    /// Each submits one input and works until nothing is left to do at this instant. Errors: store.commit_failed (the input
    /// has no effect), store.commit_unknown (it may have one); the driver stands still then until retry().
    result<agent_id> activate(snapshot_ptr snapshot);
    result<void> submit(engine_input input, input_source source);

    /// Between hold() and release() inputs only wait, so that those that come together are committed together. What submit()
    /// answers then is that they wait.
    void hold() { held_ = true; }
    void release();

    /// The host has found out that the machine slept for so long: a `wake` goes in before the next input that is taken, so that
    /// what this one begins loses no time. May be called from within the reading of the clock for that very input. When
    /// nothing is waiting it goes in at once.
    void slept(duration by);

    void observe(driver_observer& o) { observers_.push_back(&o); }

    /// After a commit that failed or of which nobody knows, once the store works again: looks into the journal, performs
    /// what turns out to be committed and decides anew what is not. Completions that came meanwhile are not lost; what
    /// submit() has refused is dropped. Errors: those of read_state(), store.fenced (somebody else wrote), and again those
    /// of submit().
    result<void> retry(snapshot_source& snapshots);

    /// After a failure: with the step that was not committed.
    const engine_state& state() const { return state_; }
    /// After the last committed record, whose number is last_seq().
    const digest& chain() const { return chain_.head(); }
    seq_no last_seq() const { return last_seq_; }
    instant last_at() const { return last_at_; }
    /// Not empty while the store does not work.
    const std::vector<error>& failures() const { return failures_; }

    void model_done(model_completion c) override;
    void skill_done(skill_completion c) override;
    void user_done(user_completion c) override;
    void timer_fired(timer_key key) override;

private:
    /// One input of the batch under way and what was decided. Slots are used again: a warm driver allocates little.
    struct slot {
        decision decided;
        std::string line;
    };
    template <class Input>
    void enqueue(input_source source, Input&& body);
    void drain();
    bool process(std::size_t count);
    void put_wake(std::size_t place);
    std::size_t decide_batch(std::size_t count);
    void decide_one(std::size_t place, digest_chain& chain);
    bool commit_batch();
    void perform_batch(std::size_t count);
    bool still_open(const engine_effect& e) const;
    void perform(const engine_effect& e);
    void perform(const model_call& e);
    void perform(const skill_call& e);
    void perform(const user_question_effect& e);
    void perform(const timer_request& e);
    void perform(const call_cancel& e);

    driver_ports ports_;
    driver_options options_;
    engine_state state_;
    digest_chain chain_;
    seq_no last_seq_;
    instant last_at_;
    seq_no cause_;
    bool busy_ = false;
    bool held_ = false;
    bool refused_ = false;             ///< the last of the batch is an input that submit() gave back with an error
    duration slept_;                   ///< and no input has told so yet
    std::deque<input_envelope> inbox_; ///< the first of them belong to the batch under way
    std::vector<slot> slots_;
    std::vector<journal_record> records_; ///< of the batch under way
    std::vector<driver_observer*> observers_;
    std::vector<error> failures_;
    known_secrets secrets_seen_;
};

} // namespace aivp
