#include "aivp/kernel/envelope.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/kernel/effect.hpp"

using namespace aivp;

BOOST_AUTO_TEST_SUITE(envelopes)

BOOST_AUTO_TEST_CASE(every_source_has_a_name_of_its_own) {
    std::set<std::string> names;
    for (int i = 0; i <= static_cast<int>(input_source::event_bus); ++i)
        names.insert(to_string(static_cast<input_source>(i)));
    BOOST_TEST(names.size() == 8U);
    BOOST_TEST(std::string(to_string(input_source::operator_)) == "operator");
}

BOOST_AUTO_TEST_CASE(completions_come_before_timers_and_timers_before_triggers) {
    BOOST_TEST((input_source::model < input_source::timer));
    BOOST_TEST((input_source::connector < input_source::timer));
    BOOST_TEST((input_source::user < input_source::timer));
    BOOST_TEST((input_source::timer < input_source::schedule));
    BOOST_TEST((input_source::timer < input_source::event_bus));
}

BOOST_AUTO_TEST_CASE(effects_are_named_as_in_files) {
    BOOST_TEST(std::string(to_string(effect_class::none)) == "none");
    BOOST_TEST(std::string(to_string(effect_class::read)) == "read");
    BOOST_TEST(std::string(to_string(effect_class::write)) == "write");
    BOOST_TEST(std::string(to_string(effect_outcome::ok)) == "ok");
    BOOST_TEST(std::string(to_string(effect_outcome::failed)) == "failed");
    BOOST_TEST(std::string(to_string(effect_outcome::unknown)) == "unknown");
}

BOOST_AUTO_TEST_SUITE_END()
