#include "runtime/tape/internal/tape_fields.hpp"

#include <charconv>

namespace aivp::internal {

std::string_view tape_type_name(std::string_view canonical) {
    switch (canonical.empty() ? 'n' : canonical.front()) {
    case '{': return "an object";
    case '[': return "an array";
    case '"': return "a string";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
    }
}

tape_fields::tape_fields(std::string_view text, std::string pointer, std::string what, tape_fault& fault)
    : pointer_(std::move(pointer)),
      what_(std::move(what)),
      fault_(fault),
      members_(tape_scan_members(text)),
      seen_(members_.size(), false) {
    if (!text.starts_with('{'))
        fault_.report(errc::tape_format, pointer_,
                      what_ + " must be an object, not " + std::string(tape_type_name(text)));
}

std::optional<std::string_view> tape_fields::find(std::string_view key) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].key != key) continue;
        seen_[i] = true;
        return members_[i].value;
    }
    return std::nullopt;
}

std::string_view tape_fields::required(std::string_view key) {
    if (const auto value = find(key)) return *value;
    fault_.report(errc::tape_format, pointer_, what_ + " lacks \"" + std::string(key) + "\"");
    return "null";
}

std::string tape_fields::string_at(std::string_view key, std::string_view value) {
    if (value.starts_with('"')) {
        if (value.find('\\') == std::string_view::npos) return std::string(value.substr(1, value.size() - 2));
        return *as_string(payload::from_canonical(std::string(value)));
    }
    fault_.report(errc::tape_format, pointer_of(key),
                  "\"" + std::string(key) + "\" must be a string, not " + std::string(tape_type_name(value)));
    return {};
}

std::string tape_fields::text(std::string_view key) {
    const std::string_view value = required(key);
    return fault_.set ? std::string() : string_at(key, value);
}

std::string tape_fields::text_or(std::string_view key, std::string_view otherwise) {
    const auto value = find(key);
    return value ? string_at(key, *value) : std::string(otherwise);
}

std::int64_t tape_fields::integer(std::string_view key) {
    const std::string_view value = required(key);
    std::int64_t number = 0;
    const auto [stop, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (ec == std::errc{} && stop == value.data() + value.size()) return number;
    fault_.report(errc::tape_format, pointer_of(key), "\"" + std::string(key) + "\" must be an integer");
    return 0;
}

bool tape_fields::flag_or(std::string_view key, bool otherwise) {
    const auto value = find(key);
    if (!value) return otherwise;
    if (*value == "true") return true;
    if (*value == "false") return false;
    fault_.report(errc::tape_format, pointer_of(key), "\"" + std::string(key) + "\" must be true or false");
    return otherwise;
}

std::size_t tape_fields::word_index(std::string_view key, const std::vector<std::string_view>& words) {
    const std::string found = text(key);
    if (fault_.set) return 0;
    std::string known;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == found) return i;
        known += (known.empty() ? "" : ", ") + std::string(words[i]);
    }
    fault_.report(errc::tape_format, pointer_of(key),
                  "\"" + std::string(key) + "\" is \"" + found + "\"; known: " + known);
    return 0;
}

void tape_fields::finish() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (seen_[i]) continue;
        const std::string key(members_[i].key);
        fault_.report(errc::tape_format, pointer_of(key), what_ + " has no member \"" + key + "\"", true);
    }
}

} // namespace aivp::internal
