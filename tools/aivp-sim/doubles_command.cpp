#include "tools/aivp-sim/doubles_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "sim/search/doubles.hpp"
#include "sim/search/token.hpp"
#include "tools/aivp-sim/failure_text.hpp"
#include "tools/aivp-sim/reports.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

using sim::doubles_report;

struct doubles_sum {
    std::vector<doubles_report> reports;
    std::uint64_t compared = 0, inputs = 0, faulty = 0, broken = 0, diverged = 0, passed = 0, failed = 0;
    std::vector<std::uint64_t> met = std::vector<std::uint64_t>(sim::fault_kind_count);
    double seconds = 0;

    void add(doubles_report&& r) {
        compared += r.compared;
        inputs += r.inputs;
        faulty += r.faulty;
        broken += r.broken;
        diverged += r.diverged;
        ++(r.passed() ? passed : failed);
        for (std::size_t k = 0; k < met.size(); ++k) met[k] += r.met[k];
        reports.push_back(std::move(r));
    }
    std::uint64_t met_by(const sim::fault_kind_info& k) const { return met[static_cast<std::size_t>(k.kind)]; }
};

/// A line that repeats the case, as far as one run can.
std::string repro_of(const sim::run_case& c) {
    const std::string token = sim::to_token(c);
    return token.empty() ? "seed " + std::to_string(c.seed) + ", which fits into no token" : "aivp-sim repro " + token;
}

std::string parted_text(const doubles_report::parted& p) {
    return "  seed " + std::to_string(p.met.seed) + "   " + printable(plan_words(p.met)) + "\n" +
           divergence_text(p.met.seed, p.where) + "  repro     " + printable(repro_of(p.met)) + "   (one of the two)\n";
}

std::string report_text(const doubles_report& r, std::size_t file_width) {
    std::string out = (r.passed() ? "  PASS  " : "  FAIL  ") + padded(printable(r.what->file), file_width) + "  " +
                      padded(counted(r.compared, "case") + " twice", 20) + padded(counted(r.inputs, "input"), 20) +
                      grouped(r.faulty) + " with faults";
    if (r.broken > 0) out += ", " + grouped(r.broken) + " broke a property";
    out += "\n";
    if (r.fails_by_itself)
        out += "  fails without further faults, so that nothing was run twice: " + printable(r.fails_by_itself->what) +
               "\n";
    for (const doubles_report::parted& p : r.first) out += parted_text(p);
    for (const auto& [met, text] : r.thrown)
        out += "  seed " + std::to_string(met.seed) + "   " + printable(plan_words(met)) + "\n  a run threw " +
               printable(text) + "\n  repro     " + printable(repro_of(met)) + "\n";
    return out;
}

/// Which kinds were met at all, and which the least.
std::string kinds_text(const doubles_sum& sum) {
    std::string never;
    const sim::fault_kind_info* rarest = nullptr;
    std::size_t met = 0;
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        if (sum.met_by(k) == 0) {
            never += (never.empty() ? "" : ", ") + sim::full_name(k);
            continue;
        }
        ++met;
        if (!rarest || sum.met_by(k) < sum.met_by(*rarest)) rarest = &k;
    }
    std::string out =
        "  met       " + std::to_string(met) + " of " + counted(sim::fault_kind_count, "kind") + " of faults";
    if (rarest) out += "; the rarest, " + sim::full_name(*rarest) + ", in " + counted(sum.met_by(*rarest), "case");
    return out + "\n" + (never.empty() ? "" : "  never met " + never + "\n");
}

void print_text(const doubles_sum& sum) {
    std::size_t width = 20;
    for (const doubles_report& r : sum.reports) width = std::max(width, printable(r.what->file).size());
    for (const doubles_report& r : sum.reports) std::cout << report_text(r, width);
    char seconds[64];
    std::snprintf(seconds, sizeof seconds, "%.2f s", sum.seconds);
    std::cout << "  " << counted(sum.compared, "case") << ", each run twice in " << seconds << ", "
              << grouped(sum.inputs) << " engine inputs each time: " << counted(sum.diverged, "divergence") << "\n";
    if (sum.broken > 0)
        std::cout << "  " << counted(sum.broken, "case") << " broke a property, twice in the same way; "
                  << "`run --faults` and `explore` look into that\n";
    std::cout << kinds_text(sum) << sum.passed << " passed, " << sum.failed << " failed, 0 skipped\n";
}

std::string met_json(const std::vector<std::uint64_t>& met) {
    std::string out = "{";
    for (const sim::fault_kind_info& k : sim::fault_kinds())
        if (const std::uint64_t n = met[static_cast<std::size_t>(k.kind)]; n > 0)
            out += (out.size() > 1 ? "," : "") + quoted(sim::full_name(k)) + ":" + std::to_string(n);
    return out + "}";
}

