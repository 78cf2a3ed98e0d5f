#include "sim/faulty_run.hpp"

#include <algorithm>
#include <string>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "sim/runner.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

/// Writes two values in each run, one run a minute.
std::shared_ptr<scenario> writing() {
    auto s = std::make_shared<scenario>();
    s->name = "writing";
    s->file = "writing.yaml";
    s->start = spec::start;
    s->horizon = hours(2);
    s->agents = {make_steps_agent("writer", {make_binding("set", make_skill("kv.set", {.takes_key = true}))},
                                  {{"one", "set", {.arguments = R"({"key":"a","value":1})"}},
                                   {"two", "set", {.arguments = R"({"key":"b","value":"${trigger.v}"})"}}})};
    s->world = json(R"({"kv":{}})");
    s->latencies.set("", latency_model::uniform(milliseconds(1), seconds(5)));
    s->triggers.push_back({.after = seconds(1),
                           .every = minutes(1),
                           .times = 5,
                           .agent = "writer",
                           .event = {},
                           .body = json(R"({"v":7})"),
                           .where = {}});
    return s;
}

std::string findings(const run_report& r) {
    std::string out;
    for (const finding& f : r.findings) out += f.what + ": " + f.expected + " / " + f.actual + "\n";
    return out;
}

/// What a fault does to the whole; runs that ended with success.
std::uint64_t successes_under(const scenario& s, const fault& f, std::uint64_t met = 1) {
    const planned_world w = run_planned(s, 1, {{f}});
    BOOST_TEST_CONTEXT(to_string(f)) {
        BOOST_TEST(findings(w.report) == "");
        BOOST_TEST(w.report.met.size() == met);
    }
    std::uint64_t n = 0;
    for (const auto& [id, run] : w.world->log().runs())
        n += run.outcome && to_string(run.outcome->status) == std::string_view("success");
    return n;
}

} // namespace

BOOST_AUTO_TEST_SUITE(runs_under_faults)

BOOST_AUTO_TEST_CASE(a_clean_run_counts_the_places_of_faults) {
    const planned_world w = run_planned(*writing(), 1, {});
    BOOST_TEST(findings(w.report) == "");
    std::string sites;
    for (const fault_site& s : w.report.sites) sites += s.name + " " + std::to_string(s.calls) + "\n";
    BOOST_TEST(sites == "clock 16\ncommand/writer 10\nprocess/commit 16\nprocess/effect 10\nskill/writer/set 10\n"
                        "store 16\nties 8\n");
}

BOOST_AUTO_TEST_CASE(an_empty_plan_changes_nothing) {
    const auto s = writing();
    BOOST_CHECK(run_planned(*s, 3, {}).report.outcome == run_once(*s, 3).outcome);
}

BOOST_AUTO_TEST_CASE(a_killed_process_is_started_again_wherever_it_died) {
    const auto s = writing();
    for (std::uint64_t n = 1; n <= 16; ++n)
        BOOST_TEST(successes_under(*s, {.site = "process/commit", .ordinal = n, .kind = fault_kind::process_kill}) ==
                   5U);
    for (std::uint64_t n = 1; n <= 10; ++n)
        BOOST_TEST(successes_under(*s, {.site = "process/effect", .ordinal = n, .kind = fault_kind::process_kill}) ==
                   5U);
}

BOOST_AUTO_TEST_CASE(a_crash_loop_ends_with_the_faults) {
    const fault f{.site = "process/commit", .ordinal = 3, .kind = fault_kind::process_kill, .times = fault::always};
    const planned_world w = run_planned(*writing(), 1, {{f}});
    BOOST_TEST(findings(w.report) == "");
    BOOST_TEST(w.report.met.size() > 5U);
    BOOST_TEST(w.report.runs == 5U);
}

BOOST_AUTO_TEST_CASE(a_store_that_fails_or_leaves_doubt_loses_nothing) {
    const auto s = writing();
    // A second: short enough for no deadline of what was decided and waits for its commit.
    for (const fault_kind kind :
         {fault_kind::store_commit_fails, fault_kind::store_commit_lost, fault_kind::store_commit_kept})
        for (std::uint64_t n = 1; n <= 16; ++n)
            BOOST_TEST(successes_under(*s, {.site = "store", .ordinal = n, .kind = kind, .severity = 1}) == 5U);
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_stops_the_store_for_a_while_and_nothing_is_lost) {
    const auto s = writing();
    const std::vector<fault_site> sites =
        run_planned(*s, 1, {{{.site = "disk", .ordinal = 1, .kind = fault_kind::disk_slow}}}).report.sites;
    const auto disk = std::find_if(sites.begin(), sites.end(), [](const fault_site& x) { return x.name == "disk"; });
    BOOST_REQUIRE(disk != sites.end());
    BOOST_TEST(disk->calls > 50U);
    for (const fault_kind kind :
         {fault_kind::disk_full, fault_kind::disk_io_error, fault_kind::disk_sync_fails, fault_kind::disk_short_read})
        for (std::uint64_t n = 1; n <= disk->calls; n += 3)
            for (const std::uint64_t times : {std::uint64_t{1}, fault::always}) {
                const fault f{.site = "disk", .ordinal = n, .kind = kind, .times = times, .severity = 1};
                const planned_world w = run_planned(*s, 1, {{f}});
                BOOST_TEST_CONTEXT(to_string(f)) {
                    BOOST_TEST(findings(w.report) == "");
                    BOOST_TEST(w.report.runs == 5U);
                }
            }
}

