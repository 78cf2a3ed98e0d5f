#include "tools/aivp-sim/explore_command.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "aivp/version.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/reader.hpp"
#include "sim/faults/plan_file.hpp"
#include "sim/regression.hpp"
#include "sim/search/token.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/failure_text.hpp"
#include "tools/aivp-sim/property_reports.hpp"
#include "tools/aivp-sim/results.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

std::vector<std::string> split_list(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        if (end > begin) out.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return out;
}

result<sim::search_options> options_of(const arguments& a) {
    sim::search_options o;
    AIVP_TRY(const std::int64_t seed, a.integer("seed", 0, INT64_MAX / 2));
    AIVP_TRY(const std::int64_t seeds, a.integer("seeds", 0, 100'000'000));
    AIVP_TRY(const std::int64_t singles, a.integer("singles", 0, 100'000'000));
    AIVP_TRY(const std::int64_t pairs, a.integer("pairs", 0, 100'000'000));
    AIVP_TRY(o.jobs, jobs_of(a));
    o.first_seed = static_cast<std::uint64_t>(seed);
    o.seeds = static_cast<std::uint64_t>(seeds);
    o.singles_max = static_cast<std::uint64_t>(singles);
    o.pairs_max = static_cast<std::uint64_t>(pairs);
    o.filter.kinds = split_list(a.text("only"));
    o.filter.site = a.text("site");
    o.vary_workload = !a.has("no-workload");
    const auto guide = sim::parse_search_guide(a.text("guide"));
    if (!guide) return fail(errc::usage_invalid, "--guide is nothing, steps or all, not `" + a.text("guide") + "`");
    o.guide = *guide;
    return o;
}

std::string stage_text(const char* name, const sim::stage_count& n, const char* what) {
    if (n.planned == 0) return {};
    std::string out = "    " + padded(name, 10) + grouped(n.tried);
    if (n.possible > n.planned)
        out += " of " + grouped(n.possible) + " " + what + ", drawn evenly";
    else if (n.tried < n.planned)
        out += " of " + grouped(n.planned) + " " + what;
    else
        out += std::string(" ") + what;
    if (n.tried < n.planned) out += ", out of time";
    return out + (n.failed > 0 ? "   " + grouped(n.failed) + " failed\n" : "\n");
}

std::string kinds_text(const sim::search_report& r) {
    std::size_t met = 0, possible = 0;
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        met += r.met[static_cast<std::size_t>(k.kind)] > 0;
        possible += std::any_of(r.sites.begin(), r.sites.end(),
                                [&](const sim::fault_site& s) { return s.calls > 0 && sim::applies(k, s); });
    }
    return "    met       " + std::to_string(met) + " of " + counted(possible, "kind") + " of faults that apply, at " +
           counted(r.sites.size(), "place") + "\n    reached   " + grouped(r.reached) + " different steps, " +
           grouped(r.states) + " events in different situations, " + counted(r.probes, "probe") + "\n";
}

/// What would have been failures, and why it is none.
std::string excused_text(const sim::search_report& r) {
    std::string out;
    for (const sim::excuse& e : sim::excuses()) {
        const std::uint64_t n = r.excused[static_cast<std::size_t>(e.id)];
        if (n > 0)
            out += "    excused   " + counted(n, "run") + ": " + std::string(e.finding) + ", " + std::string(e.when) +
                   "\n";
    }
    return out;
}

void print_report(const sim::search_report& r, const std::vector<std::string>& kept) {
    std::cout << (r.passed() ? "  PASS  " : "  FAIL  ") << printable(r.what->file) << "   " << printable(r.what->name)
              << "\n"
              << stage_text("census", r.census, "runs without further faults")
              << stage_text("singles", r.singles, "single faults")
              << stage_text("disk", r.disk, "single faults of the disk")
              << stage_text("pairs", r.pairs, "pairs of faults") << stage_text("swarm", r.swarm, "random plans")
              << kinds_text(r) << excused_text(r);
    if (r.clean_seeds_wanted() > 0)
        std::cout << "    once it is mended, " << counted(r.clean_seeds_wanted(), "clean seed")
                  << " of the swarm say so with 95 % confidence\n";
    if (r.not_examined > 0) std::cout << "    " << grouped(r.not_examined) << " more failed and were not shrunk\n";
    for (std::size_t i = 0; i < r.failures.size(); ++i) std::cout << "\n" << failure_block(r.failures[i], kept[i]);
    if (!r.failures.empty()) std::cout << "\n";
}

