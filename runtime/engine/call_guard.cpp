#include "aivp/engine/call_guard.hpp"

#include <algorithm>
#include <utility>

#include "aivp/base/assert.hpp"
#include "aivp/base/probe.hpp"

namespace aivp {

void call_guard::declare(std::string_view dependency, const std::optional<rate_limit>& rate,
                         const std::optional<breaker_policy>& breaker) {
    if (!rate && !breaker && !dependencies_.contains(dependency)) return;
    const auto it = dependencies_.try_emplace(std::string(dependency)).first;
    dependency_state& d = it->second;
    d.name = it->first;
    d.rate = rate;
    if (!breaker)
        d.breaker.reset();
    else if (!d.breaker || d.breaker->policy() != *breaker)
        d.breaker.emplace(*breaker);
}

void call_guard::declare(const agent_snapshot& agent) {
    for (const skill_binding& b : agent.bindings) declare(b.skill->id, b.skill->rate, b.skill->breaker);
    if (const auto* loop = std::get_if<loop_brain>(&agent.brain))
        declare("model " + loop->model.name, loop->model.rate, loop->model.breaker);
}

/// Calls that must wait take their turns in the order in which they came, and are not asked for again when it is there.
bool call_guard::wait_for_turn(dependency_state& d, call_ref call, instant now, answer& out) {
    if (!d.rate) return false;
    if (const auto turn = turns_.find(call); turn != turns_.end()) {
        if (turn->second > now) {
            out = {errc::rate_limited, turn->second - now};
            return true;
        }
        turns_.erase(turn);
        return false;
    }
    const rate_answer rate = admit(*d.rate, d.used, 1, now);
    if (rate) return false;
    charge(*d.rate, d.used, 1, now);
    AIVP_REACHABLE("rate: a call waits for its turn");
    turns_[call] = rate.at;
    out = {errc::rate_limited, rate.at - now};
    return true;
}

call_guard::answer call_guard::begin(std::string_view dependency, call_ref call, instant now, instant deadline) {
    const auto it = dependencies_.find(dependency);
    if (it == dependencies_.end()) return {};
    dependency_state& d = it->second;
    const answer out = decide(d, call, now, deadline);
    if (observer_) observer_->asked(d.name, now, out.held_back, d.breaker ? d.breaker->open_until(now) : std::nullopt);
    return out;
}

call_guard::answer call_guard::decide(dependency_state& d, call_ref call, instant now, instant deadline) {
    answer out;
    if (wait_for_turn(d, call, now, out)) return out;
    flight f{&d, std::nullopt, now, deadline};
    if (d.breaker) {
        const breaker_answer allowed = d.breaker->allow(now);
        // At least a microsecond, so that an answer that is due already does not come back within the same instant for ever.
        AIVP_SOMETIMES(!allowed, "breaker: a call is held back");
        AIVP_SOMETIMES(allowed && allowed.permit->probe != 0, "breaker: a call probes while half-open");
        if (!allowed) return {errc::breaker_open, std::max(allowed.retry_at - now, microseconds(1))};
        f.permit = allowed.permit;
    }
    flights_[call] = f;
    return out;
}

void call_guard::ended(call_ref call, errc code, instant now) {
    const auto it = flights_.find(call);
    if (it == flights_.end()) return;
    const flight f = it->second;
    flights_.erase(it);
    record(f, verdict_of(code), now);
}

void call_guard::record(const flight& f, breaker_verdict verdict, instant now) {
    if (!f.permit || !f.dependency->breaker) return;
    f.dependency->breaker->record(*f.permit, verdict, now - f.begun, now);
    if (observer_) observer_->ended(f.dependency->name, f.dependency->breaker->open_until(now));
}

void call_guard::forget(call_ref call, instant now) {
    turns_.erase(call);
    const auto it = flights_.find(call);
    if (it == flights_.end()) return;
    const flight f = it->second;
    flights_.erase(it);
    // A probe that is cancelled before gives its permit back by its own timeout.
    if (f.deadline <= now) record(f, breaker_verdict::failure, now);
}

// ---- in front of the ports ---------------------------------------------------------------------------------------------

call_guard::answer guarded_answers::begin(std::string_view dependency, call_ref call, instant deadline,
                                          completion_sink& sink) {
    sink_ = &sink;
    return guard_.begin(dependency, call, clock_.now(), deadline);
}

void guarded_answers::model_done(model_completion c) {
    guard_.ended(c.ref, c.outcome == effect_outcome::ok ? errc::ok : c.code, clock_.now());
    sink_->model_done(std::move(c));
}

void guarded_answers::skill_done(skill_completion c) {
    guard_.ended(c.ref, c.outcome == effect_outcome::ok ? errc::ok : c.code, clock_.now());
    sink_->skill_done(std::move(c));
}

void guarded_answers::user_done(user_completion) { AIVP_ASSERT(false, "users are not guarded"); }
void guarded_answers::timer_fired(timer_key) { AIVP_ASSERT(false, "timers are not guarded"); }

void guarded_connector::call(const skill_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const call_guard::answer a = answers_.begin(request.skill, ref, request.deadline, sink);
    if (a.held_back == errc::ok) {
        next_.call(request, answers_);
        return;
    }
    sink.skill_done({.ref = ref,
                     .outcome = effect_outcome::failed,
                     .result = {},
                     .code = a.held_back,
                     .message = std::string(info(a.held_back).text),
                     .retry_after = a.wait});
}

void guarded_connector::cancel(call_ref ref) {
    answers_.forget(ref);
    next_.cancel(ref);
}

void guarded_model_provider::call(const model_request& request, completion_sink& sink) {
    const call_ref ref{request.run, request.call};
    const call_guard::answer a = answers_.begin("model " + std::string(request.model), ref, request.deadline, sink);
    if (a.held_back == errc::ok) {
        next_.call(request, answers_);
        return;
    }
    sink.model_done({.ref = ref,
                     .outcome = effect_outcome::failed,
                     .response = {},
                     .code = a.held_back,
                     .message = std::string(info(a.held_back).text),
                     .retry_after = a.wait});
}

void guarded_model_provider::cancel(call_ref ref) {
    answers_.forget(ref);
    next_.cancel(ref);
}

} // namespace aivp
