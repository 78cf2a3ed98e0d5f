// Text helpers that know ASCII only and leave every other byte alone.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace aivp {

inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string ascii_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = ascii_lower(c);
    return out;
}
inline bool ascii_digit(char c) { return c >= '0' && c <= '9'; }
/// `lower` is in lower case already.
inline bool contains_ignoring_case(std::string_view text, std::string_view lower) {
    return std::ranges::search(text, lower, {}, [](char c) { return ascii_lower(c); }).begin() != text.end() ||
           lower.empty();
}

} // namespace aivp
