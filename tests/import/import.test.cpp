#include "sim/import/import.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "aivp/tape/files.hpp"
#include "mocks/tape/player.hpp"
#include "mocks/tape/recorder.hpp"
#include "runtime/codec/workspace.hpp"
#include "sim/import/internal/skill_set.hpp"
#include "sim/replay.hpp"
#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::sim;
using aivp::tape_tests::json;
using aivp::tape_tests::scratch_folder;

const std::string fixtures = AIVP_SOURCE_DIR "/tests/import/fixtures";
const std::vector<std::string> garden{fixtures + "/agentdojo.jsonl"};
const std::vector<std::string> shop{fixtures + "/shopper-1-retail.jsonl"};

std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
}

void edit(const std::string& path, std::string_view from, std::string_view to) {
    std::string text = slurp(path);
    const std::size_t at = text.find(from);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, path << " does not hold " << from);
    std::ofstream(path, std::ios::binary) << text.replace(at, from.size(), to);
}

import_summary imported(const result<import_summary>& r) {
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return *r;
}

std::vector<replay_report> replayed(const std::string& path) {
    auto r = replay_all({path});
    BOOST_REQUIRE_MESSAGE(r.has_value(), (r ? "" : to_string(r.error())));
    return std::move(*r);
}

std::string why(const replay_report& r) {
    std::string out = r.tape;
    if (r.failed) out += "\n" + to_string(*r.failed);
    if (r.diverged) out += "\nended " + r.diverged->second + ", recorded " + r.diverged->first;
    for (const tape_miss& m : r.verdict.misses) out += "\n" + to_string(m);
    return out + "\nunused " + std::to_string(r.verdict.unused);
}

void require_all_pass(const std::vector<replay_report>& reports) {
    for (const replay_report& r : reports) BOOST_CHECK_MESSAGE(r.passed() && r.problems.empty(), why(r));
}

} // namespace

BOOST_AUTO_TEST_SUITE(importing)

BOOST_AUTO_TEST_CASE(agentdojo_runs_become_tapes_that_the_engine_replays) {
    const scratch_folder scratch("import-garden");
    const import_summary s = imported(import_agentdojo(garden, scratch / "out"));
    BOOST_TEST(s.runs == 11u);
    BOOST_TEST(s.tapes == 8u);
    BOOST_TEST(s.model_calls == 17u);
    BOOST_TEST(s.skill_calls == 10u);
    BOOST_TEST(s.user_turns == 2u);
    BOOST_TEST(s.capped_runs == 1u);
    BOOST_TEST(s.cut_runs == 1u);
    BOOST_TEST(s.skipped.size() == 3u);
    const auto reports = replayed(scratch / "out");
    BOOST_TEST(reports.size() == 8u);
    require_all_pass(reports);
    const replay_totals t = sum_up(reports);
    BOOST_TEST(t.matched_model == s.model_calls);
    BOOST_TEST(t.matched_skill == s.skill_calls);
    BOOST_TEST(t.matched_user == s.user_turns);
}

