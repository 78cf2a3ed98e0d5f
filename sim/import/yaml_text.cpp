#include "sim/import/internal/yaml_text.hpp"

#include <algorithm>

namespace aivp::sim::internal {

namespace {

bool yaml_is_plain_key(std::string_view key) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto word = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
    if (key.empty() || !letter(key.front()) || !std::all_of(key.begin(), key.end(), word)) return false;
    std::string lower(key);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    constexpr std::string_view other_meanings[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    return std::find(std::begin(other_meanings), std::end(other_meanings), lower) == std::end(other_meanings);
}

void yaml_append_key(std::string& out, std::string_view key) {
    if (yaml_is_plain_key(key))
        out += key;
    else
        append_yaml_string(out, key);
    out += ':';
}

} // namespace

void append_yaml_string(std::string& out, std::string_view text) {
    std::string literal;
    append_json_string(literal, text);
    for (std::size_t i = 0; i < literal.size(); ++i) {
        const std::string_view rest = std::string_view(literal).substr(i);
        if (rest.front() == '\x7F') {
            out += "\\x7f";
        } else if (rest.starts_with("\xC2") && rest.size() > 1 && static_cast<unsigned char>(rest[1]) < 0xA0) {
            constexpr std::string_view digits = "0123456789abcdef";
            const auto c = static_cast<unsigned char>(rest[1]);
            out += "\\x";
            out += digits[c >> 4];
            out += digits[c & 15u];
            ++i;
        } else if (rest.starts_with("\xE2\x80\xA8") || rest.starts_with("\xE2\x80\xA9")) {
            out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
            i += 2;
        } else if (rest.starts_with("\xEF\xBB\xBF")) {
            out += "\\ufeff";
            i += 2;
        } else if (rest.starts_with("\xEF\xBF\xBE") || rest.starts_with("\xEF\xBF\xBF")) {
            out += rest[2] == '\xBE' ? "\\ufffe" : "\\uffff";
            i += 2;
        } else {
            out += rest.front();
        }
    }
}

std::string yaml_string(std::string_view text) {
    std::string out;
    append_yaml_string(out, text);
    return out;
}

void append_yaml_value(std::string& out, const payload& value, std::size_t indent) {
    const std::string margin(indent, ' ');
    if (value.is_object() && value.text() != "{}") {
        out += '\n';
        for (const auto& [key, item] : members(value)) {
            out += margin;
            yaml_append_key(out, key);
            append_yaml_value(out, item, indent + 2);
        }
        return;
    }
    if (value.is_array() && value.text() != "[]") {
        out += '\n';
        for (const payload& item : items(value)) {
            out += margin + "-";
            append_yaml_value(out, item, indent + 2);
        }
        return;
    }
    out += ' ';
    if (value.is_string())
        append_yaml_string(out, *as_string(value));
    else
        out += value.text();
    out += '\n';
}

} // namespace aivp::sim::internal
