// Deadlines, the watchdog, late answers and cancelling.
#include "aivp/engine/engine.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr run_id run1{1};

skill_completion ok(std::uint64_t call, run_id run = run1) {
    return {.ref = {run, {call}}, .result = json("1"), .message = {}};
}
model_completion says(std::uint64_t call, model_response response) {
    return {.ref = {run1, {call}}, .response = std::move(response), .message = {}};
}
start_run go() { return {agent_id{1}, {}}; }
timer_elapsed watchdog(std::uint64_t run = 1) { return {{timer_key::kind::run, run, 0}}; }
std::string due(duration after_start) { return "{\"due\":" + std::to_string((spec::start + after_start).us) + "}"; }

std::vector<skill_binding> bindings() {
    return {make_binding("compute", make_skill("x.compute", {.effect = effect_class::none, .timeout = seconds(10)})),
            make_binding("look", make_skill("mail.read", {.effect = effect_class::read, .timeout = seconds(10)})),
            make_binding("send", make_skill("mail.send", {.effect = effect_class::write, .timeout = seconds(20)}))};
}
snapshot_ptr steps_of(std::vector<step_row> steps, run_limits limits = {}) {
    return make_steps_agent("a", bindings(), std::move(steps), {.limits = limits});
}
snapshot_ptr loop_agent(agent_options options = {}) {
    return make_loop_agent("a", bindings(), "go", std::move(options));
}

} // namespace

BOOST_AUTO_TEST_SUITE(deadlines)

BOOST_AUTO_TEST_CASE(the_watchdog_is_set_to_the_earliest_deadline) {
    spec s = given(steps_of({{"one", "look"}}));
    s.when(go())
        .then_among_others({{"call_intended", "{\"deadline\":" + std::to_string((spec::start + seconds(10)).us) + "}"},
                            {"timer_armed", due(seconds(10))}})
        .performing({{"skill_call"}, {"timer_request", due(seconds(10))}});
    spec t = given(steps_of({{"one", "look"}}, {.run_timeout = seconds(4)}));
    t.when(go()).performing({{"skill_call"}, {"timer_request", due(seconds(4))}});
}

BOOST_AUTO_TEST_CASE(a_read_without_an_answer_in_time_has_failed) {
    for (const char* skill : {"look", "compute"}) {
        spec s = given(steps_of({{"one", skill, {.error_policy = on_error::proceed}}, {"two", "send"}}));
        s.and_given(go());
        s.when(watchdog(), seconds(10))
            .then({
                {"timer_armed", R"({"due":null})"},
                {"call_settled",
                 R"({"outcome":"failed","code":"limit.step_time","result":{"error":"limit.step_time","message":"no answer in time"}})"},
                {"step_finished", R"({"status":"failure","code":"limit.step_time"})"},
                {"call_intended", R"({"step":1})"},
                {"timer_armed", due(seconds(30))},
            })
            .performing(
                {{"call_cancel", R"({"call":1,"kind":"skill"})"}, {"skill_call"}, {"timer_request", due(seconds(30))}});
    }
}

BOOST_AUTO_TEST_CASE(a_write_without_an_answer_in_time_may_have_happened) {
    spec s = given(steps_of({{"one", "send", {.error_policy = on_error::proceed}}, {"two", "look"}}));
    s.and_given(go());
    s.when(watchdog(), seconds(20))
        .then({
            {"timer_armed"},
            {"call_settled", R"({"outcome":"unknown","code":"limit.step_time"})"},
            {"step_finished", R"({"status":"failure"})"},
            {"run_finished",
             R"({"code":"skill.outcome_unknown","side_effects":[{"target":"mail.send","type":"mail.send"}]})"},
        });
}

