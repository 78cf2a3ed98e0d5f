// What other implementations answer: croner and cron-parser where they agree, both where they do not, Go's robfig/cron and
// gorhill/cronexpr. The zones come from the vectors too, so the time-zone data of the machine does not matter.
#include "aivp/schedule/cron.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "aivp/schedule/civil.hpp"
#include "tests/schedule/vectors.hpp"

using namespace aivp;
using aivp::test::at;
using nlohmann::json;

namespace {

std::vector<instant> next_times(const cron_spec& spec, const zone_rules& zone, instant after, std::size_t count) {
    std::vector<instant> out;
    instant t = after;
    while (out.size() < count) {
        const auto next = next_after(spec, zone, t, after);
        if (!next) break;
        out.push_back(*next);
        t = *next;
    }
    return out;
}

std::vector<instant> instants_of(const json& texts) {
    std::vector<instant> out;
    for (const json& text : texts) out.push_back(at(text.get<std::string>()));
    return out;
}

std::size_t count_misses(const std::vector<json>& rows, const test::zone_table& zones, const cron_options& options,
                         std::size_t shown_max) {
    std::size_t misses = 0;
    for (const json& row : rows) {
        const auto spec = parse_cron_fields(row["expr"].get<std::string>(), options);
        const auto zone = zones.find(row["tz"].get<std::string>());
        BOOST_REQUIRE_MESSAGE(zone != zones.end(), row["tz"]);
        const auto want = instants_of(row["next"]);
        if (spec && next_times(*spec, zone->second, at(row["after"].get<std::string>()), want.size()) == want) continue;
        if (++misses <= shown_max) BOOST_TEST_MESSAGE("miss: " << row.dump());
    }
    return misses;
}

std::vector<json> read_agreed() {
    std::vector<json> rows;
    if (const auto text = test::read_vectors("cron/npm-agree.jsonl.gz"))
        for (const std::string& line : test::lines_of(*text)) rows.push_back(json::parse(line));
    return rows;
}

std::string first_times(const std::vector<instant>& times) {
    std::string out;
    for (std::size_t i = 0; i < times.size() && i < 2; ++i)
        out += (i == 0 ? "" : ", ") + to_string(times[i]).substr(0, 16) + "Z";
    return out;
}

/// The rows of the table in docs/schedule.md.
std::string disagreement_table(const json& cases, const test::zone_table& zones) {
    std::string out;
    std::map<std::string, std::size_t> counts;
    for (const json& row : cases) {
        const auto spec = parse_cron_fields(row["expr"].get<std::string>());
        BOOST_REQUIRE_MESSAGE(spec.has_value(), row["expr"]);
        const zone_rules& zone = zones.find(row["tz"].get<std::string>())->second;
        const auto ours = next_times(*spec, zone, at(row["after"].get<std::string>()), row["croner"].size());
        const bool croner = ours == instants_of(row["croner"]);
        const bool cron_parser = ours == instants_of(row["cron_parser"]);
        const std::string equals = croner ? "croner" : cron_parser ? "cron-parser" : "neither";
        ++counts[equals];
        out += "| `" + row["expr"].get<std::string>() + "` | " + zone.name() + " | " + row["after"].get<std::string>() +
               " | " + first_times(ours) + " | " + equals + " |\n";
    }
    std::cout << "cron vectors: npm-disagree " << cases.size() << " rows: " << counts["croner"] << " as croner, "
              << counts["cron-parser"] << " as cron-parser, " << counts["neither"] << " as neither\n";
    return out;
}

/// "Mon Jul 9 15:00 2012" or "... 15:00:05 2012", in UTC.
std::optional<instant> parse_go_time(const std::string& text) {
    std::istringstream in(text);
    std::string weekday, month, clock;
    std::int32_t day = 0;
    std::int32_t year = 0;
    if (!(in >> weekday >> month >> day >> clock >> year)) return std::nullopt;
    constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const auto month_number = static_cast<std::int32_t>(names.find(month) / 3 + 1);
    std::int64_t s = days_from_civil({year, month_number, day}) * seconds_per_day + std::stoi(clock) * 3600 +
                     std::stoi(clock.substr(3)) * 60;
    if (clock.size() > 5) s += std::stoi(clock.substr(6));
    return instant{s * 1'000'000};
}

struct robfig_time {
    instant t;
    zone_rules zone; ///< in which the time was written
};

/// Also "2012-11-04T00:00:00-0400", with "TZ=America/New_York " before it or not.
robfig_time parse_robfig_time(std::string text, const test::zone_table& zones) {
    if (const auto plain = parse_go_time(text)) return {*plain, {}};
    std::optional<zone_rules> zone;
    if (text.starts_with("TZ=")) {
        const std::size_t blank = text.find(' ');
        zone = zones.at(text.substr(3, blank - 3));
        text.erase(0, blank + 1);
    }
    const std::string offset = text.substr(text.size() - 5);
    const std::int32_t offset_s =
        (offset[0] == '-' ? -1 : 1) * (std::stoi(offset.substr(1, 2)) * 3600 + std::stoi(offset.substr(3, 2)) * 60);
    text.insert(text.size() - 2, ":");
    if (!zone) zone = *zone_rules::make("offset", {{zone_rules::far_past_s, offset_s, false}});
    return {at(text), *zone};
}

std::optional<instant> robfig_next(const std::string& spec_text, const robfig_time& from,
                                   const test::zone_table& zones) {
    const auto parsed = parse_cron(spec_text, {dst_policy::robfig(), day_rule::either});
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), spec_text);
    const zone_rules zone = parsed->zone.empty() ? from.zone : zones.at(parsed->zone);
    return next_after(std::get<cron_spec>(parsed->when), zone, from.t);
}

} // namespace

