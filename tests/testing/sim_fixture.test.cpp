#include "aivp/testing/sim_fixture.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

using namespace aivp;
using namespace aivp::testing;

BOOST_AUTO_TEST_SUITE(fixture_of_a_simulated_world)

BOOST_FIXTURE_TEST_CASE(expectations_that_do_not_hold_throw_with_the_line_of_the_test, sim_fixture) {
    setup.agents = {make_steps_agent("a", {make_binding("look", make_skill("mail.read"))}, {{"one", "look"}})};
    skill_answers("mail.read", R"({"n":1})");
    start("a");
    run_until_idle();
    expect_calls("look", 1);
    BOOST_TEST(expect_effect<skill_call>().ref.call.value == 1U);
    const std::string here = std::string(__FILE__) + ":" + std::to_string(__LINE__ + 3) + ": ";
    std::string said;
    try {
        expect_effect<skill_call>();
    } catch (const expectation_failed& e) {
        said = e.what();
    }
    BOOST_TEST(said.starts_with(here));
    BOOST_TEST(said.find("\"type\":\"skill_call\"") != std::string::npos);
    BOOST_CHECK_THROW(expect_calls("look", 2), expectation_failed);
    BOOST_CHECK_THROW(outcome_of({9}), expectation_failed);
    BOOST_CHECK_THROW(start("nobody"), expectation_failed);
    BOOST_TEST(
        (expect_effect<timer_request>([](const timer_request& t) { return t.due == instant::max(); }).key.owner) == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_run_that_waits_or_fails_can_be_looked_at, sim_fixture) {
    setup.agents = {make_steps_agent("a", {make_binding("look", make_skill("mail.read"))}, {{"one", "look"}})};
    setup.latencies.set("", latency_model::fixed(seconds(5)));
    setup.world = json(R"({"mail":{}})");
    start("a");
    BOOST_CHECK_THROW(last_outcome(), expectation_failed);
    advance(seconds(4));
    BOOST_CHECK_THROW(last_outcome(), expectation_failed);
    advance(seconds(1));
    BOOST_TEST(to_string(last_outcome().status) == "failure");
}

BOOST_FIXTURE_TEST_CASE(a_prepared_failure_arrives_as_such, sim_fixture) {
    setup.agents = {make_steps_agent("a", {make_binding("look", make_skill("mail.read"))}, {{"one", "look"}})};
    skill_fails("mail.*", errc::skill_unavailable, "down");
    start("a");
    BOOST_TEST(last_outcome().message == "step `one` failed: down");
}

BOOST_FIXTURE_TEST_CASE(a_world_that_cannot_be_built_or_does_not_rest_says_so, sim_fixture) {
    setup.agents = {make_steps_agent(
        "a", {}, {},
        {.triggers = {
             {.id = "t", .when = interval_schedule{seconds(1), setup.start}, .payload_schema = {}, .where = {}}}})};
    BOOST_CHECK_THROW(run_until_idle(50), expectation_failed);
    sim_fixture other;
    other.setup.world = json(R"({"nothing":{}})");
    BOOST_CHECK_THROW(other.world(), expectation_failed);
}

BOOST_AUTO_TEST_SUITE_END()
