#include "aivp/engine/engine.hpp"

#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr run_id run1{1};

model_completion says(std::uint64_t call, model_response response) {
    return {.ref = {run1, {call}}, .response = std::move(response), .message = {}};
}
skill_completion ok(std::uint64_t call, std::string_view result = R"({"n":1})") {
    return {.ref = {run1, {call}}, .outcome = effect_outcome::ok, .result = json(result), .message = {}};
}
model_response used(model_response r, std::int64_t input, std::int64_t output) {
    r.usage = {.input = input, .output = output, .reported = true};
    return r;
}
start_run go(std::string_view body = "null") { return {agent_id{1}, json(body)}; }

/// Binds `look` to a read, `send` to a write, `pin` to a write with a fixed argument.
snapshot_ptr agent_of(agent_options options = {}) {
    return make_loop_agent("a",
                           {make_binding("look", make_skill("mail.read", {.effect = effect_class::read})),
                            make_binding("send", make_skill("mail.send", {.side_effects = {"send_email"}})),
                            make_binding("pin", make_skill("mail.pin"), {.fixed = R"({"box":"in"})"})},
                           "tidy up", std::move(options));
}

std::string conversation(const spec& s) {
    std::string out;
    for (const payload& m : s.state().find(run1)->messages.messages()) out += std::string(m.text()) + "\n";
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(loop_agents)

BOOST_AUTO_TEST_CASE(a_run_begins_with_the_goal_and_ends_with_the_model_s_answer) {
    spec s = given(agent_of({.system = "be brief"}));
    s.when(go())
        .then(
            {{"trigger_accepted"}, {"run_started"}, {"model_requested", R"({"call":1,"reserved":0})"}, {"timer_armed"}})
        .performing(
            {{"model_call",
              R"({"call":1,"messages":[{"content":"be brief","role":"system"},{"content":"tidy up","role":"user"}]})"},
             {"timer_request"}});
    s.when(says(1, make_answer("done")))
        .then({
            {"model_settled", R"({"call":1,"outcome":"ok","cost":0})"},
            {"run_finished", R"({"status":"success","details":{"answer":"done","finish":"stop"}})"},
        });
}

BOOST_AUTO_TEST_CASE(the_trigger_s_payload_is_appended_to_the_goal) {
    given(agent_of())
        .when(go(R"({"b":1,"a":2})"))
        .performing({{"model_call", R"({"messages":[{"content":"tidy up\n\n{\"a\":2,\"b\":1}","role":"user"}]})"},
                     {"timer_request"}});
}

BOOST_AUTO_TEST_CASE(parallel_calls_enter_the_history_in_the_order_of_the_calls_whatever_order_the_answers_have) {
    const auto play = [](std::vector<std::uint64_t> order) {
        spec s = given(agent_of());
        s.and_given(go());
        s.when(says(1, make_turn({make_call("look", R"({"q":1})"), make_call("send", R"({"q":2})"),
                                  make_call("look", R"({"q":3})")})))
            .then({{"model_settled"},
                   {"call_intended", R"({"call":2,"step":0})"},
                   {"call_intended", R"({"call":3,"step":1})"},
                   {"call_intended", R"({"call":4,"step":2})"},
                   {"timer_armed"}});
        for (std::size_t i = 0; i < 2; ++i)
            s.when(ok(order[i], std::to_string(order[i]))).then({{"call_settled"}}).performing({});
        s.when(ok(order[2], std::to_string(order[2])))
            .then({{"call_settled"}, {"turn_completed"}, {"model_requested", R"({"call":5})"}});
        return conversation(s);
    };
    const std::string straight = play({2, 3, 4});
    BOOST_TEST(
        straight ==
        R"({"content":"tidy up","role":"user"})"
        "\n"
        R"({"calls":[{"args":{"q":1},"id":"call#0","name":"look"},{"args":{"q":2},"id":"call#1","name":"send"},{"args":{"q":3},"id":"call#2","name":"look"}],"role":"assistant"})"
        "\n"
        R"({"call":"call#0","content":2,"role":"tool"})"
        "\n"
        R"({"call":"call#1","content":3,"role":"tool"})"
        "\n"
        R"({"call":"call#2","content":4,"role":"tool"})"
        "\n");
    BOOST_TEST(play({4, 3, 2}) == straight);
    BOOST_TEST(play({3, 4, 2}) == straight);
}

