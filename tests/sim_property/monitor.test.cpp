#include "sim/property/monitor.hpp"

#include <limits>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/base/time.hpp"
#include "tests/sim_property/support.hpp"

using namespace property_test;

BOOST_AUTO_TEST_SUITE(property_monitor_watches)

BOOST_AUTO_TEST_CASE(a_count_is_violated_at_the_very_row_and_says_how_often_and_for_which_group) {
    watched w(
        "count(ledger where operation == \"payment.charge\" && outcome == \"ok\" && !duplicate per arguments.order) "
        "<= 1");
    BOOST_TEST(!w.add(charge("A1")));
    BOOST_TEST(!w.add(charge("A2")));
    BOOST_TEST(!w.add(charge("A1").set("duplicate", 1)));
    BOOST_TEST(!w.add(charge("A1").set("outcome", "failed")));
    BOOST_TEST(w.add(charge("A2")));
    BOOST_TEST(w.violation() == "count(ledger where operation == \"payment.charge\" && outcome == \"ok\" && !duplicate "
                                "per arguments.order) <= 1 | 2, for arguments.order = \"A2\"");
    BOOST_TEST(!w.add(charge("A2")), "it is said once");
    BOOST_TEST(w.violation().find("| 2,") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(sums_maxima_and_minima_follow_their_rows) {
    watched sum("sum(arguments.amount_cents of ledger) <= 250");
    BOOST_TEST(!sum.add(charge("A", 100)));
    BOOST_TEST(!sum.add(charge("B", 150)));
    BOOST_TEST(sum.add(charge("C", 1)));
    BOOST_TEST(sum.violation() == "sum(arguments.amount_cents of ledger) <= 250 | 251");

    watched most("max(latency of calls) <= 30s");
    BOOST_TEST(!most.add(row_of(table_id::calls).set("latency", seconds(30).us)));
    BOOST_TEST(most.add(row_of(table_id::calls).set("latency", seconds(31).us)));
    BOOST_TEST(most.violation() == "max(latency of calls) <= 30s | 31s");

    watched least("min(cost of runs) >= $0.01");
    BOOST_TEST(!least.add(row_of(table_id::runs).set("cost", 10'000)));
    BOOST_TEST(least.add(row_of(table_id::runs).set("cost", 9'999)));
    BOOST_TEST(least.violation() == "min(cost of runs) >= $0.01 | $0.009999");
}

BOOST_AUTO_TEST_CASE(the_max_of_nothing_is_not_known_and_neither_holds_nor_fails) {
    watched always("max(latency of calls) > 1h");
    BOOST_TEST(always.violation().empty());
    watched negated("!(max(latency of calls) > 1h)");
    BOOST_TEST(negated.violation().empty());
    watched sometimes("max(latency of calls) < 1h", property_mode::sometimes);
    BOOST_TEST(!sometimes.verdict().reached);
    sometimes.add(row_of(table_id::calls).set("latency", 5));
    BOOST_TEST(sometimes.verdict().reached);
    watched either("max(latency of calls) > 1h || count(runs) > 0");
    BOOST_TEST(either.violation().empty());
    watched both("max(latency of calls) > 1h && count(runs) > 0");
    BOOST_TEST(both.violation() == "count(runs) > 0 | 0", "the other side decides");
}

BOOST_AUTO_TEST_CASE(always_is_asked_from_the_beginning_on) {
    watched w("count(runs) >= 1");
    BOOST_TEST(w.violation() == "count(runs) >= 1 | 0");
}

BOOST_AUTO_TEST_CASE(finally_is_asked_at_the_end_only) {
    watched w("count(runs) == 2", property_mode::finally);
    w.add(row_of(table_id::runs));
    BOOST_TEST(w.violation().empty());
    BOOST_TEST(w.monitor->conclude().size() == 1U);
    BOOST_TEST(w.violation() == "count(runs) == 2 | 1");
    watched good("count(runs) == 1", property_mode::finally);
    good.add(row_of(table_id::runs));
    BOOST_TEST(good.monitor->conclude().empty());
    BOOST_TEST(good.verdict().evaluations == 1U);
}

BOOST_AUTO_TEST_CASE(sometimes_stays_reached) {
    watched w("count(calls where attempts > 1) == 1", property_mode::sometimes);
    BOOST_TEST(!w.verdict().reached);
    w.add(row_of(table_id::calls).set("attempts", 2));
    BOOST_TEST(w.verdict().reached);
    w.add(row_of(table_id::calls).set("attempts", 2));
    BOOST_TEST(w.verdict().reached);
    BOOST_TEST(!w.verdict().violated);
}

BOOST_AUTO_TEST_CASE(groups_of_two_aggregates_are_compared_with_each_other) {
    watched w("count(ledger where operation == \"payment.refund\" per arguments.order) <= "
              "count(ledger where operation == \"payment.charge\" per arguments.order)");
    w.add(charge("A"));
    BOOST_TEST(!w.add(charge("A").set("operation", "payment.refund")));
    BOOST_TEST(w.add(charge("B").set("operation", "payment.refund")), "B was never charged");
    BOOST_TEST(w.verdict().actual == "1 and 0, for arguments.order = \"B\"");
}

BOOST_AUTO_TEST_CASE(a_number_that_all_groups_share_is_compared_with_each) {
    watched w("count(calls per agent) <= 2 * count(runs)");
    w.add(row_of(table_id::runs));
    w.add(row_of(table_id::calls).set("agent", "a"));
    w.add(row_of(table_id::calls).set("agent", "a"));
    BOOST_TEST(w.violation().empty());
    BOOST_TEST(w.add(row_of(table_id::calls).set("agent", "a")));
    BOOST_TEST(w.verdict().actual == "3 and 2, for agent = \"a\"");
    watched other("count(calls per agent) >= count(runs)");
    other.add(row_of(table_id::calls).set("agent", "a"));
    other.add(row_of(table_id::calls).set("agent", "b"));
    BOOST_TEST(!other.add(row_of(table_id::runs)));
    BOOST_TEST(other.add(row_of(table_id::runs)));
    BOOST_TEST(other.verdict().actual == "1 and 2, for agent = \"a\"");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_equal_to_nothing_and_is_a_group_of_its_own) {
    const auto without =
        row_of(table_id::ledger).set("arguments", R"({"n":"5","f":false,"t":"a\"b","deep":{"x":[1]}})");
    const auto holds = [&](const std::string& condition) {
        watched w("count(ledger where " + condition + ") == 1", property_mode::finally);
        w.add(without);
        w.monitor->conclude();
        return !w.verdict().violated;
    };
    BOOST_TEST(!holds("arguments.missing == 1"));
    BOOST_TEST(holds("arguments.missing != 1"));
    BOOST_TEST(!holds("arguments.missing < 1"));
    BOOST_TEST(!holds("arguments.n == 5"), "a text is no integer");
    BOOST_TEST(holds("arguments.n == \"5\""));
    BOOST_TEST(!holds("arguments.f"));
    BOOST_TEST(holds("!arguments.f && !arguments.missing"));
    BOOST_TEST(holds("arguments.f == false"));
    BOOST_TEST(holds("exists(arguments.f) && !exists(arguments.g)"));
    BOOST_TEST(holds("arguments.t == 'a\"b'"));
    BOOST_TEST(holds("contains(arguments.t, '\"') && starts_with(arguments.t, \"a\")"));
    BOOST_TEST(!holds("contains(arguments.missing, \"\")"));
    BOOST_TEST(holds("arguments.deep.x.0 == 1 && arguments.deep.x.0 in [3, 1]"));
    BOOST_TEST(!holds("arguments.deep.x.0 in [3, 4] || arguments.missing in [1]"));
    BOOST_TEST(holds("arguments.deep == arguments.deep && arguments.n != arguments.t"));
    BOOST_TEST(holds("-arguments.deep.x.0 + 2 * 3 - 1 == 4"));
    watched w("count(ledger per arguments.order) <= 1");
    w.add(without);
    w.add(without);
    BOOST_TEST(w.verdict().actual == "2, for arguments.order = (none)");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_calculated_is_a_violation_and_not_passed_over) {
    watched text("sum(arguments.amount_cents of ledger) <= 100");
    BOOST_TEST(text.add(row_of(table_id::ledger).set("arguments", R"({"amount_cents":"12"})")));
    BOOST_TEST(text.violation() == "a property that can be calculated | `arguments.amount_cents` is no integer there");

    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    watched over("sum(cost of runs) <= $1", property_mode::sometimes);
    over.add(row_of(table_id::runs).set("cost", most));
    BOOST_TEST(over.add(row_of(table_id::runs).set("cost", most)));
    BOOST_TEST(over.verdict().actual == "a sum takes more than 64 bits");

    watched product("9223372036854775807 * count(runs) >= 0");
    product.add(row_of(table_id::runs));
    BOOST_TEST(product.add(row_of(table_id::runs)));
    BOOST_TEST(product.verdict().actual == "`9223372036854775807 * count(runs)` takes more than 64 bits");

    watched condition("count(ledger where arguments.a + 1 > 1) < 9");
    BOOST_TEST(condition.add(row_of(table_id::ledger).set("arguments", "{}")));
    BOOST_TEST(condition.verdict().actual == "`arguments.a` is no integer there");
}

BOOST_AUTO_TEST_CASE(the_part_that_fails_is_shown) {
    watched w("count(runs) < 9 && (count(calls) <= 1 || count(turns) > 3)");
    w.add(row_of(table_id::calls));
    w.add(row_of(table_id::calls));
    BOOST_TEST(w.violation() == "(count(calls) <= 1 || count(turns) > 3) | count(calls) = 2, count(turns) = 0");
}

BOOST_AUTO_TEST_CASE(only_what_changed_is_asked_again) {
    watched w("count(ledger per target) <= 5");
    for (int i = 0; i < 100; ++i) w.add(row_of(table_id::ledger).set("target", "t" + std::to_string(i)));
    BOOST_TEST(w.verdict().evaluations == 100U, "one a row, and not one for each group");
    w.add(row_of(table_id::runs));
    BOOST_TEST(w.verdict().evaluations == 100U, "another table");
    watched where("count(ledger where duplicate) <= 5");
    const std::uint64_t before = where.verdict().evaluations;
    where.add(row_of(table_id::ledger));
    BOOST_TEST(where.verdict().evaluations == before, "the row is not counted");
}

BOOST_AUTO_TEST_CASE(rows_of_one_moment_are_one_moment) {
    watched w("count(calls) == count(runs)");
    w.monitor->add(table_id::calls, row_of(table_id::calls).row());
    w.monitor->add(table_id::runs, row_of(table_id::runs).row());
    BOOST_TEST(w.monitor->settle().empty());
    BOOST_TEST(!w.verdict().violated);
}

BOOST_AUTO_TEST_CASE(after_a_restart_rows_are_told_again_and_the_ledger_goes_on) {
    watched w("count(calls) <= count(ledger)");
    w.add(row_of(table_id::ledger));
    w.add(row_of(table_id::calls));
    w.monitor->forget_all_but_ledger();
    w.monitor->add(table_id::calls, row_of(table_id::calls).row());
    BOOST_TEST(w.monitor->settle().empty(), "one and one, as before");
    w.monitor->forget_all_but_ledger();
    BOOST_TEST(!w.add(row_of(table_id::ledger)));
    BOOST_TEST(!w.add(row_of(table_id::calls)));
    BOOST_TEST(!w.add(row_of(table_id::calls)));
    BOOST_TEST(w.add(row_of(table_id::calls)));
    BOOST_TEST(w.verdict().actual == "3 and 2");
}

BOOST_AUTO_TEST_CASE(properties_know_which_tables_they_ask) {
    watched w("count(ledger) + count(calls) >= 0");
    BOOST_TEST(w.monitor->asks(table_id::ledger));
    BOOST_TEST(w.monitor->asks(table_id::calls));
    BOOST_TEST(!w.monitor->asks(table_id::runs));
}

BOOST_AUTO_TEST_SUITE_END()