BOOST_AUTO_TEST_SUITE(cron_vectors)

BOOST_AUTO_TEST_CASE(the_default_policy_answers_what_croner_and_cron_parser_agree_on) {
    const auto zones = test::read_zdump_zones();
    const std::vector<json> rows = read_agreed();
    if (!zones || rows.empty()) return;
    const std::size_t misses = count_misses(rows, *zones, {}, 20);
    std::cout << "cron vectors: npm-agree " << rows.size() << " rows, " << misses << " misses\n";
    BOOST_TEST(rows.size() > 1700u);
    BOOST_TEST(misses == 0u);
}

BOOST_AUTO_TEST_CASE(no_other_policy_answers_all_of_it) {
    const auto zones = test::read_zdump_zones();
    const std::vector<json> rows = read_agreed();
    if (!zones || rows.empty()) return;
    for (const gap_rule gap : {gap_rule::skip, gap_rule::shift, gap_rule::after})
        for (const fold_rule fold : {fold_rule::first, fold_rule::last, fold_rule::both})
            for (const steady_rule steady : {steady_rule::hourly, steady_rule::none}) {
                const cron_options options{{gap, fold, steady}, day_rule::either};
                const std::size_t misses = count_misses(rows, *zones, options, 0);
                std::cout << "cron vectors: npm-agree with " << to_string(options.dst) << ": " << misses << " misses\n";
                // The agreed rows hold no hourly job in a fold: there the two libraries differ.
                if (options.dst != dst_policy{} && steady == steady_rule::hourly)
                    BOOST_TEST(misses > 0u, to_string(options.dst));
            }
    BOOST_TEST(count_misses(rows, *zones, {{}, day_rule::both}, 0) > 0u);
}

