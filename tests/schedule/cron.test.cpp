#include "aivp/schedule/cron.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;

namespace {

cron_spec spec_of(std::string_view text, const cron_options& options = {}) {
    const auto spec = parse_cron_fields(text, options);
    BOOST_REQUIRE_MESSAGE(spec.has_value(), test::why(spec));
    return *spec;
}

/// The next `count` times in `zone`, separated by blanks, each without its "T" and seconds when they are 0.
std::string fires(std::string_view text, std::string_view after, std::size_t count, const zone_rules& zone = {},
                  const cron_options& options = {}) {
    const cron_spec spec = spec_of(text, options);
    std::string out;
    instant t = at(after);
    for (std::size_t i = 0; i < count; ++i) {
        const auto next = next_after(spec, zone, t);
        if (!next) return out + "never";
        t = *next;
        out += (out.empty() ? "" : " ") + to_string(t).substr(5, 11);
    }
    return out;
}

/// Spring: 2024-03-31 02:00 -> 03:00 at 01:00Z. Autumn: 2024-10-27 03:00 -> 02:00 at 01:00Z.
zone_rules berlin() {
    return *zone_rules::make(
        "Europe/Berlin", {{zone_rules::far_past_s, 3600, false}, {1711846800, 7200, true}, {1729990800, 3600, false}});
}

constexpr const char* spring = "2024-03-30T12:00:00Z";
constexpr const char* autumn = "2024-10-26T12:00:00Z";

cron_options dst(gap_rule gap, fold_rule fold, steady_rule steady = steady_rule::hourly) {
    return {{gap, fold, steady}, day_rule::either};
}

} // namespace

BOOST_AUTO_TEST_SUITE(cron)

BOOST_AUTO_TEST_CASE(expressions_have_one_canonical_text) {
    const std::pair<const char*, const char*> cases[] = {
        {"0 9 * * 1-5", "0 9 * * 1-5"},
        {"  0\t9  * * MON-FRI ", "0 9 * * 1-5"},
        {"*/15 * * * *", "0,15,30,45 * * * *"},
        {"5/15 * * * *", "5,20,35,50 * * * *"},
        {"0-59 0-23 1-31 1-12 0-6", "* * 1-31 * 0-6"},
        {"1,2,3,7 * ? * ?", "1-3,7 * * * *"},
        {"0 0 1 JAN,december sun", "0 0 1 1,12 0"},
        {"0 0 * * 7", "0 0 * * 0"},
        {"0 0 * * FRI-SUN", "0 0 * * 0,5-6"},
        {"0 0 * * 5-7", "0 0 * * 0,5-6"},
        {"0 0 L,L-3,15W,lw * *", "0 0 L,L-3,15W,LW * *"},
        {"0 0 * * friL,2#3,MON#1", "0 0 * * 5L,1#1,2#3"},
        {"0 0 10,L * 1,5L", "0 0 10,L * 1,5L"},
        {"30 0 9 * * *", "30 0 9 * * *"},
        {"0 0 9 * * *", "0 9 * * *"},
        {"0 0 9 * * * 2030,2033-2035", "0 0 9 * * * 2030,2033-2035"},
        {"0 0 9 * * * *", "0 9 * * *"},
        {"0 0 9 * * * 2030-2199/100", "0 0 9 * * * 2030,2130"},
        {"0 0 */1 * */1", "0 0 * * *"},
        {"0 0 *,L * *,5L", "0 0 * * *"},
        {"007 08 01 02 *", "7 8 1 2 *"},
    };
    for (const auto& [text, canonical] : cases) BOOST_TEST(to_string(spec_of(text)) == canonical, text);
}

