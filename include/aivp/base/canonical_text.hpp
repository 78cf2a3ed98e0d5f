// Looking into canonical JSON without making payloads of its parts: no hash, no copy. The views live as long as the text.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace aivp {

/// The items of a canonical array, in order; empty when the text is no array.
std::vector<std::string_view> item_texts(std::string_view canonical_array);
/// The members of a canonical object in canonical order: the contents of the key's literal (still escaped) and the
/// value's text; empty when the text is no object.
std::vector<std::pair<std::string_view, std::string_view>> member_texts(std::string_view canonical_object);

} // namespace aivp
