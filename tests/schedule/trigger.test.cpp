#include "aivp/schedule/trigger.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;

namespace {

std::string next_text(const schedule& s, std::string_view after) {
    const auto next = next_fire(s, at(after));
    return next ? to_string(*next) : "never";
}

} // namespace

BOOST_AUTO_TEST_SUITE(trigger)

BOOST_AUTO_TEST_CASE(an_interval_fires_at_multiples_after_its_anchor) {
    const schedule s = interval_schedule{minutes(10), at("2026-03-01T09:03:00Z")};
    BOOST_TEST(next_text(s, "2026-03-01T09:03:00Z") == "2026-03-01T09:13:00Z");
    BOOST_TEST(next_text(s, "2026-03-01T09:12:59.999999Z") == "2026-03-01T09:13:00Z");
    BOOST_TEST(next_text(s, "2026-03-01T09:13:00Z") == "2026-03-01T09:23:00Z");
    BOOST_TEST(next_text(s, "2027-03-01T00:00:00Z") == "2027-03-01T00:03:00Z");
    // Before its activation nothing fires, and at its activation neither.
    BOOST_TEST(next_text(s, "2020-01-01T00:00:00Z") == "2026-03-01T09:13:00Z");
}

BOOST_AUTO_TEST_CASE(intervals_end_at_the_end_of_time_and_need_a_length) {
    BOOST_TEST(!next_fire(interval_schedule{seconds(0), {}}, {}).has_value());
    BOOST_TEST(!next_fire(interval_schedule{seconds(-1), {}}, {}).has_value());
    BOOST_TEST(!next_fire(interval_schedule{seconds(1), {}}, instant::max()).has_value());
    const auto far = next_fire(interval_schedule{{1}, instant::min()}, {instant::max().us - 1});
    BOOST_TEST((far == instant::max()));
}

BOOST_AUTO_TEST_CASE(once_fires_once) {
    const schedule s = once_schedule{at("2026-03-01T09:00:00Z")};
    BOOST_TEST(next_text(s, "2026-03-01T08:59:59Z") == "2026-03-01T09:00:00Z");
    BOOST_TEST(next_text(s, "2026-03-01T09:00:00Z") == "never");
}

BOOST_AUTO_TEST_CASE(time_never_starts_manual_and_event_schedules) {
    BOOST_TEST(next_text(manual_schedule{}, "2026-03-01T09:00:00Z") == "never");
    BOOST_TEST(next_text(event_schedule{"issue.opened"}, "2026-03-01T09:00:00Z") == "never");
    BOOST_TEST((schedule{} == schedule{manual_schedule{}}));
}

BOOST_AUTO_TEST_CASE(a_cron_schedule_fires_in_its_zone) {
    const zone_rules tokyo = *zone_rules::make("Asia/Tokyo", {{zone_rules::far_past_s, 32400, false}});
    const schedule s = cron_schedule{*parse_cron_fields("0 9 * * 1-5"), tokyo};
    BOOST_TEST(next_text(s, "2026-02-27T00:00:00Z") == "2026-03-02T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(a_schedule_has_one_text) {
    const zone_rules tokyo = *zone_rules::make("Asia/Tokyo", {{zone_rules::far_past_s, 32400, false}});
    const cron_spec spec = *parse_cron_fields("0 9 * * MON-FRI");
    const instant start = at("2026-03-01T09:00:00Z");
    BOOST_TEST(to_string(schedule{manual_schedule{}}) == "manual");
    BOOST_TEST(to_string(schedule{event_schedule{"issue.opened"}}) == "event issue.opened");
    BOOST_TEST(to_string(schedule{once_schedule{start}}) == "once 2026-03-01T09:00:00Z");
    BOOST_TEST(to_string(schedule{interval_schedule{minutes(10), start}}) == "every 10m from 2026-03-01T09:00:00Z");
    BOOST_TEST(to_string(schedule{cron_schedule{spec, tokyo}}) == "cron 0 9 * * 1-5 in Asia/Tokyo");
    const cron_options options{dst_policy::robfig(), day_rule::both};
    BOOST_TEST(to_string(schedule{cron_schedule{*parse_cron_fields("@daily", options), {}, start}}) ==
               "cron 0 0 * * * in UTC from 2026-03-01T09:00:00Z gap=skip fold=both steady=none days=both");
}

BOOST_AUTO_TEST_CASE(schedules_differ_by_kind_value_and_zone) {
    const zone_rules tokyo = *zone_rules::make("Asia/Tokyo", {{zone_rules::far_past_s, 32400, false}});
    const cron_spec spec = *parse_cron_fields("0 9 * * *");
    const schedule s = cron_schedule{spec, tokyo};
    BOOST_TEST((s == schedule{cron_schedule{spec, tokyo}}));
    BOOST_TEST((s != schedule{cron_schedule{spec, {}}}));
    BOOST_TEST((s != schedule{cron_schedule{*parse_cron_fields("1 9 * * *"), tokyo}}));
    BOOST_TEST((schedule{once_schedule{{1}}} != schedule{once_schedule{{2}}}));
    BOOST_TEST((schedule{interval_schedule{{1}, {}}} != schedule{interval_schedule{{1}, {1}}}));
}

BOOST_AUTO_TEST_CASE(an_expression_becomes_a_schedule_that_begins_at_activation) {
    const instant start = at("2026-03-01T09:00:30Z");
    const schedule every = to_schedule(*parse_cron("@every 90s"), {}, start);
    BOOST_TEST((every == schedule{interval_schedule{seconds(90), start}}));
    const schedule daily = to_schedule(*parse_cron("@daily"), {}, start);
    BOOST_TEST((daily == schedule{cron_schedule{*parse_cron_fields("0 0 * * *"), {}, start}}));
    BOOST_TEST((next_fire(daily, start) == at("2026-03-02T00:00:00Z")));
}

BOOST_AUTO_TEST_SUITE_END()
