#include "sim/property/row_feed.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"
#include "tests/sim_property/support.hpp"

using namespace aivp::testing;
using namespace property_test;

namespace {

/// A simulated world, and what its rows say in the end.
struct told final : driver_observer {
    explicit told(const std::vector<std::string>& texts) {
        std::vector<error> errors;
        for (const std::string& text : texts) {
            auto program = compile(text, errors);
            BOOST_REQUIRE_MESSAGE(program, text << ": " << (errors.empty() ? "" : errors.front().message));
            properties.push_back({text, property_mode::finally, {}, std::move(program)});
        }
        monitor = std::make_unique<property_monitor>(properties);
        feed = std::make_unique<row_feed>(*monitor);
    }
    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record&) override {
        feed->add(d.events, after.agents, input.at);
    }
    void conclude(const world_ledger& ledger) {
        for (const ledger_entry& e : ledger.entries()) feed->add(e);
        monitor->conclude();
        for (std::size_t i = 0; i < properties.size(); ++i)
            BOOST_TEST(!monitor->verdicts()[i].violated, properties[i].name << ": " << monitor->verdicts()[i].actual);
    }
    std::vector<scenario_property> properties;
    std::unique_ptr<property_monitor> monitor;
    std::unique_ptr<row_feed> feed;
};

} // namespace

BOOST_AUTO_TEST_SUITE(property_rows)

BOOST_FIXTURE_TEST_CASE(every_table_has_the_rows_of_a_run, sim_fixture) {
    setup.agents = {
        make_loop_agent("a", {make_binding("put", make_skill("kv.set", {.takes_key = true, .cost = {300}}))}, "go")};
    setup.world = json(R"({"kv":{}})");
    model_says(
        {make_turn({make_call("put", R"({"key":"k","value":1})"), make_call("nothing", "{}")}), make_answer("done")});
    told t({
        "count(triggers where agent == \"a\" && !waits && late == 0s && payload.x == 3) == 1",
        "count(runs where status == \"success\" && code == \"ok\" && details.answer == \"done\" && payload.x == 3) == "
        "1",
        "count(runs where calls == 1 && turns == 2 && latency >= 0s && !abstained && cost >= $0.0003) == 1",
        "count(calls where call == \"put\" && skill == \"kv.set\" && outcome == \"ok\" && attempts == 1) == 1",
        "count(calls where effect == \"write\" && cost == $0.0003 && arguments.key == \"k\" && exists(result.version)) "
        "== 1",
        "count(refused where call == \"nothing\" && code == \"skill.unknown\" && stage == \"resolve\") == 1",
        "sum(proposed of turns) == 2 && count(turns where finish == \"stop\" && content == \"done\") == 1",
        "count(ledger where operation == \"kv.set\" && target == \"k\" && keyed && !duplicate && connector == \"kv\") "
        "== 1",
        "count(ledger where arguments.value == 1 && effect == \"write\" && run == 1 && ordinal == 1) == 1",
        "count(refused_triggers where code == \"trigger.no_agent\" && agent == \"\" && windows == 1) == 1",
        "min(started of calls) >= min(accepted of runs) && max(at of calls) <= max(at of runs)",
    });
    world().engine().observe(t);
    start("a", json(R"({"x":3})"));
    run_until_idle();
    submit(publish_event{"nobody.listens", {}});
    t.conclude(world().ledger());
}

BOOST_FIXTURE_TEST_CASE(a_call_that_is_tried_again_is_one_row_with_its_attempts, sim_fixture) {
    auto skill = std::make_shared<skill_contract>(*make_skill("kv.set", {.takes_key = true}));
    skill->retry = {.max_attempts = 3};
    setup.agents = {make_steps_agent("a", {make_binding("put", std::move(skill))},
                                     {{"one", "put", {.arguments = R"({"key":"k","value":1})"}}})};
    skill_fails("kv.set", errc::skill_unavailable);
    told t({
        "count(calls) == 1 && max(attempts of calls) > 1",
        "count(calls where outcome == \"failed\" && code == \"skill.unavailable\" && latency > 0s && at - started == "
        "latency) == 1",
        "count(ledger) == max(attempts of calls) && count(ledger per run) > 1",
        "count(runs where status in [\"failure\", \"partial\"]) == 1",
    });
    world().engine().observe(t);
    start("a");
    run_until_idle();
    t.conclude(world().ledger());
}

BOOST_AUTO_TEST_SUITE_END()
