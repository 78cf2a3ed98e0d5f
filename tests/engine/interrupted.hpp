// Agents whose calls can be interrupted in every way, and what the tests of recovery and of operators say to them.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/engine/recovery.hpp"
#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

namespace engine_test {

using namespace aivp;
using namespace aivp::testing;

inline constexpr run_id run1{1};
inline constexpr run_id run2{2};

inline start_run go() { return {agent_id{1}, {}}; }
inline skill_completion ok(std::uint64_t call, std::string_view result = R"({"n":1})") {
    return {.ref = {run1, {call}}, .outcome = effect_outcome::ok, .result = json(result), .message = {}};
}
inline model_completion says(std::uint64_t call, model_response response) {
    return {.ref = {run1, {call}}, .response = std::move(response), .message = {}};
}
inline timer_elapsed watchdog(run_id run = run1) { return {{timer_key::kind::run, run.value, 0}}; }
inline resolve_call found(std::uint64_t call, call_finding finding, std::string_view result = "null") {
    return {{run1, {call}}, finding, json(result), {}};
}

inline std::vector<skill_binding> bindings() {
    return {
        make_binding("look", make_skill("mail.read", {.effect = effect_class::read})),
        make_binding("send", make_skill("mail.send", {.cost = {5}})),
        make_binding("pay", make_skill("payment.charge", {.takes_key = true})),
        make_binding("set", make_skill("kv.set", {.idempotent = true})),
        make_binding("vault", make_skill("vault.put", {.takes_key = true, .secret_arguments = {"/pin"}})),
        make_binding("peek", make_skill("vault.get", {.effect = effect_class::read, .secret_arguments = {"/pin"}})),
        make_binding("auth", make_skill("auth.get", {.takes_key = true}), {.fixed = R"({"key":{"$secret":"api"}})"})};
}

/// One step after the other, each a binding's name.
inline snapshot_ptr steps_of(const std::vector<std::string>& names, agent_options options = {},
                             on_error policy = on_error::abort) {
    std::vector<step_row> rows;
    for (const std::string& name : names)
        rows.push_back(
            {"s" + std::to_string(rows.size()), name, {.arguments = R"({"pin":"1234"})", .error_policy = policy}});
    return make_steps_agent("a", bindings(), rows, std::move(options));
}
inline snapshot_ptr loop_of(agent_options options = {}) {
    return make_loop_agent("a", bindings(), "go", std::move(options));
}

inline std::size_t count_effects(const spec& s, const char* name) {
    return static_cast<std::size_t>(std::count_if(s.last().effects.begin(), s.last().effects.end(), [&](const auto& e) {
        return std::string_view(effect_name(e)) == name;
    }));
}
inline std::size_t dispatched(const spec& s) {
    return count_effects(s, "skill_call") + count_effects(s, "model_call") + count_effects(s, "user_question");
}
inline const run_state& run(const spec& s, run_id id = run1) {
    BOOST_REQUIRE(s.state().find(id) != nullptr);
    return *s.state().find(id);
}
inline instant at(duration after) { return spec::start + after; }

/// A steps agent whose one unkeyed write waits for a person.
inline spec parked(std::vector<std::string> names = {"send", "look"}, agent_options options = {},
                   on_error policy = on_error::abort) {
    spec s = given(steps_of(names, std::move(options), policy));
    s.and_given(go());
    s.and_given(recover{});
    s.then_among_others({{"call_parked"}});
    return s;
}

} // namespace engine_test
