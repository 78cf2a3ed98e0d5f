#include "sim/import/internal/imported_run.hpp"

#include <boost/test/unit_test.hpp>

#include <fstream>
#include <zlib.h>

#include "sim/import/internal/log_file.hpp"
#include "sim/import/internal/skill_set.hpp"
#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::sim::internal;
using aivp::tape_tests::scratch_folder;

const std::string fixtures = AIVP_SOURCE_DIR "/tests/import/fixtures";

void spit(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

std::vector<std::string> documents_of(const std::string& file) {
    std::vector<std::string> out;
    const auto read = read_log(file, [&](const log_document& d) -> result<void> {
        out.push_back(std::to_string(d.line) + " " + std::string(d.value.text()));
        return {};
    });
    if (!read) out.push_back(to_string(read.error()));
    return out;
}

std::vector<imported_run> agentdojo_fixture() {
    std::vector<imported_run> runs;
    const auto read = read_log(fixtures + "/agentdojo.jsonl", [&](const log_document& d) -> result<void> {
        AIVP_TRY(imported_run run, read_agentdojo_run(d.value));
        runs.push_back(std::move(run));
        return {};
    });
    BOOST_REQUIRE_MESSAGE(read.has_value(), (read ? "" : to_string(read.error())));
    return runs;
}

/// A log that holds one line made from a good one by an edit, and what the reader says about it.
struct broken_log {
    const char* name;
    const char* from;
    const char* to;
    const char* at; ///< the text at the reported column
    const char* message;
};

} // namespace

BOOST_AUTO_TEST_SUITE(import_logs)

