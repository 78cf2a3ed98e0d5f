// The same agents and scenarios run unchanged in the simulator and in the live host, and leave the same journal but for what
// the world assigns and for times. tests/daemon/differential/streams.hpp lists all that may differ.
#include "tests/daemon/differential/streams.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "runtime/os/live_clock.hpp"
#include "runtime/store/sqlite_store.hpp"
#include "tests/daemon/differential/hosts.hpp"

namespace {

using namespace aivp;
using namespace differential_test;

const std::string root = AIVP_SOURCE_DIR;
const std::string own = root + "/tests/daemon/differential/";

struct both_journals {
    journal_streams live;
    journal_streams simulated;
    script said;
};

/// `change`: what the live world says differently from the simulated one.
both_journals play_both(const play& p, const std::function<void(script&)>& change = {}) {
    both_journals out;
    live_stage stage(p);
    const beginning from = stage.start();
    const std::vector<std::string> simulated = play_simulated(p, from, stage.origin(), &out.said);
    script said = out.said;
    if (change) change(said);
    // What says something else may wait for ever for what the script says comes next.
    const monotonic_instant begun = monotonic_now();
    const std::string wrong = stage.perform(said, change ? seconds(2) : seconds(60));
    BOOST_TEST_MESSAGE(p.file << ": " << said.steps.size() << " steps in " << to_string(monotonic_now() - begun));
    if (!change) BOOST_TEST(wrong.empty(), p.file + ": " + wrong);
    out.live = streams_of(stage.journal(), p.scenario->agents);
    out.simulated = streams_of(simulated, p.scenario->agents);
    return out;
}

both_journals equal_in_both(const play& p) {
    both_journals j = play_both(p);
    const auto different = first_difference(j.live, j.simulated);
    BOOST_TEST(!different, p.file + ": " + different.value_or(""));
    return j;
}

both_journals equal_in_both(const std::string& file, std::map<std::string, means, std::less<>> others = {}) {
    return equal_in_both(load_play(file, std::move(others)));
}

std::unique_ptr<sqlite_store> store_in(const net_test::temporary_folder& folder) {
    sqlite_options o;
    o.path = folder.path() + "/aivp.db";
    o.durable = sqlite_options::durability::process_crash_safe;
    return std::move(sqlite_store::open(o).value());
}

/// The first answer of a skill.
exchange& answer_of(script& s, std::string_view skill) {
    for (exchange& e : s.exchanges)
        if (e.name == skill && e.answer.what == wire_answer::kind::answer) return e;
    BOOST_FAIL("the script has no such answer");
    return s.exchanges.front();
}

constexpr beginning some_beginning{{}, {1'767'225'600'000'000}};

} // namespace

BOOST_AUTO_TEST_SUITE(live_and_simulated)

BOOST_AUTO_TEST_CASE(scenarios_of_the_gate_leave_the_same_journal) {
    for (const char* name : {"arguments", "grants", "secret-missing", "secrets"})
        equal_in_both(root + "/scenarios/gate/" + name + ".yaml");
}

BOOST_AUTO_TEST_CASE(scenarios_of_limits_leave_the_same_journal) {
    for (const char* name :
         {"budget-of-a-model", "budget-of-a-skill", "model-turns", "repeated-call", "skill-calls", "tokens"})
        equal_in_both(root + "/scenarios/limits/" + name + ".yaml");
}

BOOST_AUTO_TEST_CASE(loops_steps_and_conversations_leave_the_same_journal) {
    for (const char* name : {"loop/parallel", "loop/ends-after", "steps/copy", "conversation/echo"})
        equal_in_both(root + "/scenarios/" + name + ".yaml");
}

BOOST_AUTO_TEST_CASE(retries_failures_and_answers_that_never_come_leave_the_same_journal) {
    const auto j =
        equal_in_both(own + "faults.yaml", {{"far.tool", means::program}, {"calendar.free_busy", means::program}});
    BOOST_TEST(count_of(j.live, "call_retry_planned") == 3u);
    BOOST_TEST(count_of(j.live, "run_finished") == 5u);
}

BOOST_AUTO_TEST_CASE(agents_at_once_leave_the_same_journal) {
    const auto j = equal_in_both(own + "together.yaml");
    BOOST_TEST(j.said.deepest >= 3u);
    BOOST_TEST(count_of(j.live, "trigger_refused") == 1u);
    BOOST_TEST(count_of(j.live, "call_refused") >= 1u);
}

BOOST_AUTO_TEST_CASE(models_that_fail_leave_the_same_journal) {
    const auto j = equal_in_both(own + "models.yaml");
    BOOST_TEST(count_of(j.live, "run_finished") == 7u);
}

BOOST_AUTO_TEST_CASE(values_that_the_live_host_keeps_itself_are_those_of_the_mock) {
    const auto j = equal_in_both(own + "watch.yaml", {{"kv.get", means::built_in}, {"kv.set", means::built_in}});
    BOOST_TEST(count_of(j.live, "call_settled") >= 10u);
}

BOOST_AUTO_TEST_CASE(every_operation_on_values_and_every_refusal_is_that_of_the_mock) {
    std::map<std::string, means, std::less<>> own_skills;
    for (const char* operation : {"delete", "get", "incr", "list", "set", "swap"})
        own_skills.emplace(std::string("kv.") + operation, means::built_in);
    const auto j = equal_in_both(own + "values.yaml", own_skills);
    BOOST_TEST(count_of(j.live, "run_finished") == 5u);
    std::map<std::string, int> codes;
    for (const auto& [name, entries] : j.live.by_name)
        for (const payload& e : entries)
            if (as_string(member(e, "type").value_or(payload())) == "call_settled")
                ++codes[as_string(member(e, "code").value_or(payload())).value_or("ok")];
    for (const char* code : {"ok", "skill.bad_request", "skill.conflict", "skill.unknown_operation"})
        BOOST_TEST(codes[code] >= 2, std::string("calls that ended with ") + code);
}

BOOST_AUTO_TEST_CASE(a_schedule_fires_for_the_same_instant) {
    const net_test::temporary_folder folder;
    const instant due = live_clock().now() + seconds(5);
    const auto put = [&](const std::string& name, const std::string& text) {
        std::ofstream(folder.path() + "/" + name) << text;
    };
    put("bell.yaml", "schema_version: v1alpha1\nid: bell\nname: Bell\ntrigger: {type: once, at: " +
                         to_string(instant{due.us / 1'000'000 * 1'000'000}) +
                         "}\nsteps: [{id: ring, skill: kv.set, with: {key: rung, value: true}}]\n");
    put("scenario.yaml", "schema_version: scenario.v1\nname: A bell rings once\nskills: [" + root +
                             "/fixtures/skills]\nagents: [bell.yaml]\nduration: 1m\nworld: {kv: {}}\n");
    play p = load_play(folder.path() + "/scenario.yaml");
    p.schedules = true;
    const auto j = equal_in_both(p);
    BOOST_TEST(count_of(j.live, "run_finished") == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(what_a_difference_looks_like)

BOOST_AUTO_TEST_CASE(one_other_answer_is_found_and_named) {
    const play p = load_play(root + "/scenarios/steps/copy.yaml");
    const auto j = play_both(p, [](script& s) {
        answer_of(s, "files.read").answer.body =
            merged(answer_of(s, "files.read").answer.body, *payload::parse(R"({"content":"something else"})"));
    });
    const auto found = first_difference(j.live, j.simulated);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST_MESSAGE(*found);
    BOOST_TEST(found->starts_with("run-1, entry "));
    for (const char* part :
         {", call_settled\n", "/result/content\n", "live:      \"something else\"\n", "simulated: \"say "})
        BOOST_TEST(found->contains(part), *found + " lacks " + part);
}

BOOST_AUTO_TEST_CASE(another_status_is_found_and_named) {
    const play p = load_play(root + "/scenarios/steps/copy.yaml");
    const auto j = play_both(p, [](script& s) { answer_of(s, "chat.post").answer.status = 409; });
    const auto found = first_difference(j.live, j.simulated);
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->contains("call_settled"), *found);
    BOOST_TEST(found->contains("the server answered with status 409"), *found);
}

struct two_streams {
    std::vector<snapshot_ptr> agents = load_play(root + "/scenarios/steps/copy.yaml").scenario->agents;
    std::vector<std::string> lines =
        play_simulated(load_play(root + "/scenarios/steps/copy.yaml"), some_beginning, "", nullptr);

    std::string difference_after(std::string_view from, std::string_view to) const {
        std::vector<std::string> changed = lines;
        for (std::string& line : changed)
            if (const std::size_t at = line.find(from); at != std::string::npos) {
                line.replace(at, from.size(), to);
                return first_difference(streams_of(changed, agents), streams_of(lines, agents)).value_or("");
            }
        return "there is no " + std::string(from);
    }
};

BOOST_FIXTURE_TEST_CASE(what_is_not_named_must_be_equal, two_streams) {
    BOOST_TEST(difference_after("\"code\":\"mock", "\"code\":\"mocc") != "");
    BOOST_TEST(difference_after("\"waits\":false", "\"waits\":true").contains("/waits"));
    BOOST_TEST(
        difference_after("\"type\":\"run_started\"", "\"type\":\"run_startled\"").contains("which is run_started"));
    BOOST_TEST(difference_after("\"binding\":1", "\"binding\":2").contains("/binding"));
    const std::string key = "\"key\":\"";
    BOOST_TEST(difference_after(key, key + "f").contains("/key"));
}

BOOST_FIXTURE_TEST_CASE(an_entry_too_many_is_found, two_streams) {
    auto fewer = lines;
    fewer.pop_back();
    const auto found = first_difference(streams_of(fewer, agents), streams_of(lines, agents));
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->contains("the first one more is\n  simulated: "), *found);
}

BOOST_FIXTURE_TEST_CASE(a_deadline_is_compared_by_its_distance, two_streams) {
    const std::size_t n = [&] {
        for (std::size_t i = 0; i < lines.size(); ++i)
            if (lines[i].contains("\"type\":\"call_intended\"")) return i;
        return lines.size();
    }();
    BOOST_TEST_REQUIRE(n < lines.size());
    auto changed = lines;
    const std::size_t at = changed[n].find("\"deadline\":") + 11;
    const std::size_t end = changed[n].find_first_not_of("0123456789", at);
    changed[n].replace(at, end - at, std::to_string(std::stoll(changed[n].substr(at, end - at)) + 1'000'000));
    const auto found = first_difference(streams_of(changed, agents), streams_of(lines, agents));
    BOOST_TEST_REQUIRE(found.has_value());
    BOOST_TEST(found->contains("/deadline"), *found);
}

BOOST_FIXTURE_TEST_CASE(other_times_and_numbers_of_records_are_no_difference, two_streams) {
    const auto later =
        play_simulated(load_play(root + "/scenarios/steps/copy.yaml"), {{}, some_beginning.at + hours(7)}, "", nullptr);
    BOOST_TEST(later.front() != lines.front());
    BOOST_TEST(!first_difference(streams_of(later, agents), streams_of(lines, agents)).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(stores_of_a_simulation)

BOOST_AUTO_TEST_CASE(a_journal_in_sqlite_is_the_one_in_memory_byte_for_byte) {
    std::size_t records = 0;
    const auto files = sim::find_scenarios({root + "/scenarios", own}, false);
    BOOST_TEST_REQUIRE(files.has_value());
    for (const std::string& file : *files) {
        const play p = load_play(file);
        if (p.scenario->recorded) continue; // a tape tells what the mocks would be asked
        std::vector<std::vector<std::string>> journals;
        for (const bool on_disk : {false, true}) {
            const net_test::temporary_folder folder;
            const auto store = on_disk ? store_in(folder) : nullptr;
            sim::simulation_setup setup = sim::make_setup(*p.scenario, 7);
            setup.store = store.get();
            auto world = sim::simulation::create(std::move(setup));
            BOOST_TEST_REQUIRE(world.has_value());
            BOOST_TEST_REQUIRE(sim::plan_triggers(*p.scenario, **world).has_value());
            (*world)->run(p.scenario->start + p.scenario->horizon, 400);
            const digest chain = (*world)->engine().chain();
            if (on_disk) {
                BOOST_TEST((store->head()->chain == chain));
                journals.push_back(lines_of(*store));
            } else {
                auto& memory = const_cast<memory_store&>((*world)->journal());
                BOOST_TEST((memory.head()->chain == chain));
                journals.push_back(lines_of(memory));
            }
        }
        records += journals[0].size();
        BOOST_TEST(journals[0].size() == journals[1].size());
        BOOST_TEST((journals[0] == journals[1]), file);
    }
    BOOST_TEST(records > 1'000u);
}

BOOST_AUTO_TEST_SUITE_END()
