#include "runtime/codec/diagnostics.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

using aivp::errc;

BOOST_AUTO_TEST_SUITE(diagnostics)

BOOST_AUTO_TEST_CASE(an_error_shows_its_line_with_a_caret_and_what_would_help) {
    aivp::source_texts texts;
    texts.add("agents/triage.yaml", "id: a\ntriger: {type: schedule}\n");
    const aivp::error e{errc::config_unknown_key,
                        "`triger` is no key of an agent",
                        {"agents/triage.yaml", 2, 1},
                        "Did you mean `trigger`?",
                        {}};
    BOOST_TEST(aivp::render(e, texts) == "error[AV0210]: `triger` is no key of an agent\n"
                                         "  --> agents/triage.yaml:2:1\n"
                                         " 2 | triger: {type: schedule}\n"
                                         "   | ^^^^^^ config.unknown_key\n"
                                         "help: Did you mean `trigger`?\n"
                                         "note: `aivp explain AV0210` says more\n");
}

BOOST_AUTO_TEST_CASE(the_caret_counts_characters_and_covers_a_quoted_text) {
    aivp::source_texts texts;
    texts.add("f", "größe: \"zwei Wörter\" # x\n");
    const aivp::error e{errc::config_type, "m", {"f", 1, 8}, "h", {}};
    BOOST_TEST(aivp::render(e, texts) == "error[AV0212]: m\n"
                                         "  --> f:1:8\n"
                                         " 1 | größe: \"zwei Wörter\" # x\n"
                                         "   |        ^^^^^^^^^^^^^ config.type\n"
                                         "help: h\n"
                                         "note: `aivp explain AV0212` says more\n");
}

BOOST_AUTO_TEST_CASE(the_margin_grows_with_the_line_number) {
    aivp::source_texts texts;
    texts.add("f", std::string(1233, '\n') + "a: b\n");
    BOOST_TEST(aivp::render(aivp::error{errc::config_value, "m", {"f", 1234, 4}, "h", {}}, texts) ==
               "error[AV0213]: m\n  --> f:1234:4\n 1234 | a: b\n      |    ^ config.value\nhelp: h\nnote: `aivp "
               "explain AV0213` says more\n");
}

BOOST_AUTO_TEST_CASE(an_error_without_message_help_or_text_takes_them_from_the_table) {
    const std::string text = aivp::render(aivp::error{errc::config_zone, "", {"f", 3, 4}, "", {}}, {});
    BOOST_TEST(text == "error[AV0220]: The time zone is not known.\n  --> f:3:4\nhelp: Use an IANA name such as "
                       "Europe/Berlin.\nnote: `aivp explain AV0220` says more\n");
    BOOST_TEST(aivp::render(aivp::error{errc::config_zone, "m", {}, "h", {}}, {}) ==
               "error[AV0220]: m\nhelp: h\nnote: `aivp explain AV0220` says more\n");
}

BOOST_AUTO_TEST_CASE(places_outside_the_text_do_no_harm) {
    aivp::source_texts texts;
    texts.add("f", "ab\r\n\x01\x1b[31m");
    for (const std::uint32_t line : {0U, 1U, 2U, 3U, 4'000'000'000U})
        for (const std::uint32_t column : {0U, 1U, 3U, 99U, 4'000'000'000U}) {
            const std::string text =
                aivp::render(aivp::error{errc::config_value, "m", {"f", line, column}, "h", {}}, texts);
            BOOST_TEST(text.find('\x1b') == std::string::npos);
            BOOST_TEST(text.ends_with("note: `aivp explain AV0213` says more\n"));
        }
    BOOST_TEST(*texts.line("f", 1) == "ab");
    BOOST_TEST(!texts.line("f", 3));
    BOOST_TEST(!texts.line("g", 1));
}

BOOST_AUTO_TEST_CASE(of_a_very_long_line_the_part_around_the_place_is_shown) {
    aivp::source_texts texts;
    texts.add("f", std::string(5000, 'a') + " wrong " + std::string(5000, 'b'));
    const std::string text = aivp::render(aivp::error{errc::config_value, "m", {"f", 1, 5002}, "h", {}}, texts);
    BOOST_TEST(text.size() < 600U);
    const std::size_t line_begin = text.find(" | ") + 3;
    const std::size_t caret_begin = text.find("| ", text.find('\n', line_begin)) + 2;
    const std::size_t caret = text.find('^') - caret_begin;
    BOOST_TEST(text.substr(line_begin + caret, 5) == "wrong");
    BOOST_TEST(text.find("^^^^^ config.value") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(errors_are_sorted_by_file_line_and_column_and_keep_their_order_at_one_place) {
    std::vector<aivp::error> errors{{errc::config_type, "d", {"b", 1, 1}, {}, {}},
                                    {errc::config_type, "c", {"a", 10, 1}, {}, {}},
                                    {errc::config_type, "b2", {"a", 2, 7}, {}, {}},
                                    {errc::config_type, "b1", {"a", 2, 7}, {}, {}},
                                    {errc::config_type, "a", {"a", 2, 1}, {}, {}}};
    aivp::sort_by_place(errors);
    std::string order;
    for (const aivp::error& e : errors) order += e.message + " ";
    BOOST_TEST(order == "a b2 b1 c d ");
    BOOST_TEST(aivp::render(errors, {}).find("\n\nerror[") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
