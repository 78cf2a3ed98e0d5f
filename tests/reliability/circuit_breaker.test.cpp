#include "aivp/reliability/circuit_breaker.hpp"

#include <array>
#include <boost/test/unit_test.hpp>

#include "aivp/reliability/recovery.hpp"

using namespace aivp;

namespace {

constexpr instant start{1'767'225'600'000'000};
constexpr auto good = breaker_verdict::success;
constexpr auto bad = breaker_verdict::failure;
constexpr auto neutral = breaker_verdict::neutral;

constexpr breaker_policy small{.window_calls = 4,
                               .calls_min = 4,
                               .failure_permille = 500,
                               .open_for = seconds(10),
                               .open_max = seconds(35),
                               .probes_max = 3,
                               .probe_timeout = seconds(5)};

/// One call that is let through and ends at once.
void call(circuit_breaker& b, breaker_verdict verdict, instant now = start, duration latency = {}) {
    const auto answer = b.allow(now);
    BOOST_REQUIRE(answer.permit.has_value());
    b.record(*answer.permit, verdict, latency, now);
}

circuit_breaker opened(const breaker_policy& policy = small) {
    circuit_breaker b{policy};
    for (std::uint32_t i = 0; i < policy.calls_min; ++i) call(b, bad);
    BOOST_REQUIRE((b.state(start) == breaker_state::open));
    return b;
}

} // namespace

BOOST_AUTO_TEST_SUITE(breaker)

BOOST_AUTO_TEST_CASE(it_opens_at_the_threshold_and_not_before_the_minimum_of_calls) {
    circuit_breaker b{small};
    for (const auto v : {bad, bad, good}) call(b, v);
    BOOST_TEST((b.state(start) == breaker_state::closed));
    call(b, good);
    BOOST_TEST((b.state(start) == breaker_state::open));
    const auto refused = b.allow(start + seconds(3));
    BOOST_TEST(!refused.permit.has_value());
    BOOST_TEST((refused.retry_at == start + seconds(10)));
    BOOST_TEST((b.open_until(start) == start + seconds(10)));
}

BOOST_AUTO_TEST_CASE(old_calls_leave_the_count_window) {
    circuit_breaker b{small};
    for (const auto v : {bad, good, good, good, bad, good, good, good, bad}) call(b, v);
    BOOST_TEST((b.state(start) == breaker_state::closed));
    call(b, bad);
    BOOST_TEST((b.state(start) == breaker_state::open));
}

BOOST_AUTO_TEST_CASE(old_calls_leave_the_time_window) {
    breaker_policy p = small;
    p.window = breaker_window::time;
    p.window_time = seconds(10);
    circuit_breaker b{p};
    for (int i = 0; i < 3; ++i) call(b, bad, start);
    call(b, bad, start + seconds(10));
    BOOST_TEST((b.state(start + seconds(10)) == breaker_state::closed));
    for (int i = 0; i < 3; ++i) call(b, bad, start + seconds(18));
    BOOST_TEST((b.state(start + seconds(18)) == breaker_state::open));
}

BOOST_AUTO_TEST_CASE(failures_and_slow_calls_leave_the_time_window_with_their_calls) {
    breaker_policy p = small;
    p.window = breaker_window::time;
    p.window_time = seconds(10);
    p.slow_from = seconds(1);
    p.slow_permille = 500;
    circuit_breaker b{p};
    for (std::int64_t t = 0; t < 100; t += 10) {
        for (const auto v : {good, good, bad, good}) call(b, v, start + seconds(t), v == bad ? seconds(1) : duration{});
        BOOST_TEST((b.state(start + seconds(t)) == breaker_state::closed), "at " << t << " s");
    }
}

BOOST_AUTO_TEST_CASE(time_that_runs_back_stands_still) {
    circuit_breaker b = opened();
    BOOST_TEST((b.allow(start + seconds(9)).retry_at == start + seconds(10)));
    b.advance(start - hours(1));
    b.advance(instant::min());
    const circuit_breaker before = b;
    BOOST_TEST((b.allow(start).retry_at == start + seconds(10)));
    BOOST_TEST((b == before));
    const breaker_permit probe = b.allow(start + seconds(10)).permit.value();
    BOOST_TEST((b.allow(start).permit.value().probe == probe.probe + 1));
    b.record(probe, bad, {}, start);
    // The second probe was let through when the latest time was 10 s, so it runs out at 15 s.
    BOOST_TEST((b.open_until(start + seconds(15)) == start + seconds(35)));
}

BOOST_AUTO_TEST_CASE(neutral_calls_do_not_count) {
    circuit_breaker b{small};
    for (int i = 0; i < 100; ++i) call(b, neutral);
    for (int i = 0; i < 3; ++i) call(b, bad);
    BOOST_TEST((b.state(start) == breaker_state::closed));
}

BOOST_AUTO_TEST_CASE(slow_calls_open_it_too) {
    breaker_policy p = small;
    p.slow_from = seconds(2);
    p.slow_permille = 750;
    circuit_breaker b{p};
    for (int i = 0; i < 2; ++i) call(b, good, start, seconds(2));
    for (int i = 0; i < 2; ++i) call(b, good, start, seconds(2) - duration{1});
    BOOST_TEST((b.state(start) == breaker_state::closed));
    for (int i = 0; i < 3; ++i) call(b, good, start, seconds(9));
    BOOST_TEST((b.state(start) == breaker_state::open));
}

BOOST_AUTO_TEST_CASE(after_the_pause_probes_decide) {
    circuit_breaker b = opened();
    const instant t = start + seconds(10);
    BOOST_TEST((b.state(t - duration{1}) == breaker_state::open));
    BOOST_TEST((b.state(t) == breaker_state::half_open));
    std::array<breaker_permit, 3> probes;
    for (auto& probe : probes) probe = b.allow(t).permit.value();
    const auto refused = b.allow(t + seconds(1));
    BOOST_TEST(!refused.permit.has_value());
    BOOST_TEST((refused.retry_at == t + seconds(5)));
    b.record(probes[0], good, {}, t + seconds(1));
    BOOST_TEST((b.state(t + seconds(1)) == breaker_state::half_open));
    b.record(probes[1], good, {}, t + seconds(2));
    BOOST_TEST((b.state(t + seconds(2)) == breaker_state::closed));
    // Too late to count, and the closed breaker begins with an empty window.
    for (int i = 0; i < 4; ++i) b.record(probes[2], bad, {}, t + seconds(3));
    for (int i = 0; i < 3; ++i) call(b, bad, t + seconds(3));
    BOOST_TEST((b.state(t + seconds(3)) == breaker_state::closed));
}

BOOST_AUTO_TEST_CASE(a_probe_phase_lets_no_more_calls_through_than_it_needs) {
    circuit_breaker b = opened();
    const instant t = start + seconds(10);
    call(b, good, t);
    BOOST_TEST(b.allow(t).permit.has_value());
    BOOST_TEST(b.allow(t).permit.has_value());
    BOOST_TEST(!b.allow(t).permit.has_value());
}

BOOST_AUTO_TEST_CASE(failed_probes_lengthen_the_pause_up_to_its_maximum_until_it_closes) {
    circuit_breaker b = opened();
    instant t = start;
    for (const std::int64_t pause : {10, 20, 35, 35}) {
        BOOST_TEST((b.open_until(t) == t + seconds(pause)));
        t = t + seconds(pause);
        call(b, bad, t);
        call(b, bad, t);
    }
    t = *b.open_until(t);
    call(b, good, t);
    call(b, good, t);
    BOOST_TEST((b.state(t) == breaker_state::closed));
    for (int i = 0; i < 4; ++i) call(b, bad, t);
    BOOST_TEST((b.open_until(t) == t + seconds(10)));
}

BOOST_AUTO_TEST_CASE(a_probe_that_hangs_counts_as_failed_when_its_time_is_up) {
    circuit_breaker b = opened();
    const instant t = start + seconds(10);
    const breaker_permit first = b.allow(t).permit.value();
    BOOST_TEST(b.allow(t + seconds(1)).permit.has_value());
    BOOST_TEST((b.state(t + seconds(6) - duration{1}) == breaker_state::half_open));
    // Two of three failed, dated to when the second ran out.
    BOOST_TEST((b.open_until(t + seconds(6)) == t + seconds(26)));
    BOOST_TEST((b.open_until(t + seconds(20)) == t + seconds(26)));
    b.record(first, good, {}, t + seconds(7));
    BOOST_TEST((b.state(t + seconds(7)) == breaker_state::open));
}

BOOST_AUTO_TEST_CASE(a_neutral_probe_gives_its_permit_back) {
    circuit_breaker b = opened();
    const instant t = start + seconds(10);
    for (int i = 0; i < 20; ++i) call(b, neutral, t);
    BOOST_TEST((b.state(t) == breaker_state::half_open));
    call(b, good, t);
    call(b, good, t);
    BOOST_TEST((b.state(t) == breaker_state::closed));
}

BOOST_AUTO_TEST_CASE(slow_probes_open_it_again) {
    breaker_policy p = small;
    p.slow_from = seconds(1);
    p.slow_permille = 600;
    circuit_breaker b = opened(p);
    const instant t = start + seconds(10);
    call(b, good, t, seconds(1));
    call(b, good, t, seconds(1));
    BOOST_TEST((b.state(t) == breaker_state::open));
}

BOOST_AUTO_TEST_CASE(a_permit_counts_once_and_only_in_its_own_state) {
    circuit_breaker b = opened();
    const breaker_permit stale{1, 0};
    b.record(stale, good, {}, start);
    const instant t = start + seconds(10);
    const breaker_permit probe = b.allow(t).permit.value();
    for (int i = 0; i < 5; ++i) b.record(stale, bad, {}, t);
    for (int i = 0; i < 5; ++i) b.record(probe, good, {}, t);
    BOOST_TEST((b.state(t) == breaker_state::half_open));
}

BOOST_AUTO_TEST_CASE(calls_begun_before_the_trouble_do_not_open_a_breaker_that_has_closed_again) {
    circuit_breaker b{small};
    const breaker_permit old = b.allow(start).permit.value();
    for (int i = 0; i < 4; ++i) call(b, bad);
    instant t = start + seconds(10);
    const breaker_permit old_probe = b.allow(t).permit.value();
    call(b, bad, t);
    call(b, bad, t);
    t = *b.open_until(t);
    const breaker_permit probe = b.allow(t).permit.value();
    for (int i = 0; i < 2; ++i) b.record(old_probe, bad, {}, t);
    BOOST_TEST((b.state(t) == breaker_state::half_open));
    b.record(probe, good, {}, t);
    call(b, good, t);
    BOOST_TEST((b.state(t) == breaker_state::closed));
    for (int i = 0; i < 10; ++i) b.record(old, bad, {}, t);
    BOOST_TEST((b.state(t) == breaker_state::closed));
}

BOOST_AUTO_TEST_CASE(the_strategy_of_the_catalogue_opens_at_five_failures_in_a_row) {
    circuit_breaker b{strategy_breaker()};
    for (const auto v : {bad, bad, bad, bad, good, bad, bad, bad, bad}) call(b, v);
    BOOST_TEST((b.state(start) == breaker_state::closed));
    call(b, bad);
    BOOST_TEST((b.open_until(start) == start + seconds(60)));
    const instant t = start + seconds(60);
    BOOST_TEST(b.allow(t).permit.has_value());
    BOOST_TEST(!b.allow(t).permit.has_value());
}

BOOST_AUTO_TEST_CASE(what_counts_against_a_dependency) {
    BOOST_TEST((verdict_of(errc::ok) == good));
    for (const errc code : {errc::skill_unavailable, errc::model_failed, errc::http_connect})
        BOOST_TEST((verdict_of(code) == bad), info(code).name);
    for (const errc code : {errc::breaker_open, errc::rate_limited, errc::model_rate_limited, errc::policy_denied,
                            errc::run_cancelled, errc::args_schema})
        BOOST_TEST((verdict_of(code) == neutral), info(code).name);
}

BOOST_AUTO_TEST_CASE(a_policy_out_of_range_is_named) {
    BOOST_TEST(check(breaker_policy{}).has_value());
    BOOST_TEST(check(strategy_breaker()).has_value());
    BOOST_TEST(check({.window = breaker_window::time, .window_calls = 5, .calls_min = 100}).has_value());
    const std::array<std::pair<breaker_policy, std::string_view>, 10> broken{{
        {{.window_calls = 257}, "window_calls"},
        {{.window_time = {999}}, "window_time"},
        {{.window_calls = 5, .calls_min = 6}, "calls_min"},
        {{.failure_permille = 0}, "failure_permille"},
        {{.slow_permille = 1001}, "slow_permille"},
        {{.slow_from = duration{}}, "slow_from"},
        {{.open_for = {}}, "open_for"},
        {{.open_for = seconds(2), .open_max = seconds(1)}, "open_max"},
        {{.probes_max = 17}, "probes_max"},
        {{.probe_timeout = {}}, "probe_timeout"},
    }};
    for (const auto& [policy, name] : broken) {
        const auto r = check(policy);
        BOOST_REQUIRE(!r);
        BOOST_TEST(r.error().message.starts_with(name), r.error().message);
    }
    BOOST_TEST(to_string(breaker_state::half_open) == "half_open");
}

BOOST_AUTO_TEST_SUITE_END()
