#pragma once

#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp::internal {

/// The canonical form of any JSON text; the contract is that of payload::parse.
result<std::string> canonicalise_json(std::string_view text);

} // namespace aivp::internal