std::string report_json(const doubles_report& r) {
    std::string out = "{\"broken\":" + std::to_string(r.broken) + ",\"compared\":" + std::to_string(r.compared) +
                      ",\"diverged\":" + std::to_string(r.diverged) + ",\"divergences\":[";
    for (std::size_t i = 0; i < r.first.size(); ++i) {
        const auto& [met, d] = r.first[i];
        out += (i ? "," : "") + ("{\"first\":" + quoted(d.first)) + ",\"plan\":" + quoted(plan_words(met)) +
               ",\"record\":" + std::to_string(d.seq.value) + ",\"second\":" + quoted(d.second) +
               ",\"seed\":" + std::to_string(met.seed) + ",\"token\":" + quoted(sim::to_token(met)) + "}";
    }
    out += "],\"fails_by_itself\":" + (r.fails_by_itself ? quoted(r.fails_by_itself->what) : "null") +
           ",\"faulty\":" + std::to_string(r.faulty) + ",\"file\":" + quoted(r.what->file) +
           ",\"inputs\":" + std::to_string(r.inputs) + ",\"met\":" + met_json(r.met) +
           ",\"name\":" + quoted(r.what->name) + ",\"outcomes\":" + quoted(to_hex(r.outcomes)) +
           ",\"passed\":" + (r.passed() ? "true" : "false") + ",\"thrown\":[";
    for (std::size_t i = 0; i < r.thrown.size(); ++i)
        out += (i ? "," : "") + ("{\"text\":" + quoted(r.thrown[i].second)) +
               ",\"token\":" + quoted(sim::to_token(r.thrown[i].first)) + "}";
    return out + "]}";
}

std::string to_json(const doubles_sum& sum) {
    std::string out = "{\"met\":" + met_json(sum.met) + ",\"never_met\":[";
    bool first = true;
    for (const sim::fault_kind_info& k : sim::fault_kinds()) {
        if (sum.met_by(k) > 0) continue;
        out += (first ? "" : ",") + quoted(sim::full_name(k));
        first = false;
    }
    out += "],\"scenarios\":[";
    for (std::size_t i = 0; i < sum.reports.size(); ++i) out += (i ? "," : "") + report_json(sum.reports[i]);
    return out + "],\"totals\":{\"broken\":" + std::to_string(sum.broken) +
           ",\"compared\":" + std::to_string(sum.compared) + ",\"diverged\":" + std::to_string(sum.diverged) +
           ",\"failed\":" + std::to_string(sum.failed) + ",\"faulty\":" + std::to_string(sum.faulty) +
           ",\"inputs\":" + std::to_string(sum.inputs) + ",\"passed\":" + std::to_string(sum.passed) +
           "},\"version\":1}";
}

result<sim::doubles_options> options_of(const arguments& a) {
    sim::doubles_options o;
    AIVP_TRY(const std::int64_t seed, a.integer("seed", 0, INT64_MAX / 2));
    AIVP_TRY(const std::int64_t seeds, a.integer("seeds", 1, 100'000'000));
    AIVP_TRY(o.jobs, jobs_of(a));
    o.first_seed = static_cast<std::uint64_t>(seed);
    o.seeds = static_cast<std::uint64_t>(seeds);
    o.vary_workload = !a.has("no-workload");
    return o;
}

void write_out(std::string_view text) { (void)!write(STDERR_FILENO, text.data(), text.size()); }

/// A run that ends the whole process, by a check of the engine that does not hold, takes its case with it otherwise.
void say_what_died(int signal) {
    if (!sim::case_under_way().empty()) {
        write_out("  repro     aivp-sim repro ");
        write_out(sim::case_under_way());
        write_out("\n");
    }
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

} // namespace

int run_doubles(const arguments& a, const scenario_list& scenarios) {
    for (const char* other : {"junit", "html", "github", "require-reached"})
        if (a.has(other)) return usage_error("--faults and --" + std::string(other) + " do not go together", {});
    auto options = options_of(a);
    if (!options) return report_error(options.error());
    for (const int fatal : {SIGABRT, SIGSEGV}) std::signal(fatal, say_what_died);
    const stopwatch watch;
    doubles_sum sum;
    progress_bar bar("verify");
    for (const auto& s : scenarios) {
        // A regression is one plan already.
        if (s->seed) continue;
        options->progress = [&](std::uint64_t done, std::uint64_t all) {
            bar.update(sum.reports.size() * all + done, scenarios.size() * all);
        };
        auto one = sim::run_twice(s, *options);
        if (!one) return report_error(one.error());
        sum.add(std::move(*one));
    }
    if (sum.reports.empty())
        return report_error(
            {errc::nothing_selected, "there are only regressions at " + a.positional.front(), {}, {}, {}});
    sum.seconds = watch.seconds();
    if (a.has("json"))
        std::cout << to_json(sum) << "\n";
    else
        print_text(sum);
    if (sum.diverged > 0) return exit_diverged;
    return sum.failed == 0 ? exit_ok : exit_failed;
}

std::vector<flag_spec> doubles_flags() {
    return {{"faults", "", "", "each seed draws faults and a workload, as `run --faults` does"},
            {"no-workload", "", "", "with --faults: leave triggers, payloads and users as they are written"}};
}

} // namespace aivp::tools
