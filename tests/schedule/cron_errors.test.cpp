#include "aivp/schedule/cron.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(cron_errors)

BOOST_AUTO_TEST_CASE(every_broken_expression_names_its_code_and_its_column) {
    struct broken {
        std::string text;
        errc code;
        std::uint32_t column;
    };
    const broken cases[] = {
        {"", errc::cron_syntax, 1},
        {"   ", errc::cron_syntax, 4},
        {"xyz", errc::cron_syntax, 4},
        {"* * * *", errc::cron_syntax, 8},
        {"* * * * * * * *", errc::cron_syntax, 15},
        {"60 0 * * *", errc::cron_range, 1},
        {"0 60 * * *", errc::cron_range, 3},
        {"0 24 * * *", errc::cron_range, 3},
        {"0 0 0 * *", errc::cron_range, 5},
        {"0 0 32 * *", errc::cron_range, 5},
        {"0 0 * 0 *", errc::cron_range, 7},
        {"0 0 * 13 *", errc::cron_range, 7},
        {"0 0 * * 8", errc::cron_range, 9},
        {"0 0 * * XYZ", errc::cron_syntax, 9},
        {"0 0 * FOO *", errc::cron_syntax, 7},
        {"0 0 * * MONX", errc::cron_syntax, 9},
        {"MON 0 * * *", errc::cron_syntax, 1},
        {"5- * * * *", errc::cron_syntax, 3},
        {"-5 * * * *", errc::cron_syntax, 1},
        {"5-1 * * * *", errc::cron_range, 1},
        {"0 22-5 * * *", errc::cron_range, 3},
        {"0 0 * 11-2 *", errc::cron_range, 7},
        {"1-2-3 * * * *", errc::cron_syntax, 4},
        {"*/0 * * * *", errc::cron_range, 3},
        {"*/61 * * * *", errc::cron_range, 3},
        {"0 */25 * * *", errc::cron_range, 5},
        {"0 0 * * */8", errc::cron_range, 11},
        {"*/ * * * *", errc::cron_syntax, 3},
        {"/5 * * * *", errc::cron_syntax, 1},
        {"*/5/5 * * * *", errc::cron_syntax, 4},
        {"*/x * * * *", errc::cron_syntax, 3},
        {"1,,2 * * * *", errc::cron_syntax, 3},
        {",1 * * * *", errc::cron_syntax, 1},
        {"1, * * * *", errc::cron_syntax, 3},
        {"0 ? * * *", errc::cron_syntax, 3},
        {"0 0 ?,5 * *", errc::cron_syntax, 5},
        {"0 0 ?/2 * *", errc::cron_syntax, 5},
        {"*5 * * * *", errc::cron_syntax, 1},
        {"1.5 * * * *", errc::cron_syntax, 2},
        {"0 0 LX * *", errc::cron_syntax, 5},
        {"0 0 W * *", errc::cron_syntax, 5},
        {"0 0 32W * *", errc::cron_range, 5},
        {"0 0 xW * *", errc::cron_syntax, 5},
        {"0 0 L-0 * *", errc::cron_range, 7},
        {"0 0 L-31 * *", errc::cron_range, 7},
        {"0 0 L-x * *", errc::cron_syntax, 7},
        {"0 0 * * L", errc::cron_syntax, 9},
        {"0 0 * * 8L", errc::cron_range, 9},
        {"0 0 * * 5#6", errc::cron_range, 11},
        {"0 0 * * 5#0", errc::cron_range, 11},
        {"0 0 * * 5#", errc::cron_syntax, 11},
        {"0 0 * * #1", errc::cron_syntax, 9},
        {"0 0 * * 1-2L", errc::cron_syntax, 12},
        {"0 0 0 1 1 * 1969", errc::cron_range, 13},
        {"0 0 0 1 1 * 2200", errc::cron_range, 13},
        {"99999999999999999999 * * * *", errc::cron_range, 1},
        {"@never", errc::cron_syntax, 1},
        {"@reboot", errc::cron_syntax, 1},
        {"@daily 5", errc::cron_syntax, 8},
        {"@every", errc::cron_syntax, 7},
        {"@every x", errc::cron_syntax, 8},
        {"@every 10m 5s", errc::cron_syntax, 12},
        {"@every 0s", errc::cron_range, 8},
        {"@every 999ms", errc::cron_range, 8},
        {"@every -5m", errc::cron_range, 8},
        {"TZ= 0 0 * * *", errc::cron_syntax, 4},
        {"TZ=Euro!pe 0 0 * * *", errc::cron_syntax, 8},
        {"CRON_TZ=UTC", errc::cron_syntax, 12},
        {"TZ=UTC 61 0 * * *", errc::cron_range, 8},
        {"TZ=UTC TZ=UTC 0 0 * * *", errc::cron_syntax, 8},
        {"0\n0 * * *", errc::cron_syntax, 10},
        {"\xff\xfe * * * *", errc::cron_syntax, 1},
        {std::string("0 0 * * \0", 9), errc::cron_syntax, 9},
        {std::string(2000, '1'), errc::cron_syntax, 1025},
    };
    for (const broken& c : cases) {
        const auto parsed = parse_cron(c.text);
        BOOST_REQUIRE_MESSAGE(!parsed.has_value(), c.text << " was accepted");
        const error& e = parsed.error();
        BOOST_TEST((e.code == c.code), c.text << ": " << to_string(e));
        BOOST_TEST(e.where.line == 1u, c.text);
        BOOST_TEST(e.where.column == c.column, c.text << ": " << to_string(e));
        for (const char byte : e.message + e.help)
            BOOST_TEST((byte >= ' ' && byte < '\x7f'), c.text << ": message is not plain text");
    }
}

BOOST_AUTO_TEST_CASE(messages_say_what_would_help) {
    const std::pair<const char*, const char*> cases[] = {
        {"0 24 * * *", "0 to 23"}, {"0 22-5 * * *", "22-23,0-5"},
        {"0 0 * * L", "5L"},       {"* * * *", "minute hour day-of-month month day-of-week"},
        {"0 ? * * *", "`*`"},      {"@reboot", "@daily"},
        {"0 0 * FOO *", "JAN"},    {"@every x", "@every 10m"}};
    for (const auto& [text, part] : cases) {
        const auto parsed = parse_cron(text);
        BOOST_REQUIRE(!parsed.has_value());
        BOOST_TEST((parsed.error().message + parsed.error().help).find(part) != std::string::npos,
                   to_string(parsed.error()));
    }
}

BOOST_AUTO_TEST_SUITE_END()
