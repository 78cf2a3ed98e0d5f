// A look into JSON text that is known to be valid: members in place, and where in a line a value stands. White space is
// allowed, because a tape may have been edited by hand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

namespace aivp::internal {

struct tape_member {
    std::string_view key; ///< contents of the literal, still escaped
    std::string_view value;
    std::size_t key_offset = 0; ///< of the quote, in the scanned text
    std::size_t value_offset = 0;
};

/// Members of an object in order of appearance; empty when `text` is no object.
std::vector<tape_member> tape_scan_members(std::string_view text);
/// Items of an array; empty when `text` is no array.
std::vector<std::string_view> tape_scan_items(std::string_view text);
/// Byte offset of the value that `pointer` (RFC 6901) names. When the last steps of the pointer lead nowhere: of the
/// nearest value above.
std::size_t tape_locate(std::string_view text, std::string_view pointer);
/// Byte offset of the key at the end of `pointer`, or of the nearest value above.
std::size_t tape_locate_key(std::string_view text, std::string_view pointer);

/// The place of a byte of `text`, whose first line has the number `first_line`. Columns count characters.
source_pos tape_position(const std::string& file, std::string_view text, std::size_t offset, std::uint32_t first_line);

} // namespace aivp::internal
