#include <algorithm>
#include <iostream>
#include <map>

#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/crash_command.hpp"
#include "tools/aivp-sim/doubles_command.hpp"
#include "tools/aivp-sim/explore_command.hpp"
#include "tools/aivp-sim/last_run.hpp"
#include "tools/aivp-sim/property_reports.hpp"
#include "tools/aivp-sim/reports.hpp"
#include "tools/aivp-sim/results.hpp"
#include "tools/aivp-sim/trace_events.hpp"
#include "tools/aivp-sim/watch.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

namespace aivp::tools {

int load_scenarios(const arguments& a, scenario_list& out) {
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

namespace {

result<sim::batch_options> batch_from(const arguments& a) {
    sim::batch_options o;
    AIVP_TRY(const std::int64_t seed, a.integer("seed", 0, INT64_MAX));
    AIVP_TRY(const std::int64_t seeds, a.integer("seeds", 1, 100'000'000));
    AIVP_TRY(o.jobs, jobs_of(a));
    o.first_seed = static_cast<std::uint64_t>(seed);
    o.seeds = static_cast<std::uint64_t>(seeds);
    return o;
}

/// The part of the scenarios that --shard names. By the names' hashes, so that no scenario moves when another is added.
result<void> keep_shard(const arguments& a, scenario_list& scenarios) {
    if (!a.has("shard")) return {};
    AIVP_TRY(const shard_selection part, shard_of(a));
    std::erase_if(scenarios, [&](const auto& s) { return sha256(s->name).prefix() % part.shards != part.shard - 1; });
    return {};
}

void merge(sim::scenario_report& into, sim::scenario_report&& more) {
    constexpr std::size_t failed_runs_kept = 5; // as many as one batch keeps
    into.outcomes = into.seeds_run == 0 ? more.outcomes : sha256(into.outcomes.view(), more.outcomes.view());
    into.seeds_run += more.seeds_run;
    into.seeds_failed += more.seeds_failed;
    into.seeds_compared += more.seeds_compared;
    into.inputs += more.inputs;
    into.effects += more.effects;
    into.runs += more.runs;
    into.virtual_time = into.virtual_time + more.virtual_time;
    for (std::size_t p = 0; p < more.property_checks.size(); ++p) into.property_checks[p] += more.property_checks[p];
    for (std::size_t p = 0; p < more.own.size(); ++p) {
        into.own[p].evaluations += more.own[p].evaluations;
        into.own[p].reached |= more.own[p].reached;
        into.own[p].violated |= more.own[p].violated;
    }
    for (const sim::property_id p : more.violated)
        if (std::find(into.violated.begin(), into.violated.end(), p) == into.violated.end()) into.violated.push_back(p);
    for (sim::run_report& r : more.failed)
        if (into.failed.size() < failed_runs_kept) into.failed.push_back(std::move(r));
    if (!into.diverged) into.diverged = std::move(more.diverged);
}

/// All scenarios with a few seeds, then with more, until the time is over or all seeds were run. Every scenario has run at
/// least once then.
std::vector<sim::scenario_report> run_in_rounds(const scenario_list& scenarios, const sim::batch_options& options,
                                                const std::function<bool()>& expired) {
    constexpr std::uint64_t round_max = 64;
    std::vector<sim::scenario_report> sums;
    std::uint64_t size = 1;
    for (std::uint64_t begin = 0; begin < options.seeds && (begin == 0 || !expired()); begin += size / 2) {
        sim::batch_options round = options;
        round.first_seed = options.first_seed + begin;
        round.seeds = std::min(size, options.seeds - begin);
        std::vector<sim::scenario_report> reports = sim::run_batch(scenarios, round);
        if (sums.empty())
            sums = std::move(reports);
        else
            for (std::size_t i = 0; i < sums.size(); ++i) merge(sums[i], std::move(reports[i]));
        size = std::min(size, round_max) * 2;
    }
    return sums;
}

struct interrupted {};

/// How scenarios are to be run, whatever decides which.
struct run_order {
    const arguments& a;
    bool verify;
    sim::batch_options options;
    std::function<bool()> expired; ///< empty = never
    const char* command() const { return verify ? "verify" : "run"; }
};

std::vector<sim::scenario_report> run_all(const run_order& order, const scenario_list& scenarios) {
    progress_bar bar(order.command());
    sim::batch_options options = order.options;
    options.progress = [&bar](std::uint64_t done, std::uint64_t all) {
        if (stop_signal::wanted()) throw interrupted{};
        bar.update(done, all);
    };
    return order.expired ? run_in_rounds(scenarios, options, order.expired) : sim::run_batch(scenarios, options);
}

result<void> record(const run_order& order, const std::vector<sim::scenario_report>& reports) {
    last_run out{order.options.first_seed, order.options.seeds, {}};
    for (const sim::scenario_report& r : reports)
        if (!r.passed()) out.failed.push_back(r.what->file);
    return record_run(order.a, out);
}

/// One run of these scenarios, with everything that is printed and written for it. Returns the exit code.
int run_once(const run_order& order, const scenario_list& scenarios, result_files& files) {
    const arguments& a = order.a;
    const stopwatch watch;
    const std::vector<sim::scenario_report> reports = run_all(order, scenarios);
    batch_summary summary = summarise(reports);
    summary.seconds = watch.seconds();
    if (files.wanted())
        if (const auto written = files.write(results_of(order.command(), reports, summary)); !written)
            return report_error(written.error());
    if (a.has("json")) {
        std::cout << to_json(reports, summary) << "\n";
    } else {
        print_text(reports, order.command(), summary.seconds);
        std::cout << properties_line(reports);
        if (order.expired && order.expired() && !reports.empty() && reports.front().seeds_run < order.options.seeds)
            std::cout << "  out of time: " << grouped(reports.front().seeds_run) << " of "
                      << counted(order.options.seeds, "seed") << "\n";
        std::cout << summary.passed << " passed, " << summary.failed << " failed, " << summary.skipped << " skipped\n";
    }
    if (!order.verify)
        if (const auto recorded = record(order, reports); !recorded) {
            if (a.has("record")) return report_error(recorded.error());
            std::cerr << "note: " << recorded.error().message << "; `run --failed` will not know of this run\n";
        }
    for (const sim::scenario_report& r : reports)
        if (r.diverged) return exit_diverged;
    const bool reached = !a.has("require-reached") || report_not_reached(reports);
    return summary.failed == 0 && reached ? exit_ok : exit_failed;
}

/// Runs them again whenever one of their files changes, until a signal comes.
int watch_scenarios(const run_order& order, result_files& files) {
    constexpr int poll_ms = 500;
    const stop_signal stop;
    std::map<std::string, std::map<std::string, file_mark>> known; ///< by scenario: its files
    try {
        while (!stop_signal::wanted()) {
            const auto found = sim::find_scenarios(order.a.positional, order.a.has("slow"));
            if (!found) return report_error(found.error());
            scenario_list changed;
            std::vector<error> errors;
            source_texts texts;
            for (const std::string& file : *found) {
                auto& marks = known[file];
                const bool same = !marks.empty() && std::all_of(marks.begin(), marks.end(), [](const auto& m) {
                    return mark_of(m.first) == m.second;
                });
                if (same) continue;
                // The marks are taken before the files are read: what changes in between is noticed.
                for (auto& [path, mark] : marks) mark = mark_of(path);
                marks[file] = mark_of(file);
                auto s = sim::load_scenario(file, system_zones(), errors, texts);
                if (!s) continue;
                for (const std::string& path : files_of(*s)) marks.try_emplace(path, mark_of(path));
                changed.push_back(std::move(s));
            }
            if (!errors.empty()) report_errors(std::move(errors), texts);
            if (const auto kept = keep_shard(order.a, changed); !kept) return report_error(kept.error());
            if (!changed.empty()) {
                run_once(order, changed, files);
                std::cout.flush();
            }
            stop_signal::sleep_ms(poll_ms);
        }
    } catch (const interrupted&) {
        // As if the signal had come a moment later.
    }
    return exit_interrupted;
}

/// Options that have no meaning together.
result<void> check_together(const arguments& a) {
    const auto refuse = [&](const char* one, const char* other) -> result<void> {
        if (!a.has(one) || !a.has(other)) return {};
        return fail(errc::usage_invalid, "--" + std::string(one) + " and --" + other + " do not go together");
    };
    for (const char* other : {"html", "github", "junit", "perfetto", "watch", "time-budget", "record"})
        AIVP_CHECK(refuse("crash-points", other));
    for (const char* other : {"perfetto", "watch", "record", "shard"}) AIVP_CHECK(refuse("faults", other));
    for (const char* other : {"perfetto", "plan", "failed"}) AIVP_CHECK(refuse("watch", other));
    if (a.positional.empty() && !a.has("failed"))
        return fail(errc::usage_invalid, "PATH is missing", {}, "aivp-sim run PATH…");
    return {};
}

/// With --failed, what failed in the last recorded run: all of it, or what of it is below the paths.
int select_failed(arguments& a, sim::batch_options& options) {
    const auto last = read_last_run(a);
    if (!last) return report_error(last.error());
    if (!a.has("seed")) options.first_seed = last->first_seed;
    if (!a.has("seeds")) options.seeds = last->seeds;
    std::vector<std::string> wanted = last->failed;
    if (!a.positional.empty()) {
        const auto found = sim::find_scenarios(a.positional, a.has("slow"));
        if (!found) return report_error(found.error());
        std::erase_if(wanted,
                      [&](const std::string& f) { return std::find(found->begin(), found->end(), f) == found->end(); });
    }
    if (wanted.empty())
        return report_error({errc::nothing_selected, "nothing failed in the last recorded run", {}, {}, {}});
    a.positional = std::move(wanted);
    return exit_ok;
}

int write_trace(const run_order& order, const scenario_list& scenarios) {
    if (scenarios.size() != 1 || order.options.seeds != 1)
        return usage_error("--perfetto takes one scenario and one seed", "name one file, and no --seeds");
    const auto& s = scenarios.front();
    const sim::run_case c{s, s->seed.value_or(order.options.first_seed), s->faults};
    const auto written = write_whole_file(order.a.text("perfetto"), to_trace_events(c, sim::execute_fully(c, {})));
    return written ? exit_ok : report_error(written.error());
}

int execute(const arguments& given, bool verify) {
    arguments a = given;
    if (const auto checked = check_together(a); !checked) return report_error(checked.error());
    const auto options = batch_from(a);
    if (!options) return report_error(options.error());
    run_order order{a, verify, *options, {}};
    order.options.verify = verify;
    if (a.has("time-budget")) {
        const auto budget = budget_of(a);
        if (!budget) return report_error(budget.error());
        order.expired = expires_after(*budget);
    }
    if (a.has("failed"))
        if (const int code = select_failed(a, order.options); code != exit_ok) return code;
    scenario_list scenarios;
    if (!a.has("watch"))
        if (const int code = load_scenarios(a, scenarios); code != exit_ok) return code;
    if (a.has("crash-points")) return run_crash_points(a, scenarios);
    if (a.has("faults")) return verify ? run_doubles(a, scenarios) : run_swarm(a, scenarios);
    if (const auto kept = keep_shard(a, scenarios); !kept) return report_error(kept.error());
    if (a.has("plan"))
        if (const int code = read_plan(a, scenarios); code != exit_ok) return code;
    auto files = result_files::open(a);
    if (!files) return report_error(files.error());
    if (a.has("watch")) return watch_scenarios(order, *files);
    if (a.has("perfetto"))
        if (const int code = write_trace(order, scenarios); code != exit_ok) return code;
    return run_once(order, scenarios, *files);
}

std::vector<flag_spec> batch_flags() {
    return {{"seeds", "N", "1", "how many seeds, counting up from --seed"},
            {"seed", "S", "1", "the first seed"},
            {"jobs", "N", "0", "threads; 0 = one for each core"},
            {"slow", "", "", "also run *.slow.yaml"},
            {"require-reached", "", "", "what should happen sometimes and never did is a failure"},
            {"json", "", "", "one JSON document on stdout"}};
}

std::vector<flag_spec> batch_and_result_flags() {
    std::vector<flag_spec> flags = batch_flags();
    for (flag_spec& f : result_flags()) flags.push_back(std::move(f));
    return flags;
}

std::vector<flag_spec> verify_flags() {
    std::vector<flag_spec> flags = batch_and_result_flags();
    for (flag_spec& f : doubles_flags()) flags.push_back(std::move(f));
    return flags;
}

std::vector<flag_spec> run_flags() {
    std::vector<flag_spec> flags = batch_and_result_flags();
    flags.push_back(
        {"perfetto", "FILE", "", "of one scenario and seed: write the run as trace events for ui.perfetto.dev"});
    flags.push_back({"failed", "", "", "what failed in the last recorded run, with its seeds; of PATH, or all of it"});
    flags.push_back({"record", "FOLDER", "", "where runs are recorded for --failed; else .aivp"});
    flags.push_back({"watch", "", "", "again whenever a file of theirs changes, until interrupted"});
    flags.push_back({"time-budget", "DURATION", "",
                     "all scenarios with a few seeds, then with more, and no further round after so long"});
    flags.push_back({"faults", "N", "", "instead: N seeds, each of which draws faults and a workload; see explore"});
    flags.push_back({"plan", "FILE", "", "under the faults of this file; what is expected is not asked then"});
    flags.push_back({"keep", "FOLDER", "", "with --faults: where failures are written; else scenarios/regressions"});
    flags.push_back({"no-keep", "", "", "with --faults: write nothing"});
    flags.push_back({"no-workload", "", "", "with --faults: leave triggers, payloads and users as they are written"});
    for (flag_spec& f : crash_flags()) flags.push_back(std::move(f));
    return flags;
}

int list_scenarios(const arguments& a) {
    scenario_list scenarios;
    if (const int code = load_scenarios(a, scenarios); code != exit_ok) return code;
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

} // namespace

command_spec run_command_spec() {
    return {"run",
            "run PATH… [--seeds N] [--seed S] [--failed] [--watch] [--json] [--junit FILE] [--html FILE]",
            "Runs scenario files, or all of a folder, once for each seed.",
            {"aivp-sim run scenarios/", "aivp-sim run scenarios/inbox --seeds 200",
             "aivp-sim run scenarios/inbox/monday.yaml --seed 41 --json", "aivp-sim run scenarios/ --crash-points all",
             "aivp-sim run --failed", "aivp-sim run scenarios/ --html report.html --github"},
            run_flags(),
            0,
            1000,
            [](const arguments& a) { return execute(a, false); }};
}

command_spec verify_command_spec() {
    return {"verify",
            "verify PATH… [--seeds N] [--seed S] [--faults] [--jobs N]",
            "Runs each seed twice and names the first record in which the two differ.",
            {"aivp-sim verify scenarios/ --seeds 1000", "aivp-sim verify scenarios/ --faults --seeds 100"},
            verify_flags(),
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

} // namespace aivp::tools
