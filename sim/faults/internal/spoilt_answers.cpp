#include "sim/faults/internal/spoilt_answers.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace aivp::sim {

namespace {

constexpr std::int64_t absurd_tokens = std::numeric_limits<std::int64_t>::max() / 4;
constexpr std::int64_t usual_tokens = 1000;

/// The first half of the text, as a provider passes on arguments that are no JSON. Bytes beyond ASCII may be cut in two,
/// as they are on the wire.
payload truncated(const payload& arguments) {
    const std::string_view text = arguments.text();
    return payload::of_string(text.substr(0, text.size() / 2));
}

/// Every value becomes a list of itself: no schema that names a scalar takes it.
payload wrong_types(const payload& arguments) {
    std::vector<std::pair<std::string, payload>> out;
    for (auto& [key, value] : members(arguments)) out.emplace_back(key, payload::of_array({value}));
    if (out.empty()) out.emplace_back("unexpected", payload::of_bool(true));
    return payload::of_object(std::move(out));
}

void multiply_usage(token_usage& usage) {
    const auto times_hundred = [](std::int64_t n) { return n > absurd_tokens / 100 ? absurd_tokens : n * 100; };
    usage = {times_hundred(usage.reported ? usage.input : usual_tokens),
             times_hundred(usage.reported ? usage.output : usual_tokens), 0, true};
}

/// The first text in it becomes the instruction; a result without any gets a member.
payload with_instruction(const payload& value, bool& done) {
    if (done) return value;
    if (value.is_string()) {
        done = true;
        return payload::of_string(*as_string(value) + " " + injected_instruction);
    }
    if (value.is_array()) {
        std::vector<payload> out;
        for (const payload& item : items(value)) out.push_back(with_instruction(item, done));
        return payload::of_array(out);
    }
    if (value.is_object()) {
        std::vector<std::pair<std::string, payload>> out;
        for (auto& [key, item] : members(value)) out.emplace_back(key, with_instruction(item, done));
        return payload::of_object(std::move(out));
    }
    return value;
}

payload with_instruction(const payload& result) {
    bool done = false;
    payload out = with_instruction(result, done);
    if (done) return out;
    const payload note = payload::of_string(injected_instruction);
    return out.is_object() ? merged(out, payload::of_object({{"note", note}})) : note;
}

} // namespace

void spoil(model_response& answer, const fault& f) {
    switch (f.kind) {
    case fault_kind::model_truncated_arguments:
        for (proposed_call& c : answer.calls) c.arguments = truncated(c.arguments);
        return;
    case fault_kind::model_schema_violation:
        for (proposed_call& c : answer.calls) c.arguments = wrong_types(c.arguments);
        return;
    case fault_kind::model_unknown_tool:
        if (answer.calls.empty()) answer.calls.emplace_back("", payload::of_object({}));
        answer.calls.back().name = "no_such_tool";
        answer.finish = "tool_calls";
        return;
    case fault_kind::model_repeated_call:
        if (!answer.calls.empty()) answer.calls.push_back(answer.calls.back());
        return;
    case fault_kind::model_refusal:
        answer.calls.clear();
        answer.content = payload::of_string("I cannot help with that.");
        answer.finish = "refusal";
        return;
    case fault_kind::model_empty:
        answer.calls.clear();
        answer.content = {};
        answer.finish = "stop";
        return;
    case fault_kind::model_no_usage: answer.usage = {}; return;
    case fault_kind::model_huge_usage:
        if (f.form == 0)
            multiply_usage(answer.usage);
        else
            answer.usage = {absurd_tokens, absurd_tokens, 0, true};
        return;
    case fault_kind::model_negative_usage: answer.usage = {-usual_tokens, -usual_tokens, 0, true}; return;
    default: return;
    }
}

void spoil(payload& result, const fault& f) {
    if (f.kind == fault_kind::skill_bad_result)
        result = payload::of_array({payload::of_string("<html>"), payload::of_integer(502)});
    else if (f.kind == fault_kind::skill_instruction)
        result = with_instruction(result);
}

} // namespace aivp::sim
