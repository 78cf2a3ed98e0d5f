// What becomes of runs when the host crashes, sleeps, is told to pause, or when a person says what became of a call.
#include "aivp/engine/recovery.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"
#include "tests/engine/play.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr run_id run1{1};
constexpr run_id run2{2};

start_run go() { return {agent_id{1}, {}}; }
skill_completion ok(std::uint64_t call, std::string_view result = R"({"n":1})") {
    return {.ref = {run1, {call}}, .outcome = effect_outcome::ok, .result = json(result), .message = {}};
}
model_completion says(std::uint64_t call, model_response response) {
    return {.ref = {run1, {call}}, .response = std::move(response), .message = {}};
}
timer_elapsed watchdog(run_id run = run1) { return {{timer_key::kind::run, run.value, 0}}; }
resolve_call found(std::uint64_t call, call_finding finding, std::string_view result = "null") {
    return {{run1, {call}}, finding, json(result), {}};
}

std::vector<skill_binding> bindings() {
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
snapshot_ptr steps_of(const std::vector<std::string>& names, agent_options options = {},
                      on_error policy = on_error::abort) {
    std::vector<step_row> rows;
    for (const std::string& name : names)
        rows.push_back(
            {"s" + std::to_string(rows.size()), name, {.arguments = R"({"pin":"1234"})", .error_policy = policy}});
    return make_steps_agent("a", bindings(), rows, std::move(options));
}
snapshot_ptr loop_of(agent_options options = {}) { return make_loop_agent("a", bindings(), "go", std::move(options)); }

std::size_t count_effects(const spec& s, const char* name) {
    return static_cast<std::size_t>(std::count_if(s.last().effects.begin(), s.last().effects.end(), [&](const auto& e) {
        return std::string_view(effect_name(e)) == name;
    }));
}
std::size_t dispatched(const spec& s) {
    return count_effects(s, "skill_call") + count_effects(s, "model_call") + count_effects(s, "user_question");
}
const run_state& run(const spec& s, run_id id = run1) {
    BOOST_REQUIRE(s.state().find(id) != nullptr);
    return *s.state().find(id);
}
instant at(duration after) { return spec::start + after; }

/// A steps agent whose one unkeyed write waits for a person.
spec parked(std::vector<std::string> names = {"send", "look"}, agent_options options = {},
            on_error policy = on_error::abort) {
    spec s = given(steps_of(names, std::move(options), policy));
    s.and_given(go());
    s.and_given(recover{});
    s.then_among_others({{"call_parked"}});
    return s;
}

} // namespace

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
    s.and_given(recover{}, hours(2));
    s.when(watchdog()).then_among_others({{"run_finished", R"({"status":"failure","code":"limit.time"})"}});
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

// ---- reading -----------------------------------------------------------------------------------------------------------

namespace {

struct journal_of {
    std::vector<snapshot_ptr> agents;
    std::vector<std::string> lines;
    std::vector<engine_state> states{engine_state{}};

    void put(engine_input input, duration later = {}) {
        now = now + later;
        engine_state state = states.back();
        const input_envelope in{{lines.size() + 1}, now, input_source::host, {}, {}, std::move(input)};
        decision d;
        step(state, in, d);
        append_journal_line(lines.emplace_back(), in, d);
        states.push_back(std::move(state));
    }
    instant now = spec::start;
};

journal_of some_journal() {
    journal_of j;
    j.agents = {steps_of({"look", "send"}), make_loop_agent("b", bindings(), "go", {.converse = true})};
    for (const snapshot_ptr& a : j.agents) j.put(activate_agent{a});
    j.put(start_run{{1}, {}});
    j.put(start_run{{2}, {}});
    j.put(start_run{{1}, {}});
    j.put(model_completion{.ref = {{2}, {1}},
                           .response = make_turn({make_call("look"), make_call("none"), make_call("send")}),
                           .message = {}});
    j.put(skill_completion{.ref = {{2}, {2}}, .outcome = effect_outcome::ok, .result = json("{}"), .message = {}});
    j.put(ok(1));
    j.put(recover{seconds(1)}, seconds(1));
    return j;
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const std::size_t found = text.find(what);
    BOOST_REQUIRE_MESSAGE(found != std::string::npos, what << " is not in " << text);
    return text.replace(found, what.size(), with);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_journal_leads_to_the_state_that_it_came_from) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    engine_state state;
    for (std::size_t i = 0; i < j.lines.size(); ++i) {
        const auto step = replay_line(state, j.lines[i], agents);
        BOOST_REQUIRE_MESSAGE(step.has_value(), j.lines[i]);
        BOOST_TEST(step->seq.value == i + 1);
        BOOST_CHECK(state == j.states[i + 1]);
    }
}

