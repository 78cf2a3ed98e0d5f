#include "aivp/reliability/gcra.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {

constexpr instant start{1'767'225'600'000'000};

int admit_all(const rate_limit& limit, gcra_state& state, instant now) {
    int n = 0;
    while (admit(limit, state, 1, now)) ++n;
    return n;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rate)

BOOST_AUTO_TEST_CASE(a_burst_passes_and_then_one_at_a_time) {
    const rate_limit limit{.count = 10, .per = seconds(1), .burst = 5};
    gcra_state state;
    BOOST_TEST(admit_all(limit, state, start) == 5);
    const rate_answer refused = admit(limit, state, 1, start);
    BOOST_TEST((refused.verdict == rate_verdict::wait));
    BOOST_TEST((refused.at == start + milliseconds(100)));
    BOOST_TEST(admit_all(limit, state, start + milliseconds(100) - duration{1}) == 0);
    BOOST_TEST(admit_all(limit, state, start + milliseconds(100)) == 1);
    BOOST_TEST(admit_all(limit, state, start + hours(1)) == 5);
}

BOOST_AUTO_TEST_CASE(costs_are_weighed) {
    const rate_limit limit{.count = 60'000, .per = minutes(1), .burst = 10'000};
    gcra_state state;
    BOOST_TEST(bool(admit(limit, state, 8'000, start)));
    BOOST_TEST((admit(limit, state, 3'000, start).at == start + seconds(1)));
    BOOST_TEST(bool(admit(limit, state, 2'000, start)));
    BOOST_TEST((peek(limit, state, 10'001, start).verdict == rate_verdict::never));
    BOOST_TEST((peek(limit, state, 10'000, start).at == start + seconds(10)));
}

BOOST_AUTO_TEST_CASE(a_refusal_and_a_cost_of_nothing_change_nothing) {
    const rate_limit limit{.count = 1, .per = seconds(1), .burst = 1};
    gcra_state state;
    BOOST_TEST(bool(admit(limit, state, 1, start)));
    const gcra_state before = state;
    BOOST_TEST(!admit(limit, state, 1, start));
    BOOST_TEST(!admit(limit, state, 2, start));
    BOOST_TEST(bool(admit(limit, state, 0, start)));
    BOOST_TEST((state == before));
}

BOOST_AUTO_TEST_CASE(what_was_not_foreseen_is_paid_for_later) {
    const rate_limit limit{.count = 1, .per = seconds(1), .burst = 2};
    gcra_state state;
    charge(limit, state, 5, start);
    BOOST_TEST((admit(limit, state, 1, start).at == start + seconds(4)));
}

BOOST_AUTO_TEST_CASE(who_comes_at_the_exact_moment_gets_through) {
    const rate_limit limit{.count = 3, .per = seconds(1), .burst = 2};
    gcra_state state;
    BOOST_TEST(admit_all(limit, state, start) == 2);
    BOOST_TEST((admit(limit, state, 1, start).at == start + duration{333'334}));
    BOOST_TEST(bool(admit(limit, state, 1, start + duration{333'334})));
    BOOST_TEST((admit(limit, state, 1, start + duration{333'334}).at == start + duration{666'667}));
    BOOST_TEST(bool(admit(limit, state, 1, start + duration{666'667})));
    // Five of three a second and two at once: the fifth is due after one second, and not a microsecond later.
    BOOST_TEST((admit(limit, state, 1, start + duration{666'667}).at == start + seconds(1)));
    BOOST_TEST(bool(admit(limit, state, 1, start + seconds(1))));
}

BOOST_AUTO_TEST_CASE(a_state_may_go_on_under_another_count) {
    gcra_state state;
    charge({.count = 7, .per = seconds(1), .burst = 1}, state, 6, start);
    BOOST_TEST(state.tat_rest > 0);
    const rate_limit coarse{.count = 2, .per = seconds(1), .burst = 1};
    BOOST_TEST((admit(coarse, state, 1, start).at > start + duration{857'142}));
    BOOST_TEST(bool(admit(coarse, state, 1, start + duration{857'143})));
}

BOOST_AUTO_TEST_CASE(a_rate_that_divides_badly_loses_nothing) {
    const rate_limit limit{.count = 3, .per = seconds(1), .burst = 2};
    gcra_state state;
    instant now = start;
    for (int i = 0; i < 3'000; ++i) {
        const rate_answer a = admit(limit, state, 1, now);
        if (a) continue;
        now = a.at;
        BOOST_REQUIRE(bool(admit(limit, state, 1, now)));
    }
    // 2,998 thirds of a second, rounded up once.
    BOOST_TEST((now - start).us == 999'333'334);
}

BOOST_AUTO_TEST_CASE(the_ends_of_time_do_not_overflow) {
    const rate_limit limit{.count = 1, .per = days(366), .burst = 1'000'000'000'000};
    gcra_state state;
    BOOST_TEST(bool(admit(limit, state, 1'000'000'000'000, instant::min())));
    BOOST_TEST(!admit(limit, state, 1'000'000'000'000, start));
    charge(limit, state, 1'000'000'000'000, instant::max());
    BOOST_TEST(state.tat_ns == INT64_MAX);
    BOOST_TEST((peek(limit, state, limit.burst, start).verdict == rate_verdict::wait));
}

BOOST_AUTO_TEST_CASE(a_limit_out_of_range_is_named) {
    BOOST_TEST(check(rate_limit{}).has_value());
    BOOST_TEST(check(rate_limit{.count = 0}).error().message.starts_with("count"));
    BOOST_TEST(check(rate_limit{.per = {}}).error().message.starts_with("per"));
    BOOST_TEST(check(rate_limit{.burst = 0}).error().message.starts_with("burst"));
}

BOOST_AUTO_TEST_SUITE_END()
