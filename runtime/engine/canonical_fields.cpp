#include "runtime/engine/internal/canonical_fields.hpp"

#include <charconv>
#include <limits>
#include <system_error>

namespace aivp {

std::string_view canonical_fields::text(std::string_view key) {
    const auto found = member_text(object_, key);
    if (found) return *found;
    wrong(key);
    return "null";
}

std::int64_t canonical_fields::integer(std::string_view key) {
    const std::string_view digits = text(key);
    std::int64_t value = 0;
    const auto [stop, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (ec == std::errc{} && stop == digits.data() + digits.size()) return value;
    wrong(key);
    return 0;
}

std::uint64_t canonical_fields::count(std::string_view key) {
    const std::int64_t value = integer(key);
    if (value < 0) wrong(key);
    return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

std::uint32_t canonical_fields::small(std::string_view key) {
    const std::uint64_t value = count(key);
    if (value > std::numeric_limits<std::uint32_t>::max()) wrong(key);
    return static_cast<std::uint32_t>(value);
}

std::string canonical_fields::string(std::string_view key) {
    const auto value = as_string(payload::from_canonical(std::string(text(key))));
    if (!value) wrong(key);
    return value.value_or("");
}

bool canonical_fields::boolean(std::string_view key) {
    const std::string_view value = text(key);
    if (value != "true" && value != "false") wrong(key);
    return value == "true";
}

digest canonical_fields::hash(std::string_view key) {
    const auto value = parse_digest(string(key));
    if (!value) wrong(key);
    return value.value_or(digest{});
}

effect_key canonical_fields::key(std::string_view key) {
    const auto value = parse_effect_key(string(key));
    if (!value) wrong(key);
    return value.value_or(effect_key{});
}

errc canonical_fields::code_or_ok(std::string_view key) {
    if (!has(key)) return errc::ok;
    const error_info* known = find_error(string(key));
    if (!known) wrong(key);
    return known ? known->code : errc::internal_bug;
}

model_response read_model_response(std::string_view object, std::string& fault) {
    const auto note = [&fault](const canonical_fields& part) {
        if (fault.empty()) fault = part.fault();
    };
    canonical_fields f(object);
    model_response r{.content = f.value("content"), .calls = {}, .finish = f.string("finish"), .usage = {}};
    for (const std::string_view item : item_texts(f.text("calls"))) {
        canonical_fields call(item);
        r.calls.push_back({call.string("name"), call.value("args")});
        note(call);
    }
    canonical_fields usage(f.text("usage"));
    r.usage = {.input = usage.integer("input"),
               .output = usage.integer("output"),
               .cached_input = usage.integer("cached_input"),
               .reported = usage.boolean("reported")};
    note(usage);
    note(f);
    return r;
}

} // namespace aivp
