// What people do to runs: a finding about a parked call, pause and resume.
#include "aivp/engine/engine.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/engine/interrupted.hpp"

using namespace aivp;
using namespace aivp::testing;
using namespace engine_test;

BOOST_AUTO_TEST_SUITE(operators)

// ---- what a person says ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_parked_call_happened) {
    spec s = parked();
    s.when(found(1, call_finding::happened, R"({"id":7})"))
        .then_among_others({{"call_settled", R"({"call":1,"outcome":"ok","result":{"id":7},"cost":5})"},
                            {"step_finished", R"({"status":"success"})"},
                            {"call_intended", R"({"call":2})"}});
    s.when(ok(2)).then_among_others(
        {{"run_finished", R"({"status":"success","side_effects":[{"target":"mail.send","type":"mail.send"}]})"}});
}

BOOST_AUTO_TEST_CASE(a_parked_call_happened_and_nobody_knows_its_result) {
    for (const char* schema : {"", R"({"type":"object"})"}) {
        spec s = given(make_steps_agent("a", {make_binding("send", make_skill("mail.send", {.output_schema = schema}))},
                                        {{"one", "send"}}));
        s.and_given(go()).and_given(recover{});
        s.when(found(1, call_finding::happened))
            .then_among_others(
                {{"call_settled", R"({"outcome":"ok","result":null})"}, {"run_finished", R"({"status":"success"})"}});
    }
}

BOOST_AUTO_TEST_CASE(a_parked_call_did_not_happen) {
    spec s = parked();
    resolve_call in = found(1, call_finding::failed);
    in.note = "no such mail";
    s.when(in).then_among_others({{"call_settled", R"({"outcome":"failed","code":"skill.failed"})"},
                                  {"run_finished", R"({"status":"failure","side_effects":[]})"}});
    BOOST_TEST(s.the<call_settled>().message.find("no such mail") != std::string::npos);
    spec t = parked({"send", "look"}, {}, on_error::proceed);
    t.when(found(1, call_finding::failed))
        .then_among_others({{"step_finished", R"({"status":"failure"})"}, {"call_intended", R"({"call":2})"}});
}

BOOST_AUTO_TEST_CASE(a_parked_call_is_to_be_made_again) {
    spec s = parked({"send", "look"}, {.limits = {.run_timeout = seconds(100)}});
    const effect_key key = run(s).open.at(0).idempotency_key;
    s.when(found(1, call_finding::again), hours(2)).then_among_others({{"call_resent", R"({"call":1,"lost":0})"}});
    BOOST_TEST(dispatched(s) == 1U);
    BOOST_CHECK(s.the<skill_call>().idempotency_key == key);
    BOOST_CHECK(s.the<skill_call>().deadline == s.now() + seconds(60));
    s.when(ok(1), seconds(1)).then_among_others({{"call_settled", R"({"outcome":"ok","cost":5})"}, {"call_intended"}});
    BOOST_CHECK(run(s).deadline == at(hours(2) + seconds(100)));
}

BOOST_AUTO_TEST_CASE(a_model_hears_what_a_person_found) {
    for (const call_finding finding : {call_finding::happened, call_finding::failed, call_finding::again}) {
        spec s = given(loop_of());
        s.and_given(go()).and_given(says(1, make_turn({make_call("send")}))).and_given(recover{});
        s.and_given(found(2, finding, R"({"n":"by hand"})"), hours(1));
        if (finding == call_finding::again) {
            s.then_among_others({{"call_resent"}});
            s.and_given(ok(2, R"({"n":"by hand"})"));
        }
        s.then_among_others({{"call_settled"}, {"turn_completed"}, {"model_requested"}});
        const std::string told(s.the<model_call>().messages.messages().back().text());
        BOOST_TEST((told.find("by hand") != std::string::npos) == (finding != call_finding::failed));
        BOOST_TEST((told.find("\"error\":true") != std::string::npos) == (finding == call_finding::failed));
    }
}

BOOST_AUTO_TEST_CASE(a_second_crash_after_again_parks_the_call_once_more) {
    spec s = parked();
    s.and_given(found(1, call_finding::again));
    s.when(recover{}).then({{"call_parked", R"({"call":1})"}, {"recovered", R"({"parked":1})"}});
    BOOST_TEST(dispatched(s) == 0U);
}

BOOST_AUTO_TEST_CASE(what_the_port_says_of_a_parked_call_is_late) {
    spec s = parked();
    s.when(ok(1)).then({{"completion_ignored"}});
    BOOST_TEST(run(s).open.at(0).parked);
}

BOOST_AUTO_TEST_CASE(only_a_parked_call_is_resolved) {
    spec s = given(steps_of({"look"}));
    s.and_given(go());
    s.when(found(1, call_finding::failed)).then({{"completion_ignored"}}).performing({});
    s.when(found(9, call_finding::happened)).then({{"completion_ignored"}});
    s.when(resolve_call{{{7}, {1}}, call_finding::again, {}, {}}).then({{"completion_ignored", R"({"run":7})"}});
}

