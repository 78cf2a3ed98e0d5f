// Looking at text by bytes and by characters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/codec/yaml.hpp"

namespace aivp::internal {

/// Offset of the first byte that is not valid UTF-8 (overlong forms and surrogates are not).
std::optional<std::size_t> first_invalid_utf8(std::string_view text);
inline bool is_utf8(std::string_view text) { return !first_invalid_utf8(text); }
/// How many characters the text has; valid UTF-8.
std::size_t character_count(std::string_view text);

/// For a message: at most 60 bytes, without control characters.
std::string shown(std::string_view text);

/// Turns byte offsets into lines and columns; fast when they are asked for in ascending order.
class text_cursor {
public:
    explicit text_cursor(std::string_view text) : text_(text) {}
    /// An offset beyond the end counts as the end.
    text_place place_at(std::size_t offset);

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    text_place place_;
};

/// A JSON text as a tree. Strings are quoted scalars, everything else is plain.
std::optional<yaml_node> read_json_text(std::string_view text, const std::string& file, std::vector<error>& errors);

} // namespace aivp::internal
