#include "aivp/base/time.hpp"

#include <limits>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
} // namespace

static_assert((instant{10} + microseconds(5)).us == 15);
static_assert((instant::max() + seconds(1)) == instant::max(), "a deadline beyond the end of time is the end of time");
static_assert((instant{smallest} - seconds(1)).us == smallest);
static_assert((duration{largest} + duration{1}).us == largest);
static_assert((duration{smallest} + duration{-1}).us == smallest);
static_assert((instant{largest} - instant{-1}).us == largest);
static_assert(days(1) == hours(24) && hours(1) == minutes(60) && minutes(1) == seconds(60) &&
              seconds(1) == milliseconds(1000));

BOOST_AUTO_TEST_SUITE(times)

BOOST_AUTO_TEST_CASE(instants_print_the_precision_that_they_need) {
    const std::pair<std::int64_t, const char*> cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {250'000, "1970-01-01T00:00:00.250Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1'772'355'600'000'000, "2026-03-01T09:00:00Z"},
        {951'782'400'000'000, "2000-02-29T00:00:00Z"},
        {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
        {253'402'300'800'000'000, "+010000-01-01T00:00:00Z"},
        {-62'167'219'200'000'000, "0000-01-01T00:00:00Z"},
        {-62'167'219'200'000'001, "-000001-12-31T23:59:59.999999Z"},
        {largest, "+294247-01-10T04:00:54.775807Z"},
        {smallest, "-290308-12-21T19:59:05.224192Z"},
    };
    for (const auto& [us, text] : cases) BOOST_TEST(to_string(instant{us}) == text);
}

BOOST_AUTO_TEST_CASE(instants_are_read_with_zone_and_fraction) {
    const std::pair<const char*, std::int64_t> cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1970-01-01T01:00:00+01:00", 0},
        {"1969-12-31T18:30:00-05:30", 0},
        {"1970-01-01T00:00:00.5Z", 500'000},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"2026-03-01T09:00:00Z", 1'772'355'600'000'000},
        {"2024-02-29T23:59:59.999999+23:59", 1'709'164'859'999'999},
        {"9999-12-31T23:59:59Z", 253'402'300'799'000'000},
        {"0000-01-01T00:00:00Z", -62'167'219'200'000'000},
    };
    for (const auto& [text, us] : cases) {
        BOOST_TEST_CONTEXT(text) {
            const auto parsed = parse_instant(text);
            BOOST_TEST_REQUIRE(parsed.has_value());
            BOOST_TEST(parsed->us == us);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_instant_is_refused_with_the_reason) {
    const std::pair<const char*, errc> cases[] = {
        {"", errc::time_syntax},
        {"2026", errc::time_syntax},
        {"2026-03-01", errc::time_syntax},
        {"2026-3-1T09:00:00Z", errc::time_syntax},
        {"2026-03-01T09:00:00", errc::time_syntax},
        {"2026-03-01 09:00:00Z", errc::time_syntax},
        {"2026-03-01T09:00Z", errc::time_syntax},
        {"2026-03-01T09:00:00.Z", errc::time_syntax},
        {"2026-03-01T09:00:00.0000001Z", errc::time_syntax},
        {"2026-03-01T09:00:00+0100", errc::time_syntax},
        {"2026-03-01T09:00:00+01:0", errc::time_syntax},
        {"2026-03-01T09:00:00+01-00", errc::time_syntax},
        {"2026-03-01T09:00:00Zulu", errc::time_syntax},
        {"2026-03-01T09:00:00 Z", errc::time_syntax},
        {"+010000-01-01T00:00:00Z", errc::time_syntax},
        {"2026-02-29T09:00:00Z", errc::time_range},
        {"2026-13-01T09:00:00Z", errc::time_range},
        {"2026-00-01T09:00:00Z", errc::time_range},
        {"2026-04-31T09:00:00Z", errc::time_range},
        {"2026-03-01T24:00:00Z", errc::time_range},
        {"2026-03-01T23:60:00Z", errc::time_range},
        {"2026-03-01T23:59:61Z", errc::time_range},
        {"2016-12-31T23:59:60Z", errc::time_range},
        {"2026-03-01T09:00:00+24:00", errc::time_range},
        {"2026-03-01T09:00:00+01:60", errc::time_range},
    };
    for (const auto& [text, code] : cases) {
        BOOST_TEST_CONTEXT(text) {
            const auto parsed = parse_instant(text);
            BOOST_TEST_REQUIRE(!parsed.has_value());
            BOOST_TEST((parsed.error().code == code));
            BOOST_TEST(parsed.error().message.find("\"" + std::string(text) + "\"") != std::string::npos);
        }
    }
    BOOST_TEST(parse_instant("2016-12-31T23:59:60Z").error().message.find("leap second") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(durations_print_compactly) {
    const std::pair<duration, const char*> cases[] = {
        {{}, "0s"},
        {hours(1) + minutes(30), "1h30m"},
        {milliseconds(250), "250ms"},
        {seconds(2), "2s"},
        {microseconds(15), "15us"},
        {days(2) + microseconds(1), "2d1us"},
        {duration{-1'500'000}, "-1s500ms"},
        {duration{largest}, "106751991d4h54s775ms807us"},
        {duration{smallest}, "-106751991d4h54s775ms808us"},
    };
    for (const auto& [d, text] : cases) BOOST_TEST(to_string(d) == text);
}

BOOST_AUTO_TEST_CASE(durations_are_read) {
    const std::pair<const char*, duration> cases[] = {
        {"0s", {}},
        {"1h30m", minutes(90)},
        {"250ms", milliseconds(250)},
        {"90m", minutes(90)},
        {"1d", hours(24)},
        {"15us", microseconds(15)},
        {"-2s", duration{-2'000'000}},
        {"1s1ms1us", microseconds(1'001'001)},
        {"106751991d4h54s775ms807us", duration{largest}},
        {"-106751991d4h54s775ms808us", duration{smallest}},
        {"9223372036854775807us", duration{largest}},
        {"00005s", seconds(5)},
    };
    for (const auto& [text, d] : cases) {
        BOOST_TEST_CONTEXT(text) {
            const auto parsed = parse_duration(text);
            BOOST_TEST_REQUIRE(parsed.has_value());
            BOOST_TEST(parsed->us == d.us);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_duration_is_refused_with_the_reason) {
    const std::pair<const char*, errc> cases[] = {
        {"", errc::time_syntax},
        {"-", errc::time_syntax},
        {"5", errc::time_syntax},
        {"s", errc::time_syntax},
        {"1.5s", errc::time_syntax},
        {"1 s", errc::time_syntax},
        {"1s1m", errc::time_syntax},
        {"1s1s", errc::time_syntax},
        {"1w", errc::time_syntax},
        {"+1s", errc::time_syntax},
        {"1S", errc::time_syntax},
        {"1h30", errc::time_syntax},
        {"--1s", errc::time_syntax},
        {"1ms1s", errc::time_syntax},
        {"9223372036854775808us", errc::time_range},
        {"106751992d", errc::time_range},
        {"99999999999999999999s", errc::time_range},
        {"106751991d5h", errc::time_range},
        {"-106751991d4h54s775ms809us", errc::time_range},
    };
    for (const auto& [text, code] : cases) {
        BOOST_TEST_CONTEXT(text) {
            const auto parsed = parse_duration(text);
            BOOST_TEST_REQUIRE(!parsed.has_value());
            BOOST_TEST((parsed.error().code == code));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
