// Reading the members of a log's document with the pointer of whatever is wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"

namespace aivp::sim::internal {

/// A value of a log and where it stands.
struct log_value {
    payload value;
    std::string pointer;
};

result<void> log_fault(const std::string& pointer, std::string message);

/// Null when absent.
log_value log_member(const log_value& object, std::string_view key);
std::vector<log_value> log_items(const log_value& array);
/// Errors: import.format when it is neither a string nor null (then nullopt).
result<std::optional<std::string>> log_text(const log_value& v);
result<std::string> log_required_text(const log_value& object, std::string_view key);

} // namespace aivp::sim::internal
