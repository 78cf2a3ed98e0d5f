// Values for the tests of model providers.
#pragma once

#include <string>
#include <string_view>

#include "aivp/kernel/model_call.hpp"
#include "runtime/providers/chat_codec.hpp"

namespace provider_test {

inline aivp::payload json(std::string_view text) { return aivp::payload::parse(text).value(); }

inline std::string name_of(aivp::errc code) { return std::string(aivp::info(code).name); }

/// The error's text, when there is one.
template <class T>
std::string why(const aivp::result<T>& r) {
    return r ? std::string() : to_string(r.error());
}

/// One line that says all of a response.
inline std::string summary(const aivp::model_response& r) {
    std::string text = r.finish + " " + std::string(r.content.text());
    for (const aivp::proposed_call& c : r.calls) text += " " + c.name + std::string(c.arguments.text());
    if (r.usage.reported)
        text += " " + std::to_string(r.usage.input) + "/" + std::to_string(r.usage.cached_input) + "/" +
                std::to_string(r.usage.output);
    return text;
}

inline std::string summary(const aivp::result<aivp::model_response>& r) {
    return r ? summary(*r) : name_of(r.error().code) + ": " + r.error().message;
}

} // namespace provider_test
