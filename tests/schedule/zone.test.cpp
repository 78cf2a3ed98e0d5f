#include "aivp/schedule/zone.hpp"

#include <boost/test/unit_test.hpp>

#include "aivp/schedule/civil.hpp"
#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;

namespace {

local_time local(std::int32_t year, std::int32_t month, std::int32_t day, std::int32_t hour, std::int32_t minute) {
    return {days_from_civil({year, month, day}) * seconds_per_day + hour * 3600 + minute * 60};
}

/// +1 h, from 2024-03-31T01:00Z +2 h, from 2024-10-27T01:00Z +1 h.
zone_rules berlin_2024() {
    return *zone_rules::make(
        "Europe/Berlin", {{zone_rules::far_past_s, 3600, false}, {1711846800, 7200, true}, {1729990800, 3600, false}});
}

} // namespace

BOOST_AUTO_TEST_SUITE(zone)

BOOST_AUTO_TEST_CASE(a_default_zone_is_utc) {
    const zone_rules utc;
    BOOST_TEST(utc.name() == "UTC");
    BOOST_TEST(utc.segments().size() == 1u);
    BOOST_TEST(utc.offset_at(at("2024-07-01T00:00:00Z")) == 0);
    BOOST_TEST((utc == zone_rules::utc()));
    BOOST_TEST(utc.text() == "UTC\n- 0 0");
}

BOOST_AUTO_TEST_CASE(offsets_change_at_the_very_second) {
    const zone_rules zone = berlin_2024();
    BOOST_TEST(zone.offset_at(at("2024-03-31T00:59:59.999999Z")) == 3600);
    BOOST_TEST(zone.offset_at(at("2024-03-31T01:00:00Z")) == 7200);
    BOOST_TEST(!zone.is_dst_at(at("2024-03-31T00:59:59Z")));
    BOOST_TEST(zone.is_dst_at(at("2024-03-31T01:00:00Z")));
    BOOST_TEST(to_string(zone.to_local(at("2024-03-31T00:59:59.999999Z"))) == "2024-03-31T01:59:59");
    BOOST_TEST(to_string(zone.to_local(at("2024-03-31T01:00:00Z"))) == "2024-03-31T03:00:00");
    BOOST_TEST(zone.offset_at(instant::min()) == 3600);
    BOOST_TEST(zone.offset_at(instant::max()) == 3600);
}

BOOST_AUTO_TEST_CASE(a_local_time_is_unique_in_a_gap_or_in_a_fold) {
    const zone_rules zone = berlin_2024();
    const auto noon = zone.to_utc(local(2024, 7, 1, 12, 0));
    BOOST_TEST((noon == utc_of_local{local_kind::unique, at("2024-07-01T10:00:00Z"), at("2024-07-01T10:00:00Z")}));
    const auto gap = zone.to_utc(local(2024, 3, 31, 2, 30));
    BOOST_TEST((gap == utc_of_local{local_kind::gap, at("2024-03-31T00:30:00Z"), at("2024-03-31T01:30:00Z")}));
    const auto fold = zone.to_utc(local(2024, 10, 27, 2, 30));
    BOOST_TEST((fold == utc_of_local{local_kind::fold, at("2024-10-27T00:30:00Z"), at("2024-10-27T01:30:00Z")}));
}

BOOST_AUTO_TEST_CASE(the_borders_of_gaps_and_folds_are_half_open) {
    const zone_rules zone = berlin_2024();
    BOOST_TEST((zone.to_utc(local(2024, 3, 31, 1, 59)).kind == local_kind::unique));
    BOOST_TEST((zone.to_utc(local(2024, 3, 31, 2, 0)).kind == local_kind::gap));
    BOOST_TEST((zone.to_utc(local(2024, 3, 31, 3, 0)).kind == local_kind::unique));
    BOOST_TEST((zone.to_utc(local(2024, 10, 27, 1, 59)).kind == local_kind::unique));
    BOOST_TEST((zone.to_utc(local(2024, 10, 27, 2, 0)).kind == local_kind::fold));
    BOOST_TEST((zone.to_utc(local(2024, 10, 27, 3, 0)).kind == local_kind::unique));
}

BOOST_AUTO_TEST_CASE(a_day_that_the_date_line_swallowed_is_a_gap) {
    // Samoa had no 30 December 2011.
    const zone_rules apia =
        *zone_rules::make("Pacific/Apia", {{zone_rules::far_past_s, -36000, true}, {1325239200, 50400, true}});
    BOOST_TEST((apia.to_utc(local(2011, 12, 30, 0, 0)).kind == local_kind::gap));
    BOOST_TEST((apia.to_utc(local(2011, 12, 30, 23, 59)).kind == local_kind::gap));
    BOOST_TEST((apia.to_utc(local(2011, 12, 29, 23, 59)).kind == local_kind::unique));
    BOOST_TEST((apia.to_utc(local(2011, 12, 31, 0, 0)) ==
                utc_of_local{local_kind::unique, at("2011-12-30T10:00:00Z"), at("2011-12-30T10:00:00Z")}));
}

