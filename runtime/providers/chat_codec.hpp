// The wire form of OpenAI's Chat Completions, which many servers speak, as pure functions. Sources: OpenAI's openapi.json 2.3
// (/chat/completions); recorded answers of OpenAI, Azure, OpenRouter, Groq, Mistral, DeepSeek and others, which differ from it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/kernel/model_call.hpp"

namespace aivp {

/// Which of the spellings in use a server understands.
struct chat_dialect {
    bool stream = false;
    bool asks_stream_usage = true;                    ///< sends stream_options.include_usage
    std::string tokens_key = "max_completion_tokens"; ///< older servers: "max_tokens"
    friend bool operator==(const chat_dialect&, const chat_dialect&) = default;
};

/// Names of tools on the wire are letters, digits, "_" and "-", at most 64; those of bindings may have dots as well.
class chat_names {
public:
    chat_names() = default;
    explicit chat_names(const payload& tools);

    /// What stands for the binding's name on the wire; names that are no tool's are made to fit.
    std::string to_wire(std::string_view name) const;
    /// The binding's name; what was never offered stays as it is.
    std::string from_wire(std::string_view name) const;

private:
    std::map<std::string, std::string, std::less<>> wire_by_name_;
    std::map<std::string, std::string, std::less<>> name_by_wire_;
};

/// The body of a request. Call ids "call#3" become "call_3". Params: temperature_milli and max_output_tokens are translated,
/// all others are sent as they are. Errors: json.type for a history or a tool list of another form than model_call.hpp says.
result<std::string> encode_chat_request(const model_request& request, const chat_names& names,
                                        const chat_dialect& dialect);

/// One whole answer. Arguments that are no JSON stay as a JSON string, missing ones are {}; a refusal is content with finish
/// "refusal"; without usable counts usage.reported is false. Errors: model.invalid_response (not JSON, or not of the form),
/// and those of chat_error_of() when the body is an error.
result<model_response> decode_chat_response(std::string_view body, const chat_names& names);

/// What an error answer means: model.rate_limited (429), model.context_length, model.content_filter, secret.unavailable (401:
/// the key is refused), model.failed (408, 409, 5xx and what is not known), http.protocol (3xx), model.invalid_response (other 4xx).
/// The message is the server's own, cut to 500 bytes.
error chat_error_of(int status, std::string_view body);

/// Puts an answer together from the events of a stream.
class chat_stream {
public:
    explicit chat_stream(const chat_names& names) : names_(names) {}

    /// The data of one event. After "[DONE]" nothing is looked at. The first thing that is wrong is kept for finish().
    void event(std::string_view data);
    /// The answer is complete: a finish reason or [DONE] has come.
    bool is_complete() const { return finished_; }
    bool is_failed() const { return failed_.has_value(); }
    /// Errors: model.unknown (cut before its end), model.invalid_response, those of chat_error_of().
    result<model_response> finish();

private:
    struct part {
        std::int64_t index = 0;
        std::string id;
        std::string name;
        std::string arguments;
        std::optional<payload> ready; ///< arguments that came as JSON instead of text
    };
    void take_delta(std::string_view delta);
    void take_call(std::string_view call, std::size_t position);
    void wrong(std::string what);

    const chat_names& names_;
    std::string content_;
    std::string refusal_;
    bool has_content_ = false;
    std::vector<part> calls_;
    std::string finish_;
    token_usage usage_;
    std::size_t bytes_ = 0;
    bool any_ = false;
    bool finished_ = false;
    bool done_ = false;
    std::optional<error> failed_;
};

} // namespace aivp
