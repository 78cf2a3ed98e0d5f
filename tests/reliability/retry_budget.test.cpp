#include "aivp/reliability/retry_budget.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {

constexpr instant start{1'767'225'600'000'000};

int withdraw_all(retry_budget& budget, instant now) {
    int n = 0;
    while (budget.try_withdraw(now)) ++n;
    return n;
}

} // namespace

BOOST_AUTO_TEST_SUITE(budget_of_retries)

BOOST_AUTO_TEST_CASE(the_reserve_serves_those_who_rarely_call) {
    retry_budget budget{{.share_permille = 0, .min_per_second = 10, .ttl = seconds(10)}};
    BOOST_TEST(withdraw_all(budget, start) == 100);
    BOOST_TEST(withdraw_all(budget, start + seconds(8)) == 0);
    BOOST_TEST(withdraw_all(budget, start + seconds(10)) == 100);
}

BOOST_AUTO_TEST_CASE(each_request_pays_in_its_share_for_the_time_to_live) {
    retry_budget budget{{.share_permille = 200, .min_per_second = 0, .ttl = seconds(10)}};
    for (int i = 0; i < 9; ++i) budget.deposit(start);
    BOOST_TEST(budget.balance_milli(start) == 1800);
    BOOST_TEST(withdraw_all(budget, start) == 1);
    budget.deposit(start);
    BOOST_TEST(withdraw_all(budget, start + seconds(5)) == 1);
    // The withdrawal outlives the deposits that paid for it.
    BOOST_TEST(budget.balance_milli(start + seconds(11)) == -1000);
    BOOST_TEST(budget.balance_milli(start + seconds(16)) == 0);
}

BOOST_AUTO_TEST_CASE(looking_changes_nothing_and_time_that_runs_back_stands_still) {
    retry_budget budget{{.share_permille = 1000, .min_per_second = 0, .ttl = seconds(10)}};
    budget.deposit(start);
    const retry_budget before = budget;
    BOOST_TEST(budget.balance_milli(start + hours(1)) == 0);
    BOOST_TEST((budget == before));
    BOOST_TEST(budget.balance_milli(instant::min()) == 1000);
    BOOST_TEST(budget.try_withdraw(start - hours(1)));
    BOOST_TEST(budget.balance_milli(instant::max()) == 0);
}

BOOST_AUTO_TEST_CASE(one_that_was_written_down_goes_on_as_if_it_had_not_been) {
    for (const duration ttl : {milliseconds(1), duration{1'234'567}, seconds(10), hours(1)}) {
        const retry_budget_policy policy{.share_permille = 300, .min_per_second = 1, .ttl = ttl};
        retry_budget budget{policy};
        for (int i = 0; i < 25; ++i) {
            const instant now = start + duration{ttl.us / 7 * i};
            budget.deposit(now);
            if (i % 3 == 0) (void)budget.try_withdraw(now);
            BOOST_REQUIRE((retry_budget(policy, budget.kept()) == budget));
        }
    }
}

BOOST_AUTO_TEST_CASE(it_is_as_good_as_new_when_all_that_was_moved_has_expired) {
    retry_budget budget{{.share_permille = 1000, .min_per_second = 1, .ttl = seconds(10)}};
    BOOST_TEST(budget.is_idle(start));
    budget.deposit(start);
    BOOST_TEST(budget.try_withdraw(start + seconds(3)));
    // The balance is that of a new one, but what makes it so does not expire at once.
    BOOST_TEST(budget.balance_milli(start + seconds(3)) == 10'000);
    BOOST_TEST(!budget.is_idle(start + seconds(3)));
    BOOST_TEST(!budget.is_idle(start + seconds(12)));
    BOOST_TEST(budget.is_idle(start + seconds(13)));
}

BOOST_AUTO_TEST_CASE(a_policy_out_of_range_is_named) {
    BOOST_TEST(check(retry_budget_policy{}).has_value());
    BOOST_TEST(check({.share_permille = 1'000'001}).error().message.starts_with("share_permille"));
    BOOST_TEST(check({.min_per_second = 1'000'001}).error().message.starts_with("min_per_second"));
    BOOST_TEST(check(retry_budget_policy{.ttl = {}}).error().message.starts_with("ttl"));
}

BOOST_AUTO_TEST_SUITE_END()
