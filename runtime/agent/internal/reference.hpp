#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "aivp/agent/template.hpp"

namespace aivp::internal {

/// A character (or a byte of one) that names and fields of references may hold.
bool is_reference_char(char c);

/// 1-based column of the byte at `offset`, counted in characters of `text`.
std::uint32_t column_of(std::string_view text, std::size_t offset);

/// Reads text[begin, end) as a reference; blanks around it are allowed. Errors: config.value, config.reference, with the
/// column in `text`.
result<value_reference> parse_reference(std::string_view text, std::size_t begin, std::size_t end,
                                        const name_resolver& resolve);

/// Index of `reference` in `references`, added when it is new; nullopt when there are references_max already.
std::optional<std::uint32_t> intern_reference(std::vector<value_reference>& references, value_reference reference);

/// The canonical text of the value that is there now; nullopt when the step did not run or has no such field. It lives as
/// long as the payload that `lookup` points to.
std::optional<std::string_view> find_value(const value_reference& reference, const value_lookup& lookup);

/// The same, or run.reference.
result<std::string_view> read_value(const value_reference& reference, const value_lookup& lookup);

} // namespace aivp::internal
