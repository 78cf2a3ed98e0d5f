#include "aivp/agent/template.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/agent/world.hpp"

using namespace agent_test;

namespace {

// "true", "false", or the message of the error at run time.
std::string decided(std::string_view text) {
    const auto made = condition::compile(text, resolve);
    if (!made) BOOST_FAIL(text << ": " << to_string(made.error()));
    const auto out = made->evaluate(look_up);
    if (out) return *out ? "true" : "false";
    BOOST_TEST((out.error().code == errc::run_reference));
    return out.error().message;
}

void check(std::string_view expected, const std::vector<const char*>& conditions) {
    for (const char* text : conditions) BOOST_TEST(decided(text) == expected, text << " is " << decided(text));
}

} // namespace

BOOST_AUTO_TEST_SUITE(conditions)

BOOST_AUTO_TEST_CASE(no_condition_is_always_true) {
    const condition none;
    BOOST_TEST(none.always());
    BOOST_TEST(none.evaluate(look_up).value());
    const auto some = condition::compile("true", resolve).value();
    BOOST_TEST(!some.always());
    BOOST_TEST(some.text() == "true");
}

BOOST_AUTO_TEST_CASE(comparisons_that_hold) {
    check("true", {"fetch.count == 2",
                   "fetch.count == 2.0",
                   "2e0 == fetch.count",
                   "fetch.count != 3",
                   "fetch.count != \"2\"",
                   "fetch.count < 3",
                   "fetch.count <= 2",
                   "fetch.count > -1",
                   "fetch.count >= 2",
                   "fetch.status == \"open\"",
                   "fetch.status < \"opened\"",
                   "fetch.status > \"Open\"",
                   "\"a\" < \"\\u00e4\"",
                   "\"\\uffff\" < \"\\ud83d\\ude00\"",
                   "\"a\\nb\" < \"a b\"",
                   "trigger.none == null",
                   "trigger.yes == true",
                   "trigger.yes != trigger.no",
                   "fetch.empty == []",
                   "fetch.nothing == { }",
                   "fetch.items == [ {\"id\": 7}, {\"id\": 8} ]",
                   "größe.0 == 3",
                   "größe == [3]",
                   "fetch.x-y == \"dash\"",
                   "${fetch.0} == \"zero\"",
                   "${fetch.count} == {{fetch.count}}",
                   "trigger.yes",
                   "!trigger.no",
                   "fetch.items.1.id == 8"});
}

BOOST_AUTO_TEST_CASE(comparisons_that_do_not_hold) {
    check("false", {"fetch.count == 3", "fetch.count == \"2\"", "fetch.count != 2", "fetch.count < 2",
                    "fetch.count > 2", "fetch.status == \"Open\"", "trigger.none != null", "trigger.no", "!trigger.yes",
                    "fetch.empty == {}", "trigger.none == false", "fetch.count == true", "false"});
}

BOOST_AUTO_TEST_CASE(numbers_beyond_two_to_the_53_compare_exactly) {
    check("true", {"trigger.id == 9007199254740993", "trigger.id != 9007199254740992", "trigger.id > 9007199254740992",
                   "trigger.id < 9007199254740994", "trigger.id < 9007199254740993.5e3",
                   "1e30 == 1000000000000000000000000000000", "18446744073709551616 > 18446744073709551615",
                   "0.1 < 0.10000000000000001e1"});
}

BOOST_AUTO_TEST_CASE(operators_bind_as_documented) {
    check("true",
          {"true || false && false", "(true || true) && !false", "!false && true", "!(false || false)", "!!true",
           "1 == 1 && 2 == 2 || false", "false == false", "(1 < 2) == true", "!false == true", "!(1 == 2) && 1 < 2",
           "false || false || false || true", "true && true && (true && true)", "(((true)))"});
    check("false", {"(true || false) && false", "!true || false", "true && true && false", "(1 < 2) == (2 < 1)"});
}

BOOST_AUTO_TEST_CASE(exists_and_empty_ask_about_what_may_be_missing) {
    check("true", {"exists(fetch)", "exists(fetch.count)", "exists(trigger.none)", "exists( ${fetch.items.0} )",
                   "!exists(fetch.nope)", "!exists(skipped)", "!exists(skipped.x)", "empty(fetch.empty)",
                   "empty(fetch.blank)", "empty(fetch.nothing)", "empty(trigger.none)", "empty(fetch.nope)",
                   "empty(skipped)", "empty ({{skipped.x}})", "!empty(trigger.no)", "exists(fetch) == true"});
    check("false",
          {"exists(skipped)", "empty(fetch)", "empty(fetch.count)", "empty(trigger.no)", "empty(fetch.items)"});
}

BOOST_AUTO_TEST_CASE(the_first_side_that_decides_ends_the_search) {
    check("true", {"true || skipped.x == 1", "!exists(skipped) || skipped.x"});
    check("false", {"false && skipped.x == 1", "exists(skipped) && skipped.x > 3"});
    check("${skipped.x} has no value: the step that it refers to did not run",
          {"skipped.x == 1 || true", "skipped.x && false"});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_decided_says_why) {
    check("${fetch.nope} has no value: what it refers to has no such field",
          {"fetch.nope == 1", "fetch.nope != null", "!fetch.nope"});
    check("the condition cannot be decided: ${fetch.count} is a number, neither true nor false",
          {"fetch.count", "!fetch.count", "true && fetch.count"});
    check("the condition cannot be decided: ${fetch.status} is a string, neither true nor false",
          {"fetch.status || true"});
    check("the condition cannot be decided: ${trigger.none} is null, neither true nor false", {"trigger.none"});
    check("the condition cannot be decided: a string and a number have no order",
          {"fetch.status < 3", "fetch.status >= fetch.count"});
    check("the condition cannot be decided: null and null have no order", {"trigger.none < trigger.none"});
    check("the condition cannot be decided: an array and an array have no order", {"fetch.items <= fetch.empty"});
    check("the condition cannot be decided: true or false and true or false have no order",
          {"trigger.no < trigger.yes"});
}

