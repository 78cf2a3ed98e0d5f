// What a person wants to know of the runs: each call with its outcome, each run with its end. An observer; it decides
// nothing and can be left out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "aivp/engine/driver.hpp"

namespace aivp {

/// One thing that a run did, proposed or was refused.
struct run_log_entry {
    enum class kind : std::uint8_t { model, skill, refused, question } what = kind::skill;
    call_id call;
    std::uint32_t step = 0;
    std::string as;
    instant at; ///< when it was requested
    instant settled_at;
    bool settled = false;
    effect_outcome ended = effect_outcome::failed; ///< once settled; a refused call has failed
    payload arguments;                             ///< redacted; of a question: its text
    payload result;                                ///< redacted; of a question: the reply
    token_usage usage;
    std::string rule; ///< which rule allowed or refused it
    std::string model;
    skill_ptr skill;                    ///< null for models, questions and unknown skills
    std::shared_ptr<const refusal> why; ///< null unless refused
    structured_outcome outcome;         ///< of the call; complete once settled
};

struct run_log_run {
    run_id run;
    snapshot_ptr snapshot;
    instant accepted_at;
    instant scheduled_for;
    payload trigger_body;
    std::vector<run_log_entry> entries;
    std::vector<structured_outcome> steps;             ///< of a steps agent, in order
    std::shared_ptr<const structured_outcome> outcome; ///< null while it runs
};

struct run_log_trigger_refusal {
    agent_id agent;
    std::string trigger;
    instant scheduled_for;
    errc code = errc::trigger_refused;
    std::string reason;
    std::uint64_t count = 1;
};

class run_log final : public driver_observer {
public:
    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record& record) override;

    const std::map<run_id, run_log_run>& runs() const { return runs_; }
    const std::vector<run_log_trigger_refusal>& refused_triggers() const { return refused_; }
    /// A new process goes on from this state: what was committed and not seen any more is known as far as it tells.
    void restart(const engine_state& found);

private:
    std::map<run_id, run_log_run> runs_;
    std::map<agent_id, snapshot_ptr> agents_;
    std::vector<run_log_trigger_refusal> refused_;
};

} // namespace aivp
