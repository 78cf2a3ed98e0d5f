#include "tests/daemon/differential/script.hpp"

#include <algorithm>
#include <utility>

namespace differential_test {

using namespace aivp;

namespace {

payload problem(std::string_view code, std::string_view message) {
    return payload::of_object({{"code", payload::of_string(code)}, {"message", payload::of_string(message)}});
}

std::int64_t number_at(const payload& object, std::string_view key) {
    const auto m = member(object, key);
    return m ? as_integer(*m).value_or(0) : 0;
}

/// A mock that fails with details of the form that docs/skill-guide shows for HTTP has said which status it means.
wire_answer http_answer(const skill_completion& c, effect_class effect) {
    wire_answer out{.what = wire_answer::kind::answer, .status = 200, .body = c.result, .response = {}};
    if (c.outcome == effect_outcome::ok) return out;
    out.status = static_cast<int>(number_at(c.result, "status"));
    out.retry_after_ms = number_at(c.result, "retry_after_ms");
    out.body = member(c.result, "error").value_or(problem(info(c.code).name, c.message));
    if (out.status != 0) return out;
    if (c.outcome == effect_outcome::unknown)
        out.status = 500;
    else if (c.code == errc::skill_unavailable)
        out.status = effect == effect_class::write ? 429 : 503;
    else
        out.status = 422;
    return out;
}

wire_answer program_answer(const skill_completion& c) {
    wire_answer out{.what = wire_answer::kind::answer, .status = 0, .body = {}, .response = {}};
    if (c.outcome == effect_outcome::ok)
        out.body = payload::of_object({{"ok", c.result}});
    else
        out.body = payload::of_object({{"error", problem(info(c.code).name, c.message)}});
    return out;
}

/// http_connector.hpp, "Completions".
skill_completion as_http_connector(call_ref ref, const wire_answer& a, effect_class effect) {
    const bool write = effect == effect_class::write;
    if (a.status < 300) return {ref, effect_outcome::ok, a.body, errc::ok, {}};
    skill_completion out{ref, effect_outcome::failed, {}, errc::skill_failed, {}};
    out.message = "the server answered with status " + std::to_string(a.status);
    out.retry_after = milliseconds(a.retry_after_ms);
    std::vector<std::pair<std::string, payload>> details{{"status", payload::of_integer(a.status)}, {"error", a.body}};
    if (a.retry_after_ms > 0) details.emplace_back("retry_after_ms", payload::of_integer(a.retry_after_ms));
    out.result = payload::of_object(std::move(details));
    if (a.status >= 500) {
        out.outcome = write ? effect_outcome::unknown : effect_outcome::failed;
        out.code = write ? errc::skill_outcome_unknown : errc::skill_unavailable;
    } else if (a.status == 429) {
        out.code = errc::skill_unavailable;
    }
    return out;
}

/// docs/skill-guide.md and skill_answer.hpp.
skill_completion as_subprocess_connector(call_ref ref, const wire_answer& a) {
    if (const auto ok = member(a.body, "ok")) return {ref, effect_outcome::ok, *ok, errc::ok, {}};
    const payload said = member(a.body, "error").value_or(payload());
    const std::string code = as_string(*member(said, "code")).value_or("");
    const std::string message = as_string(*member(said, "message")).value_or("");
    const auto* const known = find_error(code);
    const bool own = known && known->name == code && code.starts_with("skill.");
    return {ref, effect_outcome::failed,
            payload::of_object({{"error", payload::of_string(code)}, {"message", payload::of_string(message)}}),
            own ? known->code : errc::skill_failed, code + ": " + message};
}

wire_answer model_wire(const model_completion& c) {
    wire_answer out{.what = wire_answer::kind::answer, .status = 200, .body = {}, .response = c.response};
    if (c.outcome == effect_outcome::ok) return out;
    if (c.outcome == effect_outcome::unknown) out.what = wire_answer::kind::cut;
    const std::string message = c.message.empty() ? "it cannot be done" : c.message;
    std::string word;
    switch (c.code) {
    case errc::model_rate_limited: out.status = 429; break;
    case errc::model_context_length:
        out.status = 400;
        word = "context_length_exceeded";
        break;
    case errc::model_content_filter:
        out.status = 400;
        word = "content_filter";
        break;
    case errc::model_invalid_response: out.status = 400; break;
    default: out.status = 500;
    }
    out.body = problem(word, message);
    return out;
}

/// openai.hpp and chat_codec.hpp.
model_completion as_openai_provider(model_completion c, const wire_answer& a, const std::string& origin) {
    if (c.outcome == effect_outcome::ok) return c;
    c.retry_after = {};
    if (a.what == wire_answer::kind::cut) {
        c.outcome = effect_outcome::unknown;
        c.code = errc::model_unknown;
        c.message = origin + " closed the connection before its answer was complete";
        return c;
    }
    if (a.status == 500) c.code = errc::model_failed;
    c.message = "the provider answered with status " + std::to_string(a.status) + ": " +
                as_string(*member(a.body, "message")).value_or("");
    return c;
}

} // namespace

std::string conversation_of(const payload& messages) {
    std::string said;
    std::size_t turns = 0;
    for (const payload& m : items(messages)) {
        const std::string role = as_string(member(m, "role").value_or(payload())).value_or("");
        turns += role == "assistant";
        if (turns == 0) said += as_string(member(m, "content").value_or(payload())).value_or("") + "\n";
    }
    return said + "turn " + std::to_string(turns + 1);
}

void script_writer::call(const skill_request& request, completion_sink& sink) {
    const auto other = others_.find(request.skill);
    const means by = other == others_.end() ? means::http : other->second;
    sink_ = &sink;
    const call_ref ref{request.run, request.call};
    if (by == means::built_in) return skills_->call(request, *this);
    script_.exchanges.push_back({.ref = ref,
                                 .name = std::string(request.skill),
                                 .match = to_hex(request.idempotency_key),
                                 .by = by,
                                 .answer = {}});
    under_way_[ref] = {script_.exchanges.size() - 1, request.effect};
    skills_->call(request, *this);
}

void script_writer::call(const model_request& request, completion_sink& sink) {
    sink_ = &sink;
    const call_ref ref{request.run, request.call};
    script_.exchanges.push_back({.ref = ref,
                                 .name = std::string(request.model),
                                 .match = conversation_of(payload::of_array(request.messages.messages())),
                                 .of_model = true,
                                 .answer = {}});
    under_way_[ref] = {script_.exchanges.size() - 1, effect_class::none};
    models_->call(request, *this);
}

void script_writer::cancel(call_ref ref) {
    under_way_.erase(ref);
    skills_->cancel(ref);
    models_->cancel(ref);
}

void script_writer::note_answer(call_ref ref) {
    answered_[ref].push_back(under_way_.at(ref).exchange);
    under_way_.erase(ref);
}

void script_writer::skill_done(skill_completion c) {
    const auto found = under_way_.find(c.ref);
    if (found == under_way_.end()) return sink_->skill_done(std::move(c));
    const under_way asked = found->second;
    exchange& e = script_.exchanges[asked.exchange];
    e.answer = e.by == means::program ? program_answer(c) : http_answer(c, asked.effect);
    note_answer(c.ref);
    sink_->skill_done(e.by == means::program ? as_subprocess_connector(c.ref, e.answer)
                                             : as_http_connector(c.ref, e.answer, asked.effect));
}

void script_writer::model_done(model_completion c) {
    wire_answer& answer = script_.exchanges[under_way_.at(c.ref).exchange].answer;
    answer = model_wire(c);
    note_answer(c.ref);
    sink_->model_done(as_openai_provider(std::move(c), answer, origin_));
}

void count_events(progress& counts, const decision& d) {
    for (const engine_event& e : d.events)
        if (const run_id run = run_of(e)) ++counts[run];
}

void script_writer::committed(const input_envelope& input, const decision& d, const engine_state& after,
                              const journal_record&) {
    const engine_input& in = input.body;
    script_step step{.input = in, .answer = {}, .before = counts_};
    bool from_outside = true;
    const auto answers = [&](call_ref ref) {
        const auto found = answered_.find(ref);
        if (found == answered_.end() || found->second.empty()) return false;
        step.what = script_step::kind::answer;
        step.exchange = found->second.front();
        found->second.pop_front();
        return true;
    };
    if (const auto* skill = std::get_if<skill_completion>(&in)) {
        from_outside = answers(skill->ref);
    } else if (const auto* model = std::get_if<model_completion>(&in)) {
        from_outside = answers(model->ref);
    } else if (const auto* user = std::get_if<user_completion>(&in)) {
        step.what = script_step::kind::reply;
        step.answer = *user;
    } else {
        from_outside = std::holds_alternative<start_run>(in) || std::holds_alternative<publish_event>(in) ||
                       std::holds_alternative<cancel_run>(in);
    }
    if (from_outside) script_.steps.push_back(std::move(step));
    count_events(counts_, d);
    script_.at_end = counts_;
    const auto started = std::ranges::count_if(after.runs, [](const auto& r) { return r.second.started; });
    script_.deepest = std::max(script_.deepest, static_cast<std::size_t>(started));
}

} // namespace differential_test
