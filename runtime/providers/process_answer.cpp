#include "runtime/providers/process_answer.hpp"

#include <algorithm>
#include <utility>

#include "runtime/os/program.hpp"
#include "runtime/os/skill_answer.hpp"

namespace aivp {

namespace {

constexpr std::size_t turn_calls_max = 1024;

std::unexpected<error> bad_turn(std::string why) { return fail(errc::process_protocol, std::move(why)); }

std::string shown_member(const std::string& name) { return "\"" + name.substr(0, 60) + "\""; }

/// {"args","id","name"} of the history, in the words in which the program speaks.
payload calls_for_program(const payload& calls) {
    std::vector<payload> out;
    for (const payload& call : items(calls))
        out.push_back(payload::of_object({{"arguments", member(call, "args").value_or(payload())},
                                          {"id", member(call, "id").value_or(payload())},
                                          {"skill", member(call, "name").value_or(payload())}}));
    return payload::of_array(out);
}

payload message_for_program(const payload& message) {
    const auto calls = member(message, "calls");
    return calls ? merged(message, payload::of_object({{"calls", calls_for_program(*calls)}})) : message;
}

payload skills_for_program(const payload& tools) {
    std::vector<payload> out;
    for (const payload& tool : items(tools))
        out.push_back(payload::of_object({{"description", member(tool, "description").value_or(payload())},
                                          {"inputs", member(tool, "parameters").value_or(payload())},
                                          {"skill", member(tool, "name").value_or(payload())}}));
    return payload::of_array(out);
}

bool is_turn(const payload& message) {
    const auto role = member(message, "role");
    return role && as_string(*role) == "assistant";
}

result<proposed_call> parse_turn_call(const payload& document) {
    proposed_call call{{}, payload::of_object({})};
    for (const auto& [name, value] : members(document)) {
        if (name == "skill" && as_string(value))
            call.name = *as_string(value);
        else if (name == "arguments" && value.is_object())
            call.arguments = value;
        else
            return bad_turn("a call of its answer holds a member " + shown_member(name) +
                            " that is unknown or of the wrong type");
    }
    if (call.name.empty()) return bad_turn("a call of its answer has no \"skill\"");
    return call;
}

result<token_usage> parse_turn_usage(const payload& document) {
    token_usage usage{.reported = true};
    bool has_input = false;
    bool has_output = false;
    for (const auto& [name, value] : members(document)) {
        const auto count = as_integer(value);
        if (!count || *count < 0)
            return bad_turn("its \"usage\" holds a member " + shown_member(name) + " that is no count");
        if (name == "input") {
            usage.input = *count;
            has_input = true;
        } else if (name == "output") {
            usage.output = *count;
            has_output = true;
        } else if (name == "cached_input") {
            usage.cached_input = *count;
        } else {
            return bad_turn("its \"usage\" holds an unknown member " + shown_member(name));
        }
    }
    if (!has_input || !has_output) return bad_turn("its \"usage\" needs \"input\" and \"output\"");
    if (usage.cached_input > usage.input) return bad_turn("its \"usage\" has more cached input than input");
    return usage;
}

result<void> parse_turn_calls(const payload& list, model_response& response) {
    if (!list.is_array()) return bad_turn("its \"calls\" is not a list");
    const std::vector<payload> calls = items(list);
    if (calls.empty())
        return bad_turn("its \"calls\" is empty; a program with nothing left to do answers {\"finish\": …}");
    if (calls.size() > turn_calls_max)
        return bad_turn("its answer holds more than " + std::to_string(turn_calls_max) + " calls");
    for (const payload& document : calls) {
        AIVP_TRY(proposed_call call, parse_turn_call(document));
        response.calls.push_back(std::move(call));
    }
    response.finish = "tool_calls";
    return {};
}

/// What a conversation holds is text.
payload finish_text(const payload& value) {
    return value.is_string() || value.is_null() ? value : payload::of_string(value.text());
}

result<process_answer> parse_turn_error(std::string_view text) {
    AIVP_TRY(skill_answer said, parse_skill_answer(text));
    return process_answer{false, {}, std::move(said.code), std::move(said.message), said.retry_after_ms};
}

} // namespace

payload process_turn_document(const model_request& request, const process_turn& turn) {
    std::vector<payload> messages = request.messages.messages();
    const auto turns_before = std::ranges::count_if(messages, is_turn);
    for (payload& m : messages) m = message_for_program(m);
    return payload::of_object({{"schema_version", payload::of_string("process.v1")},
                               {"agent", payload::of_string(request.agent)},
                               {"run", payload::of_integer(static_cast<std::int64_t>(request.run.value))},
                               {"call", payload::of_integer(static_cast<std::int64_t>(request.call.value))},
                               {"turn", payload::of_integer(turns_before + 1)},
                               {"goal", payload::of_string(turn.goal)},
                               {"trigger", turn.trigger},
                               {"messages", payload::of_array(messages)},
                               {"skills", skills_for_program(request.tools)},
                               {"deadline", deadline_payload(request.deadline)}});
}

result<process_answer> parse_process_answer(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return bad_turn("it wrote nothing to stdout");
    const auto document = payload::parse(text);
    if (!document) return bad_turn("it wrote no JSON document to stdout: " + document.error().message);
    if (!document->is_object()) return bad_turn("its answer is not an object");
    const auto found = members(*document);
    if (found.size() == 1 && found.front().first == "error") return parse_turn_error(text);
    process_answer out{.ok = true};
    bool calls = false;
    bool finishes = false;
    for (const auto& [name, value] : found) {
        if (name == "calls") {
            AIVP_CHECK(parse_turn_calls(value, out.response));
            calls = true;
        } else if (name == "finish") {
            out.response.content = finish_text(value);
            finishes = true;
        } else if (name == "content" && value.is_string() && !member(*document, "finish")) {
            out.response.content = value;
        } else if (name == "usage" && value.is_object()) {
            AIVP_TRY(out.response.usage, parse_turn_usage(value));
        } else {
            return bad_turn("its answer holds a member " + shown_member(name) +
                            " that is unknown, of the wrong type, or out of place");
        }
    }
    if (calls == finishes)
        return bad_turn(calls ? "its answer has both \"calls\" and \"finish\""
                              : "its answer is neither {\"calls\": […]} nor {\"finish\": …} nor {\"error\": …}");
    return out;
}

} // namespace aivp
