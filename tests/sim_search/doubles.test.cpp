#include "sim/search/doubles.hpp"

#include <atomic>
#include <set>
#include <stdexcept>

#include <boost/test/unit_test.hpp>

#include "tests/sim_search/planted.hpp"

using namespace planted;

namespace {

doubles_report doubled(const std::shared_ptr<const scenario>& s, const doubles_options& options) {
    auto r = run_twice(s, options);
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return std::move(*r);
}

/// Answers a key that it has seen with a number that no two worlds get.
class dicing_connector final : public forwarding_connector {
public:
    explicit dicing_connector(connector_port& next) : forwarding_connector(next) {}
    void call(const skill_request& r, completion_sink& sink) override {
        static std::atomic<std::int64_t> rolled{0};
        if (r.effect == effect_class::write && !seen_.emplace(r.idempotency_key).second) {
            const payload number = payload::of_object({{"rolled", payload::of_integer(++rolled)}});
            sink.skill_done({.ref = {r.run, r.call}, .result = number, .message = {}});
            return;
        }
        forwarding_connector::call(r, sink);
    }

private:
    std::set<effect_key> seen_;
};

setup_hook dices() { return with_connector<dicing_connector>(); }

} // namespace

BOOST_AUTO_TEST_SUITE(doubles)

BOOST_AUTO_TEST_CASE(a_world_without_a_mistake_has_one_history_under_every_plan) {
    const auto s = small_till();
    const doubles_report one = doubled(s, {.seeds = 80});
    BOOST_TEST(one.passed());
    BOOST_TEST(one.compared == 80U);
    BOOST_TEST(one.diverged == 0U);
    BOOST_TEST(one.faulty > 40U);
    BOOST_TEST(one.inputs > one.compared);
    const doubles_report other = doubled(s, {.seeds = 80, .jobs = 3});
    BOOST_TEST(to_hex(one.outcomes) == to_hex(other.outcomes));
    BOOST_TEST(one.met == other.met, boost::test_tools::per_element());
    BOOST_TEST(to_hex(one.outcomes) != to_hex(doubled(s, {.first_seed = 2, .seeds = 80}).outcomes));
}

BOOST_AUTO_TEST_CASE(the_cases_are_those_of_a_search_without_a_guide) {
    const auto s = small_till();
    search_options o;
    o.singles_max = o.pairs_max = 0;
    o.seeds = 80;
    o.guide = search_guide::nothing;
    const auto searched = search(s, o);
    BOOST_REQUIRE(searched);
    const doubles_report twice = doubled(s, {.seeds = 80});
    BOOST_TEST(twice.met == searched->met, boost::test_tools::per_element());
    BOOST_TEST(twice.broken == searched->swarm.failed);
}

BOOST_AUTO_TEST_CASE(a_history_that_differs_only_after_a_fault_is_found_with_its_plan) {
    const auto s = small_till();
    for (std::uint64_t seed = 1; seed <= 20; ++seed) BOOST_TEST(!verify_once(*s, seed, dices()).diverged.has_value());
    const doubles_report r = doubled(s, {.seeds = 100, .jobs = 2, .hook = dices()});
    BOOST_TEST(!r.passed());
    BOOST_TEST(r.diverged > 0U);
    BOOST_TEST(r.diverged < r.compared);
    BOOST_REQUIRE(!r.first.empty());
    BOOST_TEST(r.first.size() <= 5U);
    const doubles_report::parted& p = r.first.front();
    BOOST_TEST(!p.met.plan.empty());
    BOOST_TEST(p.where.first.find("\"rolled\"") != std::string::npos);
    BOOST_TEST(p.where.first != p.where.second);
    const verify_report again = verify_planned(*p.met.what, p.met.seed, p.met.plan, dices());
    BOOST_REQUIRE(again.diverged);
    BOOST_TEST(again.diverged->seq.value == p.where.seq.value);
    BOOST_TEST(!verify_planned(*p.met.what, p.met.seed, p.met.plan).diverged.has_value());
}

BOOST_AUTO_TEST_CASE(what_a_run_throws_is_a_failure_with_its_plan) {
    const doubles_report r = doubled(small_till(), {.seeds = 60, .hook = [](simulation_setup& setup) {
                                                        for (const fault& f : setup.faults->faults)
                                                            if (f.port() == fault_port::clock)
                                                                throw std::runtime_error("no clock");
                                                    }});
    BOOST_TEST(!r.passed());
    BOOST_TEST(r.compared < 60U);
    BOOST_REQUIRE(!r.thrown.empty());
    BOOST_TEST(r.thrown.front().second == "no clock");
    BOOST_TEST(!r.thrown.front().first.plan.empty());
}

BOOST_AUTO_TEST_CASE(a_scenario_that_fails_by_itself_is_not_run_twice) {
    auto s = small_till();
    s->max_events = 1;
    const doubles_report r = doubled(s, {.seeds = 10});
    BOOST_TEST(!r.passed());
    BOOST_TEST(r.compared == 0U);
    BOOST_REQUIRE(r.fails_by_itself);
    BOOST_TEST(r.fails_by_itself->what == "max_events");
}

BOOST_AUTO_TEST_SUITE_END()
