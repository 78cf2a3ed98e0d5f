#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>

#include "aivp/engine/recovery.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/yaml.hpp"
#include "sim/regression.hpp"
#include "sim/search/shrink.hpp"
#include "sim/search/story.hpp"
#include "sim/search/token.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/aivp-sim/explore_command.hpp"
#include "tools/aivp-sim/failure_text.hpp"
#include "tools/aivp-sim/reference.hpp"
#include "tools/aivp-sim/repro_command.hpp"
#include "tools/aivp-sim/results.hpp"
#include "tools/aivp-sim/trace_events.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

/// Called when a run under `repro --at` has committed the record of that moment: a debugger stops here, with the driver
/// above it on the stack.
extern "C" __attribute__((noinline, used)) void aivp_at_moment(std::uint64_t record) {
    asm volatile("" : : "r"(record) : "memory");
}

namespace aivp::tools {

namespace {

constexpr std::size_t files_looked_at_max = 20'000;

std::shared_ptr<const sim::scenario> load(const std::string& path, int& code) {
    std::vector<error> errors;
    source_texts texts;
    auto s = sim::load_scenario(path, system_zones(), errors, texts);
    if (!s) code = report_errors(std::move(errors), texts);
    return s;
}

/// The scenario's file: as the token names it, below the folder, or else anywhere below it under the same name.
result<std::string> find_scenario(const sim::repro_token& t, const std::string& folder) {
    namespace fs = std::filesystem;
    std::error_code ec;
    for (const std::string& path : {folder.empty() ? t.path : folder + "/" + t.path, t.path})
        if (fs::is_regular_file(path, ec)) return path;
    std::vector<std::string> found;
    const std::string name = fs::path(t.path).filename().string();
    std::size_t looked_at = 0;
    const fs::path top = folder.empty() ? "." : folder;
    for (fs::recursive_directory_iterator it(top, fs::directory_options::skip_permission_denied, ec), end;
         !ec && it != end && looked_at < files_looked_at_max; it.increment(ec), ++looked_at)
        if (it->is_regular_file(ec) && it->path().filename() == name) found.push_back(it->path().generic_string());
    if (found.size() == 1) return found.front();
    return fail(errc::repro_token,
                found.empty() ? "there is no scenario " + t.path : "several files could be the scenario " + t.path, {},
                "Name the folder that it is in with --in.");
}

/// The case of a file: of a regression with the scenario that it is about, so that what is made of it is about that too.
int read_file_case(const std::string& path, std::uint64_t seed, sim::run_case& out) {
    const auto text = read_file(path, yaml_bytes_max);
    if (!text) return report_error(text.error());
    source_texts texts;
    texts.add(path, *text);
    std::vector<error> errors;
    const auto document = read_document(*text, path, errors);
    if (!document) return report_errors(std::move(errors), texts);
    int code = exit_ok;
    if (!sim::is_regression(*document)) {
        const auto s = load(path, code);
        if (s) out = {s, seed, s->faults};
        return code;
    }
    sim::regression r = sim::read_regression(*document, errors);
    if (!errors.empty()) return report_errors(std::move(errors), texts);
    const bool relative = !r.scenario.starts_with('/');
    const std::filesystem::path beside = std::filesystem::path(path).parent_path() / r.scenario;
    const auto s = load(relative ? beside.lexically_normal().generic_string() : r.scenario, code);
    if (!s) return code;
    auto c = sim::with_edits({s, r.seed, std::move(r.plan)}, std::move(r.workload));
    if (!c) return report_error({c.error().code, c.error().message, {path, 0, 0}, {}, {}});
    out = std::move(*c);
    return exit_ok;
}

} // namespace

int read_case(const arguments& a, const std::string& what, sim::run_case& out) {
    int code = exit_ok;
    if (!what.starts_with(sim::token_prefix)) {
        const auto seed = a.has("seed") ? a.integer("seed", 0, INT64_MAX) : result<std::int64_t>(1);
        if (!seed) return report_error(seed.error());
        return read_file_case(what, static_cast<std::uint64_t>(*seed), out);
    }
    const auto token = sim::decode_token(what);
    if (!token) return report_error(token.error());
    const auto path = find_scenario(*token, a.text("in"));
    if (!path) return report_error(path.error());
    const auto s = load(*path, code);
    if (!s) return code;
    if (sim::is_older(*token, *s))
        std::cerr << "note: " << printable(*path) << " has changed since the token was made\n";
    auto c = sim::case_of(*token, s);
    if (!c) return report_error(c.error());
    out = std::move(*c);
    return exit_ok;
}

result<seq_no> record_of(const sim::journal_text& journal, const std::string& moment, instant start) {
    for (std::uint64_t n = 1; n <= journal.records.size(); ++n)
        if (journal.moment({n}, start) == moment) return seq_no{n};
    return fail(errc::usage_invalid, "this run has no moment " + moment, {},
                "Take one from the lines of its failure, or from --json.");
}

namespace {

/// Tells a debugger when the record is committed.
class watched_store final : public forwarding_store {
public:
    watched_store(store_port& next, seq_no at) : forwarding_store(next), at_(at) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        const commit_outcome outcome = next_.commit(batch);
        for (const journal_record& r : batch)
            if (r.seq == at_) aivp_at_moment(r.seq.value);
        return outcome;
    }

private:
    seq_no at_;
};

/// The engine's state after the record. Errors: those of replay_line().
result<engine_state> state_at(const sim::run_case& c, const sim::journal_text& journal, seq_no at) {
    engine_state state;
    listed_snapshots snapshots(c.what->agents);
    for (std::uint64_t n = 1; n <= at.value; ++n)
        if (auto step = replay_line(state, journal.records[n - 1].line, snapshots); !step)
            return std::unexpected(std::move(step).error());
    return state;
}

void print_state(const sim::run_case& c, const engine_state& state) {
    for (const auto& [id, run] : state.runs) {
        std::cout << "  " << to_string(id) << "   agent " << printable(run.snapshot->id) << "   "
                  << (run.started ? "running" : "waiting") << (run.paused ? ", paused" : "") << "   since "
                  << offset(run.started_at - c.what->start) << "   " << counted(run.skill_calls, "call") << ", "
                  << counted(run.model_turns, "turn") << "\n";
        for (const open_call& o : run.open) {
            const bool bound = o.kind == call_kind::skill && o.binding < run.snapshot->bindings.size();
            std::cout << "    open   "
                      << (o.kind == call_kind::model  ? "model"
                          : o.kind == call_kind::user ? "question"
                          : bound                     ? printable(run.snapshot->bindings[o.binding].as)
                                                      : "skill")
                      << "  " << printable(sim::short_text(o.arguments, 60)) << "  attempt " << o.attempt
                      << (o.parked ? ", parked" : "") << "   due " << offset(o.deadline - c.what->start) << "\n";
        }
    }
    if (state.runs.empty()) std::cout << "  no run is under way; " << counted(state.finished_runs, "run") << " ended\n";
}

/// Runs it up to the moment and shows what is open then.
int stop_at(const arguments& a, const sim::run_case& c, const sim::executed_case& run) {
    const std::string moment = a.text("at");
    const auto found = record_of(run.journal, moment, c.what->start);
    if (!found) return report_error(found.error());
    const seq_no at = *found;
    // The same run again, which passes by this point: a debugger that waits there has the whole process before it.
    memory_store store;
    watched_store watched(store, at);
    (void)sim::execute(c, [&](sim::simulation_setup& setup) {
        if (!setup.store) setup.store = &watched;
    });
    const auto state = state_at(c, run.journal, at);
    if (!state) return report_error(state.error());
    const std::string& line = run.journal.records[at.value - 1].line;
    if (a.has("json")) {
        std::cout << "{\"moment\":" << tools::quoted(moment) << ",\"record\":" << at.value
                  << ",\"records\":" << run.journal.records.size() << ",\"state\":" << encode_state(*state)
                  << ",\"step\":" << line << ",\"version\":1}\n";
        return exit_ok;
    }
    std::cout << "  stopped at " << moment << "   record " << at.value << " of " << run.journal.records.size() << "   "
              << printable(sim::brief(line)) << "\n";
    print_state(c, *state);
    return exit_ok;
}

/// Replaces this process by a debugger with the same command.
int debug(const arguments& a) {
    std::error_code ec;
    const std::string self = std::filesystem::read_symlink("/proc/self/exe", ec).string();
    std::vector<std::string> words = {"gdb", "-q"};
    if (a.has("at")) {
        words.insert(words.end(), {"-ex", "set breakpoint pending on", "-ex", "break aivp_at_moment", "-ex", "run"});
    }
    words.insert(words.end(), {"--args", self, "repro", a.positional.front()});
    for (const char* flag : {"in", "at"})
        if (a.has(flag)) words.insert(words.end(), {"--" + std::string(flag), a.text(flag)});
    std::vector<char*> raw;
    for (std::string& w : words) raw.push_back(w.data());
    raw.push_back(nullptr);
    std::cout.flush();
    execvp(raw[0], raw.data());
    return report_error({errc::io_not_found, "gdb cannot be started", {}, "Install it, or leave out --gdb.", {}});
}

int print_passed(const arguments& a, const sim::run_case& c, const sim::run_report& r) {
    const std::vector<error> stale = sim::stale_faults(c, r);
    if (a.has("json")) {
        std::cout << "{\"inputs\":" << r.inputs << ",\"passed\":" << (stale.empty() ? "true" : "false")
                  << ",\"stale\":[";
        for (std::size_t i = 0; i < stale.size(); ++i) std::cout << (i ? "," : "") << tools::quoted(stale[i].message);
        std::cout << "],\"version\":1}\n";
    }
    // A plan of which a part does not happen has not been tried.
    for (const error& e : stale) std::cerr << to_string(e) << "\n";
    if (!a.has("json"))
        std::cout << (stale.empty() ? "  PASS  " : "  STALE  ") << printable(c.origin()->file) << "   seed " << c.seed
                  << "   " << counted(r.inputs, "event") << ", " << plan_words(c) << "\n"
                  << (stale.empty() ? "1 passed, 0 failed, 0 skipped\n" : "0 passed, 1 failed, 0 skipped\n");
    return stale.empty() ? exit_ok : exit_failed;
}

int print_failed(const arguments& a, const sim::failure_report& r, const std::string& kept) {
    if (a.has("json"))
        std::cout << "{\"failure\":" << failure_json(r, kept) << ",\"passed\":false,\"version\":1}\n";
    else
        std::cout << failure_block(r, kept) << "0 passed, 1 failed, 0 skipped\n";
    return exit_failed;
}

/// What is looked at of a run that failed: --property, else the first thing that a plan's being stale does not explain.
result<std::string> property_of(const arguments& a, const sim::case_result& r) {
    if (a.has("property")) {
        if (r.find(a.text("property"))) return a.text("property");
        return fail(errc::usage_invalid, "the case does not break `" + a.text("property") + "`", {},
                    "It breaks `" + r.report.findings.front().what + "`.");
    }
    for (const sim::finding& f : r.report.findings)
        if (f.code != errc::fault_not_met && f.code != errc::fault_no_site) return f.what;
    return r.report.findings.front().what;
}

/// The same journal, world and findings.
bool same_end(const sim::case_result& a, const sim::case_result& b) {
    return a.report.outcome == b.report.outcome && a.signature == b.signature &&
           std::ranges::equal(a.report.findings, b.report.findings, [](const sim::finding& x, const sim::finding& y) {
               return x.what == y.what && x.moment == y.moment && x.expected == y.expected && x.actual == y.actual;
           });
}

/// The same run again and again. Alike are those that end with the same journal, world and findings as the first.
int repeat(const arguments& a, const sim::run_case& c, std::uint64_t times) {
    std::uint64_t failed = 0, alike = 0;
    sim::case_result first;
    for (std::uint64_t n = 0; n < times; ++n) {
        sim::case_result r = sim::execute(c, {});
        if (n == 0) first = r;
        failed += r.failed();
        alike += same_end(r, first);
    }
    std::string property, actual;
    if (first.failed()) {
        const auto named = property_of(a, first);
        if (!named) return report_error(named.error());
        property = *named;
        actual = first.find(property)->actual;
    }
    const std::vector<error> stale = failed > 0 ? std::vector<error>{} : sim::stale_faults(c, first.report);
    for (const error& e : stale) std::cerr << to_string(e) << "\n";
    if (a.has("json"))
        std::cout << "{\"actual\":" << tools::quoted(actual) << ",\"alike\":" << alike << ",\"failed\":" << failed
                  << ",\"outcome\":" << tools::quoted(to_hex(first.report.outcome, 16))
                  << ",\"property\":" << tools::quoted(property) << ",\"stale\":" << (stale.empty() ? "false" : "true")
                  << ",\"times\":" << times << ",\"version\":1}\n";
    else
        std::cout << (failed > 0      ? "  FAIL  "
                      : stale.empty() ? "  PASS  "
                                      : "  STALE  ")
                  << printable(c.origin()->file) << "   seed " << c.seed << "   " << failed << " of "
                  << counted(times, "run") << " failed, " << alike << " in the same way"
                  << (failed > 0 ? ": " + printable(property) : "") << "\n"
                  << times - failed << " passed, " << failed << " failed, 0 skipped\n";
    if (alike != times) return exit_diverged;
    return failed > 0 || !stale.empty() ? exit_failed : exit_ok;
}

/// A plan that was not met in full has not passed, though it broke nothing.
result<void> write_files(result_files& files, reported_scenario one, bool failed) {
    one.passed = !failed;
    const batch_summary sum{
        .passed = failed ? 0u : 1u, .failed = failed ? 1u : 0u, .skipped = 0, .seconds = one.seconds};
    return files.write({"repro", {std::move(one)}, sum});
}

int repro(const arguments& a) {
    sim::run_case c;
    if (const int code = read_case(a, a.positional.front(), c); code != exit_ok) return code;
    if (a.has("gdb")) return debug(a);
    auto files = result_files::open(a);
    if (!files) return report_error(files.error());
    if (a.has("times")) {
        const auto times = a.integer("times", 1, 100'000'000);
        return times ? repeat(a, c, static_cast<std::uint64_t>(*times)) : report_error(times.error());
    }
    const stopwatch watch;
    const sim::executed_case run = sim::execute_fully(c, {});
    if (a.has("perfetto"))
        if (const auto written = write_whole_file(a.text("perfetto"), to_trace_events(c, run)); !written)
            return report_error(written.error());
    if (a.has("at")) return stop_at(a, c, run);
    if (!run.result.failed()) {
        const bool stale = !sim::stale_faults(c, run.result.report).empty();
        if (const auto written = write_files(*files, result_of(c, nullptr, {}, watch.seconds()), stale); !written)
            return report_error(written.error());
        return print_passed(a, c, run.result.report);
    }
    sim::shrink_options o;
    o.tries_max = 1; // as it is
    const auto property = property_of(a, run.result);
    if (!property) return report_error(property.error());
    const auto r = sim::shrink(c, *property, o);
    if (!r) return report_error(r.error());
    if (const auto written = write_files(*files, result_of(c, &*r, {}, watch.seconds()), true); !written)
        return report_error(written.error());
    return print_failed(a, *r, {});
}

int shrink_one(const arguments& a) {
    sim::run_case c;
    if (const int code = read_case(a, a.positional.front(), c); code != exit_ok) return code;
    sim::shrink_options o;
    const auto jobs = jobs_of(a);
    if (!jobs) return report_error(jobs.error());
    const auto tries = a.integer("tries", 1, 100'000'000);
    if (!tries) return report_error(tries.error());
    const auto budget = budget_of(a);
    if (!budget) return report_error(budget.error());
    o.jobs = *jobs;
    o.tries_max = static_cast<std::uint64_t>(*tries);
    o.expired = expires_after(*budget);
    const sim::case_result first = sim::execute(c, {});
    if (!first.failed()) return print_passed(a, c, first.report);
    const auto property = property_of(a, first);
    if (!property) return report_error(property.error());
    if (a.has("against")) o.reference = reference_program(a.text("against"), a.text("in"), *property);
    const auto r = sim::shrink(c, *property, o);
    if (!r) return report_error(r.error());
    std::string kept;
    if (!keep_folder(a).empty()) {
        auto path = keep_failure(*r, keep_folder(a));
        if (!path) return report_error(path.error());
        kept = std::move(*path);
    }
    return print_failed(a, *r, kept);
}

} // namespace

