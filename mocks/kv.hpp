// A key-value store with versions. Keys belong to the agent that set them, or to the namespace that it shares with others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "mocks/service.hpp"

namespace aivp {

struct kv_entry {
    payload value;
    std::int64_t version = 0; ///< the store's revision when it was written, from 1
    friend bool operator==(const kv_entry&, const kv_entry&) = default;
};

struct kv_state {
    std::map<std::string, std::map<std::string, kv_entry>> agents; ///< by agent, or "shared:NAME"
    std::int64_t revision = 0;                                     ///< number of writes so far
    friend bool operator==(const kv_state&, const kv_state&) = default;
};

/// get {key} → {found, value, version?}; set {key, value, if_version?} → {previous, version}; delete {key, if_version?} →
/// {deleted}; incr {key, by?} → {value, version}; list {prefix?} → {keys, count}. `if_version` 0 = only when there is none;
/// another version than expected is mock.conflict.
class kv_mock final : public mock_service {
public:
    std::string_view name() const override { return "kv"; }
    const std::vector<std::string>& operations() const override;
    result<payload> perform(const mock_request& request, std::string& target) override;
    /// {"values": {agent: {key: value}}} or, as dump() writes it,
    /// {"agents": {agent: {key: {"value","version"}}}, "revision"}
    result<void> seed(const payload& state, std::string at) override;
    payload dump() const override;
    std::unique_ptr<mock_service> clone() const override { return std::make_unique<kv_mock>(*this); }

    const kv_state& state() const { return state_; }

private:
    using keys = std::map<std::string, kv_entry>;
    result<payload> get(const mock_request& request, std::string& target) const;
    result<payload> list(const mock_request& request, std::string& target) const;
    result<payload> set(const mock_request& request, std::string& target);
    result<payload> remove(const mock_request& request, std::string& target);
    result<payload> increment(const mock_request& request, std::string& target);
    const kv_entry* find(std::string_view space, const std::string& key) const;

    kv_state state_;
};

} // namespace aivp
