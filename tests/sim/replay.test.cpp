// Records a run, writes its tape, spoils it in one way, and replays it.
#include "sim/replay.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/tape/files.hpp"
#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "mocks/scripted_model.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/workspace.hpp"
#include "sim/recording.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;
namespace fs = std::filesystem;

namespace {

const std::string agent_text = R"(schema_version: v1alpha1
kind: agent
id: keeper
name: Keeper
goal: Keep the value.
converse: true
skill_bindings:
  - {as: get, use: kv.get}
  - {as: set, use: kv.set}
model: {name: scripted}
)";

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

/// A folder of its own, gone at the end.
struct workshop {
    workshop() : folder(fs::temp_directory_path() / ("aivp-replay-" + std::to_string(getpid()))) {
        fs::remove_all(folder);
        fs::create_directories(folder);
    }
    ~workshop() { fs::remove_all(folder); }

    std::string path(const std::string& name) const { return (folder / name).string(); }

    /// The tape of one run: a read, a write, a question, an answer.
    std::string record(const std::string& name) {
        write(path("agent.yaml"), agent_text);
        workspace space;
        BOOST_REQUIRE(space.load_skills(std::string(AIVP_SOURCE_DIR) + "/fixtures/skills"));
        const snapshot_ptr agent = space.load_agent(path("agent.yaml"));
        BOOST_REQUIRE_MESSAGE(agent, space.report());
        simulation_setup setup;
        setup.agents = {agent};
        setup.world = json(R"({"kv":{"values":{"keeper":{"k":"old"}}}})");
        setup.latencies.set("", latency_model::fixed(milliseconds(40)));
        setup.ports = [](const world_parts& parts) {
            std::vector<model_answer> turns;
            turns.push_back(prepared_answer(make_turn({make_call("get", R"({"key":"k"})")})));
            turns.push_back(prepared_answer(make_turn({make_call("set", R"({"key":"k","value":"new"})")})));
            turns.push_back(prepared_answer(make_answer("kept; anything else?")));
            return world_ports{
                std::make_shared<scripted_model>(parts.world, std::make_unique<sequence_source>(std::move(turns))),
                nullptr, nullptr};
        };
        run_recording recording;
        recording.attach(setup);
        auto s = simulation::create(std::move(setup));
        BOOST_REQUIRE(s);
        recording.watch(**s);
        (*s)->input_at((*s)->now(), start_run{{1}, json(R"({"why":"test"})")}, input_source::operator_);
        (*s)->run(instant::max(), 1000);
        const std::string skills =
            fs::relative(std::string(AIVP_SOURCE_DIR) + "/fixtures/skills", folder / name).string();
        const auto written = recording.write(
            {1}, path(name),
            {.agent_file = fs::relative(path("agent.yaml"), folder / name).string(), .skill_folders = {skills}});
        if (!written) BOOST_FAIL(to_string(written.error()));
        return path(name);
    }

    /// Changes the tape as a value and writes it again, so that its chain is in order.
    void rewrite(const std::string& tape_folder, auto change) {
        auto t = read_tape(tape_folder);
        BOOST_REQUIRE(t);
        change(*t);
        BOOST_REQUIRE(write_tape(tape_folder, *t, {.secrets = {}, .files = {}, .overwrite = true}));
    }

    fs::path folder;
};

template <class T>
T& nth_body(tape& t, int n) {
    for (tape_event& e : t.events)
        if (T* body = std::get_if<T>(&e.body); body && n-- == 0) return *body;
    BOOST_FAIL("the tape has no such event");
    std::abort();
}

replay_report replay(const std::string& folder) {
    const auto reports = replay_all({folder});
    BOOST_REQUIRE(reports);
    BOOST_REQUIRE_EQUAL(reports->size(), 1U);
    return reports->front();
}

std::string code(const error& e) { return std::string(aivp::info(e.code).name); }

} // namespace

BOOST_AUTO_TEST_SUITE(replays)