BOOST_AUTO_TEST_CASE(the_table_in_the_documentation_is_what_we_answer_where_they_disagree) {
    const auto zones = test::read_zdump_zones();
    const auto text = test::read_vectors("cron/npm-disagree.json");
    if (!zones || !text) return;
    const std::string table = disagreement_table(json::parse(*text), *zones);
    const std::string path = AIVP_SOURCE_DIR "/docs/schedule.md";
    std::ifstream in(path);
    const std::string page((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    const std::string begin_mark = "<!-- disagreements: begin -->\n";
    const std::size_t begin = page.find(begin_mark);
    const std::size_t end = page.find("<!-- disagreements: end -->");
    BOOST_REQUIRE(begin != std::string::npos);
    BOOST_REQUIRE(end != std::string::npos);
    const std::string head =
        begin_mark + "| expression | zone | after | ours: first two | equals |\n|---|---|---|---|---|\n";
    const std::string expected = page.substr(0, begin) + head + table + page.substr(end);
    if (const char* update = std::getenv("AIVP_SNAP_UPDATE"); update != nullptr && *update == '1')
        std::ofstream(path) << expected;
    else
        BOOST_TEST(page == expected, "docs/schedule.md is stale: run this test with AIVP_SNAP_UPDATE=1");
}

BOOST_AUTO_TEST_CASE(the_robfig_policy_answers_as_robfig_cron_does) {
    const auto zones = test::read_zdump_zones();
    const auto text = test::read_vectors("cron/robfig-cron-3.0.1.json");
    if (!zones || !text) return;
    const json vectors = json::parse(*text);
    std::size_t misses = 0;
    for (const json& row : vectors["activation"]) {
        const robfig_time time = parse_robfig_time(row["time"], *zones);
        const auto next = robfig_next(row["spec"], {time.t - seconds(1), time.zone}, *zones);
        const bool hit = (next == time.t) == row["expected"].get<bool>();
        misses += hit ? 0 : 1;
        BOOST_TEST(hit, row.dump());
    }
    for (const json& row : vectors["next"]) {
        const auto next = robfig_next(row["spec"], parse_robfig_time(row["time"], *zones), *zones);
        std::optional<instant> expected;
        if (!row["expected_next"].is_null()) expected = parse_robfig_time(row["expected_next"], *zones).t;
        misses += next == expected ? 0 : 1;
        BOOST_TEST((next == expected), row.dump());
    }
    for (const json& spec : vectors["invalid"]) {
        const bool refused = !parse_cron(spec.get<std::string>()).has_value();
        misses += refused ? 0 : 1;
        BOOST_TEST(refused, spec.dump());
    }
    std::cout << "cron vectors: robfig activation " << vectors["activation"].size() << ", next "
              << vectors["next"].size() << ", invalid " << vectors["invalid"].size() << ": " << misses << " misses\n";
}

BOOST_AUTO_TEST_CASE(the_default_policy_answers_as_cronexpr_does) {
    const auto text = test::read_vectors("cron/cronexpr.json");
    if (!text) return;
    std::size_t pairs = 0;
    std::size_t misses = 0;
    const auto parse_time = [](std::string time) {
        // "Fri 2013-01-04 00:00" or "2013-01-01 00:00:05"
        if (time.find(' ') == 3) time.erase(0, 4);
        time[10] = 'T';
        return at(time.size() == 16 ? time + ":00Z" : time + "Z");
    };
    for (const json& group : json::parse(*text)) {
        const auto spec = parse_cron_fields(group["expr"].get<std::string>());
        BOOST_REQUIRE_MESSAGE(spec.has_value(), group["expr"]);
        for (const json& pair : group["times"]) {
            ++pairs;
            const bool hit = next_after(*spec, {}, parse_time(pair["frm"])) == parse_time(pair["next"]);
            misses += hit ? 0 : 1;
            BOOST_TEST(hit, group["expr"] << " " << pair.dump());
        }
    }
    std::cout << "cron vectors: cronexpr " << pairs << " pairs, " << misses << " misses\n";
    BOOST_TEST(pairs > 40u);
}

BOOST_AUTO_TEST_SUITE_END()