BOOST_AUTO_TEST_CASE(runs_of_one_name_get_folders_of_their_own) {
    const scratch_folder scratch("import-twice");
    imported(import_agentdojo(garden, scratch / "out"));
    const auto tapes = find_tapes(scratch / "out/gardener-1/garden.im_port_ant");
    const std::vector<std::string> expected{scratch / "out/gardener-1/garden.im_port_ant/_._user_task.a_b-2.tape",
                                            scratch / "out/gardener-1/garden.im_port_ant/_._user_task.a_b.tape"};
    BOOST_TEST(*tapes == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(schemas_are_widened_no_further_than_the_log_needs_and_every_place_is_listed) {
    const scratch_folder scratch("import-widened");
    const import_summary s = imported(import_agentdojo(garden, scratch / "out"));
    std::vector<std::string> changes;
    for (const auto& w : s.widenings) changes.push_back(w.group + " " + w.skill + " " + w.change);
    std::sort(changes.begin(), changes.end());
    const std::vector<std::string> expected{
        "garden-v1 garden.sing_to_plant /properties/song: declared, as it was logged",
        "garden-v1 garden.sing_to_plant not in the schema file: taken from what was logged",
        "garden-v1 garden.water_plant /properties/gently: declared, as it was logged",
        "garden-v1 garden.water_plant /properties/litres: its type also is string",
        "garden-v1 garden.water_plant /properties/litres: no longer required"};
    BOOST_TEST(changes == expected, boost::test_tools::per_element());
    const payload report = json(slurp(scratch / "out/import-report.json"));
    BOOST_TEST(items(*at_pointer(report, "/widened")).size() == 5u);
    BOOST_TEST(items(*at_pointer(report, "/skipped")).size() == 3u);
    BOOST_TEST(at_pointer(report, "/counts/tapes")->text() == "8");
    const std::string shown = to_string(s);
    for (const std::string& change : changes) BOOST_TEST(shown.find(change) != std::string::npos);

    workspace space;
    BOOST_REQUIRE_MESSAGE(space.load_skills(scratch / "out/skills/garden-v1"), space.report());
    const json_schema& water = space.skills().resolve("garden.water_plant").value()->input;
    BOOST_TEST(water.accepts(json(R"({"plant":"a","litres":1})")));
    BOOST_TEST(water.accepts(json(R"({"plant":"a","litres":"a little","gently":true})")));
    BOOST_TEST(water.accepts(json(R"({"plant":"a"})")));
    BOOST_TEST(!water.accepts(json(R"({"litres":1})")));
    BOOST_TEST(!water.accepts(json(R"({"plant":"a","litres":[1]})")));
    BOOST_TEST(!water.accepts(json(R"({"plant":"a","when":"now"})")));
    BOOST_TEST(!water.accepts(json(R"({"plant":"a","gently":"yes"})")));
    BOOST_TEST(!space.skills().resolve("garden.prune_plant").value()->input.accepts(json("{}")));
    BOOST_CHECK(space.skills().resolve("garden.list_plants").value()->effect == effect_class::read);
}

BOOST_AUTO_TEST_CASE(without_a_schema_file_the_schemas_come_from_the_log) {
    const scratch_folder scratch("import-derived");
    imported(import_agentdojo(garden, scratch / "out"));
    workspace space;
    BOOST_REQUIRE_MESSAGE(space.load_skills(scratch / "out/skills/garden-v1.2"), space.report());
    const skill_ptr water = space.skills().resolve("garden.water_plant").value();
    BOOST_TEST(water->version == "1.2.0");
    BOOST_TEST(water->input.accepts(json(R"({"plant":"a","litres":1.5})")));
    BOOST_TEST(!water->input.accepts(json(R"({"plant":"a","litres":"much"})")));
    BOOST_TEST(!water->input.accepts(json(R"({"pot":"a"})")));
}

BOOST_AUTO_TEST_CASE(prompts_and_texts_survive_exactly) {
    const scratch_folder scratch("import-exact");
    imported(import_agentdojo(garden, scratch / "out"));
    const auto t = read_tape(scratch / "out/gardener-1/garden.none/user_task_0.tape");
    BOOST_REQUIRE(t.has_value());
    const auto& last = std::get<tape_model_call>(t->events[5].body);
    const auto messages = last.messages.messages();
    BOOST_REQUIRE(messages.size() == 6u);
    BOOST_TEST(messages[0].text() == R"({"content":"You look after a garden.\nUse the tools.","role":"system"})");
    BOOST_TEST(messages[2].text() ==
               R"({"calls":[{"args":{},"id":"call#0","name":"list_plants"}],"role":"assistant"})");
    BOOST_TEST(messages[3].text() == R"({"call":"call#0","content":"- rose\n- fern\n","role":"tool"})");
    BOOST_TEST(messages[5].text() == R"({"call":"call#1","content":"{'message': 'watered'}","role":"tool"})");
    BOOST_TEST(t->manifest.skill_folders.front() == "../../../skills/garden-v1");
    BOOST_TEST(at_pointer(t->manifest.provenance, "/log/utility")->text() == "true");
    BOOST_TEST(t->events[5].at.us == 2 * 3'500'000 / 3 - 1);
}

BOOST_AUTO_TEST_CASE(the_harness_cap_is_the_agents_cap_and_a_cut_run_ends_with_a_failed_turn) {
    const scratch_folder scratch("import-ends");
    imported(import_agentdojo(garden, scratch / "out"));
    const auto capped = read_tape(scratch / "out/gardener-1/garden.none/user_task_2.tape");
    BOOST_CHECK(capped->manifest.outcome->code == errc::limit_model_calls);
    BOOST_CHECK(capped->manifest.outcome->status == outcome_status::failure);
    BOOST_TEST(slurp(scratch / "out/gardener-1/garden.none/user_task_2.tape/agent.yaml").find("model_turns: 2\n") !=
               std::string::npos);
    const auto cut = read_tape(scratch / "out/gardener-1/garden.none/user_task_4.tape");
    const auto& failed = std::get<tape_model_call>(cut->events[cut->events.size() - 2].body);
    BOOST_CHECK(failed.ending.code == errc::model_failed);
    BOOST_TEST(failed.ending.message == "BadRequestError: the model is overloaded");
    BOOST_CHECK(cut->manifest.outcome->code == errc::model_failed);
}

BOOST_AUTO_TEST_CASE(tau_bench_conversations_become_tapes_that_the_engine_replays) {
    const scratch_folder scratch("import-shop");
    const import_summary s = imported(import_tau_bench(shop, scratch / "out"));
    BOOST_TEST(s.runs == 5u);
    BOOST_TEST(s.tapes == 4u);
    BOOST_TEST(s.model_calls == 8u);
    BOOST_TEST(s.skill_calls == 4u);
    BOOST_TEST(s.user_turns == 3u);
    BOOST_TEST(s.cut_runs == 1u);
    BOOST_TEST(s.skipped.size() == 1u);
    require_all_pass(replayed(scratch / "out"));
    BOOST_TEST(std::filesystem::exists(scratch / "out/shopper-1/retail/task-2.trial-1.tape/manifest.json"));
    const std::string agent = slurp(scratch / "out/shopper-1/retail/task-1.trial-0.tape/agent.yaml");
    BOOST_TEST(agent.find("converse: true\nends_after:\n  - \"transfer_to_human_agents\"\n") != std::string::npos);

    const import_summary list = imported(
        import_tau_bench({fixtures + "/shopper-1-retail.json"}, scratch / "list", {.model = "other", .suite = "mine"}));
    BOOST_TEST(list.tapes == 2u);
    BOOST_TEST(std::filesystem::exists(scratch / "list/other/mine/task-1.trial-0.tape"));
    require_all_pass(replayed(scratch / "list"));
}

BOOST_AUTO_TEST_CASE(a_changed_agent_is_a_miss_that_names_the_changed_message) {
    const scratch_folder scratch("import-changed");
    imported(import_agentdojo(garden, scratch / "out"));
    const std::string folder = scratch / "out/gardener-1/garden.none/user_task_0.tape";
    edit(folder + "/agent.yaml", "Water the rose.", "Water the roses.");
    const auto reports = replayed(folder);
    BOOST_REQUIRE(reports.size() == 1u);
    BOOST_TEST(!reports[0].passed());
    BOOST_TEST(reports[0].problems.empty());
    BOOST_REQUIRE(reports[0].verdict.misses.size() == 1u);
    const tape_miss& m = reports[0].verdict.misses.front();
    BOOST_TEST(m.step == 1u);
    BOOST_REQUIRE(m.nearest->differences.size() == 1u);
    BOOST_TEST(m.nearest->differences[0].pointer == "/messages/1/content");
    BOOST_TEST(m.nearest->differences[0].left->text() == "\"Water the rose.\"");
    BOOST_TEST(m.nearest->differences[0].right->text() == "\"Water the roses.\"");
}

BOOST_AUTO_TEST_CASE(an_edited_tape_is_a_miss_at_the_edited_place_and_its_chain_is_reported) {
    const scratch_folder scratch("import-edited");
    imported(import_agentdojo(garden, scratch / "out"));
    const std::string folder = scratch / "out/gardener-1/garden.none/user_task_0.tape";
    edit(folder + "/events.jsonl", R"("req":{"args":{"litres":2,"plant":"rose"})",
         R"("req":{"args":{"litres":2,"plant":"lily"})");
    const auto reports = replayed(folder);
    BOOST_REQUIRE(reports[0].problems.size() == 1u);
    BOOST_CHECK(reports[0].problems[0].code == errc::tape_chain);
    BOOST_REQUIRE(reports[0].verdict.misses.size() == 1u);
    const tape_miss& m = reports[0].verdict.misses.front();
    BOOST_TEST(m.what == "garden.water_plant");
    BOOST_TEST(m.nearest->differences.front().pointer == "/args/plant");
    BOOST_TEST(m.nearest->differences.front().left->text() == "\"lily\"");
    BOOST_TEST(m.nearest->differences.front().right->text() == "\"rose\"");
}

BOOST_AUTO_TEST_CASE(an_edited_skill_file_is_a_miss_that_names_the_tools) {
    const scratch_folder scratch("import-tools");
    imported(import_agentdojo(garden, scratch / "out"));
    edit(scratch / "out/skills/garden-v1/garden.list_plants.skill.yaml", "Lists the plants.", "Lists all plants.");
    const auto reports = replayed(scratch / "out/gardener-1/garden.none/user_task_0.tape");
    BOOST_REQUIRE(reports[0].verdict.misses.size() == 1u);
    BOOST_TEST(reports[0].verdict.misses.front().nearest->differences.front().pointer == "/tools");
}

BOOST_AUTO_TEST_CASE(what_the_recorder_keeps_of_an_engines_run_replays_as_well) {
    const scratch_folder scratch("import-recorded");
    imported(import_agentdojo(garden, scratch / "out"));
    const std::string source = scratch / "out/gardener-1/garden.none/user_task_8.tape";
    const tape played = read_tape(source).value();
    workspace space;
    BOOST_REQUIRE_MESSAGE(space.load_skills(scratch / "out/skills/garden-v1"), space.report());
    const snapshot_ptr agent = space.load_agent(source + "/agent.yaml");
    BOOST_REQUIRE_MESSAGE(agent, space.report());

    std::shared_ptr<tape_player> player;
    std::shared_ptr<tape_recorder> recorder;
    simulation_setup setup;
    setup.agents = {agent};
    setup.ports = [&](const world_parts& parts) -> world_ports {
        player = std::make_shared<tape_player>(played.events,
                                               tape_player_options{.world = &parts.world, .fold_arguments = {}});
        recorder = std::make_shared<tape_recorder>(
            *player, *player, *player,
            tape_recorder_options{
                .now = [&world = parts.world] { return world.now(); }, .fold_arguments = {}, .fold_result = {}});
        return {{recorder, &recorder->models()}, {recorder, &recorder->users()}, {recorder, &recorder->connector()}};
    };
    const auto world = simulation::create(std::move(setup));
    BOOST_REQUIRE_MESSAGE(world.has_value(), (world ? "" : to_string(world.error())));
    (*world)->input_at((*world)->now(), start_run{agent_id{1}, {}}, input_source::operator_);
    (*world)->run((*world)->now() + days(1), 100'000);
    BOOST_TEST(player->verdict().clean());
    const auto& outcome = (*world)->log().runs().at(run_id{1}).outcome;
    BOOST_REQUIRE(outcome);
    recorder->run_finished(run_id{1}, {outcome->status, outcome->code, outcome->message});

    tape recorded = recorder->tape_of(run_id{1});
    recorded.manifest.agent_file = "agent.yaml";
    recorded.manifest.skill_folders = {"../out/skills/garden-v1"};
    recorded.manifest.recorded_at = recorded.events.front().at;
    tape_write_options options;
    options.files = {{"agent.yaml", slurp(source + "/agent.yaml")}};
    BOOST_REQUIRE(write_tape(scratch / "recorded.tape", recorded, options).has_value());
    BOOST_TEST(std::filesystem::exists(scratch / "recorded.tape/blobs"));
    const auto reports = replayed(scratch / "recorded.tape");
    require_all_pass(reports);
    BOOST_TEST(reports[0].verdict.matched == player->verdict().matched);
    BOOST_TEST(reports[0].verdict.matched_user == 2u);
}

BOOST_AUTO_TEST_CASE(nothing_is_written_when_a_file_is_broken_or_there_already) {
    const scratch_folder scratch("import-refused");
    std::ofstream(scratch / "bad.jsonl") << slurp(garden[0]) << "{\"suite_name\":\n";
    const auto broken = import_agentdojo({scratch / "bad.jsonl"}, scratch / "out");
    BOOST_REQUIRE(!broken.has_value());
    BOOST_CHECK(broken.error().code == errc::import_format);
    BOOST_TEST(broken.error().where.line == 12u);
    BOOST_TEST(!std::filesystem::exists(scratch / "out"));
    BOOST_CHECK(import_agentdojo({}, scratch / "out").error().code == errc::import_format);
    BOOST_CHECK(import_agentdojo({scratch / "none.jsonl"}, scratch / "out").error().code == errc::io_not_found);
    std::ofstream(scratch / "empty.jsonl") << "\n\n";
    BOOST_CHECK(import_agentdojo({scratch / "empty.jsonl"}, scratch / "out").error().code == errc::import_format);
    BOOST_TEST(!std::filesystem::exists(scratch / "out"));
    imported(import_agentdojo(garden, scratch / "out"));
    BOOST_CHECK(import_agentdojo(garden, scratch / "out").error().code == errc::io_exists);
    imported(import_tau_bench(shop, scratch / "out"));
    BOOST_TEST(find_tapes(scratch / "out")->size() == 12u);
    std::ofstream(scratch / "file") << "x";
    BOOST_CHECK(import_agentdojo(garden, scratch / "file").error().code == errc::io_write);
}

BOOST_AUTO_TEST_CASE(schemas_can_be_named_and_a_bad_one_is_refused) {
    const scratch_folder scratch("import-tools-option");
    std::filesystem::create_directories(scratch / "tools");
    std::filesystem::copy_file(garden[0], scratch / "log.jsonl");
    const import_summary none = imported(import_agentdojo({scratch / "log.jsonl"}, scratch / "a"));
    BOOST_TEST(none.widenings.empty());
    const import_summary file =
        imported(import_agentdojo({scratch / "log.jsonl"}, scratch / "b", {.tools = fixtures + "/suites"}));
    BOOST_TEST(file.widenings.size() == 5u);
    for (const char* bad :
         {"{\"tools\":{}}", "{\"tools\":[{\"name\":7}]}", "{\"tools\":[{\"name\":\"a\",\"parameters\":[]}]}"}) {
        std::ofstream(scratch / "tools/garden.v1.json", std::ios::trunc) << bad;
        const auto refused = import_agentdojo({scratch / "log.jsonl"}, scratch / "c", {.tools = scratch / "tools"});
        BOOST_REQUIRE_MESSAGE(!refused.has_value(), bad);
        BOOST_CHECK(refused.error().code == errc::import_format);
        BOOST_TEST(refused.error().where.file == scratch / "tools/garden.v1.json");
    }
    std::ofstream(scratch / "tools/garden.v1.json", std::ios::trunc)
        << "{\"tools\":[{\"name\":\"list_plants\",\"parameters\":{\"type\":\"object\",\"properties\":7}}]}";
    const auto refused = import_agentdojo({scratch / "log.jsonl"}, scratch / "c", {.tools = scratch / "tools"});
    BOOST_CHECK(refused.error().code == errc::schema_invalid);
    BOOST_TEST(!std::filesystem::exists(scratch / "c"));
}

BOOST_AUTO_TEST_CASE(tools_with_impossible_names_are_offered_under_possible_ones) {
    internal::skill_set set("Odd Suite!", "v3");
    for (const char* name : {"send mail", "send_mail", "abstain", "", "Größe"}) set.observe(name, json("{}"));
    std::vector<import_summary::widening> widenings;
    const auto compiled = set.compile(widenings);
    BOOST_REQUIRE_MESSAGE(compiled.has_value(), (compiled ? "" : to_string(compiled.error())));
    BOOST_TEST(set.find("send_mail")->as == "send_mail");
    BOOST_TEST(set.find("send mail")->as == "send_mail-2");
    BOOST_TEST(set.find("abstain")->as == "abstain-2");
    BOOST_TEST(set.find("")->as == "unnamed");
    BOOST_TEST(set.find("Größe")->as == "Gr____e");
    BOOST_TEST(set.find("send_mail")->id == "odd_suite.send_mail");
    BOOST_TEST(items(set.tools()).size() == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
