// Every public log of the data folder, imported and replayed: nothing may be missed and nothing left over.
#include "sim/import/import.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "aivp/tape/files.hpp"
#include "sim/replay.hpp"
#include "tests/tape/sample.hpp"

namespace {

namespace fs = std::filesystem;
using namespace aivp;
using namespace aivp::sim;
using aivp::tape_tests::scratch_folder;

std::string data_folder() {
    const char* named = std::getenv("AIVP_DATA");
    return named ? named : AIVP_SOURCE_DIR "/../shared/data";
}

/// Empty when the data set is not there.
std::vector<std::string> logs_below(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec))
        if (it->path().string().ends_with(".jsonl.gz")) files.push_back(it->path().string());
    std::sort(files.begin(), files.end());
    if (!files.empty()) return files;
    BOOST_TEST_MESSAGE("SKIPPED: " << folder << " is not there");
    std::cout << "SKIPPED: " << folder << " is not there\n";
    return files;
}

replay_totals replay_and_check(const std::string& out) {
    const auto reports = replay_all({out}, {.jobs = 2, .progress = {}});
    BOOST_REQUIRE_MESSAGE(reports.has_value(), (reports ? "" : to_string(reports.error())));
    std::size_t shown = 0;
    for (const replay_report& r : *reports) {
        if (r.passed() && r.problems.empty()) continue;
        std::string text = r.tape;
        if (r.failed) text += "\n" + to_string(*r.failed);
        if (r.diverged) text += "\nended " + r.diverged->second + ", recorded " + r.diverged->first;
        for (const tape_miss& m : r.verdict.misses) text += "\n" + to_string(m);
        if (shown++ < 5) BOOST_ERROR(text);
    }
    return sum_up(*reports);
}

} // namespace

BOOST_AUTO_TEST_SUITE(import_real_data)

BOOST_AUTO_TEST_CASE(every_agentdojo_run_replays_without_a_miss_and_without_a_rest) {
    const auto files = logs_below(data_folder() + "/agentdojo/runs");
    if (files.empty()) return;
    const scratch_folder scratch("import-agentdojo");
    const auto s = import_agentdojo(files, scratch / "out");
    BOOST_REQUIRE_MESSAGE(s.has_value(), (s ? "" : to_string(s.error())));
    BOOST_TEST(s->tapes == 4139u);
    BOOST_TEST(s->model_calls == 16'220u);
    BOOST_TEST(s->skill_calls == 13'824u);
    BOOST_TEST(s->capped_runs == 14u);
    BOOST_TEST(s->cut_runs == 0u);
    BOOST_TEST(s->skipped.empty());
    const replay_totals t = replay_and_check(scratch / "out");
    BOOST_TEST(t.passed == 4139u);
    BOOST_TEST(t.matched_model == 16'220u);
    BOOST_TEST(t.matched_skill == 13'824u);
    BOOST_TEST(t.missed == 0u);
    BOOST_TEST(t.unused == 0u);
    BOOST_TEST(t.diverged == 0u);
    BOOST_TEST(t.edited == 0u);
}

BOOST_AUTO_TEST_CASE(every_tau_bench_trajectory_replays_without_a_miss_and_without_a_rest) {
    const auto files = logs_below(data_folder() + "/tau-bench");
    std::vector<std::string> logs;
    for (const std::string& file : files)
        if (file.find("trials") != std::string::npos) logs.push_back(file);
    if (logs.empty()) return;
    const scratch_folder scratch("import-tau");
    const auto s = import_tau_bench(logs, scratch / "out");
    BOOST_REQUIRE_MESSAGE(s.has_value(), (s ? "" : to_string(s.error())));
    BOOST_TEST(s->tapes == 100u);
    BOOST_TEST(s->skill_calls == 572u);
    BOOST_TEST(s->user_turns == 657u);
    BOOST_TEST(s->cut_runs == 2u);
    BOOST_TEST(s->model_calls == 1229u + s->cut_runs);
    const replay_totals t = replay_and_check(scratch / "out");
    BOOST_TEST(t.passed == 100u);
    BOOST_TEST(t.matched_model == s->model_calls);
    BOOST_TEST(t.matched_skill == s->skill_calls);
    BOOST_TEST(t.matched_user == s->user_turns);
    BOOST_TEST(t.missed == 0u);
    BOOST_TEST(t.unused == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