BOOST_AUTO_TEST_CASE(macros_are_their_fields) {
    const std::pair<const char*, const char*> cases[] = {
        {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {" @Daily ", "0 0 * * *"}};
    for (const auto& [macro, fields] : cases) BOOST_TEST((spec_of(macro) == spec_of(fields)), macro);
}

BOOST_AUTO_TEST_CASE(a_prefix_names_the_zone_and_every_is_a_duration) {
    const auto prefixed = parse_cron("CRON_TZ=Europe/Berlin 0 9 * * *");
    BOOST_REQUIRE(prefixed.has_value());
    BOOST_TEST(prefixed->zone == "Europe/Berlin");
    BOOST_TEST((std::get<cron_spec>(prefixed->when) == spec_of("0 9 * * *")));
    const auto every = parse_cron(" TZ=Etc/GMT+3   @every 1h30m ");
    BOOST_REQUIRE(every.has_value());
    BOOST_TEST(every->zone == "Etc/GMT+3");
    BOOST_TEST((std::get<duration>(every->when) == minutes(90)));
    BOOST_TEST(parse_cron("0 9 * * *")->zone == "");
    BOOST_TEST(!parse_cron_fields("TZ=UTC 0 9 * * *").has_value());
    BOOST_TEST(!parse_cron_fields("@every 10m").has_value());
}

BOOST_AUTO_TEST_CASE(the_next_time_is_strictly_later) {
    BOOST_TEST(fires("0 9 * * *", "2024-01-01T09:00:00Z", 1) == "01-02T09:00");
    BOOST_TEST(fires("0 9 * * *", "2024-01-01T08:59:59.999999Z", 1) == "01-01T09:00");
    BOOST_TEST(fires("* * * * * *", "2024-01-01T08:59:59.999999Z", 1) == "01-01T09:00");
    BOOST_TEST(to_string(*next_after(spec_of("* * * * * *"), {}, at("1969-12-31T23:59:58.5Z"))) ==
               "1969-12-31T23:59:59Z");
}

BOOST_AUTO_TEST_CASE(day_of_month_and_day_of_week_combine_as_the_options_say) {
    const cron_options both{{}, day_rule::both};
    BOOST_TEST(fires("0 0 13 * 5", "2024-09-01T00:00:00Z", 4) == "09-06T00:00 09-13T00:00 09-20T00:00 09-27T00:00");
    BOOST_TEST(fires("0 0 13 * 5", "2024-09-14T00:00:00Z", 2, {}, both) == "12-13T00:00 06-13T00:00");
    BOOST_TEST(fires("0 0 13 * *", "2024-09-01T00:00:00Z", 2) == "09-13T00:00 10-13T00:00");
    BOOST_TEST(fires("0 0 ? * 5", "2024-09-01T00:00:00Z", 2) == "09-06T00:00 09-13T00:00");
    // A step is a restriction: the 1st, 11th, 21st and 31st, and every Monday.
    BOOST_TEST(fires("0 0 */10 * 1", "2024-09-01T00:00:00Z", 4) == "09-02T00:00 09-09T00:00 09-11T00:00 09-16T00:00");
    BOOST_TEST(fires("0 0 */10 * 1", "2024-09-01T00:00:00Z", 2, {}, both) == "10-21T00:00 11-11T00:00");
}

BOOST_AUTO_TEST_CASE(last_days_nearest_weekdays_and_nth_weekdays_are_found) {
    BOOST_TEST(fires("0 0 L * *", "2024-01-01T00:00:00Z", 3) == "01-31T00:00 02-29T00:00 03-31T00:00");
    BOOST_TEST(fires("0 0 L-2 2 *", "2024-01-01T00:00:00Z", 2) == "02-27T00:00 02-26T00:00");
    // 31 days before the last day exist in no month, 30 in the long ones.
    BOOST_TEST(fires("0 0 L-30 * *", "2024-01-01T00:00:00Z", 3) == "03-01T00:00 05-01T00:00 07-01T00:00");
    // 1 June 2024 is a Saturday, 30 June a Sunday, 15 June a Saturday.
    BOOST_TEST(fires("0 0 1W,15W,30W 6 *", "2024-01-01T00:00:00Z", 3) == "06-03T00:00 06-14T00:00 06-28T00:00");
    BOOST_TEST(fires("0 0 31W * *", "2024-02-01T00:00:00Z", 2) == "03-29T00:00 05-31T00:00");
    BOOST_TEST(fires("0 0 LW * *", "2024-03-01T00:00:00Z", 3) == "03-29T00:00 04-30T00:00 05-31T00:00");
    BOOST_TEST(fires("0 0 * * 5L", "2024-02-01T00:00:00Z", 3) == "02-23T00:00 03-29T00:00 04-26T00:00");
    BOOST_TEST(fires("0 0 * * 0L", "2024-02-01T00:00:00Z", 2) == "02-25T00:00 03-31T00:00");
    BOOST_TEST(fires("0 0 * * 2#2", "2024-01-01T00:00:00Z", 3) == "01-09T00:00 02-13T00:00 03-12T00:00");
    BOOST_TEST(fires("0 0 * * 4#5", "2024-01-01T00:00:00Z", 3) == "02-29T00:00 05-30T00:00 08-29T00:00");
    BOOST_TEST(fires("0 0 * * 1#1,1#3", "2024-01-01T00:00:00Z", 3) == "01-15T00:00 02-05T00:00 02-19T00:00");
    BOOST_TEST(fires("0 0 L * 1", "2024-02-20T00:00:00Z", 3) == "02-26T00:00 02-29T00:00 03-04T00:00");
}

BOOST_AUTO_TEST_CASE(rare_dates_are_found_and_impossible_ones_are_not) {
    BOOST_TEST(to_string(*next_after(spec_of("0 0 29 2 *"), {}, at("2096-03-01T00:00:00Z"))) == "2104-02-29T00:00:00Z");
    // 29 February falls on a Monday every 28 years, but 40 years pass around 2100.
    const cron_spec leap_monday = spec_of("0 0 29 2 1", {{}, day_rule::both});
    BOOST_TEST(to_string(*next_after(leap_monday, {}, at("2072-03-01T00:00:00Z"))) == "2112-02-29T00:00:00Z");
    for (const char* never : {"0 0 31 4 *", "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 31W 4 ?", "0 0 0 1 1 * 1999"}) {
        const auto spec = parse_cron_fields(never);
        if (!spec) {
            BOOST_TEST((spec.error().code == errc::cron_range), never);
            continue;
        }
        BOOST_TEST(!next_after(*spec, {}, at("2024-01-01T00:00:00Z")).has_value(), never);
        const auto checked = check_fires(*spec, {}, at("2024-01-01T00:00:00Z"));
        BOOST_REQUIRE(!checked.has_value());
        BOOST_TEST((checked.error().code == errc::cron_never));
    }
    BOOST_TEST(check_fires(spec_of("0 0 29 2 *"), {}, at("2024-01-01T00:00:00Z")).has_value());
}

BOOST_AUTO_TEST_CASE(years_bound_a_schedule) {
    BOOST_TEST(fires("0 0 12 1 7 * 2025,2027", "2024-01-01T00:00:00Z", 3) == "07-01T12:00 07-01T12:00never");
    BOOST_TEST(to_string(*next_after(spec_of("0 0 12 1 7 * 2025"), {}, instant::min())) == "2025-07-01T12:00:00Z");
    BOOST_TEST(!next_after(spec_of("0 0 12 1 7 * 2025"), {}, at("2025-07-01T12:00:00Z")).has_value());
}

BOOST_AUTO_TEST_CASE(the_horizon_is_the_end_of_2199) {
    BOOST_TEST(to_string(*next_after(spec_of("* * * * *"), {}, at("2199-12-31T23:58:00Z"))) == "2199-12-31T23:59:00Z");
    BOOST_TEST(!next_after(spec_of("* * * * *"), {}, at("2199-12-31T23:59:00Z")).has_value());
    BOOST_TEST(!next_after(spec_of("* * * * *"), {}, instant::max()).has_value());
    BOOST_TEST(next_after(spec_of("* * * * *"), {}, instant::min()).has_value());
}

BOOST_AUTO_TEST_CASE(a_time_that_the_clock_jumps_over_shifts_skips_or_follows) {
    BOOST_TEST(fires("30 2 * * *", spring, 2, berlin()) == "03-31T01:30 04-01T00:30");
    BOOST_TEST(fires("30 2 * * *", spring, 2, berlin(), dst(gap_rule::skip, fold_rule::first)) ==
               "04-01T00:30 04-02T00:30");
    BOOST_TEST(fires("30 2 * * *", spring, 2, berlin(), dst(gap_rule::after, fold_rule::first)) ==
               "03-31T01:00 04-01T00:30");
    BOOST_TEST(fires("10,50 2 * * *", spring, 3, berlin(), dst(gap_rule::after, fold_rule::first)) ==
               "03-31T01:00 04-01T00:10 04-01T00:50");
    // What shifts onto another time of the same job fires once.
    BOOST_TEST(fires("30 2,3 * * *", spring, 3, berlin()) == "03-31T01:30 04-01T00:30 04-01T01:30");
    BOOST_TEST(fires("0 3 * * *", spring, 2, berlin()) == "03-31T01:00 04-01T01:00");
}

BOOST_AUTO_TEST_CASE(a_time_that_comes_twice_fires_in_the_pass_that_the_rule_names) {
    BOOST_TEST(fires("30 2 * * *", autumn, 2, berlin()) == "10-27T00:30 10-28T01:30");
    BOOST_TEST(fires("30 2 * * *", autumn, 2, berlin(), dst(gap_rule::shift, fold_rule::last)) ==
               "10-27T01:30 10-28T01:30");
    BOOST_TEST(fires("30 2 * * *", autumn, 3, berlin(), dst(gap_rule::shift, fold_rule::both)) ==
               "10-27T00:30 10-27T01:30 10-28T01:30");
    BOOST_TEST(fires("0 3 * * *", autumn, 2, berlin()) == "10-27T02:00 10-28T02:00");
    BOOST_TEST(fires("*/30 1-3 * * *", "2024-10-26T23:59:00Z", 5, berlin()) ==
               "10-27T00:00 10-27T00:30 10-27T02:00 10-27T02:30 10-28T00:00");
}

BOOST_AUTO_TEST_CASE(a_schedule_that_begins_in_the_second_pass_uses_it) {
    const cron_spec spec = spec_of("30 2 * * *");
    const instant during_first = at("2024-10-27T00:10:00Z");
    const instant late_in_first = at("2024-10-27T00:45:00Z");
    const instant during_second = at("2024-10-27T01:00:00Z");
    BOOST_TEST((next_after(spec, berlin(), during_first, during_first) == at("2024-10-27T00:30:00Z")));
    BOOST_TEST((next_after(spec, berlin(), late_in_first, late_in_first) == at("2024-10-28T01:30:00Z")));
    BOOST_TEST((next_after(spec, berlin(), during_second, during_second) == at("2024-10-27T01:30:00Z")));
    BOOST_TEST((next_after(spec, berlin(), during_second, during_first) == at("2024-10-28T01:30:00Z")));
    BOOST_TEST((next_after(spec, berlin(), during_second) == at("2024-10-28T01:30:00Z")));
}

BOOST_AUTO_TEST_CASE(hourly_jobs_keep_to_elapsed_time) {
    BOOST_TEST(fires("30 * * * *", "2024-03-30T23:59:00Z", 3, berlin()) == "03-31T00:30 03-31T01:30 03-31T02:30");
    BOOST_TEST(fires("30 * * * *", "2024-10-26T23:59:00Z", 4, berlin()) ==
               "10-27T00:30 10-27T01:30 10-27T02:30 10-27T03:30");
    BOOST_TEST(fires("30 0-23 * * *", "2024-10-26T23:59:00Z", 3, berlin()) == "10-27T00:30 10-27T01:30 10-27T02:30");
    const cron_options none = dst(gap_rule::shift, fold_rule::first, steady_rule::none);
    BOOST_TEST(fires("30 * * * *", "2024-10-26T23:59:00Z", 3, berlin(), none) == "10-27T00:30 10-27T02:30 10-27T03:30");
}

BOOST_AUTO_TEST_CASE(a_segment_shorter_than_its_jump_neither_repeats_nor_loses_a_time) {
    // 01:00 -> 11:00 at 00:00Z, and 10 minutes later 11:10 -> 03:10.
    const zone_rules forth_and_back =
        *zone_rules::make("X", {{zone_rules::far_past_s, 3600, false}, {0, 39600, false}, {600, 10800, false}});
    const instant before{-1};
    const auto next = [&](const char* text, const zone_rules& zone, const cron_options& options) {
        return to_string(*next_after(spec_of(text, options), zone, before));
    };
    // 05:00 was jumped over at first but comes after all, and was never shown before.
    BOOST_TEST(next("0 5 * * *", forth_and_back, {}) == "1970-01-01T02:00:00Z");
    BOOST_TEST(next("5 1 * * *", forth_and_back, {}) == "1970-01-01T00:05:00Z");
    // 03:00 -> 01:00 at 00:00Z, and 10 minutes later 01:10 -> 03:10: 01:30 comes once, before.
    const zone_rules back_and_forth =
        *zone_rules::make("Y", {{zone_rules::far_past_s, 10800, false}, {0, 3600, false}, {600, 10800, false}});
    const cron_spec last = spec_of("30 1 * * *", dst(gap_rule::skip, fold_rule::last));
    BOOST_TEST(to_string(*next_after(last, back_and_forth, at("1969-12-31T20:00:00Z"))) == "1969-12-31T22:30:00Z");
}

BOOST_AUTO_TEST_CASE(policies_have_a_text) {
    BOOST_TEST(to_string(dst_policy{}) == "gap=shift fold=first steady=hourly");
    BOOST_TEST(to_string(dst_policy::robfig()) == "gap=skip fold=both steady=none");
    BOOST_TEST(to_string(dst_policy{gap_rule::after, fold_rule::last, steady_rule::none}) ==
               "gap=after fold=last steady=none");
}

BOOST_AUTO_TEST_SUITE_END()
