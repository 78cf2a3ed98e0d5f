#include "aivp/engine/engine.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr instant epoch = spec::start;

trigger_spec on(schedule when, overlap_policy overlap = overlap_policy::queue, std::uint32_t queue_max = 100) {
    return {.id = "t",
            .when = std::move(when),
            .payload_schema = {},
            .overlap = overlap,
            .queue_max = queue_max,
            .where = {}};
}
schedule every(duration d) { return interval_schedule{d, epoch}; }
schedule cron(std::string_view fields) { return cron_schedule{*parse_cron_fields(fields), zone_rules::utc(), epoch}; }

/// Each run waits for one call.
snapshot_ptr busy_agent(std::vector<trigger_spec> triggers, std::string id = "a") {
    return make_steps_agent(std::move(id), {make_binding("look", make_skill("mail.read"))}, {{"one", "look"}},
                            {.triggers = std::move(triggers)});
}
/// Each run ends at once.
snapshot_ptr idle_agent(std::vector<trigger_spec> triggers, std::string id = "a") {
    return make_steps_agent(std::move(id), {}, {}, {.triggers = std::move(triggers)});
}
timer_elapsed fire(std::uint64_t agent = 1, std::uint32_t trigger = 0) {
    return {{timer_key::kind::trigger, agent, trigger}};
}
skill_completion ok(std::uint64_t run) { return {.ref = {{run}, {1}}, .result = json("1"), .message = {}}; }
start_run go(std::string_view body = "null") { return {agent_id{1}, json(body)}; }
std::string at(duration after_start) { return std::to_string((epoch + after_start).us); }

std::string members(std::initializer_list<std::pair<const char*, std::string>> list) {
    std::string out;
    for (const auto& [key, value] : list) out += (out.empty() ? "{\"" : ",\"") + std::string(key) + "\":" + value;
    return out + "}";
}

template <class T>
std::size_t count(const decision& d) {
    std::size_t n = 0;
    for (const engine_event& e : d.events) n += std::holds_alternative<T>(e);
    return n;
}

} // namespace

BOOST_AUTO_TEST_SUITE(triggers)

BOOST_AUTO_TEST_CASE(activation_arms_what_time_starts_and_nothing_else) {
    spec s;
    s.when(activate_agent{idle_agent({on(manual_schedule{}), on(every(minutes(10))), on(event_schedule{"x"}),
                                      on(once_schedule{epoch + hours(5)}), on(once_schedule{epoch - hours(5)})})})
        .then({{"agent_activated", R"({"agent":1,"id":"a"})"},
               {"trigger_armed", members({{"trigger", "1"}, {"due", at(minutes(10))}})},
               {"trigger_armed", members({{"trigger", "3"}, {"due", at(hours(5))}})}})
        .performing({{"timer_request",
                      members({{"timer", "\"trigger\""}, {"owner", "1"}, {"ordinal", "1"}, {"due", at(minutes(10))}})},
                     {"timer_request", R"({"ordinal":3})"}});
}

