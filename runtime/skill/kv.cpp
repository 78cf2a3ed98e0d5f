#include "aivp/skill/kv.hpp"

#include <limits>

#include "aivp/skill/fields.hpp"

namespace aivp {
namespace {

constexpr std::int64_t kv_most = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kv_key_bytes_max = 200;

std::string read_key(field_reader& in) {
    std::string key = in.text("key");
    if (in.ok() && (key.empty() || key.size() > kv_key_bytes_max))
        in.refuse("key", errc::config_value, "must have 1 to " + std::to_string(kv_key_bytes_max) + " bytes");
    return key;
}

result<void> check_version(const std::string& key, const std::optional<kv_entry>& present,
                           std::optional<std::int64_t> wanted) {
    const std::int64_t version = present ? present->version : 0;
    if (!wanted || *wanted == version) return {};
    return std::unexpected(
        error{errc::skill_conflict,
              "kv: \"" + key + "\" has version " + std::to_string(version) + ", not " + std::to_string(*wanted),
              {},
              {},
              {{"version", std::to_string(version)}}});
}

// Members of the answers below stand in canonical order.

result<payload> get_value(const payload& arguments, kv_space& space, std::string& target) {
    field_reader in(arguments, field_origin::request);
    target = read_key(in);
    AIVP_CHECK(in.done());
    AIVP_TRY(const auto present, space.find(target));
    if (!present) return payload::from_canonical(R"({"found":false,"value":null})");
    std::string out = R"({"found":true,"value":)";
    out.append(present->value.text()).append(",\"version\":").append(std::to_string(present->version));
    return payload::from_canonical(out + '}');
}

result<payload> set_value(const payload& arguments, kv_space& space, std::string& target) {
    field_reader in(arguments, field_origin::request);
    target = read_key(in);
    const payload value = in.value("value");
    const auto wanted = in.maybe_integer("if_version", 0, kv_most);
    AIVP_CHECK(in.done());
    AIVP_TRY(const auto present, space.find(target));
    AIVP_CHECK(check_version(target, present, wanted));
    AIVP_TRY(const std::int64_t version, space.put(target, value));
    std::string out = R"({"previous":)";
    out.append(present ? present->value.text() : "null").append(",\"version\":").append(std::to_string(version));
    return payload::from_canonical(out + '}');
}

result<payload> delete_value(const payload& arguments, kv_space& space, std::string& target) {
    field_reader in(arguments, field_origin::request);
    target = read_key(in);
    const auto wanted = in.maybe_integer("if_version", 0, kv_most);
    AIVP_CHECK(in.done());
    AIVP_TRY(const auto present, space.find(target));
    AIVP_CHECK(check_version(target, present, wanted));
    if (present) AIVP_CHECK(space.erase(target));
    return payload::from_canonical(present ? R"({"deleted":true})" : R"({"deleted":false})");
}

result<payload> increment_value(const payload& arguments, kv_space& space, std::string& target) {
    field_reader in(arguments, field_origin::request);
    target = read_key(in);
    const std::int64_t by = in.integer_or("by", 1, -kv_most, kv_most);
    AIVP_CHECK(in.done());
    AIVP_TRY(const auto present, space.find(target));
    const auto before = present ? as_integer(present->value) : std::optional<std::int64_t>(0);
    if (!before)
        return fail(errc::skill_conflict,
                    "kv: \"" + target + "\" holds " + std::string(json_kind(present->value)) + ", not an integer");
    std::int64_t after = 0;
    if (__builtin_add_overflow(*before, by, &after))
        return fail(errc::skill_conflict, "kv: \"" + target + "\" would overflow");
    AIVP_TRY(const std::int64_t version, space.put(target, payload::of_integer(after)));
    return payload::from_canonical("{\"value\":" + std::to_string(after) + ",\"version\":" + std::to_string(version) +
                                   '}');
}

result<payload> list_keys(const payload& arguments, kv_space& space, std::string& target) {
    field_reader in(arguments, field_origin::request);
    target = in.text_or("prefix", "");
    AIVP_CHECK(in.done());
    AIVP_TRY(const auto found, space.keys(target));
    std::string out = "{\"count\":" + std::to_string(found.size()) + ",\"keys\":[";
    for (const std::string& key : found) {
        if (out.back() != '[') out += ',';
        append_json_string(out, key);
    }
    return payload::from_canonical(out + "]}");
}

} // namespace

const std::vector<std::string>& kv_operations() {
    static const std::vector<std::string> names{"delete", "get", "incr", "list", "set"};
    return names;
}

bool kv_writes(std::string_view operation) {
    return operation == "set" || operation == "delete" || operation == "incr";
}

result<payload> perform_kv(std::string_view operation, const payload& arguments, kv_space& space, std::string& target) {
    if (operation == "get") return get_value(arguments, space, target);
    if (operation == "set") return set_value(arguments, space, target);
    if (operation == "delete") return delete_value(arguments, space, target);
    if (operation == "incr") return increment_value(arguments, space, target);
    if (operation == "list") return list_keys(arguments, space, target);
    return std::unexpected(unknown_operation("kv", operation, kv_operations()));
}

} // namespace aivp