BOOST_AUTO_TEST_CASE(an_answer_that_comes_too_late_is_recorded_and_ignored) {
    spec s = given(steps_of({{"one", "look", {.error_policy = on_error::proceed}}, {"two", "send"}}));
    s.and_given(go()).and_given(watchdog(), seconds(10));
    const engine_state before = s.state();
    s.when(ok(1), seconds(1)).then({{"completion_ignored", R"({"run":1,"call":1,"reason":"the call is not open"})"}});
    BOOST_TEST((s.state() == before));
}

BOOST_AUTO_TEST_CASE(a_watchdog_that_fires_before_any_deadline_is_set_again) {
    spec s = given(steps_of({{"one", "look"}, {"two", "send"}}));
    s.and_given(go()).and_given(ok(1), seconds(5));
    s.when(watchdog(), seconds(5))
        .then({{"timer_armed", R"({"due":null})"}, {"timer_armed", due(seconds(25))}})
        .performing({{"timer_request", due(seconds(25))}});
    s.when(watchdog()).then({});
    s.when(watchdog(), seconds(15)).then_among_others({{"call_settled", R"({"outcome":"unknown"})"}});
}

BOOST_AUTO_TEST_CASE(a_watchdog_that_fires_late_still_finds_what_is_overdue) {
    spec s = given(steps_of({{"one", "look"}}));
    s.and_given(go());
    s.when(watchdog(), minutes(3)).then_among_others({{"call_settled", R"({"code":"limit.step_time"})"}});
}

BOOST_AUTO_TEST_CASE(a_watchdog_of_a_run_that_is_not_there_changes_nothing) {
    spec s = given(steps_of({}));
    s.when(watchdog(7), minutes(3)).then({}).performing({});
}

// The store was away for longer than the run had time, and the answer stood before the timer.
BOOST_AUTO_TEST_CASE(a_run_whose_time_is_over_records_the_answer_and_begins_nothing_more) {
    spec s = given(steps_of({{"one", "send"}, {"two", "look"}}, {.run_timeout = seconds(4)}));
    s.and_given(go());
    s.when(ok(1), seconds(5))
        .then({{"call_settled", R"({"result":1})"},
               {"step_finished"},
               {"run_finished", R"({"status":"partial","code":"limit.time"})"}})
        .performing({{"timer_request", R"({"due":null})"}});
    spec last = given(steps_of({{"one", "send"}}, {.run_timeout = seconds(4)}));
    last.and_given(go());
    last.when(ok(1), seconds(5)).then_among_others({{"run_finished", R"({"status":"success"})"}});
    spec in_time = given(steps_of({{"one", "send"}, {"two", "look"}}, {.run_timeout = seconds(4)}));
    in_time.and_given(go());
    in_time.when(ok(1), seconds(4)).then_among_others({{"call_intended", R"({"step":1})"}});
}

BOOST_AUTO_TEST_CASE(a_turn_that_comes_when_the_time_is_over_is_recorded_and_not_taken) {
    spec s = given(loop_agent({.limits = {.run_timeout = seconds(4)}}));
    s.and_given(go());
    s.when(says(1, make_turn({make_call("send")})), seconds(5))
        .then({{"model_settled"}, {"run_finished", R"({"status":"failure","code":"limit.time"})"}});
    spec t = given(loop_agent({.limits = {.run_timeout = seconds(4)}}));
    t.and_given(go()).and_given(says(1, make_turn({make_call("look")})));
    t.when(ok(2), seconds(5))
        .then({{"call_settled"}, {"turn_completed"}, {"run_finished", R"({"status":"failure","code":"limit.time"})"}});
}

BOOST_AUTO_TEST_CASE(a_run_that_stands_still_is_not_over) {
    spec s = given(steps_of({{"one", "send"}, {"two", "look"}}, {.run_timeout = seconds(4)}));
    s.and_given(go()).and_given(pause_run{run1, {}}, seconds(1)).and_given(ok(1), seconds(9));
    s.when(resume_run{run1}, seconds(9)).then_among_others({{"call_intended", R"({"step":1})"}});
}

