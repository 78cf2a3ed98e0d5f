#include "mocks/kv.hpp"

#include <limits>
#include <utility>

#include "mocks/internal/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

constexpr std::int64_t kv_most = std::numeric_limits<std::int64_t>::max();

std::string_view space_of(const mock_request& request) { return request.space.empty() ? request.agent : request.space; }

result<void> kv_check_version(const std::string& key, const kv_entry* present, std::optional<std::int64_t> wanted) {
    const std::int64_t version = present ? present->version : 0;
    if (!wanted || *wanted == version) return {};
    return std::unexpected(
        error{errc::mock_conflict,
              "kv: \"" + key + "\" has version " + std::to_string(version) + ", not " + std::to_string(*wanted),
              {},
              {},
              {{"version", std::to_string(version)}}});
}

void kv_check_key(field_reader& in, const std::string& key) {
    if (in.ok() && (key.empty() || key.size() > 200)) in.refuse("key", errc::config_value, "must have 1 to 200 bytes");
}

} // namespace

const std::vector<std::string>& kv_mock::operations() const {
    static const std::vector<std::string> names{"delete", "get", "incr", "list", "set"};
    return names;
}

result<payload> kv_mock::perform(const mock_request& request, std::string& target) {
    if (request.operation == "get") return get(request, target);
    if (request.operation == "set") return set(request, target);
    if (request.operation == "delete") return remove(request, target);
    if (request.operation == "incr") return increment(request, target);
    if (request.operation == "list") return list(request, target);
    return unknown_operation(*this, request);
}

const kv_entry* kv_mock::find(std::string_view space, const std::string& key) const {
    const auto of_agent = state_.agents.find(std::string(space));
    if (of_agent == state_.agents.end()) return nullptr;
    const auto found = of_agent->second.find(key);
    return found == of_agent->second.end() ? nullptr : &found->second;
}

result<payload> kv_mock::get(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("key");
    kv_check_key(in, target);
    AIVP_CHECK(in.done());
    const kv_entry* const present = find(space_of(request), target);
    object_writer out;
    out.boolean("found", present != nullptr).value("value", present ? present->value : payload());
    if (present) out.integer("version", present->version);
    return out.build();
}

result<payload> kv_mock::set(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("key");
    kv_check_key(in, target);
    payload value = in.value("value");
    const auto wanted = in.maybe_integer("if_version", 0, kv_most);
    AIVP_CHECK(in.done());
    const kv_entry* const present = find(space_of(request), target);
    AIVP_CHECK(kv_check_version(target, present, wanted));
    const payload previous = present ? present->value : payload();
    state_.agents[std::string(space_of(request))].insert_or_assign(target,
                                                                   kv_entry{std::move(value), ++state_.revision});
    return object_writer().value("previous", previous).integer("version", state_.revision).build();
}

result<payload> kv_mock::remove(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("key");
    kv_check_key(in, target);
    const auto wanted = in.maybe_integer("if_version", 0, kv_most);
    AIVP_CHECK(in.done());
    const kv_entry* const present = find(space_of(request), target);
    AIVP_CHECK(kv_check_version(target, present, wanted));
    if (present) {
        ++state_.revision;
        const auto of_agent = state_.agents.find(std::string(space_of(request)));
        of_agent->second.erase(target);
        if (of_agent->second.empty()) state_.agents.erase(of_agent);
    }
    return object_writer().boolean("deleted", present != nullptr).build();
}

result<payload> kv_mock::increment(const mock_request& request, std::string& target) {
    field_reader in(request.arguments, field_origin::request);
    target = in.text("key");
    kv_check_key(in, target);
    const std::int64_t by = in.integer_or("by", 1, -kv_most, kv_most);
    AIVP_CHECK(in.done());
    const kv_entry* const present = find(space_of(request), target);
    const auto before = present ? as_integer(present->value) : std::optional<std::int64_t>(0);
    std::int64_t after = 0;
    if (!before)
        return fail(errc::mock_conflict,
                    "kv: \"" + target + "\" holds " + std::string(json_kind(present->value)) + ", not an integer");
    if (__builtin_add_overflow(*before, by, &after))
        return fail(errc::mock_conflict, "kv: \"" + target + "\" would overflow");
    state_.agents[std::string(space_of(request))].insert_or_assign(
        target, kv_entry{payload::of_integer(after), ++state_.revision});
    return object_writer().integer("value", after).integer("version", state_.revision).build();
}

result<payload> kv_mock::list(const mock_request& request, std::string& target) const {
    field_reader in(request.arguments, field_origin::request);
    target = in.text_or("prefix", "");
    AIVP_CHECK(in.done());
    std::vector<std::string> found;
    const auto of_agent = state_.agents.find(std::string(space_of(request)));
    if (of_agent != state_.agents.end())
        for (auto at = of_agent->second.lower_bound(target);
             at != of_agent->second.end() && at->first.starts_with(target); ++at)
            found.push_back(at->first);
    return object_writer().texts("keys", found).integer("count", static_cast<std::int64_t>(found.size())).build();
}

result<void> kv_mock::seed(const payload& state, std::string at) {
    field_reader in(state, field_origin::seed, at);
    kv_state next;
    const auto agents = in.map("agents");
    const auto values = in.map("values");
    next.revision = in.integer_or("revision", 0, 0, kv_most);
    for (const auto& [agent, entries] : agents) {
        const std::string where = in.pointer("agents") + pointer_step(agent);
        field_reader shape(entries, field_origin::seed, where);
        if (!shape.ok()) in.adopt(shape.done().error());
        for (const auto& [key, document] : members(entries)) {
            field_reader one(document, field_origin::seed, where + pointer_step(key));
            kv_entry e{one.value("value"), one.integer("version", 1, kv_most)};
            if (auto read = one.done(); !read) in.adopt(read.error());
            if (e.version > next.revision)
                in.refuse("revision", errc::config_range,
                          "must be at least the highest version, " + std::to_string(e.version));
            next.agents[agent].emplace(key, std::move(e));
        }
    }
    for (const auto& [agent, entries] : values) {
        field_reader shape(entries, field_origin::seed, in.pointer("values") + pointer_step(agent));
        if (!shape.ok()) in.adopt(shape.done().error());
        for (const auto& [key, value] : members(entries))
            if (!next.agents[agent].emplace(key, kv_entry{value, ++next.revision}).second)
                in.refuse("values", errc::config_duplicate, "\"" + key + "\" stands under \"agents\" already");
    }
    AIVP_CHECK(in.done());
    state_ = std::move(next);
    return {};
}

payload kv_mock::dump() const {
    std::vector<std::pair<std::string, payload>> agents;
    for (const auto& [agent, entries] : state_.agents) {
        std::vector<std::pair<std::string, payload>> out;
        for (const auto& [key, e] : entries)
            out.emplace_back(key, object_writer().value("value", e.value).integer("version", e.version).build());
        agents.emplace_back(agent, payload::of_object(std::move(out)));
    }
    return object_writer()
        .value("agents", payload::of_object(std::move(agents)))
        .integer("revision", state_.revision)
        .build();
}

} // namespace aivp
