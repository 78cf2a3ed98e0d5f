// Reads a short ASCII text from left to right, without regard to case and locale.
#pragma once

#include <cstddef>
#include <string_view>

namespace aivp::detail {

constexpr char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `lower` is in lower case.
constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view lower) {
    if (text.size() < lower.size()) return false;
    for (std::size_t i = 0; i < lower.size(); ++i)
        if (ascii_lower(text[i]) != lower[i]) return false;
    return true;
}
constexpr bool equal_ignoring_case(std::string_view text, std::string_view lower) {
    return text.size() == lower.size() && starts_with_ignoring_case(text, lower);
}

/// Without blanks and tabs at both ends.
constexpr std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

struct scanner {
    std::string_view rest;

    constexpr bool at_end() const { return rest.empty(); }
    constexpr char peek() const { return rest.empty() ? '\0' : rest.front(); }
    constexpr bool take(std::string_view lower) {
        if (!starts_with_ignoring_case(rest, lower)) return false;
        rest.remove_prefix(lower.size());
        return true;
    }
    /// Exactly `count` digits.
    constexpr bool take_digits(std::size_t count, int& value) {
        if (rest.size() < count) return false;
        value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (!is_digit(rest[i])) return false;
            value = value * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(count);
        return true;
    }
};

} // namespace aivp::detail
