// Keeps its own books of retries, from the events alone: no stretch of time has more of them than the budget of their
// dependency allows.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aivp/engine/engine.hpp"

namespace aivp::sim {

class retry_watch {
public:
    struct finding {
        std::string expected;
        std::string actual;
    };
    /// Must see every event from the journal's first on. `agents`: as they are after it.
    std::optional<finding> see(const engine_event& event, const std::vector<agent_state>& agents, instant at);
    /// What was told so far is told anew.
    void forget() { *this = {}; }

private:
    struct account {
        bool model = false;
        std::string dependency;
        retry_budget_policy policy;
        std::deque<instant> first_attempts; ///< of the last `ttl`
        std::deque<instant> retries;        ///< of the last nine tenths of `ttl`
    };
    struct call {
        std::size_t account = 0;
        std::uint32_t attempt = 1;
    };
    struct run {
        snapshot_ptr snapshot;
        std::map<std::uint64_t, call> calls;
    };
    void begin(run_id id, call_id which, const std::uint32_t* binding, instant at);
    std::size_t account_of(bool model, const std::string& dependency, const retry_budget_policy& policy);
    std::optional<finding> planned(const call_retry_planned& e, instant at);

    std::vector<account> accounts_;
    std::map<run_id, run> runs_; ///< those in which a budget counts
};

/// Does any call of such an agent count against a budget?
bool has_retry_budget(const agent_snapshot& agent);

} // namespace aivp::sim
