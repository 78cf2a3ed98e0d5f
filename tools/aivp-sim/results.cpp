#include "tools/aivp-sim/results.hpp"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>

#include "sim/search/shrink.hpp"
#include "sim/search/token.hpp"
#include "tools/aivp-sim/failure_text.hpp"
#include "tools/aivp-sim/github.hpp"
#include "tools/aivp-sim/html_report.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

using sim::failure_report;
using sim::scenario_report;

std::string seconds_text(double seconds) {
    char text[48];
    std::snprintf(text, sizeof text, "%.6f", seconds);
    return text;
}

/// The run again, with its history. Nothing when it does not fail in this way any more, which `verify` is there to say.
std::optional<failure_report> history_of(const scenario_report& r, const std::string& what) {
    const sim::run_case c{r.what, r.failed.front().seed, r.what->faults};
    sim::shrink_options o;
    o.tries_max = 1;
    auto told = sim::shrink(c, what, o);
    if (!told) return std::nullopt;
    return std::move(*told);
}

reported_failure divergence_of(const scenario_report& r) {
    const auto& [seed, d] = *r.diverged;
    reported_failure out;
    out.what = "two runs of a seed differ";
    out.where = {r.what->file, 0, 0};
    out.expected = d.first.empty() ? "(the run had ended)" : d.first;
    out.actual = d.second.empty() ? "(the run had ended)" : d.second;
    out.repro = repro_line(r, "verify", seed);
    out.seed = seed;
    return out;
}

/// What the first failing seed broke, each thing once. The block of the first is about all of them.
std::vector<reported_failure> failures_of(const scenario_report& r) {
    constexpr std::size_t findings_max = 20;
    std::vector<reported_failure> out;
    if (r.failed.empty()) {
        out.push_back(divergence_of(r));
    } else {
        const sim::run_report& run = r.failed.front();
        const std::string token = sim::to_token({r.what, run.seed, r.what->faults});
        std::set<std::string> known;
        for (const sim::finding& f : run.findings) {
            if (out.size() == findings_max || !known.insert(f.what).second) continue;
            out.push_back({f.what,
                           f.where.line == 0 ? source_pos{r.what->file, 0, 0} : f.where,
                           f.expected,
                           f.actual,
                           {},
                           repro_line(r, "run", run.seed),
                           run.seed,
                           token,
                           {}});
            out.back().told = history_of(r, f.what);
        }
    }
    out.front().block = failure_text(r);
    return out;
}

reported_failure failure_of(const failure_report& r, const std::string& kept) {
    reported_failure out;
    out.what = r.what.what;
    out.where = r.what.where.line == 0 ? source_pos{r.shrunk.origin()->file, 0, 0} : r.what.where;
    out.expected = r.what.expected;
    out.actual = r.what.actual;
    out.block = failure_block(r, kept);
    out.seed = r.shrunk.seed;
    out.token = r.token;
    if (!r.token.empty()) out.repro = "aivp-sim repro " + r.token;
    out.told = r;
    return out;
}

} // namespace

reported_results results_of(const std::string& command, const std::vector<scenario_report>& reports,
                            const batch_summary& summary) {
    reported_results out{command, {}, summary};
    // What one scenario took is not measured: they run side by side.
    std::uint64_t inputs = 0;
    for (const scenario_report& r : reports) inputs += r.inputs;
    for (const scenario_report& r : reports) {
        reported_scenario s{r.what->file, r.what->name, r.passed(), {}, 0, {}, {}, 0};
        s.counts = counted(r.seeds_run, "seed") + ", " + counted(r.runs, "run") + ", " + counted(r.inputs, "input") +
                   ", virtual\u00a0" + rounded(r.virtual_time);
        if (inputs > 0) s.seconds = summary.seconds * static_cast<double>(r.inputs) / static_cast<double>(inputs);
        s.properties = {{"seeds", std::to_string(r.seeds_run)},
                        {"scenario_hash", to_hex(r.what->hash, 16)},
                        {"outcomes", to_hex(r.outcomes)}};
        if (!r.passed()) {
            s.failures = failures_of(r);
            s.not_shown = r.seeds_failed > 1 ? r.seeds_failed - 1 : 0;
        }
        out.scenarios.push_back(std::move(s));
    }
    return out;
}

