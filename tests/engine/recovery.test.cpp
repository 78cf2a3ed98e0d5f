// What becomes of runs when the host crashes, sleeps, or plans another attempt.
#include "aivp/engine/recovery.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/engine/interrupted.hpp"

using namespace aivp;
using namespace aivp::testing;
using namespace engine_test;

BOOST_AUTO_TEST_SUITE(recovery)

// ---- what was under way ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_can_be_repeated_is_sent_again_under_its_key) {
    for (const char* name : {"look", "pay", "set", "auth"}) {
        spec s = given(steps_of({name}));
        s.and_given(go());
        const skill_call before = s.the<skill_call>();
        s.when(recover{seconds(5)}, seconds(5))
            .then({{"time_lost", R"({"by":5000000})"},
                   {"call_resent", R"({"run":1,"call":1,"lost":0})"},
                   {"recovered", R"({"resent":1,"parked":0})"}});
        const auto& again = s.the<skill_call>();
        BOOST_CHECK(again.idempotency_key == before.idempotency_key);
        BOOST_TEST(again.arguments.text() == before.arguments.text());
        BOOST_TEST(again.has_secrets == before.has_secrets);
        BOOST_CHECK(again.deadline == s.now() + seconds(60));
        BOOST_TEST(count_effects(s, "skill_call") == 1U);
        s.when(ok(1)).then_among_others({{"run_finished", R"({"status":"success"})"}});
    }
}

BOOST_AUTO_TEST_CASE(a_write_without_a_key_waits_for_a_person) {
    spec s = given(steps_of({"send"}));
    s.and_given(go());
    s.when(recover{}).then(
        {{"call_parked", R"({"run":1,"call":1,"code":"call.parked"})"}, {"recovered", R"({"resent":0,"parked":1})"}});
    BOOST_TEST(dispatched(s) == 0U);
    BOOST_TEST(run(s).open.at(0).parked);
    BOOST_TEST(run(s).reserved.value == 5);
}

BOOST_AUTO_TEST_CASE(a_model_is_asked_again_and_the_lost_attempt_is_paid_for) {
    spec s = given(loop_of({.price = {.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}}}));
    s.and_given(go());
    const model_call before = s.the<model_call>();
    const std::int64_t reserved = run(s).reserved.value;
    s.when(recover{}).then_among_others({{"call_resent"}, {"recovered", R"({"resent":1})"}});
    BOOST_CHECK(s.the<model_call>().key == before.key);
    BOOST_TEST(s.the<call_resent>().lost.value == reserved);
    BOOST_TEST(run(s).spent.value == reserved);
    BOOST_TEST(run(s).reserved.value == reserved);
}

BOOST_AUTO_TEST_CASE(a_model_is_not_asked_again_beyond_the_budget) {
    const model_price price{.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}};
    spec probe = given(loop_of({.price = price}));
    probe.and_given(go());
    const std::int64_t reserved = run(probe).reserved.value;
    for (const std::int64_t extra : {-1, 0}) {
        spec s = given(loop_of({.limits = {.budget = {2 * reserved + extra}}, .price = price}));
        s.and_given(go());
        s.when(recover{});
        BOOST_TEST(dispatched(s) == (extra == 0 ? 1U : 0U));
        if (extra == 0) continue;
        s.then({{"model_settled", R"({"outcome":"unknown","code":"run.interrupted"})"},
                {"run_finished", R"({"status":"failure","code":"budget.exhausted"})"},
                {"recovered", R"({"resent":0,"parked":0})"}});
        BOOST_TEST(s.the<run_finished>().outcome->cost.value == reserved);
    }
}

BOOST_AUTO_TEST_CASE(a_question_is_put_once_more_in_the_same_words) {
    spec s = given(loop_of({.converse = true}));
    s.and_given(go())
        .and_given(says(1, make_answer("hello")))
        .and_given(user_completion{{run1, {2}}, json("\"hm\""), false});
    model_response silent;
    silent.content = {};
    s.and_given(says(3, silent));
    const std::string text(s.the<user_question_effect>().text.text());
    s.when(recover{}).then_among_others({{"call_resent", R"({"call":4})"}});
    BOOST_TEST(s.the<user_question_effect>().text.text() == text);
    BOOST_CHECK(s.the<user_question_effect>().messages == run(s).messages);
    s.when(user_completion{{run1, {4}}, {}, true}).then_among_others({{"user_answered"}, {"run_finished"}});
}

