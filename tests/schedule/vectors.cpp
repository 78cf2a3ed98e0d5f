#include "tests/schedule/vectors.hpp"

#include <zlib.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>

#include "aivp/schedule/civil.hpp"

namespace aivp::test {
namespace {

std::string vectors_folder() {
    const char* folder = std::getenv("AIVP_DATA");
    return (folder != nullptr && *folder != '\0' ? std::string(folder)
                                                 : std::string(AIVP_SOURCE_DIR "/../shared/data")) +
           "/vectors/";
}

std::int32_t month_number(std::string_view name) {
    constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
    return static_cast<std::int32_t>(names.find(name)) / 3 + 1;
}

/// "Zone Sun Apr 26 07:00:00 1970 UT = Sun Apr 26 03:00:00 1970 EDT isdst=1 gmtoff=-14400"
struct zdump_line {
    std::string zone;
    std::int64_t at_s = 0;
    zone_segment segment;
};

std::optional<zdump_line> parse_zdump_line(const std::string& line) {
    std::istringstream in(line);
    zdump_line out;
    std::string weekday, month, clock, ut, equals, local[5], abbreviation, dst, offset;
    std::int32_t day = 0;
    std::int32_t year = 0;
    if (!(in >> out.zone >> weekday >> month >> day >> clock >> year >> ut >> equals)) return std::nullopt;
    for (std::string& part : local) in >> part;
    if (!(in >> abbreviation >> dst >> offset)) return std::nullopt;
    out.at_s = days_from_civil({year, month_number(month), day}) * seconds_per_day +
               std::stoi(clock.substr(0, 2)) * 3600 + std::stoi(clock.substr(3, 2)) * 60 +
               std::stoi(clock.substr(6, 2));
    out.segment = {out.at_s, std::stoi(offset.substr(offset.find('=') + 1)), dst == "isdst=1"};
    return out;
}

} // namespace

std::optional<std::string> read_vectors(std::string_view path) {
    // zlib reads files that are not compressed as they are.
    const std::string whole = vectors_folder() + std::string(path);
    gzFile file = std::filesystem::exists(whole) ? gzopen(whole.c_str(), "rb") : nullptr;
    if (file == nullptr) {
        std::cout << "SKIPPED: " << boost::unit_test::framework::current_test_case().p_name << ": no " << path
                  << " in AIVP_DATA\n";
        BOOST_TEST_MESSAGE("SKIPPED: no " << path);
        return std::nullopt;
    }
    std::string out;
    std::array<char, 1 << 16> buffer;
    for (int count = 0; (count = gzread(file, buffer.data(), buffer.size())) > 0;)
        out.append(buffer.data(), static_cast<std::size_t>(count));
    gzclose(file);
    return out;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::optional<zone_table> read_zdump_zones() {
    const std::optional<std::string> text = read_vectors("tz/zdump.2025b.txt");
    if (!text) return std::nullopt;
    std::map<std::string, std::vector<zone_segment>> found;
    // zdump tells no offset of a zone that never changed.
    for (const auto& [name, offset_s] : {std::pair{"UTC", 0}, {"Asia/Tokyo", 32'400}, {"Asia/Kolkata", 19'800}})
        if (text->find(std::string(name) + " ") != std::string::npos)
            found[name] = {{zone_rules::far_past_s, offset_s, false}};
    for (const std::string& line : lines_of(*text)) {
        const std::optional<zdump_line> parsed = parse_zdump_line(line);
        if (!parsed) continue;
        std::vector<zone_segment>& segments = found[parsed->zone];
        zone_segment segment = parsed->segment;
        // Lines come in pairs: the last second before a change, the first after it.
        if (segments.empty())
            segment.begin_s = zone_rules::far_past_s;
        else if (segments.back().offset_s == segment.offset_s && segments.back().is_dst == segment.is_dst)
            continue;
        segments.push_back(segment);
    }
    zone_table zones;
    for (auto& [name, segments] : found) {
        const result<zone_rules> zone = zone_rules::make(name, segments);
        BOOST_REQUIRE(zone.has_value());
        zones.emplace(name, *zone);
    }
    return zones;
}

instant at(std::string_view text) {
    const result<instant> parsed = parse_instant(text);
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

} // namespace aivp::test
