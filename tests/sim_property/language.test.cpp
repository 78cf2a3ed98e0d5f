#include "sim/property/property.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "tests/sim_property/support.hpp"

using namespace property_test;

BOOST_AUTO_TEST_SUITE(property_language)

BOOST_AUTO_TEST_CASE(what_is_well_formed_compiles) {
    for (const char* text : {
             "count(ledger) <= 1",
             "count(ledger where operation == \"payment.charge\" && outcome == 'ok' && !duplicate per arguments.order) "
             "<= 1",
             "sum(arguments.amount_cents of ledger where exists(arguments.amount_cents)) <= 5000",
             "sum(cost of runs per agent) <= $0.50",
             "max(latency of calls where call == \"charge\") <= 1h30m",
             "min(at of ledger) >= 2026-03-01T09:00:00Z",
             "max(at - started of calls) < 30s + 250ms * 2",
             "count(calls where code in [\"skill.unavailable\", \"limit.step_time\"]) < 3",
             "count(calls where attempts in [-1, 2]) == 0 || count(runs) > 0 && !(count(turns) > 9)",
             "2 * count(refused) - 1 <= -count(runs) + 100",
             "count(ledger where contains(target, \"@\") && starts_with(arguments.subject, \"Re:\")) == 0",
             "count(triggers where payload.\"odd name\".0.true == true) == 0",
             "count(runs where details == payload) == 0",
             "(count(runs) == 1) == (count(triggers) == 1)",
             "count(ledger where arguments.flag && !arguments.other) == 0",
         })
        BOOST_TEST(mistakes(text) == "", text);
}

BOOST_AUTO_TEST_CASE(mistakes_of_form_have_their_place_and_what_would_help) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "config.value 7:12: expected a value, a field, `!`, `(`, count, sum, max or min, not the end"},
        {"count(ledger) <=",
         "config.value 7:28: expected a value, a field, `!`, `(`, count, sum, max or min, not the end"},
        {"count(ledger", "config.value 7:24: expected `where`, `per` or `)`, not the end"},
        {"count(ledger where duplicate per) <= 1", "config.value 7:44: expected a field, not `)`"},
        {"count(ledger per agent where duplicate) <= 1", "config.value 7:35: expected `)`, not `where`"},
        {"sum(ledger) <= 1", "config.value 7:22: expected `of`, not `)` [write sum(FIELD of TABLE where …)]"},
        {"count(ledger) = 1", "config.value 7:26: there is no operator `=` [write `==`]"},
        {"count(ledger) / 2 < 1",
         "config.value 7:26: there is no operator `/` [there is no division: multiply the other side]"},
        {"1 < count(ledger) < 3", "config.value 7:30: comparisons make no chains [write `a < b && b < c`]"},
        {"count(ledger) < 1.5", "config.value 7:28: there are no fractions [write money as $1.50 and time as 1500ms]"},
        {"count(ledger) < 99999999999999999999", "config.value 7:28: this integer takes more than 64 bits"},
        {"max(latency of calls) < 5sec",
         "config.value 7:36: `5sec` is no duration [durations are written 1h30m, 20s or 250ms]"},
        {"count(ledger where target == \"x) < 1", "config.value 7:41: a text without its closing quote"},
        {"count(ledger where target == \"\\q\") < 1",
         "config.value 7:42: this escape does not exist [there are \\\\, \\\", \\' and \\n]"},
        {"counts(ledger) < 1", "config.value 7:12: there is no function `counts` [did you mean `count`?]"},
        {"count(ledger) < 1 per agent", "config.value 7:30: expected an operator or the end, not `per` "
                                        "[`per` stands inside of count(…), sum(…), max(…) or min(…)]"},
        {"count(calls where code in []) < 1", "config.value 7:39: expected a value, not `]`"},
        {"count(ledger) # 2", "config.value 7:26: this sign means nothing here"},
        {"max(at of ledger) < 2026-13-01T00:00:00Z", nullptr},
        {"sum(cost of runs) < $1.2345678", nullptr},
    };
    for (const auto& [text, expected] : cases) {
        if (expected)
            BOOST_TEST(mistakes(text) == expected, text << " says: " << mistakes(text));
        else
            BOOST_TEST(mistakes(text).starts_with("config.value 7:32: "), text << " says: " << mistakes(text));
    }
}

