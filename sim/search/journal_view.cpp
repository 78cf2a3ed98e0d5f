#include "sim/search/journal_view.hpp"

#include <charconv>

namespace aivp::sim {

std::int64_t number_of(std::string_view canonical_object, std::string_view key) {
    const auto text = member_text(canonical_object, key);
    std::int64_t n = 0;
    if (text) std::from_chars(text->data(), text->data() + text->size(), n);
    return n;
}

std::int64_t event_view::number(std::string_view key) const { return number_of(whole.text(), key); }

std::string event_view::text(std::string_view key) const {
    const auto value = member(whole, key);
    return value ? as_string(*value).value_or("") : "";
}

record_view view_of(std::string_view line) {
    record_view out;
    const auto parsed = payload::parse(line);
    if (!parsed) return out;
    out.correlation = number_of(line, "correlation");
    if (const auto input = member(*parsed, "input")) {
        out.told = *input;
        if (const auto type = member(*input, "type")) out.input = as_string(*type).value_or("");
    }
    const auto events = member(*parsed, "events");
    if (!events) return out;
    for (payload& e : items(*events)) {
        const auto type = member(e, "type");
        out.events.push_back({type ? as_string(*type).value_or("") : "", std::move(e)});
    }
    return out;
}

} // namespace aivp::sim
