#include "runtime/os/live_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;
using kind = clock_change::kind;

BOOST_AUTO_TEST_SUITE(live_clock_suite)

BOOST_AUTO_TEST_CASE(the_system_s_clocks_are_read_and_go_forward) {
    live_clock clock;
    instant last = clock.now();
    BOOST_TEST((last > instant{1'600'000'000'000'000}));
    for (int i = 0; i < 10'000; ++i) {
        const instant now = clock.now();
        BOOST_REQUIRE((now >= last));
        last = now;
    }
    BOOST_TEST(clock.take_changes().empty());
}

BOOST_AUTO_TEST_CASE(changes_are_handed_over_once_and_the_oldest_are_dropped_first) {
    clock_reading system{1'772'366'400'000'000, 5'000'000, 7'000'000};
    live_clock clock({}, [&] { return system; });
    clock.now();
    for (int i = 1; i <= 70; ++i) {
        system.wall_us += seconds(i).us;
        clock.now();
    }
    const auto taken = clock.take_changes();
    BOOST_TEST(taken.size() == 64U);
    BOOST_TEST((taken.front() == clock_change{kind::step, seconds(7)}));
    BOOST_TEST((taken.back() == clock_change{kind::step, seconds(70)}));
    BOOST_TEST(clock.take_changes().empty());
}

BOOST_AUTO_TEST_SUITE_END()
