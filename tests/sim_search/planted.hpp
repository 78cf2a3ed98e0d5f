// Worlds with a mistake in them that only some faults bring out, for tests of what looks for such mistakes.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "sim/runner.hpp"
#include "sim/search/failure.hpp"

namespace planted {

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

inline constexpr const char* broken = "secret.never_leaves";

inline skill_ptr retried_skill(std::string id) {
    auto s = std::make_shared<skill_contract>(
        *make_skill(std::move(id), {.takes_key = true, .timeout = seconds(10), .cost = {3}}));
    s->retry.max_attempts = 4;
    return s;
}

/// Charges once a run: by the step "one" of agent "clerk", whose payload must have an order and an amount.
inline snapshot_ptr clerk(std::string id = "clerk") {
    return make_steps_agent(
        std::move(id),
        {make_binding("charge", retried_skill("kv.set")),
         make_binding("look", make_skill("kv.get", {.effect = effect_class::read}))},
        {{"before", "look", {.arguments = R"({"key":"a"})", .error_policy = on_error::proceed}},
         {"one", "charge", {.arguments = R"({"key":"${trigger.order}","value":"${trigger.amount}"})"}}});
}

/// Three agents, of which two have nothing to do with it; five starts.
inline std::shared_ptr<scenario> till(std::string name = "till") {
    auto s = std::make_shared<scenario>();
    s->name = std::move(name);
    s->file = "scenarios/" + s->name + ".yaml";
    s->start = spec::start;
    s->horizon = hours(8);
    s->agents = {clerk("clerk"), clerk("other"), clerk("third")};
    s->world = json(R"({"kv":{}})");
    s->latencies.set("", latency_model::uniform(milliseconds(1), seconds(2)));
    s->secrets = {{"api", "s3cr3t-token"}};
    const auto start = [&](duration after, std::string agent, std::optional<duration> every, std::uint64_t times) {
        s->triggers.push_back({.after = after,
                               .every = every,
                               .times = times,
                               .agent = std::move(agent),
                               .event = {},
                               .body = json(R"({"order":"A-17","amount":1200})"),
                               .where = {}});
    };
    start(minutes(1), "other", minutes(5), 20);
    start(minutes(30), "clerk", minutes(7), 9);
    start(hours(2), "third", {}, 1);
    return s;
}

/// The till with one agent and two orders, so that a hundred plans take a moment.
inline std::shared_ptr<scenario> small_till() {
    auto s = till("small");
    s->agents = {clerk("clerk")};
    s->triggers = {s->triggers[1]};
    s->triggers[0].times = 2;
    s->horizon = hours(1);
    return s;
}

/// The far side does not keep a key to one effect: once it has seen keys of each of the `agents` for a second time, it tells
/// a secret. `amount_least`: only charges of at least so much count.
class forgetful_connector final : public forwarding_connector {
public:
    forgetful_connector(connector_port& next, std::set<std::string> agents, std::int64_t amount_least)
        : forwarding_connector(next), agents_(std::move(agents)), amount_least_(amount_least) {}
    void call(const skill_request& r, completion_sink& sink) override {
        const std::int64_t amount = as_integer(member(r.arguments, "value").value_or(payload{})).value_or(0);
        const bool counts = r.effect == effect_class::write && amount >= amount_least_;
        const bool again = counts && !seen_.emplace(r.idempotency_key).second;
        if (again && agents_.erase(std::string(r.agent)) == 1 && agents_.empty()) {
            sink.skill_done({.ref = {r.run, r.call}, .result = json(R"({"token":"s3cr3t-token"})"), .message = {}});
            return;
        }
        forwarding_connector::call(r, sink);
    }

private:
    std::set<std::string> agents_;
    std::int64_t amount_least_;
    std::set<effect_key> seen_;
};

/// Puts a Connector(connector_port& next, more…) in front of whatever answers skill calls.
template <class Connector, class... More>
setup_hook with_connector(More... more) {
    return [more...](simulation_setup& setup) {
        setup.ports = [inner = setup.ports, more...](const world_parts& parts) {
            struct held {
                std::shared_ptr<connector_port> next;
                Connector connector;
            };
            world_ports ports = complete_ports(inner ? inner(parts) : world_ports{}, parts.mocks);
            auto both = std::make_shared<held>(ports.connector, Connector(*ports.connector, more...));
            ports.connector = std::shared_ptr<connector_port>(both, &both->connector);
            return ports;
        };
    };
}

inline setup_hook forgets_keys(std::set<std::string> agents, std::int64_t amount_least = 0) {
    return with_connector<forgetful_connector>(std::move(agents), amount_least);
}

inline run_case failing_case(const std::shared_ptr<const scenario>& s) {
    return {s, 7, {{{.site = "skill/clerk/charge", .ordinal = 3, .kind = fault_kind::skill_swallowed}}}};
}

} // namespace planted
