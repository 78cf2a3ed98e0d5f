#include "sim/regression.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "runtime/codec/workspace.hpp"
#include "runtime/codec/yaml.hpp"
#include "tests/sim_search/planted.hpp"

using namespace planted;

namespace {

result<regression> read(const std::string& text) {
    std::vector<error> errors;
    const auto document = read_document(text, "r.yaml", errors);
    if (document) {
        regression r = read_regression(*document, errors);
        if (errors.empty()) return r;
    }
    return std::unexpected(errors.front());
}

std::string why(const std::string& text) {
    const auto r = read(text);
    return r ? "accepted" : std::string(aivp::info(r.error().code).name) + ": " + r.error().message;
}

regression sample() {
    regression r;
    r.scenario = "../till.yaml";
    r.seed = 41;
    r.property = "at most one charge: per \"order\"";
    r.signature = "9f3a61";
    r.plan.faults = {
        {.site = "skill/clerk/charge", .ordinal = 2, .kind = fault_kind::skill_lost, .severity = 1},
        {.site = "process/commit", .ordinal = 4, .kind = fault_kind::process_kill, .times = fault::always}};
    r.workload.horizon = minutes(2);
    r.workload.without = {"other"};
    r.workload.triggers = {{.trigger = 1, .after = {}, .times = 1, .body = json(R"({"order":"x: y","n":[1,2]})")},
                           {.trigger = 2, .dropped = true, .after = {}, .times = {}, .body = {}}};
    r.workload.settings = {{"clerk", "steps", 1}, {"kv.set@1.0.0", "retry.attempts", 2}};
    r.workload.expect = {.number = 2, .right = json("3")};
    r.engine = "0.1.0";
    r.scenario_hash = "0123456789abcdef";
    return r;
}

/// A folder of files that goes with the test.
class files {
public:
    files() : folder_(std::filesystem::temp_directory_path() / ("aivp-regression-" + std::to_string(getpid()))) {
        std::filesystem::create_directories(folder_ / "regressions");
    }
    ~files() {
        std::error_code ec;
        std::filesystem::remove_all(folder_, ec);
    }
    std::string write(const std::string& name, const std::string& text) {
        std::ofstream(folder_ / name) << text;
        return (folder_ / name).string();
    }
    const std::filesystem::path& folder() const { return folder_; }

private:
    std::filesystem::path folder_;
};

constexpr const char* scenario_text = R"(schema_version: scenario.v1
name: Looks
agents: [looker.yaml]
skills: [get.SKILL.md]
duration: 1h
world: {kv: {}}
triggers: [{start: looker, every: 10m, times: 3}]
expect: {runs: {total: 99}}
)";
constexpr const char* agent_text = R"(schema_version: v1alpha1
kind: agent
id: looker
name: Looker
triggers: [{id: by-hand, type: manual}]
skill_bindings: [{as: look, use: kv.get}]
steps: [{id: one, skill: look, with: {key: a}}]
)";
constexpr const char* skill_text = R"(---
schema_version: skill.v1
id: kv.get
version: 1.0.0
summary: Reads.
effect: read
inputs: {type: object, properties: {key: {type: string}}}
---
)";

/// What "../looks.yaml" is to a regression.
void write_scenario(files& f) {
    f.write("looks.yaml", scenario_text);
    f.write("looker.yaml", agent_text);
    f.write("get.SKILL.md", skill_text);
}

/// As it would be kept.
std::string write_regression(files& f, const regression& r) { return f.write("regressions/r.yaml", to_yaml(r)); }

std::shared_ptr<const scenario> must_load(const std::string& path) {
    std::vector<error> errors;
    source_texts texts;
    auto s = load_scenario(path, load_utc_only, errors, texts);
    BOOST_REQUIRE_MESSAGE(s, (errors.empty() ? "" : to_string(errors.front())));
    return s;
}

} // namespace

BOOST_AUTO_TEST_SUITE(regressions)

