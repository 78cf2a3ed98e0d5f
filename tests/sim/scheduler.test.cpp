#include "sim/scheduler.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "tests/base/dies.hpp"

using namespace aivp;
using namespace aivp::sim;

namespace {

/// Notes what fires, and may plan more from within.
class recorder final : public event_handler {
public:
    explicit recorder(scheduler& s) : scheduler_(s) {}
    void fire(std::uint64_t token) override {
        order.push_back(token);
        times.push_back(scheduler_.now().us);
        if (token == again) {
            scheduler_.at(scheduler_.now(), event_class::completion, *this, token + 1);
            scheduler_.in(seconds(1), event_class::timer, *this, token + 2);
        }
    }
    std::vector<std::uint64_t> order;
    std::vector<std::int64_t> times;
    std::uint64_t again = ~std::uint64_t{0};

private:
    scheduler& scheduler_;
};

struct world {
    scheduler time{{1000}};
    recorder seen{time};
    void at(std::int64_t us, std::uint64_t token, event_class c = event_class::timer) { time.at({us}, c, seen, token); }
    std::string order() const {
        std::string out;
        for (const std::uint64_t t : seen.order) out += std::to_string(t) + " ";
        return out;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(next_event_scheduler)

BOOST_AUTO_TEST_CASE(time_jumps_from_event_to_event) {
    world w;
    w.at(9000, 3);
    w.at(2000, 1);
    w.at(5000, 2);
    BOOST_TEST(w.time.pending() == 3U);
    BOOST_TEST(w.time.next_at().us == 2000);
    while (w.time.step_one()) {}
    BOOST_TEST(w.order() == "1 2 3 ");
    BOOST_TEST(w.seen.times == (std::vector<std::int64_t>{2000, 5000, 9000}), boost::test_tools::per_element());
    BOOST_TEST(w.time.now().us == 9000);
    BOOST_TEST(w.time.fired() == 3U);
    BOOST_TEST(w.time.empty());
    BOOST_TEST(!w.time.step_one());
}

BOOST_AUTO_TEST_CASE(events_of_one_instant_run_in_the_order_in_which_they_were_planned) {
    world w;
    for (std::uint64_t i = 0; i < 100; ++i) w.at(2000, i);
    while (w.time.step_one()) {}
    BOOST_TEST(std::is_sorted(w.seen.order.begin(), w.seen.order.end()));
    BOOST_TEST(w.seen.order.size() == 100U);
}

BOOST_AUTO_TEST_CASE(at_one_instant_completions_come_before_timers_and_timers_before_what_comes_from_outside) {
    world w;
    w.at(2000, 5, event_class::external);
    w.at(2000, 3, event_class::timer);
    w.at(2000, 1, event_class::completion);
    w.at(2000, 6, event_class::external);
    w.at(2000, 4, event_class::timer);
    w.at(2000, 2, event_class::completion);
    w.at(1999, 0, event_class::external);
    w.time.step_until({2000});
    BOOST_TEST(w.order() == "0 1 2 3 4 5 6 ");
}

BOOST_AUTO_TEST_CASE(an_event_in_the_past_happens_now) {
    world w;
    w.at(-5, 1);
    w.time.in({-700}, event_class::timer, w.seen, 2);
    BOOST_TEST(w.time.next_at().us == 1000);
    w.time.step_until({1000});
    BOOST_TEST(w.order() == "1 2 ");
    BOOST_TEST(w.time.now().us == 1000);
}

BOOST_AUTO_TEST_CASE(an_event_may_plan_others_for_now_and_later) {
    world w;
    w.seen.again = 1;
    w.at(2000, 1, event_class::external);
    w.at(2000, 9, event_class::external);
    w.time.step_until({2000});
    BOOST_TEST(w.order() == "1 2 9 ");
    w.time.step_for(seconds(2));
    BOOST_TEST(w.order() == "1 2 9 3 ");
    BOOST_TEST(w.time.now().us == 2'002'000);
}

BOOST_AUTO_TEST_CASE(stepping_until_an_instant_includes_it_and_moves_the_clock_there) {
    world w;
    w.at(2000, 1);
    w.at(2001, 2);
    w.time.step_until({2000});
    BOOST_TEST(w.order() == "1 ");
    w.time.step_until({50});
    BOOST_TEST(w.time.now().us == 2000);
    w.time.step_for({500});
    BOOST_TEST(w.order() == "1 2 ");
    BOOST_TEST(w.time.now().us == 2500);
}

BOOST_AUTO_TEST_CASE(stepping_while_something_holds_stops_when_it_does_not) {
    world w;
    for (std::uint64_t i = 0; i < 10; ++i) w.at(2000 + static_cast<std::int64_t>(i), i);
    w.time.step_while([&] { return w.seen.order.size() < 4; });
    BOOST_TEST(w.order() == "0 1 2 3 ");
    w.time.step_while([] { return true; });
    BOOST_TEST(w.seen.order.size() == 10U);
}

BOOST_AUTO_TEST_CASE(the_clock_can_be_set_up_to_the_next_event_and_not_past_it) {
    world w;
    w.time.set_now({1500});
    BOOST_TEST(w.time.now().us == 1500);
    w.at(2000, 1);
    w.time.set_now({2000});
    BOOST_TEST(w.time.pending() == 1U);
    BOOST_TEST(base_test::dies([&] { w.time.set_now({2001}); }).message.find("the clock cannot pass an event") !=
               std::string::npos);
    BOOST_TEST(base_test::dies([&] { w.time.set_now({1999}); }).aborted);
}

RC_BOOST_PROP(events_come_sorted_by_time_class_and_order, ()) {
    const auto plan = *rc::gen::container<std::vector<std::pair<std::int64_t, int>>>(
        rc::gen::pair(rc::gen::inRange<std::int64_t>(900, 1040), rc::gen::inRange(0, 3)));
    world w;
    std::vector<std::tuple<std::int64_t, int, std::uint64_t>> expected;
    for (const auto& [us, c] : plan) {
        expected.emplace_back(std::max<std::int64_t>(us, 1000), c, expected.size());
        w.at(us, expected.size() - 1, static_cast<event_class>(c));
    }
    std::sort(expected.begin(), expected.end());
    const std::size_t half = expected.size() / 2;
    for (std::size_t i = 0; i < half; ++i) RC_ASSERT(w.time.step_one());
    scheduler copy = w.time; // a copy of the queue goes on with the same handlers
    while (w.time.step_one()) {}
    RC_ASSERT(w.seen.order.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        RC_ASSERT(w.seen.order[i] == std::get<2>(expected[i]));
        RC_ASSERT(w.seen.times[i] == std::get<0>(expected[i]));
    }
    RC_ASSERT(copy.pending() == expected.size() - half);
}

BOOST_AUTO_TEST_CASE(while_it_is_busy_what_is_due_comes_late_and_in_its_order) {
    scheduler s({100});
    recorder r(s);
    s.at({110}, event_class::timer, r, 1000);
    s.at({120}, event_class::timer, r, 2000);
    s.at({400}, event_class::timer, r, 3000);
    s.busy_for({200});
    BOOST_TEST(s.next_at().us == 300);
    s.step_until({299});
    BOOST_TEST(s.fired() == 0U);
    s.busy_for({50});
    s.step_until({1000});
    BOOST_TEST((r.times == std::vector<std::int64_t>{350, 350, 400}));
    BOOST_TEST(s.now().us == 1000);
}

BOOST_AUTO_TEST_SUITE_END()
