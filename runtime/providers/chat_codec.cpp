#include "runtime/providers/chat_codec.hpp"

#include <algorithm>
#include <utility>

namespace aivp {

namespace {

constexpr std::size_t message_bytes_max = 500;
constexpr std::size_t calls_max = 1024;

auto bad_answer(std::string what) {
    return fail(errc::model_invalid_response, "the model's answer " + std::move(what));
}

// Views into canonical text, so that nothing is copied or hashed on the way down.

std::optional<std::string_view> text_at(std::string_view object, std::string_view key) {
    const auto found = member_text(object, key);
    return found && *found != "null" ? found : std::nullopt;
}

std::optional<std::string> string_at(std::string_view object, std::string_view key) {
    const auto found = text_at(object, key);
    if (!found || !found->starts_with('"')) return std::nullopt;
    return as_string(payload::from_canonical(std::string(*found)));
}

std::optional<std::int64_t> count_at(std::string_view object, std::string_view key) {
    const auto found = text_at(object, key);
    if (!found) return std::nullopt;
    const auto n = as_integer(payload::from_canonical(std::string(*found)));
    return n && *n >= 0 ? n : std::nullopt;
}

std::vector<payload> items_at(std::string_view object, std::string_view key) {
    const auto found = text_at(object, key);
    return found ? items(payload::from_canonical(std::string(*found))) : std::vector<payload>();
}

/// Counts that cannot be are no counts.
std::optional<token_usage> usage_of(std::string_view usage) {
    const auto input = count_at(usage, "prompt_tokens");
    const auto output = count_at(usage, "completion_tokens");
    if (!input || !output) return std::nullopt;
    const auto details = text_at(usage, "prompt_tokens_details");
    const std::int64_t cached = details ? count_at(*details, "cached_tokens").value_or(0) : 0;
    if (cached > *input) return std::nullopt;
    return token_usage{.input = *input, .output = *output, .cached_input = cached, .reported = true};
}

/// Content as a text, or as parts of which the texts count.
std::optional<std::string> content_at(std::string_view message, std::string_view key) {
    if (auto text = string_at(message, key)) return text;
    std::optional<std::string> joined;
    for (const payload& part : items_at(message, key))
        if (const auto text = string_at(part.text(), "text")) joined = joined.value_or("") + *text;
    return joined;
}

payload arguments_of_text(const std::string& text) {
    // Servers send nothing for a tool that takes nothing.
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return payload::of_object({});
    auto parsed = payload::parse(text);
    return parsed ? std::move(*parsed) : payload::of_string(text);
}

std::string finish_of(std::string_view reason, bool has_calls, bool refused) {
    if (refused) return "refusal";
    if (reason.empty()) return has_calls ? "tool_calls" : "stop";
    return std::string(reason);
}

bool mentions(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::ranges::any_of(words, [&](std::string_view w) { return text.contains(w); });
}

std::string cut_message(std::string text) {
    if (text.size() <= message_bytes_max) return text;
    std::size_t end = message_bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end; // not inside a character
    return text.substr(0, end) + "…";
}

/// `problem` is the member "error" of an answer.
error error_of(int status, std::string_view problem) {
    std::string message, code, type;
    if (auto text = string_at(std::string("{\"e\":") + std::string(problem) + "}", "e")) {
        message = *text;
    } else {
        message = string_at(problem, "message").value_or("");
        type = string_at(problem, "type").value_or("");
        code = string_at(problem, "code").value_or("");
        if (const auto number = count_at(problem, "code"); number && *number >= 100 && *number < 600)
            status = static_cast<int>(*number);
        if (const auto number = count_at(problem, "status_code"); number && *number >= 100 && *number < 600)
            status = static_cast<int>(*number);
    }
    errc what = errc::model_failed;
    const std::string about = code + " " + type;
    if (mentions(about, {"context_length", "string_above_max_length"}) ||
        mentions(message, {"maximum context length", "context window", "context length"}))
        what = errc::model_context_length;
    else if (mentions(about, {"content_filter", "content_policy", "ResponsibleAI"}))
        what = errc::model_content_filter;
    else if (status == 429 || mentions(about, {"rate_limit", "insufficient_quota"}))
        what = errc::model_rate_limited;
    else if (status == 401)
        what = errc::secret_unavailable;
    else if (status >= 300 && status < 400)
        what = errc::http_protocol;
    else if (status >= 400 && status < 500 && status != 408 && status != 409)
        what = errc::model_invalid_response;
    std::string text = status == 200 ? "the provider answered with an error"
                                     : "the provider answered with status " + std::to_string(status);
    if (status == 401) text += " (it does not accept the key)";
    if (!message.empty()) text += ": " + cut_message(std::move(message));
    return {what, std::move(text)};
}

result<proposed_call> call_of(std::string_view call, const chat_names& names) {
    const auto function = text_at(call, "function");
    const auto name = function ? string_at(*function, "name") : std::nullopt;
    if (!name || name->empty()) return bad_answer("calls a tool without naming it");
    const auto arguments = text_at(*function, "arguments");
    payload value = payload::of_object({});
    if (arguments && arguments->starts_with('"'))
        value = arguments_of_text(*string_at(*function, "arguments"));
    else if (arguments)
        value = payload::from_canonical(std::string(*arguments));
    return proposed_call{names.from_wire(*name), std::move(value)};
}

} // namespace

chat_names::chat_names(const payload& tools) {
    for (const payload& tool : items(tools)) {
        const auto name = string_at(tool.text(), "name");
        if (!name) continue;
        std::string wire = to_wire(*name);
        // Two names that differ by a dot only.
        for (int n = 2; name_by_wire_.contains(wire); ++n) {
            const std::string tail = "_" + std::to_string(n);
            wire = to_wire(*name).substr(0, 64 - tail.size()) + tail;
        }
        wire_by_name_[*name] = wire;
        name_by_wire_[wire] = *name;
    }
}

std::string chat_names::to_wire(std::string_view name) const {
    if (const auto found = wire_by_name_.find(name); found != wire_by_name_.end()) return found->second;
    std::string wire(name.substr(0, 64));
    for (char& c : wire) {
        const bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
        if (!fits) c = '_';
    }
    return wire.empty() ? "_" : wire;
}

std::string chat_names::from_wire(std::string_view name) const {
    const auto found = name_by_wire_.find(name);
    return found == name_by_wire_.end() ? std::string(name) : found->second;
}

namespace {

auto bad_request(std::string what) { return fail(errc::json_type, "cannot be sent to a model: " + std::move(what)); }

/// Appends "key":text with the comma that it needs.
void put_member(std::string& out, std::string_view key, std::string_view text) {
    if (out.back() != '{') out += ',';
    append_json_string(out, key);
    out += ':';
    out += text;
}

std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

std::string wire_call_id(std::string_view id) {
    std::string wire(id);
    std::ranges::replace(wire, '#', '_');
    return wire;
}

/// What was said as a text stays one; anything else goes as JSON text.
std::string content_text(const payload& content) {
    const auto text = as_string(content);
    return quoted(text ? *text : std::string(content.text()));
}

result<std::string> assistant_calls(std::string_view calls_text, const chat_names& names) {
    std::string out = "[";
    for (const payload& call : items(payload::from_canonical(std::string(calls_text)))) {
        const auto id = string_at(call.text(), "id");
        const auto name = string_at(call.text(), "name");
        if (!id || !name) return bad_request("a call in the history has no id or no name");
        const payload arguments = member(call, "args").value_or(payload::of_object({}));
        std::string function = "{";
        put_member(function, "arguments", content_text(arguments));
        put_member(function, "name", quoted(names.to_wire(*name)));
        if (out.size() > 1) out += ',';
        out += "{\"function\":" + function + "},\"id\":" + quoted(wire_call_id(*id)) + ",\"type\":\"function\"}";
    }
    return out + "]";
}

result<std::string> wire_message(const payload& message, const chat_names& names) {
    const auto role = string_at(message.text(), "role");
    const auto content = member(message, "content");
    std::string out = "{";
    if (role == "system" || role == "user") {
        put_member(out, "content", content ? content_text(*content) : "\"\"");
    } else if (role == "assistant") {
        put_member(out, "content", content && !content->is_null() ? content_text(*content) : "null");
        if (const auto calls = text_at(message.text(), "calls"); calls && *calls != "[]") {
            AIVP_TRY(const std::string wire, assistant_calls(*calls, names));
            put_member(out, "tool_calls", wire);
        }
    } else if (role == "tool") {
        const auto call = string_at(message.text(), "call");
        if (!call) return bad_request("a tool's answer in the history names no call");
        put_member(out, "content", content_text(content.value_or(payload())));
        put_member(out, "tool_call_id", quoted(wire_call_id(*call)));
    } else {
        return bad_request("a message in the history has no known role");
    }
    put_member(out, "role", quoted(*role));
    return out + "}";
}

/// 700 -> "0.7", without floating point.
std::string decimal_of_milli(std::int64_t milli) {
    std::string fraction = std::to_string(1000 + milli % 1000).substr(1);
    while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
    return std::to_string(milli / 1000) + (fraction.empty() ? "" : "." + fraction);
}

result<void> put_params(std::string& out, const payload& params, const chat_dialect& dialect) {
    for (const auto& [key, value] : members(params)) {
        if (key == "temperature_milli") {
            const auto milli = as_integer(value);
            if (!milli || *milli < 0) return bad_request("temperature_milli is no count");
            put_member(out, "temperature", decimal_of_milli(*milli));
        } else if (key == "max_output_tokens") {
            put_member(out, dialect.tokens_key, value.text());
        } else if (key == "messages" || key == "model" || key == "tools" || key == "stream" ||
                   key == "stream_options") {
            return bad_request("the parameter " + key + " is set by the request itself");
        } else {
            put_member(out, key, value.text());
        }
    }
    return {};
}

result<std::string> wire_tools(const payload& tools, const chat_names& names) {
    std::string out = "[";
    for (const payload& tool : items(tools)) {
        const auto name = string_at(tool.text(), "name");
        if (!name) return bad_request("a tool has no name");
        std::string function = "{";
        if (const auto text = text_at(tool.text(), "description")) put_member(function, "description", *text);
        put_member(function, "name", quoted(names.to_wire(*name)));
        if (const auto schema = text_at(tool.text(), "parameters")) put_member(function, "parameters", *schema);
        if (out.size() > 1) out += ',';
        out += "{\"function\":" + function + "},\"type\":\"function\"}";
    }
    return out + "]";
}

} // namespace

result<std::string> encode_chat_request(const model_request& request, const chat_names& names,
                                        const chat_dialect& dialect) {
    std::string out = "{";
    put_member(out, "model", quoted(request.model));
    std::string messages = "[";
    for (const payload& message : request.messages.messages()) {
        AIVP_TRY(const std::string wire, wire_message(message, names));
        if (messages.size() > 1) messages += ',';
        messages += wire;
    }
    put_member(out, "messages", messages + "]");
    AIVP_TRY(const std::string tools, wire_tools(request.tools, names));
    if (tools != "[]") put_member(out, "tools", tools);
    AIVP_CHECK(put_params(out, request.params, dialect));
    if (dialect.stream) {
        put_member(out, "stream", "true");
        if (dialect.asks_stream_usage) put_member(out, "stream_options", R"({"include_usage":true})");
    }
    return out + "}";
}

error chat_error_of(int status, std::string_view body) {
    const auto parsed = payload::parse(body);
    if (!parsed) return error_of(status, quoted(body.substr(0, message_bytes_max * 2)));
    // Some send a list of one.
    const auto list = items(*parsed);
    const payload& whole = list.empty() ? *parsed : list.front();
    const auto problem = text_at(whole.text(), "error");
    return error_of(status, problem ? *problem : whole.text());
}

result<model_response> decode_chat_response(std::string_view body, const chat_names& names) {
    const auto parsed = payload::parse(body);
    if (!parsed) return bad_answer("is no JSON: " + parsed.error().message);
    const std::string_view whole = parsed->text();
    const auto choices = items_at(whole, "choices");
    if (choices.empty()) {
        if (text_at(whole, "error")) return std::unexpected(chat_error_of(200, whole));
        return bad_answer("has no choices");
    }
    const std::string_view choice = choices.front().text();
    if (const auto problem = text_at(choice, "error")) return std::unexpected(error_of(200, *problem));
    const std::string finish = string_at(choice, "finish_reason").value_or("");
    // Azure leaves the message out when its filter withheld it.
    const auto message =
        finish == "content_filter" ? text_at(choice, "message").value_or("{}") : text_at(choice, "message");
    if (!message || !message->starts_with('{')) return bad_answer("has no message");
    model_response response;
    for (const payload& call : items_at(*message, "tool_calls")) {
        if (response.calls.size() >= calls_max) return bad_answer("calls more than 1024 tools at once");
        AIVP_TRY(proposed_call made, call_of(call.text(), names));
        response.calls.push_back(std::move(made));
    }
    const auto content = content_at(*message, "content");
    const auto refusal = string_at(*message, "refusal").value_or("");
    if (content && (!content->empty() || response.calls.empty())) response.content = payload::of_string(*content);
    if (!refusal.empty()) response.content = payload::of_string(refusal);
    response.finish = finish_of(finish, !response.calls.empty(), !refusal.empty());
    if (const auto usage = text_at(whole, "usage")) response.usage = usage_of(*usage).value_or(token_usage{});
    return response;
}

void chat_stream::wrong(std::string what) {
    if (!failed_) failed_ = bad_answer(std::move(what)).error();
}

void chat_stream::event(std::string_view data) {
    if (failed_ || done_) return;
    if (data == "[DONE]") {
        done_ = true;
        finished_ = finished_ || any_;
        return;
    }
    bytes_ += data.size();
    if (bytes_ > json_bytes_max) return wrong("is larger than 64 MiB");
    const auto parsed = payload::parse(data);
    if (!parsed) return wrong("has an event that is no JSON: " + parsed.error().message);
    const std::string_view chunk = parsed->text();
    if (const auto problem = text_at(chunk, "error")) {
        failed_ = error_of(200, *problem);
        return;
    }
    if (const auto usage = text_at(chunk, "usage")) usage_ = usage_of(*usage).value_or(usage_);
    for (const payload& choice : items_at(chunk, "choices")) {
        if (count_at(choice.text(), "index").value_or(0) != 0) continue;
        any_ = true;
        if (const auto delta = text_at(choice.text(), "delta")) take_delta(*delta);
        if (const auto reason = string_at(choice.text(), "finish_reason"); reason && !reason->empty()) {
            finish_ = *reason;
            finished_ = true;
        }
    }
}

void chat_stream::take_delta(std::string_view delta) {
    if (const auto text = content_at(delta, "content")) {
        content_ += *text;
        has_content_ = true;
    }
    refusal_ += string_at(delta, "refusal").value_or("");
    std::size_t position = 0;
    for (const payload& call : items_at(delta, "tool_calls")) take_call(call.text(), position++);
}

void chat_stream::take_call(std::string_view call, std::size_t position) {
    const auto function = text_at(call, "function");
    const std::string id = string_at(call, "id").value_or("");
    const auto given = count_at(call, "index");
    const std::int64_t index = given.value_or(static_cast<std::int64_t>(position));
    auto found = std::ranges::find(calls_, index, &part::index);
    // Servers that number badly give each call its own id: a new id where there is one is a new call.
    if (found != calls_.end() && !id.empty() && !found->id.empty() && found->id != id)
        found = std::ranges::find(calls_, id, &part::id);
    if (found == calls_.end()) {
        if (calls_.size() >= calls_max) return wrong("calls more than 1024 tools at once");
        calls_.push_back({index, id, {}, {}, {}});
        found = calls_.end() - 1;
    }
    if (found->id.empty()) found->id = id;
    if (!function) return;
    if (const auto name = string_at(*function, "name"); name && found->name.empty()) found->name = *name;
    const auto arguments = text_at(*function, "arguments");
    if (!arguments) return;
    if (arguments->starts_with('"'))
        found->arguments += *string_at(*function, "arguments");
    else
        found->ready = payload::from_canonical(std::string(*arguments));
}

result<model_response> chat_stream::finish() {
    if (failed_) return std::unexpected(*failed_);
    if (!finished_) return fail(errc::model_unknown, "the model's answer was cut before its end");
    model_response response;
    for (part& call : calls_) {
        if (call.name.empty()) return bad_answer("calls a tool without naming it");
        response.calls.push_back({names_.from_wire(call.name), call.ready && call.arguments.empty()
                                                                   ? std::move(*call.ready)
                                                                   : arguments_of_text(call.arguments)});
    }
    if (has_content_ && (!content_.empty() || response.calls.empty())) response.content = payload::of_string(content_);
    if (!refusal_.empty()) response.content = payload::of_string(refusal_);
    response.finish = finish_of(finish_, !response.calls.empty(), !refusal_.empty());
    response.usage = usage_;
    return response;
}

} // namespace aivp