BOOST_AUTO_TEST_CASE(a_regression_read_back_is_the_same) {
    const regression r = sample();
    const auto again = read(to_yaml(r));
    BOOST_REQUIRE_MESSAGE(again.has_value(), (again ? "" : to_string(again.error())));
    BOOST_CHECK(*again == r);
    regression least;
    least.scenario = "x.yaml";
    least.property = "p";
    const auto read_least = read(to_yaml(least));
    BOOST_REQUIRE(read_least.has_value());
    BOOST_CHECK(*read_least == least);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_regression_is_said) {
    const std::string head = "schema_version: regression.v1\nscenario: x.yaml\nseed: 1\nproperty: p\n";
    BOOST_TEST(why(head) == "accepted");
    BOOST_TEST(why("schema_version: regression.v1\nseed: 1\nproperty: p\n") ==
               "config.missing_key: a regression needs the key `scenario`");
    BOOST_TEST(why(head + "workload: {triggers: [{trigger: 0}]}\n") ==
               "config.value: a trigger of the workload changes nothing");
    BOOST_TEST(why(head + "workload: {triggers: [{trigger: 1, drop: true}, {trigger: 0, drop: true}]}\n") ==
               "config.value: the triggers of the workload are not in order");
    BOOST_TEST(why(head + "workload: {duration: never}\n") ==
               "config.value: `duration` of a workload is no duration in its range");
    BOOST_TEST(why(head + "workload: {without: [b, a]}\n") == "config.value: `without` is a sorted list of agents");
    BOOST_TEST(why(head + "workload: {withuot: [a]}\n") == "config.unknown_key: a workload has no key `withuot`");
    BOOST_TEST(why(head + "workload: {settings: []}\n") ==
               "config.value: `settings` of a workload is a list with something in it");
    BOOST_TEST(why(head + "workload: {settings: [{of: clerk, to: 1}]}\n") ==
               "config.missing_key: a setting of the workload needs `of`, `name` and `to`");
    BOOST_TEST(why(head + "workload: {settings: [{of: b, name: x, to: 1}, {of: a, name: x, to: 1}]}\n") ==
               "config.value: `settings` of a workload are sorted by `of` and `name`");
    BOOST_TEST(why(head + "workload: {expect: {right: 2}}\n") ==
               "config.missing_key: `expect` of a workload needs its `number`");
    BOOST_TEST(why(head + "workload: {expect: {number: 0, right: null}}\n") ==
               "config.value: `right` of an expectation is a number or an object");
    BOOST_TEST(why(head + "workload: {expect: {number: 0, wrong: 1}}\n") ==
               "config.unknown_key: `expect` of a workload has no key `wrong`");
    BOOST_TEST(why(head + "sead: 2\n").starts_with("config.unknown_key: "));
    BOOST_TEST(why(head + "faults: [{site: skill/a/b, kind: lots}]\n")
                   .starts_with("config.value: there is no fault of a skill"));
}

BOOST_AUTO_TEST_CASE(a_regression_is_run_like_a_scenario_under_its_own_seed_and_faults) {
    files f;
    write_scenario(f);
    regression r;
    r.scenario = "../looks.yaml";
    r.seed = 41;
    r.property = "something";
    r.plan.faults = {{.site = "skill/looker/look", .ordinal = 2, .kind = fault_kind::skill_unavailable}};
    r.workload.triggers = {{.trigger = 0, .after = {}, .times = 2, .body = {}}};
    const std::string path = write_regression(f, r);
    const auto found = find_scenarios({f.folder().string()}, false);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->size() == 2U);
    const auto s = must_load(path);
    BOOST_TEST(s->file == path);
    BOOST_TEST(s->triggers[0].times == 2U);
    BOOST_TEST(s->expectations.empty());
    const run_report report = run_once(*s, 1);
    BOOST_TEST(report.passed());
    BOOST_REQUIRE_EQUAL(report.met.size(), 1U);
    BOOST_CHECK(report.outcome == run_once(*s, 2).outcome);
    BOOST_CHECK(report.outcome == run_planned(*s, 41, s->faults).report.outcome);
    // A place that the scenario does not have any more is said, and so is a call that does not come.
    r.plan.faults[0].site = "skill/looker/touch";
    const auto gone = run_once(*must_load(write_regression(f, r)), 1);
    BOOST_REQUIRE_EQUAL(gone.findings.size(), 1U);
    BOOST_TEST((gone.findings[0].code == errc::fault_no_site));
    r.plan.faults[0] = {.site = "skill/looker/look", .ordinal = 3, .kind = fault_kind::skill_unavailable};
    const auto unmet = run_once(*must_load(write_regression(f, r)), 1);
    BOOST_REQUIRE_EQUAL(unmet.findings.size(), 1U);
    BOOST_TEST((unmet.findings[0].code == errc::fault_not_met));
}