BOOST_AUTO_TEST_CASE(agents_are_numbered_in_the_order_of_their_activation) {
    spec s = given({idle_agent({}, "x"), idle_agent({}, "y")});
    BOOST_TEST(s.state().agents.at(0).snapshot->id == "x");
    BOOST_TEST(s.state().agents.at(1).id.value == 2U);
    s.when(activate_agent{idle_agent({}, "x")}).then({{"agent_activated", R"({"agent":1})"}});
    BOOST_TEST(s.state().agents.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_interval_fires_and_is_armed_again) {
    spec s = given(idle_agent({on(every(minutes(10)))}));
    s.when(fire(), minutes(10))
        .then({
            {"trigger_accepted", members({{"scheduled_for", at(minutes(10))}, {"body", "null"}, {"waits", "false"}})},
            {"run_started"},
            {"run_finished"},
            {"trigger_armed", members({{"due", at(minutes(20))}})},
        })
        .performing({{"timer_request", members({{"due", at(minutes(20))}})}});
}

BOOST_AUTO_TEST_CASE(a_cron_trigger_fires_by_its_fields) {
    spec s = given(idle_agent({on(cron("0 9 * * *"))}));
    s.when(fire(), hours(9))
        .then_among_others({{"trigger_accepted", members({{"scheduled_for", at(hours(9))}})},
                            {"trigger_armed", members({{"due", at(hours(33))}})}});
}

BOOST_AUTO_TEST_CASE(a_trigger_for_one_moment_fires_once) {
    spec s = given(idle_agent({on(once_schedule{epoch + hours(1)})}));
    s.when(fire(), hours(2))
        .then({{"trigger_accepted", members({{"scheduled_for", at(hours(1))}})},
               {"run_started"},
               {"run_finished"},
               {"trigger_armed", R"({"due":null})"}})
        .performing({});
    s.when(fire(), hours(1)).then({});
}

BOOST_AUTO_TEST_CASE(a_timer_that_fires_early_or_for_nobody_changes_nothing) {
    spec s = given(idle_agent({on(every(minutes(10)))}));
    s.when(fire(), minutes(9)).then({});
    s.when(fire(1, 7)).then({});
    s.when(fire(0)).then({});
    s.when(fire(9)).then({});
}

BOOST_AUTO_TEST_CASE(missed_windows_are_taken_oldest_first) {
    spec s = given(idle_agent({on(every(minutes(10)))}));
    s.when(fire(), minutes(35))
        .then({
            {"trigger_accepted", members({{"run", "1"}, {"scheduled_for", at(minutes(10))}})},
            {"run_started"},
            {"run_finished"},
            {"trigger_accepted", members({{"run", "2"}, {"scheduled_for", at(minutes(20))}})},
            {"run_started"},
            {"run_finished"},
            {"trigger_accepted", members({{"run", "3"}, {"scheduled_for", at(minutes(30))}})},
            {"run_started"},
            {"run_finished"},
            {"trigger_armed", members({{"due", at(minutes(40))}})},
        });
}

BOOST_AUTO_TEST_CASE(missed_windows_wait_in_order_behind_the_run_that_is_under_way) {
    spec s = given(busy_agent({on(every(minutes(10)))}));
    s.when(fire(), minutes(30))
        .then_among_others({{"trigger_accepted", R"({"run":1,"waits":false})"},
                            {"run_started", R"({"run":1})"},
                            {"trigger_accepted", R"({"run":2,"waits":true})"},
                            {"trigger_accepted", R"({"run":3,"waits":true})"}});
    s.when(ok(1)).then_among_others(
        {{"run_finished", R"({"run":1})"}, {"run_started", R"({"run":2})"}, {"call_intended", R"({"run":2})"}});
    BOOST_TEST(s.state().agents[0].active.value == 2U);
    s.when(ok(2)).then_among_others({{"run_started", R"({"run":3})"}});
    s.and_given(ok(3));
    BOOST_TEST(!s.state().agents[0].active);
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_with_a_reason_for_each_window) {
    spec s = given(busy_agent({on(every(minutes(10)), overlap_policy::queue, 1)}));
    s.when(fire(), minutes(40))
        .then_among_others(
            {{"trigger_accepted", R"({"waits":false})"},
             {"trigger_accepted", R"({"waits":true})"},
             {"trigger_refused", members({{"code", "\"trigger.queue_full\""},
                                          {"scheduled_for", at(minutes(30))},
                                          {"count", "1"},
                                          {"agent", "1"}})},
             {"trigger_refused", members({{"code", "\"trigger.queue_full\""}, {"scheduled_for", at(minutes(40))}})},
             {"trigger_armed"}});
    BOOST_TEST(s.state().last_run == 2U);
}

BOOST_AUTO_TEST_CASE(overlap_may_be_refused_and_the_reason_names_the_run_that_is_in_the_way) {
    spec s = given(busy_agent({on(manual_schedule{}, overlap_policy::refuse)}));
    s.and_given(go());
    s.when(go()).then(
        {{"trigger_refused", R"({"code":"trigger.refused","reason":"run-1 is under way and overlap is `refuse`"})"}});
    s.and_given(ok(1));
    s.when(go()).then_among_others({{"run_started", R"({"run":2})"}});
}

BOOST_AUTO_TEST_CASE(more_than_a_thousand_missed_windows_are_bounded_and_the_rest_is_counted) {
    spec s = given(idle_agent({on(every(seconds(1)))}));
    s.when(fire(), seconds(5000));
    BOOST_TEST(count<trigger_accepted>(s.last()) == 1000U);
    BOOST_REQUIRE_EQUAL(count<trigger_refused>(s.last()), 1U);
    const auto& refused = s.the<trigger_refused>();
    BOOST_TEST(refused.scheduled_for.us == (epoch + seconds(1001)).us);
    BOOST_TEST(refused.count == 4000U);
    BOOST_TEST(refused.reason == "more than 1000 windows were missed at once");
    BOOST_TEST(s.the<trigger_armed>().due.us == (epoch + seconds(5001)).us);
}

BOOST_AUTO_TEST_CASE(a_thousand_missed_windows_are_all_taken) {
    spec s = given(idle_agent({on(cron("* * * * *"))}));
    s.when(fire(), minutes(1000));
    BOOST_TEST(count<trigger_accepted>(s.last()) == 1000U);
    BOOST_TEST(count<trigger_refused>(s.last()) == 0U);
}

BOOST_AUTO_TEST_CASE(missed_windows_of_a_cron_trigger_are_counted_too) {
    spec s = given(idle_agent({on(cron("* * * * *"))}));
    s.when(fire(), minutes(1007));
    BOOST_TEST(count<trigger_accepted>(s.last()) == 1000U);
    BOOST_TEST(s.the<trigger_refused>().count == 7U);
    BOOST_TEST(s.the<trigger_armed>().due.us == (epoch + minutes(1008)).us);
}

BOOST_AUTO_TEST_CASE(an_event_starts_every_agent_that_listens_to_it) {
    spec s =
        given({idle_agent({on(event_schedule{"mail.arrived"})}, "x"), idle_agent({on(event_schedule{"other"})}, "y"),
               idle_agent({on(manual_schedule{}), on(event_schedule{"mail.arrived"})}, "z")});
    s.when(publish_event{"mail.arrived", json(R"({"id":1})")})
        .then({{"trigger_accepted", R"({"agent":1,"run":1,"trigger":0,"body":{"id":1}})"},
               {"run_started"},
               {"run_finished"},
               {"trigger_accepted", R"({"agent":3,"run":2,"trigger":1,"body":{"id":1}})"},
               {"run_started"},
               {"run_finished"}});
}

BOOST_AUTO_TEST_CASE(an_event_that_nobody_listens_to_is_refused_visibly) {
    spec s = given(idle_agent({on(event_schedule{"x"})}));
    s.when(publish_event{"y", {}})
        .then({{"trigger_refused",
                R"({"agent":0,"code":"trigger.no_agent","reason":"no agent has a trigger for event `y`"})"}});
    s.and_given(retire_agent{{1}});
    s.when(publish_event{"x", {}}).then({{"trigger_refused", R"({"code":"trigger.no_agent"})"}});
}

BOOST_AUTO_TEST_CASE(an_event_s_payload_must_fit_its_schema) {
    trigger_spec t = on(event_schedule{"x"});
    t.payload_schema =
        *json_schema::compile(json(R"({"properties":{"id":{"type":"integer"}},"required":["id"],"type":"object"})"));
    spec s = given(idle_agent({t}));
    s.when(publish_event{"x", json(R"({"id":1})")}).then_among_others({{"trigger_accepted"}});
    s.when(publish_event{"x", json(R"({"id":"sesame"})")})
        .then({{"trigger_refused", R"({"agent":1,"code":"trigger.payload"})"}});
    BOOST_TEST(s.the<trigger_refused>().reason.starts_with("/id: "));
    BOOST_TEST(s.the<trigger_refused>().reason.find("sesame") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_manual_start_takes_the_manual_trigger_and_its_rules) {
    trigger_spec t = on(manual_schedule{});
    t.payload_schema = *json_schema::compile(json(R"({"type":"object"})"));
    spec s = given(idle_agent({on(every(hours(1))), t}));
    s.when(go("{}")).then_among_others({{"trigger_accepted", R"({"trigger":1})"}});
    s.when(go("[]")).then({{"trigger_refused", R"({"trigger":1,"code":"trigger.payload"})"}});
}

BOOST_AUTO_TEST_CASE(an_agent_without_a_manual_trigger_may_be_started_by_hand_all_the_same) {
    spec s = given(idle_agent({on(every(hours(1)))}));
    s.when(go()).then_among_others({{"trigger_accepted", R"({"trigger":0})"}});
}

BOOST_AUTO_TEST_CASE(starting_an_agent_that_is_not_there_is_refused_visibly) {
    spec s = given(idle_agent({}));
    for (const std::uint64_t n : {0U, 2U, 99U})
        s.when(start_run{{n}, {}}).then({{"trigger_refused", R"({"agent":0,"code":"trigger.no_agent"})"}});
    s.and_given(retire_agent{{1}});
    s.when(go()).then({{"trigger_refused", R"({"code":"trigger.no_agent"})"}});
}

BOOST_AUTO_TEST_CASE(retiring_disarms_refuses_what_waits_and_lets_the_running_run_end) {
    spec s = given(busy_agent({on(every(minutes(10))), on(manual_schedule{})}));
    s.and_given(go()).and_given(go()).and_given(go());
    s.when(retire_agent{{1}}, minutes(1))
        .then(
            {{"agent_retired", R"({"agent":1})"},
             {"run_finished",
              R"({"run":2,"status":"skipped","code":"run.cancelled","message":"the agent was retired before the run began","latency":0})"},
             {"run_finished", R"({"run":3,"status":"skipped"})"}})
        .performing(
            {{"timer_request", R"({"ordinal":0,"due":null})"}, {"timer_request", R"({"ordinal":1,"due":null})"}});
    s.when(fire(), minutes(9)).then({});
    s.when(ok(1)).then_among_others({{"run_finished", R"({"run":1,"status":"success"})"}});
    BOOST_TEST(s.state().runs.empty());
    s.when(retire_agent{{7}}).then({});
}

BOOST_AUTO_TEST_CASE(activating_a_retired_agent_brings_it_back_under_its_number) {
    const auto agent = idle_agent({on(every(minutes(10)))});
    spec s = given(agent);
    s.and_given(retire_agent{{1}});
    s.when(activate_agent{agent}, minutes(12))
        .then({{"agent_activated", R"({"agent":1})"}, {"trigger_armed", members({{"due", at(minutes(20))}})}});
    s.when(go()).then_among_others({{"trigger_accepted", R"({"agent":1})"}});
}

BOOST_AUTO_TEST_CASE(activating_again_switches_off_timers_that_the_new_snapshot_does_not_have) {
    spec s = given(idle_agent({on(every(minutes(10))), on(every(minutes(7))), on(every(minutes(5)))}));
    s.when(activate_agent{idle_agent({on(manual_schedule{}), on(every(minutes(3)))})})
        .performing({{"timer_request", R"({"ordinal":0,"due":null})"},
                     {"timer_request", members({{"ordinal", "1"}, {"due", at(minutes(3))}})},
                     {"timer_request", R"({"ordinal":2,"due":null})"}});
}

BOOST_AUTO_TEST_CASE(windows_that_are_due_when_an_agent_is_replaced_or_retired_are_refused_with_a_reason) {
    const auto agent = idle_agent({on(manual_schedule{}), on(every(minutes(10)))});
    spec s = given(agent);
    s.when(activate_agent{agent}, minutes(25))
        .then({{"trigger_refused",
                members({{"agent", "1"}, {"trigger", "1"}, {"scheduled_for", at(minutes(10))}, {"count", "2"}})},
               {"agent_activated"},
               {"trigger_armed", members({{"due", at(minutes(30))}})}});
    s.when(retire_agent{{1}}, minutes(5))
        .then({{"trigger_refused", members({{"scheduled_for", at(minutes(30))},
                                            {"count", "1"},
                                            {"reason", "\"the agent was retired before this window was taken\""}})},
               {"agent_retired"}});
    s.when(retire_agent{{1}}, minutes(5)).then({{"agent_retired"}});
}

BOOST_AUTO_TEST_CASE(waiting_runs_keep_the_snapshot_with_which_they_were_accepted) {
    const auto first = busy_agent({on(manual_schedule{})});
    spec s = given(first);
    s.and_given(go()).and_given(go());
    s.and_given(activate_agent{idle_agent({on(manual_schedule{})})});
    s.when(ok(1)).then_among_others({{"run_started", R"({"run":2})"}, {"call_intended", R"({"run":2})"}});
}

BOOST_AUTO_TEST_CASE(a_very_long_queue_of_runs_that_end_at_once_is_worked_off) {
    // The first run waits for its call, all others are of a snapshot whose runs end in the step in which they start.
    constexpr std::uint32_t waiting = 100'000;
    const trigger_spec manual = on(manual_schedule{}, overlap_policy::queue, waiting);
    engine_state state;
    decision d;
    std::uint64_t seq = 0;
    const auto put = [&](engine_input in) {
        step(state, {{++seq}, epoch, input_source::host, {}, {}, std::move(in)}, d);
    };
    put(activate_agent{busy_agent({manual})});
    put(go());
    put(activate_agent{idle_agent({manual})});
    for (std::uint32_t i = 0; i < waiting; ++i) put(go());
    BOOST_TEST(state.agents[0].waiting.size() == waiting);
    put(ok(1));
    BOOST_TEST(state.finished_runs == waiting + 1);
    BOOST_TEST(state.runs.empty());
    BOOST_TEST(count<run_finished>(d) == waiting + 1);
}

BOOST_AUTO_TEST_SUITE_END()