command_spec repro_command_spec() {
    command_spec out = {"repro",
                        "repro TOKEN|FILE [--in FOLDER] [--at MOMENT] [--gdb] [--times N] [--json] [--perfetto FILE]",
                        "Runs the plan of a token or regression file again and says what breaks.",
                        {"aivp-sim repro aivp1:refund:AQ…", "aivp-sim repro scenarios/regressions/refund-7c1e04.yaml",
                         "aivp-sim repro aivp1:refund:AQ… --at 7c1e@480 --gdb"},
                        {{"in", "FOLDER", "", "where the token's scenario is, when it is not below this folder"},
                         {"at", "MOMENT", "", "stop there and show what is under way"},
                         {"gdb", "", "", "in a debugger; with --at it stops in the commit of that moment"},
                         {"seed", "S", "1", "of a scenario file: the seed"},
                         {"times", "N", "", "run it N times and say how many failed, and how many in the same way"},
                         {"property", "NAME", "", "of all that it breaks, tell about this"},
                         {"json", "", "", "one JSON document on stdout"},
                         {"perfetto", "FILE", "", "write the run as trace events for ui.perfetto.dev"}},
                        1,
                        1,
                        repro};
    for (flag_spec& f : result_flags()) out.flags.push_back(std::move(f));
    return out;
}