BOOST_AUTO_TEST_CASE(a_regression_whose_scenario_is_gone_or_different_does_not_load) {
    files f;
    regression r;
    r.scenario = "../looks.yaml";
    r.property = "something";
    const auto errors_of = [&](const regression& x) {
        std::vector<error> errors;
        source_texts texts;
        BOOST_TEST(!load_scenario(write_regression(f, x), load_utc_only, errors, texts));
        BOOST_REQUIRE(!errors.empty());
        return errors.front();
    };
    BOOST_TEST((errors_of(r).code == errc::io_not_found));
    write_scenario(f);
    r.workload.without = {"gone"};
    BOOST_TEST(errors_of(r).message == "the scenario has no agent `gone`");
    r.workload = {};
    r.workload.triggers = {{.trigger = 7, .dropped = true, .after = {}, .times = {}, .body = {}}};
    BOOST_TEST(errors_of(r).message == "the scenario has no trigger 7");
    r.workload = {};
    r.scenario = "r.yaml";
    BOOST_TEST((errors_of(r).code == errc::config_value)); // a regression of a regression
}

BOOST_AUTO_TEST_CASE(a_pinned_expectation_is_asked_with_what_is_right_for_the_workload) {
    files f;
    write_scenario(f);
    regression r;
    r.scenario = "../looks.yaml";
    r.property = "runs: total";
    const auto findings = [&] { return run_once(*must_load(write_regression(f, r)), 1).findings; };
    BOOST_TEST(findings().empty()); // the scenario wants 99, and is not asked
    r.workload.expect = {.number = 0, .right = {}};
    BOOST_REQUIRE_EQUAL(findings().size(), 1U);
    BOOST_TEST(findings()[0].expected == "99");
    BOOST_TEST(findings()[0].actual == "3");
    r.workload.triggers = {{.trigger = 0, .after = {}, .times = 2, .body = {}}};
    r.workload.expect->right = json("2");
    BOOST_TEST(findings().empty());
    r.workload.expect->right = json("3");
    BOOST_TEST(findings().size() == 1U);
    const auto s = till();
    workload_edits e;
    e.expect = {.number = 0, .right = json("1")};
    BOOST_TEST(apply_edits(s, e).error().message == "the scenario has no expectation 0");
    s->expectations.resize(1);
    e.expect->right = json("{}");
    BOOST_TEST(apply_edits(s, e).error().message == "what is right is a whole number");
    s->expectations[0].what = expectation::kind::world;
    BOOST_TEST(apply_edits(s, e).has_value());
    e.expect->right = json("1");
    BOOST_TEST(apply_edits(s, e).error().message == "what is right is an object of services");
}

BOOST_AUTO_TEST_CASE(edits_change_what_they_name_and_nothing_else) {
    const auto s = till();
    BOOST_TEST((*apply_edits(s, {}) == s));
    workload_edits e;
    e.triggers = {{.trigger = 0, .after = seconds(5), .times = {}, .body = {}},
                  {.trigger = 0, .added = true, .after = {}, .times = 1, .body = json("7")},
                  {.trigger = 1, .dropped = true, .after = {}, .times = {}, .body = {}}};
    const auto changed = *apply_edits(s, e);
    BOOST_REQUIRE_EQUAL(changed->triggers.size(), 3U);
    BOOST_TEST(changed->triggers[0].after.us == seconds(5).us);
    BOOST_TEST(changed->triggers[0].times == 20U);
    BOOST_TEST(changed->triggers[1].times == 1U);
    BOOST_TEST(!changed->triggers[1].every.has_value());
    BOOST_TEST((changed->triggers[1].body == json("7")));
    BOOST_TEST(changed->triggers[2].agent == "third");
    BOOST_TEST(changed->agents.size() == 3U);
    e.without = {"third"};
    BOOST_TEST((*apply_edits(s, e))->triggers.size() == 2U);
    e.without = {"clerk", "other", "third"};
    BOOST_TEST(!apply_edits(s, e).has_value());
    e = {};
    e.triggers = {{.trigger = 2, .after = {}, .times = 5, .body = {}}};
    BOOST_TEST(apply_edits(s, e).error().message == "trigger 2 happens once: it has no `every`");
    e = {};
    e.users = json(R"({"reply":[]})");
    BOOST_TEST(!apply_edits(s, e).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
