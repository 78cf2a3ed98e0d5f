#include "aivp/engine/run_log.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

using kind = run_log_entry::kind;

const run_log_run& run_of(sim_fixture& f, std::uint64_t n = 1) { return f.world().log().runs().at({n}); }
std::string name(errc c) { return std::string(info(c).name); }

std::vector<skill_binding> bindings() {
    return {make_binding("look", make_skill("kv.get", {.version = "2.1.0", .effect = effect_class::read, .cost = {5}}),
                         {.where = {"agents/a.yaml", 7, 3}}),
            make_binding("send", make_skill("kv.set", {.side_effects = {"store"}}))};
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_of_runs)

BOOST_FIXTURE_TEST_CASE(a_loop_run_shows_turns_calls_refusals_and_questions_in_order, sim_fixture) {
    setup.agents = {make_loop_agent("a", bindings(), "go", {.model = "m-1", .converse = true})};
    setup.world = json(R"({"kv":{}})");
    model_response turn = make_turn(
        {make_call("look", R"({"key":"x"})"), make_call("none", "{}"), make_call("send", R"({"key":"x","value":1})")});
    turn.usage = {.input = 10, .output = 2, .reported = true};
    model_says({turn, make_answer("ready?")});
    user_replies({});
    start("a", json(R"({"why":"test"})"));
    run_until_idle();
    const run_log_run& r = run_of(*this);
    BOOST_TEST(r.run.value == 1U);
    BOOST_TEST(r.snapshot->id == "a");
    BOOST_TEST(r.trigger_body.text() == R"({"why":"test"})");
    BOOST_TEST(r.accepted_at.us == setup.start.us);
    BOOST_TEST(r.scheduled_for.us == setup.start.us);
    BOOST_REQUIRE_EQUAL(r.entries.size(), 6U);
    std::string order;
    for (const run_log_entry& e : r.entries) order += std::to_string(static_cast<int>(e.what));
    BOOST_TEST(order == "012103"); // model, skill, refused, skill, model, question

    const run_log_entry& asked = r.entries[0];
    BOOST_TEST(asked.model == "m-1");
    BOOST_TEST(asked.usage.input == 10);
    BOOST_TEST(asked.settled);

    const run_log_entry& look = r.entries[1];
    BOOST_TEST(look.as == "look");
    BOOST_TEST(look.rule == "binding `look` at agents/a.yaml:7:3");
    BOOST_TEST(look.arguments.text() == R"({"key":"x"})");
    BOOST_TEST(member(look.result, "found").has_value());
    BOOST_TEST(look.outcome.skill == "kv.get");
    BOOST_TEST(look.outcome.skill_version == "2.1.0");
    BOOST_TEST(look.outcome.step == "call-2");
    BOOST_TEST(look.outcome.cost.value == 5);
    BOOST_TEST(look.outcome.side_effects.empty());
    BOOST_TEST(to_string(look.outcome.status) == "success");

    const run_log_entry& none = r.entries[2];
    BOOST_TEST((none.skill == nullptr));
    BOOST_TEST(none.as == "none");
    BOOST_REQUIRE(none.why);
    BOOST_TEST(none.rule == none.why->decided_by);
    BOOST_TEST(name(none.outcome.code) == "skill.unknown");
    BOOST_TEST(to_string(none.outcome.status) == "failure");
    BOOST_TEST(member(none.outcome.details, "error").has_value());

    const run_log_entry& send = r.entries[3];
    BOOST_TEST(send.rule == "binding `send`");
    BOOST_REQUIRE_EQUAL(send.outcome.side_effects.size(), 1U);
    BOOST_TEST(send.outcome.side_effects[0].type == "store");

    BOOST_TEST(as_string(r.entries[5].arguments).value() == "ready?");
    BOOST_TEST(r.entries[5].result.is_null());
    BOOST_REQUIRE(r.outcome);
    BOOST_TEST(r.outcome->cost.value == 5);
    BOOST_TEST(r.steps.empty());
}

BOOST_FIXTURE_TEST_CASE(a_steps_run_shows_the_outcome_of_each_step, sim_fixture) {
    setup.agents = {make_steps_agent(
        "a", bindings(),
        {{"one", "look", {.arguments = R"({"key":"x"})"}},
         {"two", "send", {.when = "one.found"}},
         {"three", "send", {.arguments = R"({"key":"${one.nothing}"})", .error_policy = on_error::proceed}},
         {"four", "send", {.arguments = R"({"key":"x"})"}}},
        {.limits = {.skill_calls = 1}})};
    setup.world = json(R"({"kv":{}})");
    start("a");
    run_until_idle();
    const run_log_run& r = run_of(*this);
    BOOST_REQUIRE_EQUAL(r.steps.size(), 4U);
    std::string steps;
    for (const structured_outcome& o : r.steps) steps += o.step + " " + to_string(o.status) + " " + name(o.code) + "; ";
    BOOST_TEST(steps == "one success ok; two skipped ok; three failure run.reference; four failure limit.steps; ");
    BOOST_TEST(r.steps[0].skill == "kv.get");
    BOOST_TEST(r.steps[0].cost.value == 5);
    BOOST_TEST(r.steps[2].skill.empty());
    BOOST_TEST(r.steps[3].skill == "kv.set");
    BOOST_TEST(r.steps[3].run.value == 1U);
    BOOST_TEST(r.entries.back().as == "send");
    BOOST_TEST(r.entries.back().outcome.step == "four");
}

