// The mocked world behind the connector port: routes a skill to its service by the part of the id before the first dot,
// keeps keyed effects to one a key, writes every call into the ledger, answers after a drawn latency.
//
// A call takes effect when it arrives; only the answer takes time. So a caller that gives up waiting has still caused the
// effect, as in the world outside.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/skill/fields.hpp"
#include "mocks/latency.hpp"
#include "mocks/ledger.hpp"
#include "mocks/pending.hpp"
#include "mocks/service.hpp"
#include "mocks/world.hpp"

namespace aivp {

struct mock_connector_options {
    std::uint64_t seed = 0;  ///< of the latencies: drawn by (seed, skill, run, call)
    bool synchronous = true; ///< answers without latency come within call()
};

/// Threads: the driver's. Must outlive what it handed to the world; `world` and `ledger` outlive it.
class mock_connector final : public connector_port {
public:
    mock_connector(mock_world& world, world_ledger& ledger, mock_connector_options options = {});

    /// Adds a service, in place of one with the same name.
    void add(std::unique_ptr<mock_service> service);
    /// nullptr when there is none. Owned by the connector.
    mock_service* find(std::string_view name);
    /// The `world` section of a scenario: {"mail": {…}, "files": {…}}. Adds the services it names and seeds them.
    /// Errors: config.unknown_key (no such mock), config.*; each with a `pointer` in its context.
    result<void> seed(const payload& world, std::string at = {});
    /// The state of every service, by name.
    payload dump() const;
    void set_latencies(latency_table table) { latencies_ = std::move(table); }
    /// Number of answers that are still on their way.
    std::size_t open_calls() const { return pending_.open(); }

    /// Completions: ok; failed with connector.missing, mock.*, idem.other_args; unknown with skill.outcome_unknown.
    void call(const skill_request& request, completion_sink& sink) override;
    /// Drops the answer; what the call did stays done.
    void cancel(call_ref ref) override { pending_.cancel(ref); }

private:
    struct keyed_effect {
        std::string skill;
        digest arguments;
        payload result;
        std::uint64_t ordinal = 0;
    };
    duration draw_latency(const skill_request& request);
    skill_completion serve(const skill_request& request, mock_service& service, std::string_view operation);

    mock_world& world_;
    world_ledger& ledger_;
    mock_connector_options options_;
    std::vector<std::unique_ptr<mock_service>> services_; // sorted by name
    std::map<effect_key, keyed_effect> keyed_;
    latency_table latencies_;
    pending_answers<skill_completion> pending_;
};

} // namespace aivp
