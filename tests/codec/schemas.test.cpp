// The published JSON Schemas are for editors; the readers are what counts. Here the two are held together: what is sound is
// accepted by both, and every key that one knows the other knows.
#include "runtime/codec/agent_file.hpp"

#include <iostream>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/schema/schema.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/yaml.hpp"

namespace {

const std::string schema_root = AIVP_SOURCE_DIR;

aivp::payload read_schema(const std::string& name) {
    const auto text = aivp::read_file(schema_root + "/schemas/" + name + ".schema.json", 1u << 20);
    BOOST_REQUIRE(text);
    const auto value = aivp::payload::parse(*text);
    BOOST_REQUIRE(value);
    return *value;
}

aivp::json_schema compile_schema(const std::string& name) {
    const aivp::payload source = read_schema(name);
    BOOST_TEST(*aivp::as_string(*aivp::member(source, "$schema")) == "http://json-schema.org/draft-07/schema#");
    const auto schema = aivp::json_schema::compile(source);
    if (!schema) BOOST_TEST_MESSAGE(aivp::to_string(schema.error()));
    BOOST_REQUIRE(schema);
    return *schema;
}

aivp::payload yaml_payload(std::string_view text, const std::string& file) {
    const auto document = aivp::parse_yaml(text, file);
    BOOST_CHECK_MESSAGE(document, (document ? "" : aivp::to_string(document.error())));
    return document ? *aivp::to_payload(document->root, file) : aivp::payload();
}

std::string front_matter(const std::string& text) { return text.substr(0, text.find("\n---\n", 4) + 1); }

void check_accepted(const aivp::json_schema& schema, const aivp::payload& value, const std::string& file) {
    const auto violation = schema.validate(value);
    BOOST_TEST(!violation, file << " " << (violation ? violation->instance_pointer + ": " + violation->message : ""));
}

/// The keys that the reader lists when it is shown one that it cannot know.
std::set<std::string> keys_known_to_reader(const std::vector<aivp::error>& errors) {
    std::set<std::string> keys;
    for (const aivp::error& e : errors) {
        const std::string begin = "Known here: ";
        if (e.code != aivp::errc::config_unknown_key || !e.help.starts_with(begin)) continue;
        std::string rest = e.help.substr(begin.size(), e.help.size() - begin.size() - 1);
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(", "), rest.size());
            keys.insert(rest.substr(0, end));
            rest.erase(0, end + 2);
        }
    }
    return keys;
}

std::set<std::string> keys_of_schema(const aivp::payload& schema, std::string_view pointer) {
    std::set<std::string> keys;
    const auto properties = aivp::at_pointer(schema, std::string(pointer) + "/properties");
    BOOST_REQUIRE_MESSAGE(properties, pointer);
    for (const auto& [name, part] : aivp::members(*properties)) keys.insert(name);
    return keys;
}

std::set<std::string> agent_keys(const std::string& text) {
    std::vector<aivp::error> errors;
    (void)aivp::parse_agent("schema_version: v1alpha1\nid: a\nname: A\n" + text, "a.yaml", errors);
    return keys_known_to_reader(errors);
}

std::set<std::string> skill_keys(const std::string& text) {
    std::vector<aivp::error> errors;
    (void)aivp::parse_skill("schema_version: skill.v1\nid: a\nversion: 1.0.0\nsummary: s\ninputs: {}\n" + text,
                            "s.skill.yaml", errors);
    return keys_known_to_reader(errors);
}

void check_same_keys(const std::set<std::string>& reader, const std::set<std::string>& schema, const char* what) {
    BOOST_TEST_INFO_SCOPE(what);
    BOOST_TEST(reader == schema, boost::test_tools::per_element());
}

const char* const unknown = "qqqqqqqqqqqqqqqq";

} // namespace

BOOST_AUTO_TEST_SUITE(schemas)

BOOST_AUTO_TEST_CASE(every_sample_is_accepted_by_the_schema_of_its_kind) {
    const auto agent = compile_schema("agent");
    const auto skill = compile_schema("skill");
    int count = 0;
    const auto files = aivp::list_files(schema_root + "/fixtures");
    BOOST_REQUIRE(files);
    for (const std::string& path : *files) {
        const bool is_agent = path.find("/fixtures/agents/") != std::string::npos && path.ends_with(".yaml");
        if (!is_agent && !path.ends_with(".SKILL.md")) continue;
        ++count;
        const std::string text = *aivp::read_file(path, 1u << 20);
        check_accepted(is_agent ? agent : skill, yaml_payload(is_agent ? text : front_matter(text), path), path);
    }
    BOOST_TEST(count >= 23);
}