BOOST_AUTO_TEST_CASE(mistakes_of_meaning_are_found_when_the_property_is_read) {
    const std::pair<const char*, const char*> cases[] = {
        {"count(ledgers) < 1", "config.reference 7:18: there is no table `ledgers` [did you mean `ledger`?]"},
        {"count(ledger where opration == \"x\") < 1",
         "config.reference 7:31: `ledger` has no field `opration` [did you mean `operation`?]"},
        {"count(ledger where outcome == \"okay\") < 1",
         "config.reference 7:42: `outcome` is never \"okay\" [did you mean \"ok\"?]"},
        {"count(runs where status in [\"success\", \"sucess\"]) < 1",
         "config.reference 7:51: `status` is never \"sucess\" [did you mean \"success\"?]"},
        {"count(calls where code == \"skill.unavailabel\") < 1",
         "config.reference 7:38: `code` is never \"skill.unavailabel\" [did you mean \"skill.unavailable\"?]"},
        {"count(ledger where duplicate == \"true\") < 1",
         "config.type 7:31: `duplicate` is true or false and is compared with a text "
         "[texts stand in quotes, everything else does not]"},
        {"count(ledger where arguments.price < $1) < 1",
         "config.type 7:31: `arguments.price` is JSON and is compared with money [JSON holds integers, texts, true and "
         "false]"},
        {"count(ledger where arguments.a < arguments.b) < 1",
         "config.type 7:31: nobody knows whether these have an order [only == and != compare these]"},
        {"count(ledger where target < \"b\") < 1",
         "config.type 7:31: a text has no order [only == and != compare these]"},
        {"count(ledger where target) < 1",
         "config.type 7:31: what follows `where` is true or false, and this is a text"},
        {"count(ledger where target.name == \"x\") < 1", "config.type 7:31: `target` is a text and has no parts"},
        {"count(ledger per arguments) < 1", "config.type 7:29: `per` takes one value [name a part: arguments.NAME]"},
        {"count(ledger)",
         "config.type 7:12: a property is true or false, and this is an integer [compare it: `… <= 1`]"},
        {"1 < 2", "config.value 7:12: this asks nothing of what happened [begin with count(TABLE where …)]"},
        {"outcome == \"ok\"", "config.reference 7:12: `outcome` is a field, and fields stand inside of an aggregate "
                              "[write count(TABLE where …), or put texts in quotes]"},
        {"count(ledger where count(calls) > 1) < 1", "config.value 7:31: an aggregate stands inside of another one"},
        {"sum(latency of calls) < 5", "config.type 7:12: `sum(latency of calls)` is a duration and is compared with an "
                                      "integer"},
        {"sum(at of calls) < 5", "config.type 7:16: an instant has no sum [integers, money and durations have one]"},
        {"max(agent of calls) < 5",
         "config.type 7:16: a text has no max [integers, money, durations and instants have one]"},
        {"sum(cost of runs) * sum(cost of runs) < 5", "config.type 7:12: money * money means nothing"},
        {"-max(at of runs) < 5s", "config.type 7:12: an instant cannot be negative"},
        {"count(ledger where exists(target)) < 1",
         "config.type 7:38: `target` is always there [exists(…) asks for a part of JSON: exists(arguments.NAME)]"},
        {"count(ledger where contains(at, \"x\")) < 1", "config.type 7:40: this is an instant and not a text"},
        {"count(calls where code in [\"skill.failed\", 3]) < 1",
         "config.type 7:55: the list begins with a text, and this is an integer"},
        {"count(ledger per agent) <= count(runs per run)",
         "config.type 7:54: these groups are an integer, and those of `per agent` are a text"},
        {"count(runs) || true", "config.type 7:12: this is an integer where true or false is needed"},
    };
    for (const auto& [text, expected] : cases)
        BOOST_TEST(mistakes(text) == expected, text << " says: " << mistakes(text));
}

