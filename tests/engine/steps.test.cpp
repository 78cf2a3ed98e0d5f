#include "aivp/engine/engine.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr run_id run1{1};

skill_completion ok(std::uint64_t call, std::string_view result = R"({"n":1})", run_id run = run1) {
    return {.ref = {run, {call}}, .outcome = effect_outcome::ok, .result = json(result), .message = {}};
}
skill_completion failed(std::uint64_t call, errc code = errc::skill_failed, std::string message = "no luck") {
    return {.ref = {run1, {call}},
            .outcome = effect_outcome::failed,
            .result = {},
            .code = code,
            .message = std::move(message)};
}
skill_completion unknown(std::uint64_t call) {
    return {.ref = {run1, {call}},
            .outcome = effect_outcome::unknown,
            .result = {},
            .code = errc::skill_outcome_unknown,
            .message = "the line broke"};
}

skill_ptr reads() { return make_skill("mail.read", {.effect = effect_class::read}); }
skill_ptr writes() { return make_skill("mail.send", {.side_effects = {"send_email"}}); }

/// Binds `look` to a read and `send` to a write.
snapshot_ptr agent_of(std::vector<step_row> steps, run_limits limits = {}) {
    return make_steps_agent("a", {make_binding("look", reads()), make_binding("send", writes())}, std::move(steps),
                            {.limits = limits});
}
start_run go(std::string_view body = "null") { return {agent_id{1}, json(body)}; }

} // namespace

BOOST_AUTO_TEST_SUITE(steps_agents)

BOOST_AUTO_TEST_CASE(a_run_without_steps_succeeds_at_once) {
    given(agent_of({}))
        .when(go())
        .then({
            {"trigger_accepted", R"({"agent":1,"run":1,"trigger":0,"waits":false,"body":null})"},
            {"run_started", R"({"run":1})"},
            {"run_finished", R"({"run":1,"status":"success","code":"ok","abstained":false,"latency":0})"},
        })
        .performing({});
}

BOOST_AUTO_TEST_CASE(steps_run_one_after_the_other_and_each_call_has_its_intent) {
    spec s = given(agent_of({{"first", "look", {.arguments = R"({"q":"x"})"}}, {"second", "send"}}));
    s.when(go())
        .then({
            {"trigger_accepted"},
            {"run_started"},
            {"call_intended", R"({"run":1,"call":1,"step":0,"binding":0,"arguments":{"q":"x"},"reserved":0})"},
            {"timer_armed"},
        })
        .performing({
            {"skill_call", R"({"run":1,"call":1,"as":"look","skill":"mail.read","arguments":{"q":"x"}})"},
            {"timer_request", R"({"timer":"run","owner":1})"},
        });
    s.when(ok(1), seconds(2))
        .then({
            {"call_settled", R"({"call":1,"outcome":"ok","result":{"n":1},"code":"ok","step":0})"},
            {"step_finished", R"({"step":0,"status":"success"})"},
            {"call_intended", R"({"call":2,"step":1,"binding":1})"},
        })
        .performing({{"skill_call", R"({"call":2,"as":"send"})"}});
    s.when(ok(2), seconds(3))
        .then({
            {"call_settled", R"({"call":2})"},
            {"step_finished", R"({"step":1,"status":"success"})"},
            {"run_finished",
             R"({"status":"success","latency":5000000,"side_effects":[{"target":"mail.send","type":"send_email"}]})"},
        })
        .performing({{"timer_request", R"({"due":null})"}});
    BOOST_TEST(s.state().runs.empty());
    BOOST_TEST(s.state().finished_runs == 1U);
}

BOOST_AUTO_TEST_CASE(references_carry_typed_values_from_trigger_and_steps) {
    spec s = given(agent_of(
        {{"first", "look", {.arguments = R"({"id":"${trigger.order.id}"})"}},
         {"second", "send", {.arguments = R"({"to":"${first.to}","text":"n=${first.n}","all":"${first}"})"}}}));
    s.when(go(R"({"order":{"id":77}})")).performing({{"skill_call", R"({"arguments":{"id":77}})"}, {"timer_request"}});
    s.when(ok(1, R"({"to":["a","b"],"n":5})"))
        .performing({{"skill_call", R"({"arguments":{"all":{"n":5,"to":["a","b"]},"text":"n=5","to":["a","b"]}})"}});
}

