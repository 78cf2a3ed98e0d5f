#include "aivp/testing/spec.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"

using namespace aivp;
using namespace aivp::testing;

BOOST_AUTO_TEST_SUITE(given_when_then)

BOOST_AUTO_TEST_CASE(mismatches_of_a_spec_are_readable) {
    const auto agent = make_steps_agent("a", {}, {});
    const auto said = [](auto body) {
        try {
            body();
        } catch (const expectation_failed& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    spec s = given(agent);
    s.when(start_run{{1}, {}});
    BOOST_TEST(said([&] { s.then({}); }).find("there should be 0 events, but there is\n    {") != std::string::npos);
    BOOST_TEST(said([&] { s.then({{"run_started"}}); }).find("event 0 should be run_started {} (type)") !=
               std::string::npos);
    BOOST_TEST(said([&] { s.then({{"trigger_accepted", R"({"run":2})"}}); }).find("(`run` is not 2)") !=
               std::string::npos);
    BOOST_TEST(said([&] { s.then({{"trigger_accepted", R"({"x":2})"}}); }).find("(`x` is absent)") !=
               std::string::npos);
    BOOST_TEST(said([&] {
                   s.then_among_others({{"run_finished"}, {"run_started"}});
               }).find("there should be run_started") != std::string::npos);
    BOOST_TEST(said([&] {
                   s.performing({{"skill_call"}});
               }).find("effect 0 should be skill_call {} (absent), but there is\n    nothing") != std::string::npos);
    BOOST_TEST(said([&] { s.the<skill_call>(); }).find("there is none of this kind") != std::string::npos);
    BOOST_TEST(said([&] { s.then_among_others({{"run_finished", R"({"status":"success"})"}}); }).empty());
}

BOOST_AUTO_TEST_SUITE_END()
