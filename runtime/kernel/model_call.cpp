#include "aivp/kernel/model_call.hpp"

#include <utility>

#include "aivp/kernel/envelope.hpp"

namespace aivp {

digest request_key(const history& messages, const payload& tools, const payload& params, std::string_view model) {
    std::string material;
    material.reserve(96 + model.size());
    material += messages.chain().view();
    material += tools.hash().view();
    material += params.hash().view();
    material += model;
    return sha256(material);
}

payload assistant_message(const model_response& response, std::uint64_t first_call_ordinal) {
    std::string json = "{";
    if (!response.calls.empty()) {
        json += "\"calls\":[";
        std::uint64_t ordinal = first_call_ordinal;
        for (const proposed_call& call : response.calls) {
            if (ordinal != first_call_ordinal) json += ',';
            json += "{\"args\":";
            json += call.arguments.text();
            json += ",\"id\":\"";
            json += call_name(ordinal++);
            json += "\",\"name\":";
            append_json_string(json, call.name);
            json += '}';
        }
        json += "],";
    }
    if (!response.content.is_null()) {
        json += "\"content\":";
        json += response.content.text();
        json += ',';
    }
    json += "\"role\":\"assistant\"}";
    return payload::from_canonical(std::move(json));
}

const char* to_string(input_source s) {
    switch (s) {
    case input_source::host: return "host";
    case input_source::operator_: return "operator";
    case input_source::model: return "model";
    case input_source::connector: return "connector";
    case input_source::user: return "user";
    case input_source::timer: return "timer";
    case input_source::schedule: return "schedule";
    case input_source::event_bus: return "event_bus";
    }
    return "host";
}

} // namespace aivp