BOOST_AUTO_TEST_CASE(of_a_half_answered_turn_only_what_is_open_is_taken_up_again) {
    spec s = given(loop_of());
    s.and_given(go());
    s.and_given(says(1, make_turn({make_call("look"), make_call("send"), make_call("pay"), make_call("nobody")})));
    s.and_given(ok(2, R"({"n":"looked"})"));
    s.when(recover{}).then({{"call_parked", R"({"call":3})"},
                            {"call_resent", R"({"call":4})"},
                            {"recovered", R"({"resent":1,"parked":1})"}});
    s.when(ok(4, R"({"n":"paid"})")).then({{"call_settled", R"({"call":4})"}});
    s.when(found(3, call_finding::happened, R"({"n":"sent"})"))
        .then_among_others({{"call_settled", R"({"call":3,"outcome":"ok"})"}, {"turn_completed"}, {"model_requested"}});
    std::string told;
    for (const payload& m : s.the<model_call>().messages.messages()) told += std::string(m.text());
    const std::size_t looked = told.find("looked"), sent = told.find("sent"), paid = told.find("paid");
    BOOST_TEST((looked < sent && sent < paid && paid != std::string::npos));
}

BOOST_AUTO_TEST_CASE(what_was_recorded_without_its_secrets_is_not_sent_again) {
    spec s = given(steps_of({"vault", "look"}));
    s.and_given(go());
    BOOST_TEST(s.line().find("1234") == std::string::npos);
    s.when(recover{}).then_among_others({{"call_parked", R"({"call":1})"}});
    BOOST_TEST(dispatched(s) == 0U);
    s.when(found(1, call_finding::again)).then({{"completion_ignored"}});
    BOOST_TEST(run(s).open.at(0).parked);
    s.when(found(1, call_finding::happened, "{}")).then_among_others({{"step_finished"}, {"call_intended"}});
}

BOOST_AUTO_TEST_CASE(a_read_that_was_recorded_without_its_secrets_has_failed) {
    spec s = given(steps_of({"peek", "look"}, {}, on_error::proceed));
    s.and_given(go());
    s.when(recover{}).then({{"call_settled", R"({"call":1,"outcome":"failed","code":"run.interrupted"})"},
                            {"step_finished", R"({"status":"failure"})"},
                            {"call_intended", R"({"call":2})"},
                            {"recovered", R"({"resent":0,"parked":0})"}});
    BOOST_TEST(dispatched(s) == 1U);
}

BOOST_AUTO_TEST_CASE(a_second_crash_before_any_answer_changes_nothing_more) {
    spec s = given(loop_of());
    s.and_given(go());
    s.and_given(says(1, make_turn({make_call("send"), make_call("pay")})));
    const effect_key key = s.the<skill_call>(1).idempotency_key;
    s.and_given(recover{});
    for (int i = 0; i < 3; ++i) {
        s.when(recover{seconds(1)}, seconds(1))
            .then({{"time_lost"}, {"call_resent", R"({"call":3})"}, {"recovered", R"({"resent":1,"parked":0})"}});
        BOOST_CHECK(s.the<skill_call>().idempotency_key == key);
        BOOST_TEST(run(s).open.size() == 2U);
        BOOST_CHECK(run(s).halted_at != instant::max());
    }
}