BOOST_AUTO_TEST_CASE(a_jump_back_soon_after_a_jump_forward_can_show_what_was_jumped_over) {
    // 01:00 -> 11:00 at 00:00Z, and 10 minutes later 11:10 -> 03:10.
    const zone_rules zone =
        *zone_rules::make("X", {{zone_rules::far_past_s, 3600, false}, {0, 39600, false}, {600, 10800, false}});
    BOOST_TEST((zone.to_utc({4 * 3600}) == utc_of_local{local_kind::unique, {3'600'000'000}, {3'600'000'000}}));
    BOOST_TEST((zone.to_utc({2 * 3600}) == utc_of_local{local_kind::gap, {-32'400'000'000}, {3'600'000'000}}));
    BOOST_TEST((zone.to_utc({11 * 3600 + 60}) == utc_of_local{local_kind::fold, {60'000'000}, {28'860'000'000}}));
}

BOOST_AUTO_TEST_CASE(extreme_local_times_saturate) {
    const zone_rules zone = berlin_2024();
    BOOST_TEST((zone.to_utc({std::numeric_limits<std::int64_t>::min()}).first == instant::min()));
    BOOST_TEST((zone.to_utc({std::numeric_limits<std::int64_t>::max()}).first == instant::max()));
}

BOOST_AUTO_TEST_CASE(the_text_of_a_zone_can_be_read_back) {
    const zone_rules zone = berlin_2024();
    BOOST_TEST(zone.text() == "Europe/Berlin\n- 3600 0\n1711846800 7200 1\n1729990800 3600 0");
    const auto again = zone_rules::parse(zone.text());
    BOOST_REQUIRE(again.has_value());
    BOOST_TEST((*again == zone));
    BOOST_TEST((again->hash() == zone.hash()));
}

BOOST_AUTO_TEST_CASE(a_zone_differs_by_name_offset_time_and_dst) {
    const zone_rules zone = berlin_2024();
    for (const char* text : {"Europe/Paris\n- 3600 0\n1711846800 7200 1\n1729990800 3600 0",
                             "Europe/Berlin\n- 3601 0\n1711846800 7200 1\n1729990800 3600 0",
                             "Europe/Berlin\n- 3600 0\n1711846801 7200 1\n1729990800 3600 0",
                             "Europe/Berlin\n- 3600 0\n1711846800 7200 0\n1729990800 3600 0"})
        BOOST_TEST((*zone_rules::parse(text) != zone), text);
}

BOOST_AUTO_TEST_CASE(changes_that_change_nothing_are_merged) {
    const auto zone = zone_rules::make(
        "X", {{zone_rules::far_past_s, 60, false}, {100, 60, false}, {200, 120, false}, {300, 120, false}});
    BOOST_REQUIRE(zone.has_value());
    BOOST_TEST(zone->text() == "X\n- 60 0\n200 120 0");
}

BOOST_AUTO_TEST_CASE(damaged_texts_are_refused) {
    for (const char* text :
         {"", "\n- 0 0", "UTC", "UTC\n", "UTC\n- 0", "UTC\n- 0 2", "UTC\n0 0 0", "UTC\n- x 0", "UTC\n- 0 0\n",
          "UTC\n- 0 0\n- 60 0", "UTC\n- 0 0\n5 60 0\n5 0 0", "UTC\n- 0 0\n9 60 0\n5 0 0", "UTC\n- 93601 0",
          "UTC\n- 0 0\n9999999999999999 60 0", "UTC\n- 0 0\n5  60 0", "U C\n- 0 0", "UTC\n- 0 00"}) {
        const auto zone = zone_rules::parse(text);
        BOOST_TEST(!zone.has_value(), text);
        if (!zone) BOOST_TEST((zone.error().code == errc::config_zone));
    }
}

BOOST_AUTO_TEST_CASE(the_calendar_agrees_with_itself_over_four_centuries) {
    std::int64_t day = days_from_civil({1899, 12, 31});
    for (std::int32_t year = 1900; year <= 2300; ++year)
        for (std::int32_t month = 1; month <= 12; ++month)
            for (std::int32_t d = 1; d <= days_in_month(year, month); ++d) {
                ++day;
                const civil_day c{year, month, d};
                if (days_from_civil(c) != day || civil_from_days(day) != c)
                    BOOST_FAIL(year << "-" << month << "-" << d);
            }
    BOOST_TEST(weekday_from_days(0) == 4);
    BOOST_TEST(weekday_from_days(-5) == 6);
}

BOOST_AUTO_TEST_SUITE_END()
