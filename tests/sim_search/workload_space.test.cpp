#include "sim/search/workload_space.hpp"

#include <memory>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/sim_search/planted.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;
using namespace planted;

BOOST_AUTO_TEST_SUITE(workload_space)

BOOST_AUTO_TEST_CASE(drawn_workloads_fit_their_scenario_and_its_schemas) {
    auto s = till();
    auto strict = std::make_shared<agent_snapshot>(*s->agents[0]);
    trigger_spec spec;
    spec.id = "strict";
    spec.payload_schema = *json_schema::compile(json(
        R"({"type":"object","required":["order","amount"],"properties":{"order":{"type":"string","minLength":1},"amount":{"type":"integer","minimum":1}}})"));
    strict->triggers = {spec};
    s->agents[0] = strict;
    std::set<std::string> different;
    std::size_t varied_payloads = 0, unchanged = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        const workload_edits edits = draw_workload(*s, seed);
        BOOST_CHECK(edits == draw_workload(*s, seed));
        different.insert(std::string(to_payload(edits).text()));
        unchanged += edits.empty();
        const auto applied = apply_edits(s, edits);
        BOOST_REQUIRE(applied.has_value());
        BOOST_TEST(((*applied)->triggers.size() > 0));
        for (const planned_trigger& t : (*applied)->triggers) {
            BOOST_TEST(accepts_payload(**applied, t, t.body));
            BOOST_TEST((t.after.us >= 0 && t.after <= s->horizon));
            varied_payloads += t.body != s->triggers[0].body;
        }
        const auto again = parse_workload(to_payload(edits));
        BOOST_REQUIRE(again.has_value());
        BOOST_CHECK(*again == edits);
    }
    BOOST_TEST(different.size() > 60U);
    BOOST_TEST(varied_payloads > 20U);
    BOOST_TEST(unchanged > 60U);
    BOOST_TEST(!accepts_payload(*s, s->triggers[1], json(R"({"order":"","amount":1})")));
}

BOOST_AUTO_TEST_SUITE_END()