BOOST_AUTO_TEST_CASE(a_disk_that_fails_while_a_process_starts_again_is_waited_for) {
    const auto s = writing();
    const fault kill{.site = "process/commit", .ordinal = 9, .kind = fault_kind::process_kill, .severity = 1};
    const fault never{.site = "disk", .ordinal = 1'000'000, .kind = fault_kind::disk_slow};
    const std::vector<std::uint64_t> calls = run_planned(*s, 1, {{never}}).report.disk_calls_by_commit;
    BOOST_REQUIRE_GT(calls.size(), 9U);
    for (const fault_kind kind : {fault_kind::disk_full, fault_kind::disk_io_error, fault_kind::disk_short_read})
        for (std::uint64_t n = calls[7] + 1; n < calls[7] + 60; n += 2) {
            const fault f{.site = "disk", .ordinal = n, .kind = kind, .severity = 1};
            const planned_world w = run_planned(*s, 1, {{kill, f}});
            BOOST_TEST_CONTEXT(to_string(f)) {
                BOOST_TEST(findings(w.report) == "");
                BOOST_TEST(w.report.excused.empty());
                BOOST_TEST(w.report.runs == 5U);
            }
        }
}

BOOST_AUTO_TEST_CASE(a_slow_disk_takes_virtual_time) {
    const auto ends = [](duration after) {
        const auto s = writing();
        const fault f{.site = "disk", .ordinal = 20, .kind = fault_kind::disk_slow, .span = after};
        const planned_world w = run_planned(*s, 1, {{f}});
        BOOST_TEST(findings(w.report) == "");
        BOOST_TEST(w.report.runs == 5U);
        instant last;
        for (const auto& [id, run] : w.world->log().runs()) last = std::max(last, run.entries.back().settled_at);
        return last;
    };
    BOOST_TEST((ends(seconds(3)) > ends(microseconds(1)) + seconds(10)));
}

BOOST_AUTO_TEST_CASE(two_runs_on_a_faulty_disk_give_one_journal) {
    const auto s = writing();
    s->faults = {{{.site = "disk", .ordinal = 40, .kind = fault_kind::disk_io_error, .severity = 1}}};
    const verify_report v = verify_once(*s, 1);
    BOOST_TEST(findings(v.run) == "");
    BOOST_TEST(!v.diverged.has_value());
    BOOST_TEST(v.run.inputs > 15U);
}

BOOST_AUTO_TEST_CASE(clocks_that_jump_do_not_stop_the_agents) {
    const auto s = writing();
    for (const fault_kind kind :
         {fault_kind::clock_forward, fault_kind::clock_back, fault_kind::clock_drift, fault_kind::clock_sleep})
        for (std::uint8_t severity = 1; severity <= 3; ++severity)
            BOOST_TEST(successes_under(*s, {.site = "clock", .ordinal = 4, .kind = kind, .severity = severity}) >= 4U);
}

BOOST_AUTO_TEST_CASE(an_operator_pauses_cancels_and_reconfigures) {
    const auto s = writing();
    const auto with = [&](fault_kind kind, std::uint8_t form = 0) {
        return successes_under(*s, {.site = "command/writer", .ordinal = 3, .kind = kind, .form = form});
    };
    BOOST_TEST(with(fault_kind::command_pause) == 5U);
    BOOST_TEST(with(fault_kind::command_cancel) == 4U);
    BOOST_TEST(with(fault_kind::command_reactivate) == 5U);
    // One skill call a run is too few for all runs that begin after the agent was narrowed.
    BOOST_TEST(with(fault_kind::command_reactivate, 1) == 2U);
}

BOOST_AUTO_TEST_CASE(a_narrowed_agent_survives_the_death_of_its_process) {
    const fault_plan plan{{{.site = "command/writer", .ordinal = 3, .kind = fault_kind::command_reactivate, .form = 1},
                           {.site = "process/commit", .ordinal = 12, .kind = fault_kind::process_kill}}};
    BOOST_TEST(findings(run_planned(*writing(), 1, plan).report) == "");
}

