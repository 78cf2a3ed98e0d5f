// One input's way through the engine. `engine_step` lives for one input: it looks at the state, and whatever it decides
// becomes an event first and a change of the state by that event only. Its parts stand in step_*.cpp, by theme.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "aivp/engine/engine.hpp"
#include "aivp/engine/gate.hpp"
#include "aivp/reliability/retry.hpp"
#include "runtime/engine/evolve.hpp"
#include "runtime/engine/internal/retry_accounts.hpp"

namespace aivp {

class engine_step {
public:
    engine_step(engine_state& state, const input_envelope& input, decision& out)
        : state_(state), at_(input.at), out_(out) {}

    void on(const activate_agent& in);
    void on(const retire_agent& in);
    void on(const start_run& in);
    void on(const publish_event& in);
    void on(const timer_elapsed& in);
    void on(const model_completion& in);
    void on(const skill_completion& in);
    void on(const user_completion& in);
    void on(const cancel_run& in);
    void on(const open_journal& in);
    void on(const recover& in);
    void on(const wake& in);
    void on(const pause_run& in);
    void on(const resume_run& in);
    void on(const resolve_call& in);

private:
    template <class E>
    void emit(E event) {
        evolve(state_, out_.events.emplace_back(std::move(event)), at_);
    }
    template <class E>
    void emit(run_state& r, E event) {
        if constexpr (requires { keep_accounts(state_, r, event, at_); }) keep_accounts(state_, r, event, at_);
        apply(r, event, at_);
        out_.events.emplace_back(std::move(event));
    }

    // triggers
    void arm_trigger(agent_state& a, std::uint32_t trigger, instant after);
    void fire_schedule(agent_state& a, std::uint32_t trigger);
    void accept(agent_state& a, std::uint32_t trigger, instant scheduled_for, const payload& body);
    void refuse_trigger(agent_id a, std::uint32_t trigger, instant scheduled_for, errc code, std::string reason,
                        std::uint64_t count = 1);
    void start(run_id id);
    void start_next(agent_id id);

    // runs
    run_state* open_run(call_ref ref, call_kind kind);
    void advance(run_state& r);
    void arm_watchdog(run_state& r);
    /// As it will be when a run that stands still goes on now.
    instant deadline_of(const run_state& r) const {
        return r.halted_at == instant::max() ? r.deadline : r.deadline + (at_ - r.halted_at);
    }
    void expire(run_state& r);
    /// A run whose time is over begins nothing more, also when what it waited for came before the timer that says so, because
    /// the store was away for longer. True when it has ended here.
    bool ends_overdue(run_state& r) {
        if (at_ <= r.deadline || r.halted_at != instant::max()) return false;
        finish_overdue(r);
        return true;
    }
    void finish_overdue(run_state& r);
    void finish(run_state& r, outcome_status status, errc code, std::string message, payload details = {},
                bool abstained = false);
    void finish_success(run_state& r, payload details);
    void abandon_open_calls(run_state& r);
    void refuse_due_windows(agent_state& a, const char* reason);
    std::pair<bool, refusal_ptr> propose(run_state& r, std::string_view as, const payload& arguments,
                                         std::uint32_t step, bool validated, std::optional<std::uint32_t> known = {});
    /// What is still needed of a call when it is not open any more.
    struct settled_place {
        settled_place(const open_call& o)
            : call(o.call), step(o.step), binding(o.binding), reserved(o.reserved), parked(o.parked) {}
        call_id call;
        std::uint32_t step;
        std::uint32_t binding;
        usd_micros reserved;
        bool parked;
    };
    void settle(run_state& r, const settled_place& open, effect_outcome outcome, payload result, errc code,
                std::string message, retry_stop not_retried = retry_stop::none);
    retry_decision next_attempt_of(const run_state& r, const open_call& open, const attempt_failure& told) const;
    retry_stop plan_retry(run_state& r, const open_call& open, const attempt_failure& failure, bool repeatable,
                          const std::string& message, usd_micros lost);
    retry_stop retry_skill(run_state& r, const open_call& open, effect_outcome outcome, errc code,
                           const std::string& message, duration retry_after);
    /// As an event tells it: the other reasons follow from the policy, the call and its run.
    static retry_stop told(retry_stop s) { return s == retry_stop::budget ? s : retry_stop::none; }
    void start_attempt(run_state& r, const open_call& open);

    // operators and recovery
    run_state* known_run(run_id run, const char* otherwise);
    void request_timers();
    void take_up_again(run_state& r, recovered& counts);
    void take_up_again(run_state& r, const open_call& o, recovered& counts);
    bool ask_model_again(run_state& r, const open_call& o);
    void send_model_again(run_state& r, const open_call& o, usd_micros lost);
    bool affords_another(const run_state& r, usd_micros lost) const;
    void call_skill_again(run_state& r, const open_call& o);
    void go_on(run_state& r);

    // loop brain
    void model_failed(run_state& r, const open_call& open, effect_outcome outcome, errc code,
                      const std::string& message, duration retry_after);
    bool ask_model(run_state& r, const loop_brain& brain);
    bool continue_turn(run_state& r, const loop_brain& brain);
    void take_turn(run_state& r, const loop_brain& brain, const model_response& response);
    void answer(run_state& r, const loop_brain& brain, const model_response& response);
    void call_skills(run_state& r, const model_response& response);
    bool abstains(run_state& r, const loop_brain& brain, const model_response& response);

    // steps brain
    void run_steps(run_state& r, const steps_brain& brain);
    bool run_step(run_state& r, const step_spec& spec, std::uint32_t index);
    bool step_failed(run_state& r, const step_spec& spec, std::uint32_t index, errc code, const std::string& message);

    engine_state& state_;
    instant at_;
    decision& out_;
    agent_id starting_;      ///< whose waiting runs are being started
    bool read_back_ = false; ///< the turn was held, and comes from its record
    run_id expiring_;        ///< its watchdog is set once, when all that is overdue has been given up
};

} // namespace aivp