BOOST_AUTO_TEST_CASE(each_reference_is_listed_once) {
    const auto made =
        condition::compile("exists(fetch.count) && ${fetch.count} > 1 || größe.0 == {{ trigger.id }}", resolve).value();
    BOOST_REQUIRE(made.references().size() == 3U);
    BOOST_TEST((made.references()[0] == value_reference{1, "/count", "fetch.count"}));
    BOOST_TEST((made.references()[1] == value_reference{2, "/0", "größe.0"}));
    BOOST_TEST((made.references()[2] == value_reference{0, "/id", "trigger.id"}));
}

BOOST_AUTO_TEST_CASE(a_broken_condition_names_code_and_column) {
    const struct {
        const char* text;
        errc code;
        std::uint32_t column;
    } cases[] = {
        {"", errc::config_value, 1},
        {"   ", errc::config_value, 1},
        {"fetch.count = 2", errc::config_value, 13},
        {"true & false", errc::config_value, 6},
        {"true | false", errc::config_value, 6},
        {"true and false", errc::config_value, 6},
        {"not true", errc::config_value, 1},
        {"true or false", errc::config_value, 6},
        {"fetch.status == 'open'", errc::config_value, 17},
        {"fetch.status == \"open", errc::config_value, 17},
        {"fetch.status == \"\\x\"", errc::config_value, 17},
        {"fetch.count == 1e", errc::config_value, 16},
        {"fetch.count == 01", errc::config_value, 16},
        {"fetch.count == 1e999", errc::config_value, 16},
        {"fetch.count == -", errc::config_value, 16},
        {"fetch.items == [1,", errc::config_value, 16},
        {"fetch.items == {\"a\":1,\"a\":2}", errc::config_value, 16},
        {"fetch.count ==", errc::config_value, 15},
        {"== 2", errc::config_value, 1},
        {"fetch.count 2", errc::config_value, 13},
        {"(true", errc::config_value, 6},
        {"true)", errc::config_value, 5},
        {"()", errc::config_value, 2},
        {"!", errc::config_value, 2},
        {"true &&", errc::config_value, 8},
        {"&& true", errc::config_value, 1},
        {"1 < 2 < 3", errc::config_value, 7},
        {"1 == 1 == true", errc::config_value, 8},
        {"2", errc::config_value, 1},
        {"\"x\" || true", errc::config_value, 1},
        {"true && null", errc::config_value, 9},
        {"!3", errc::config_value, 2},
        {"fetch.count < true", errc::config_value, 15},
        {"fetch.items < []", errc::config_value, 15},
        {"(1 == 1) < 2", errc::config_value, 4},
        {"1 < \"2\"", errc::config_value, 3},
        {"exist(fetch)", errc::config_value, 1},
        {"exists()", errc::config_value, 8},
        {"exists(3)", errc::config_value, 8},
        {"exists(fetch", errc::config_value, 13},
        {"exists(fetch, trigger)", errc::config_value, 13},
        {"fetch.items[0].id == 1", errc::config_value, 12},
        {"fetch..count == 1", errc::config_value, 7},
        {"fetch. == 1", errc::config_value, 7},
        {"${fetch.count == 1", errc::config_value, 1},
        {"größe.0 == ${}", errc::config_value, 14},
        {"größe.0 == nope.x", errc::config_reference, 12},
        {"{{nope}} == 1", errc::config_reference, 3},
        {"exists", errc::config_reference, 1},
        {"$fetch", errc::config_value, 1},
        {"fetch.count > 1;", errc::config_value, 16},
        {"true \x01", errc::config_value, 6},
    };
    for (const auto& c : cases) {
        const auto made = condition::compile(c.text, resolve);
        BOOST_TEST_CONTEXT(c.text) {
            BOOST_REQUIRE(!made);
            BOOST_TEST((made.error().code == c.code), to_string(made.error()));
            BOOST_TEST(made.error().where.column == c.column, to_string(made.error()));
            BOOST_TEST(!made.error().message.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(size_and_depth_are_bounded) {
    const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "true" + std::string(depth, ')'); };
    const auto negated = [](std::size_t depth) { return std::string(depth, '!') + "true"; };
    BOOST_TEST(condition::compile(nested(condition::depth_max), resolve)->evaluate(look_up).value());
    BOOST_TEST(condition::compile(negated(condition::depth_max), resolve)->evaluate(look_up).value());
    for (const std::string& text : {nested(condition::depth_max + 1), negated(condition::depth_max + 1)}) {
        const auto made = condition::compile(text, resolve);
        BOOST_REQUIRE(!made);
        BOOST_TEST((made.error().code == errc::config_value));
        BOOST_TEST(made.error().where.column == condition::depth_max + 1);
    }
    std::string siblings = "(true)";
    for (std::uint32_t i = 0; i < condition::depth_max + 1; ++i) siblings += " && !(false)";
    BOOST_TEST(condition::compile(siblings, resolve)->evaluate(look_up).value());
    std::string chain = "true";
    while (chain.size() + 8 <= condition::bytes_max) chain += " && true";
    BOOST_TEST(condition::compile(chain, resolve)->evaluate(look_up).value());
    const auto longer = condition::compile(chain + std::string(8, ' '), resolve);
    BOOST_REQUIRE(!longer);
    BOOST_TEST((longer.error().code == errc::config_value));
}

BOOST_AUTO_TEST_SUITE_END()