BOOST_AUTO_TEST_CASE(ties_are_permuted_by_key_and_two_keys_differ) {
    auto s = writing();
    s->latencies.set("", latency_model::fixed(seconds(1)));
    for (int i = 0; i < 6; ++i) s->triggers.push_back(s->triggers.front());
    const auto outcome = [&](std::uint64_t key) {
        return run_planned(*s, 1, {{{.site = "ties", .ordinal = key, .kind = fault_kind::ties_permute}}})
            .report.outcome;
    };
    for (std::uint64_t i = 0; i < s->triggers.size(); ++i)
        s->triggers[i].body = json("{\"v\":" + std::to_string(i) + "}");
    BOOST_CHECK(outcome(1) == outcome(1));
    BOOST_CHECK(outcome(1) != outcome(2));
}

BOOST_AUTO_TEST_CASE(what_the_file_expects_is_asked_under_its_own_plan_only) {
    auto s = writing();
    expectation e;
    e.what = expectation::kind::runs;
    e.run_status = "success";
    e.count = {5, 5};
    s->expectations = {e};
    const fault cancel{.site = "command/writer", .ordinal = 1, .kind = fault_kind::command_cancel};
    BOOST_TEST(findings(run_planned(*s, 1, {{cancel}}).report) == "");
    s->faults = {{cancel}};
    BOOST_TEST(findings(run_once(*s, 1)) == "runs: success: 5 / 4\n");
}

BOOST_AUTO_TEST_CASE(a_stale_plan_is_reported) {
    auto s = writing();
    s->faults = {{{.site = "skill/writer/set", .ordinal = 99, .kind = fault_kind::skill_lost},
                  {.site = "skill/writer/get", .ordinal = 1, .kind = fault_kind::skill_lost},
                  {.site = "model/reader", .ordinal = 1, .kind = fault_kind::model_late}}};
    BOOST_TEST(findings(run_once(*s, 1)) ==
               "fault.not_met: call 99 of skill/writer/set / skill/writer/set #99 lost after=2s\n"
               "fault.no_site: a place of this scenario / skill/writer/get #1 lost after=2s\n"
               "fault.no_site: a place of this scenario / model/reader #1 late late=2m\n");
}

BOOST_AUTO_TEST_CASE(runs_that_never_end_are_found_when_the_faults_are_over) {
    // The planted bug: an agent whose deadlines are so far away that a call without an answer holds it up.
    auto s = writing();
    s->horizon = minutes(3);
    auto patient = std::make_shared<agent_snapshot>(*s->agents.front());
    patient->limits.run_timeout = days(300);
    patient->limits.step_timeout = days(300);
    auto skill = std::make_shared<skill_contract>(*patient->bindings.front().skill);
    skill->timeout = days(300);
    patient->bindings.front().skill = skill;
    s->agents = {patient};
    const fault f{.site = "skill/writer/set", .ordinal = 1, .kind = fault_kind::skill_silent};
    const run_report r = run_planned(*s, 1, {{f}}).report;
    BOOST_REQUIRE_GE(r.findings.size(), 1U);
    BOOST_TEST(r.findings[0].what == "scenario.not_converged");
    BOOST_TEST(r.findings[0].actual.find("run-1 of writer is open, waiting for call-1") != std::string::npos);
}

RC_BOOST_PROP(any_plan_gives_the_same_world_twice, ()) {
    const auto s = writing();
    const std::vector<fault_site> sites = run_planned(*s, 1, {}).report.sites;
    fault_plan plan;
    const int n = *rc::gen::inRange(1, 5);
    for (int i = 0; i < n; ++i) {
        const fault_site site = *rc::gen::elementOf(sites);
        const fault_kind_info kind =
            *rc::gen::suchThat(rc::gen::elementOf(fault_kinds()), [&](const auto& k) { return k.port == site.port; });
        fault f{.site = site.name, .ordinal = *rc::gen::inRange<std::uint64_t>(1, site.calls + 1), .kind = kind.kind};
        f.severity = *rc::gen::inRange<std::uint8_t>(1, 4);
        if (kind.repeats) f.times = *rc::gen::inRange<std::uint64_t>(1, 4);
        plan.faults.push_back(std::move(f));
    }
    const planned_world a = run_planned(*s, 1, plan), b = run_planned(*s, 1, plan);
    for (const fault& f : plan.faults) RC_LOG() << to_string(f) << "\n";
    RC_LOG() << findings(a.report);
    RC_ASSERT(a.report.passed());
    RC_ASSERT(a.report.outcome == b.report.outcome);
    RC_ASSERT(a.report.met == b.report.met);
}

BOOST_AUTO_TEST_SUITE_END()