BOOST_AUTO_TEST_CASE(a_run_that_takes_too_long_ends_and_its_calls_are_cancelled) {
    spec s = given(steps_of({{"one", "send"}}, {.run_timeout = seconds(4)}));
    s.and_given(go());
    s.when(watchdog(), seconds(4))
        .then(
            {{"timer_armed"},
             {"call_settled",
              R"({"call":1,"outcome":"unknown","code":"skill.outcome_unknown","message":"the run ended before the answer"})"},
             {"run_finished",
              R"({"status":"partial","code":"limit.time","latency":4000000,"side_effects":[{"target":"mail.send","type":"mail.send"}]})"}})
        .performing({{"call_cancel", R"({"call":1,"kind":"skill"})"}});
    s.when(ok(1)).then({{"completion_ignored", R"({"reason":"the run has ended"})"}});
}

BOOST_AUTO_TEST_CASE(the_time_of_a_run_counts_from_its_start_and_not_from_its_trigger) {
    spec s = given(steps_of({{"one", "send", {.error_policy = on_error::proceed}}}, {.run_timeout = seconds(15)}));
    s.and_given(go()).and_given(go());
    s.when(ok(1), seconds(14)).then_among_others({{"run_started", R"({"run":2})"}});
    BOOST_TEST(s.state().find({2})->deadline.us == (spec::start + seconds(29)).us);
    s.when(watchdog(2), seconds(2)).then({});
    s.when(watchdog(2), seconds(13))
        .then_among_others({{"run_finished", R"({"run":2,"code":"limit.time","latency":15000000})"}});
}

BOOST_AUTO_TEST_CASE(a_model_without_an_answer_in_time_ends_the_run) {
    spec s = given(loop_agent({.limits = {.step_timeout = seconds(30)}}));
    s.when(go()).performing({{"model_call"}, {"timer_request", due(seconds(30))}});
    s.when(watchdog(), seconds(30))
        .then({
            {"timer_armed"},
            {"model_settled", R"({"outcome":"unknown","code":"limit.step_time","response":null})"},
            {"run_finished", R"({"status":"failure","code":"limit.step_time"})"},
        })
        .performing({{"call_cancel", R"({"kind":"model"})"}});
    s.when(says(1, make_answer("late"))).then({{"completion_ignored"}});
}

BOOST_AUTO_TEST_CASE(of_parallel_calls_only_the_overdue_ones_are_given_up) {
    spec s = given(loop_agent());
    s.and_given(go()).and_given(says(1, make_turn({make_call("look"), make_call("send"), make_call("compute")})));
    s.when(watchdog(), seconds(10))
        .then({
            {"timer_armed", R"({"due":null})"},
            {"call_settled", R"({"call":2,"outcome":"failed"})"},
            {"call_settled", R"({"call":4,"outcome":"failed"})"},
            {"timer_armed", due(seconds(20))},
        })
        .performing(
            {{"call_cancel", R"({"call":2})"}, {"call_cancel", R"({"call":4})"}, {"timer_request", due(seconds(20))}});
    s.when(watchdog(), seconds(10))
        .then_among_others({{"call_settled", R"({"call":3,"outcome":"unknown","code":"limit.step_time"})"},
                            {"turn_completed"},
                            {"model_requested"}});
}

BOOST_AUTO_TEST_CASE(a_person_has_until_the_end_of_the_run) {
    spec s = given(loop_agent({.limits = {.run_timeout = hours(2), .step_timeout = seconds(30)}, .converse = true}));
    s.and_given(go());
    s.when(says(1, make_answer("well?")), seconds(1)).then_among_others({{"user_asked"}});
    s.when(watchdog(), seconds(29)).then({{"timer_armed"}, {"timer_armed", due(hours(2))}});
    s.when(watchdog(), hours(2))
        .then({{"timer_armed"},
               {"user_answered", R"({"ended":true})"},
               {"run_finished", R"({"status":"failure","code":"limit.time"})"}})
        .performing({{"call_cancel", R"({"kind":"user","call":2})"}});
}

