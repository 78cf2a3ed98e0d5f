// The one unit of every test executable that holds Boost.Test's main.
#define BOOST_TEST_MODULE aivp
#include <boost/test/unit_test.hpp>
