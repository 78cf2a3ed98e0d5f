#include "sim/runner.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

const char* name_of(errc c) { return aivp::info(c).name.data(); }

/// Writes two values, one after the other.
snapshot_ptr writer(std::string id = "writer") {
    return make_steps_agent(std::move(id), {make_binding("set", make_skill("kv.set", {.cost = {3}}))},
                            {{"one", "set", {.arguments = R"({"key":"a","value":1})"}},
                             {"two", "set", {.arguments = R"({"key":"b","value":"${trigger.v}"})"}}});
}

std::shared_ptr<scenario> writing(std::string name = "writing", std::uint64_t times = 2) {
    auto s = std::make_shared<scenario>();
    s->name = std::move(name);
    s->file = s->name + ".yaml";
    s->start = spec::start;
    s->horizon = hours(2);
    s->agents = {writer()};
    s->world = json(R"({"kv":{}})");
    s->latencies.set("", latency_model::uniform(milliseconds(1), seconds(5)));
    s->triggers.push_back({.after = seconds(1),
                           .every = minutes(1),
                           .times = times,
                           .agent = "writer",
                           .event = {},
                           .body = json(R"({"v":7})"),
                           .where = {}});
    return s;
}

std::shared_ptr<scenario> talking() {
    auto s = writing("talking");
    s->agents = {make_loop_agent("writer", {make_binding("set", make_skill("kv.set"))}, "go")};
    return s;
}

std::string findings(const run_report& r) {
    std::string out;
    for (const finding& f : r.findings)
        out += std::string(name_of(f.code)) + " [" + f.what + "] " + f.expected + " / " + f.actual + "\n";
    return out;
}

expectation expect(expectation::kind what, std::uint64_t n) {
    expectation e;
    e.what = what;
    e.count = {n, n};
    return e;
}

// What a host must never use, as a planted bug: something that differs from run to run.
std::atomic<std::uint64_t> global_counter{0};

class unsteady_model final : public model_provider {
public:
    void call(const model_request& r, completion_sink& sink) override {
        sink.model_done({.ref = {r.run, r.call},
                         .response = make_answer("answer " + std::to_string(++global_counter)),
                         .message = {}});
    }
    void cancel(call_ref) override {}
};

/// Calls a skill in the first world that it is in, and in the second it does not.
class moody_model final : public model_provider {
public:
    explicit moody_model(bool calls) : calls_(calls) {}
    void call(const model_request& r, completion_sink& sink) override {
        const bool first = calls_ && r.messages.size() == 1;
        sink.model_done(
            {.ref = {r.run, r.call},
             .response = first ? make_turn({make_call("set", R"({"key":"a","value":1})")}) : make_answer("done"),
             .message = {}});
    }
    void cancel(call_ref) override {}

private:
    bool calls_;
};

