// Retries that count against a budget of their dependency, across calls, runs, agents and restarts.
#include "runtime/engine/internal/retry_accounts.hpp"

#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/engine/interrupted.hpp"

using namespace aivp;
using namespace aivp::testing;
using namespace engine_test;

namespace {

/// Half a retry for each first attempt; and two retries, whatever is paid in.
constexpr retry_budget_policy half{.share_permille = 500, .min_per_second = 0, .ttl = seconds(600)};
constexpr retry_budget_policy two{.share_permille = 0, .min_per_second = 2, .ttl = seconds(1)};

retry_policy with_budget(std::optional<retry_budget_policy> budget, std::uint32_t attempts = 9) {
    return {.max_attempts = attempts, .base_delay = {}, .cap = {}, .jitter = jitter_kind::none, .budget = budget};
}
skill_ptr retried(std::string id, std::optional<retry_budget_policy> budget, skill_options options = {}) {
    auto out = std::make_shared<skill_contract>(*make_skill(std::move(id), std::move(options)));
    out->retry = with_budget(budget);
    return out;
}
snapshot_ptr sender(std::string id, std::optional<retry_budget_policy> budget, std::size_t steps = 1) {
    std::vector<step_row> rows;
    for (std::size_t i = 0; i < steps; ++i)
        rows.push_back({"s" + std::to_string(i), "send", {.error_policy = on_error::proceed}});
    return make_steps_agent(std::move(id), {make_binding("send", retried("mail.send", budget, {.takes_key = true}))},
                            rows);
}
skill_completion down(std::uint64_t call, run_id run = run1, effect_outcome how = effect_outcome::failed) {
    return {.ref = {run, {call}}, .outcome = how, .result = {}, .code = errc::skill_unavailable, .message = "503"};
}
/// Fails the call until it is not tried again; how many retries there were.
int retries_of(spec& s, std::uint64_t call, run_id run = run1) {
    for (int n = 0;; ++n) {
        s.and_given(down(call, run));
        const run_state* r = s.state().find(run);
        const bool planned = r && std::ranges::any_of(r->open, [&](const open_call& o) {
                                 return o.call.value == call && o.retry_at != instant::max();
                             });
        if (!planned) return n;
        s.and_given(watchdog(run));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(budgets_of_retries)

BOOST_AUTO_TEST_CASE(a_retry_that_the_budget_does_not_pay_for_is_not_made_and_the_call_ends_as_its_attempt_did) {
    spec s = given(sender("a", two));
    s.and_given(go());
    for (int i = 0; i < 2; ++i) {
        s.when(down(1)).then_among_others({{"call_retry_planned", R"({"call":1,"code":"skill.unavailable"})"}});
        s.and_given(watchdog());
    }
    s.when(down(1)).then_among_others(
        {{"call_settled",
          R"({"outcome":"failed","code":"skill.unavailable","message":"503","not_retried":"budget"})"}});
    BOOST_CHECK(s.the<call_settled>().not_retried == retry_stop::budget);
}

BOOST_AUTO_TEST_CASE(other_reasons_are_not_told_because_they_follow_from_the_call) {
    spec s = given(sender("a", std::nullopt));
    s.and_given(go());
    BOOST_TEST(retries_of(s, 1) == 8);
    BOOST_CHECK(s.the<call_settled>().not_retried == retry_stop::none);
    BOOST_TEST(s.line().find("not_retried") == std::string::npos);
    BOOST_TEST(s.state().retry_accounts.empty());
    BOOST_TEST(encode_state(s.state()).find("retry_accounts") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(first_attempts_pay_in_and_retries_do_not) {
    spec s = given(sender("a", half, 5));
    s.and_given(go());
    BOOST_TEST(retries_of(s, 1) == 0);
    BOOST_TEST(retries_of(s, 2) == 1);
    BOOST_TEST(retries_of(s, 3) == 0);
    BOOST_TEST(retries_of(s, 4) == 1);
    BOOST_TEST(retries_of(s, 5) == 0);
}

BOOST_AUTO_TEST_CASE(the_time_to_live_gives_the_reserve_back) {
    spec s = given(sender("a", two, 3));
    s.and_given(go());
    BOOST_TEST(retries_of(s, 1) == 2);
    BOOST_TEST(retries_of(s, 2) == 0);
    s.when(down(3), seconds(1)).then_among_others({{"call_retry_planned"}});
}

BOOST_AUTO_TEST_CASE(all_runs_and_agents_with_the_same_policy_share_it_and_another_policy_has_an_account_of_its_own) {
    const retry_budget_policy other{.share_permille = 0, .min_per_second = 3, .ttl = seconds(1)};
    spec s = given({sender("a", two), sender("b", two), sender("c", other), sender("d", std::nullopt)});
    for (std::uint64_t agent = 1; agent <= 4; ++agent) s.and_given(start_run{{agent}, {}});
    BOOST_TEST(retries_of(s, 1, {1}) == 2);
    BOOST_TEST(retries_of(s, 1, {2}) == 0);
    BOOST_TEST(retries_of(s, 1, {3}) == 3);
    BOOST_TEST(retries_of(s, 1, {4}) == 8);
    s.and_given(start_run{{1}, {}});
    BOOST_TEST(retries_of(s, 1, {5}) == 0);
    BOOST_TEST(s.state().retry_accounts.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_model_has_its_budget_as_a_skill_has) {
    auto agent = std::make_shared<agent_snapshot>(*loop_of());
    std::get<loop_brain>(agent->brain).model.retry = with_budget(two);
    spec s = given(agent);
    s.and_given(go());
    const auto fails = [] {
        return model_completion{
            .ref = {run1, {1}}, .outcome = effect_outcome::failed, .code = errc::model_failed, .message = "529"};
    };
    for (int i = 0; i < 2; ++i) {
        s.when(fails()).then_among_others({{"call_retry_planned"}});
        s.and_given(watchdog());
    }
    s.when(fails()).then({{"model_settled", R"({"code":"model.failed","not_retried":"budget"})"},
                          {"run_finished", R"({"code":"model.failed"})"}});
}

BOOST_AUTO_TEST_CASE(what_waits_for_its_turn_and_what_is_sent_again_after_a_restart_takes_nothing_out) {
    spec s = given(sender("a", two));
    s.and_given(go());
    for (int i = 0; i < 4; ++i) {
        s.and_given(skill_completion{.ref = {run1, {1}},
                                     .outcome = effect_outcome::failed,
                                     .result = {},
                                     .code = errc::rate_limited,
                                     .message = "wait",
                                     .retry_after = duration{1}});
        s.and_given(watchdog(), duration{1});
        s.and_given(recover{});
    }
    BOOST_TEST(retries_of(s, 1) == 2);
}

BOOST_AUTO_TEST_CASE(a_call_in_doubt_that_is_not_retried_stays_in_doubt_and_says_why) {
    spec s = given(sender("a", retry_budget_policy{.share_permille = 0, .min_per_second = 1, .ttl = seconds(1)}));
    s.and_given(go());
    s.and_given(skill_completion{.ref = {run1, {1}}, .outcome = effect_outcome::unknown, .result = {}, .message = {}});
    s.and_given(watchdog());
    s.when(down(1)).then_among_others(
        {{"call_settled", R"({"outcome":"unknown","code":"skill.outcome_unknown","not_retried":"budget"})"}});
}

BOOST_AUTO_TEST_CASE(what_a_refusal_says_is_not_told_as_the_result_of_a_call_in_doubt) {
    spec s = given(sender("a", retry_budget_policy{.share_permille = 0, .min_per_second = 1, .ttl = seconds(1)}));
    s.and_given(go());
    s.and_given(skill_completion{.ref = {run1, {1}}, .outcome = effect_outcome::unknown, .result = {}, .message = {}});
    s.and_given(watchdog());
    skill_completion refusal = down(1);
    refusal.result = payload::of_object({{"details", payload::of_string("not tonight")}});
    s.when(refusal).then_among_others(
        {{"call_settled",
          R"({"result":{"error":"skill.outcome_unknown","message":"an earlier attempt may have taken effect; the last one failed: 503"}})"}});
}

BOOST_AUTO_TEST_CASE(a_restart_gives_nothing_back) {
    const std::vector<snapshot_ptr> agents{sender("a", half, 3)};
    listed_snapshots known(agents);
    spec s = given(agents[0]);
    s.and_given(go()).and_given(ok(1));
    BOOST_TEST(retries_of(s, 2) == 1);
    const std::string text = encode_state(s.state());
    const auto back = decode_state(text, known);
    BOOST_REQUIRE(back.has_value());
    BOOST_CHECK(*back == s.state());
    BOOST_TEST(encode_state(*back) == text);
    spec later(*back);
    later.when(down(3), s.now() - spec::start).then_among_others({{"call_settled", R"({"not_retried":"budget"})"}});
}

BOOST_AUTO_TEST_CASE(books_that_cannot_be_right_are_refused) {
    const std::vector<snapshot_ptr> agents{sender("a", half)};
    listed_snapshots known(agents);
    spec s = given(agents[0]);
    s.and_given(go());
    const std::string text = encode_state(s.state());
    for (const auto& [what, with] :
         std::vector<std::pair<std::string, std::string>>{{"\"balances\":[500,", "\"balances\":["},
                                                          {"\"balances\":[500,", "\"balances\":[\"500\","},
                                                          {"\"dependency\":\"mail.send\"", "\"dependency\":7"},
                                                          {"\"kind\":\"skill\",\"min", "\"kind\":\"user\",\"min"},
                                                          {"\"min_per_second\":0", "\"min_per_second\":1000001"},
                                                          {"\"ttl\":600000000", "\"ttl\":0"},
                                                          {"\"newest\":", "\"newer\":"}}) {
        std::string broken = text;
        const std::size_t at = broken.find(what);
        BOOST_REQUIRE_MESSAGE(at != std::string::npos, what << " in " << text);
        broken.replace(at, what.size(), with);
        BOOST_TEST(!decode_state(broken, known).has_value(), what << " as " << with);
    }
    const std::size_t begin = text.find("\"retry_accounts\":[") + 18, end = text.find("}]", begin) + 1;
    std::string twice = text;
    twice.insert(end, "," + text.substr(begin, end - begin));
    BOOST_TEST(!decode_state(twice, known).has_value());
}

BOOST_AUTO_TEST_CASE(a_journal_with_a_retry_that_was_not_paid_for_is_corrupt) {
    const std::vector<snapshot_ptr> agents{sender("a", two)};
    listed_snapshots known(agents);
    spec s = given(agents[0]);
    s.and_given(go());
    std::string planned;
    for (int i = 0; i < 2; ++i) {
        s.and_given(down(1));
        planned = s.line();
        s.and_given(watchdog());
    }
    const std::size_t at = planned.find("\"attempt\":3");
    BOOST_REQUIRE(at != std::string::npos);
    engine_state state = s.state();
    const auto read = replay_line(state, planned.replace(at, 11, "\"attempt\":4"), known);
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(read.error().message.find("retry budget is spent") != std::string::npos, read.error().message);
}

BOOST_AUTO_TEST_CASE(accounts_that_are_as_good_as_new_are_forgotten_when_an_agent_is_activated) {
    spec s = given(sender("a", two));
    s.and_given(go()).and_given(ok(1));
    BOOST_TEST(s.state().retry_accounts.size() == 1U);
    s.and_given(start_run{{1}, {}});
    s.and_given(down(1, run2));
    s.and_given(activate_agent{sender("a", half)});
    BOOST_TEST(s.state().retry_accounts.size() == 1U);
    s.and_given(activate_agent{sender("a", half)}, seconds(2));
    BOOST_TEST(s.state().retry_accounts.empty());
}

BOOST_AUTO_TEST_SUITE_END()
