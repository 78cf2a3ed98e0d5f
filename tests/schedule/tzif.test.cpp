#include "aivp/schedule/tzif.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;

namespace {

std::string big_endian(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> 8 * i & 0xff);
    return out;
}

struct tzif_change {
    std::int64_t at_s;
    unsigned char type;
};

struct tzif_type {
    std::int32_t offset_s;
    bool is_dst;
};

std::string tzif_block(char version, int time_bytes, const std::vector<tzif_change>& changes,
                       const std::vector<tzif_type>& types, std::uint32_t leaps = 0) {
    std::string out = std::string("TZif") + version + std::string(15, '\0');
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{0}, std::size_t{leaps}, changes.size(), types.size(), std::size_t{4}})
        out += big_endian(count, 4);
    for (const tzif_change& c : changes) out += big_endian(static_cast<std::uint64_t>(c.at_s), time_bytes);
    for (const tzif_change& c : changes) out += static_cast<char>(c.type);
    for (const tzif_type& t : types)
        out += big_endian(static_cast<std::uint32_t>(t.offset_s), 4) + (t.is_dst ? '\1' : '\0') + '\0';
    out += std::string("ABC\0", 4);
    out += std::string(leaps * static_cast<std::size_t>(time_bytes + 4), '\0');
    return out;
}

std::string tzif_file(const std::vector<tzif_change>& changes, const std::vector<tzif_type>& types,
                      const std::string& footer) {
    return tzif_block('2', 4, {}, {{0, false}}) + tzif_block('2', 8, changes, types) + "\n" + footer + "\n";
}

const std::vector<tzif_type> berlin_types = {{3600, false}, {7200, true}};
const std::vector<tzif_change> berlin_2024 = {{1711846800, 1}, {1729990800, 0}};
const std::string berlin_rule = "CET-1CEST,M3.5.0,M10.5.0/3";

std::string offsets_of(std::string_view rule, std::initializer_list<const char*> times) {
    const auto segments = expand_posix_tz(rule, 2000, 2100);
    if (!segments) return to_string(segments.error());
    const auto zone = zone_rules::make("X", *segments);
    if (!zone) return to_string(zone.error());
    std::string out;
    for (const char* time : times) out += (out.empty() ? "" : " ") + std::to_string(zone->offset_at(at(time)));
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tzif)

BOOST_AUTO_TEST_CASE(a_file_gives_its_changes_and_its_rule_goes_on_to_the_horizon) {
    const auto zone = parse_tzif("Europe/Berlin", tzif_file(berlin_2024, berlin_types, berlin_rule));
    BOOST_REQUIRE_MESSAGE(zone.has_value(), test::why(zone));
    BOOST_TEST(zone->offset_at(at("2024-03-31T00:59:59Z")) == 3600);
    BOOST_TEST(zone->offset_at(at("2024-03-31T01:00:00Z")) == 7200);
    BOOST_TEST(zone->offset_at(at("2025-03-30T00:59:59Z")) == 3600);
    BOOST_TEST(zone->offset_at(at("2025-03-30T01:00:00Z")) == 7200);
    BOOST_TEST(zone->offset_at(at("2199-10-27T00:59:59Z")) == 7200);
    BOOST_TEST(zone->offset_at(at("2199-10-27T01:00:00Z")) == 3600);
    BOOST_TEST(zone->segments().size() == 1u + 2 * (2199 - 2024 + 1));
}

BOOST_AUTO_TEST_CASE(slim_and_fat_files_are_the_same_zone) {
    const std::vector<tzif_change> fat = {{1711846800, 1}, {1729990800, 0}, {1743296400, 1}, {1761440400, 0}};
    const auto slim_zone = parse_tzif("Z", tzif_file(berlin_2024, berlin_types, berlin_rule));
    const auto fat_zone = parse_tzif("Z", tzif_file(fat, berlin_types, berlin_rule));
    BOOST_REQUIRE(slim_zone.has_value());
    BOOST_REQUIRE(fat_zone.has_value());
    BOOST_TEST((*slim_zone == *fat_zone));
}

