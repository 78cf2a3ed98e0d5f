#include "runtime/daemon/probe_watch.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

#include "aivp/base/probe.hpp"
#include "runtime/daemon/live_host.hpp"
#include "tests/store/scratch.hpp"

namespace {

using namespace aivp;

void break_the_first() { AIVP_UNREACHABLE("test of the watch: the first is reached"); }
void look_at_the_second(bool holds) { AIVP_ALWAYS(holds, "test of the watch: the second holds"); }
void break_another() { AIVP_UNREACHABLE("test of the watch: another is reached"); }
void now_and_then(bool happens) { AIVP_SOMETIMES(happens, "test of the watch: it happens"); }

/// Of the violation with that name; null when it is not told of.
payload violation(const payload& report, std::string_view name) {
    for (const payload& v : items(*member(report, "violated")))
        if (as_string(*member(v, "name")) == name) return v;
    return {};
}

std::int64_t number(const payload& object, std::string_view key) { return as_integer(*member(object, key)).value(); }

} // namespace

BOOST_AUTO_TEST_SUITE(watched_probes)

BOOST_AUTO_TEST_CASE(a_violation_is_told_once_a_place_and_counted_each_time) {
    std::vector<std::string> told;
    rearm_probes();
    {
        const probe_watch watch([&](const std::string& text) { told.push_back(text); });
        look_at_the_second(true);
        BOOST_TEST(told.empty());
        for (int i = 0; i < 3; ++i) break_the_first();
        look_at_the_second(false);
        std::thread([] { break_the_first(); }).join();
        BOOST_REQUIRE(told.size() == 2U);
        BOOST_TEST(
            told[0].contains("never: test of the watch: the first is reached (tests/daemon/probe_watch.test.cpp:"));
        BOOST_TEST(told[1].contains("always: test of the watch: the second holds"));
        const payload report = probe_watch::report();
        BOOST_TEST(number(violation(report, "test of the watch: the first is reached"), "count") == 4);
        BOOST_TEST(number(violation(report, "test of the watch: the second holds"), "count") == 1);
        BOOST_TEST(violation(report, "test of the watch: another is reached").is_null());
    }
    break_another();
    BOOST_TEST(told.size() == 2U, "it was told after its end");
    rearm_probes();
}

BOOST_AUTO_TEST_CASE(several_watches_are_told_and_what_tells_may_hold_probes) {
    int first = 0, second = 0;
    const probe_watch outer([&](const std::string&) {
        ++first;
        break_another();
    });
    {
        const probe_watch inner([&](const std::string&) { ++second; });
        break_the_first();
    }
    look_at_the_second(false);
    BOOST_TEST(first == 2);
    BOOST_TEST(second == 1);
    rearm_probes();
}

BOOST_AUTO_TEST_CASE(what_should_happen_sometimes_is_counted_and_never_told) {
    rearm_probes();
    int told = 0;
    const probe_watch watch([&](const std::string&) { ++told; });
    const payload before = probe_watch::report();
    now_and_then(false);
    BOOST_TEST(number(probe_watch::report(), "reached") == number(before, "reached"));
    for (int i = 0; i < 3; ++i) now_and_then(true);
    BOOST_TEST(number(probe_watch::report(), "reached") == number(before, "reached") + 1);
    BOOST_TEST(number(before, "known") > number(before, "reached"));
    BOOST_TEST(told == 0);
}

BOOST_AUTO_TEST_CASE(a_live_host_logs_a_violation_as_an_error_and_shows_it_in_its_status) {
    rearm_probes();
    const store_test::scratch_folder folder;
    std::vector<std::string> errors;
    live_host_options options;
    options.config.state_folder = folder.file("state");
    options.config.store.path = folder.file("state") + "/aivp.db";
    options.log = [&](log_level level, const std::string& text) {
        if (level == log_level::error) errors.push_back(text);
    };
    event_loop loop;
    const auto host = live_host::start(loop, std::move(options));
    BOOST_REQUIRE(host.has_value());
    BOOST_TEST(items(*at_pointer((*host)->status(), "/probes/violated")).empty());
    break_the_first();
    break_the_first();
    BOOST_REQUIRE(errors.size() == 1U);
    BOOST_TEST(errors[0].contains("the first is reached"), errors[0]);
    const payload shown = violation(*member((*host)->status(), "probes"), "test of the watch: the first is reached");
    BOOST_TEST(number(shown, "count") == 2);
    BOOST_TEST(as_string(*member(shown, "kind")).value() == "unreachable");
    BOOST_TEST(as_string(*member((*host)->status(), "state")).value() == "ok");
    rearm_probes();
}

BOOST_AUTO_TEST_SUITE_END()