BOOST_FIXTURE_TEST_CASE(a_recorded_run_replays_call_by_call, workshop) {
    const replay_report r = replay(record("a.tape"));
    BOOST_TEST(!r.failed.has_value());
    BOOST_TEST(r.problems.empty());
    BOOST_TEST(!r.diverged.has_value());
    BOOST_TEST(r.passed());
    BOOST_TEST(r.recorded == 6U);
    BOOST_TEST(r.verdict.matched_model == 3U);
    BOOST_TEST(r.verdict.matched_skill == 2U);
    BOOST_TEST(r.verdict.matched_user == 1U);
    BOOST_TEST(r.verdict.matched == 5U);
    BOOST_TEST(r.inputs == 8U);
    BOOST_TEST(r.virtual_time.us == 80'000);
    BOOST_CHECK(r.outcome == replay(path("a.tape")).outcome);
}

BOOST_FIXTURE_TEST_CASE(a_request_with_another_argument_misses_and_the_field_is_named, workshop) {
    const std::string tape = record("a.tape");
    rewrite(tape,
            [](aivp::tape& t) { nth_body<tape_skill_call>(t, 1).arguments = json(R"({"key":"k","value":"else"})"); });
    const replay_report r = replay(tape);
    BOOST_TEST(!r.passed());
    BOOST_TEST(r.verdict.missed == 1U);
    BOOST_REQUIRE_EQUAL(r.verdict.misses.size(), 1U);
    const tape_miss& miss = r.verdict.misses[0];
    BOOST_TEST(miss.what == "kv.set");
    BOOST_REQUIRE(miss.nearest);
    BOOST_REQUIRE_EQUAL(miss.nearest->differences.size(), 1U);
    BOOST_TEST(miss.nearest->differences[0].pointer == "/args/value");
    BOOST_TEST(miss.nearest->differences[0].left->text() == "\"else\"");
    BOOST_TEST(miss.nearest->differences[0].right->text() == "\"new\"");
    BOOST_TEST(!r.diverged.has_value()); // a miss stops the run: how it ended is no news
}

BOOST_FIXTURE_TEST_CASE(a_changed_agent_misses_with_its_first_turn, workshop) {
    const std::string tape = record("a.tape");
    std::string changed = agent_text;
    changed.replace(changed.find("Keep the value."), 15, "Drop the value.");
    write(path("agent.yaml"), changed);
    const replay_report r = replay(tape);
    BOOST_REQUIRE_EQUAL(r.verdict.misses.size(), 1U);
    BOOST_TEST(r.verdict.matched == 0U);
    BOOST_REQUIRE(r.verdict.misses[0].nearest);
    BOOST_TEST(r.verdict.misses[0].nearest->differences.at(0).pointer == "/messages/0/content");
}

BOOST_FIXTURE_TEST_CASE(recorded_answers_that_nobody_asks_for_are_unused, workshop) {
    const std::string tape = record("a.tape");
    rewrite(tape, [](aivp::tape& t) {
        aivp::tape_event extra = t.events.at(2);
        tape_skill_call more = nth_body<tape_skill_call>(t, 0);
        more.arguments = json(R"({"key":"other"})");
        extra.body = more;
        t.events.insert(t.events.end() - 1, extra);
    });
    const replay_report r = replay(tape);
    BOOST_TEST(r.verdict.unused == 1U);
    BOOST_TEST(r.verdict.missed == 0U);
    BOOST_TEST(!r.passed());
    BOOST_TEST(code(check(r.verdict).error()) == "tape.unused");
}

BOOST_FIXTURE_TEST_CASE(a_run_that_ends_otherwise_than_the_recorded_one_has_diverged, workshop) {
    const std::string tape = record("a.tape");
    rewrite(tape, [](aivp::tape& t) { t.manifest.outcome->status = outcome_status::partial; });
    const replay_report r = replay(tape);
    BOOST_TEST(r.verdict.clean());
    BOOST_REQUIRE(r.diverged);
    BOOST_TEST(r.diverged->first == "partial ok");
    BOOST_TEST(r.diverged->second == "success ok");
    BOOST_TEST(!r.passed());
}

BOOST_FIXTURE_TEST_CASE(an_edited_tape_replays_and_its_broken_chain_is_told, workshop) {
    const std::string tape = record("a.tape");
    const std::string events = tape + "/events.jsonl";
    std::string text = *read_file(events, 1u << 20);
    const std::size_t at = text.find("\"old\"");
    BOOST_REQUIRE(at != std::string::npos);
    text.replace(at, 5, "\"odd\"");
    write(events, text);
    const replay_report r = replay(tape);
    BOOST_REQUIRE(!r.problems.empty());
    BOOST_TEST(code(r.problems[0]) == "tape.chain");
    BOOST_TEST(r.problems[0].where.line > 1U);
    BOOST_TEST(sum_up({r}).edited == 1U);
    BOOST_TEST(r.verdict.missed == 1U); // what the model saw was "old"
}

BOOST_FIXTURE_TEST_CASE(a_torn_tape_replays_as_far_as_it_goes, workshop) {
    const std::string tape = record("a.tape");
    const std::string events = tape + "/events.jsonl";
    const std::string text = *read_file(events, 1u << 20);
    write(events, text.substr(0, text.size() - 30));
    const replay_report r = replay(tape);
    BOOST_REQUIRE(!r.problems.empty());
    BOOST_TEST(code(r.problems[0]) == "tape.torn");
    BOOST_TEST(r.verdict.matched == 5U);
    BOOST_TEST(!r.failed.has_value());
}

BOOST_FIXTURE_TEST_CASE(a_tape_that_cannot_be_replayed_says_why, workshop) {
    const std::string tape = record("a.tape");
    rewrite(tape, [](aivp::tape& t) { t.manifest.agent_file.clear(); });
    BOOST_TEST(code(*replay(tape).failed) == "tape.format");
    rewrite(tape, [](aivp::tape& t) { t.manifest.agent_file = "../agent.yaml"; });
    write(path("agent.yaml"), "schema_version: v1alpha1\nid: keeper\n");
    const replay_report broken = replay(tape);
    BOOST_REQUIRE(broken.failed);
    BOOST_TEST(broken.failed->where.file.find("agent.yaml") != std::string::npos);
    fs::remove(path("agent.yaml"));
    BOOST_TEST(code(*replay(tape).failed) == "io.not_found");
    write(tape + "/manifest.json", "{");
    BOOST_TEST(replay(tape).failed->where.file.ends_with("manifest.json"));
    BOOST_TEST(!replay(tape).passed());
}

BOOST_FIXTURE_TEST_CASE(where_there_is_no_tape_there_is_an_error, workshop) {
    BOOST_TEST(code(replay_all({path("")}).error()) == "tape.missing");
    BOOST_TEST(!replay_all({path("nowhere")}).has_value());
}

BOOST_FIXTURE_TEST_CASE(many_tapes_replay_in_the_order_of_their_paths_whatever_the_number_of_jobs, workshop) {
    for (const char* name : {"c.tape", "a.tape", "deep/b.tape"}) record(name);
    rewrite(path("c.tape"), [](aivp::tape& t) { t.manifest.outcome->status = outcome_status::failure; });
    replay_totals before;
    for (const unsigned jobs : {1U, 3U}) {
        std::uint64_t calls = 0;
        const auto reports =
            replay_all({path("deep"), path("")}, {.jobs = jobs, .progress = [&](std::uint64_t, std::uint64_t all) {
                                                      ++calls;
                                                      BOOST_TEST(all == 3U);
                                                  }});
        BOOST_REQUIRE(reports);
        BOOST_REQUIRE_EQUAL(reports->size(), 3U);
        BOOST_TEST(calls == 3U);
        BOOST_TEST(std::is_sorted(reports->begin(), reports->end(),
                                  [](const auto& a, const auto& b) { return a.tape < b.tape; }));
        const replay_totals t = sum_up(*reports);
        BOOST_TEST(t.tapes == 3U);
        BOOST_TEST(t.passed == 2U);
        BOOST_TEST(t.diverged == 1U);
        BOOST_TEST(t.matched == 15U);
        BOOST_TEST(t.matched_user == 3U);
        BOOST_TEST(t.failed + t.missed + t.unused + t.edited == 0U);
        if (jobs == 1)
            before = t;
        else
            BOOST_CHECK(t.outcomes == before.outcomes);
    }
}

BOOST_FIXTURE_TEST_CASE(what_a_replay_throws_on_any_thread_is_an_error_of_its_tape, workshop) {
    for (const char* name : {"a.tape", "b.tape", "c.tape"}) record(name);
    write(path("agent.yaml"), agent_text + "timezone: Europe/Berlin\n");
    const zone_loader thrower = [](std::string_view) -> result<zone_rules> { throw std::runtime_error("planted"); };
    for (const unsigned jobs : {1U, 3U}) {
        const auto reports = replay_all({path("")}, {.jobs = jobs, .zones = thrower, .progress = {}});
        BOOST_REQUIRE(reports);
        BOOST_REQUIRE_EQUAL(reports->size(), 3U);
        for (const replay_report& r : *reports) {
            BOOST_TEST(!r.passed());
            BOOST_REQUIRE(r.failed);
            BOOST_TEST(code(*r.failed) == "internal.bug");
            BOOST_TEST(r.failed->message == "planted");
            BOOST_TEST(r.failed->where.file == r.tape);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_replay_whose_progress_throws_ends_with_that_exception, workshop) {
    for (const char* name : {"a.tape", "b.tape"}) record(name);
    const auto throws = [](std::uint64_t, std::uint64_t) { throw std::runtime_error("no place to report to"); };
    for (const unsigned jobs : {1U, 2U})
        BOOST_CHECK_THROW((void)replay_all({path("")}, {.jobs = jobs, .progress = throws}), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
