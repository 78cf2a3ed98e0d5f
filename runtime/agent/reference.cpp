#include "runtime/agent/internal/reference.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace aivp::internal {

namespace {

bool reference_is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

void reference_append_field(std::string& pointer, std::string_view field) {
    pointer += '/';
    for (const char c : field) {
        if (c == '~') {
            pointer += "~0";
        } else if (c == '/') {
            pointer += "~1";
        } else {
            pointer += c;
        }
    }
}

std::unexpected<error> reference_fault(std::string_view text, std::size_t offset, std::string message,
                                       std::string help) {
    return fail(errc::config_value, std::move(message), {{}, 1, column_of(text, offset)}, std::move(help));
}

std::unexpected<error> reference_bad_char(std::string_view text, std::size_t offset) {
    const char c = text[offset];
    if (c == '[') {
        return reference_fault(text, offset, "a reference has no brackets", "Write items.0 instead of items[0].");
    }
    if (c == '{' || c == '$') {
        return reference_fault(text, offset, "a reference inside a reference",
                               "Write ${step.field} or {{step.field}}; for the literal text write $${ or {{{{.");
    }
    if (reference_is_blank(c)) return reference_fault(text, offset, "a blank inside a reference", "Remove it.");
    const auto byte = static_cast<unsigned char>(c);
    std::string shown = byte < 0x20 || byte == 0x7f ? "a control character" : std::string{'"', c, '"'};
    return reference_fault(text, offset, std::move(shown) + " cannot stand in a reference",
                           "Write a name and fields joined by dots: ${step.field}.");
}

} // namespace

bool is_reference_char(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) return true;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
    return std::string_view("_-@:/~+#%").find(c) != std::string_view::npos;
}

std::uint32_t column_of(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
    return static_cast<std::uint32_t>(std::count_if(before.begin(), before.end(), is_first_byte)) + 1;
}

result<value_reference> parse_reference(std::string_view text, std::size_t begin, std::size_t end,
                                        const name_resolver& resolve) {
    while (begin < end && reference_is_blank(text[begin])) ++begin;
    while (end > begin && reference_is_blank(text[end - 1])) --end;
    const std::string_view body = text.substr(begin, end - begin);
    if (body.empty())
        return reference_fault(text, begin, "an empty reference", "Name a step or the trigger: ${step.field}.");
    if (body.size() > reference_bytes_max) {
        return reference_fault(text, begin, "a reference of " + std::to_string(body.size()) + " bytes",
                               "Keep references below " + std::to_string(reference_bytes_max) + " bytes.");
    }

    value_reference reference;
    reference.text = body;
    std::string_view name;
    for (std::size_t at = 0; at <= body.size();) {
        std::size_t stop = at;
        while (stop < body.size() && is_reference_char(body[stop])) ++stop;
        if (stop < body.size() && body[stop] != '.') return reference_bad_char(text, begin + stop);
        if (stop == at) {
            return reference_fault(text, begin + at, "an empty field in the reference \"" + std::string(body) + "\"",
                                   "Remove the dot, or name the field after it.");
        }
        const std::string_view field = body.substr(at, stop - at);
        if (at == 0) {
            name = field;
        } else {
            reference_append_field(reference.pointer, field);
        }
        at = stop + 1;
    }
    const std::optional<std::uint32_t> source = resolve(name);
    if (!source) {
        auto fault =
            fail(errc::config_reference, "\"" + std::string(name) + "\" is neither the trigger nor an earlier step",
                 {{}, 1, column_of(text, begin)});
        fault.error().context.emplace_back("name", name);
        return fault;
    }
    reference.source = *source;
    return reference;
}

std::optional<std::uint32_t> intern_reference(std::vector<value_reference>& references, value_reference reference) {
    const auto same = [&](const value_reference& r) {
        return r.source == reference.source && r.pointer == reference.pointer;
    };
    const auto found = std::find_if(references.begin(), references.end(), same);
    const auto index = static_cast<std::uint32_t>(found - references.begin());
    if (found != references.end()) return index;
    if (references.size() >= references_max) return std::nullopt;
    references.push_back(std::move(reference));
    return index;
}

std::optional<std::string_view> find_value(const value_reference& reference, const value_lookup& lookup) {
    const payload* source = lookup(reference.source);
    if (source == nullptr) return std::nullopt;
    return pointer_text(source->text(), reference.pointer);
}

result<std::string_view> read_value(const value_reference& reference, const value_lookup& lookup) {
    const std::optional<std::string_view> value = find_value(reference, lookup);
    if (value) return *value;
    const bool ran = lookup(reference.source) != nullptr;
    auto fault = fail(errc::run_reference,
                      "${" + reference.text + "} has no value: " +
                          (ran ? "what it refers to has no such field" : "the step that it refers to did not run"),
                      {},
                      ran ? "Check what the earlier step returned, or ask exists(" + reference.text + ") in `when`."
                          : "Let the step run under the same condition as the one that it refers to.");
    fault.error().context.emplace_back("reference", reference.text);
    return fault;
}

} // namespace aivp::internal