BOOST_AUTO_TEST_CASE(a_cancelled_run_ends_as_skipped_and_the_next_one_starts) {
    spec s = given(steps_of({{"one", "send"}}));
    s.and_given(go()).and_given(go());
    s.when(cancel_run{run1, "not today"}, seconds(3))
        .then({
            {"call_settled", R"({"run":1,"call":1,"outcome":"unknown"})"},
            {"run_finished",
             R"({"run":1,"status":"skipped","code":"run.cancelled","message":"not today","latency":3000000})"},
            {"run_started", R"({"run":2})"},
            {"call_intended", R"({"run":2})"},
            {"timer_armed", R"({"run":2})"},
        })
        .performing({{"call_cancel", R"({"run":1,"call":1})"},
                     {"timer_request", R"({"owner":1,"due":null})"},
                     {"skill_call", R"({"run":2})"},
                     {"timer_request", R"({"owner":2})"}});
    s.when(ok(1)).then({{"completion_ignored", R"({"reason":"the run has ended"})"}});
    s.when(cancel_run{run1, "again"})
        .then({{"completion_ignored", R"({"run":1,"call":0,"reason":"the run to cancel has ended"})"}});
}

BOOST_AUTO_TEST_CASE(a_waiting_run_can_be_cancelled_without_touching_the_one_under_way) {
    spec s = given(steps_of({{"one", "send"}}));
    s.and_given(go()).and_given(go()).and_given(go());
    s.when(cancel_run{{2}, "no"})
        .then({{"run_finished", R"({"run":2,"status":"skipped","latency":0})"}})
        .performing({});
    BOOST_TEST(s.state().agents[0].active.value == 1U);
    s.when(ok(1)).then_among_others({{"run_started", R"({"run":3})"}});
}

BOOST_AUTO_TEST_CASE(a_cancelled_loop_run_cancels_every_open_call) {
    spec s = given(loop_agent());
    s.and_given(go()).and_given(says(1, make_turn({make_call("look"), make_call("send")})));
    s.when(cancel_run{run1, "stop"})
        .performing(
            {{"call_cancel", R"({"call":2})"}, {"call_cancel", R"({"call":3})"}, {"timer_request", R"({"due":null})"}});
}

BOOST_AUTO_TEST_CASE(every_open_intent_gets_an_outcome_when_its_run_ends) {
    const model_price price{.input = {1'000'000}, .output = {}, .cached_input = {}};
    spec s = given(loop_agent({.price = price}));
    s.and_given(go());
    s.when(cancel_run{run1, "stop"})
        .then({{"model_settled", R"({"outcome":"unknown","code":"model.unknown"})"},
               {"run_finished", R"({"status":"skipped"})"}});
    BOOST_TEST(s.the<model_settled>().cost.value > 0);
    BOOST_TEST(s.the<run_finished>().outcome->cost.value == s.the<model_settled>().cost.value);

    spec t = given(loop_agent());
    t.and_given(go()).and_given(says(1, make_turn({make_call("look"), make_call("send"), make_call("compute")})));
    t.when(cancel_run{run1, "stop"})
        .then({{"call_settled", R"({"call":2,"outcome":"failed","code":"run.cancelled"})"},
               {"call_settled", R"({"call":3,"outcome":"unknown","code":"skill.outcome_unknown"})"},
               {"call_settled", R"({"call":4,"outcome":"failed","code":"run.cancelled"})"},
               {"run_finished", R"({"side_effects":[{"target":"mail.send","type":"mail.send"}]})"}});
}

BOOST_AUTO_TEST_CASE(work_that_was_done_is_listed_when_a_run_is_cancelled) {
    spec s = given(steps_of({{"one", "send"}, {"two", "look"}}));
    s.and_given(go()).and_given(ok(1));
    s.when(cancel_run{run1, "stop"})
        .then_among_others({{"run_finished", R"({"side_effects":[{"target":"mail.send","type":"mail.send"}]})"}});
}

BOOST_AUTO_TEST_SUITE_END()
