// Writing YAML that every YAML reader understands in the same way: block style, every string in double quotes.
#pragma once

#include <string>
#include <string_view>

#include "aivp/base/payload.hpp"

namespace aivp::sim::internal {

/// A double-quoted scalar; line breaks and what YAML does not print are escaped. `text` is valid UTF-8.
void append_yaml_string(std::string& out, std::string_view text);
std::string yaml_string(std::string_view text);
/// `value` after "key:" or "-", indented by `indent` spaces where it takes lines of its own; ends with a line break.
void append_yaml_value(std::string& out, const payload& value, std::size_t indent);

} // namespace aivp::sim::internal
