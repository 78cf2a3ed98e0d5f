#include "sim/search/search.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "sim/search/shrink.hpp"
#include "tests/sim_search/planted.hpp"

using namespace planted;

namespace {

search_report searched(const std::shared_ptr<const scenario>& s, const search_options& options) {
    auto r = search(s, options);
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return std::move(*r);
}

search_options quick() {
    search_options o;
    o.singles_max = 200;
    o.pairs_max = 60;
    o.seeds = 100;
    o.jobs = 2;
    return o;
}

std::string summary(const search_report& r) {
    std::string out;
    for (const stage_count* n : {&r.census, &r.singles, &r.disk, &r.pairs, &r.swarm})
        out += std::to_string(n->tried) + "/" + std::to_string(n->failed) + " ";
    for (const failure_report& f : r.failures)
        out += "\n" + f.what.what + " " + std::to_string(f.also) + " " + f.token + " " + f.found_token;
    return out + "\n" + std::to_string(r.inputs) + " " + std::to_string(r.reached) + " " + std::to_string(r.states) +
           " " + std::to_string(r.probes);
}

const site_census* find_site(const census& c, std::string_view name) {
    for (const site_census& s : c.sites)
        if (s.site.name == name) return &s;
    return nullptr;
}

census census_of(const std::shared_ptr<const scenario>& s, std::vector<std::uint64_t> seeds = {1, 2}) {
    census out;
    for (const std::uint64_t seed : seeds) {
        out.seeds.push_back(seed);
        out.add(execute({s, seed, {}}, {}).report.sites);
    }
    return out;
}

/// The same with the disk, and with when each call was.
census placed_census_of(const std::shared_ptr<const scenario>& s) {
    census out = census_of(s, {1});
    const executed_case run =
        execute_fully({s, 1, {{{.site = "disk", .ordinal = 1'000'000'000, .kind = fault_kind::disk_slow}}}}, {});
    out.add(run.result.report.sites);
    out.place(run);
    return out;
}

/// Tells a secret to a run that has looked twice, since its process died over that, and then charges twice, since nobody
/// answered: two faults in one of its many runs.
class minding_connector final : public forwarding_connector {
public:
    using forwarding_connector::forwarding_connector;
    void call(const skill_request& r, completion_sink& sink) override {
        const bool writes = r.effect == effect_class::write;
        const std::uint64_t times = ++calls_[{r.run, writes}];
        if (writes && times == 2 && calls_[{r.run, false}] == 2) {
            sink.skill_done({.ref = {r.run, r.call}, .result = json(R"({"token":"s3cr3t-token"})"), .message = {}});
            return;
        }
        forwarding_connector::call(r, sink);
    }

private:
    std::map<std::pair<run_id, bool>, std::uint64_t> calls_;
};

setup_hook minds_what_comes_again() { return with_connector<minding_connector>(); }

} // namespace

BOOST_AUTO_TEST_SUITE(searching)

BOOST_AUTO_TEST_CASE(a_world_without_a_mistake_passes_every_stage) {
    const search_report r = searched(small_till(), quick());
    BOOST_TEST(summary(r).find("/0 ") != std::string::npos);
    BOOST_TEST(r.passed());
    BOOST_TEST(r.failures.empty());
    BOOST_TEST(r.census.tried == 3U);
    BOOST_TEST(r.singles.tried == 200U);
    BOOST_TEST(r.singles.possible > 200U);
    BOOST_TEST(r.swarm.tried == 100U);
    BOOST_TEST(r.disk.tried == 20U);
    BOOST_TEST(r.runs == r.census.tried + r.singles.tried + r.disk.tried + r.pairs.tried + r.swarm.tried);
    BOOST_TEST(r.clean_seeds_wanted() == 0U);
    BOOST_TEST(r.reached > 10U);
    BOOST_TEST(r.states > 10U);
    BOOST_TEST(r.probes > 5U);
    BOOST_TEST(r.excused[static_cast<std::size_t>(excuse_id::paused)] > 0U);
}

BOOST_AUTO_TEST_CASE(a_mistake_that_one_fault_brings_out_is_found_and_shrunk) {
    search_options o = quick();
    o.hook = forgets_keys({"clerk"});
    o.filter.kinds = {"skill.*"};
    o.singles_max = 2'000;
    const search_report r = searched(small_till(), o);
    BOOST_REQUIRE_GE(r.failures.size(), 1U);
    BOOST_TEST(r.singles.failed > 0U);
    BOOST_TEST(r.singles.tried == r.singles.possible);
    const failure_report& f = r.failures.front();
    BOOST_TEST(f.what.what == broken);
    BOOST_TEST(f.shrunk.plan.faults.size() == 1U);
    BOOST_TEST(f.shrunk.plan.faults[0].site == "skill/clerk/charge");
    BOOST_TEST(f.also > 0U);
    BOOST_TEST(f.seeds_tried > r.census.tried);
    std::set<failure_signature> signatures;
    for (const failure_report& one : r.failures) {
        BOOST_TEST(signatures.insert(one.signature).second, "failures that look the same are one");
        BOOST_TEST(execute(one.shrunk, o.hook).find(one.what.what) != nullptr);
    }
    BOOST_TEST(r.failures.size() <= o.failures_max);
    // Three times as many seeds as it took to meet it once, on average.
    BOOST_TEST(r.clean_seeds_wanted() == (3 * r.swarm.tried + r.swarm.failed - 1) / r.swarm.failed);
}

BOOST_AUTO_TEST_CASE(the_result_does_not_depend_on_how_many_run_at_once) {
    search_options o = quick();
    o.hook = forgets_keys({"clerk"});
    o.guided_from = 0;
    o.jobs = 1;
    const std::string one = summary(searched(small_till(), o));
    o.jobs = 2;
    BOOST_TEST(summary(searched(small_till(), o)) == one);
    o.jobs = 5;
    BOOST_TEST(summary(searched(small_till(), o)) == one);
    o.first_seed = 1000;
    BOOST_TEST(summary(searched(small_till(), o)) != one);
}

BOOST_AUTO_TEST_CASE(a_mistake_that_takes_two_faults_is_found_by_pairs_and_not_by_single_ones) {
    auto s = till("two");
    s->agents.pop_back();
    s->triggers.pop_back();
    for (planned_trigger& t : s->triggers) t.times = 1, t.every.reset();
    search_options o = quick();
    o.hook = forgets_keys({"clerk", "other"});
    o.filter.kinds = {"skill.swallowed", "skill.silent", "skill.late"};
    o.singles_max = 500;
    o.pairs_max = 500;
    o.seeds = 0;
    const search_report r = searched(s, o);
    BOOST_TEST(r.singles.tried == r.singles.possible);
    BOOST_TEST(r.singles.failed == 0U);
    BOOST_TEST(r.pairs.failed > 0U);
    BOOST_REQUIRE(!r.failures.empty());
    BOOST_TEST(r.failures.front().shrunk.plan.faults.size() == 2U);
}

BOOST_AUTO_TEST_CASE(the_disk_is_a_place_unless_the_kinds_that_may_be_drawn_leave_it_out) {
    const auto s = small_till();
    const auto calls_of_disk = [&] {
        search_options o = quick();
        o.singles_max = o.pairs_max = o.seeds = 0;
        for (const fault_site& site : searched(s, o).sites)
            if (site.port == fault_port::disk) return site.calls;
        return std::uint64_t{0};
    };
    BOOST_TEST(calls_of_disk() > 50U);
    s->swarm = {"skill.*"};
    BOOST_TEST(calls_of_disk() == 0U);
    s->swarm = {"skill.*", "disk.full"};
    BOOST_TEST(calls_of_disk() > 50U);
}

BOOST_AUTO_TEST_CASE(single_faults_of_the_disk_have_a_share_of_their_own_and_all_of_it_alone) {
    search_options o = quick();
    o.pairs_max = o.seeds = 0;
    const search_report both = searched(small_till(), o);
    BOOST_TEST(both.singles.tried == 200U);
    BOOST_TEST(both.disk.tried == 20U);
    BOOST_TEST(both.disk.possible > 1'000U);
    BOOST_TEST(both.passed());
    o.filter.kinds = {"disk.*"};
    const search_report alone = searched(small_till(), o);
    BOOST_TEST(alone.singles.possible == 0U);
    BOOST_TEST(alone.disk.tried == 200U);
    std::uint64_t met = 0;
    for (const fault_kind_info& k : fault_kinds())
        if (k.port == fault_port::disk) met += alone.met[static_cast<std::size_t>(k.kind)] > 0;
    BOOST_TEST(met == 6U, "every kind of the disk was met");
}

BOOST_AUTO_TEST_CASE(pairs_and_random_plans_draw_the_disk_now_and_then) {
    const plan_space space(placed_census_of(small_till()), {});
    const auto with_disk = [](const fault_plan& p) { return needs_disk(p); };
    std::uint64_t pairs = 0;
    const auto all = space.pairs(400);
    for (const planned_case& p : all) pairs += with_disk(p.plan);
    BOOST_TEST(all.size() == 400U);
    BOOST_TEST(pairs == 40U);
    std::uint64_t drawn = 0;
    for (std::uint64_t seed = 0; seed < 1'600; ++seed) drawn += with_disk(space.draw(seed));
    BOOST_TEST(drawn > 40U);
    BOOST_TEST(drawn < 160U);
    fault_filter only;
    only.kinds = {"disk.*"};
    const plan_space alone(placed_census_of(small_till()), only);
    drawn = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) drawn += with_disk(alone.draw(seed));
    BOOST_TEST(drawn > 80U, "but for seeds that draw no kind at all");
}

BOOST_AUTO_TEST_CASE(calls_are_placed_where_they_were) {
    const auto s = small_till();
    const census found = placed_census_of(s);
    const site_census* charge = find_site(found, "skill/clerk/charge");
    BOOST_REQUIRE(charge);
    BOOST_REQUIRE_EQUAL(charge->when.size(), charge->site.calls);
    BOOST_TEST((charge->when[0].at >= s->start + minutes(30)));
    BOOST_TEST((charge->when[1].at >= s->start + minutes(37)));
    BOOST_TEST((charge->when[0].run == run_id{1}));
    BOOST_TEST((charge->when[1].run == run_id{2}));
    BOOST_TEST(charge->when[0].agent == charge->when[1].agent);
    for (const char* name : {"process/commit", "process/effect", "store", "clock", "command/clerk", "disk"}) {
        const site_census* site = find_site(found, name);
        BOOST_REQUIRE_MESSAGE(site, name);
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(site->when.size() > site->site.calls / 2);
            BOOST_TEST(site->when.size() <= site->site.calls);
            BOOST_TEST(std::is_sorted(site->when.begin(), site->when.end(),
                                      [](const placed_call& a, const placed_call& b) { return a.at < b.at; }));
        }
    }
}

BOOST_AUTO_TEST_CASE(pairs_that_hit_one_run_close_in_time_come_first) {
    auto s = till();
    const plan_space space(placed_census_of(s), {});
    const std::vector<planned_case> pairs = space.pairs(300);
    const auto call_of = [&](const fault& f) {
        const site_census* site = find_site(space.found(), f.site);
        return site && f.ordinal <= site->when.size() ? std::optional(site->when[f.ordinal - 1]) : std::nullopt;
    };
    // The first of all: an ambiguous one and a death, in one run.
    BOOST_REQUIRE_EQUAL(pairs.size(), 300U);
    std::int64_t furthest = 0;
    for (std::size_t i = 0; i < 45; ++i) {
        const fault &a = pairs[i].plan.faults[0], &b = pairs[i].plan.faults[1];
        BOOST_TEST_CONTEXT(to_string(a) << " and " << to_string(b)) {
            BOOST_TEST((info(a.kind).ambiguous || info(b.kind).ambiguous));
            BOOST_TEST((a.kind == fault_kind::process_kill || b.kind == fault_kind::process_kill));
            const auto one = call_of(a), two = call_of(b);
            BOOST_REQUIRE((one && two));
            BOOST_TEST((one->run == two->run));
            const std::int64_t apart = std::abs((one->at - two->at).us / 1000);
            BOOST_TEST(std::bit_width(static_cast<std::uint64_t>(apart)) >=
                       std::bit_width(static_cast<std::uint64_t>(furthest)));
            furthest = std::max(furthest, apart);
        }
    }
    std::set<std::pair<fault, fault>> different;
    for (const planned_case& p : pairs) {
        BOOST_TEST(p.plan.faults[0].site != p.plan.faults[1].site);
        BOOST_TEST(different.emplace(p.plan.faults[0], p.plan.faults[1]).second);
    }
}

BOOST_AUTO_TEST_CASE(a_pair_in_one_run_is_found_among_many_runs_with_a_small_budget) {
    auto s = till("many");
    s->triggers.pop_back();
    search_options o = quick();
    o.hook = minds_what_comes_again();
    o.filter.kinds = {"skill.swallowed", "process.kill"};
    o.singles_max = o.seeds = 0;
    o.pairs_max = 40;
    o.shrinks = false;
    const search_report r = searched(s, o);
    BOOST_TEST(r.pairs.failed > 0U);
    BOOST_REQUIRE(!r.failures.empty());
    const run_case found = r.failures.front().found;
    BOOST_REQUIRE_EQUAL(found.plan.faults.size(), 2U);
    BOOST_TEST(execute(found, o.hook).failed());
    for (const fault& alone : found.plan.faults)
        BOOST_TEST(!execute({found.what, found.seed, {{alone}}}, o.hook).failed(), to_string(alone));
}

BOOST_AUTO_TEST_CASE(a_swarm_alone_finds_it_too_and_varies_the_workload) {
    search_options o = quick();
    o.hook = forgets_keys({"clerk"});
    o.singles_max = o.pairs_max = 0;
    for (const search_guide guide : {search_guide::nothing, search_guide::steps, search_guide::all}) {
        o.guide = guide;
        o.guided_from = 0;
        const search_report r = searched(till(), o);
        BOOST_TEST(r.singles.tried + r.pairs.tried == 0U);
        BOOST_TEST(r.swarm.tried == 100U);
        BOOST_TEST(r.swarm.failed > 0U);
    }
}

BOOST_AUTO_TEST_CASE(time_that_runs_out_ends_the_search_between_two_runs) {
    search_options o = quick();
    int asked = 0;
    o.expired = [&asked] { return ++asked > 3; };
    const search_report r = searched(small_till(), o);
    BOOST_TEST(r.out_of_time);
    BOOST_TEST(r.singles.tried < r.singles.planned);
    BOOST_TEST(r.swarm.tried == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_broken_without_faults_is_reported_and_nothing_is_added_to_it) {
    auto s = small_till();
    s->triggers[0].body = json(R"({"order":"s3cr3t-token","amount":1})");
    const search_report r = searched(s, quick());
    BOOST_TEST(r.census.failed == 3U);
    BOOST_TEST(r.singles.tried + r.swarm.tried == 0U);
    BOOST_REQUIRE_EQUAL(r.failures.size(), 1U);
    BOOST_TEST(r.failures[0].what.what == broken);
    BOOST_TEST(r.failures[0].shrunk.plan.empty());
    BOOST_TEST(r.failures[0].shrinking.events_after <= 3U);
}

BOOST_AUTO_TEST_CASE(filters_that_match_nothing_are_errors) {
    search_options o = quick();
    o.filter.kinds = {"skill.lots"};
    const auto kind = search(small_till(), o);
    BOOST_REQUIRE(!kind);
    BOOST_TEST((kind.error().code == errc::config_value));
    BOOST_TEST(kind.error().help == "Did you mean `skill.lost`?");
    o.filter.kinds = {};
    o.filter.site = "skill/clerk/refund";
    const auto site = search(small_till(), o);
    BOOST_REQUIRE(!site);
    BOOST_TEST((site.error().code == errc::fault_no_site));
    o.filter.site = "skill/clerk/*";
    o.seeds = 20;
    const search_report r = searched(small_till(), o);
    for (std::size_t k = 0; k < fault_kind_count; ++k)
        BOOST_TEST((r.met[k] == 0 || info(static_cast<fault_kind>(k)).port == fault_port::skill));
}

BOOST_AUTO_TEST_CASE(a_scenario_may_say_which_kinds_a_search_draws) {
    auto s = small_till();
    s->swarm = {"skill.late", "process.*"};
    const search_report r = searched(s, quick());
    std::set<std::string> met;
    for (std::size_t k = 0; k < fault_kind_count; ++k)
        if (r.met[k] > 0) met.insert(full_name(info(static_cast<fault_kind>(k))));
    BOOST_TEST((met == std::set<std::string>{"process.kill", "skill.late"}));
}

BOOST_AUTO_TEST_CASE(a_workload_is_varied_unless_the_scenario_names_what_is_drawn_and_not_that) {
    auto s = small_till(); // its amounts are 1200
    search_options o = quick();
    o.hook = forgets_keys({"clerk"}, 1201);
    o.singles_max = o.pairs_max = 0;
    o.seeds = 300;
    s->swarm = {"skill.late", "skill.swallowed"};
    BOOST_TEST(searched(s, o).passed());
    s->swarm.emplace_back(swarm_workload);
    BOOST_TEST(!searched(s, o).passed());
    o.vary_workload = false;
    BOOST_TEST(searched(s, o).passed());
}

BOOST_AUTO_TEST_CASE(the_scenarios_own_faults_are_in_every_plan) {
    auto s = small_till();
    s->faults.faults = {{.site = "skill/clerk/look", .ordinal = 1, .kind = fault_kind::skill_late, .severity = 1}};
    search_options o = quick();
    o.filter.kinds = {"skill.denied"};
    o.filter.site = "skill/clerk/charge"; // elsewhere the own fault goes first
    o.pairs_max = o.seeds = 0;
    const search_report r = searched(s, o);
    BOOST_TEST(r.met[static_cast<std::size_t>(fault_kind::skill_late)] == r.runs);
    BOOST_TEST(r.met[static_cast<std::size_t>(fault_kind::skill_denied)] == r.singles.tried);
}

BOOST_AUTO_TEST_CASE(single_faults_are_every_kind_at_every_call_each_once) {
    const auto s = small_till();
    const census found = census_of(s);
    const plan_space space(found, {});
    std::set<fault> all;
    for (std::uint64_t i = 0; i < space.singles(); ++i) {
        const planned_case p = space.single(i);
        BOOST_REQUIRE_EQUAL(p.plan.faults.size(), 1U);
        BOOST_TEST(all.insert(p.plan.faults[0]).second, "no fault twice");
        const site_census* site = find_site(found, p.plan.faults[0].site);
        BOOST_REQUIRE(site);
        BOOST_TEST(p.plan.faults[0].ordinal <= site->site.calls);
        BOOST_TEST(applies(info(p.plan.faults[0].kind), site->site));
    }
    const site_census* charge = find_site(found, "skill/clerk/charge");
    BOOST_REQUIRE(charge);
    BOOST_TEST(charge->site.calls == 2U);
    std::uint64_t wanted = 0;
    for (const fault_kind_info& k : fault_kinds())
        if (applies(k, charge->site))
            wanted += charge->site.calls * (k.repeats ? 2 : 1) * (k.span.name.empty() ? 1 : 3) *
                      std::max<std::size_t>(1, k.forms.size());
    const auto at_charge =
        std::count_if(all.begin(), all.end(), [](const fault& f) { return f.site == "skill/clerk/charge"; });
    BOOST_TEST(static_cast<std::uint64_t>(at_charge) == wanted);
}

BOOST_AUTO_TEST_CASE(a_single_fault_runs_under_a_seed_that_calls_its_place_so_often) {
    census c;
    c.seeds = {5};
    c.add({{.name = "model/a", .port = fault_port::model, .calls = 2}});
    c.seeds.push_back(6);
    c.add({{.name = "model/a", .port = fault_port::model, .calls = 4},
           {.name = "user/a", .port = fault_port::user, .calls = 1}});
    BOOST_TEST(c.seed_for("model/a", 2) == 5U);
    BOOST_TEST(c.seed_for("model/a", 3) == 6U);
    BOOST_TEST(c.seed_for("user/a", 1) == 6U);
    BOOST_TEST(c.seed_for("model/b", 1) == 5U);
    BOOST_TEST(find_site(c, "model/a")->site.calls == 4U);
    const plan_space space(c, {.kinds = {"model.empty"}, .swarm = {}, .site = {}});
    BOOST_TEST(space.singles() == 8U); // four calls, once and always
}

BOOST_AUTO_TEST_CASE(pairs_are_different_stand_at_two_places_and_begin_with_what_is_ambiguous) {
    const plan_space space(census_of(till()), {});
    const std::vector<planned_case> pairs = space.pairs(300);
    BOOST_TEST(pairs.size() == 300U);
    std::set<std::vector<fault>> all;
    for (const planned_case& p : pairs) {
        BOOST_REQUIRE_EQUAL(p.plan.faults.size(), 2U);
        BOOST_TEST(p.plan.faults[0].site != p.plan.faults[1].site);
        BOOST_TEST(all.insert(p.plan.faults).second);
    }
    for (std::size_t i = 0; i < 100; ++i) {
        const auto& f = pairs[i].plan.faults;
        BOOST_TEST((info(f[0].kind).ambiguous || info(f[1].kind).ambiguous));
        BOOST_TEST((f[0].kind == fault_kind::process_kill || f[1].kind == fault_kind::process_kill));
    }
    BOOST_CHECK(space.pairs(0).empty());
}

BOOST_AUTO_TEST_CASE(a_seed_draws_the_same_plan_again_and_seeds_draw_different_subsets_of_kinds) {
    const plan_space space(census_of(till()), {});
    std::set<fault_kind> kinds;
    std::set<std::size_t> sizes;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        const fault_plan plan = space.draw(seed);
        BOOST_CHECK(plan == space.draw(seed));
        sizes.insert(plan.faults.size());
        for (const fault& f : plan.faults) {
            kinds.insert(f.kind);
            const site_census* site = find_site(space.found(), f.site);
            BOOST_REQUIRE(site);
            BOOST_TEST(applies(info(f.kind), site->site));
            BOOST_TEST(f.severity >= 1);
            BOOST_TEST(f.severity <= 3);
            BOOST_TEST((f.times == 1 || info(f.kind).repeats));
        }
    }
    BOOST_TEST(sizes.count(1) == 1U);
    BOOST_TEST(sizes.count(5) == 1U);
    BOOST_TEST(kinds.size() > 15U);
}

BOOST_AUTO_TEST_CASE(a_sample_is_even_and_all_of_it_when_there_is_room) {
    BOOST_TEST(sample_evenly(5, 10, "x").size() == 5U);
    BOOST_TEST(sample_evenly(0, 10, "x").empty());
    BOOST_TEST(sample_evenly(7, 0, "x").empty());
    const auto some = sample_evenly(1'000'003, 100, "x");
    BOOST_TEST(some.size() == 100U);
    for (std::size_t i = 0; i < some.size(); ++i) {
        BOOST_TEST(some[i] >= i * 10'000);
        BOOST_TEST(some[i] < (i + 1) * 10'001);
    }
    BOOST_TEST((some == sample_evenly(1'000'003, 100, "x")));
    BOOST_TEST((some != sample_evenly(1'000'003, 100, "y")));
    BOOST_TEST(sample_evenly(UINT64_MAX, 3, "x").back() > UINT64_MAX / 2);
}

BOOST_AUTO_TEST_SUITE_END()