BOOST_AUTO_TEST_CASE(every_scenario_and_its_agents_are_accepted_by_the_schemas) {
    const auto scenario = compile_schema("scenario");
    const auto agent = compile_schema("agent");
    const auto files = aivp::list_files(schema_root + "/scenarios");
    if (!files) {
        std::cout << "SKIPPED: there is no folder scenarios/" << std::endl;
        return;
    }
    for (const std::string& path : *files) {
        if (!path.ends_with(".yaml")) continue;
        const aivp::payload value = yaml_payload(*aivp::read_file(path, 4u << 20), path);
        const auto version = aivp::as_string(aivp::member(value, "schema_version").value_or(aivp::payload()));
        if (version == "scenario.v1") check_accepted(scenario, value, path);
        if (version == "v1alpha1") check_accepted(agent, value, path);
    }
}

BOOST_AUTO_TEST_CASE(the_schemas_refuse_what_the_readers_refuse) {
    const auto agent = compile_schema("agent");
    const auto refuses = [&](std::string_view text) { return !agent.accepts(yaml_payload(text, "a.yaml")); };
    const std::string head = "schema_version: v1alpha1\nid: a\nname: A\n";
    BOOST_TEST(!refuses(head + "goal: g\nskill_bindings: []\n"));
    BOOST_TEST(refuses(head));
    BOOST_TEST(refuses(head + "goal: g\n"));
    BOOST_TEST(refuses(head + "goal: g\nskill_bindings: []\nsteps: [{id: a, skill: b}]\n"));
    BOOST_TEST(refuses(head + "goal: g\nskill_bindings: []\ntriger: {}\n"));
    BOOST_TEST(refuses(head + "steps: [{id: trigger, skill: b}]\n"));
    BOOST_TEST(refuses(head + "steps: [{id: a}]\n"));
    BOOST_TEST(refuses(head + "goal: g\nskill_bindings: []\nlimits: {run_timeout: 30}\n"));
    const std::string process = head + "kind: process\nprocess: {command: [decide]}\n";
    BOOST_TEST(!refuses(process));
    BOOST_TEST(!refuses(process + "goal: g\nstate: {shared: desk}\n"));
    for (const char* more :
         {"steps: [{id: a, skill: b}]\n", "system: s\n", "model: {name: m}\n", "state: {shared: a b}\n"})
        BOOST_TEST(refuses(process + more), more);
    for (const char* bad : {"process: {}", "process: {command: []}", "process: {command: [a], memory: 5}",
                            "process: {command: [a], output: 0MiB}", "process: {command: [a], sandbox: castle}", ""})
        BOOST_TEST(refuses(head + "kind: process\n" + bad + "\n"), bad);
    BOOST_TEST(refuses(head + "goal: g\nskill_bindings: []\nprocess: {command: [a]}\n"));
    const auto pool = compile_schema("skill-pool");
    BOOST_TEST(pool.accepts(yaml_payload("schema_version: skill_pool.v1\nimports: [{kind: local, path: x}]\n", "p")));
    BOOST_TEST(!pool.accepts(yaml_payload("schema_version: skill_pool.v1\nimports: [{kind: git, url: x}]\n", "p")));
}

BOOST_AUTO_TEST_CASE(schema_and_reader_of_agents_know_the_same_keys) {
    const aivp::payload schema = read_schema("agent");
    const std::string loop = "goal: g\nskill_bindings: []\n";
    const auto with = [](const char* text) { return std::string(text) + unknown + ": 1}\n"; };
    check_same_keys(agent_keys(loop + unknown + ": 1\n"), keys_of_schema(schema, ""), "agent");
    check_same_keys(agent_keys(loop + with("limits: {")), keys_of_schema(schema, "/definitions/limits"), "limits");
    check_same_keys(agent_keys(loop + with("model: {name: m, ")), keys_of_schema(schema, "/definitions/model"),
                    "model");
    check_same_keys(agent_keys(loop + "model: {name: m, price: {" + unknown + ": 1}}\n"),
                    keys_of_schema(schema, "/definitions/model/properties/price"), "price");
    const std::string process = "kind: process\nprocess: {command: [a]";
    check_same_keys(agent_keys(process + "}\n" + unknown + ": 1\n"), keys_of_schema(schema, ""), "process agent");
    check_same_keys(agent_keys(process + ", " + unknown + ": 1}\n"), keys_of_schema(schema, "/definitions/process"),
                    "process");
    check_same_keys(agent_keys(loop + with("state: {")), keys_of_schema(schema, "/properties/state"), "state");
    check_same_keys(agent_keys("goal: g\nskill_bindings: [{as: x, use: y, " + std::string(unknown) + ": 1}]\n"),
                    keys_of_schema(schema, "/definitions/binding"), "binding");
    check_same_keys(agent_keys("steps: [{id: x, skill: y, " + std::string(unknown) + ": 1}]\n"),
                    keys_of_schema(schema, "/definitions/step"), "step");
    std::set<std::string> trigger_keys;
    for (const char* text : {"type: interval, every: 1m", "type: cron, cron: x", "type: once, at: 2026-01-01T00:00:00Z",
                             "type: manual", "type: event, event: e"})
        trigger_keys.merge(agent_keys(loop + "triggers: [{" + text + ", " + unknown + ": 1}]\n"));
    trigger_keys.merge(agent_keys(loop + "trigger: {type: schedule, " + unknown + ": 1}\n"));
    check_same_keys(trigger_keys, keys_of_schema(schema, "/definitions/trigger"), "trigger");
    check_same_keys(trigger_keys, keys_of_schema(schema, "/properties/trigger"), "the one trigger");
}

