// Secrets by name: {"$secret":"mail_token"} stands for a value that only the driver sees, for the length of one call.
// Such a reference may stand in the `fixed` arguments of a binding and nowhere else.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp {

/// Whether a reference, or anything that begins like one, stands anywhere in the value.
bool has_secret_reference(const payload& value);
/// Where the references stand, as JSON pointers, in document order.
std::vector<std::string> secret_reference_pointers(const payload& value);
/// Is `pointer` at or below one of `pointers`?
bool is_below(std::string_view pointer, const std::vector<std::string>& pointers);
/// Is `pointer` at or below a place that one of `patterns` marks? In a pattern `*` is every item or member.
bool is_below_pattern(std::string_view pointer, const std::vector<std::string>& patterns);
/// The value with every reference replaced by the JSON string that `reveal` gives for its name. Errors: those of `reveal`;
/// secret.unavailable for a reference that is malformed.
result<payload> with_secrets(const payload& value,
                             const std::function<result<std::string>(std::string_view name)>& reveal);

} // namespace aivp