reported_scenario result_of(const sim::search_report& r, const std::vector<std::string>& kept, double seconds) {
    reported_scenario out{r.what->file, r.what->name, r.passed(), {}, seconds, {}, {}, 0};
    out.counts = counted(r.runs, "run") + ", " + grouped(r.failed) + " failed, " + counted(r.sites.size(), "place") +
                 " for faults" + (r.out_of_time ? ", out of time" : "");
    out.properties = {{"runs", std::to_string(r.runs)}, {"scenario_hash", to_hex(r.what->hash, 16)}};
    for (std::size_t i = 0; i < r.failures.size(); ++i)
        out.failures.push_back(failure_of(r.failures[i], i < kept.size() ? kept[i] : ""));
    out.not_shown = r.not_examined;
    for (const failure_report& f : r.failures) out.not_shown += f.also;
    return out;
}

reported_scenario result_of(const sim::run_case& c, const failure_report* r, const std::string& kept, double seconds) {
    reported_scenario out{c.origin()->file, c.origin()->name, r == nullptr, {}, seconds, {}, {}, 0};
    out.counts = "seed " + std::to_string(c.seed) + ", " + plan_words(c);
    out.properties = {{"scenario_hash", to_hex(c.origin()->hash, 16)}};
    if (r) out.failures.push_back(failure_of(*r, kept));
    return out;
}

namespace {

std::string property_xml(const std::string& name, const std::string& value) {
    return "        <property name=\"" + xml_escaped(name) + "\" value=\"" + xml_escaped(value) + "\"/>\n";
}

std::string case_xml(const reported_scenario& s) {
    const std::string folder = s.file.substr(0, std::min(s.file.rfind('/'), s.file.size()));
    std::string out = "    <testcase classname=\"" + xml_escaped(folder) + "\" name=\"" + xml_escaped(s.name) +
                      "\" file=\"" + xml_escaped(s.file) + "\" time=\"" + seconds_text(s.seconds) +
                      "\">\n      <properties>\n";
    for (const auto& [name, value] : s.properties) out += property_xml(name, value);
    if (!s.failures.empty()) {
        out += property_xml("seed", std::to_string(s.failures.front().seed));
        if (!s.failures.front().token.empty()) out += property_xml("token", s.failures.front().token);
    }
    out += "      </properties>\n";
    // Readers of such files know one failure a case.
    if (!s.failures.empty()) {
        out += "      <failure message=\"" + xml_escaped(s.failures.front().what) + "\">";
        for (const reported_failure& f : s.failures) out += xml_escaped(f.block);
        out += "</failure>\n";
    }
    return out + "    </testcase>\n";
}

} // namespace

std::string to_junit(const reported_results& results) {
    const batch_summary& sum = results.summary;
    std::string out =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"aivp-sim\" tests=\"" +
        std::to_string(results.scenarios.size()) + "\" failures=\"" + std::to_string(sum.failed) +
        "\" errors=\"0\" skipped=\"" + std::to_string(sum.skipped) + "\" time=\"" + seconds_text(sum.seconds) + "\">\n";
    for (const reported_scenario& s : results.scenarios) out += case_xml(s);
    return out + "  </testsuite>\n</testsuites>\n";
}

result<void> write_whole_file(const std::string& path, const std::string& text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) return fail(errc::io_write, "cannot write " + path);
    return {};
}

result<result_files> result_files::open(const arguments& a) {
    result_files out;
    if (a.has("junit")) out.files_.push_back({a.text("junit"), to_junit});
    if (a.has("html")) out.files_.push_back({a.text("html"), to_html});
    for (const file& f : out.files_) AIVP_CHECK(write_whole_file(f.path, ""));
    out.github_ = a.has("github");
    out.json_ = a.has("json");
    return out;
}

result<void> result_files::write(const reported_results& results) {
    for (const file& f : files_) AIVP_CHECK(write_whole_file(f.path, f.make(results)));
    if (!github_) return {};
    // The service reads both streams; a document on stdout stays alone.
    (json_ ? std::cerr : std::cout) << github_annotations(results);
    return append_github_summary(results);
}

std::vector<flag_spec> result_flags() {
    return {{"junit", "FILE", "", "write JUnit XML"},
            {"html", "FILE", "", "write a page with the failures and their timelines"},
            {"github", "", "", "annotations of GitHub Actions; the summary goes to the file of GITHUB_STEP_SUMMARY"}};
}

} // namespace aivp::tools
