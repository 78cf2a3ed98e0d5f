// Every file in tests/sim/bad is broken in the way that its first line says:
//
//     # expect: config.unknown_key 7:5, config.type 9:3
//
// Exactly these errors must be found, with these codes at these places.
#include "sim/scenario.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "runtime/codec/files.hpp"

using namespace aivp;
using namespace aivp::sim;

namespace {

const std::string root = AIVP_SOURCE_DIR;
const std::string bad_folder = root + "/tests/sim/bad";

/// Every zone is UTC here: the tests need no time-zone database.
result<zone_rules> any_zone(std::string_view) { return zone_rules::utc(); }

std::string expected_of(const std::string& path) {
    const auto text = read_file(path, 1u << 20);
    BOOST_REQUIRE(text);
    const std::string_view mark = "# expect: ";
    BOOST_REQUIRE_MESSAGE(text->starts_with(mark), path << " says what to expect");
    return text->substr(mark.size(), text->find('\n') - mark.size());
}

std::vector<error> errors_of(const std::string& path) {
    std::vector<error> errors;
    source_texts texts;
    const bool fixture = path.substr(bad_folder.size() + 1).starts_with("fixture-");
    if (fixture)
        BOOST_TEST(!check_fixture(path, load_utc_only, errors, texts));
    else
        BOOST_TEST((load_scenario(path, load_utc_only, errors, texts) == nullptr));
    return errors;
}

void check_bad_file(const std::string& path) {
    std::vector<std::string> found;
    for (const error& e : errors_of(path)) {
        BOOST_TEST(!e.message.empty());
        BOOST_TEST(e.where.file == path);
        found.push_back(std::string(aivp::info(e.code).name) + " " + std::to_string(e.where.line) + ":" +
                        std::to_string(e.where.column));
    }
    std::sort(found.begin(), found.end());
    std::string list;
    for (const std::string& f : found) list += (list.empty() ? "" : ", ") + f;
    BOOST_TEST(list == expected_of(path));
}

/// One test case a file, under the file's name.
struct bad_file_cases {
    bad_file_cases() {
        const auto files = list_files(bad_folder);
        if (!files) return;
        for (const std::string& path : *files) {
            std::string name = path.substr(bad_folder.size() + 1);
            std::replace_if(name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
            boost::unit_test::ut_detail::auto_test_unit_registrar(
                boost::unit_test::make_test_case([path] { check_bad_file(path); }, name, __FILE__, __LINE__),
                boost::unit_test::decorator::collector_t::instance());
        }
    }
};

std::shared_ptr<const scenario> load(const std::string& text, std::vector<error>& errors) {
    return parse_scenario(text, "s.yaml", errors);
}

std::shared_ptr<const scenario> good(const std::string& text) {
    std::vector<error> errors;
    auto s = load(text, errors);
    for (const error& e : errors) BOOST_TEST_MESSAGE(to_string(e));
    BOOST_REQUIRE(s != nullptr);
    return s;
}

} // namespace

BOOST_AUTO_TEST_SUITE(broken_scenarios)
const bad_file_cases all_bad_file_cases;
BOOST_AUTO_TEST_CASE(there_are_more_than_sixty_of_them) {
    const auto files = list_files(bad_folder);
    BOOST_REQUIRE(files);
    BOOST_TEST(files->size() > 60U);
}
BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_named) {
    std::vector<error> errors;
    source_texts texts;
    BOOST_TEST((load_scenario(bad_folder + "/none.yaml", load_utc_only, errors, texts) == nullptr));
    BOOST_REQUIRE_EQUAL(errors.size(), 1U);
    BOOST_TEST(std::string(aivp::info(errors[0].code).name) == "io.not_found");
    BOOST_TEST(errors[0].message.find("none.yaml") != std::string::npos);
}
BOOST_AUTO_TEST_CASE(near_names_are_offered) {
    std::vector<error> errors;
    (void)load(
        "schema_version: scenario.v1\nname: n\nagents: []\nproperties: {muted: {cap.skil_calls: a written reason}}\n",
        errors);
    BOOST_REQUIRE_EQUAL(errors.size(), 1U);
    BOOST_TEST(errors[0].help == "Did you mean `cap.skill_calls`?");
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(scenario_files)

BOOST_AUTO_TEST_CASE(what_is_not_said_has_its_default) {
    const auto s = good("schema_version: scenario.v1\nname: n\nagents: []\n");
    BOOST_TEST(s->name == "n");
    BOOST_TEST(s->file == "s.yaml");
    BOOST_TEST(to_string(s->start) == "2026-01-01T00:00:00Z");
    BOOST_TEST(s->horizon.us == days(1).us);
    BOOST_TEST(s->max_events == 1'000'000U);
    BOOST_TEST(s->snapshot_every == 0U);
    BOOST_TEST(s->synchronous);
    BOOST_TEST(s->world.is_null());
    BOOST_TEST(s->model.is_null());
    BOOST_TEST(s->users.is_null());
    BOOST_TEST(s->answers.is_null());
    BOOST_TEST(s->secrets.empty());
    BOOST_TEST(s->triggers.empty());
    BOOST_TEST(s->expectations.empty());
    BOOST_TEST(s->muted.empty());
    BOOST_CHECK(s->hash == sha256("schema_version: scenario.v1\nname: n\nagents: []\n"));
}

BOOST_AUTO_TEST_CASE(everything_that_can_be_said_is_read) {
    const auto s = good(R"(schema_version: scenario.v1
name: all of it
description: why
agents: []
start: 2026-03-02T08:00:00Z
duration: 36h
max_events: 77
snapshot_every: 3
synchronous: false
world: {kv: {values: {a: {k: 1}}}}
latency: {kv.get: 5ms, "": 1s}
model: {sequence: [{content: hi}], latency: 2s}
users: {replies: [yes]}
answers: [{skill: mail.*, result: {}}]
secrets: {api: open-sesame}
triggers:
  - {event: ping, after: 90s, payload: {n: 1}}
  - {event: pong, every: 5m}
  - {event: pong, every: 5m, times: 9}
properties: {muted: {cap.model_turns: not of interest here}}
expect:
  runs: {total: 3, open: {at_most: 1}}
  calls: [{call: x, outcome: unknown, at_least: 2}]
  refused: [{code: policy.no_rule, count: 0}]
  refused_triggers: [{trigger: t, code: trigger.refused, count: 4}]
  outcomes: [{code: run.abstained, count: 5}]
  answers: [{contains: hello}]
  ledger: [{operation: kv.*, target: k, arguments: {key: k}, outcome: failed, effect: read, duplicate: true, at_least: 1, at_most: 6}]
  world: {kv: {}}
)");
    BOOST_TEST(s->description == "why");
    BOOST_TEST(to_string(s->start) == "2026-03-02T08:00:00Z");
    BOOST_TEST(s->horizon.us == hours(36).us);
    BOOST_TEST(s->max_events == 77U);
    BOOST_TEST(s->snapshot_every == 3U);
    BOOST_TEST(!s->synchronous);
    BOOST_TEST(s->world.text() == R"({"kv":{"values":{"a":{"k":1}}}})");
    latency_table latencies = s->latencies;
    BOOST_TEST(latencies.find("kv.get")->draw_constant().us == 5000);
    BOOST_TEST(latencies.find("mail.send")->draw_constant().us == 1'000'000);
    BOOST_TEST(s->secrets.at("api") == "open-sesame");
    BOOST_REQUIRE_EQUAL(s->triggers.size(), 3U);
    BOOST_TEST(s->triggers[0].after.us == seconds(90).us);
    BOOST_TEST(s->triggers[0].times == 1U);
    BOOST_TEST(s->triggers[0].body.text() == R"({"n":1})");
    BOOST_TEST(s->triggers[1].times == 2U);
    BOOST_TEST(s->triggers[2].times == 9U);
    BOOST_TEST(s->triggers[2].every->us == minutes(5).us);
    BOOST_REQUIRE_EQUAL(s->muted.size(), 1U);
    BOOST_TEST((s->muted[0] == property_id::cap_model_turns));
    BOOST_REQUIRE_EQUAL(s->expectations.size(), 9U);
    using kind = expectation::kind;
    const std::vector<kind> kinds{kind::runs,     kind::runs,    kind::ledger,
                                  kind::calls,    kind::refused, kind::refused_triggers,
                                  kind::outcomes, kind::answer,  kind::world};
    for (std::size_t i = 0; i < kinds.size(); ++i)
        BOOST_TEST((s->expectations[i].what == kinds[i]), "expectation " << i);
    const ledger_filter& f = s->expectations[2].filter;
    BOOST_TEST(f.operation == "kv.*");
    BOOST_TEST(*f.target == "k");
    BOOST_TEST(f.arguments->text() == R"({"key":"k"})");
    BOOST_TEST((f.outcome == effect_outcome::failed));
    BOOST_TEST((f.effect == effect_class::read));
    BOOST_TEST(*f.duplicate);
    BOOST_TEST(s->expectations[2].count.to_string() == "1 to 6");
    BOOST_TEST(s->expectations[0].count.to_string() == "3");
    BOOST_TEST(s->expectations[1].count.to_string() == "at most 1");
    BOOST_TEST(s->expectations[3].outcome == "unknown");
    BOOST_TEST(s->expectations[3].count.to_string() == "at least 2");
    BOOST_TEST(s->expectations[3].where.line == 23U);
    BOOST_TEST(s->expectations[5].as == "t");
    BOOST_TEST(s->expectations[7].count.to_string() == "at least 1");
    const simulation_setup setup = make_setup(*s, 42);
    BOOST_TEST(setup.seed == 42U);
    BOOST_TEST(setup.start.us == s->start.us);
    BOOST_TEST(!setup.synchronous);
}

BOOST_AUTO_TEST_CASE(triggers_are_planned_within_the_horizon) {
    const auto s = good("schema_version: scenario.v1\nname: n\nagents: []\nduration: 10m\ntriggers: [{event: a, every: "
                        "4m, times: 5}, {event: b, after: 10m}, {event: c, after: 11m}]\n");
    auto world = simulation::create(make_setup(*s, 1));
    BOOST_REQUIRE(world);
    BOOST_REQUIRE(plan_triggers(*s, **world));
    (*world)->run(s->start + s->horizon, 1000);
    BOOST_TEST((*world)->log().refused_triggers().size() == 4U); // a at 0, 4 and 8 minutes, b at 10
}

BOOST_AUTO_TEST_CASE(a_fixture_gets_its_agent_from_outside) {
    std::vector<error> errors;
    source_texts texts;
    const auto s = load_fixture(root + "/fixtures/inbox-monday", root + "/fixtures/agents/inbox-triager.yaml", any_zone,
                                errors, texts);
    for (const error& e : errors) BOOST_TEST_MESSAGE(to_string(e));
    BOOST_REQUIRE(s);
    BOOST_REQUIRE_EQUAL(s->agents.size(), 1U);
    BOOST_TEST(s->name == "inbox-triager");
    BOOST_REQUIRE_EQUAL(s->triggers.size(), 1U);
    BOOST_TEST(s->triggers[0].agent == "inbox-triager");
}

BOOST_AUTO_TEST_CASE(scenario_files_are_found_below_folders_and_other_files_are_not) {
    const auto quick = find_scenarios({root + "/scenarios"}, false), all = find_scenarios({root + "/scenarios"}, true);
    BOOST_REQUIRE(quick);
    BOOST_REQUIRE(all);
    BOOST_TEST(quick->size() > 10U);
    BOOST_TEST(std::is_sorted(quick->begin(), quick->end()));
    BOOST_TEST(all->size() > quick->size());
    for (const std::string& f : *quick) {
        BOOST_TEST(f.find("/scenarios/agents/") == std::string::npos);
        BOOST_TEST(!f.ends_with(".slow.yaml"));
    }
    BOOST_TEST(find_scenarios({quick->front(), quick->front()}, false)->size() == 1U);
    BOOST_TEST(find_scenarios({root + "/scenarios", root + "/scenarios/loop"}, false)->size() == quick->size());
}

BOOST_AUTO_TEST_SUITE_END()
