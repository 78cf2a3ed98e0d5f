#include "sim/search/weaker_kinds.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>

using namespace aivp::sim;

BOOST_AUTO_TEST_SUITE(weakening)

BOOST_AUTO_TEST_CASE(weaker_kinds_are_of_the_same_port_and_never_lead_back) {
    for (const fault_kind_info& k : fault_kinds())
        for (const fault_kind weaker : weaker_kinds(k.kind)) {
            BOOST_TEST((info(weaker).port == k.port));
            const auto back = weaker_kinds(weaker);
            BOOST_TEST((std::find(back.begin(), back.end(), k.kind) == back.end()), k.name);
        }
    BOOST_TEST((weaker_kinds(fault_kind::skill_silent).front() == fault_kind::skill_late));
}

BOOST_AUTO_TEST_SUITE_END()