BOOST_AUTO_TEST_CASE(lines_lists_and_compressed_files_are_read_alike) {
    const scratch_folder scratch("import-logs");
    const std::string lines = "{\"a\":1}\r\n\n  \n{\"a\":2}";
    spit(scratch / "x.jsonl", lines);
    const std::vector<std::string> expected{"1 {\"a\":1}", "4 {\"a\":2}"};
    BOOST_TEST(documents_of(scratch / "x.jsonl") == expected, boost::test_tools::per_element());
    gzFile gz = gzopen((scratch / "x.jsonl.gz").c_str(), "wb");
    gzwrite(gz, lines.data(), static_cast<unsigned>(lines.size()));
    gzclose(gz);
    BOOST_TEST(documents_of(scratch / "x.jsonl.gz") == expected, boost::test_tools::per_element());
    spit(scratch / "x.json", "[{\"a\":1},\n\n\n{\"a\":2}]");
    BOOST_TEST(documents_of(scratch / "x.json") == expected, boost::test_tools::per_element());
    spit(scratch / "one.json", "\n{\n\"a\":1}");
    BOOST_TEST(documents_of(scratch / "one.json") == std::vector<std::string>{"1 {\"a\":1}"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_line_longer_than_a_chunk_is_one_document) {
    const scratch_folder scratch("import-long");
    const std::string value = "\"" + std::string(700'000, 'x') + "\"";
    spit(scratch / "x.jsonl", value + "\n" + value + "\n1\n");
    const auto found = documents_of(scratch / "x.jsonl");
    BOOST_REQUIRE(found.size() == 3u);
    BOOST_TEST((found[0] == "1 " + value));
    BOOST_TEST((found[1] == "2 " + value));
    BOOST_TEST(found[2] == "3 1");
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_read_say_why) {
    const scratch_folder scratch("import-bad");
    const auto code = [&](const std::string& file) {
        const auto read = read_log(file, [](const log_document&) -> result<void> { return {}; });
        return read ? errc::ok : read.error().code;
    };
    BOOST_CHECK(code(scratch / "none.jsonl") == errc::io_not_found);
    BOOST_CHECK(code(scratch.path()) == errc::io_read);
    gzFile gz = gzopen((scratch / "x.jsonl.gz").c_str(), "wb");
    std::string text;
    for (int i = 0; i < 5000; ++i) text += "{\"a\":" + std::to_string(i * 7919 % 5003) + "}\n";
    gzwrite(gz, text.data(), static_cast<unsigned>(text.size()));
    gzclose(gz);
    std::filesystem::resize_file(scratch / "x.jsonl.gz", std::filesystem::file_size(scratch / "x.jsonl.gz") / 2);
    BOOST_CHECK(code(scratch / "x.jsonl.gz") == errc::import_format);
    spit(scratch / "y.jsonl", "{\"a\":1}\n{\"a\":oops}\n");
    const auto read = read_log(scratch / "y.jsonl", [](const log_document&) -> result<void> { return {}; });
    BOOST_CHECK(read.error().code == errc::import_format);
    BOOST_TEST(to_string(read.error().where) == scratch / "y.jsonl:2:6");
}

BOOST_AUTO_TEST_CASE(an_agentdojo_run_becomes_turns_with_their_answers) {
    const auto runs = agentdojo_fixture();
    BOOST_REQUIRE(runs.size() == 11u);
    const imported_run& run = runs[0];
    BOOST_TEST(run.system == "You look after a garden.\nUse the tools.");
    BOOST_TEST(run.goal == "Water the rose.");
    BOOST_TEST(run.model == "gardener-1");
    BOOST_TEST(run.version == "v1");
    BOOST_TEST(run.folder == "gardener-1/garden.none/user_task_0");
    BOOST_TEST(run.total.us == 3'500'000);
    BOOST_REQUIRE(run.turns.size() == 3u);
    BOOST_TEST(run.turns[0].content.is_null());
    BOOST_TEST(run.turns[1].content.text() == "\"I water the rose now.\"");
    BOOST_TEST(run.turns[1].calls[0].arguments.text() == R"({"litres":2,"plant":"rose"})");
    BOOST_TEST(run.turns[1].calls[0].answer->result.text() == "\"{'message': 'watered'}\"");
    BOOST_CHECK(ending_of(run) == imported_ending::finished);
}

BOOST_AUTO_TEST_CASE(the_newer_log_form_has_lists_of_parts_and_calls_without_ids) {
    const imported_run run = agentdojo_fixture()[1];
    BOOST_TEST(run.version == "v1.2");
    BOOST_TEST(run.model == "gardener-2");
    BOOST_TEST(to_string(run.recorded_at) == "2025-07-25T00:43:54Z");
    BOOST_TEST(run.goal == "Water the fern.");
    BOOST_TEST(run.turns[0].calls[0].answer->result.text() == "\"- fern\"");
    BOOST_TEST(run.turns[0].calls[1].answer->result.text() == "\"ok\"");
}

BOOST_AUTO_TEST_CASE(answers_find_their_calls_by_id_and_errors_are_what_the_model_saw) {
    const imported_run run = agentdojo_fixture()[3];
    const imported_call& first = run.turns[0].calls[0];
    BOOST_TEST(first.answer->failed);
    BOOST_TEST(first.answer->result.text() == "\"ValidationError: litres must be a number\"");
    BOOST_TEST(first.answer->message == "ValidationError: litres must be a number");
    BOOST_TEST(run.turns[1].calls[0].answer->message == "Invalid tool sing_to_plant provided.");
    BOOST_TEST(run.turns[1].calls[1].answer->message == "ValueError: litres is missing");
}

BOOST_AUTO_TEST_CASE(how_a_run_ends_is_recognised) {
    const auto runs = agentdojo_fixture();
    BOOST_CHECK(ending_of(runs[2]) == imported_ending::capped);
    BOOST_CHECK(ending_of(runs[4]) == imported_ending::cut);
    BOOST_TEST(runs[4].error == "BadRequestError: the model is overloaded");
    BOOST_TEST(runs[4].total.us == 0);
    BOOST_TEST(runs[10].converse);
    BOOST_CHECK(ending_of(runs[10]) == imported_ending::finished);
}

BOOST_AUTO_TEST_CASE(runs_that_cannot_be_replayed_say_why) {
    const auto runs = agentdojo_fixture();
    BOOST_TEST(runs[7].skip == "there is no user message to start from");
    BOOST_TEST(runs[8].skip == "turn 1 is an answer, and the run goes on");
    BOOST_TEST(runs[9].skip == "turn 1 has calls without an answer, and the run goes on");
    for (const std::size_t i : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 10u}) BOOST_TEST(runs[i].skip == "");
}

BOOST_AUTO_TEST_CASE(names_from_a_log_never_lead_out_of_the_folder) {
    const imported_run run = agentdojo_fixture()[5];
    BOOST_TEST(run.folder == "gardener-1/garden.im_port_ant/_._user_task.a_b");
    BOOST_TEST(safe_name("") == "unnamed");
    BOOST_TEST(safe_name("..") == "_.");
    BOOST_TEST(safe_name("/etc/passwd") == "_etc_passwd");
    BOOST_TEST(safe_name(std::string(500, 'a')).size() == 80u);
}

BOOST_AUTO_TEST_CASE(a_broken_log_is_refused_with_its_place) {
    const std::string good =
        R"({"suite_name":"s","pipeline_name":"p","user_task_id":"u","injection_task_id":null,"attack_type":null,"error":null,)"
        R"("messages":[{"role":"user","content":"go"},{"role":"assistant","content":null,"tool_calls":[{"function":"f","args":{},"id":"1"}]},)"
        R"({"role":"tool","content":"r","tool_call_id":"1","error":null}]})";
    const broken_log logs[] = {
        {"no suite", "\"suite_name\":\"s\",", "", "{\"pipeline_name\"", "\"suite_name\" must be a string"},
        {"a suite that is a number", "\"suite_name\":\"s\"", "\"suite_name\":7", "7",
         "\"suite_name\" must be a string"},
        {"an attack that is a list", "\"attack_type\":null", "\"attack_type\":[]", "[]", "a string is expected"},
        {"an error that is an object", "\"error\":null,\"messages\"", "\"error\":{},\"messages\"", "{}",
         "a string is expected"},
        {"messages that are text", "\"messages\":[", "\"messages\":\"\",\"x\":[", "\"\"",
         "\"messages\" must be a list"},
        {"no messages", "\"messages\"", "\"massages\"", "{", "\"messages\" must be a list"},
        {"a message without a role", "\"role\":\"user\"", "\"rôle\":\"user\"", "{\"rôle\"",
         "\"role\" must be a string"},
        {"an unknown role", "\"role\":\"user\"", "\"role\":\"bystander\"", "\"bystander\"", "is not known"},
        {"content that is a number", "\"content\":\"go\"", "\"content\":4", "4", "a string is expected"},
        {"a part that is an image", "\"content\":\"go\"", "\"content\":[{\"type\":\"image\"}]", "\"image\"",
         "cannot be imported"},
        {"calls that are an object", "[{\"function\"", "{\"a\":[{\"function\"", "", ""},
        {"a call without a function", "\"function\":\"f\"", "\"funktion\":\"f\"", "{\"funktion\"",
         "\"function\" must be a string"},
        {"arguments that are a list", "\"args\":{}", "\"args\":[]", "[]", "\"args\" must be an object"},
        {"arguments that are missing", "\"args\":{}", "\"arghs\":{}", "{\"function\"", "\"args\" must be an object"},
        {"an answer to nobody", "\"tool_calls\":[{\"function\":\"f\",\"args\":{},\"id\":\"1\"}]", "\"tool_calls\":[]",
         "{\"role\":\"tool\"", "was not called"},
        {"a run that is a list", good.c_str(), "[]", "[]", "must be an object"},
    };
    const scratch_folder scratch("import-broken");
    for (const broken_log& b : logs) {
        BOOST_TEST_CONTEXT(b.name) {
            std::string line = good;
            const std::size_t at = line.find(b.from);
            BOOST_REQUIRE(at != std::string::npos);
            line.replace(at, std::string_view(b.from).size(), b.to);
            spit(scratch / "x.jsonl", good + "\n" + line + "\n");
            const auto read = read_log(scratch / "x.jsonl", [](const log_document& d) -> result<void> {
                AIVP_TRY(const imported_run run, read_agentdojo_run(d.value));
                return {};
            });
            BOOST_REQUIRE(!read.has_value());
            const error& e = read.error();
            BOOST_TEST_INFO(to_string(e));
            BOOST_CHECK(e.code == errc::import_format);
            BOOST_TEST(e.where.file == scratch / "x.jsonl");
            BOOST_TEST(e.where.line == 2u);
            BOOST_TEST(e.where.column > 0u);
            BOOST_TEST(e.message.find(b.message) != std::string::npos);
            // Columns count characters; the line is ASCII up to the place in every case.
            BOOST_TEST(line.substr(e.where.column - 1).starts_with(b.at));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_tau_bench_trajectory_is_a_conversation) {
    std::vector<imported_run> runs;
    const auto read = read_log(fixtures + "/shopper-1-retail.jsonl", [&](const log_document& d) -> result<void> {
        AIVP_TRY(imported_run run, read_tau_bench_run(d.value, "shopper-1", "retail"));
        runs.push_back(std::move(run));
        return {};
    });
    BOOST_REQUIRE_MESSAGE(read.has_value(), (read ? "" : to_string(read.error())));
    BOOST_REQUIRE(runs.size() == 5u);
    BOOST_TEST(runs[0].folder == "shopper-1/retail/task-0.trial-0");
    BOOST_TEST(runs[0].turns[0].reply->text() == "\"Order 7.\"");
    BOOST_TEST(!runs[0].turns[0].reply_ends);
    BOOST_TEST(runs[0].turns[1].calls[0].arguments.text() == R"({"order":7})");
    BOOST_TEST(runs[0].turns[2].reply_ends);
    BOOST_CHECK(ending_of(runs[0]) == imported_ending::finished);
    BOOST_CHECK(ending_of(runs[1]) == imported_ending::finished);
    BOOST_CHECK(ending_of(runs[2]) == imported_ending::cut);
    BOOST_CHECK(ending_of(runs[3]) == imported_ending::finished);
    BOOST_TEST(runs[4].skip == "turn 1 calls `find_order` with arguments that are no object");
}

BOOST_AUTO_TEST_CASE(effects_are_guessed_from_names) {
    for (const char* name : {"get_balance", "read_file", "search", "list_plants", "find_order"})
        BOOST_CHECK(guess_effect(name) == effect_class::read);
    for (const char* name : {"think", "calculate"}) BOOST_CHECK(guess_effect(name) == effect_class::none);
    for (const char* name : {"send_money", "getaway", "update_user", "transfer_to_human_agents", ""})
        BOOST_CHECK(guess_effect(name) == effect_class::write);
}

BOOST_AUTO_TEST_SUITE_END()
