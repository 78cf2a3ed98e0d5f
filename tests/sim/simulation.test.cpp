#include "sim/simulation.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

snapshot_ptr reader(std::vector<trigger_spec> triggers = {}) {
    return make_steps_agent("reader", {make_binding("look", make_skill("kv.get", {.effect = effect_class::read}))},
                            {{"one", "look", {.arguments = R"({"key":"k"})"}}}, {.triggers = std::move(triggers)});
}

simulation_setup with(std::vector<snapshot_ptr> agents) {
    simulation_setup s;
    s.agents = std::move(agents);
    s.world = json(R"({"kv":{}})");
    return s;
}

trigger_spec every(duration d) {
    return {.id = "t", .when = interval_schedule{d, spec::start}, .payload_schema = {}, .where = {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(simulated_worlds)

BOOST_AUTO_TEST_CASE(a_world_without_anything_rests) {
    const auto s = simulation::create({});
    BOOST_REQUIRE(s);
    BOOST_TEST(to_string((*s)->run(instant::max(), 10)) == "idle");
    BOOST_TEST((*s)->journal().size() == 0U);
}

BOOST_AUTO_TEST_CASE(planned_inputs_arrive_at_their_time) {
    auto s = simulation::create(with({reader()}));
    BOOST_REQUIRE(s);
    simulation& w = **s;
    w.input_at(w.now() + hours(2), start_run{{1}, {}}, input_source::operator_);
    w.input_at(w.now() + hours(1), publish_event{"x", {}}, input_source::event_bus);
    BOOST_TEST(to_string(w.run(w.now() + minutes(90), 100)) == "horizon");
    BOOST_TEST(w.now().us == (spec::start + minutes(90)).us);
    BOOST_TEST(w.log().refused_triggers().size() == 1U);
    BOOST_TEST(w.log().runs().empty());
    BOOST_TEST(to_string(w.run(instant::max(), 100)) == "idle");
    BOOST_REQUIRE_EQUAL(w.log().runs().size(), 1U);
    BOOST_TEST(w.log().runs().begin()->second.accepted_at.us == (spec::start + hours(2)).us);
}

BOOST_AUTO_TEST_CASE(a_world_stops_at_its_bound_on_events) {
    auto s = simulation::create(with({reader({every(seconds(1))})}));
    BOOST_REQUIRE(s);
    BOOST_TEST(to_string((*s)->run(instant::max(), 25)) == "event_limit");
    BOOST_TEST((*s)->time().fired() == 25U);
}

BOOST_AUTO_TEST_CASE(whatever_run_is_under_way_can_be_cancelled) {
    simulation_setup setup = with({reader()});
    setup.latencies.set("", latency_model::fixed(seconds(30)));
    auto s = simulation::create(std::move(setup));
    BOOST_REQUIRE(s);
    simulation& w = **s;
    w.cancel_at(w.now() + seconds(1), {1}, "nothing runs yet");
    w.input_at(w.now() + seconds(5), start_run{{1}, {}}, input_source::operator_);
    w.cancel_at(w.now() + seconds(10), {1}, "enough");
    BOOST_TEST(to_string(w.run(instant::max(), 100)) == "idle");
    const auto& run = w.log().runs().at({1});
    BOOST_TEST(run.outcome->message == "enough");
    BOOST_TEST(run.outcome->latency.us == seconds(5).us);
    w.conclude(stop_reason::idle);
    BOOST_TEST(w.properties().violations().empty());
}

BOOST_AUTO_TEST_CASE(the_run_that_waits_first_can_be_cancelled_and_the_one_under_way_goes_on) {
    simulation_setup setup = with({reader()});
    setup.latencies.set("", latency_model::fixed(seconds(30)));
    auto s = simulation::create(std::move(setup));
    BOOST_REQUIRE(s);
    simulation& w = **s;
    w.cancel_at(w.now() + seconds(1), {1}, "nothing waits yet", true);
    for (int i = 0; i < 3; ++i) w.input_at(w.now() + seconds(5), start_run{{1}, {}}, input_source::operator_);
    w.cancel_at(w.now() + seconds(10), {1}, "enough", true);
    BOOST_TEST(to_string(w.run(instant::max(), 100)) == "idle");
    const auto& runs = w.log().runs();
    BOOST_TEST((runs.at({1}).outcome->status == outcome_status::success));
    BOOST_TEST(runs.at({2}).outcome->message == "enough");
    BOOST_TEST((runs.at({3}).outcome->status == outcome_status::success));
    w.conclude(stop_reason::idle);
    BOOST_TEST(w.properties().violations().empty());
}

BOOST_AUTO_TEST_CASE(where_no_call_is_parked_a_finding_changes_nothing) {
    const auto ended = [](bool resolves) {
        simulation_setup setup = with({reader()});
        setup.latencies.set("", latency_model::fixed(seconds(30)));
        auto s = simulation::create(std::move(setup));
        BOOST_REQUIRE(s);
        simulation& w = **s;
        if (resolves) w.resolve_at(w.now(), {1}, call_finding::again); // nothing runs yet
        w.input_at(w.now() + seconds(5), start_run{{1}, {}}, input_source::operator_);
        if (resolves) w.resolve_at(w.now() + seconds(10), {1}, call_finding::failed); // its call is under way
        w.run(instant::max(), 100);
        return w.engine().chain();
    };
    BOOST_CHECK(ended(true) == ended(false));
}

BOOST_AUTO_TEST_CASE(agents_are_found_by_their_id) {
    auto s = simulation::create(with({reader()}));
    BOOST_REQUIRE(s);
    BOOST_TEST((*s)->agent("reader")->value == 1U);
    const auto none = (*s)->agent("writer");
    BOOST_REQUIRE(!none);
    BOOST_TEST(std::string(aivp::info(none.error().code).name) == "trigger.no_agent");
}

BOOST_AUTO_TEST_CASE(a_world_that_cannot_be_seeded_is_not_built) {
    simulation_setup setup;
    setup.world = json(R"({"mial":{}})");
    const auto s = simulation::create(std::move(setup));
    BOOST_REQUIRE(!s);
    BOOST_TEST(std::string(aivp::info(s.error().code).name) == "config.unknown_key");
}

BOOST_AUTO_TEST_CASE(without_a_model_every_turn_fails_and_without_a_person_every_conversation_ends) {
    auto s = simulation::create(with({make_loop_agent("talker", {}, "go", {.converse = true})}));
    BOOST_REQUIRE(s);
    (*s)->input_at((*s)->now(), start_run{{1}, {}}, input_source::operator_);
    (*s)->run(instant::max(), 100);
    BOOST_TEST(std::string(aivp::info((*s)->log().runs().at({1}).outcome->code).name) == "script.no_rule");

    simulation_setup setup = with({make_loop_agent("talker", {}, "go", {.converse = true})});
    class answering final : public model_provider {
    public:
        void call(const model_request& r, completion_sink& sink) override {
            sink.model_done({.ref = {r.run, r.call}, .response = make_answer("hello"), .message = {}});
        }
        void cancel(call_ref) override {}
    };
    setup.ports = [](const world_parts&) { return world_ports{std::make_shared<answering>(), nullptr, nullptr}; };
    auto t = simulation::create(std::move(setup));
    BOOST_REQUIRE(t);
    (*t)->input_at((*t)->now(), start_run{{1}, {}}, input_source::operator_);
    (*t)->run(instant::max(), 100);
    const auto& run = (*t)->log().runs().at({1});
    BOOST_TEST(to_string(run.outcome->status) == "success");
    BOOST_TEST(run.entries.size() == 2U);
}

BOOST_AUTO_TEST_CASE(secrets_are_revealed_by_name) {
    sim_secrets secrets(std::map<std::string, std::string>{{"api", "s3cr3t-token"}});
    BOOST_TEST(secrets.reveal("api").value() == "s3cr3t-token");
    const auto none = secrets.reveal("apy");
    BOOST_REQUIRE(!none);
    BOOST_TEST(std::string(aivp::info(none.error().code).name) == "secret.unavailable");
}

BOOST_AUTO_TEST_CASE(equal_worlds_end_alike_and_another_seed_or_ledger_ends_otherwise) {
    const auto outcome = [](std::uint64_t seed, const char* key) {
        simulation_setup setup = with(
            {make_steps_agent("w", {make_binding("set", make_skill("kv.set"))},
                              {{"one", "set", {.arguments = std::string(R"({"value":1,"key":")") + key + "\"}"}}})});
        setup.seed = seed;
        setup.latencies.set("", latency_model::uniform(milliseconds(1), seconds(9)));
        auto s = simulation::create(std::move(setup));
        BOOST_REQUIRE(s);
        (*s)->input_at((*s)->now(), start_run{{1}, {}}, input_source::operator_);
        (*s)->run(instant::max(), 100);
        return (*s)->outcome_digest();
    };
    BOOST_CHECK(outcome(1, "a") == outcome(1, "a"));
    BOOST_CHECK(outcome(1, "a") != outcome(2, "a"));
    BOOST_CHECK(outcome(1, "a") != outcome(1, "b"));
}

BOOST_AUTO_TEST_CASE(completions_of_an_instant_come_before_its_timers_and_those_before_outside_inputs) {
    // The answer arrives in the very instant in which the call's time is up, and in which an operator cancels.
    simulation_setup setup =
        with({make_steps_agent("w", {make_binding("set", make_skill("kv.set", {.timeout = seconds(5)}))},
                               {{"one", "set", {.arguments = R"({"key":"k","value":1})"}}})});
    setup.latencies.set("", latency_model::fixed(seconds(5)));
    auto s = simulation::create(std::move(setup));
    BOOST_REQUIRE(s);
    simulation& w = **s;
    w.cancel_at(w.now() + seconds(5), {1}, "too late");
    w.input_at(w.now(), start_run{{1}, {}}, input_source::operator_);
    w.run(instant::max(), 100);
    BOOST_TEST(to_string(w.log().runs().at({1}).outcome->status) == "success");
}

BOOST_AUTO_TEST_CASE(reasons_to_stop_have_names) {
    BOOST_TEST(std::string(to_string(stop_reason::horizon)) == "horizon");
    BOOST_TEST(std::string(to_string(stop_reason::store_failed)) == "store_failed");
}

BOOST_AUTO_TEST_SUITE_END()
