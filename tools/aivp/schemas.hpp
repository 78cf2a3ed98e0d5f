// The files of schemas/, compiled in.
#pragma once

#include <span>
#include <string_view>

namespace aivp::tools {

struct published_schema {
    std::string_view name; ///< "agent"
    std::string_view text;
};
/// By name, ascending.
std::span<const published_schema> published_schemas();

} // namespace aivp::tools
