#include "aivp/base/assert.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/base/dies.hpp"

BOOST_AUTO_TEST_SUITE(assertions)

BOOST_AUTO_TEST_CASE(a_false_condition_stops_the_program_and_says_where) {
    const auto death = base_test::dies([] { AIVP_ASSERT(1 + 1 == 3, "arithmetic has changed"); });
    BOOST_TEST(death.aborted);
    BOOST_TEST(death.message.find("arithmetic has changed") != std::string::npos);
    BOOST_TEST(death.message.find("1 + 1 == 3") != std::string::npos);
    BOOST_TEST(death.message.find("assert.test.cpp:") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_true_condition_is_evaluated_once_and_changes_nothing) {
    int evaluated = 0;
    AIVP_ASSERT(++evaluated == 1, "never shown");
    BOOST_TEST(evaluated == 1);
}

BOOST_AUTO_TEST_SUITE_END()