BOOST_AUTO_TEST_CASE(schema_and_reader_of_skills_know_the_same_keys) {
    check_same_keys(skill_keys(std::string(unknown) + ": 1\n"), keys_of_schema(read_schema("skill"), ""), "skill");
    std::vector<aivp::error> errors;
    (void)aivp::parse_skill_pool("schema_version: skill_pool.v1\nimports: []\n" + std::string(unknown) + ": 1\n",
                                 "p.yaml", errors);
    check_same_keys(keys_known_to_reader(errors), keys_of_schema(read_schema("skill-pool"), ""), "pool");
}

BOOST_AUTO_TEST_CASE(schemas_and_readers_know_the_same_keys_of_retries_rates_and_breakers) {
    const std::string bad = std::string(unknown) + ": 1";
    const std::vector<std::pair<std::string, std::string>> blocks{
        {"retry: {attempts: 2, jitter: proportional, jitter_share: 5%, " + bad + "}", "/definitions/retry"},
        {"rate_limit: {count: 1, per: 1s, " + bad + "}", "/definitions/rate_limit"},
        {"breaker: {" + bad + "}", "/definitions/breaker"},
        {"breaker: {slow: {from: 1s, " + bad + "}}", "/definitions/breaker/properties/slow"}};
    for (const auto& [text, pointer] : blocks) {
        check_same_keys(skill_keys(text + "\n"), keys_of_schema(read_schema("skill"), pointer), "skill");
        check_same_keys(agent_keys("goal: g\nskill_bindings: []\nmodel:\n  name: m\n  " + text + "\n"),
                        keys_of_schema(read_schema("agent"), pointer), "model");
    }
}

/// Each text with whether it is sound: the schema and the reader must both say so.
BOOST_AUTO_TEST_CASE(schemas_and_readers_agree_about_retries_rates_and_breakers) {
    const auto schema = compile_schema("skill");
    const std::string head = "schema_version: skill.v1\nid: a\nversion: 1.0.0\nsummary: s\ninputs: {}\n";
    const std::vector<std::pair<const char*, bool>> texts{
        {"retry: {attempts: 4}", true},
        {"retry: {attempts: 4, delay: 500ms, growth: 1.5, delay_max: 1m, jitter: none, throttle_floor: 0s}", true},
        {"retry: {attempts: 4, jitter: proportional, jitter_share: 12.5%, within: 5m}", true},
        {"rate_limit: {count: 10, per: 1s, burst: 5}", true},
        {"breaker: {}", true},
        {"breaker: {window: 60s, failures: 50%, slow: {from: 5s}, open_growth: 1, probes: 16}", true},
        {"retry: {}", false},
        {"retry: {attempts: 1001}", false},
        {"retry: {attempts: 4, attempt_timeout: 1s}", false},
        {"retry: {attempts: 4, growth: 101}", false},
        {"retry: {attempts: 4, jitter: proportional}", false},
        {"retry: {attempts: 4, jitter: full, jitter_share: 1%}", false},
        {"retry: {attempts: 4, jitter_share: 1%}", false},
        {"rate_limit: {per: 1s}", false},
        {"rate_limit: {count: 10, per: 1s, burst: 0}", false},
        {"breaker: {window: 0}", false},
        {"breaker: {failures: 0.5}", false},
        {"breaker: {failures: .5%}", false},
        {"breaker: {failures: 5.%}", false},
        {"breaker: {failures: \"%\"}", false},
        {"breaker: {slow: {share: 80%}}", false},
        {"breaker: {slow: 5s}", false}};
    for (const auto& [text, sound] : texts) {
        std::vector<aivp::error> errors;
        BOOST_TEST(aivp::parse_skill(head + text + "\n", "s.skill.yaml", errors).has_value() == sound, text);
        BOOST_TEST(schema.accepts(yaml_payload(head + text + "\n", "s.skill.yaml")) == sound, text);
    }
}

BOOST_AUTO_TEST_SUITE_END()