BOOST_AUTO_TEST_CASE(all_mistakes_of_meaning_come_at_once) {
    const std::string all =
        mistakes("count(ledger where opration == \"x\" && outcom == \"ok\") < 1 && count(runs where cost < 3) < 1");
    BOOST_TEST(std::count(all.begin(), all.end(), '\n') == 2, all);
}

BOOST_AUTO_TEST_CASE(names_of_the_scenario_are_known) {
    const property_names names{{"clerk"}, {"charge"}, {"payment.charge"}, {"payment.charge"}};
    BOOST_TEST(mistakes("count(calls where agent == \"clerk\" && call == \"charge\") < 1", names) == "");
    BOOST_TEST(mistakes("count(calls where agent == \"clerc\") < 1", names) ==
               "config.reference 7:39: `agent` is never \"clerc\" [did you mean \"clerk\"?]");
    BOOST_TEST(mistakes("count(ledger where operation in [\"payment.refund\"]) < 1", names) ==
               "config.reference 7:45: `operation` is never \"payment.refund\" [there are payment.charge]");
    // What a model proposes need not exist.
    BOOST_TEST(mistakes("count(refused where call == \"delete_everything\") == 0", names) == "");
}

BOOST_AUTO_TEST_CASE(columns_count_characters) {
    BOOST_TEST(
        mistakes("count(ledger where target == \"äöü\" && nam == 1) < 1").starts_with("config.reference 7:50: "));
}

BOOST_AUTO_TEST_CASE(nesting_and_length_have_an_end) {
    const std::string deep(100, '(');
    BOOST_TEST(mistakes(deep + "count(runs) < 1" + std::string(100, ')')) ==
               "config.value 7:76: this property is nested too deeply");
    BOOST_TEST(mistakes(std::string(100, '!') + "true").find("nested too deeply") != std::string::npos);
    std::string chain = "count(runs) < 1";
    for (int i = 0; i < 100; ++i) chain += " && count(runs) < 1";
    BOOST_TEST(mistakes(chain).find("nested too deeply") != std::string::npos);
    BOOST_TEST(mistakes(std::string(5000, ' ')) == "config.value 7:12: a property takes at most 4096 bytes");
}

BOOST_AUTO_TEST_CASE(a_text_of_several_lines_is_placed_as_a_whole) {
    std::vector<error> errors;
    BOOST_TEST(!compile_property({"count(runs\n) <\n", {"s.yaml", 3, 9}, {}}, any_names, errors));
    BOOST_REQUIRE(errors.size() == 1U);
    BOOST_TEST(to_string(errors[0].where) == "s.yaml:3:9");
}

BOOST_AUTO_TEST_CASE(tables_are_found_by_name_and_their_fields_are_unique) {
    BOOST_TEST(property_tables().size() == table_count);
    for (const table_info& t : property_tables()) {
        BOOST_TEST(find_table(t.name) == &t);
        BOOST_TEST(&sim::info(t.id) == &t);
        BOOST_TEST(!t.text.empty());
        for (std::uint32_t i = 0; i < t.fields.size(); ++i) {
            BOOST_TEST(t.find(t.fields[i].name).value() == i);
            BOOST_TEST(!t.fields[i].text.empty());
        }
    }
    BOOST_TEST(!find_table("nothing"));
    BOOST_TEST(std::string(sim::to_string(property_mode::finally)) == "finally");
}

BOOST_AUTO_TEST_SUITE_END()
