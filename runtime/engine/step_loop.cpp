// The brain of a `loop` agent: a model is asked, its calls go through the gate, their results go back to it.
#include <algorithm>
#include <utility>

#include "aivp/base/probe.hpp"
#include "aivp/model/pricing.hpp"
#include "aivp/skill/redact.hpp"
#include "runtime/engine/internal/engine_step.hpp"

namespace aivp {

/// False when the run ended instead.
bool engine_step::ask_model(run_state& r, const loop_brain& brain) {
    if (r.paused) return true;
    if (ends_overdue(r)) return false;
    const run_limits& limits = r.snapshot->limits;
    const auto capped = [&](errc code, const char* message) {
        payload details = r.answer.is_null() ? payload() : payload::of_object({{"answer", r.answer}});
        finish(r, r.side_effects.empty() ? outcome_status::failure : outcome_status::partial, code, message,
               std::move(details));
        return false;
    };
    AIVP_SOMETIMES(r.tokens >= limits.tokens, "model: the token cap is reached");
    if (r.model_turns >= limits.model_turns) return capped(errc::limit_model_calls, "limits.model_turns is reached");
    if (r.tokens >= limits.tokens) return capped(errc::limit_tokens, "limits.tokens is reached");
    // An upper bound of what the turn may cost: a token is never less than one byte of the request.
    const token_usage bound{.input = static_cast<std::int64_t>(r.messages.bytes() + r.snapshot->tools.text().size()),
                            .output = brain.model.max_output_tokens};
    const auto reserve = cost_of(bound, brain.model.price);
    const auto committed = checked_add(r.spent, r.reserved);
    const auto total = reserve && committed ? checked_add(*committed, *reserve) : reserve;
    AIVP_SOMETIMES(!total || *total > limits.budget, "model: a turn does not fit the budget");
    if (!total || *total > limits.budget)
        return capped(errc::budget_exhausted, "the next model turn does not fit limits.budget_usd");
    const call_id call{r.last_call + 1};
    const digest key = request_key(r.messages, r.snapshot->tools, brain.model.params, brain.model.name);
    const instant deadline = std::min(at_ + limits.step_timeout, r.deadline);
    emit(r, model_requested{r.id, call, key, *reserve, deadline});
    out_.effects.emplace_back(model_call{{r.id, call}, r.snapshot, r.messages, key, deadline});
    return true;
}

/// Another attempt follows, or the run ends.
void engine_step::model_failed(run_state& r, const open_call& open, effect_outcome outcome, errc code,
                               const std::string& message, duration retry_after) {
    // A call that may have happened may have been billed.
    const usd_micros billed = outcome == effect_outcome::unknown ? open.reserved : usd_micros{};
    attempt_failure failure{.code = code, .outcome = outcome};
    if (retry_after.us > 0) failure.retry_after = retry_after;
    retry_stop stop = retry_stop::not_retryable;
    if (affords_another(r, billed)) stop = plan_retry(r, open, failure, true, message, billed);
    if (stop == retry_stop::none) return;
    emit(r, model_settled{r.id, open.call, outcome, nullptr, code, message, billed, told(stop)});
    finish(r, outcome_status::failure, code, message.empty() ? std::string(info(code).text) : message);
}

void engine_step::on(const model_completion& in) {
    run_state* r = open_run(in.ref, call_kind::model);
    if (!r) return;
    const auto& brain = std::get<loop_brain>(r->snapshot->brain);
    const open_call open =
        *std::find_if(r->open.begin(), r->open.end(), [&](const open_call& o) { return o.call == in.ref.call; });
    if (in.outcome != effect_outcome::ok && open.retry_at != instant::max()) {
        AIVP_REACHABLE("model: a late failure while another attempt is planned");
        emit(completion_ignored{in.ref.run, in.ref.call, "another attempt is planned already"});
        return;
    }
    if (in.outcome != effect_outcome::ok) {
        const errc code = in.outcome == effect_outcome::unknown ? errc::model_unknown
                          : in.code == errc::ok                 ? errc::model_failed
                                                                : in.code;
        model_failed(*r, open, in.outcome, code, in.message, in.retry_after);
        return;
    }
    // Without a bill the whole reservation counts as spent, and so it does when the bill cannot be right.
    const usd_micros reserved = open.reserved;
    const auto cost =
        in.response.usage.reported ? cost_of(in.response.usage, brain.model.price) : result<usd_micros>(reserved);
    if (!cost) {
        AIVP_REACHABLE("model: a bill that cannot be right");
        emit(*r, model_settled{r->id, in.ref.call, effect_outcome::failed, nullptr, errc::model_invalid_response,
                               cost.error().message, reserved});
        finish(*r, outcome_status::failure, errc::model_invalid_response,
               "the usage cannot be right: " + cost.error().message);
        return;
    }
    emit(*r, model_settled{r->id,
                           in.ref.call,
                           effect_outcome::ok,
                           std::make_shared<const model_response>(recordable(*r->snapshot, in.response)),
                           errc::ok,
                           {},
                           *cost});
    AIVP_SOMETIMES(r->paused, "model: a turn is held because its run is paused");
    if (!r->paused) take_turn(*r, brain, in.response);
}

void engine_step::take_turn(run_state& r, const loop_brain& brain, const model_response& response) {
    if (ends_overdue(r)) return;
    if (response.finish == "content_filter" || response.finish == "refusal") {
        AIVP_REACHABLE("model: an answer is withheld");
        finish(r, outcome_status::failure, errc::model_content_filter,
               "the model's answer was withheld: " + response.finish, payload::of_object({{"answer", r.answer}}));
        return;
    }
    if (response.calls.empty()) {
        answer(r, brain, response);
        return;
    }
    if (abstains(r, brain, response)) return;
    if (r.model_turns >= r.snapshot->limits.model_turns) {
        // Their results could not reach the model any more.
        AIVP_REACHABLE("model: the last turn still asks for calls");
        finish(r, r.side_effects.empty() ? outcome_status::failure : outcome_status::partial, errc::limit_model_calls,
               "the last allowed turn still asked for " + std::to_string(response.calls.size()) + " calls",
               payload::of_object({{"answer", r.answer}}));
        return;
    }
    call_skills(r, response);
    if (continue_turn(r, brain)) arm_watchdog(r);
}

bool engine_step::abstains(run_state& r, const loop_brain& brain, const model_response& response) {
    if (!brain.may_abstain) return false;
    const auto call = std::find_if(response.calls.begin(), response.calls.end(),
                                   [](const proposed_call& c) { return c.name == abstain_tool; });
    if (call == response.calls.end() || r.snapshot->find_binding(abstain_tool)) return false;
    const auto reason = member(call->arguments, "reason");
    const auto text = reason ? as_string(*reason) : std::nullopt;
    finish(r, outcome_status::skipped, errc::run_abstained, text.value_or("the agent gave no reason"),
           call->arguments.is_object() ? call->arguments : payload(), true);
    return true;
}

void engine_step::answer(run_state& r, const loop_brain& brain, const model_response& response) {
    payload details = payload::of_object({{"answer", r.answer}, {"finish", payload::of_string(response.finish)}});
    if (!brain.converse) {
        if (response.finish == "length") {
            finish(r, outcome_status::partial, errc::ok, "the answer was cut at max_output_tokens", std::move(details));
            return;
        }
        finish_success(r, std::move(details));
        return;
    }
    const call_id call{r.last_call + 1};
    emit(r, user_asked{r.id, call, response.content});
    out_.effects.emplace_back(user_question_effect{{r.id, call}, r.snapshot, response.content, r.messages});
    arm_watchdog(r);
}

void engine_step::call_skills(run_state& r, const model_response& response) {
    for (std::uint32_t i = 0; i < response.calls.size(); ++i) {
        const proposed_call& call = response.calls[i];
        propose(r, call.name, call.arguments, i, false);
    }
}

/// Goes on when all calls of the turn have an answer. False when the run ended.
bool engine_step::continue_turn(run_state& r, const loop_brain& brain) {
    if (r.paused) return true;
    if (std::any_of(r.slots.begin(), r.slots.end(), [](const turn_slot& s) { return !s.done; })) return true;
    const bool ends = std::any_of(r.slots.begin(), r.slots.end(), [](const turn_slot& s) { return s.ends_run; });
    emit(r, turn_completed{r.id});
    if (ends) {
        finish_success(r, r.answer.is_null() ? payload() : payload::of_object({{"answer", r.answer}}));
        return false;
    }
    return ask_model(r, brain);
}

void engine_step::on(const user_completion& in) {
    run_state* r = open_run(in.ref, call_kind::user);
    if (!r) return;
    emit(*r, user_answered{r->id, in.ref.call, in.message, in.ended});
    if (in.ended) {
        finish_success(*r, payload::of_object({{"answer", r->answer}}));
        return;
    }
    if (ask_model(*r, std::get<loop_brain>(r->snapshot->brain))) arm_watchdog(*r);
}

namespace {

/// So many wrong arguments are told apart; of a call with more nothing is kept.
constexpr std::size_t wrong_arguments_max = 64;

/// Where a secret may stand in arguments that are an object.
std::vector<std::string> secret_places(const skill_contract& skill, const payload& arguments) {
    std::vector<std::string> out = skill.secret_arguments;
    const auto wrong = skill.input.validate_all(arguments, wrong_arguments_max);
    bool whole = wrong.size() == wrong_arguments_max;
    for (const json_schema::violation& v : wrong) {
        if (v.unknown_property) out.push_back(v.instance_pointer);
        whole = whole || v.keyword == "$limit";
    }
    if (whole) out.emplace_back("/*");
    return out;
}

/// The reserved tool is no skill, and nobody's secret is a reason to decline.
bool is_abstention(const agent_snapshot& snapshot, const proposed_call& call) {
    const auto* loop = std::get_if<loop_brain>(&snapshot.brain);
    return loop && loop->may_abstain && call.name == abstain_tool;
}

} // namespace

model_response recordable(const agent_snapshot& snapshot, model_response response) {
    // Text that is no JSON may hold a secret anywhere.
    static const std::vector<std::string> whole{""};
    static const std::vector<std::string> every_member{"/*"};
    for (proposed_call& call : response.calls) {
        const bool object = call.arguments.is_object();
        if (const auto binding = snapshot.find_binding(call.name)) {
            const skill_contract& skill = *snapshot.bindings[*binding].skill;
            if (skill.secret_arguments.empty()) continue;
            call.arguments = redact(call.arguments, object ? secret_places(skill, call.arguments) : whole, "argument");
        } else if (!is_abstention(snapshot, call) && std::ranges::any_of(snapshot.bindings, [](const skill_binding& b) {
                       return !b.skill->secret_arguments.empty();
                   })) {
            call.arguments = redact(call.arguments, object ? every_member : whole, "argument");
        }
    }
    return response;
}

} // namespace aivp