BOOST_AUTO_TEST_CASE(calls_are_numbered_on_through_the_whole_run) {
    spec s = given(agent_of());
    s.and_given(go()).and_given(says(1, make_turn({make_call("look")}))).and_given(ok(2));
    s.and_given(says(3, make_turn({make_call("send")})));
    BOOST_TEST(conversation(s).find(R"("id":"call#1","name":"send")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_handed_to_the_model_as_the_result_of_its_call) {
    spec s = given(agent_of());
    s.and_given(go());
    s.when(says(1, make_turn({make_call("format_disk")})))
        .then({
            {"model_settled"},
            {"call_refused", R"({"call":2,"step":0,"as":"format_disk","code":"skill.unknown","stage":"resolve"})"},
            {"turn_completed"},
            {"model_requested", R"({"call":3})"},
        })
        .performing({{"model_call"}});
    const std::string told = conversation(s);
    BOOST_TEST(told.find(R"("call":"call#0","content":{"error":"skill.unknown","executed":false,)") !=
               std::string::npos);
    BOOST_TEST(told.find(R"("error":true,"role":"tool")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_refused_and_an_allowed_call_of_one_turn_both_get_their_place) {
    spec s = given(agent_of());
    s.and_given(go());
    s.when(says(1, make_turn({make_call("nothing"), make_call("look")})))
        .then({{"model_settled"},
               {"call_refused", R"({"step":0})"},
               {"call_intended", R"({"step":1})"},
               {"timer_armed"}});
    s.when(ok(3)).then({{"call_settled"}, {"turn_completed"}, {"model_requested"}});
    const std::string told = conversation(s);
    BOOST_TEST(told.find("call#0\",\"content\":{\"error\"") < told.find("call#1\",\"content\":{\"n\":1}"));
}

BOOST_AUTO_TEST_CASE(arguments_that_are_no_json_are_refused_and_shown_as_they_came) {
    spec s = given(agent_of());
    s.and_given(go());
    model_response turn = make_turn({{"look", payload::of_string("{\"path\": ")}});
    s.when(says(1, turn)).then_among_others({{"call_refused", R"({"code":"args.not_json","stage":"validate"})"}});
    BOOST_TEST(conversation(s).find(R"("args":"{\"path\": ")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_stays_out_of_the_journal_under_a_misspelt_name_too) {
    const std::string schema =
        R"({"type":"object","properties":{"to":{"type":"string"},"pin":{"type":"string"}},"additionalProperties":false})";
    const auto vault =
        make_binding("vault", make_skill("vault.put", {.input_schema = schema, .secret_arguments = {"/pin"}}));
    const auto look = make_binding("look", make_skill("mail.read", {.input_schema = schema}));
    const auto kept = [](const snapshot_ptr& agent, std::string name, std::string_view arguments) {
        const model_response turn = recordable(*agent, make_turn({make_call(std::move(name), arguments)}));
        return std::string(turn.calls[0].arguments.text());
    };
    const snapshot_ptr agent = make_loop_agent("a", {look, vault}, "go", {.may_abstain = true});
    const std::string hidden = "⟦secret:argument#1⟧";
    BOOST_TEST(kept(agent, "vault", R"({"pin":"1234","to":"x"})") == R"({"pin":")" + hidden + R"(","to":"x"})");
    BOOST_TEST(kept(agent, "vault", R"({"pni":"1234","to":"x"})") == R"({"pni":")" + hidden + R"(","to":"x"})");
    BOOST_TEST(kept(agent, "vualt", R"({"pin":"1234"})") == R"({"pin":")" + hidden + R"("})");
    BOOST_TEST(kept(agent, "vualt", R"("{\"pin\": 1234")") == "\"" + hidden + "\"");
    BOOST_TEST(kept(agent, "look", R"({"pni":"1234"})") == R"({"pni":"1234"})");
    BOOST_TEST(kept(agent, "abstain", R"({"reason":"no"})") == R"({"reason":"no"})");
    const snapshot_ptr none = make_loop_agent("b", {look}, "go");
    BOOST_TEST(kept(none, "vualt", R"({"pin":"1234"})") == R"({"pin":"1234"})");
    // What is written of the whole step.
    spec s = given(agent);
    s.and_given(go());
    s.when(says(1, make_turn({make_call("vualt", R"({"pin":"s3cr3t"})"), make_call("vault", R"({"pni":"s3cr3t"})")})))
        .then_among_others(
            {{"call_refused", R"({"code":"skill.unknown"})"}, {"call_refused", R"({"code":"args.unknown"})"}});
    BOOST_TEST(s.line().find("s3cr3t") == std::string::npos, s.line());
}

BOOST_AUTO_TEST_CASE(a_failed_call_is_shown_to_the_model_as_failed) {
    spec s = given(agent_of());
    s.and_given(go()).and_given(says(1, make_turn({make_call("look"), make_call("send")})));
    s.and_given(skill_completion{.ref = {run1, {2}},
                                 .outcome = effect_outcome::failed,
                                 .result = {},
                                 .code = errc::skill_unavailable,
                                 .message = "503"});
    s.when(skill_completion{.ref = {run1, {3}},
                            .outcome = effect_outcome::unknown,
                            .result = {},
                            .code = errc::skill_outcome_unknown,
                            .message = "cut"})
        .then_among_others({{"call_settled", R"({"outcome":"unknown"})"}, {"turn_completed"}, {"model_requested"}});
    const std::string told = conversation(s);
    BOOST_TEST(
        told.find(
            R"({"call":"call#0","content":{"error":"skill.unavailable","message":"503"},"error":true,"role":"tool"})") !=
        std::string::npos);
    BOOST_TEST(
        told.find(
            R"({"call":"call#1","content":{"error":"skill.outcome_unknown","message":"cut"},"error":true,"role":"tool"})") !=
        std::string::npos);
    s.when(says(4, make_answer("sorry")))
        .then_among_others(
            {{"run_finished",
              R"({"status":"partial","code":"skill.outcome_unknown","message":"it is not known whether mail.send took effect","details":{"answer":"sorry","finish":"stop"},"side_effects":[{"target":"mail.send","type":"send_email"}]})"}});
}

BOOST_AUTO_TEST_CASE(a_model_may_abstain_and_then_nothing_of_its_turn_is_performed) {
    spec s = given(agent_of({.may_abstain = true}));
    s.and_given(go());
    s.when(
         says(1, make_turn({make_call("send"), make_call("abstain", R"({"escalate_to":"ops","reason":"too risky"})")})))
        .then(
            {{"model_settled"},
             {"run_finished",
              R"({"abstained":true,"status":"skipped","code":"run.abstained","message":"too risky","details":{"escalate_to":"ops","reason":"too risky"}})"}})
        .performing({{"timer_request", R"({"due":null})"}});
}

BOOST_AUTO_TEST_CASE(abstaining_needs_no_reason_and_no_valid_arguments) {
    for (const char* arguments : {"{}", "null", R"("why")", R"({"reason":7})"}) {
        spec s = given(agent_of({.may_abstain = true}));
        s.and_given(go());
        s.when(says(1, make_turn({make_call("abstain", arguments)})))
            .then_among_others({{"run_finished", R"({"abstained":true,"message":"the agent gave no reason"})"}});
    }
}

BOOST_AUTO_TEST_CASE(abstain_is_an_unknown_call_where_it_is_not_offered_and_a_call_where_a_skill_has_its_name) {
    spec s = given(agent_of({.may_abstain = false}));
    s.and_given(go());
    s.when(says(1, make_turn({make_call("abstain")})))
        .then_among_others({{"call_refused", R"({"code":"skill.unknown"})"}});
    const auto bound =
        make_loop_agent("a", {make_binding("abstain", make_skill("vote.abstain"))}, "vote", {.may_abstain = true});
    spec t = given(bound);
    t.and_given(go());
    t.when(says(1, make_turn({make_call("abstain")}))).then_among_others({{"call_intended", R"({"binding":0})"}});
}

BOOST_AUTO_TEST_CASE(the_cap_on_model_turns_ends_the_run_and_hands_back_what_there_is) {
    spec s = given(agent_of({.limits = {.model_turns = 2}}));
    s.and_given(go());
    model_response turn = make_turn({make_call("look")});
    turn.content = payload::of_string("first I look");
    s.and_given(says(1, turn)).and_given(ok(2));
    s.when(says(3, make_turn({make_call("look"), make_call("send")})))
        .then({
            {"model_settled"},
            {"run_finished",
             R"({"status":"failure","code":"limit.model_calls","details":{"answer":"first I look"},"message":"the last allowed turn still asked for 2 calls"})"},
        })
        .performing({{"timer_request", R"({"due":null})"}});
}

BOOST_AUTO_TEST_CASE(work_that_was_done_before_a_cap_makes_the_run_partial) {
    spec s = given(agent_of({.limits = {.model_turns = 2}}));
    s.and_given(go()).and_given(says(1, make_turn({make_call("send")}))).and_given(ok(2));
    s.when(says(3, make_turn({make_call("send")})))
        .then_among_others({{"run_finished", R"({"status":"partial","code":"limit.model_calls"})"}});
}

BOOST_AUTO_TEST_CASE(no_model_turn_at_all_is_a_legal_cap) {
    given(agent_of({.limits = {.model_turns = 0}}))
        .when(go())
        .then({
            {"trigger_accepted"},
            {"run_started"},
            {"run_finished", R"({"status":"failure","code":"limit.model_calls","details":null})"},
        })
        .performing({});
}

BOOST_AUTO_TEST_CASE(the_cap_on_tokens_holds_before_the_next_turn) {
    spec s = given(agent_of({.limits = {.tokens = 100}}));
    s.and_given(go());
    s.and_given(says(1, used(make_turn({make_call("send")}), 60, 39)));
    s.when(ok(2)).then_among_others({{"model_requested"}});
    s.and_given(says(3, used(make_turn({make_call("look")}), 1, 0)));
    BOOST_TEST(s.state().find(run1)->tokens == 100);
    s.when(ok(4)).then_among_others(
        {{"turn_completed"}, {"run_finished", R"({"status":"partial","code":"limit.tokens"})"}});
}

BOOST_AUTO_TEST_CASE(tokens_saturate_instead_of_overflowing) {
    spec s = given(agent_of());
    s.and_given(go());
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    s.when(says(1, used(make_turn({make_call("look")}), most, most)));
    BOOST_TEST(s.state().find(run1)->tokens == most);
}

BOOST_AUTO_TEST_CASE(a_turn_reserves_an_upper_bound_and_is_charged_what_it_used) {
    const model_price price{.input = {1'000'000}, .output = {2'000'000}, .cached_input = {}};
    spec s = given(agent_of({.price = price}));
    s.and_given(go());
    const auto& asked = s.the<model_requested>();
    const run_state& r = *s.state().find(run1);
    const auto bytes = static_cast<std::int64_t>(r.messages.bytes() + r.snapshot->tools.text().size());
    BOOST_TEST(asked.reserved.value == bytes + 2 * 4096);
    BOOST_TEST(r.reserved.value == asked.reserved.value);
    s.when(says(1, used(make_turn({make_call("look")}), 10, 5)))
        .then_among_others({{"model_settled", R"({"cost":20})"}});
    BOOST_TEST(s.state().find(run1)->spent.value == 20);
    BOOST_TEST(s.state().find(run1)->reserved.value == 0);
    s.and_given(ok(2));
    s.when(says(3, used(make_answer("x"), 1, 0))).then_among_others({{"run_finished", R"({"cost":21})"}});
}

BOOST_AUTO_TEST_CASE(a_turn_that_does_not_fit_the_budget_is_not_asked_for) {
    const model_price price{.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}};
    given(agent_of({.limits = {.budget = {4000}}, .price = price}))
        .when(go())
        .then({
            {"trigger_accepted"},
            {"run_started"},
            {"run_finished", R"({"status":"failure","code":"budget.exhausted","cost":0})"},
        });
    spec s = given(agent_of({.limits = {.budget = {7000}}, .price = price}));
    s.and_given(go());
    model_response turn = used(make_turn({make_call("send")}), 3000, 0);
    turn.content = payload::of_string("so far");
    s.and_given(says(1, turn));
    s.when(ok(2)).then_among_others(
        {{"turn_completed"},
         {"run_finished",
          R"({"status":"partial","code":"budget.exhausted","cost":3000,"details":{"answer":"so far"}})"}});
}

BOOST_AUTO_TEST_CASE(a_bill_above_the_reservation_is_charged_in_full_and_stops_the_run_at_the_next_turn) {
    const model_price price{.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}};
    spec s = given(agent_of({.limits = {.budget = {10'000}}, .price = price}));
    s.and_given(go());
    s.when(says(1, used(make_turn({make_call("look")}), 1'000'000, 0)))
        .then({{"model_settled", R"({"cost":1000000})"},
               {"call_refused", R"({"code":"budget.exhausted"})"},
               {"turn_completed"},
               {"run_finished", R"({"code":"budget.exhausted","cost":1000000})"}});
}

BOOST_AUTO_TEST_CASE(a_price_that_overflows_refuses_the_turn) {
    const model_price price{.input = {std::numeric_limits<std::int64_t>::max()}, .output = {}, .cached_input = {}};
    given(agent_of({.price = price}))
        .when(go())
        .then_among_others({{"run_finished", R"({"code":"budget.exhausted"})"}});
}

BOOST_AUTO_TEST_CASE(a_usage_that_cannot_be_right_fails_the_run_and_charges_the_whole_reservation) {
    const model_price price{.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}};
    for (const token_usage usage :
         {token_usage{.input = -1, .reported = true}, token_usage{.output = -5, .reported = true},
          token_usage{.input = std::numeric_limits<std::int64_t>::max(),
                      .output = std::numeric_limits<std::int64_t>::max(),
                      .reported = true},
          token_usage{.input = 1, .cached_input = 2, .reported = true}}) {
        spec s = given(agent_of({.price = price}));
        s.and_given(go());
        const std::int64_t reserved = s.the<model_requested>().reserved.value;
        model_response r = make_answer("x");
        r.usage = usage;
        s.when(says(1, r))
            .then_among_others(
                {{"model_settled", R"({"outcome":"failed","code":"model.invalid_response","response":null})"},
                 {"run_finished", R"({"status":"failure","code":"model.invalid_response"})"}});
        BOOST_TEST(s.the<model_settled>().cost.value == reserved);
        BOOST_TEST(s.the<run_finished>().outcome->cost.value == reserved);
    }
}

BOOST_AUTO_TEST_CASE(a_model_that_fails_ends_the_run_with_its_code) {
    const auto play = [](effect_outcome outcome, errc code, std::string message, const char* expected) {
        spec s = given(agent_of());
        s.and_given(go());
        s.when(model_completion{.ref = {run1, {1}}, .outcome = outcome, .code = code, .message = std::move(message)})
            .then({{"model_settled", R"({"response":null})"}, {"run_finished", expected}});
    };
    play(effect_outcome::failed, errc::model_rate_limited, "429",
         R"({"status":"failure","code":"model.rate_limited","message":"429"})");
    play(effect_outcome::failed, errc::ok, "odd", R"({"code":"model.failed","message":"odd"})");
    play(effect_outcome::unknown, errc::model_failed, "cut", R"({"code":"model.unknown","message":"cut"})");
    const std::string text(info(errc::model_failed).text);
    play(effect_outcome::failed, errc::ok, "", (R"({"code":"model.failed","message":")" + text + "\"}").c_str());
}

BOOST_AUTO_TEST_CASE(a_turn_without_a_bill_is_charged_its_reservation_and_one_that_failed_nothing) {
    const model_price price{.input = {1'000'000}, .output = {1'000'000}, .cached_input = {}};
    const auto cost = [&](const model_completion& c) {
        spec s = given(agent_of({.price = price}));
        s.and_given(go());
        const std::int64_t reserved = s.the<model_requested>().reserved.value;
        s.when(c);
        BOOST_TEST(s.the<model_settled>().cost.value == s.the<run_finished>().outcome->cost.value);
        return std::pair(s.the<model_settled>().cost.value, reserved);
    };
    const auto silent = cost(says(1, make_answer("x")));
    BOOST_TEST(silent.first == silent.second);
    const auto unknown = cost({.ref = {run1, {1}}, .outcome = effect_outcome::unknown, .message = "cut"});
    BOOST_TEST(unknown.first == unknown.second);
    BOOST_TEST(unknown.second > 0);
    BOOST_TEST(
        cost({.ref = {run1, {1}}, .outcome = effect_outcome::failed, .code = errc::model_failed, .message = "no"})
            .first == 0);
    BOOST_TEST(cost(says(1, used(make_answer("x"), 3, 2))).first == 5);
}

BOOST_AUTO_TEST_CASE(a_write_with_unknown_outcome_cannot_be_made_again_by_the_model) {
    spec s = given(agent_of());
    s.and_given(go()).and_given(says(1, make_turn({make_call("send", R"({"to":"x"})")})));
    s.and_given(
        skill_completion{.ref = {run1, {2}}, .outcome = effect_outcome::unknown, .result = {}, .message = "cut"});
    s.when(says(3, make_turn({make_call("send", R"({"to":"x"})"), make_call("send", R"({"to":"y"})")})))
        .then_among_others({
            {"call_refused", R"({"call":4,"code":"skill.outcome_unknown","stage":"idempotency"})"},
            {"call_intended", R"({"call":5})"},
        });
}

BOOST_AUTO_TEST_CASE(a_write_that_takes_a_key_is_sent_again_under_its_old_key_until_its_outcome_is_known) {
    const auto agent =
        make_loop_agent("a", {make_binding("pay", make_skill("payment.charge", {.takes_key = true}))}, "go");
    spec s = given(agent);
    s.and_given(go());
    s.and_given(says(1, make_turn({make_call("pay", R"({"n":1})")})));
    const effect_key key = s.the<skill_call>().idempotency_key;
    s.and_given(
        skill_completion{.ref = {run1, {2}}, .outcome = effect_outcome::unknown, .result = {}, .message = "cut"});
    s.and_given(says(3, make_turn({make_call("pay", R"({"n":1})")})));
    BOOST_CHECK(s.the<skill_call>().idempotency_key == key);
    s.and_given(ok(4));
    BOOST_TEST(s.state().find(run1)->unknown_writes.empty());
    s.and_given(says(5, make_turn({make_call("pay", R"({"n":1})")})));
    BOOST_CHECK(s.the<skill_call>().idempotency_key != key);
    s.and_given(ok(6));
    s.when(says(7, make_answer("paid"))).then_among_others({{"run_finished", R"({"status":"success"})"}});
}

BOOST_AUTO_TEST_CASE(a_withheld_answer_fails_the_run_and_its_calls_are_not_made) {
    for (const char* finish : {"content_filter", "refusal"}) {
        spec s = given(agent_of());
        s.and_given(go());
        model_response r = make_turn({make_call("send")});
        r.finish = finish;
        s.when(says(1, r))
            .then({{"model_settled"}, {"run_finished", R"({"status":"failure","code":"model.content_filter"})"}});
    }
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_cut_is_partial) {
    spec s = given(agent_of());
    s.and_given(go());
    model_response r = make_answer("half a sen");
    r.finish = "length";
    s.when(says(1, r))
        .then_among_others(
            {{"run_finished", R"({"status":"partial","details":{"answer":"half a sen","finish":"length"}})"}});
}

BOOST_AUTO_TEST_CASE(a_conversing_agent_puts_its_answer_to_the_user_and_goes_on_with_the_reply) {
    spec s = given(agent_of({.converse = true}));
    s.and_given(go());
    s.when(says(1, make_answer("which box?")))
        .then({{"model_settled"}, {"user_asked", R"({"call":2,"text":"which box?"})"}})
        .performing({{"user_question", R"({"call":2,"text":"which box?"})"}});
    s.when(user_completion{.ref = {run1, {2}}, .message = payload::of_string("the red one")})
        .then_among_others(
            {{"user_answered", R"({"message":"the red one","ended":false})"}, {"model_requested", R"({"call":3})"}});
    BOOST_TEST(conversation(s).ends_with(R"({"content":"the red one","role":"user"})"
                                         "\n"));
    s.and_given(says(3, make_answer("done")));
    s.when(user_completion{.ref = {run1, {4}}, .message = {}, .ended = true})
        .then({{"user_answered", R"({"ended":true,"message":null})"},
               {"run_finished", R"({"status":"success","details":{"answer":"done"}})"}});
}

BOOST_AUTO_TEST_CASE(the_user_cannot_talk_past_the_cap_on_model_turns) {
    spec s = given(agent_of({.limits = {.model_turns = 1}, .converse = true}));
    s.and_given(go()).and_given(says(1, make_answer("hm")));
    s.when(user_completion{.ref = {run1, {2}}, .message = payload::of_string("go on")})
        .then_among_others(
            {{"user_answered"}, {"run_finished", R"({"code":"limit.model_calls","details":{"answer":"hm"}})"}});
}

BOOST_AUTO_TEST_CASE(a_run_ends_after_the_success_of_a_binding_that_ends_it) {
    spec s = given(agent_of({.ends_after = {"send"}}));
    s.and_given(go());
    model_response turn = make_turn({make_call("look"), make_call("send")});
    turn.content = payload::of_string("sending");
    s.and_given(says(1, turn)).and_given(ok(3));
    s.when(ok(2)).then({{"call_settled"},
                        {"turn_completed"},
                        {"run_finished", R"({"status":"success","details":{"answer":"sending"}})"}});
    spec t = given(agent_of({.ends_after = {"send"}}));
    t.and_given(go()).and_given(says(1, make_turn({make_call("send")})));
    t.when(skill_completion{.ref = {run1, {2}},
                            .outcome = effect_outcome::failed,
                            .result = {},
                            .code = errc::skill_failed,
                            .message = "no"})
        .then_among_others({{"turn_completed"}, {"model_requested"}});
}

BOOST_AUTO_TEST_CASE(the_loop_guard_refuses_the_same_call_in_a_row_for_good) {
    // `pin` has a fixed argument: what counts is the call as it would be made.
    for (const char* name : {"look", "pin"}) {
        spec s = given(agent_of({.limits = {.repeated_calls = 2}}));
        s.and_given(go());
        std::uint64_t call = 1;
        for (int turn = 0; turn < 8; ++turn) {
            s.and_given(says(call, make_turn({make_call(name, R"({"q":1})")})));
            if (turn < 2) {
                s.then_among_others({{"call_intended"}});
                s.and_given(ok(call + 1));
            } else {
                s.then_among_others({{"call_refused", R"({"code":"loop.repeated_call"})"}});
            }
            call += 2;
        }
        s.when(says(call, make_turn({make_call(name, R"({"q":2})")}))).then_among_others({{"call_intended"}});
    }
}

BOOST_AUTO_TEST_CASE(equal_arguments_for_another_skill_are_another_call) {
    spec s = given(agent_of({.limits = {.repeated_calls = 1}}));
    s.and_given(go());
    std::uint64_t call = 1;
    for (const char* name : {"look", "send", "look", "send"}) {
        s.when(says(call, make_turn({make_call(name, R"({"q":1})")}))).then_among_others({{"call_intended"}});
        s.and_given(ok(call + 1));
        BOOST_TEST(s.state().find(run1)->repeated == 1U);
        call += 2;
    }
}

BOOST_AUTO_TEST_CASE(refused_calls_are_counted_by_the_loop_guard_under_what_was_proposed) {
    spec s = given(agent_of({.limits = {.repeated_calls = 2}}));
    s.and_given(go());
    for (std::uint64_t call = 1; call < 9; call += 2)
        s.when(says(call, make_turn({make_call("nobody", R"({"q":1})")})))
            .then_among_others({{"call_refused", R"({"code":"skill.unknown"})"}});
    BOOST_TEST(s.state().find(run1)->repeated == 4U);
    BOOST_TEST(s.state().find(run1)->repeated_binding == no_binding);
}

BOOST_AUTO_TEST_SUITE_END()
