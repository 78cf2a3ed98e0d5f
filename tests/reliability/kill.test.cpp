#include "aivp/reliability/kill.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>
#include <vector>

using namespace aivp;

namespace {
constexpr instant start{1'767'225'600'000'000};
constexpr kill_policy policy{.term_grace = seconds(5), .kill_grace = seconds(3)};
} // namespace

BOOST_AUTO_TEST_SUITE(kill_escalation)

BOOST_AUTO_TEST_CASE(it_is_asked_then_forced_then_given_up) {
    kill_state s{.due = start};
    BOOST_TEST((next_kill_step(policy, s, start - duration{1}) == kill_step{kill_action::wait, start}));
    kill_step step = next_kill_step(policy, s, start);
    BOOST_TEST((step == kill_step{kill_action::term, start}));
    s = after_kill_step(s, step);
    BOOST_TEST((next_kill_step(policy, s, start + seconds(4)) == kill_step{kill_action::wait, start + seconds(5)}));
    step = next_kill_step(policy, s, start + seconds(6));
    BOOST_TEST((step == kill_step{kill_action::kill, start + seconds(6)}));
    s = after_kill_step(s, step);
    BOOST_TEST((next_kill_step(policy, s, start + seconds(8)) == kill_step{kill_action::wait, start + seconds(9)}));
    BOOST_TEST((next_kill_step(policy, s, start + seconds(9)).action == kill_action::give_up));
    s.exited = true;
    BOOST_TEST((next_kill_step(policy, s, start + seconds(9)).action == kill_action::none));
}

BOOST_AUTO_TEST_CASE(after_a_long_sleep_the_grace_is_still_given) {
    kill_state s{.due = start};
    const instant late = start + hours(8);
    const kill_step step = next_kill_step(policy, s, late);
    BOOST_TEST((step.action == kill_action::term));
    s = after_kill_step(s, step);
    BOOST_TEST((next_kill_step(policy, s, late) == kill_step{kill_action::wait, late + seconds(5)}));
}

BOOST_AUTO_TEST_CASE(a_policy_out_of_range_is_named) {
    BOOST_TEST(check(kill_policy{}).has_value());
    BOOST_TEST(check(kill_policy{.term_grace = {-1}}).error().message.starts_with("term_grace"));
    BOOST_TEST(check(kill_policy{.kill_grace = days(2)}).error().message.starts_with("kill_grace"));
    BOOST_TEST(to_string(kill_action::give_up) == "give_up");
}

RC_BOOST_PROP(each_signal_is_sent_once_in_order_and_the_end_comes_whatever_the_wakes,
              (const std::vector<std::uint32_t>& gaps)) {
    kill_state s{.due = start};
    instant now = start - seconds(2);
    std::vector<kill_action> done;
    const auto act = [&] {
        const kill_step step = next_kill_step(policy, s, now);
        if (step.action == kill_action::wait) {
            RC_ASSERT(step.at > now);
            return step;
        }
        if (done.empty() || done.back() != kill_action::give_up) done.push_back(step.action);
        if (step.action == kill_action::kill) RC_ASSERT(now - *s.term_sent >= policy.term_grace);
        s = after_kill_step(s, step);
        return step;
    };
    for (const std::uint32_t gap : gaps) {
        now = now + microseconds(gap % 4'000'000);
        act();
    }
    for (int i = 0; i < 6; ++i) now = std::max(now, act().at);
    RC_ASSERT((done == std::vector{kill_action::term, kill_action::kill, kill_action::give_up}));
}

BOOST_AUTO_TEST_SUITE_END()
