#include "runtime/os/live_timers.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "tests/os/support.hpp"

using namespace aivp;
using os_test::recording_sink;

namespace {

timer_key key(std::uint64_t owner) { return {timer_key::kind::run, owner, 0}; }

/// Real loop, real monotonic clock, a wall clock that a test sets.
struct bench {
    bench() {
        live_timers_options options;
        options.report = [this](const clock_change& c) { reported.push_back(c); };
        timers.emplace(loop, clock, std::move(options));
        timers->deliver_to(sink);
    }
    clock_reading read() const {
        clock_reading r = read_system_clocks();
        r.wall_us += shift.us;
        r.boottime_us += slept.us;
        return r;
    }
    bool run_until_fired(std::size_t count, duration limit = seconds(5)) {
        return loop.run_until([&] { return sink.fired.size() >= count; }, limit);
    }

    duration shift, slept;
    event_loop loop;
    live_clock clock{{}, [this] { return read(); }};
    recording_sink sink;
    std::vector<clock_change> reported;
    std::optional<live_timers> timers;
};

} // namespace

BOOST_AUTO_TEST_SUITE(live_timers_suite)

BOOST_AUTO_TEST_CASE(timers_fire_once_in_order_and_never_early) {
    bench b;
    const instant start = b.clock.now();
    b.sink.on_timer = [&](timer_key k) {
        BOOST_TEST((b.clock.now() >= start + milliseconds(static_cast<std::int64_t>(k.owner))));
    };
    for (const std::uint64_t ms : {30, 10, 20})
        b.timers->arm(key(ms), start + milliseconds(static_cast<std::int64_t>(ms)));
    BOOST_TEST(b.sink.fired.empty());
    BOOST_TEST(b.run_until_fired(3));
    BOOST_TEST((b.sink.fired == std::vector{key(10), key(20), key(30)}));
    BOOST_TEST(!b.run_until_fired(4, milliseconds(40)));
    BOOST_TEST(b.timers->armed() == 0U);
}

BOOST_AUTO_TEST_CASE(a_timer_that_is_due_fires_at_the_next_turn_and_not_within_arm) {
    bench b;
    b.timers->arm(key(1), instant::min());
    BOOST_TEST(b.sink.fired.empty());
    BOOST_TEST(b.run_until_fired(1));
}

BOOST_AUTO_TEST_CASE(arming_again_replaces_and_disarming_silences) {
    bench b;
    const instant start = b.clock.now();
    b.timers->arm(key(1), start + milliseconds(5));
    b.timers->arm(key(1), start + hours(1));
    b.timers->arm(key(2), start + milliseconds(5));
    b.timers->disarm(key(2));
    b.timers->disarm(key(3));
    BOOST_TEST(!b.run_until_fired(1, milliseconds(40)));
    BOOST_TEST(b.timers->armed() == 1U);
}

BOOST_AUTO_TEST_CASE(timers_of_one_instant_see_what_the_first_of_them_does_to_the_others) {
    bench b;
    const instant due = b.clock.now();
    b.sink.on_timer = [&](timer_key k) {
        if (k != key(1)) return;
        b.timers->disarm(key(2));
        b.timers->arm(key(3), due + milliseconds(20));
    };
    for (const std::uint64_t owner : {1, 2, 3, 4}) b.timers->arm(key(owner), due);
    BOOST_TEST(b.run_until_fired(3));
    BOOST_TEST((b.sink.fired == std::vector{key(1), key(4), key(3)}));
}

BOOST_AUTO_TEST_CASE(a_timer_that_arms_itself_does_not_hold_up_the_loop) {
    bench b;
    b.sink.on_timer = [&](timer_key k) { b.timers->arm(k, instant::min()); };
    b.timers->arm(key(1), instant::min());
    bool posted = false;
    b.loop.post([&] { posted = true; });
    BOOST_TEST(b.loop.run_until([&] { return posted && b.sink.fired.size() > 10; }, seconds(5)));
}

BOOST_AUTO_TEST_CASE(far_timers_wait_in_slices_and_the_end_of_time_does_no_harm) {
    bench b;
    b.timers->arm(key(1), instant::max());
    b.timers->arm(key(2), b.clock.now() + days(40'000));
    BOOST_TEST(!b.run_until_fired(1, milliseconds(20)));
    BOOST_TEST(b.timers->armed() == 2U);
}

BOOST_AUTO_TEST_CASE(after_a_step_forward_timers_that_are_due_now_fire_now) {
    bench b;
    b.timers->arm(key(1), b.clock.now() + hours(1));
    BOOST_TEST(!b.run_until_fired(1, milliseconds(10)));
    b.shift = hours(2);
    b.timers->reevaluate();
    BOOST_TEST(b.run_until_fired(1));
    BOOST_REQUIRE(b.reported.size() == 1U);
    BOOST_TEST((b.reported[0].what == clock_change::kind::step));
    BOOST_TEST(std::abs(b.reported[0].amount.us - hours(2).us) < 100'000);
}

BOOST_AUTO_TEST_CASE(after_a_sleep_timers_that_are_due_now_fire_now) {
    bench b;
    b.timers->arm(key(1), b.clock.now() + hours(1));
    BOOST_TEST(!b.run_until_fired(1, milliseconds(10)));
    b.shift = b.slept = hours(8);
    b.timers->reevaluate();
    BOOST_TEST(b.run_until_fired(1));
    BOOST_REQUIRE(b.reported.size() == 1U);
    BOOST_TEST((b.reported[0].what == clock_change::kind::sleep));
}

BOOST_AUTO_TEST_CASE(after_a_step_back_a_timeout_still_ends) {
    bench b;
    const instant due = b.clock.now() + milliseconds(30);
    b.timers->arm(key(1), due);
    b.shift = hours(-1);
    b.timers->reevaluate();
    BOOST_TEST(b.run_until_fired(1));
    BOOST_TEST((b.clock.now() >= due));
    BOOST_TEST(b.reported.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_timers_end_leaves_nothing_behind) {
    const auto before = os_test::open_files();
    {
        bench b;
        b.timers->arm(key(1), b.clock.now());
        BOOST_TEST(b.run_until_fired(1));
        b.timers->arm(key(2), b.clock.now());
        b.timers.reset();
        BOOST_TEST(!b.run_until_fired(2, milliseconds(10)));
    }
    BOOST_TEST(os_test::open_files() == before);
}

RC_BOOST_PROP(every_armed_timer_fires_exactly_once_in_order, ()) {
    bench b;
    const auto delays = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 3000));
    const instant start = b.clock.now();
    std::vector<std::pair<instant, timer_key>> expected;
    for (std::size_t i = 0; i < delays.size(); ++i) {
        expected.emplace_back(start + microseconds(delays[i]), key(i));
        b.timers->arm(expected.back().second, expected.back().first);
    }
    RC_ASSERT(b.run_until_fired(delays.size()));
    std::ranges::sort(expected);
    std::vector<std::pair<instant, timer_key>> fired;
    // Within one look the order is that of the instants; looks follow each other in time.
    for (const timer_key k : b.sink.fired) fired.emplace_back(start + microseconds(delays.at(k.owner)), k);
    RC_ASSERT(fired == expected);
}

BOOST_AUTO_TEST_SUITE_END()