std::string stage_json(const char* name, const sim::stage_count& n) {
    return "\"" + std::string(name) + "\":{\"failed\":" + std::to_string(n.failed) +
           ",\"planned\":" + std::to_string(n.planned) + ",\"possible\":" + std::to_string(n.possible) +
           ",\"tried\":" + std::to_string(n.tried) + "}";
}

std::string excused_json(const sim::search_report& r) {
    std::string out;
    for (const sim::excuse& e : sim::excuses()) {
        const std::uint64_t n = r.excused[static_cast<std::size_t>(e.id)];
        if (n > 0) out += (out.empty() ? "" : ",") + tools::quoted(e.name) + ":" + std::to_string(n);
    }
    return out;
}

std::string report_json(const sim::search_report& r, const std::vector<std::string>& kept) {
    std::string out = "{" + stage_json("census", r.census) +
                      ",\"clean_seeds_wanted\":" + std::to_string(r.clean_seeds_wanted()) + "," +
                      stage_json("disk", r.disk) + ",\"excused\":{" + excused_json(r) +
                      "},\"failed\":" + std::to_string(r.failed) + ",\"failures\":[";
    for (std::size_t i = 0; i < r.failures.size(); ++i) out += (i ? "," : "") + failure_json(r.failures[i], kept[i]);
    out += "],\"file\":" + tools::quoted(r.what->file) + ",\"inputs\":" + std::to_string(r.inputs) + ",\"met\":{";
    bool first = true;
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        const std::uint64_t n = r.met[static_cast<std::size_t>(k.kind)];
        if (n == 0) continue;
        out += (first ? "" : ",") + tools::quoted(sim::full_name(k)) + ":" + std::to_string(n);
        first = false;
    }
    out += "},\"name\":" + tools::quoted(r.what->name) + ",\"not_examined\":" + std::to_string(r.not_examined) +
           ",\"out_of_time\":" + (r.out_of_time ? "true" : "false") + "," + stage_json("pairs", r.pairs) +
           ",\"passed\":" + (r.passed() ? "true" : "false") + ",\"places\":" + std::to_string(r.sites.size()) +
           ",\"probes\":" + std::to_string(r.probes) + ",\"reached\":" + std::to_string(r.reached) +
           ",\"runs\":" + std::to_string(r.runs) + "," + stage_json("singles", r.singles) +
           ",\"states\":" + std::to_string(r.states) + "," + stage_json("swarm", r.swarm) + "}";
    return out;
}

struct explored {
    sim::search_report report;
    std::vector<std::string> kept; ///< by failure
};

result<explored> explore_one(const std::shared_ptr<const sim::scenario>& s, sim::search_options options,
                             const std::string& folder) {
    progress_bar bar("explore");
    options.progress = [&bar](sim::search_stage, std::uint64_t done, std::uint64_t all) { bar.update(done, all); };
    explored out;
    AIVP_TRY(out.report, sim::search(s, options));
    for (const sim::failure_report& f : out.report.failures) {
        out.kept.emplace_back();
        // What fails by itself needs no file beside the scenario.
        if (folder.empty() || f.what.code == errc::scenario_expectation) continue;
        AIVP_TRY(out.kept.back(), keep_failure(f, folder));
    }
    return out;
}