/// Leaves a trace in the world that the engine does not see.
class leaky_connector final : public forwarding_connector {
public:
    leaky_connector(connector_port& next, world_ledger& ledger) : forwarding_connector(next), ledger_(ledger) {}
    void call(const skill_request& r, completion_sink& sink) override {
        ledger_entry e;
        e.operation = "kv.trace";
        e.target = std::to_string(++global_counter);
        ledger_.append(e);
        forwarding_connector::call(r, sink);
    }

private:
    world_ledger& ledger_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(runner)

BOOST_AUTO_TEST_CASE(a_scenario_in_order_passes_and_says_what_it_did) {
    const auto s = writing();
    const run_report r = run_once(*s, 1);
    BOOST_TEST(findings(r) == "");
    BOOST_TEST(r.passed());
    BOOST_TEST(r.scenario == "writing");
    BOOST_TEST(r.file == "writing.yaml");
    BOOST_TEST(r.runs == 2U);
    BOOST_TEST(r.effects == 4U);
    BOOST_TEST(r.inputs == 7U); // activation, two starts, four answers
    BOOST_TEST(r.cost.value == 12);
    BOOST_TEST(to_string(r.stopped) == "idle");
    BOOST_TEST(r.virtual_time.us > minutes(1).us);
    BOOST_TEST(r.property_checks.size() == property_count);
    BOOST_CHECK(r.outcome == run_once(*s, 1).outcome);
    BOOST_CHECK(r.outcome != run_once(*s, 2).outcome);
}

BOOST_AUTO_TEST_CASE(the_horizon_ends_a_scenario_and_triggers_beyond_it_are_left_out) {
    auto s = writing("long", 1000);
    s->horizon = minutes(10);
    const run_report r = run_once(*s, 1);
    BOOST_TEST(r.runs == 10U);
    BOOST_TEST(to_string(r.stopped) == (r.virtual_time < minutes(10) ? "idle" : "horizon"));
    BOOST_TEST(r.virtual_time.us <= minutes(10).us);
}

BOOST_AUTO_TEST_CASE(more_events_than_allowed_is_a_finding) {
    auto s = writing();
    s->max_events = 3;
    BOOST_TEST(findings(run_once(*s, 1)) == "scenario.budget [max_events] at most 3 events / more\n");
}

BOOST_AUTO_TEST_CASE(a_trigger_for_an_agent_that_is_not_there_is_a_finding) {
    auto s = writing();
    s->triggers[0].agent = "reader";
    const run_report r = run_once(*s, 1);
    BOOST_REQUIRE_EQUAL(r.findings.size(), 1U);
    BOOST_TEST(std::string(name_of(r.findings[0].code)) == "trigger.no_agent");
}

BOOST_AUTO_TEST_CASE(a_world_that_cannot_be_built_is_a_finding) {
    auto s = writing();
    s->world = json(R"({"vk":{}})");
    const run_report r = run_once(*s, 1);
    BOOST_REQUIRE_EQUAL(r.findings.size(), 1U);
    BOOST_TEST(std::string(name_of(r.findings[0].code)) == "config.unknown_key");
    BOOST_TEST(r.findings[0].what == "world");
    BOOST_TEST(!verify_once(*s, 1).diverged.has_value());
}

BOOST_AUTO_TEST_CASE(a_violated_property_is_a_finding_with_its_moment_unless_it_is_muted) {
    // The planted bug: the far side puts a secret into its answers in a spelling that nobody scrubs.
    auto s = writing();
    s->secrets = {{"api", "s3cr3t-token"}};
    s->triggers[0].body = json(R"({"v":"s3cr3t-token"})");
    const run_report r = run_once(*s, 1);
    BOOST_REQUIRE_EQUAL(r.findings.size(), 2U);
    BOOST_TEST(std::string(name_of(r.findings[0].code)) == "scenario.property");
    BOOST_TEST(r.findings[0].what == "secret.never_leaves");
    BOOST_TEST(r.findings[0].moment.size() > 5U);
    BOOST_TEST(r.findings[0].moment.substr(4) == "@1000");
    BOOST_TEST(r.findings[1].what == "secret.never_reaches_the_world_unasked");
    s->muted = {property_id::secret_never_leaves, property_id::secret_never_unasked};
    BOOST_TEST(run_once(*s, 1).passed());
    BOOST_TEST(run_once(*s, 1).violated.empty());
}

BOOST_AUTO_TEST_CASE(a_property_of_the_scenario_is_a_finding_under_its_name_and_at_its_place) {
    auto s = writing();
    std::vector<error> errors;
    const auto state = [&](const char* name, const char* text, property_mode mode, std::uint32_t line) {
        auto program = compile_property({text, {}, {}}, {}, errors);
        BOOST_REQUIRE_MESSAGE(program, text);
        s->properties.push_back({name, mode, {s->file, line, 7}, std::move(program)});
    };
    state("each key is set once", "count(ledger where operation == \"kv.set\" per target) <= 1", property_mode::always,
          8);
    state("nothing fails", "count(calls where outcome != \"ok\") == 0", property_mode::finally, 9);
    state("a call is slow", "max(latency of calls) > 4s", property_mode::sometimes, 10);
    state("a call takes an hour", "max(latency of calls) > 1h", property_mode::sometimes, 11);
    const run_report r = run_once(*s, 1);
    BOOST_TEST(findings(r) == "scenario.property [each key is set once] count(ledger where operation == \"kv.set\" per "
                              "target) <= 1 / 2, for target = \"a\"\n");
    BOOST_TEST(to_string(r.findings[0].where) == "writing.yaml:8:7");
    BOOST_TEST(r.findings[0].moment.size() > 5U);

    const std::vector<scenario_report> all = run_batch({s}, {.seeds = 20, .jobs = 2});
    BOOST_REQUIRE_EQUAL(all[0].own.size(), 4U);
    BOOST_TEST(all[0].seeds_failed == 20U);
    BOOST_TEST(all[0].own[0].violated);
    BOOST_TEST(!all[0].own[1].violated);
    BOOST_TEST(all[0].own[1].evaluations == 20U);
    BOOST_TEST(all[0].own[2].reached);
    BOOST_TEST(!all[0].own[3].reached);
    BOOST_TEST((all[0].violated == std::vector{property_id::scenario_own}));
}

BOOST_AUTO_TEST_CASE(expectations_that_hold_are_silent_and_others_show_both_sides) {
    using kind = expectation::kind;
    auto s = writing();
    const auto check = [&](expectation e, std::uint64_t right, const char* words) {
        e.count = {right, right};
        s->expectations = {e};
        BOOST_TEST(findings(run_once(*s, 1)) == "");
        e.count = {right + 1, right + 1};
        s->expectations = {e};
        BOOST_TEST(findings(run_once(*s, 1)) == "scenario.expectation [" + std::string(words) + "] " +
                                                    std::to_string(right + 1) + " / " + std::to_string(right) + "\n");
    };
    expectation e = expect(kind::runs, 0);
    e.run_status = "success";
    check(e, 2, "runs: success");
    e.run_status = "open";
    e.agent = "writer";
    check(e, 0, "runs of writer: open");
    e.run_status = "total";
    e.agent = "nobody";
    check(e, 0, "runs of nobody: total");
    e = expect(kind::calls, 0);
    e.as = "set";
    e.outcome = "ok";
    check(e, 4, "calls: set ok");
    e.as = "kv.set";
    e.outcome = "unknown";
    check(e, 0, "calls: kv.set unknown");
    e = expect(kind::refused, 0);
    check(e, 0, "refused calls: all");
    e = expect(kind::outcomes, 0);
    e.code = "ok";
    check(e, 2, "runs that end with ok");
    e = expect(kind::ledger, 0);
    e.filter.operation = "kv.set";
    check(e, 4, "calls that reached the world: kv.set");
    e = expect(kind::answer, 0);
    e.contains = "x";
    check(e, 0, "answers that contain \"x\"");

    e = expect(kind::world, 0);
    e.part = json(R"({"kv":{"agents":{"writer":{"b":{"value":7}}}}})");
    s->expectations = {e};
    BOOST_TEST(findings(run_once(*s, 1)) == "");
    e.part = json(R"({"kv":{"agents":{"writer":{"b":{"value":8}}}}})");
    s->expectations = {e};
    const run_report wrong = run_once(*s, 1);
    BOOST_REQUIRE_EQUAL(wrong.findings.size(), 1U);
    BOOST_TEST(wrong.findings[0].expected.starts_with("kv: {"));
    BOOST_TEST(wrong.findings[0].actual.find("\"value\":7") != std::string::npos);
    e.part = json(R"({"mail":{}})");
    s->expectations = {e};
    BOOST_TEST(run_once(*s, 1).findings.at(0).actual == "mail does not exist");
}

BOOST_AUTO_TEST_CASE(calls_and_runs_that_ended_badly_are_counted_as_such) {
    using kind = expectation::kind;
    auto s = writing();
    s->agents = {make_steps_agent("writer",
                                  {make_binding("set", make_skill("kv.set", {.timeout = seconds(1)})),
                                   make_binding("none", make_skill("kv.nothing", {.effect = effect_class::read}))},
                                  {{"one", "none", {.error_policy = on_error::proceed}},
                                   {"two", "set", {.arguments = R"({"key":"a","value":1})"}}},
                                  {.triggers = {{.id = "by-hand",
                                                 .when = manual_schedule{},
                                                 .payload_schema = {},
                                                 .overlap = overlap_policy::refuse,
                                                 .where = {}}}})};
    s->latencies.set("", latency_model::fixed(seconds(30)));
    s->triggers[0].every = seconds(1);
    expectation failed = expect(kind::calls, 1), unknown = expect(kind::calls, 1),
                refused = expect(kind::refused_triggers, 1), ended = expect(kind::outcomes, 1);
    failed.outcome = "failed";
    failed.as = "none";
    unknown.outcome = "unknown";
    refused.agent = "writer";
    refused.as = "by-hand";
    refused.code = "trigger.refused";
    ended.code = "skill.outcome_unknown";
    s->expectations = {failed, unknown, refused, ended};
    BOOST_TEST(findings(run_once(*s, 1)) == "");
}

BOOST_AUTO_TEST_CASE(counts_are_told_in_words) {
    BOOST_TEST((expected_count{2, 2}.to_string()) == "2");
    BOOST_TEST((expected_count{2, {}}.to_string()) == "at least 2");
    BOOST_TEST((expected_count{0, 5}.to_string()) == "at most 5");
    BOOST_TEST((expected_count{2, 5}.to_string()) == "2 to 5");
    BOOST_TEST((expected_count{2, 5}.holds(5)));
    BOOST_TEST(!(expected_count{2, 5}.holds(6)));
    BOOST_TEST(!(expected_count{2, {}}.holds(1)));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(verification)

BOOST_AUTO_TEST_CASE(a_deterministic_scenario_does_not_diverge) {
    const auto s = writing();
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const verify_report v = verify_once(*s, seed);
        BOOST_TEST(!v.diverged.has_value());
        BOOST_TEST(v.run.passed());
    }
}

BOOST_AUTO_TEST_CASE(a_model_that_answers_differently_each_time_is_caught_at_the_first_differing_record) {
    const auto s = talking();
    const verify_report v = verify_once(*s, 1, [](simulation_setup& setup) {
        setup.ports = [](const world_parts&) {
            return world_ports{std::make_shared<unsteady_model>(), nullptr, nullptr};
        };
    });
    BOOST_REQUIRE(v.diverged);
    BOOST_TEST(v.diverged->seq.value == 3U); // activation, start, the first answer
    const payload first = json(v.diverged->first), second = json(v.diverged->second);
    BOOST_TEST(as_integer(*member(first, "seq")).value() == 3);
    BOOST_TEST(as_string(*at_pointer(first, "/events/0/type")).value() == "model_settled");
    BOOST_REQUIRE_EQUAL(v.diverged->differences.size(), 2U);
    BOOST_TEST(v.diverged->differences[0].pointer == "/events/0/response/content");
    BOOST_TEST(v.diverged->differences[1].pointer == "/events/1/details/answer");
    BOOST_CHECK(*v.diverged->differences[0].left == *at_pointer(first, "/events/0/response/content"));
    BOOST_CHECK(*v.diverged->differences[0].right == *at_pointer(second, "/events/0/response/content"));
    BOOST_CHECK(*v.diverged->differences[0].left != *v.diverged->differences[0].right);
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_on_where_the_other_has_ended_is_caught) {
    auto s = talking();
    s->triggers[0].times = 1;
    int worlds = 0;
    const verify_report v = verify_once(*s, 1, [&](simulation_setup& setup) {
        setup.ports = [&](const world_parts&) {
            return world_ports{std::make_shared<moody_model>(worlds++ == 1), nullptr, nullptr};
        };
    });
    BOOST_REQUIRE(v.diverged);
    BOOST_TEST(v.diverged->seq.value == 3U);
    BOOST_TEST(v.diverged->first.find("\"type\":\"run_finished\"") != std::string::npos);
    BOOST_TEST(v.diverged->second.find("\"type\":\"call_intended\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_journal_that_ends_early_shows_an_empty_side) {
    const auto s = writing("early", 1);
    int worlds = 0;
    const verify_report v = verify_once(*s, 1, [&](simulation_setup& setup) {
        if (worlds++ == 1) setup.agents.push_back(writer("second"));
    });
    BOOST_REQUIRE(v.diverged);
    BOOST_TEST(v.diverged->seq.value == 2U);
    auto silent = writing("silent", 1);
    silent->triggers.clear();
    worlds = 0;
    const verify_report w = verify_once(*silent, 1, [&](simulation_setup& setup) {
        if (worlds++ == 1) setup.agents.push_back(writer("second"));
    });
    BOOST_REQUIRE(w.diverged);
    BOOST_TEST(w.diverged->first.empty());
    BOOST_TEST(w.diverged->second.find("\"id\":\"second\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_world_that_changes_behind_the_engine_s_back_is_caught_too) {
    const auto s = writing();
    const verify_report v = verify_once(*s, 1, [](simulation_setup& setup) {
        setup.ports = [](const world_parts& parts) {
            return world_ports{nullptr, nullptr, std::make_shared<leaky_connector>(parts.mocks, parts.ledger)};
        };
    });
    BOOST_REQUIRE(v.diverged);
    BOOST_TEST(v.diverged->seq.value == v.run.inputs + 1);
    BOOST_TEST(v.diverged->first.find("kv.trace") != std::string::npos);
    BOOST_TEST(v.diverged->first != v.diverged->second);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(batches)

namespace {

std::string outline(const std::vector<scenario_report>& reports) {
    std::string out;
    for (const scenario_report& r : reports) {
        out += r.what->name + " " + std::to_string(r.seeds_run) + "/" + std::to_string(r.seeds_failed) + " " +
               std::to_string(r.inputs) + " " + std::to_string(r.effects) + " " + std::to_string(r.runs) + " " +
               to_string(r.virtual_time) + " " + to_hex(r.outcomes);
        for (const run_report& f : r.failed) out += " !" + std::to_string(f.seed);
        for (const std::uint64_t n : r.property_checks) out += " " + std::to_string(n);
        out += "\n";
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(results_do_not_depend_on_the_number_of_jobs) {
    auto failing = writing("failing");
    failing->expectations = {expect(expectation::kind::refused, 1)};
    const std::vector<std::shared_ptr<const scenario>> all{writing("one"), failing, writing("three", 5), talking()};
    std::string first;
    for (const unsigned jobs : {1U, 4U, 0U, 64U}) {
        std::uint64_t calls = 0, last = 0;
        const auto reports = run_batch(all, {.first_seed = 7,
                                             .seeds = 9,
                                             .jobs = jobs,
                                             .verify = jobs == 4,
                                             .progress = [&](std::uint64_t done, std::uint64_t of) {
                                                 ++calls;
                                                 last = done;
                                                 BOOST_TEST(of == 36U);
                                             }});
        BOOST_TEST(calls == 36U);
        BOOST_TEST(last == 36U);
        const std::string now = outline(reports);
        if (first.empty()) first = now;
        BOOST_TEST(now == first);
    }
    BOOST_TEST(first.find("failing 9/9") != std::string::npos);
    BOOST_TEST(first.find("!7 !8 !9 !10 !11 ") != std::string::npos);
    BOOST_TEST(first.find("!12") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_batch_of_nothing_is_empty) {
    BOOST_TEST(run_batch({}, {}).empty());
    const auto none = run_batch({writing()}, {.seeds = 0});
    BOOST_REQUIRE_EQUAL(none.size(), 1U);
    BOOST_TEST(none[0].seeds_run == 0U);
    BOOST_TEST(none[0].passed());
}

BOOST_AUTO_TEST_CASE(what_a_run_throws_on_any_thread_is_a_finding_of_its_seed_and_the_others_go_on) {
    const std::vector<std::shared_ptr<const scenario>> all{writing("one"), writing("two")};
    for (const unsigned jobs : {1U, 4U}) {
        for (const bool verify : {false, true}) {
            const auto reports = run_batch(
                all, {.seeds = 6, .jobs = jobs, .verify = verify, .progress = {}, .hook = [](simulation_setup& setup) {
                          if (setup.seed == 3) throw std::runtime_error("planted");
                          if (setup.seed == 5) throw 5;
                      }});
            for (const scenario_report& r : reports) {
                BOOST_TEST(!r.passed());
                BOOST_TEST(r.seeds_run == 6U);
                BOOST_TEST(r.effects == 16U); // four runs of four writes
                BOOST_REQUIRE_EQUAL(r.failed.size(), 2U);
                BOOST_TEST(r.failed[0].seed == 3U);
                BOOST_TEST(r.failed[0].file == r.what->file);
                BOOST_TEST(findings(r.failed[0]) == "internal.bug [internal.bug] a run throws nothing / planted\n");
                BOOST_TEST(r.failed[1].seed == 5U);
                BOOST_TEST(findings(r.failed[1]) ==
                           "internal.bug [internal.bug] a run throws nothing / something that is no "
                           "std::exception was thrown\n");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_batch_whose_progress_throws_ends_with_that_exception) {
    for (const unsigned jobs : {1U, 4U}) {
        const auto throws = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("no place to report to"); };
        BOOST_CHECK_EXCEPTION(
            run_batch({writing()}, {.seeds = 20, .jobs = jobs, .progress = throws, .hook = {}}), std::runtime_error,
            [](const std::runtime_error& e) { return std::string(e.what()) == "no place to report to"; });
    }
}

BOOST_AUTO_TEST_CASE(seeds_are_counted_and_their_outcomes_chained_in_order) {
    const auto s = writing();
    const auto reports = run_batch({s}, {.first_seed = 3, .seeds = 2});
    digest_chain chain;
    chain.append(run_once(*s, 3).outcome.view());
    chain.append(run_once(*s, 4).outcome.view());
    BOOST_CHECK(reports.at(0).outcomes == chain.head());
    BOOST_TEST(reports[0].passed());
    BOOST_TEST(reports[0].effects == 8U);
}

BOOST_AUTO_TEST_SUITE_END()
