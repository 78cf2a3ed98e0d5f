#include "runtime/os/event_loop.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(event_loop_suite)

BOOST_AUTO_TEST_CASE(posted_functions_run_in_order_and_never_within_post) {
    event_loop loop;
    std::string order;
    loop.post([&] {
        order += "a";
        loop.post([&] { order += "c"; });
        order += "b";
    });
    BOOST_TEST(order == "");
    BOOST_TEST(loop.run_until([&] { return order.size() == 3; }, seconds(5)));
    BOOST_TEST(order == "abc");
}

BOOST_AUTO_TEST_CASE(timers_fire_in_order_of_their_deadlines_and_never_early) {
    event_loop loop;
    std::string order;
    const auto start = monotonic_now();
    std::optional<monotonic_instant> late;
    const auto a = loop.call_after(milliseconds(30), [&] {
        order += "a";
        late = monotonic_now();
    });
    const auto b = loop.call_after(milliseconds(10), [&] { order += "b"; });
    const auto c = loop.call_at({0}, [&] { order += "c"; });
    BOOST_TEST(order == "");
    BOOST_TEST(loop.run_until([&] { return order.size() == 3; }, seconds(5)));
    BOOST_TEST(order == "cba");
    BOOST_REQUIRE(late);
    BOOST_TEST((*late - start).us >= 30'000);
    BOOST_TEST(!a.active());
}

BOOST_AUTO_TEST_CASE(a_cancelled_timer_does_not_fire_even_when_it_was_due_already) {
    event_loop loop;
    bool first = false, second = false, third = false;
    loop_handle other;
    auto both = [&](bool& mine) {
        mine = true;
        other.cancel();
    };
    const auto a = loop.call_at({0}, [&] { both(first); });
    other = loop.call_at({0}, [&] { both(second); });
    {
        const auto dropped = loop.call_at({0}, [&] { third = true; });
        BOOST_TEST(dropped.active());
    }
    loop.run_until([] { return false; }, milliseconds(20));
    BOOST_TEST(first);
    BOOST_TEST(!second);
    BOOST_TEST(!third);
    BOOST_TEST(!other.active());
}

BOOST_AUTO_TEST_CASE(a_detached_timer_fires) {
    event_loop loop;
    bool fired = false;
    loop.call_after(milliseconds(1), [&] { fired = true; }).detach();
    BOOST_TEST(loop.run_until([&] { return fired; }, seconds(5)));
}

BOOST_AUTO_TEST_CASE(a_function_may_end_its_own_handle) {
    event_loop loop;
    auto handle = std::make_shared<loop_handle>();
    bool fired = false;
    *handle = loop.call_after(milliseconds(1), [&fired, handle] {
        handle->cancel();
        fired = true;
    });
    BOOST_TEST(loop.run_until([&] { return fired; }, seconds(5)));
}

BOOST_AUTO_TEST_CASE(handles_outlive_the_loop_and_its_functions_do_not) {
    loop_handle timer, hook;
    const auto token = std::make_shared<int>(1);
    {
        event_loop loop;
        timer = loop.call_after(hours(1), [token] {});
        auto made = loop.on_signal(SIGUSR2, [token] {});
        BOOST_REQUIRE(made);
        hook = std::move(*made);
        loop.post([token] {});
        BOOST_TEST(token.use_count() == 4);
    }
    BOOST_TEST(token.use_count() == 1);
    BOOST_TEST(!timer.active());
    BOOST_TEST(!hook.active());
    timer.cancel();
    hook.cancel();
}

BOOST_AUTO_TEST_CASE(run_until_gives_up_at_its_limit) {
    event_loop loop;
    const auto start = monotonic_now();
    BOOST_TEST(!loop.run_until([] { return false; }, milliseconds(20)));
    const auto took = monotonic_now() - start;
    BOOST_TEST(took.us >= 20'000);
    BOOST_TEST(took.us < 5'000'000);
}

BOOST_AUTO_TEST_CASE(stop_ends_the_present_run_or_the_next_one_and_no_more) {
    event_loop loop;
    int count = 0;
    loop.post([&] {
        ++count;
        loop.stop();
    });
    loop.post([&] { ++count; });
    loop.run();
    BOOST_TEST(count == 1);
    BOOST_TEST(loop.run_until([&] { return count == 2; }, seconds(5)));
    loop.stop();
    loop.post([&] { ++count; });
    loop.run();
    BOOST_TEST(count == 2);
    BOOST_TEST(loop.poll() == 1U);
    BOOST_TEST(count == 3);
}

BOOST_AUTO_TEST_CASE(other_threads_post_and_stop) {
    event_loop loop;
    int sum = 0;
    std::jthread other([&] {
        for (int i = 0; i < 1000; ++i) loop.post([&] { ++sum; });
        loop.post([&] { loop.stop(); });
    });
    loop.run();
    BOOST_TEST(sum == 1000);
}

BOOST_AUTO_TEST_CASE(signals_reach_every_hook_until_it_ends) {
    event_loop loop;
    std::string seen;
    auto a = loop.on_signal(SIGUSR1, [&] { seen += "a"; });
    auto b = loop.on_signal(SIGUSR1, [&] { seen += "b"; });
    BOOST_REQUIRE(a);
    BOOST_REQUIRE(b);
    ::raise(SIGUSR1);
    BOOST_TEST(loop.run_until([&] { return seen.size() == 2; }, seconds(5)));
    BOOST_TEST(seen == "ab");
    a->cancel();
    ::raise(SIGUSR1);
    BOOST_TEST(loop.run_until([&] { return seen.size() == 3; }, seconds(5)));
    BOOST_TEST(seen == "abb");
    b->cancel();
    struct sigaction now{};
    ::sigaction(SIGUSR1, nullptr, &now);
    BOOST_TEST((now.sa_handler == SIG_DFL));
    auto c = loop.on_signal(SIGUSR1, [&] { seen += "c"; });
    BOOST_REQUIRE(c);
    ::raise(SIGUSR1);
    BOOST_TEST(loop.run_until([&] { return seen.size() == 4; }, seconds(5)));
    loop.run_until([] { return false; }, milliseconds(10));
    BOOST_TEST(seen == "abbc");
}

BOOST_AUTO_TEST_CASE(a_signal_that_cannot_be_caught_is_refused) {
    event_loop loop;
    const auto hook = loop.on_signal(SIGKILL, [] {});
    BOOST_REQUIRE(!hook);
    BOOST_TEST((hook.error().code == errc::config_not_supported));
    BOOST_TEST(!loop.on_signal(9999, [] {}).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