int explore_all(const arguments& a, const scenario_list& scenarios, sim::search_options options) {
    constexpr double share_for_search = 0.7; // the rest is for shrinking
    const auto budget = budget_of(a);
    if (!budget) return report_error(budget.error());
    auto files = result_files::open(a);
    if (!files) return report_error(files.error());
    reported_results results{a.has("faults") ? "run --faults" : "explore", {}, {}};
    const stopwatch watch;
    const std::string folder = keep_folder(a);
    std::uint64_t passed = 0, failed = 0, runs = 0;
    std::string documents;
    std::size_t left = scenarios.size();
    for (const auto& s : scenarios) {
        if (*budget > 0) {
            // What one scenario leaves over, the others get. None has less than a moment.
            const double share = std::max(0.01, (*budget - watch.seconds()) / static_cast<double>(left--));
            options.expired = expires_after(share * share_for_search);
            options.shrink_expired = expires_after(share);
        }
        const double begun = watch.seconds();
        const auto one = explore_one(s, options, folder);
        if (!one) return report_error(one.error());
        if (files->wanted()) results.scenarios.push_back(result_of(one->report, one->kept, watch.seconds() - begun));
        ++(one->report.passed() ? passed : failed);
        runs += one->report.runs;
        if (a.has("json"))
            documents += (documents.empty() ? "" : ",") + report_json(one->report, one->kept);
        else
            print_report(one->report, one->kept);
    }
    results.summary = {.passed = passed, .failed = failed, .skipped = 0, .seconds = watch.seconds()};
    if (const auto written = files->write(results); !written) return report_error(written.error());
    if (a.has("json")) {
        std::cout << "{\"probes\":" << probes_json() << ",\"scenarios\":[" << documents
                  << "],\"totals\":{\"failed\":" << failed << ",\"passed\":" << passed << ",\"runs\":" << runs
                  << "},\"version\":1}\n";
    } else {
        char speed[64];
        std::snprintf(speed, sizeof speed, "%.2f s, %.0f a second", watch.seconds(),
                      static_cast<double>(runs) / watch.seconds());
        std::cout << "  " << grouped(runs) << " runs in " << speed << ", shrinking not counted\n"
                  << passed << " passed, " << failed << " failed, 0 skipped\n";
    }
    return failed == 0 ? exit_ok : exit_failed;
}

int explore(const arguments& a) {
    const auto options = options_of(a);
    if (!options) return report_error(options.error());
    scenario_list scenarios;
    if (const int code = load_scenarios(a, scenarios); code != exit_ok) return code;
    // A regression is one plan already.
    std::erase_if(scenarios, [](const auto& s) { return s->seed.has_value(); });
    if (scenarios.empty())
        return report_error(
            {errc::nothing_selected, "there are only regressions at " + a.positional.front(), {}, {}, {}});
    return explore_all(a, scenarios, *options);
}

} // namespace

std::string keep_folder(const arguments& a) {
    if (a.has("no-keep")) return {};
    return a.has("keep") ? a.text("keep") : regressions_folder;
}

result<unsigned> jobs_of(const arguments& a) {
    AIVP_TRY(const std::int64_t jobs, a.integer("jobs", 0, 1024));
    return jobs == 0 ? std::max(1u, std::thread::hardware_concurrency()) : static_cast<unsigned>(jobs);
}

result<double> budget_of(const arguments& a) {
    if (!a.has("time-budget")) return 0.0;
    const auto budget = parse_duration(a.text("time-budget"));
    if (!budget || budget->us <= 0)
        return fail(errc::usage_invalid, "--time-budget is a duration like 60s, not `" + a.text("time-budget") + "`");
    return static_cast<double>(budget->us) / 1e6;
}

std::function<bool()> expires_after(double seconds) {
    if (seconds <= 0) return {};
    return [watch = stopwatch(), seconds] { return watch.seconds() >= seconds; };
}

result<std::string> keep_failure(const sim::failure_report& r, const std::string& folder) {
    namespace fs = std::filesystem;
    const sim::scenario& s = *r.shrunk.origin();
    std::error_code ec;
    fs::create_directories(folder, ec);
    const digest finding = sha256(r.signature.property, r.signature.last_events.view());
    const fs::path target = fs::path(folder) / (sim::stem_of(s.file) + "-" + to_hex(finding, 6) + ".yaml");
    sim::regression out;
    const fs::path from = fs::absolute(folder, ec).lexically_normal(), to = fs::absolute(s.file, ec).lexically_normal();
    out.scenario = to.lexically_relative(from).generic_string();
    out.seed = r.shrunk.seed;
    out.property = r.what.what;
    out.signature = to_hex(r.signature.last_events, 16);
    out.plan = r.shrunk.plan;
    out.workload = r.shrunk.edits;
    out.engine = std::string(version);
    out.scenario_hash = to_hex(s.hash, 16);
    std::ofstream file(target);
    file << sim::to_yaml(out);
    file.close();
    if (!file) return fail(errc::io_write, "cannot write " + target.string(), {}, "--no-keep writes nothing.");
    return target.generic_string();
}