BOOST_FIXTURE_TEST_CASE(latencies_run_from_request_to_answer, sim_fixture) {
    setup.agents = {make_steps_agent("a", bindings(), {{"one", "look", {.arguments = R"({"key":"x"})"}}})};
    setup.world = json(R"({"kv":{}})");
    setup.latencies.set("", latency_model::fixed(milliseconds(250)));
    start("a");
    BOOST_TEST(!run_of(*this).entries.at(0).settled);
    BOOST_TEST(!run_of(*this).outcome);
    run_until_idle();
    const run_log_entry& e = run_of(*this).entries.at(0);
    BOOST_TEST(e.outcome.latency.us == 250'000);
    BOOST_TEST((e.settled_at - e.at).us == 250'000);
    BOOST_TEST(e.outcome.at.us == e.settled_at.us);
}

BOOST_FIXTURE_TEST_CASE(a_call_whose_outcome_is_unknown_is_listed_as_such_whatever_its_code, sim_fixture) {
    setup.agents = {make_steps_agent("a",
                                     {make_binding("send", make_skill("kv.set", {.timeout = seconds(1)})),
                                      make_binding("look", make_skill("kv.get", {.effect = effect_class::read}))},
                                     {{"one", "look", {.arguments = R"({"key":"x"})"}},
                                      {"two", "send", {.arguments = R"({"key":"x","value":1})"}}})};
    setup.world = json(R"({"kv":{}})");
    setup.latencies.set("kv.set", latency_model::fixed(minutes(1)));
    start("a");
    run_until_idle();
    const run_log_run& r = run_of(*this);
    BOOST_TEST(to_string(r.entries.at(0).ended) == "ok");
    BOOST_TEST(to_string(r.entries.at(1).ended) == "unknown");
    BOOST_TEST(name(r.entries.at(1).outcome.code) == "limit.step_time");
    BOOST_TEST(r.entries.at(1).outcome.side_effects.size() == 1U);
    BOOST_TEST(name(r.outcome->code) == "skill.outcome_unknown");
}

BOOST_FIXTURE_TEST_CASE(refused_triggers_are_kept_with_their_trigger_s_name, sim_fixture) {
    setup.agents = {make_steps_agent("a", bindings(), {{"one", "look", {.arguments = R"({"key":"x"})"}}},
                                     {.triggers = {{.id = "by-hand",
                                                    .when = manual_schedule{},
                                                    .payload_schema = {},
                                                    .overlap = overlap_policy::refuse,
                                                    .where = {}}}})};
    setup.world = json(R"({"kv":{}})");
    setup.latencies.set("", latency_model::fixed(seconds(1)));
    start("a");
    submit(start_run{{1}, {}});
    submit(start_run{{7}, {}});
    submit(publish_event{"x", {}});
    const auto& refused = world().log().refused_triggers();
    BOOST_REQUIRE_EQUAL(refused.size(), 3U);
    BOOST_TEST(refused[0].trigger == "by-hand");
    BOOST_TEST(refused[0].agent.value == 1U);
    BOOST_TEST(name(refused[0].code) == "trigger.refused");
    BOOST_TEST(refused[1].trigger.empty());
    BOOST_TEST(name(refused[2].code) == "trigger.no_agent");
    BOOST_TEST(refused[2].count == 1U);
}

BOOST_FIXTURE_TEST_CASE(each_run_is_kept_under_its_own_snapshot, sim_fixture) {
    setup.agents = {make_steps_agent("a", bindings(), {}),
                    make_steps_agent("b", bindings(), {{"one", "send", {.arguments = R"({"key":"k","value":2})"}}})};
    setup.world = json(R"({"kv":{}})");
    start("a");
    start("b");
    submit(activate_agent{make_loop_agent("a", {}, "x")});
    start("a");
    run_until_idle();
    BOOST_TEST(run_of(*this, 1).snapshot->id == "a");
    BOOST_TEST(run_of(*this, 2).snapshot->id == "b");
    BOOST_TEST(std::holds_alternative<loop_brain>(run_of(*this, 3).snapshot->brain));
    BOOST_TEST(name(run_of(*this, 3).outcome->code) == "script.no_rule");
    BOOST_TEST(name(run_of(*this, 3).entries.at(0).outcome.code) == "script.no_rule");
}

BOOST_AUTO_TEST_SUITE_END()