command_spec shrink_command_spec() {
    return {"shrink",
            "shrink TOKEN|FILE [--tries N] [--time-budget 60s] [--against PROGRAM] [--json]",
            "Looks for a smaller case that breaks in the same way.",
            {"aivp-sim shrink aivp1:refund:AQ…",
             "aivp-sim shrink scenarios/regressions/refund-7c1e04.yaml --tries 20000",
             "aivp-sim shrink scenarios/inbox/monday.yaml --seed 7 --against build/green/aivp-sim"},
            {{"in", "FOLDER", "", "where the token's scenario is, when it is not below this folder"},
             {"seed", "S", "1", "of a scenario file: the seed"},
             {"property", "NAME", "", "of all that it breaks, keep this"},
             {"against", "PROGRAM", "",
              "an aivp-sim that is right (the last good build): it says what an expectation should come to"},
             {"tries", "N", "5000", "at most so many runs"},
             {"time-budget", "DURATION", "", "begin nothing more after so long: 60s"},
             {"jobs", "N", "0", "threads; 0 = one for each core"},
             {"keep", "FOLDER", "", "where the result is written as a regression; else scenarios/regressions"},
             {"no-keep", "", "", "write nothing"},
             {"json", "", "", "one JSON document on stdout"}},
            1,
            1,
            shrink_one};
}

} // namespace aivp::tools