BOOST_AUTO_TEST_CASE(the_rule_holds_from_the_last_change_on_in_the_same_year) {
    const auto zone = parse_tzif("Z", tzif_file({{1711846800, 1}}, berlin_types, berlin_rule));
    BOOST_REQUIRE(zone.has_value());
    BOOST_TEST(zone->offset_at(at("2024-10-27T00:59:59Z")) == 7200);
    BOOST_TEST(zone->offset_at(at("2024-10-27T01:00:00Z")) == 3600);
}

BOOST_AUTO_TEST_CASE(an_empty_rule_keeps_the_last_offset) {
    const auto zone = parse_tzif("Z", tzif_file({{1711846800, 1}}, berlin_types, ""));
    BOOST_REQUIRE(zone.has_value());
    BOOST_TEST(zone->segments().size() == 2u);
    BOOST_TEST(zone->offset_at(at("2150-01-01T00:00:00Z")) == 7200);
}

BOOST_AUTO_TEST_CASE(a_file_without_changes_follows_its_rule_for_all_time) {
    const auto fixed = parse_tzif("Z", tzif_file({}, {{20700, false}}, "<+0545>-5:45"));
    BOOST_REQUIRE(fixed.has_value());
    BOOST_TEST(fixed->text() == "Z\n- 20700 0");
    const auto eastern = parse_tzif("EST5EDT", tzif_file({}, {{-18000, false}}, "EST5EDT,M3.2.0,M11.1.0"));
    BOOST_REQUIRE(eastern.has_value());
    BOOST_TEST(eastern->offset_at(at("2024-07-01T00:00:00Z")) == -14400);
}

BOOST_AUTO_TEST_CASE(version_one_files_have_32_bits_and_no_rule) {
    const auto zone = parse_tzif("Z", tzif_block('\0', 4, {{-100, 1}, {1729990800, 0}}, berlin_types));
    BOOST_REQUIRE_MESSAGE(zone.has_value(), test::why(zone));
    BOOST_TEST(zone->text() == "Z\n- 3600 0\n-100 7200 1\n1729990800 3600 0");
}

BOOST_AUTO_TEST_CASE(markers_of_the_big_bang_are_no_changes) {
    const auto zone =
        parse_tzif("Z", tzif_file({{-(std::int64_t{1} << 59), 1}, {1729990800, 0}}, berlin_types, "CET-1"));
    BOOST_REQUIRE(zone.has_value());
    BOOST_TEST(zone->text() == "Z\n- 7200 1\n1729990800 3600 0");
}

