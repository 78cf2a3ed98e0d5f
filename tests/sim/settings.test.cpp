#include "sim/settings.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "sim/runner.hpp"
#include "sim/scenario.hpp"
#include "sim/workload.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

skill_ptr reliable_skill() {
    auto s = std::make_shared<skill_contract>(*make_skill("kv.set"));
    s->retry.max_attempts = 4;
    s->retry.max_elapsed = seconds(30);
    s->rate = rate_limit{.count = 2, .per = seconds(1), .burst = 3};
    s->breaker = breaker_policy{};
    return s;
}

/// Two agents that share a skill, and a model.
scenario shop() {
    scenario s;
    s.name = "shop";
    s.file = "shop.yaml";
    s.start = spec::start;
    s.horizon = hours(1);
    s.world = json(R"({"kv":{}})");
    const skill_ptr skill = reliable_skill();
    const auto steps = [&](std::string id) {
        return make_steps_agent(std::move(id), {make_binding("set", skill)},
                                {{"one", "set", {.arguments = R"({"key":"a","value":1})"}},
                                 {"two", "set", {.arguments = R"({"key":"b","value":2})"}}});
    };
    s.agents = {steps("first"), steps("second"), make_loop_agent("third", {make_binding("set", skill)}, "go")};
    s.triggers.push_back({.after = seconds(1), .every = {}, .agent = "first", .event = {}, .body = {}, .where = {}});
    return s;
}

std::int64_t value_of(const scenario& s, const std::string& of, const std::string& name) {
    const std::vector<setting> all = settings_of(s);
    const auto it =
        std::find_if(all.begin(), all.end(), [&](const setting& x) { return x.of == of && x.name == name; });
    return it == all.end() ? -1 : it->value;
}

std::string why_not(const std::vector<setting_edit>& edits) {
    scenario s = shop();
    const auto r = apply_settings(s, edits);
    return r ? "accepted" : std::string(aivp::info(r.error().code).name) + ": " + r.error().message;
}

const skill_contract& skill_of(const scenario& s, std::size_t agent) { return *s.agents[agent]->bindings[0].skill; }

} // namespace

BOOST_AUTO_TEST_SUITE(settings)

BOOST_AUTO_TEST_CASE(what_could_be_lower_is_listed_once_with_its_value) {
    const scenario s = shop();
    BOOST_TEST(value_of(s, "first", "steps") == 2);
    BOOST_TEST(value_of(s, "first", "limits.model_turns") == -1); // it has no model
    BOOST_TEST(value_of(s, "third", "limits.model_turns") == 50);
    BOOST_TEST(value_of(s, "kv.set@1.0.0", "retry.attempts") == 4);
    BOOST_TEST(value_of(s, "kv.set@1.0.0", "retry.within_ms") == 30'000);
    BOOST_TEST(value_of(s, "kv.set@1.0.0", "rate.burst") == 3);
    BOOST_TEST(value_of(s, "kv.set@1.0.0", "breaker.calls_min") == 10);
    BOOST_TEST(value_of(s, "third", "model.retry.attempts") == -1); // it cannot be lower than it is
    const std::vector<setting> all = settings_of(s);
    BOOST_TEST(std::count_if(all.begin(), all.end(), [](const setting& x) { return x.name == "rate.burst"; }) == 1);
    BOOST_TEST(std::is_sorted(all.begin(), all.end(), [](const setting& a, const setting& b) {
        return std::tie(a.of, a.name) < std::tie(b.of, b.name);
    }));
}

BOOST_AUTO_TEST_CASE(a_skill_that_is_given_another_value_has_it_for_all_who_are_bound_to_it) {
    scenario s = shop();
    BOOST_REQUIRE(
        apply_settings(s, {{"kv.set@1.0.0", "breaker.calls_min", 1}, {"kv.set@1.0.0", "retry.within_ms", 50}}));
    for (std::size_t i = 0; i < s.agents.size(); ++i) {
        BOOST_TEST(skill_of(s, i).breaker->calls_min == 1U);
        BOOST_TEST((skill_of(s, i).retry.max_elapsed == milliseconds(50)));
        BOOST_TEST(&skill_of(s, i) == &skill_of(s, 0));
        BOOST_TEST((s.agents[i]->hashes.whole != shop().agents[i]->hashes.whole));
    }
    BOOST_TEST((skill_of(s, 0).hash != reliable_skill()->hash));
}

BOOST_AUTO_TEST_CASE(what_is_not_named_stays_the_very_same) {
    scenario s = shop();
    const std::vector<snapshot_ptr> before = s.agents;
    BOOST_REQUIRE(apply_settings(s, {{"second", "steps", 1}}));
    BOOST_TEST((s.agents[0] == before[0]));
    BOOST_TEST((s.agents[1] != before[1]));
    BOOST_TEST((s.agents[2] == before[2]));
    BOOST_TEST((std::get<steps_brain>(s.agents[1]->brain).steps.size() == 1U));
    BOOST_TEST((std::get<steps_brain>(before[1]->brain).steps.size() == 2U));
    BOOST_TEST((skill_of(s, 1).hash == skill_of(s, 0).hash));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_and_says_why) {
    BOOST_TEST(why_not({{"nobody", "steps", 1}}) == "config.value: the scenario has no `steps` of nobody");
    BOOST_TEST(why_not({{"first", "limits.model_turns", 1}}) ==
               "config.value: the scenario has no `limits.model_turns` of first");
    BOOST_TEST(why_not({{"first", "steps", 0}}) == "config.value: `steps` of first is from 1 to 2");
    BOOST_TEST(why_not({{"first", "steps", 3}}) == "config.value: `steps` of first is from 1 to 2");
}

BOOST_AUTO_TEST_CASE(a_scenario_with_lower_settings_runs) {
    const auto written = std::make_shared<scenario>(shop());
    workload_edits edits;
    edits.settings = {{"first", "steps", 1}};
    const auto smaller = apply_edits(written, edits);
    BOOST_REQUIRE(smaller.has_value());
    const run_report whole = run_once(*written, 1), less = run_once(**smaller, 1);
    BOOST_TEST(whole.findings.empty());
    BOOST_TEST(less.findings.empty());
    BOOST_TEST(less.inputs < whole.inputs);
}

BOOST_AUTO_TEST_SUITE_END()
