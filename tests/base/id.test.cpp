#include "aivp/base/id.hpp"

#include <type_traits>

#include <boost/test/unit_test.hpp>

using namespace aivp;

static_assert(!std::is_convertible_v<run_id, call_id>, "ids of different things do not mix");
static_assert(!std::is_convertible_v<run_id, bool>, "an id is not a truth value by accident");

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(zero_means_none) {
    BOOST_TEST(!static_cast<bool>(run_id{}));
    BOOST_TEST(static_cast<bool>(run_id{1}));
    BOOST_TEST((run_id{1} < run_id{2}));
}

BOOST_AUTO_TEST_CASE(people_see_the_kind_and_the_number) {
    BOOST_TEST(to_string(run_id{12}) == "run-12");
    BOOST_TEST(to_string(call_id{3}) == "call-3");
}

BOOST_AUTO_TEST_SUITE_END()