BOOST_AUTO_TEST_CASE(rules_name_days_in_three_ways) {
    BOOST_TEST(offsets_of("CET-1CEST,M3.5.0,M10.5.0/3", {"2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z"}) ==
               "3600 7200");
    // J60 is 1 March in every year, 60 (from 0) is 29 February or 1 March.
    BOOST_TEST(offsets_of("AAA0BBB,J60/0,J61/0",
                          {"2023-03-01T00:00:00Z", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"}) == "3600 0 3600");
    BOOST_TEST(offsets_of("AAA0BBB,59/0,60/0",
                          {"2023-03-01T00:00:00Z", "2024-02-29T12:00:00Z", "2024-03-01T00:00:00Z"}) == "3600 3600 0");
}

BOOST_AUTO_TEST_CASE(the_fifth_week_is_the_last) {
    // The Wednesdays of April 2024 are the 3rd to the 24th, its Tuesdays the 2nd to the 30th.
    BOOST_TEST(offsets_of("AAA0BBB,M4.5.3/0,M9.1.0", {"2024-04-23T23:59:59Z", "2024-04-24T00:00:00Z"}) == "0 3600");
    BOOST_TEST(offsets_of("AAA0BBB,M4.5.2/0,M9.1.0", {"2024-04-29T23:59:59Z", "2024-04-30T00:00:00Z"}) == "0 3600");
    BOOST_TEST(offsets_of("AAA0BBB,M2.5.4/0,M9.1.0", {"2023-02-22T23:59:59Z", "2023-02-23T00:00:00Z"}) == "0 3600");
}

BOOST_AUTO_TEST_CASE(rules_south_of_the_equator_begin_the_year_in_dst) {
    BOOST_TEST(offsets_of("NZST-12NZDT,M9.5.0,M4.1.0/3", {"2024-01-01T00:00:00Z", "2024-04-06T13:59:59Z",
                                                          "2024-04-06T14:00:00Z", "2024-09-28T14:00:00Z"}) ==
               "46800 46800 43200 46800");
}

BOOST_AUTO_TEST_CASE(rules_may_change_by_half_hours_and_at_odd_times) {
    BOOST_TEST(offsets_of("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", {"2024-04-06T14:59:59Z", "2024-04-06T15:00:00Z"}) ==
               "39600 37800");
    // Greenland: 22:00 on the Saturday before; Gaza: 50 hours after the fourth Thursday of March begins.
    BOOST_TEST(offsets_of("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", {"2024-03-31T00:59:59Z", "2024-03-31T01:00:00Z"}) ==
               "-7200 -3600");
    BOOST_TEST(offsets_of("EET-2EEST,M3.4.4/50,M10.4.4/50", {"2026-03-27T23:59:59Z", "2026-03-28T00:00:00Z"}) ==
               "7200 10800");
}

BOOST_AUTO_TEST_CASE(daylight_saving_time_may_last_all_year) {
    BOOST_TEST(offsets_of("EST5EDT,0/0,J365/25", {"2001-01-01T04:59:59Z", "2024-06-01T00:00:00Z",
                                                  "2025-01-01T04:30:00Z", "2025-01-01T05:30:00Z"}) ==
               "-14400 -14400 -14400 -14400");
}

BOOST_AUTO_TEST_CASE(rules_that_are_not_understood_are_refused) {
    for (const char* rule :
         {"", "A0", "CET", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
          "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,366,5",
          "CET-1CEST,M3.5.0/168,M10.5.0", "CET-25", "CET-1CEST,M3.5.0,M10.5.0x", "<CET-1", "CET-1:60",
          "CET-1CEST,M3.5.0/2:00:60,M10.5.0", "<C!T>1"}) {
        const auto segments = expand_posix_tz(rule, 2000, 2001);
        BOOST_TEST(!segments.has_value(), rule);
    }
}

BOOST_AUTO_TEST_CASE(every_truncation_of_a_file_is_refused) {
    const std::string file = tzif_file(berlin_2024, berlin_types, berlin_rule);
    for (std::size_t size = 0; size < file.size(); ++size) {
        const auto zone = parse_tzif("Z", std::string_view(file).substr(0, size));
        BOOST_TEST(!zone.has_value(), "cut at " << size);
        if (!zone) BOOST_TEST((zone.error().code == errc::config_zone));
    }
}

BOOST_AUTO_TEST_CASE(files_that_contradict_themselves_are_refused) {
    const std::vector<std::string> files = {
        tzif_file({{1711846800, 2}}, berlin_types, berlin_rule),
        tzif_file({{1729990800, 0}, {1711846800, 1}}, berlin_types, berlin_rule),
        tzif_file(berlin_2024, {}, berlin_rule),
        tzif_file(berlin_2024, {{3600, false}, {400000, true}}, berlin_rule),
        tzif_file(berlin_2024, berlin_types, "nonsense"),
        tzif_block('9', 4, {}, {{0, false}}),
        tzif_block('\0', 4, {}, {{0, false}}, 3),
        std::string("TZit") + std::string(60, '\0'),
    };
    for (std::size_t i = 0; i < files.size(); ++i) BOOST_TEST(!parse_tzif("Z", files[i]).has_value(), "file " << i);
}

BOOST_AUTO_TEST_SUITE_END()
