// A key-value store with versions. Keys belong to the agent that set them, or to the namespace that it shares with others.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aivp/skill/kv.hpp"
#include "mocks/service.hpp"

namespace aivp {

struct kv_state {
    std::map<std::string, std::map<std::string, kv_entry>> agents; ///< by agent, or "shared:NAME"
    std::int64_t revision = 0;                                     ///< number of writes so far
    friend bool operator==(const kv_state&, const kv_state&) = default;
};

/// The operations of aivp/skill/kv.hpp, in memory.
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
    kv_state state_;
};

} // namespace aivp