int run_swarm(const arguments& a, const scenario_list& scenarios) {
    sim::search_options o;
    const auto seeds = a.integer("faults", 1, 100'000'000);
    if (!seeds) return report_error(seeds.error());
    const auto seed = a.integer("seed", 0, INT64_MAX / 2);
    if (!seed) return report_error(seed.error());
    const auto jobs = jobs_of(a);
    if (!jobs) return report_error(jobs.error());
    o.jobs = *jobs;
    o.first_seed = static_cast<std::uint64_t>(*seed);
    o.seeds = static_cast<std::uint64_t>(*seeds);
    o.singles_max = 0;
    o.pairs_max = 0;
    o.guide = sim::search_guide::nothing;
    o.vary_workload = !a.has("no-workload");
    return explore_all(a, scenarios, o);
}

int read_plan(const arguments& a, scenario_list& scenarios) {
    const std::string path = a.text("plan");
    source_texts texts;
    std::vector<error> errors;
    const auto text = read_file(path, yaml_bytes_max);
    if (!text) return report_error(text.error());
    texts.add(path, *text);
    const auto document = read_document(*text, path, errors);
    if (!document) return report_errors(std::move(errors), texts);
    file_errors reports(path, errors);
    sim::fault_plan plan;
    if (document->root.is_sequence()) {
        plan = sim::read_faults(document->root, reports);
    } else {
        const yaml_member* list = document->root.find("faults");
        if (list && list->value.is_sequence())
            plan = sim::read_faults(list->value, reports);
        else
            reports.report(errc::config_missing_key, document->root.at,
                           "a plan is a list of faults, or has one under `faults`");
    }
    if (!errors.empty()) return report_errors(std::move(errors), texts);
    for (auto& s : scenarios) {
        auto under_plan = std::make_shared<sim::scenario>(*s);
        under_plan->faults = plan;
        under_plan->expectations.clear();
        under_plan->heals = true;
        s = std::move(under_plan);
    }
    return exit_ok;
}

namespace {

std::string span_words(const sim::fault_kind_info& k) {
    if (k.span.name.empty()) return {};
    std::string out = std::string(k.span.name) + "=";
    for (int i = 0; i < 3; ++i) out += (i ? "|" : "") + to_string(k.span.by_severity[i]);
    return out;
}

std::string form_words(const sim::fault_kind_info& k) {
    std::string out;
    for (const std::string_view f : k.forms) out += (out.empty() ? "form=" : "|") + std::string(f);
    return out;
}

void print_kinds() {
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        std::string parameters = span_words(k);
        if (const std::string forms = form_words(k); !forms.empty())
            parameters += (parameters.empty() ? "" : " ") + forms;
        std::cout << padded(sim::full_name(k), 26) << k.text << (k.repeats ? "" : "; once")
                  << (k.ambiguous ? "; ambiguous" : "") << "\n";
        if (!parameters.empty()) std::cout << "    " << parameters << "\n";
    }
    std::cout << counted(sim::fault_kinds().size(), "kind") << "\n";
}

std::string kinds_json() {
    std::string out;
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        out += (out.empty() ? "" : ",") + ("{\"ambiguous\":" + std::string(k.ambiguous ? "true" : "false")) +
               ",\"forms\":[";
        for (std::size_t i = 0; i < k.forms.size(); ++i) out += (i ? "," : "") + tools::quoted(k.forms[i]);
        out += "],\"kind\":" + tools::quoted(sim::full_name(k)) + ",\"port\":" + tools::quoted(to_string(k.port)) +
               ",\"repeats\":" + (k.repeats ? "true" : "false") + ",\"span\":";
        if (k.span.name.empty())
            out += "null";
        else
            out += "{\"by_severity_us\":[" + std::to_string(k.span.by_severity[0].us) + "," +
                   std::to_string(k.span.by_severity[1].us) + "," + std::to_string(k.span.by_severity[2].us) +
                   "],\"name\":" + tools::quoted(k.span.name) + "}";
        out += ",\"text\":" + tools::quoted(k.text) + "}";
    }
    return out;
}

std::string applying(const sim::fault_site& site) {
    std::string out;
    for (const sim::fault_kind_info& k : sim::fault_kinds())
        if (sim::applies(k, site)) out += (out.empty() ? "" : " ") + std::string(k.name);
    return out;
}