BOOST_AUTO_TEST_CASE(a_reference_without_a_value_fails_the_step_before_anything_is_proposed) {
    spec s = given(agent_of({{"first", "send", {.arguments = R"({"id":"${trigger.order.id}"})"}}}));
    s.when(go("{}"))
        .then({
            {"trigger_accepted"},
            {"run_started"},
            {"step_finished", R"({"step":0,"status":"failure","code":"run.reference"})"},
            {"run_finished",
             R"({"status":"failure","code":"run.step_failed","details":{"error":"run.reference","step":"first"}})"},
        })
        .performing({});
}

BOOST_AUTO_TEST_CASE(a_reference_to_a_skipped_step_has_no_value) {
    spec s = given(agent_of({{"first", "look", {.when = "trigger.go == true"}},
                             {"second", "send", {.arguments = R"({"n":"${first.n}"})"}}}));
    s.when(go(R"({"go":false})"))
        .then_among_others({
            {"step_finished", R"({"step":0,"status":"skipped"})"},
            {"step_finished", R"({"step":1,"status":"failure","code":"run.reference"})"},
        });
}

BOOST_AUTO_TEST_CASE(conditions_choose_which_steps_run) {
    spec s = given(agent_of(
        {{"first", "look"}, {"many", "send", {.when = "first.n > 3"}}, {"few", "send", {.when = "!(first.n > 3)"}}}));
    s.and_given(go());
    s.when(ok(1, R"({"n":3})"))
        .then({
            {"call_settled"},
            {"step_finished", R"({"step":0,"status":"success"})"},
            {"step_finished", R"({"step":1,"status":"skipped","code":"ok","message":"its condition does not hold"})"},
            {"call_intended", R"({"step":2})"},
        });
    s.when(ok(2)).then_among_others({{"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(a_condition_that_cannot_be_decided_fails_the_step) {
    given(agent_of({{"first", "look", {.when = "trigger.n > 3"}}}))
        .when(go(R"({"n":"four"})"))
        .then_among_others({
            {"step_finished", R"({"status":"failure","code":"run.reference"})"},
            {"run_finished", R"({"status":"failure","code":"run.step_failed"})"},
        });
}

BOOST_AUTO_TEST_CASE(a_failed_step_ends_the_run_unless_it_may_proceed) {
    spec s = given(agent_of({{"first", "look"}, {"second", "send"}}));
    s.and_given(go());
    s.when(failed(1)).then({
        {"call_settled",
         R"({"outcome":"failed","code":"skill.failed","message":"no luck","result":{"error":"skill.failed","message":"no luck"}})"},
        {"step_finished", R"({"step":0,"status":"failure","code":"skill.failed"})"},
        {"run_finished",
         R"({"status":"failure","code":"run.step_failed","details":{"error":"skill.failed","step":"first"},"message":"step `first` failed: no luck"})"},
    });
}

BOOST_AUTO_TEST_CASE(a_failed_step_that_may_proceed_leaves_a_partial_run) {
    spec s =
        given(agent_of({{"first", "look", {.error_policy = on_error::proceed}},
                        {"second", "send", {.arguments = R"({"n":"${first.n}"})", .error_policy = on_error::proceed}},
                        {"third", "send", {.when = "exists(first)"}},
                        {"fourth", "send", {.when = "!exists(first)"}}}));
    s.and_given(go());
    s.when(failed(1)).then({
        {"call_settled"},
        {"step_finished", R"({"step":0,"status":"failure"})"},
        {"step_finished", R"({"step":1,"status":"failure","code":"run.reference"})"},
        {"step_finished", R"({"step":2,"status":"skipped"})"},
        {"call_intended", R"({"step":3})"},
    });
    s.when(ok(2)).then_among_others({
        {"run_finished",
         R"({"status":"partial","code":"run.step_failed","message":"2 steps failed and were passed over"})"},
    });
}

BOOST_AUTO_TEST_CASE(one_failure_that_was_passed_over_is_enough_for_a_partial_run) {
    spec s = given(agent_of({{"first", "look", {.error_policy = on_error::proceed}}, {"second", "look"}}));
    s.and_given(go()).and_given(failed(1));
    s.when(ok(2)).then_among_others({{"run_finished", R"({"status":"partial","code":"run.step_failed"})"}});
}

BOOST_AUTO_TEST_CASE(work_that_was_done_before_a_failure_makes_the_run_partial) {
    spec s = given(agent_of({{"first", "send"}, {"second", "look"}}));
    s.and_given(go()).and_given(ok(1));
    s.when(failed(2)).then_among_others({
        {"run_finished",
         R"({"status":"partial","code":"run.step_failed","side_effects":[{"target":"mail.send","type":"send_email"}]})"},
    });
}

BOOST_AUTO_TEST_CASE(a_failure_without_a_code_is_called_a_failure_all_the_same) {
    spec s = given(agent_of({{"first", "look"}}));
    s.and_given(go());
    s.when(failed(1, errc::ok, {}))
        .then_among_others({
            {"call_settled",
             R"({"outcome":"failed","code":"skill.failed","result":{"error":"skill.failed","message":""}})"},
            {"step_finished", R"({"status":"failure","code":"skill.failed"})"},
            {"run_finished", R"({"details":{"error":"skill.failed","step":"first"}})"},
        });
    spec t = given(agent_of({{"first", "look"}}));
    t.and_given(go());
    t.when(skill_completion{.ref = {run1, {1}}, .outcome = effect_outcome::unknown, .result = {}, .message = {}})
        .then_among_others({{"call_settled", R"({"outcome":"unknown","code":"skill.outcome_unknown"})"}});
    spec u = given(agent_of({{"first", "look"}}));
    u.and_given(go());
    u.when(skill_completion{.ref = {run1, {1}},
                            .outcome = effect_outcome::ok,
                            .result = {},
                            .code = errc::skill_failed,
                            .message = "x"})
        .then_among_others(
            {{"call_settled", R"({"outcome":"ok","code":"ok"})"}, {"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(the_details_of_a_failure_are_kept_as_the_step_s_value_but_are_no_value_for_references) {
    spec s = given(agent_of(
        {{"first", "look", {.error_policy = on_error::proceed}}, {"second", "send", {.when = "exists(first)"}}}));
    s.and_given(go());
    skill_completion c = failed(1);
    c.result = json(R"({"why":"quota"})");
    s.when(c).then_among_others({
        {"call_settled", R"({"result":{"why":"quota"}})"},
        {"step_finished", R"({"step":1,"status":"skipped"})"},
    });
}

BOOST_AUTO_TEST_CASE(a_read_with_unknown_outcome_is_an_ordinary_failure) {
    spec s = given(agent_of({{"first", "look", {.error_policy = on_error::proceed}}, {"second", "send"}}));
    s.and_given(go());
    s.when(unknown(1))
        .then({
            {"call_settled", R"({"outcome":"unknown"})"},
            {"step_finished", R"({"status":"failure","code":"skill.outcome_unknown"})"},
            {"call_intended", R"({"step":1})"},
        });
}

BOOST_AUTO_TEST_CASE(a_write_with_unknown_outcome_ends_the_run_even_where_errors_may_proceed) {
    spec s = given(agent_of({{"first", "send", {.error_policy = on_error::proceed}}, {"second", "send"}}));
    s.and_given(go());
    s.when(unknown(1))
        .then({
            {"call_settled", R"({"outcome":"unknown"})"},
            {"step_finished", R"({"status":"failure"})"},
            {"run_finished",
             R"({"status":"failure","code":"skill.outcome_unknown","message":"step `first`: it is not known whether mail.send took effect","side_effects":[{"target":"mail.send","type":"send_email"}]})"},
        })
        .performing({{"timer_request", R"({"due":null})"}});
}

BOOST_AUTO_TEST_CASE(an_abstain_step_ends_the_run_as_abstained) {
    spec s = given(agent_of({{"first", "look"},
                             {"stop", "", {.when = "first.n > 0", .abstain_reason = "nothing to do"}},
                             {"send", "send"}}));
    s.and_given(go());
    s.when(ok(1)).then_among_others({
        {"run_finished", R"({"status":"skipped","code":"run.abstained","message":"nothing to do","abstained":true})"},
    });
    spec t =
        given(agent_of({{"stop", "", {.when = "trigger.n > 0", .abstain_reason = "nothing to do"}}, {"send", "send"}}));
    t.when(go(R"({"n":0})"))
        .then_among_others({{"step_finished", R"({"status":"skipped"})"}, {"call_intended", R"({"step":1})"}});
}

BOOST_AUTO_TEST_CASE(a_refusal_by_the_gate_fails_the_step_and_performs_nothing) {
    spec s = given(
        agent_of({{"first", "send", {.error_policy = on_error::proceed}}, {"second", "send"}}, {.skill_calls = 0}));
    s.when(go())
        .then({
            {"trigger_accepted"},
            {"run_started"},
            {"call_refused",
             R"({"call":1,"step":0,"as":"send","code":"limit.steps","stage":"reserve","decided_by":"limits.skill_calls"})"},
            {"step_finished", R"({"step":0,"status":"failure","code":"limit.steps"})"},
            {"call_refused", R"({"call":2,"step":1})"},
            {"step_finished", R"({"step":1,"status":"failure"})"},
            {"run_finished",
             R"({"status":"failure","code":"run.step_failed","details":{"error":"limit.steps","step":"second"}})"},
        })
        .performing({});
}

BOOST_AUTO_TEST_CASE(what_a_call_reserves_is_charged_whatever_comes_back) {
    const auto agent = make_steps_agent("a", {make_binding("buy", make_skill("shop.buy", {.cost = {30}}))},
                                        {{"one", "buy", {.error_policy = on_error::proceed}},
                                         {"two", "buy", {.error_policy = on_error::proceed}},
                                         {"three", "buy", {.error_policy = on_error::proceed}},
                                         {"four", "buy"}},
                                        {.limits = {.budget = {100}}});
    spec s = given(agent);
    s.when(go()).then_among_others({{"call_intended", R"({"reserved":30})"}});
    BOOST_TEST(s.state().find(run1)->reserved.value == 30);
    s.when(failed(1)).then_among_others({{"call_settled", R"({"cost":30})"}});
    BOOST_TEST(s.state().find(run1)->spent.value == 30);
    BOOST_TEST(s.state().find(run1)->reserved.value == 30);
    s.and_given(ok(2));
    s.when(ok(3)).then_among_others({
        {"call_refused", R"({"code":"budget.exhausted","stage":"reserve","decided_by":"limits.budget_usd"})"},
        {"run_finished", R"({"status":"partial","cost":90})"},
    });
}

BOOST_AUTO_TEST_CASE(a_result_that_breaks_its_contract_is_failed_for_a_read_and_unknown_for_a_write) {
    for (const effect_class effect : {effect_class::read, effect_class::write}) {
        const auto agent = make_steps_agent(
            "a",
            {make_binding("do", make_skill("x.do", {.effect = effect,
                                                    .output_schema = R"({"required":["n"],"type":"object"})"}))},
            {{"first", "do"}});
        spec s = given(agent);
        s.and_given(go());
        const bool write = effect == effect_class::write;
        s.when(ok(1, R"({"m":1})"))
            .then_among_others({
                {"call_settled", write ? R"({"outcome":"unknown","code":"skill.bad_output"})"
                                       : R"({"outcome":"failed","code":"skill.bad_output"})"},
                {"run_finished", write ? R"({"code":"skill.outcome_unknown"})" : R"({"code":"run.step_failed"})"},
            });
        BOOST_TEST(s.line().find("\"m\"") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_result_above_eight_mebibytes_is_dropped_and_a_write_that_brought_it_is_not_called_failed) {
    const payload large = payload::of_string(std::string(8u << 20, 'x'));
    for (const effect_class effect : {effect_class::read, effect_class::write}) {
        const bool write = effect == effect_class::write;
        const auto agent =
            make_steps_agent("a", {make_binding("do", make_skill("x.do", {.effect = effect}))}, {{"first", "do"}});
        spec s = given(agent);
        s.and_given(go());
        s.when(skill_completion{.ref = {run1, {1}}, .result = large, .message = {}})
            .then_among_others({
                {"call_settled", write ? R"({"outcome":"unknown","code":"limit.output"})"
                                       : R"({"outcome":"failed","code":"limit.output"})"},
                {"run_finished",
                 write ? R"({"side_effects":[{"target":"x.do","type":"x.do"}]})" : R"({"side_effects":[]})"},
            });
        BOOST_TEST(s.line().size() < 10'000U);

        spec t = given(agent);
        t.and_given(go());
        t.when(skill_completion{.ref = {run1, {1}},
                                .outcome = effect_outcome::failed,
                                .result = large,
                                .code = errc::skill_failed,
                                .message = "no"})
            .then_among_others(
                {{"call_settled",
                  R"({"outcome":"failed","code":"skill.failed","result":{"error":"skill.failed","message":"no"}})"}});
    }
}

BOOST_AUTO_TEST_CASE(a_result_of_eight_mebibytes_is_not_too_large) {
    spec s = given(agent_of({{"first", "look"}}));
    s.and_given(go());
    const payload largest = payload::of_string(std::string((8u << 20) - 2, 'x'));
    BOOST_TEST(largest.text().size() == 8u << 20);
    s.when(skill_completion{.ref = {run1, {1}}, .result = largest, .message = {}});
    BOOST_TEST(to_string(s.the<call_settled>().outcome) == "ok");
}

BOOST_AUTO_TEST_CASE(secret_parts_of_a_result_reach_neither_journal_nor_later_steps) {
    const auto agent =
        make_steps_agent("a",
                         {make_binding("login", make_skill("web.login", {.secret_results = {"/token"}})),
                          make_binding("send", writes())},
                         {{"first", "login"}, {"second", "send", {.arguments = R"({"t":"${first.token}"})"}}});
    spec s = given(agent);
    s.and_given(go());
    s.when(ok(1, R"({"token":"hunter2!"})"))
        .then_among_others({
            {"call_settled", R"({"result":{"token":"⟦secret:result#1⟧"}})"},
            {"call_intended", R"({"arguments":{"t":"⟦secret:result#1⟧"}})"},
        });
    BOOST_TEST(s.line().find("hunter2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_completion_that_nobody_waits_for_is_recorded_and_changes_nothing) {
    spec s = given(agent_of({{"first", "look"}, {"second", "send"}}));
    s.and_given(go()).and_given(ok(1));
    const engine_state before = s.state();
    s.when(ok(1))
        .then({{"completion_ignored", R"({"run":1,"call":1,"reason":"the call is not open"})"}})
        .performing({});
    s.when(ok(9)).then({{"completion_ignored", R"({"call":9})"}});
    s.when(model_completion{.ref = {run1, {2}}, .message = {}})
        .then({{"completion_ignored", R"({"reason":"the call is not open"})"}});
    s.when(user_completion{.ref = {run1, {2}}}).then({{"completion_ignored"}});
    BOOST_TEST((s.state() == before));
    s.and_given(ok(2));
    s.when(ok(2)).then({{"completion_ignored", R"({"reason":"the run has ended"})"}});
    s.when(ok(1, "{}", run_id{99})).then({{"completion_ignored", R"({"run":99})"}});
}

BOOST_AUTO_TEST_CASE(a_run_keeps_its_snapshot_when_another_is_activated_meanwhile) {
    const auto old_agent = agent_of({{"first", "look"}, {"second", "send"}});
    const auto new_agent = agent_of({{"only", "look"}});
    spec s = given(old_agent);
    s.and_given(go());
    s.when(activate_agent{new_agent}).then({{"agent_activated", R"({"agent":1,"id":"a"})"}});
    s.when(ok(1)).then_among_others({{"call_intended", R"({"step":1,"binding":1})"}});
    BOOST_TEST((s.state().find(run1)->snapshot == old_agent));
    s.and_given(ok(2));
    s.and_given(go());
    BOOST_TEST((s.state().find({2})->snapshot == new_agent));
}

BOOST_AUTO_TEST_CASE(the_loop_guard_counts_equal_calls_of_steps_too) {
    std::vector<step_row> rows;
    for (int i = 0; i < 4; ++i) rows.push_back({"s" + std::to_string(i), "look", {.arguments = R"({"q":1})"}});
    spec s = given(agent_of(rows, {.repeated_calls = 2}));
    s.and_given(go()).and_given(ok(1));
    s.when(ok(2)).then_among_others(
        {{"call_refused", R"({"code":"loop.repeated_call","decided_by":"limits.repeated_calls"})"}});
}

BOOST_AUTO_TEST_SUITE_END()
