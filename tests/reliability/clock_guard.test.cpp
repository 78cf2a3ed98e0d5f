#include "aivp/reliability/clock_guard.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include <optional>

using namespace aivp;
using kind = clock_change::kind;

namespace {

constexpr std::int64_t noon_us = 1'772'366'400'000'000;

/// A machine whose clocks a test moves.
struct machine {
    clock_reading now{noon_us, 5'000'000, 7'000'000};
    void run(duration d) {
        now.wall_us += d.us;
        now.monotonic_us += d.us;
        now.boottime_us += d.us;
    }
    void sleep(duration d) {
        now.wall_us += d.us;
        now.boottime_us += d.us;
    }
    void set_wall(duration by) { now.wall_us += by.us; }
};

std::vector<clock_change> changes(std::initializer_list<clock_change> list) { return list; }

} // namespace

BOOST_AUTO_TEST_SUITE(clock_guard_suite)

BOOST_AUTO_TEST_CASE(clocks_that_agree_report_nothing_and_give_the_wall_clock) {
    machine m;
    clock_guard guard;
    for (int i = 0; i < 100; ++i) {
        const auto seen = guard.observe(m.now);
        BOOST_TEST(seen.now.us == m.now.wall_us);
        BOOST_TEST(seen.changes.empty());
        m.run(minutes(i));
    }
}

BOOST_AUTO_TEST_CASE(sleep_is_told_from_a_step) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    m.run(seconds(1));
    m.sleep(hours(8));
    auto seen = guard.observe(m.now);
    BOOST_TEST((seen.changes == changes({{kind::sleep, hours(8)}})));
    BOOST_TEST(seen.now.us == m.now.wall_us);
    m.set_wall(hours(1));
    seen = guard.observe(m.now);
    BOOST_TEST((seen.changes == changes({{kind::step, hours(1)}})));
    m.sleep(minutes(1));
    m.set_wall(seconds(-5));
    seen = guard.observe(m.now);
    BOOST_TEST((seen.changes == changes({{kind::sleep, minutes(1)}, {kind::step, seconds(-5)}})));
}

BOOST_AUTO_TEST_CASE(after_a_step_back_time_goes_on_at_half_speed_until_the_wall_clock_has_caught_up) {
    machine m;
    clock_guard guard;
    const instant before = guard.observe(m.now).now;
    m.set_wall(minutes(-10));
    BOOST_TEST((guard.observe(m.now).now == before));
    BOOST_TEST((guard.ahead() == minutes(10)));
    for (int i = 0; i < 10; ++i) {
        m.run(minutes(1));
        guard.observe(m.now);
    }
    BOOST_TEST((guard.observe(m.now).now == before + minutes(5)));
    m.run(minutes(10));
    BOOST_TEST(guard.observe(m.now).now.us == m.now.wall_us);
    m.run(minutes(1));
    BOOST_TEST(guard.observe(m.now).now.us == m.now.wall_us);
    BOOST_TEST((guard.ahead() == duration{}));
}

BOOST_AUTO_TEST_CASE(half_speed_loses_nothing_to_rounding) {
    machine m;
    clock_guard guard;
    const instant before = guard.observe(m.now).now;
    m.set_wall(minutes(-1));
    for (int i = 0; i < 1000; ++i) {
        m.run(microseconds(1));
        guard.observe(m.now);
    }
    BOOST_TEST((guard.observe(m.now).now == before + microseconds(500)));
}

BOOST_AUTO_TEST_CASE(a_clock_that_is_slewed_drifts_and_does_not_step) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    duration drifted;
    for (int i = 0; i < 3600; ++i) { // 500 ppm for ten hours
        m.run(seconds(10));
        m.set_wall(milliseconds(5));
        for (const auto& change : guard.observe(m.now).changes) {
            BOOST_TEST((change.what == kind::drift));
            drifted = drifted + change.amount;
        }
    }
    BOOST_TEST(drifted.us >= seconds(17).us);
    BOOST_TEST(drifted.us <= seconds(18).us);
}

