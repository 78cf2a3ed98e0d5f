#include "runtime/codec/reliability_keys.hpp"

#include <string>
#include <variant>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/agent_file.hpp"
#include "runtime/codec/skill_file.hpp"

namespace {

aivp::skill_contract skill_with(const std::string& keys) {
    std::vector<aivp::error> errors;
    const auto skill = aivp::parse_skill(
        "schema_version: skill.v1\nid: a\nversion: 1.0.0\nsummary: s\ninputs: {}\n" + keys, "s.skill.yaml", errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(skill);
    return *skill->contract;
}

aivp::model_spec model_with(const std::string& keys) {
    std::vector<aivp::error> errors;
    const auto agent = aivp::parse_agent("schema_version: v1alpha1\nid: a\nname: A\ngoal: g\nskill_bindings: []\n"
                                         "model:\n  name: m\n" +
                                             keys,
                                         "a.yaml", errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(agent);
    return std::get<aivp::loop_definition>(agent->brain).model;
}

aivp::error error_of_skill_with(const std::string& keys) {
    std::vector<aivp::error> errors;
    (void)aivp::parse_skill("schema_version: skill.v1\nid: a\nversion: 1.0.0\nsummary: s\ninputs: {}\n" + keys,
                            "s.skill.yaml", errors);
    BOOST_REQUIRE_EQUAL(errors.size(), 1U);
    return errors.front();
}

} // namespace

BOOST_AUTO_TEST_SUITE(reliability_files)

BOOST_AUTO_TEST_CASE(what_the_file_does_not_say_is_neither_repeated_nor_limited_nor_held_back) {
    const aivp::skill_contract skill = skill_with("");
    BOOST_TEST((skill.retry == aivp::retry_policy{.max_attempts = 1}));
    BOOST_TEST((!skill.rate && !skill.breaker));
    const aivp::model_spec model = model_with("");
    BOOST_TEST((model.retry == aivp::retry_policy{.max_attempts = 1}));
    BOOST_TEST((!model.rate && !model.breaker));
}

BOOST_AUTO_TEST_CASE(a_budget_of_retries_belongs_to_the_policy_of_a_skill_or_a_model) {
    const auto budget = [](const aivp::retry_policy& p) { return p.budget.value(); };
    BOOST_TEST((!skill_with("retry: {attempts: 2}\n").retry.budget));
    BOOST_TEST((budget(skill_with("retry: {attempts: 2, budget: {}}\n").retry) == aivp::retry_budget_policy{}));
    const aivp::retry_budget_policy set{.share_permille = 55, .min_per_second = 0, .ttl = aivp::minutes(2)};
    const std::string keys = "retry: {attempts: 2, budget: {share: 5.5%, min_per_second: 0, ttl: 2m}}\n";
    BOOST_TEST((budget(skill_with(keys).retry) == set));
    BOOST_TEST((budget(model_with("  " + keys).retry) == set));
    for (const auto& [text, place] :
         std::vector<std::pair<std::string, std::string>>{{"share: 101%", "`share`"},
                                                          {"min_per_second: -1", "`min_per_second`"},
                                                          {"min_per_second: 1000001", "`min_per_second`"},
                                                          {"ttl: 0s", "`ttl`"},
                                                          {"ttl: 61m", "`ttl`"},
                                                          {"shar: 5%", "`shar`"}}) {
        const aivp::error e = error_of_skill_with("retry: {attempts: 2, budget: {" + text + "}}\n");
        BOOST_TEST(e.message.find(place) != std::string::npos, e.message);
        BOOST_TEST(e.where.line == 6U);
    }
}

BOOST_AUTO_TEST_CASE(all_keys_of_a_skill_reach_its_contract) {
    const auto skill = skill_with("retry: {attempts: 5, delay: 500ms, growth: 1.5, delay_max: 20s, jitter: equal, "
                                  "throttle_floor: 2s, within: 5m}\n"
                                  "rate_limit: {count: 10, per: 1m, burst: 3}\n"
                                  "breaker: {window: 30, calls_min: 5, failures: 12.5%, slow: {from: 5s, share: 80%}, "
                                  "open_for: 10s, open_growth: 3, open_max: 2m, probes: 2, probe_timeout: 7s}\n");
    BOOST_TEST((skill.retry == aivp::retry_policy{.max_attempts = 5,
                                                  .base_delay = aivp::milliseconds(500),
                                                  .multiplier_tenths = 15,
                                                  .cap = aivp::seconds(20),
                                                  .jitter = aivp::jitter_kind::equal,
                                                  .throttle_floor = aivp::seconds(2),
                                                  .max_elapsed = aivp::minutes(5)}));
    BOOST_REQUIRE((skill.rate && skill.breaker));
    BOOST_TEST((*skill.rate == aivp::rate_limit{10, aivp::minutes(1), 3}));
    BOOST_TEST((*skill.breaker == aivp::breaker_policy{.window_calls = 30,
                                                       .calls_min = 5,
                                                       .failure_permille = 125,
                                                       .slow_permille = 800,
                                                       .slow_from = aivp::seconds(5),
                                                       .open_for = aivp::seconds(10),
                                                       .open_growth_tenths = 30,
                                                       .open_max = aivp::minutes(2),
                                                       .probes_max = 2,
                                                       .probe_timeout = aivp::seconds(7)}));
}

BOOST_AUTO_TEST_CASE(the_model_has_the_same_keys_and_says_how_long_an_attempt_may_take) {
    const auto model = model_with("  retry: {attempts: 3, attempt_timeout: 20s, jitter: proportional, "
                                  "jitter_share: 25%}\n"
                                  "  rate_limit: {count: 50, per: 1m}\n  breaker: {window: 60s}\n");
    BOOST_TEST((model.retry == aivp::retry_policy{.max_attempts = 3,
                                                  .jitter = aivp::jitter_kind::proportional,
                                                  .jitter_permille = 250,
                                                  .attempt_limit = aivp::seconds(20)}));
    BOOST_REQUIRE((model.rate && model.breaker));
    BOOST_TEST((*model.rate == aivp::rate_limit{50, aivp::minutes(1), 1}));
    BOOST_TEST((*model.breaker ==
                aivp::breaker_policy{.window = aivp::breaker_window::time, .window_time = aivp::seconds(60)}));
    BOOST_TEST(model.params.text() == "{}", "how a call is repeated is no part of the request");
}

BOOST_AUTO_TEST_CASE(a_key_alone_brings_the_defaults_of_its_policy) {
    const auto skill = skill_with("retry: {attempts: 4}\nbreaker: {}\n");
    BOOST_TEST((skill.retry == aivp::retry_policy{}));
    BOOST_TEST((*skill.breaker == aivp::breaker_policy{}));
}

BOOST_AUTO_TEST_CASE(limits_that_are_not_written_follow_those_that_are) {
    BOOST_TEST((skill_with("retry: {attempts: 2, delay: 45s}\n").retry.cap == aivp::seconds(45)));
    const auto breaker = *skill_with("breaker: {window: 4, open_for: 10m}\n").breaker;
    BOOST_TEST(breaker.calls_min == 4U);
    BOOST_TEST((breaker.open_max == aivp::minutes(10)));
    BOOST_TEST(skill_with("breaker: {window: 10s, calls_min: 5000}\n").breaker->calls_min == 5000U);
}

BOOST_AUTO_TEST_CASE(every_kind_of_jitter_can_be_written) {
    for (const auto kind :
         {aivp::jitter_kind::none, aivp::jitter_kind::full, aivp::jitter_kind::equal, aivp::jitter_kind::decorrelated})
        BOOST_TEST(
            (skill_with("retry: {attempts: 2, jitter: " + std::string(to_string(kind)) + "}\n").retry.jitter == kind));
    BOOST_TEST(skill_with("retry: {attempts: 2, jitter: proportional, jitter_share: 0%}\n").retry.jitter_permille ==
               0U);
}

BOOST_AUTO_TEST_CASE(every_extreme_that_can_be_written_passes_the_policys_own_check) {
    for (const char* keys :
         {"retry: {attempts: 1, delay: 0s, growth: 1, delay_max: 0s, throttle_floor: 0s, within: 1ms}",
          "retry: {attempts: 1000, delay: 366d, growth: 100, throttle_floor: 366d, within: 366d}",
          "rate_limit: {count: 1, per: 366d, burst: 1000000000000}", "rate_limit: {count: 1000000000000, per: 1ms}",
          "breaker: {window: 1, failures: 0.1%, open_for: 1ms, open_growth: 1, probes: 1}",
          "breaker: {window: 256, calls_min: 256, failures: 100%, open_for: 366d, probes: 16}",
          "breaker: {window: 366d, calls_min: 1000000000, slow: {from: 366d, share: 0.1%}}"}) {
        const auto skill = skill_with(std::string(keys) + "\n");
        BOOST_TEST(aivp::check(skill.retry).has_value(), keys);
        if (skill.rate) BOOST_TEST(aivp::check(*skill.rate).has_value(), keys);
        if (skill.breaker) BOOST_TEST(aivp::check(*skill.breaker).has_value(), keys);
    }
}

BOOST_AUTO_TEST_CASE(messages_say_what_would_be_right) {
    BOOST_TEST(error_of_skill_with("breaker: {failures: 0%}\n").message == "`failures` is from 0.1% to 100%");
    BOOST_TEST(error_of_skill_with("breaker: {failures: 50}\n").help ==
               "Write per cent with at most one decimal, and the sign.");
    BOOST_TEST(error_of_skill_with("retry: {attempts: 2, delay: 10s, delay_max: 5s}\n").message ==
               "`delay_max` is at least `delay`, which is 10s");
    BOOST_TEST(error_of_skill_with("retry: {attempts: 2, attempt_timeout: 5s}\n").help ==
               "Remove it, and set `timeout` beside `retry`.");
    BOOST_TEST(error_of_skill_with("retry: {atempts: 2, attempts: 2}\n").help == "Did you mean `attempts`?");
    BOOST_TEST(error_of_skill_with("retry: {attempts: 2, growth: 0.9}\n").message == "`growth` is from 1 to 100");
}

BOOST_AUTO_TEST_CASE(how_often_a_call_is_repeated_is_part_of_the_skills_hash) {
    BOOST_TEST((skill_with("retry: {attempts: 2}\n").hash != skill_with("retry: {attempts: 3}\n").hash));
    BOOST_TEST((skill_with("retry: {attempts: 2}\n").hash != skill_with("").hash));
}

BOOST_AUTO_TEST_SUITE_END()