BOOST_AUTO_TEST_CASE(a_line_that_is_left_out_or_comes_twice_or_too_early_is_noticed_or_harmless) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    std::size_t refused = 0;
    for (std::size_t left_out = 2; left_out < j.lines.size(); ++left_out) {
        engine_state state;
        bool good = true;
        for (std::size_t i = 0; i < j.lines.size() && good; ++i)
            if (i != left_out) good = replay_line(state, j.lines[i], agents).has_value();
        refused += !good;
        engine_state twice;
        for (std::size_t i = 0; i <= left_out; ++i) BOOST_REQUIRE(replay_line(twice, j.lines[i], agents));
        const auto again = replay_line(twice, j.lines[left_out], agents);
        if (left_out + 1 < j.lines.size()) BOOST_TEST(!again.has_value(), "line " << left_out << " twice");
    }
    BOOST_TEST(refused >= 4U);
}

BOOST_AUTO_TEST_CASE(a_line_that_tells_what_cannot_have_happened_is_refused) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    struct lie {
        std::size_t line; ///< from 1
        const char* what;
        const char* with;
    };
    for (const lie& l : std::vector<lie>{
             {3, "\"agent\":1", "\"agent\":3"},
             {3, "\"agent\":1", "\"agent\":0"},
             {3, "\"agent\":1", "\"agent\":-1"},
             {3, "\"run\":1", "\"run\":2"},
             {3, "call_intended", "call_invented"},
             {3, "\"binding\":1", "\"binding\":99"},
             {3, "\"call\":1", "\"call\":2"},
             {3, "\"step\":0", "\"step\":2"},
             {3, "\"step\":0", "\"step\":1"},
             {3, "\"waits\":false", "\"waits\":true"},
             {3, "\"events\":[", "\"events\":{},\"f\":["},
             {4, "\"call\":1", "\"call\":\"1\""},
             {4, "model_requested", "user_asked"},
             {6, "\"call\":1", "\"call\":2"},
             {6, "\"step\":2", "\"step\":3"},
             {6, "\"step\":1", "\"step\":2"},
             {6, "\"calls\":[", "\"called\":["},
             {7, "call_settled", "turn_completed"},
             {7, "\"call\":2", "\"call\":3,\"cost\":-5"},
             {8, "\"call\":1", "\"call\":9"},
             {8, "\"step\":0", "\"step\":1"},
             {8, "step_finished", "run_finished"},
             {9, "\"by\":1000000", "\"by\":-1000000"},
             {9, "\"by\":1000000", "\"by\":1e6"},
         }) {
        engine_state state = j.states[l.line - 1];
        const std::string line = replaced(j.lines[l.line - 1], l.what, l.with);
        const auto read = replay_line(state, line, agents);
        BOOST_TEST(!read.has_value(), l.what << " as " << l.with << ": " << line);
        if (!read) BOOST_TEST(info(read.error().code).name == "store.corrupt");
    }
}

BOOST_AUTO_TEST_CASE(an_agent_that_is_not_known_is_named) {
    const journal_of j = some_journal();
    std::vector<snapshot_ptr> none;
    listed_snapshots nobody(none);
    engine_state state;
    const auto line = replay_line(state, j.lines[0], nobody);
    BOOST_REQUIRE(!line.has_value());
    BOOST_TEST(info(line.error().code).name == "store.snapshot");
    BOOST_TEST(line.error().message.find("`a`") != std::string::npos);
    const auto decoded = decode_state(encode_state(j.states.back()), nobody);
    BOOST_REQUIRE(!decoded.has_value());
    BOOST_TEST(info(decoded.error().code).name == "store.snapshot");
}