void print_sites(const sim::search_report& r) {
    std::cout << printable(r.what->file) << "\n";
    std::size_t width = 20;
    for (const sim::fault_site& s : r.sites) width = std::max(width, printable(s.name).size());
    for (const sim::fault_site& s : r.sites) {
        std::cout << "  " << padded(printable(s.name), width) << "  " << padded(counted(s.calls, "call"), 12);
        if (s.port == sim::fault_port::skill)
            std::cout << padded(!s.writes ? "read" : s.keyed ? "write, keyed" : "write", 14);
        std::cout << applying(s) << "\n";
    }
}

std::string sites_json(const sim::search_report& r) {
    std::string out = "{\"file\":" + tools::quoted(r.what->file) + ",\"sites\":[";
    for (std::size_t i = 0; i < r.sites.size(); ++i) {
        const sim::fault_site& s = r.sites[i];
        out += (i ? "," : "") + ("{\"calls\":" + std::to_string(s.calls)) +
               ",\"keyed\":" + (s.keyed ? "true" : "false") + ",\"name\":" + tools::quoted(s.name) +
               ",\"port\":" + tools::quoted(to_string(s.port)) + ",\"writes\":" + (s.writes ? "true" : "false") + "}";
    }
    return out + "]}";
}

int list_faults(const arguments& a) {
    if (a.positional.empty() && !a.has("json")) {
        print_kinds();
        return exit_ok;
    }
    scenario_list scenarios;
    if (!a.positional.empty())
        if (const int code = load_scenarios(a, scenarios); code != exit_ok) return code;
    sim::search_options o;
    o.singles_max = o.pairs_max = o.seeds = 0;
    o.shrinks = false;
    std::string documents;
    for (const auto& s : scenarios) {
        const auto r = sim::search(s, o);
        if (!r) return report_error(r.error());
        if (a.has("json"))
            documents += (documents.empty() ? "" : ",") + sites_json(*r);
        else
            print_sites(*r);
    }
    if (a.has("json"))
        std::cout << "{\"kinds\":[" << kinds_json() << "],\"scenarios\":[" << documents << "],\"version\":1}\n";
    return exit_ok;
}

} // namespace

command_spec explore_command_spec() {
    command_spec out = {
        "explore",
        "explore PATH… [--seeds N] [--time-budget 60s] [--only KIND,…] [--site SITE] [--json]",
        "Looks for faults under which a scenario breaks a property, and shrinks what it finds.",
        {"aivp-sim explore scenarios/expenses/week.yaml", "aivp-sim explore scenarios/ --time-budget 60s",
         "aivp-sim explore scenarios/inbox/monday.yaml --only 'skill.*,process.kill' --pairs 5000"},
        {{"seeds", "N", "200", "random plans and workloads, after the single faults and the pairs"},
         {"seed", "S", "1", "the first seed"},
         {"singles", "N", "5000", "at most so many single faults; of more a sample"},
         {"pairs", "N", "1000", "at most so many pairs of faults"},
         {"guide", "WHAT", "all", "what guides the random plans beyond 512: all, steps or nothing new"},
         {"no-workload", "", "", "leave triggers, payloads and users as they are written"},
         {"only", "KIND,…", "", "kinds of faults: skill.lost, model.*, process.kill"},
         {"site", "SITE", "", "only at this place: skill/clerk/charge, skill/clerk/*"},
         {"time-budget", "DURATION", "", "begin nothing more after so long: 60s"},
         {"jobs", "N", "0", "threads; 0 = one for each core"},
         {"keep", "FOLDER", "", "where failures are written as regressions; else scenarios/regressions"},
         {"no-keep", "", "", "write nothing"},
         {"slow", "", "", "also *.slow.yaml"},
         {"json", "", "", "one JSON document on stdout"}},
        1,
        1000,
        explore};
    for (flag_spec& f : result_flags()) out.flags.push_back(std::move(f));
    return out;
}

command_spec faults_command_spec() {
    return {"faults",
            "faults [PATH…] [--json]",
            "Lists the kinds of faults, or the places of scenarios where they can be met.",
            {"aivp-sim faults", "aivp-sim faults scenarios/expenses/week.yaml"},
            {{"slow", "", "", "also *.slow.yaml"}, {"json", "", "", "one JSON document on stdout"}},
            0,
            1000,
            list_faults};
}

} // namespace aivp::tools
