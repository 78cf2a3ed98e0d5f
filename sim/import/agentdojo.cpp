#include <algorithm>

#include "sim/import/internal/imported_run.hpp"
#include "sim/import/internal/log_value.hpp"

namespace aivp::sim::internal {

namespace {

// A string, null, or a list of {"type":"text","content":…}.
result<std::optional<std::string>> agentdojo_content(const log_value& content) {
    if (!content.value.is_array()) return log_text(content);
    std::optional<std::string> joined;
    for (const log_value& part : log_items(content)) {
        AIVP_TRY(const std::string type, log_required_text(part, "type"));
        if (type != "text")
            return std::unexpected(
                log_fault(part.pointer + "/type", "a part of type \"" + type + "\" cannot be imported").error());
        AIVP_TRY(const auto text, log_text(log_member(part, "content")));
        if (text) joined = joined.value_or("") + *text;
    }
    return joined;
}

payload agentdojo_text(const std::optional<std::string>& text) { return text ? payload::of_string(*text) : payload(); }

result<imported_turn> agentdojo_turn(const log_value& message) {
    imported_turn turn;
    AIVP_TRY(const auto content, agentdojo_content(log_member(message, "content")));
    turn.content = agentdojo_text(content);
    const log_value calls = log_member(message, "tool_calls");
    if (!calls.value.is_null() && !calls.value.is_array())
        return std::unexpected(log_fault(calls.pointer, "\"tool_calls\" must be a list or null").error());
    for (const log_value& entry : log_items(calls)) {
        imported_call call;
        AIVP_TRY(call.name, log_required_text(entry, "function"));
        const log_value arguments = log_member(entry, "args");
        if (!arguments.value.is_object())
            return std::unexpected(
                log_fault(arguments.value.is_null() ? entry.pointer : arguments.pointer, "\"args\" must be an object")
                    .error());
        call.arguments = arguments.value;
        AIVP_TRY(const auto id, log_text(log_member(entry, "id")));
        call.id = id.value_or("");
        turn.calls.push_back(std::move(call));
    }
    return turn;
}

// The model saw the error instead of the content when the tool raised one.
result<imported_answer> agentdojo_answer(const log_value& message) {
    imported_answer answer;
    AIVP_TRY(const auto content, agentdojo_content(log_member(message, "content")));
    AIVP_TRY(const auto error, log_text(log_member(message, "error")));
    answer.failed = error.has_value();
    answer.message = error.value_or("");
    answer.result = payload::of_string(content && !content->empty() ? *content : answer.message);
    return answer;
}

// By the log's id where there is one, else in the order of the calls.
imported_call* agentdojo_open_call(imported_turn& turn, const std::string& id) {
    const auto open = [](const imported_call& c) { return !c.answer; };
    if (!id.empty()) {
        for (imported_call& c : turn.calls)
            if (open(c) && c.id == id) return &c;
    }
    const auto first = std::find_if(turn.calls.begin(), turn.calls.end(), open);
    return first == turn.calls.end() ? nullptr : &*first;
}

result<void> agentdojo_message(imported_run& run, const log_value& message) {
    AIVP_TRY(const std::string role, log_required_text(message, "role"));
    if (role == "assistant") {
        AIVP_TRY(imported_turn turn, agentdojo_turn(message));
        if (run.goal.empty()) run.skip = "the model speaks before the user";
        run.turns.push_back(std::move(turn));
        return {};
    }
    if (role == "tool") {
        AIVP_TRY(const auto id, log_text(log_member(message, "tool_call_id")));
        imported_call* call = run.turns.empty() ? nullptr : agentdojo_open_call(run.turns.back(), id.value_or(""));
        if (!call) return log_fault(message.pointer, "a tool answers that was not called");
        AIVP_TRY(call->answer, agentdojo_answer(message));
        return {};
    }
    AIVP_TRY(const auto content, agentdojo_content(log_member(message, "content")));
    if (role == "system") {
        if (!run.system.empty() || !run.goal.empty()) run.skip = "there is more than one system message";
        run.system = content.value_or("");
    } else if (role == "user") {
        if (run.goal.empty() && run.turns.empty()) {
            run.goal = content.value_or("");
        } else if (run.turns.empty() || !run.turns.back().calls.empty() || run.turns.back().reply) {
            run.skip = "the user speaks where the model is expected";
        } else {
            run.converse = true;
            run.turns.back().reply = agentdojo_text(content);
        }
    } else {
        return log_fault(message.pointer + "/role", "the role \"" + role + "\" is not known");
    }
    return {};
}

// "12.5" -> 12,500,000, without floating point. 0 for anything that is no plain decimal.
duration agentdojo_seconds(const payload& number) {
    const std::string_view text = number.text();
    std::int64_t us = 0;
    int places = -1;
    for (const char c : text) {
        if (c == '.' && places < 0) {
            places = 0;
        } else if (c < '0' || c > '9' || us > 1'000'000'000'000'000) {
            return {};
        } else if (places < 6) {
            us = us * 10 + (c - '0');
            if (places >= 0) ++places;
        }
    }
    for (int i = std::max(places, 0); i < 6; ++i) us *= 10;
    return {us};
}

// "2025-07-25 00:43:54", taken as UTC.
instant agentdojo_instant(const std::optional<std::string>& text) {
    if (!text || text->size() != 19) return {};
    std::string rfc = *text + "Z";
    rfc[10] = 'T';
    return parse_instant(rfc).value_or(instant{});
}

// The pipeline's folder says more than its name where a model was served locally.
std::string agentdojo_pipeline(const log_value& document, const std::string& name) {
    const auto path = as_string(log_member(document, "_path").value);
    if (!path || !path->starts_with("runs/")) return name;
    const std::size_t stop = path->find('/', 5);
    return stop == std::string::npos || stop == 5 ? name : path->substr(5, stop - 5);
}

payload agentdojo_provenance(const log_value& document) {
    std::vector<std::pair<std::string, payload>> kept;
    for (const auto& [key, value] : members(document.value))
        if (key != "messages" && key != "injections" && !value.is_null())
            kept.emplace_back(key == "_path" ? "path" : key, value);
    return payload::of_object(
        {{"format", payload::of_string("agentdojo")},
         {"latency", payload::of_string("the run's duration, spread evenly over the model's turns")},
         {"log", payload::of_object(std::move(kept))}});
}

} // namespace

result<imported_run> read_agentdojo_run(const payload& value) {
    const log_value document{value, ""};
    if (!value.is_object()) return std::unexpected(log_fault("", "a run must be an object").error());
    imported_run run;
    AIVP_TRY(run.suite, log_required_text(document, "suite_name"));
    AIVP_TRY(const std::string pipeline_name, log_required_text(document, "pipeline_name"));
    AIVP_TRY(const std::string user_task, log_required_text(document, "user_task_id"));
    AIVP_TRY(const auto injection, log_text(log_member(document, "injection_task_id")));
    AIVP_TRY(const auto attack, log_text(log_member(document, "attack_type")));
    AIVP_TRY(const auto version, log_text(log_member(document, "benchmark_version")));
    AIVP_TRY(const auto error, log_text(log_member(document, "error")));
    AIVP_TRY(const auto time, log_text(log_member(document, "evaluation_timestamp")));
    const std::string pipeline = agentdojo_pipeline(document, pipeline_name);
    run.version = version.value_or("v1");
    run.model = pipeline;
    run.error = error.value_or("");
    run.total = agentdojo_seconds(log_member(document, "duration").value);
    run.recorded_at = agentdojo_instant(time);
    run.title = run.suite + " " + user_task + (injection ? " " + *injection : "");
    run.folder = safe_name(pipeline) + "/" + safe_name(run.suite + "." + attack.value_or("none")) + "/" +
                 safe_name(injection ? user_task + "." + *injection : user_task);
    run.provenance = agentdojo_provenance(document);
    const log_value messages = log_member(document, "messages");
    if (!messages.value.is_array())
        return std::unexpected(
            log_fault(messages.value.is_null() ? "" : messages.pointer, "\"messages\" must be a list").error());
    for (const log_value& message : log_items(messages)) AIVP_CHECK(agentdojo_message(run, message));
    check_imported_run(run);
    return run;
}

} // namespace aivp::sim::internal
