// What a search changes in the workload of a scenario: fewer triggers, other payloads, less time, lower limits. An edit is a value beside
// the scenario as it is written, so that a token or a regression file can carry it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "sim/settings.hpp"

namespace aivp::sim {

struct scenario;

/// One of a scenario's triggers, changed. What is not set stays as it is written.
struct trigger_edit {
    std::uint32_t trigger = 0; ///< index in the scenario as it is written
    bool dropped = false;      ///< it never happens
    bool added = false;        ///< one more like it, which stays itself as it is
    std::optional<duration> after;
    std::optional<std::uint64_t> times; ///< 1 also takes `every` away
    std::optional<payload> body;

    bool empty() const { return !dropped && !added && !after && !times && !body; }
    friend bool operator==(const trigger_edit&, const trigger_edit&) = default;
};

/// One of the scenario's expectations, asked under the edits as well. What is right there may not be what is written.
struct pinned_expectation {
    std::uint32_t number = 0; ///< index in the scenario as it is written
    payload right;            ///< a whole number; of the world an object of services; null = as it is written
    friend bool operator==(const pinned_expectation&, const pinned_expectation&) = default;
};

struct workload_edits {
    std::optional<duration> horizon;    ///< positive
    std::vector<std::string> without;   ///< agents, sorted; their triggers go with them
    std::optional<payload> users;       ///< another script of the users; null = nobody answers
    std::vector<trigger_edit> triggers; ///< by trigger; of each at most one that is not `added`, and it comes first
    std::vector<setting_edit> settings; ///< sorted; none twice
    std::optional<pinned_expectation> expect;

    bool empty() const {
        return !horizon && without.empty() && !users && triggers.empty() && settings.empty() && !expect;
    }
    friend bool operator==(const workload_edits&, const workload_edits&) = default;
};

/// The scenario with its workload changed. When anything was, `expect` is not asked and no faults are its own: both were
/// written for another workload. A pinned expectation is asked, and it alone, at the end of the duration.
/// Errors: config.value (a trigger, an expectation or an agent that the scenario does not have, no agent left), those of the
/// users' script, and those of apply_settings().
result<std::shared_ptr<const scenario>> apply_edits(const std::shared_ptr<const scenario>& written,
                                                    const workload_edits& edits);

/// {"duration": "2s", "without": [id…], "users": script, "triggers": [{"trigger": 0, "drop": true} …],
/// "settings": [{"of": "http.get@2.0.0", "name": "breaker.calls_min", "to": 1} …], "expect": {"number": 0, "right": 2}}.
payload to_payload(const workload_edits& edits);
/// Errors: config.type, config.value, config.unknown_key, time.syntax; the message names the key.
result<workload_edits> parse_workload(const payload& document);

} // namespace aivp::sim
