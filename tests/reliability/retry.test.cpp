#include "aivp/reliability/retry.hpp"

#include <array>
#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {

constexpr instant start{1'767'225'600'000'000};
constexpr retry_policy plain{.max_attempts = 10, .jitter = jitter_kind::none};
constexpr attempt_failure transient{.code = errc::skill_unavailable};
constexpr attempt_failure throttled{.code = errc::model_rate_limited};

retry_decision decide(const retry_policy& policy, std::uint32_t attempt, const attempt_failure& failure,
                      instant deadline = instant::max()) {
    return next_attempt(policy, attempt, failure, {.first_started = start, .now = start, .deadline = deadline}, {7});
}

} // namespace

BOOST_AUTO_TEST_SUITE(retry)

BOOST_AUTO_TEST_CASE(the_first_retry_waits_the_base_delay_and_each_later_one_twice_as_long_up_to_the_cap) {
    const std::array<std::int64_t, 8> expected_s{1, 2, 4, 8, 16, 30, 30, 30};
    for (std::uint32_t attempt = 1; attempt <= expected_s.size(); ++attempt) {
        BOOST_TEST((backoff_delay(plain, attempt) == seconds(expected_s[attempt - 1])), "attempt " << attempt);
        BOOST_TEST((decide(plain, attempt, transient).at == start + seconds(expected_s[attempt - 1])));
    }
    BOOST_TEST((backoff_delay(plain, 4'000'000'000U) == seconds(30)));
}

BOOST_AUTO_TEST_CASE(growth_by_a_fraction_rounds_up_and_never_stalls) {
    const retry_policy p{.base_delay = {1}, .multiplier_tenths = 11, .cap = {1000}};
    BOOST_TEST((backoff_delay(p, 2) == duration{2}));
    BOOST_TEST((backoff_delay(p, 200) == duration{1000}));
    const retry_policy planner{.base_delay = seconds(2), .multiplier_tenths = 15};
    BOOST_TEST((backoff_delay(planner, 2) == seconds(3)));
    BOOST_TEST((backoff_delay(planner, 3) == milliseconds(4500)));
}

BOOST_AUTO_TEST_CASE(growth_beyond_64_bits_is_the_cap) {
    const retry_policy p{.base_delay = days(300), .multiplier_tenths = 1000, .cap = days(366)};
    BOOST_TEST((backoff_delay(p, 2) == days(366)));
    const retry_policy endless{.base_delay = duration{INT64_MAX / 2}, .multiplier_tenths = 1000, .cap = {INT64_MAX}};
    BOOST_TEST((backoff_delay(endless, 3) == duration{INT64_MAX}));
}

BOOST_AUTO_TEST_CASE(each_stop_names_its_reason) {
    BOOST_TEST((decide(plain, 9, transient).stop == retry_stop::none));
    BOOST_TEST((decide(plain, 10, transient).stop == retry_stop::attempts));
    BOOST_TEST((decide({.max_attempts = 1}, 1, transient).stop == retry_stop::attempts));
    BOOST_TEST((decide(plain, 1, {.code = errc::policy_denied}).stop == retry_stop::not_retryable));
    BOOST_TEST((decide(plain, 1, transient, start + seconds(1)).stop == retry_stop::deadline));
    BOOST_TEST((decide(plain, 1, transient, start + seconds(1) + duration{1}).stop == retry_stop::none));
    const attempt_failure success{.code = errc::ok, .outcome = effect_outcome::ok};
    BOOST_TEST((decide(plain, 1, success).stop == retry_stop::not_retryable));
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_is_repeated_only_when_that_is_harmless) {
    attempt_failure f{.code = errc::skill_unavailable, .outcome = effect_outcome::unknown, .should_retry = true};
    BOOST_TEST((decide(plain, 1, f).stop == retry_stop::outcome_unknown));
    f.repeatable = true;
    BOOST_TEST((decide(plain, 1, f).stop == retry_stop::none));
}

BOOST_AUTO_TEST_CASE(what_the_other_side_says_about_retrying_goes_before_the_code) {
    attempt_failure f = transient;
    f.should_retry = false;
    BOOST_TEST((decide(plain, 1, f).stop == retry_stop::not_retryable));
    BOOST_TEST((decide(plain, 1, {.code = errc::skill_bad_output, .should_retry = true}).stop == retry_stop::none));
}

BOOST_AUTO_TEST_CASE(the_longest_time_counts_from_the_first_attempt) {
    retry_policy p = plain;
    p.max_elapsed = seconds(10);
    const auto after = [&](duration d) {
        return next_attempt(p, 1, transient, {.first_started = start, .now = start + d}, {}).stop;
    };
    BOOST_TEST((after(seconds(9) - duration{1}) == retry_stop::none));
    BOOST_TEST((after(seconds(9)) == retry_stop::deadline));
}

BOOST_AUTO_TEST_CASE(an_attempt_gets_its_own_limit_but_none_beyond_the_deadline) {
    retry_policy p = plain;
    BOOST_TEST((decide(p, 1, transient, start + seconds(60)).attempt_deadline == start + seconds(60)));
    p.attempt_limit = seconds(20);
    BOOST_TEST((decide(p, 1, transient, start + seconds(60)).attempt_deadline == start + seconds(21)));
    BOOST_TEST((decide(p, 1, transient, start + seconds(15)).attempt_deadline == start + seconds(15)));
}

BOOST_AUTO_TEST_CASE(retry_after_is_a_floor_even_beyond_the_cap) {
    attempt_failure f = throttled;
    f.retry_after = seconds(90);
    const retry_decision d = decide(plain, 1, f);
    BOOST_TEST((d.at == start + seconds(90)));
    BOOST_TEST(d.floored);
    f.retry_after = milliseconds(10);
    BOOST_TEST((decide(plain, 3, f).wait == seconds(4)));
    BOOST_TEST(!decide(plain, 3, f).floored);
    f.retry_after = seconds(-5);
    BOOST_TEST((decide(plain, 3, f).wait == seconds(4)));
}

BOOST_AUTO_TEST_CASE(a_wait_that_was_asked_for_and_does_not_fit_ends_the_retries_at_once) {
    attempt_failure f = throttled;
    f.retry_after = seconds(90);
    BOOST_TEST((decide(plain, 1, f, start + seconds(60)).stop == retry_stop::deadline));
}

BOOST_AUTO_TEST_CASE(throttling_has_a_floor_of_its_own) {
    const retry_policy p{
        .base_delay = milliseconds(1), .jitter = jitter_kind::none, .throttle_floor = milliseconds(800)};
    BOOST_TEST((decide(p, 1, throttled).wait == milliseconds(800)));
    BOOST_TEST((decide(p, 1, transient).wait == milliseconds(1)));
}

BOOST_AUTO_TEST_CASE(throttling_takes_away_no_more_than_half_a_delay) {
    for (const jitter_kind kind : {jitter_kind::full, jitter_kind::proportional}) {
        const retry_policy p{.base_delay = seconds(10), .jitter = kind, .jitter_permille = 1000};
        int shorter = 0;
        for (std::uint64_t key = 0; key < 200; ++key) {
            BOOST_TEST((jittered_delay(p, 2, {key}, true) >= seconds(10)));
            shorter += jittered_delay(p, 2, {key}) < seconds(10);
        }
        BOOST_TEST(shorter > 20, to_string(kind));
    }
}

BOOST_AUTO_TEST_CASE(codes_that_mean_too_many_requests) {
    for (const errc code : {errc::model_rate_limited, errc::rate_limited, errc::lease_held})
        BOOST_TEST(is_throttling(code), info(code).name);
    for (const errc code : {errc::ok, errc::skill_unavailable, errc::policy_denied, errc::breaker_open})
        BOOST_TEST(!is_throttling(code), info(code).name);
}

BOOST_AUTO_TEST_CASE(a_budget_pays_only_for_attempts_that_are_made) {
    retry_budget budget{{.share_permille = 0, .min_per_second = 1, .ttl = seconds(1)}};
    const retry_times times{.first_started = start, .now = start};
    const auto ask = [&](const attempt_failure& f) { return next_attempt(plain, 1, f, times, {}, budget).stop; };
    BOOST_TEST((ask({.code = errc::policy_denied}) == retry_stop::not_retryable));
    BOOST_TEST(budget.balance_milli(start) == 1000);
    BOOST_TEST((ask(transient) == retry_stop::none));
    BOOST_TEST(budget.balance_milli(start) == 0);
    BOOST_TEST((ask(transient) == retry_stop::budget));
}

// Literals: a change of the stream, of the key or of the formula would change how old journals replay.
BOOST_AUTO_TEST_CASE(jitter_is_the_same_on_every_machine_and_in_every_version) {
    const jitter_key key = jitter_key_of(1, run_id{12}, "call", 3);
    retry_policy p{.max_attempts = 5};
    // The first eight bytes of SHA-256("1:12:3:call").
    BOOST_TEST(key.value == 15'758'619'351'134'078'640ULL);
    BOOST_TEST(jittered_delay(p, 1, key).us == 735'156);
    p.jitter = jitter_kind::equal;
    BOOST_TEST(jittered_delay(p, 2, key).us == 1'911'117);
    p.jitter = jitter_kind::decorrelated;
    BOOST_TEST(jittered_delay(p, 3, key).us == 7'551'990);
}

BOOST_AUTO_TEST_CASE(the_parts_of_a_key_are_told_apart) {
    const jitter_key key = jitter_key_of(1, run_id{12}, "call", 3);
    BOOST_TEST((key == jitter_key_of(1, run_id{12}, "call", 3)));
    for (const jitter_key other : {jitter_key_of(2, run_id{12}, "call", 3), jitter_key_of(1, run_id{13}, "call", 3),
                                   jitter_key_of(1, run_id{12}, "model", 3), jitter_key_of(1, run_id{12}, "call", 4),
                                   jitter_key_of(11, run_id{2}, "call", 3), jitter_key_of(1, run_id{1}, "2:call", 3)})
        BOOST_TEST((key != other));
}

BOOST_AUTO_TEST_CASE(a_policy_out_of_range_is_named) {
    BOOST_TEST(check(retry_policy{}).has_value());
    const std::array<std::pair<retry_policy, std::string_view>, 10> broken{{
        {{.max_attempts = 0}, "max_attempts"},
        {{.max_attempts = 1001}, "max_attempts"},
        {{.base_delay = {-1}}, "base_delay"},
        {{.multiplier_tenths = 9}, "multiplier_tenths"},
        {{.base_delay = seconds(2), .cap = seconds(1)}, "cap"},
        {{.cap = days(367)}, "cap"},
        {{.jitter_permille = 1001}, "jitter_permille"},
        {{.throttle_floor = {-1}}, "throttle_floor"},
        {{.max_elapsed = duration{}}, "max_elapsed"},
        {{.attempt_limit = duration{}}, "attempt_limit"},
    }};
    for (const auto& [policy, name] : broken) {
        const auto r = check(policy);
        BOOST_REQUIRE(!r);
        BOOST_TEST((r.error().code == errc::config_range));
        BOOST_TEST(r.error().message.starts_with(name), r.error().message);
    }
}

BOOST_AUTO_TEST_CASE(names) {
    BOOST_TEST(to_string(retry_stop::outcome_unknown) == "outcome_unknown");
    BOOST_TEST(to_string(retry_stop::budget) == "budget");
    BOOST_TEST(to_string(jitter_kind::proportional) == "proportional");
}

BOOST_AUTO_TEST_SUITE_END()
