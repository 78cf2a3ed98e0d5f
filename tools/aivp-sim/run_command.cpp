#include <fstream>
#include <iostream>
#include <thread>

#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/crash_command.hpp"
#include "tools/aivp-sim/reports.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

namespace aivp::tools {

namespace {

using scenario_list = std::vector<std::shared_ptr<const sim::scenario>>;

/// Reads all scenarios below the paths. Returns an exit code when something is wrong with them.
int load_all(const arguments& a, scenario_list& out) {
    const auto files = sim::find_scenarios(a.positional, a.has("slow"));
    if (!files) return report_error(files.error());
    std::vector<error> errors;
    source_texts texts;
    for (const std::string& file : *files)
        if (auto s = sim::load_scenario(file, system_zones(), errors, texts)) out.push_back(std::move(s));
    if (!errors.empty()) return report_errors(std::move(errors), texts);
    if (out.empty())
        return report_error(
            {errc::nothing_selected, "there is no scenario at or below " + a.positional.front(), {}, {}, {}});
    return exit_ok;
}

result<sim::batch_options> batch_from(const arguments& a) {
    sim::batch_options o;
    AIVP_TRY(const std::int64_t seed, a.integer("seed", 0, INT64_MAX));
    AIVP_TRY(const std::int64_t seeds, a.integer("seeds", 1, 100'000'000));
    AIVP_TRY(const std::int64_t jobs, a.integer("jobs", 0, 1024));
    o.first_seed = static_cast<std::uint64_t>(seed);
    o.seeds = static_cast<std::uint64_t>(seeds);
    o.jobs = jobs == 0 ? std::max(1u, std::thread::hardware_concurrency()) : static_cast<unsigned>(jobs);
    return o;
}

int execute(const arguments& a, bool verify) {
    auto options = batch_from(a);
    if (!options) return report_error(options.error());
    scenario_list scenarios;
    if (const int code = load_all(a, scenarios); code != exit_ok) return code;
    if (a.has("crash-points")) return run_crash_points(a, scenarios);
    options->verify = verify;
    std::ofstream junit;
    if (a.has("junit")) {
        junit.open(a.text("junit"));
        if (!junit) return report_error({errc::io_write, "cannot write " + a.text("junit"), {}, {}, {}});
    }
    const stopwatch watch;
    std::vector<sim::scenario_report> reports;
    {
        progress_bar bar(verify ? "verify" : "run");
        options->progress = [&bar](std::uint64_t done, std::uint64_t all) { bar.update(done, all); };
        reports = sim::run_batch(scenarios, *options);
    }
    batch_summary summary = summarise(reports);
    summary.seconds = watch.seconds();
    if (a.has("junit")) {
        junit << to_junit(reports, summary);
        junit.close();
        if (!junit) return report_error({errc::io_write, "cannot write " + a.text("junit"), {}, {}, {}});
    }
    if (a.has("json")) {
        std::cout << to_json(reports, summary) << "\n";
    } else {
        print_text(reports, verify ? "verify" : "run", summary.seconds);
        std::cout << summary.passed << " passed, " << summary.failed << " failed, " << summary.skipped << " skipped\n";
    }
    for (const sim::scenario_report& r : reports)
        if (r.diverged) return exit_diverged;
    return summary.failed == 0 ? exit_ok : exit_failed;
}

std::vector<flag_spec> batch_flags() {
    return {{"seeds", "N", "1", "how many seeds, counting up from --seed"},
            {"seed", "S", "1", "the first seed"},
            {"jobs", "N", "0", "threads; 0 = one for each core"},
            {"slow", "", "", "also run *.slow.yaml"},
            {"json", "", "", "one JSON document on stdout"},
            {"junit", "FILE", "", "write JUnit XML"}};
}

std::vector<flag_spec> run_flags() {
    std::vector<flag_spec> flags = batch_flags();
    for (flag_spec& f : crash_flags()) flags.push_back(std::move(f));
    return flags;
}

int list_scenarios(const arguments& a) {
    scenario_list scenarios;
    if (const int code = load_all(a, scenarios); code != exit_ok) return code;
    if (!a.has("json")) {
        for (const auto& s : scenarios)
            std::cout << padded(printable(s->file), 48) << "  " << printable(s->name) << "\n";
        std::cout << counted(scenarios.size(), "scenario") << "\n";
        return exit_ok;
    }
    std::cout << "[";
    bool first = true;
    for (const auto& s : scenarios) {
        std::cout << (first ? "" : ",") << "{\"agents\":" << s->agents.size()
                  << ",\"expectations\":" << s->expectations.size() << ",\"file\":" << quoted(s->file)
                  << ",\"hash\":" << quoted(to_hex(s->hash)) << ",\"name\":" << quoted(s->name) << "}";
        first = false;
    }
    std::cout << "]\n";
    return exit_ok;
}

int list_properties(const arguments&) {
    for (const sim::property_info& p : sim::property_table()) std::cout << padded(p.name, 36) << p.text << "\n";
    return exit_ok;
}

} // namespace

command_spec run_command_spec() {
    return {"run",
            "run PATH… [--seeds N] [--seed S] [--jobs N] [--json] [--junit FILE]",
            "Runs scenario files, or all of a folder, once for each seed.",
            {"aivp-sim run scenarios/", "aivp-sim run scenarios/inbox --seeds 200",
             "aivp-sim run scenarios/inbox/monday.yaml --seed 41 --json", "aivp-sim run scenarios/ --crash-points all"},
            run_flags(),
            1,
            1000,
            [](const arguments& a) { return execute(a, false); }};
}

command_spec verify_command_spec() {
    return {"verify",
            "verify PATH… [--seeds N] [--seed S] [--jobs N]",
            "Runs each seed twice and names the first record in which the two differ.",
            {"aivp-sim verify scenarios/ --seeds 1000"},
            batch_flags(),
            1,
            1000,
            [](const arguments& a) { return execute(a, true); }};
}

command_spec list_command_spec() {
    return {"list",
            "list PATH… [--json]",
            "Lists scenarios without running them.",
            {"aivp-sim list scenarios/"},
            {{"json", "", "", "a JSON list"}, {"slow", "", "", "also *.slow.yaml"}},
            1,
            1000,
            list_scenarios};
}

command_spec properties_command_spec() {
    return {"properties",   "properties", "Lists what is checked in every run.", {"aivp-sim properties"}, {}, 0, 0,
            list_properties};
}

} // namespace aivp::tools