BOOST_AUTO_TEST_CASE(a_call_that_is_sent_again_beside_a_parked_one_has_its_full_time) {
    spec s = given(loop_of({.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    s.and_given(says(1, make_turn({make_call("send"), make_call("pay")})));
    s.and_given(recover{});
    s.when(recover{}, hours(3));
    BOOST_CHECK(s.the<skill_call>().deadline == s.now() + seconds(60));
}

BOOST_AUTO_TEST_CASE(a_run_whose_time_was_over_when_the_host_stopped_is_not_taken_up_again) {
    spec s = given(steps_of({"pay"}, {.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    // The store was away for longer than the run had time; then the process died, and nobody was there for five seconds.
    s.when(recover{seconds(5)}, seconds(106))
        .then_among_others({{"call_settled", R"({"outcome":"unknown"})"},
                            {"run_finished", R"({"code":"limit.time"})"},
                            {"recovered", R"({"resent":0})"}});
    BOOST_TEST(dispatched(s) == 0U);
    spec t = given(steps_of({"pay"}, {.limits = {.run_timeout = seconds(100)}}));
    t.and_given(go());
    t.when(recover{seconds(6)}, seconds(106)).then_among_others({{"call_resent"}, {"recovered", R"({"resent":1})"}});
}

BOOST_AUTO_TEST_CASE(nothing_was_under_way) {
    spec s;
    s.when(recover{}).then({{"recovered", R"({"resent":0,"parked":0})"}}).performing({});
    spec t = given(steps_of({"look"}));
    t.when(recover{hours(1)}, hours(1)).then({{"time_lost"}, {"recovered"}}).performing({});
}

BOOST_AUTO_TEST_CASE(every_timer_is_asked_for_again) {
    const trigger_spec hourly{
        .id = "h", .when = interval_schedule{hours(1), spec::start}, .payload_schema = {}, .where = {}};
    const trigger_spec manual{.id = "m", .when = manual_schedule{}, .payload_schema = {}, .where = {}};
    spec s = given(steps_of({"look"}, {.triggers = {manual, hourly}}));
    s.and_given(go());
    s.when(recover{}, seconds(1))
        .performing({{"skill_call"},
                     {"timer_request", R"({"timer":"trigger","owner":1,"ordinal":1,"due":1767229200000000})"},
                     {"timer_request", R"({"timer":"run","owner":1,"due":1767225660000000})"}});
}

BOOST_AUTO_TEST_CASE(windows_that_passed_meanwhile_are_taken_when_their_timer_fires) {
    const trigger_spec hourly{.id = "h",
                              .when = interval_schedule{hours(1), spec::start},
                              .payload_schema = {},
                              .overlap = overlap_policy::queue,
                              .queue_max = 9,
                              .where = {}};
    spec s = given(steps_of({"look"}, {.triggers = {hourly}}));
    s.and_given(recover{hours(3)}, hours(3));
    s.when(timer_elapsed{{timer_key::kind::trigger, 1, 0}})
        .then_among_others({{"trigger_accepted"}, {"trigger_accepted"}, {"trigger_accepted"}, {"trigger_armed"}});
}

// ---- time --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(time_without_a_host_moves_all_deadlines) {
    spec s = given(steps_of({"look"}, {.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    s.when(recover{hours(2)}, hours(2) + seconds(10));
    BOOST_CHECK(run(s).deadline == at(hours(2) + seconds(100)));
    BOOST_CHECK(run(s).open.at(0).deadline == s.now() + seconds(60));
    s.when(watchdog()).then({{"timer_armed", R"({"due":null})"}, {"timer_armed"}});
    BOOST_CHECK(run(s).watchdog == s.now() + seconds(60));
}

BOOST_AUTO_TEST_CASE(a_run_whose_deadline_passed_while_the_host_was_away_without_saying_so_ends) {
    spec s = given(steps_of({"look"}, {.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    s.when(recover{}, hours(2))
        .then_among_others({{"run_finished", R"({"status":"failure","code":"limit.time"})"}, {"recovered"}});
}

BOOST_AUTO_TEST_CASE(sleep_moves_deadlines_and_sends_nothing) {
    spec s = given(steps_of({"send"}, {.limits = {.run_timeout = seconds(100)}}));
    s.and_given(go());
    s.when(wake{hours(1)}, hours(1)).then({{"time_lost", R"({"by":3600000000})"}}).performing({});
    s.when(watchdog()).then({{"timer_armed"}, {"timer_armed"}});
    BOOST_CHECK(run(s).watchdog == at(hours(1) + seconds(60)));
    s.when(wake{}).then({});
}

BOOST_AUTO_TEST_CASE(the_clock_of_a_parked_run_stands_still) {
    spec s = parked({"send", "look"}, {.limits = {.run_timeout = seconds(100)}});
    s.when(watchdog(), days(3)).then({{"timer_armed", R"({"due":null})"}}).performing({});
    BOOST_CHECK(run(s).watchdog == instant::max());
    s.when(found(1, call_finding::happened, "{}"), days(1)).then_among_others({{"call_intended"}, {"timer_armed"}});
    BOOST_CHECK(run(s).deadline == at(days(4) + seconds(100)));
    BOOST_CHECK(s.the<skill_call>().deadline == s.now() + seconds(60));
}

BOOST_AUTO_TEST_CASE(time_lost_is_not_counted_twice_for_a_run_that_stands_still) {
    spec s = parked({"send", "look"}, {.limits = {.run_timeout = seconds(100)}});
    s.and_given(recover{hours(5)}, hours(6));
    s.and_given(found(1, call_finding::happened, "{}"));
    BOOST_CHECK(run(s).deadline == at(hours(6) + seconds(100)));
}

// ---- attempts ----------------------------------------------------------------------------------------------------------

namespace {
skill_completion held_back(std::uint64_t call, effect_outcome outcome) {
    return {.ref = {run1, {call}},
            .outcome = outcome,
            .result = {},
            .code = errc::rate_limited,
            .message = "wait",
            .retry_after = seconds(20)};
}
} // namespace

BOOST_AUTO_TEST_CASE(a_planned_attempt_survives_a_crash_and_is_made_when_it_is_due) {
    spec s = given(steps_of({"send"}));
    s.and_given(go());
    const effect_key key = s.the<skill_call>().idempotency_key;
    s.when(held_back(1, effect_outcome::failed)).then_among_others({{"call_retry_planned", R"({"call":1})"}});
    s.when(recover{seconds(5)}, seconds(5))
        .then({{"time_lost"}, {"recovered", R"({"resent":0,"parked":0})"}})
        .performing({{"timer_request"}});
    s.when(watchdog(), seconds(15)).then_among_others({{"call_resent", R"({"call":1,"lost":0})"}});
    BOOST_CHECK(s.the<skill_call>().idempotency_key == key);
    s.when(ok(1)).then_among_others({{"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(a_planned_attempt_waits_for_the_end_of_a_pause) {
    spec s = given(steps_of({"send"}));
    s.and_given(go()).and_given(held_back(1, effect_outcome::failed)).and_given(pause_run{run1, {}});
    s.when(watchdog(), hours(1));
    BOOST_TEST(dispatched(s) == 0U);
    s.when(resume_run{run1}).then({{"run_resumed"}, {"timer_armed"}});
    s.when(watchdog()).then_among_others({{"call_resent"}});
    BOOST_CHECK(s.the<skill_call>().deadline == s.now() + seconds(60));
}

BOOST_AUTO_TEST_CASE(a_write_that_may_have_happened_is_not_made_again_whatever_the_far_side_asks_for) {
    spec s = given(steps_of({"send"}));
    s.and_given(go());
    s.when(held_back(1, effect_outcome::unknown)).then_among_others({{"call_settled", R"({"outcome":"unknown"})"}});
    BOOST_TEST(dispatched(s) == 0U);
}

BOOST_AUTO_TEST_CASE(a_call_that_waits_for_its_next_attempt_is_not_under_way_when_its_run_ends) {
    spec s = given(steps_of({"send"}));
    s.and_given(go()).and_given(held_back(1, effect_outcome::failed));
    s.when(cancel_run{run1, {}})
        .then({{"call_settled", R"({"outcome":"failed","code":"run.cancelled"})"},
               {"run_finished", R"({"status":"skipped","side_effects":[]})"}});
    spec t = given(loop_of({.price = {.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}}}));
    t.and_given(go());
    t.when(model_completion{.ref = {run1, {1}},
                            .outcome = effect_outcome::failed,
                            .code = errc::rate_limited,
                            .message = "wait",
                            .retry_after = seconds(5)})
        .then_among_others({{"call_retry_planned", R"({"lost":0})"}});
    t.when(cancel_run{run1, {}}).then_among_others({{"run_finished", R"({"cost":0})"}});
}

// ---- the journal's name ------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(equal_runs_of_two_journals_use_different_keys) {
    std::vector<effect_key> keys;
    for (const char* name : {"", "one", "two"}) {
        spec s;
        if (*name) s.when(open_journal{effect_key_of(sha256(name))}).then({{"journal_opened"}});
        s.and_given(activate_agent{steps_of({"pay"})});
        s.and_given(go());
        keys.push_back(s.the<skill_call>().idempotency_key);
    }
    BOOST_CHECK(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}

BOOST_AUTO_TEST_CASE(a_journal_is_named_once_and_before_its_first_run) {
    spec s;
    s.and_given(open_journal{effect_key_of(sha256("one"))});
    s.when(open_journal{effect_key_of(sha256("two"))}).then({{"completion_ignored"}});
    BOOST_CHECK(s.state().journal == effect_key_of(sha256("one")));
    spec t = given(steps_of({"look"}));
    t.and_given(go());
    t.when(open_journal{effect_key_of(sha256("two"))}).then({{"completion_ignored"}});
}

BOOST_AUTO_TEST_SUITE_END()
