#include "sim/time_ports.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace aivp;
using namespace aivp::sim;

namespace {

constexpr timer_key run_timer(std::uint64_t run) { return {timer_key::kind::run, run, 0}; }

class sink final : public completion_sink {
public:
    void model_done(model_completion) override {}
    void skill_done(skill_completion) override {}
    void user_done(user_completion) override {}
    void timer_fired(timer_key key) override {
        fired += std::to_string(key.owner) + "@" + std::to_string(time->now().us) + " ";
        if (key.owner == rearm) timers->arm(key, time->now() + microseconds(5));
        rearm = 0;
    }
    scheduler* time = nullptr;
    sim_timers* timers = nullptr;
    std::uint64_t rearm = 0;
    std::string fired;
};

struct world {
    world() {
        timers.deliver_to(seen);
        seen.time = &time;
        seen.timers = &timers;
    }
    scheduler time{{100}};
    sim_clock clock{time};
    sim_timers timers{time, clock};
    sink seen;
};

} // namespace

BOOST_AUTO_TEST_SUITE(simulated_time)

BOOST_AUTO_TEST_CASE(the_clock_shows_the_scheduler_s_time) {
    world w;
    sim_clock clock(w.time);
    BOOST_TEST(clock.now().us == 100);
    w.time.step_until({700});
    BOOST_TEST(clock.now().us == 700);
}

BOOST_AUTO_TEST_CASE(a_timer_fires_once_when_it_is_due) {
    world w;
    w.timers.arm(run_timer(1), {300});
    w.time.step_until({299});
    BOOST_TEST(w.seen.fired.empty());
    BOOST_TEST(w.timers.armed() == 1U);
    w.time.step_until({1000});
    BOOST_TEST(w.seen.fired == "1@300 ");
    BOOST_TEST(w.timers.armed() == 0U);
}

BOOST_AUTO_TEST_CASE(arming_again_replaces_the_time_earlier_or_later) {
    world w;
    w.timers.arm(run_timer(1), {300});
    w.timers.arm(run_timer(1), {500});
    w.timers.arm(run_timer(2), {500});
    w.timers.arm(run_timer(2), {200});
    BOOST_TEST(w.timers.armed() == 2U);
    w.time.step_until({1000});
    BOOST_TEST(w.seen.fired == "2@200 1@500 ");
}

BOOST_AUTO_TEST_CASE(keys_differ_by_kind_owner_and_ordinal) {
    world w;
    w.timers.arm({timer_key::kind::run, 1, 0}, {200});
    w.timers.arm({timer_key::kind::trigger, 1, 0}, {200});
    w.timers.arm({timer_key::kind::trigger, 1, 1}, {200});
    w.timers.arm({timer_key::kind::trigger, 2, 0}, {200});
    BOOST_TEST(w.timers.armed() == 4U);
    w.time.step_until({200});
    BOOST_TEST(w.seen.fired == "1@200 1@200 1@200 2@200 ");
}

BOOST_AUTO_TEST_CASE(a_disarmed_timer_does_not_fire_and_disarming_what_is_not_armed_does_nothing) {
    world w;
    w.timers.arm(run_timer(1), {300});
    w.timers.disarm(run_timer(1));
    w.timers.disarm(run_timer(1));
    w.timers.disarm(run_timer(9));
    w.timers.arm(run_timer(1), {400});
    w.time.step_until({1000});
    BOOST_TEST(w.seen.fired == "1@400 ");
}

BOOST_AUTO_TEST_CASE(a_timer_can_be_armed_while_it_fires) {
    world w;
    w.seen.rearm = 1;
    w.timers.arm(run_timer(1), {300});
    w.time.step_until({1000});
    BOOST_TEST(w.seen.fired == "1@300 1@305 ");
}

BOOST_AUTO_TEST_CASE(a_timer_for_the_past_fires_now) {
    world w;
    w.timers.arm(run_timer(1), {5});
    w.time.step_until({100});
    BOOST_TEST(w.seen.fired == "1@100 ");
}

BOOST_AUTO_TEST_CASE(actions_of_mocks_happen_after_their_delay_in_order_and_never_within_the_call) {
    world w;
    sim_mock_world mocks(w.time);
    std::string order;
    const auto note = [&](std::string what) {
        return [&order, &w, what] { order += what + "@" + std::to_string(w.time.now().us) + " "; };
    };
    mocks.after({50}, note("late"));
    mocks.after({}, note("a"));
    mocks.after({-5}, note("b"));
    BOOST_TEST(order.empty());
    BOOST_TEST(mocks.now().us == 100);
    w.time.step_until({100});
    BOOST_TEST(order == "a@100 b@100 ");
    mocks.after({10}, [&] {
        order += "outer ";
        mocks.after({}, note("inner"));
    });
    w.time.step_until({1000});
    BOOST_TEST(order == "a@100 b@100 outer inner@110 late@150 ");
}

BOOST_AUTO_TEST_SUITE_END()