BOOST_AUTO_TEST_CASE(a_state_with_anything_missing_or_of_another_kind_is_refused) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    const std::string text = encode_state(j.states.back());
    BOOST_REQUIRE(decode_state(text, agents));
    BOOST_CHECK(!decode_state("", agents));
    BOOST_CHECK(!decode_state(text + " ", agents));
    BOOST_CHECK(!decode_state("{}", agents));
    for (const char* member : {"agents", "finished_runs", "journal", "last_run", "runs", "v"}) {
        BOOST_TEST(!decode_state(
                        replaced(text, "\"" + std::string(member) + "\":", "\"" + std::string(member) + "_\":"), agents)
                        .has_value(),
                   member);
    }
    for (const auto& [what, with] : std::vector<std::pair<const char*, const char*>>{
             {"\"v\":1", "\"v\":2"},
             {"\"active\":1", "\"active\":3"},
             {"\"active\":1", "\"active\":2"},
             {"\"waiting\":[3]", "\"waiting\":[]"},
             {"\"waiting\":[3]", "\"waiting\":[3,3]"},
             {"\"waiting\":[3]", "\"waiting\":[1]"},
             {"\"waiting\":[3]", "\"waiting\":[\"3\"]"},
             {"\"last_run\":3", "\"last_run\":2"},
             {"\"kind\":\"skill\"", "\"kind\":\"model\""},
             {"\"next_step\":1", "\"next_step\":3"},
             {"\"spent\":0", "\"spent\":-1"},
             {"\"last_call\":2", "\"last_call\":1"},
             {"\"reserved\":5", "\"reserved\":6"},
         }) {
        BOOST_TEST(!decode_state(replaced(text, what, with), agents).has_value(), what << " as " << with);
    }
}

// ---- from a store ------------------------------------------------------------------------------------------------------

namespace {

/// Writes the lines into a store, as a driver does.
void fill(memory_store& store, const journal_of& j) {
    digest_chain chain;
    instant t = spec::start;
    for (std::size_t i = 0; i < j.lines.size(); ++i) {
        t = instant{*as_integer(*member(json(j.lines[i]), "at"))};
        const journal_record record{{i + 1}, t, j.lines[i], chain.append(j.lines[i])};
        BOOST_REQUIRE(store.commit({&record, 1}) == commit_outcome::ok);
    }
}

} // namespace

BOOST_AUTO_TEST_CASE(a_state_is_read_from_the_journal_alone_or_from_a_snapshot_and_the_rest) {
    const journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    memory_store store;
    fill(store, j);
    const auto whole = read_state(store, agents);
    BOOST_REQUIRE(whole.has_value());
    BOOST_CHECK(whole->state == j.states.back());
    BOOST_TEST(whole->records_read == j.lines.size());
    BOOST_CHECK(whole->chain == store.head()->chain);
    BOOST_REQUIRE(store.save_snapshot({{5}, spec::start, store.chain(5), encode_state(j.states[5])}));
    const auto rest = read_state(store, agents);
    BOOST_REQUIRE(rest.has_value());
    BOOST_CHECK(rest->state == j.states.back());
    BOOST_TEST(rest->records_read == j.lines.size() - 5);
    BOOST_CHECK(rest->chain == whole->chain && rest->at == whole->at && rest->seq == whole->seq);
    BOOST_TEST(rest->warnings.empty());
    BOOST_REQUIRE(store.save_snapshot({{5}, spec::start, store.chain(5), "nonsense"}));
    const auto again = read_state(store, agents);
    BOOST_REQUIRE(again.has_value());
    BOOST_CHECK(again->state == j.states.back());
    BOOST_TEST(again->records_read == j.lines.size());
    BOOST_TEST(again->warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(an_empty_journal_leads_to_an_empty_state) {
    memory_store store;
    std::vector<snapshot_ptr> none;
    listed_snapshots agents(none);
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(read.has_value());
    BOOST_CHECK(read->state == engine_state{});
    BOOST_TEST(read->seq.value == 0U);
}

BOOST_AUTO_TEST_CASE(a_record_that_cannot_be_read_back_is_named) {
    journal_of j = some_journal();
    listed_snapshots agents(j.agents);
    j.lines[6] = replaced(j.lines[6], "\"call\":2", "\"call\":8");
    memory_store store;
    fill(store, j);
    const auto read = read_state(store, agents);
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(info(read.error().code).name == "store.corrupt");
    BOOST_TEST(read.error().message.find("record 7") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
