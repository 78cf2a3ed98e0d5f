#include "aivp/base/error.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/base/dies.hpp"

using namespace aivp;

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(the_table_ascends_and_names_are_unique) {
    std::set<std::string_view> names;
    std::uint16_t last = 0;
    for (const error_info& row : error_table()) {
        const auto number = static_cast<std::uint16_t>(row.code);
        if (row.code != errc::ok) BOOST_TEST(number > last);
        last = number;
        BOOST_TEST(names.insert(row.name).second, "twice: " << row.name);
    }
    BOOST_TEST(names.size() > 90u);
}

BOOST_AUTO_TEST_CASE(every_row_reads_as_the_style_asks) {
    for (const error_info& row : error_table()) {
        BOOST_TEST_CONTEXT(row.name) {
            BOOST_TEST(row.text.ends_with('.'));
            BOOST_TEST(row.help.ends_with('.'));
            const bool capital = row.text.front() >= 'A' && row.text.front() <= 'Z';
            BOOST_TEST((capital || row.text.starts_with("aivp ")));
            if (row.code != errc::ok) BOOST_TEST(row.name.find('.') != std::string_view::npos);
            BOOST_TEST(row.exit_code >= 0);
            BOOST_TEST(row.exit_code < 128);
            // What may be repeated says how.
            const bool retries = row.recovery == recovery_mode::retry_immediate ||
                                 row.recovery == recovery_mode::retry_exponential ||
                                 row.recovery == recovery_mode::retry_with_jitter;
            BOOST_TEST(row.retryable == retries);
        }
    }
}

BOOST_AUTO_TEST_CASE(every_row_is_found_by_name_and_by_number) {
    for (const error_info& row : error_table()) {
        BOOST_TEST(info(row.code).name == row.name);
        BOOST_TEST_REQUIRE(find_error(row.name) != nullptr);
        BOOST_TEST((find_error(row.name)->code == row.code));
        BOOST_TEST_REQUIRE(find_error(code_number(row.code)) != nullptr);
        BOOST_TEST(find_error(code_number(row.code))->name == row.name);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_in_the_table_is_not_found) {
    for (const std::string_view text :
         {"", "policy", "policy.no_rules", "POLICY.NO_RULE", "AV", "AV310", "AV03100", "AV9999", "av0310", "AV03x0"})
        BOOST_TEST((find_error(text) == nullptr), text);
}

BOOST_AUTO_TEST_CASE(a_number_has_four_digits) {
    BOOST_TEST(code_number(errc::policy_no_rule) == "AV0310");
    BOOST_TEST(code_number(errc::ok) == "AV0000");
    BOOST_TEST(find_error("AV0310")->name == "policy.no_rule");
}

BOOST_AUTO_TEST_CASE(a_code_outside_the_table_is_a_programmer_error) {
    BOOST_TEST(base_test::dies([] { info(static_cast<errc>(9999)); }).aborted);
}

BOOST_AUTO_TEST_CASE(positions_show_what_is_known) {
    BOOST_TEST(to_string(source_pos{"agents/x.yaml", 18, 11}) == "agents/x.yaml:18:11");
    BOOST_TEST(to_string(source_pos{"agents/x.yaml", 18, 0}) == "agents/x.yaml:18");
    BOOST_TEST(to_string(source_pos{"agents/x.yaml", 0, 0}) == "agents/x.yaml");
    BOOST_TEST(to_string(source_pos{"", 3, 4}) == "3:4");
    BOOST_TEST(to_string(source_pos{}) == "");
}

BOOST_AUTO_TEST_CASE(an_error_prints_code_message_place_and_help) {
    const error e{errc::policy_no_rule, "no rule allows mail.send", {"agents/x.yaml", 18, 11}, "", {}};
    BOOST_TEST(
        to_string(e) ==
        "error[AV0310]: no rule allows mail.send\n --> agents/x.yaml:18:11\nhelp: Grant the skill to the agent.");
    const error bare{errc::policy_no_rule, "", {}, "Ask the owner.", {}};
    BOOST_TEST(to_string(bare) == "error[AV0310]: No rule allows it.\nhelp: Ask the owner.");
}

namespace {
result<int> parse_digit(char c) {
    if (c < '0' || c > '9') return fail(errc::json_syntax, std::string("no digit: ") + c);
    return c - '0';
}
result<int> sum_of_digits(std::string_view text) {
    int sum = 0;
    for (const char c : text) {
        AIVP_TRY(const int digit, parse_digit(c));
        sum += digit;
    }
    return sum;
}
result<void> check_digits(std::string_view text) {
    for (const char c : text) AIVP_CHECK(parse_digit(c));
    return {};
}
} // namespace

BOOST_AUTO_TEST_CASE(try_and_check_hand_the_first_error_up) {
    BOOST_TEST(sum_of_digits("123").value() == 6);
    BOOST_TEST(sum_of_digits("1x3y").error().message == "no digit: x");
    BOOST_TEST(check_digits("123").has_value());
    BOOST_TEST(check_digits("12z").error().message == "no digit: z");
}

BOOST_AUTO_TEST_SUITE_END()
