#pragma once

#include <span>
#include <string_view>

namespace aivp::schema_internal {

struct metaschema {
    std::string_view uri; ///< without fragment
    std::string_view text;
};

std::span<const metaschema> metaschemas();

} // namespace aivp::schema_internal
