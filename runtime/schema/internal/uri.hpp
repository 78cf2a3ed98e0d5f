// Just enough of RFC 3986 to resolve `$id` and `$ref`.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace aivp::schema_internal {

/// The parts before and after the first '#'.
std::pair<std::string_view, std::string_view> split_fragment(std::string_view reference);
/// RFC 3986 §5.2. `base` has no fragment and may be empty: then the reference stands as it is. The result has no fragment.
std::string resolve_uri(std::string_view base, std::string_view reference);
/// %XX decoded; a '%' without two hex digits stands for itself.
std::string percent_decode(std::string_view text);

} // namespace aivp::schema_internal