BOOST_AUTO_TEST_CASE(a_parked_run_can_be_cancelled) {
    spec s = parked();
    s.when(cancel_run{run1, "enough"})
        .then({{"call_settled", R"({"call":1,"outcome":"unknown","code":"skill.outcome_unknown"})"},
               {"run_finished", R"({"code":"run.cancelled"})"}});
    BOOST_TEST(s.state().runs.empty());
}

// ---- pause and resume --------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_paused_run_takes_the_answer_and_makes_no_further_step_until_it_is_resumed) {
    spec s = given(steps_of({"look", "send"}, {.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    s.when(pause_run{run1, "wait"}, seconds(1)).then({{"run_paused", R"({"reason":"wait"})"}}).performing({});
    s.when(ok(1), seconds(1)).then({{"call_settled"}, {"step_finished"}}).performing({});
    s.when(watchdog(), days(1)).then({{"timer_armed", R"({"due":null})"}});
    s.when(resume_run{run1}).then_among_others({{"run_resumed"}, {"call_intended", R"({"call":2})"}, {"timer_armed"}});
    BOOST_CHECK(run(s).deadline == at(days(1) + seconds(101)));
    s.when(ok(2)).then_among_others({{"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(a_paused_run_that_has_made_its_last_step_ends_when_it_is_resumed) {
    spec s = given(steps_of({"look"}));
    s.and_given(go()).and_given(pause_run{run1, {}}).and_given(ok(1));
    s.when(resume_run{run1}).then({{"run_resumed"}, {"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(a_turn_that_came_during_a_pause_is_taken_when_the_run_is_resumed) {
    spec s = given(loop_of());
    s.and_given(go()).and_given(pause_run{run1, {}});
    s.when(says(1, make_turn({make_call("look"), make_call("send")}))).then({{"model_settled"}}).performing({});
    s.and_given(recover{}).performing({{"timer_request"}});
    s.when(resume_run{run1})
        .then_among_others({{"run_resumed"}, {"call_intended", R"({"step":0})"}, {"call_intended", R"({"step":1})"}});
    BOOST_TEST(!run(s).held.has_value());
    s.and_given(ok(2));
    s.when(ok(3)).then_among_others({{"turn_completed"}, {"model_requested"}});
}

BOOST_AUTO_TEST_CASE(an_answer_that_came_during_a_pause_ends_the_run_when_it_is_resumed) {
    spec s = given(loop_of());
    s.and_given(go()).and_given(pause_run{run1, {}}).and_given(says(1, make_answer("done")));
    s.when(resume_run{run1}).then({{"run_resumed"}, {"run_finished", R"({"status":"success"})"}});
    spec t = given(loop_of({.converse = true}));
    t.and_given(go()).and_given(pause_run{run1, {}}).and_given(says(1, make_answer("well?")));
    t.when(resume_run{run1}).then_among_others({{"run_resumed"}, {"user_asked"}});
}

BOOST_AUTO_TEST_CASE(a_secret_argument_that_came_during_a_pause_is_never_sent_as_its_placeholder) {
    spec s = given(loop_of());
    s.and_given(go()).and_given(pause_run{run1, {}});
    s.and_given(says(1, make_turn({make_call("vault", R"({"pin":"1234"})"), make_call("look")})));
    s.and_given(resume_run{run1});
    for (const engine_effect& e : s.last().effects)
        if (const auto* call = std::get_if<skill_call>(&e))
            BOOST_TEST(call->arguments.text().find("secret:") == std::string_view::npos);
    s.then_among_others({{"call_refused", R"({"as":"vault"})"}, {"call_intended"}});
}

BOOST_AUTO_TEST_CASE(answers_of_a_turn_that_came_during_a_pause_go_to_the_model_when_the_run_is_resumed) {
    spec s = given(loop_of());
    s.and_given(go()).and_given(says(1, make_turn({make_call("look"), make_call("send")})));
    s.and_given(pause_run{run1, {}}).and_given(ok(2));
    s.when(ok(3)).then({{"call_settled"}}).performing({});
    s.when(resume_run{run1}).then_among_others({{"run_resumed"}, {"turn_completed"}, {"model_requested"}});
}

BOOST_AUTO_TEST_CASE(a_reply_that_came_during_a_pause_goes_to_the_model_when_the_run_is_resumed) {
    spec s = given(loop_of({.converse = true}));
    s.and_given(go()).and_given(says(1, make_answer("well?"))).and_given(pause_run{run1, {}});
    s.when(user_completion{{run1, {2}}, json("\"yes\""), false}).then({{"user_answered"}}).performing({});
    s.when(resume_run{run1}).then_among_others({{"run_resumed"}, {"model_requested"}});
}

BOOST_AUTO_TEST_CASE(a_question_outlives_a_pause_that_is_longer_than_the_run) {
    spec s = given(loop_of({.limits = {.run_timeout = seconds(100)}, .converse = true}));
    s.and_given(go()).and_given(says(1, make_answer("well?")));
    s.and_given(pause_run{run1, {}}, seconds(1));
    s.when(watchdog(), hours(1)).then({{"timer_armed", R"({"due":null})"}}).performing({});
    s.and_given(resume_run{run1});
    BOOST_CHECK(run(s).watchdog <= run(s).deadline);
    s.when(watchdog(), seconds(50));
    s.when(user_completion{{run1, {2}}, json("\"yes\""), false}).then_among_others({{"model_requested"}});
    BOOST_CHECK(run(s).deadline == at(hours(1) + seconds(100)));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_paused_before_its_first_step_begins_when_it_is_resumed) {
    for (const snapshot_ptr& agent : {steps_of({"look"}, {.limits = {.run_timeout = seconds(100)}}),
                                      loop_of({.limits = {.run_timeout = seconds(100)}})}) {
        spec s = given(agent);
        s.and_given(go()).and_given(go()).and_given(pause_run{run2, {}}, seconds(5));
        s.when(cancel_run{run1, {}}, hours(1)).then_among_others({{"run_finished"}, {"run_started", R"({"run":2})"}});
        BOOST_TEST(dispatched(s) == 0U);
        s.and_given(recover{});
        BOOST_TEST(dispatched(s) == 0U);
        s.and_given(resume_run{run2}, hours(1));
        BOOST_TEST(dispatched(s) == 1U);
        BOOST_CHECK(run(s, run2).deadline == at(hours(2) + seconds(105)));
        BOOST_CHECK(run(s, run2).watchdog != instant::max());
    }
}

BOOST_AUTO_TEST_CASE(a_waiting_run_that_was_paused_and_resumed_begins_in_its_turn) {
    spec s = given(steps_of({"look"}));
    s.and_given(go()).and_given(go()).and_given(pause_run{run2, {}});
    s.when(resume_run{run2}, hours(1)).then({{"run_resumed"}}).performing({});
    s.when(cancel_run{run1, {}}).then_among_others({{"run_started", R"({"run":2})"}, {"call_intended"}});
    BOOST_CHECK(run(s, run2).deadline == s.now() + minutes(10) || run(s, run2).deadline > s.now());
}

BOOST_AUTO_TEST_CASE(a_paused_run_can_be_cancelled) {
    spec s = given(steps_of({"look"}));
    s.and_given(go()).and_given(pause_run{run1, {}}).and_given(ok(1));
    s.when(cancel_run{run1, {}}).then({{"run_finished", R"({"status":"skipped","code":"run.cancelled"})"}});
    spec t = given(loop_of());
    t.and_given(go()).and_given(pause_run{run1, {}}).and_given(says(1, make_answer("x")));
    t.when(cancel_run{run1, {}}).then({{"run_finished", R"({"code":"run.cancelled"})"}});
    BOOST_TEST(t.state().runs.empty());
}

BOOST_AUTO_TEST_CASE(a_paused_run_s_call_is_sent_again_at_recovery_with_its_full_time) {
    for (const snapshot_ptr& agent :
         {steps_of({"look"}, {.limits = {.run_timeout = seconds(100)}}),
          loop_of({.limits = {.run_timeout = seconds(100), .step_timeout = seconds(60)}})}) {
        spec s = given(agent);
        s.and_given(go()).and_given(pause_run{run1, {}});
        s.when(recover{}, hours(1)).then_among_others({{"call_resent"}});
        BOOST_CHECK(run(s).open.at(0).deadline == s.now() + seconds(60));
    }
}

BOOST_AUTO_TEST_CASE(a_pause_of_a_parked_run_ends_with_both) {
    spec s = parked({"send", "look"}, {.limits = {.run_timeout = seconds(100)}});
    s.and_given(pause_run{run1, {}}, hours(1));
    s.when(found(1, call_finding::happened, "{}"), hours(1)).then({{"call_settled"}, {"step_finished"}}).performing({});
    s.when(resume_run{run1}, hours(1)).then_among_others({{"run_resumed"}, {"call_intended"}});
    BOOST_CHECK(run(s).deadline == at(hours(3) + seconds(100)));
    spec t = parked({"send", "look"});
    t.and_given(pause_run{run1, {}});
    t.when(resume_run{run1}).then({{"run_resumed"}});
    BOOST_CHECK(run(t).halted_at != instant::max());
    t.when(found(1, call_finding::happened, "{}")).then_among_others({{"call_intended"}});
}

BOOST_AUTO_TEST_CASE(pausing_and_resuming_what_cannot_be_is_recorded_and_changes_nothing) {
    spec s = given(steps_of({"look"}));
    s.when(pause_run{run1, {}}).then({{"completion_ignored"}});
    s.when(resume_run{run1}).then({{"completion_ignored"}});
    s.and_given(go());
    s.when(resume_run{run1}).then({{"completion_ignored"}}).performing({});
    s.and_given(pause_run{run1, {}});
    s.when(pause_run{run1, {}}).then({{"completion_ignored"}}).performing({});
}

BOOST_AUTO_TEST_SUITE_END()
