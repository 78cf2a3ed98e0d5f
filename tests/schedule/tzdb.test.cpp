#include "runtime/os/tzdb.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <iostream>

#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;

namespace {

constexpr std::string_view reference_version = "2025b";
// Releases of tzdata that were compared with the reference by hand; their differences are listed below.
constexpr std::string_view compared_versions[] = {"2025b", "2025c", "2026f"};

struct known_difference {
    std::string_view zone;
    std::string_view from;
    std::string_view why;
};

// tzdata corrects the past rarely and the future often.
constexpr known_difference known_differences[] = {
    {"Africa/Casablanca", "2026-09-20T01:00:00Z",
     "Morocco stays on UTC from 20 September 2026 (known to tzdata 2026f)"},
};

/// The changes from 1970 to 2037, one a line, at most up to `end_s`.
std::vector<std::string> changes_until(const zone_rules& zone, std::int64_t end_s) {
    std::vector<std::string> out;
    const std::int64_t last_s = std::min(end_s, at("2038-01-01T00:00:00Z").us / 1'000'000);
    for (const zone_segment& s : zone.segments())
        if (s.begin_s >= 0 && s.begin_s < last_s)
            out.push_back(to_string(instant{s.begin_s * 1'000'000}) + " " + std::to_string(s.offset_s) +
                          (s.is_dst ? " dst" : ""));
    return out;
}

bool skip_without_database(const tz_database& database) {
    if (!database.names().empty()) return false;
    std::cout << "SKIPPED: " << boost::unit_test::framework::current_test_case().p_name
              << ": no time-zone data on this machine\n";
    BOOST_TEST_MESSAGE("SKIPPED: no time-zone data");
    return true;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tzdb)

BOOST_AUTO_TEST_CASE(all_changes_of_fourteen_zones_from_1970_to_2037_are_those_of_zdump) {
    const auto reference = test::read_zdump_zones();
    const tz_database database;
    if (!reference || skip_without_database(database)) return;
    BOOST_TEST(reference->size() == 14u);
    const std::string version = database.version();
    const bool compared = std::ranges::find(compared_versions, version) != std::end(compared_versions);
    std::size_t changes = 0;
    for (const auto& [name, expected] : *reference) {
        const auto zone = database.load(name);
        BOOST_REQUIRE_MESSAGE(zone.has_value(), test::why(zone));
        std::int64_t end_s = zone_rules::far_future_s;
        if (version != reference_version)
            for (const known_difference& d : known_differences)
                if (d.zone == name) {
                    end_s = at(d.from).us / 1'000'000;
                    std::cout << "tzdb: " << name << " compared only until " << d.from << ": " << d.why << "\n";
                }
        const auto got = changes_until(*zone, end_s);
        const auto want = changes_until(expected, end_s);
        changes += want.size();
        if (got != want && !compared) {
            std::cout << "SKIPPED: " << name << " differs in tzdata " << version << ", which was never compared with "
                      << reference_version << "\n";
            continue;
        }
        BOOST_TEST(got == want, boost::test_tools::per_element());
    }
    std::cout << "tzdb: " << changes << " changes of " << reference->size() << " zones equal zdump (tzdata here "
              << version << ", reference " << reference_version << ")\n";
    BOOST_TEST(changes > 950u);
}

BOOST_AUTO_TEST_CASE(daylight_saving_time_goes_on_after_2037) {
    const tz_database database;
    if (skip_without_database(database)) return;
    const auto zone = database.load("America/New_York");
    BOOST_REQUIRE(zone.has_value());
    for (const char* summer :
         {"2037-07-01T00:00:00Z", "2038-07-01T00:00:00Z", "2100-07-01T00:00:00Z", "2199-07-01T00:00:00Z"})
        BOOST_TEST(zone->offset_at(at(summer)) == -14400, summer);
    BOOST_TEST(zone->offset_at(at("2199-12-31T00:00:00Z")) == -18000);
}

BOOST_AUTO_TEST_CASE(every_zone_of_the_machine_loads_and_can_be_stored) {
    const tz_database database;
    if (skip_without_database(database)) return;
    std::size_t zones = 0;
    for (const std::string& name : database.names()) {
        const auto zone = database.load(name);
        BOOST_TEST(zone.has_value(), name << ": " << test::why(zone));
        if (!zone) continue;
        ++zones;
        const auto again = zone_rules::parse(zone->text());
        BOOST_TEST((again.has_value() && *again == *zone), name);
    }
    BOOST_TEST(zones > 300u);
}

BOOST_AUTO_TEST_CASE(utc_needs_no_database) {
    const tz_database database("/nonexistent");
    const auto zone = database.load("UTC");
    BOOST_REQUIRE(zone.has_value());
    BOOST_TEST((*zone == zone_rules::utc()));
    BOOST_TEST(database.version() == "");
    BOOST_TEST(database.names().empty());
    const auto berlin = database.load("Europe/Berlin");
    BOOST_REQUIRE(!berlin.has_value());
    BOOST_TEST((berlin.error().code == errc::config_zone));
    BOOST_TEST(berlin.error().help.find("tzdata") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(unknown_names_are_answered_with_the_nearest) {
    const tz_database database;
    if (skip_without_database(database)) return;
    const std::pair<const char*, const char*> cases[] = {
        {"Europe/Berlim", "Europe/Berlin"}, {"europe/berlin", "Europe/Berlin"}, {"Berlin", "Europe/Berlin"},
        {"America/New York", ""},           {"New_York", "America/New_York"},   {"Asia/Calcuta", "Asia/Calcutta"}};
    for (const auto& [wrong, near] : cases) {
        const auto zone = database.load(wrong);
        BOOST_REQUIRE_MESSAGE(!zone.has_value(), wrong);
        BOOST_TEST((zone.error().code == errc::config_zone));
        BOOST_TEST(zone.error().help.find(near) != std::string::npos, wrong << " -> " << zone.error().help);
    }
}

BOOST_AUTO_TEST_CASE(names_cannot_leave_the_folder) {
    const tz_database database;
    for (const char* name :
         {"", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC", "right/UTC", "posix/UTC", "Europe", "Europe/",
          "tzdata.zi", "zone.tab", "localtime", "Europe/Berlin\n", "X\x01", "Europe//Berlin/"}) {
        const auto zone = database.load(name);
        BOOST_TEST(!zone.has_value(), name);
        if (!zone) BOOST_TEST((zone.error().code == errc::config_zone));
    }
}

BOOST_AUTO_TEST_SUITE_END()