BOOST_AUTO_TEST_CASE(a_long_time_between_two_looks_is_no_step) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    m.run(hours(10));
    m.set_wall(seconds(10));
    const auto seen = guard.observe(m.now);
    BOOST_TEST((seen.changes == changes({{kind::drift, seconds(10)}})));
}

BOOST_AUTO_TEST_CASE(the_kinds_have_names) {
    BOOST_TEST(to_string(kind::sleep) == "sleep");
    BOOST_TEST(to_string(kind::step) == "step");
    BOOST_TEST(to_string(kind::drift) == "drift");
}

RC_BOOST_PROP(whatever_the_clocks_say_time_never_runs_back,
              (const std::vector<std::array<std::int64_t, 3>>& readings)) {
    clock_guard guard;
    std::optional<instant> last;
    for (const auto& [wall, monotonic, boottime] : readings) {
        const auto seen = guard.observe({wall, monotonic, boottime});
        if (last) RC_ASSERT(seen.now >= *last);
        RC_ASSERT(seen.now >= instant{wall});
        RC_ASSERT(guard.ahead() >= duration{});
        RC_ASSERT(seen.changes.size() <= 2U);
        last = seen.now;
    }
}

RC_BOOST_PROP(each_sleep_and_step_is_reported_once_with_its_amount, ()) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    duration slept, stepped, slept_seen, stepped_seen;
    const auto acts = *rc::gen::container<std::vector<std::pair<int, std::int64_t>>>(
        rc::gen::pair(rc::gen::inRange(0, 3), rc::gen::inRange<std::int64_t>(600'000, 90'000'000'000)));
    for (const auto& [act, amount] : acts) {
        m.run(milliseconds(100));
        if (act == 1) {
            m.sleep({amount});
            slept = slept + duration{amount};
        }
        if (act == 2) {
            // A step counts when it is more than a slew over the time since the last look could have been.
            const duration by{amount % 2 == 0 ? amount : -amount};
            m.set_wall(by);
            stepped = stepped + by;
        }
        for (const auto& change : guard.observe(m.now).changes) {
            RC_ASSERT(change.what != kind::drift);
            (change.what == kind::sleep ? slept_seen : stepped_seen).us += change.amount.us;
        }
    }
    RC_ASSERT(slept_seen == slept);
    RC_ASSERT(stepped_seen == stepped);
}

BOOST_AUTO_TEST_CASE(of_a_sleep_counts_what_the_time_goes_on_by_it) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    m.sleep(hours(8));
    BOOST_TEST((guard.observe(m.now).slept == hours(8)));
    m.set_wall(duration{} - days(30));
    guard.observe(m.now);
    m.sleep(days(3));
    const auto seen = guard.observe(m.now);
    BOOST_TEST((seen.changes == changes({{kind::sleep, days(3)}})));
    BOOST_TEST((seen.slept == hours(36)));
    m.run(seconds(10));
    m.sleep(seconds(30));
    BOOST_TEST((guard.observe(m.now).slept == seconds(15)));
    m.run(seconds(10));
    BOOST_TEST((guard.observe(m.now).slept == seconds(0)));
}

RC_BOOST_PROP(the_wall_clock_is_met_again_after_at_most_twice_the_step_back, ()) {
    machine m;
    clock_guard guard;
    guard.observe(m.now);
    const auto back = *rc::gen::inRange<std::int64_t>(1, 100'000'000'000);
    m.set_wall({-back});
    guard.observe(m.now);
    const auto looks = *rc::gen::inRange(1, 50);
    for (int i = 0; i < looks; ++i) {
        m.run({2 * back / looks + 2});
        guard.observe(m.now);
    }
    RC_ASSERT(guard.ahead() == duration{});
}

BOOST_AUTO_TEST_SUITE_END()
