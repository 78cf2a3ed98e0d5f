#include "mocks/kv.hpp"

#include <limits>
#include <utility>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/json_out.hpp"

namespace aivp {
namespace {

constexpr std::int64_t kv_most = std::numeric_limits<std::int64_t>::max();

class values_in_memory final : public kv_space {
public:
    values_in_memory(kv_state& state, std::string_view name) : state_(state), name_(name) {}

    result<std::optional<kv_entry>> find(const std::string& key) override {
        const auto here = state_.agents.find(name_);
        if (here == state_.agents.end()) return std::nullopt;
        const auto found = here->second.find(key);
        if (found == here->second.end()) return std::nullopt;
        return found->second;
    }
    result<std::int64_t> put(const std::string& key, const payload& value) override {
        state_.agents[name_].insert_or_assign(key, kv_entry{value, ++state_.revision});
        return state_.revision;
    }
    result<void> erase(const std::string& key) override {
        const auto here = state_.agents.find(name_);
        here->second.erase(key);
        if (here->second.empty()) state_.agents.erase(here);
        ++state_.revision;
        return {};
    }
    result<std::vector<std::string>> keys(std::string_view prefix) override {
        std::vector<std::string> found;
        const auto here = state_.agents.find(name_);
        if (here != state_.agents.end())
            for (auto at = here->second.lower_bound(std::string(prefix));
                 at != here->second.end() && at->first.starts_with(prefix); ++at)
                found.push_back(at->first);
        return found;
    }

private:
    kv_state& state_;
    std::string name_;
};

} // namespace

const std::vector<std::string>& kv_mock::operations() const { return kv_operations(); }

result<payload> kv_mock::perform(const mock_request& request, std::string& target) {
    values_in_memory values(state_, request.space.empty() ? request.agent : request.space);
    return perform_kv(request.operation, request.arguments, values, target);
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
