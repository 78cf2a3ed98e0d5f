#include "aivp/testing/scenario_generators.hpp"

#include <map>
#include <string>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "sim/runner.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

std::string findings(const run_report& r) {
    std::string out;
    for (const finding& f : r.findings) out += f.what + ": " + f.expected + " / " + f.actual + "\n";
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(generated_worlds)

RC_BOOST_PROP(whatever_goes_wrong_the_properties_hold_and_everything_comes_to_rest, (const generated_world& w)) {
    const run_report report = run_planned(*w.what, w.seed, w.plan).report;
    RC_CLASSIFY(report.runs > 0, "runs");
    RC_CLASSIFY(report.effects > 0, "reached the world");
    RC_CLASSIFY(!report.met.empty(), "met a fault");
    RC_LOG(findings(report));
    RC_ASSERT(report.passed());
}

RC_BOOST_PROP(the_same_world_gives_the_same_journal, (const generated_world& w)) {
    const verify_report v = verify_planned(*w.what, w.seed, w.plan);
    RC_ASSERT(!v.diverged);
}

BOOST_AUTO_TEST_CASE(the_generated_worlds_are_not_all_alike) {
    rc::Random random(7);
    std::map<std::string, int> seen;
    for (int i = 0; i < 200; ++i) {
        const generated_world w = any_world()(random.split(), 100).value();
        const run_report report = run_planned(*w.what, w.seed, w.plan).report;
        seen["runs"] += report.runs > 0;
        seen["several agents"] += w.what->agents.size() > 1;
        seen["reached the world"] += report.effects > 0;
        seen["refused"] += report.refused_calls > 0;
        for (const met_fault& m : report.met) seen[to_string(w.plan.faults[m.index].port())] += 1;
    }
    for (const char* what : {"runs", "several agents", "reached the world", "refused", "model", "skill", "store",
                             "process", "clock", "command", "ties"})
        BOOST_TEST(seen[what] >= 3, what << " " << seen[what]);
    BOOST_TEST(seen["user"] >= 1);
}

BOOST_AUTO_TEST_SUITE_END()
