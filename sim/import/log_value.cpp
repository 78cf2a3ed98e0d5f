#include "sim/import/internal/log_value.hpp"

namespace aivp::sim::internal {

result<void> log_fault(const std::string& pointer, std::string message) {
    error e{errc::import_format, std::move(message), {}, {}, {{"pointer", pointer}}};
    return std::unexpected(std::move(e));
}

log_value log_member(const log_value& object, std::string_view key) {
    return {member(object.value, key).value_or(payload()), object.pointer + "/" + std::string(key)};
}

std::vector<log_value> log_items(const log_value& array) {
    std::vector<log_value> out;
    std::size_t index = 0;
    for (payload& item : items(array.value))
        out.push_back({std::move(item), array.pointer + "/" + std::to_string(index++)});
    return out;
}

result<std::optional<std::string>> log_text(const log_value& v) {
    if (v.value.is_null()) return std::optional<std::string>();
    if (auto text = as_string(v.value)) return text;
    return std::unexpected(log_fault(v.pointer, "a string is expected here").error());
}

result<std::string> log_required_text(const log_value& object, std::string_view key) {
    const log_value v = log_member(object, key);
    if (auto text = as_string(v.value)) return std::move(*text);
    return std::unexpected(
        log_fault(v.value.is_null() ? object.pointer : v.pointer, "\"" + std::string(key) + "\" must be a string")
            .error());
}

} // namespace aivp::sim::internal
