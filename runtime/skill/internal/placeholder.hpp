#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace aivp::internal {

/// `name` with everything but ASCII letters, digits and _ . - replaced by _.
std::string placeholder_name(std::string_view name);

/// "⟦secret:name#number⟧".
std::string placeholder(std::string_view clean_name, std::size_t number);

} // namespace aivp::internal
