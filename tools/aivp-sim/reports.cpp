#include "tools/aivp-sim/reports.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

using sim::finding;
using sim::run_report;
using sim::scenario_report;

std::string shortened(const std::string& text, std::size_t most = 400) {
    return text.size() <= most ? text : text.substr(0, most) + "…";
}

std::string place_of(const finding& f, const scenario_report& r) {
    return f.where.line == 0 ? r.what->file : to_string(f.where);
}

std::string repro_line(const scenario_report& r, std::uint64_t seed) {
    return "aivp-sim run " + r.what->file + " --seed " + std::to_string(seed);
}

std::string finding_text(const finding& f, const scenario_report& r) {
    std::string out = "  " + std::string(f.code == errc::scenario_property ? "property  " : "expected  ") + f.what +
                      "   " + place_of(f, r) + "\n";
    out += "  expected  " + shortened(f.expected) + "\n  actual    " + shortened(f.actual) + "\n";
    if (!f.moment.empty()) out += "  moment    " + f.moment + "\n";
    return out;
}

std::string divergence_text(const scenario_report& r) {
    const auto& [seed, d] = *r.diverged;
    std::string out =
        "  two runs of seed " + std::to_string(seed) + " part at record " + std::to_string(d.seq.value) + "\n";
    for (const json_difference& x : d.differences)
        out += "    " + x.pointer + "   first " + shortened(x.left ? std::string(x.left->text()) : "(absent)", 120) +
               "   second " + shortened(x.right ? std::string(x.right->text()) : "(absent)", 120) + "\n";
    out += "    first   " + shortened(d.first.empty() ? "(the run had ended)" : d.first) + "\n";
    out += "    second  " + shortened(d.second.empty() ? "(the run had ended)" : d.second) + "\n";
    out += "  repro     aivp-sim verify " + r.what->file + " --seed " + std::to_string(seed) + "\n";
    return out;
}

std::string failure_text(const scenario_report& r) {
    std::string out;
    for (const run_report& run : r.failed) {
        out += "  seed " + std::to_string(run.seed) + "   stopped: " + to_string(run.stopped) + "   virtual " +
               rounded(run.virtual_time) + "\n";
        for (const finding& f : run.findings) out += finding_text(f, r);
        out += "  repro     " + repro_line(r, run.seed) + "\n";
        break; // the lowest failing seed says it; the others are counted below
    }
    if (r.seeds_failed > 1) out += "  " + grouped(r.seeds_failed) + " of " + counted(r.seeds_run, "seed") + " fail\n";
    if (r.diverged) out += divergence_text(r);
    return out;
}

std::string finding_json(const finding& f) {
    return "{\"actual\":" + quoted(f.actual) + ",\"code\":" + quoted(info(f.code).name) +
           ",\"expected\":" + quoted(f.expected) + ",\"file\":" + quoted(f.where.file) +
           ",\"line\":" + std::to_string(f.where.line) + ",\"moment\":" + quoted(f.moment) +
           ",\"what\":" + quoted(f.what) + "}";
}

std::string report_json(const scenario_report& r) {
    std::string out = "{\"diverged\":";
    if (r.diverged) {
        out += "{\"first\":" + quoted(r.diverged->second.first) +
               ",\"record\":" + std::to_string(r.diverged->second.seq.value) +
               ",\"second\":" + quoted(r.diverged->second.second) + ",\"seed\":" + std::to_string(r.diverged->first) +
               "}";
    } else {
        out += "null";
    }
    out += ",\"effects\":" + std::to_string(r.effects) + ",\"failures\":[";
    for (std::size_t i = 0; i < r.failed.size(); ++i) {
        out += std::string(i ? "," : "") + "{\"findings\":[";
        for (std::size_t k = 0; k < r.failed[i].findings.size(); ++k)
            out += (k ? "," : "") + finding_json(r.failed[i].findings[k]);
        out += "],\"repro\":" + quoted(repro_line(r, r.failed[i].seed)) +
               ",\"seed\":" + std::to_string(r.failed[i].seed) + "}";
    }
    out += "],\"file\":" + quoted(r.what->file) + ",\"inputs\":" + std::to_string(r.inputs) +
           ",\"name\":" + quoted(r.what->name) + ",\"outcomes\":" + quoted(to_hex(r.outcomes)) +
           ",\"passed\":" + (r.passed() ? "true" : "false") + ",\"runs\":" + std::to_string(r.runs) +
           ",\"seeds\":" + std::to_string(r.seeds_run) + ",\"seeds_failed\":" + std::to_string(r.seeds_failed) +
           ",\"virtual_us\":" + std::to_string(r.virtual_time.us) + "}";
    return out;
}

} // namespace

batch_summary summarise(const std::vector<scenario_report>& reports) {
    batch_summary s;
    for (const scenario_report& r : reports) ++(r.passed() ? s.passed : s.failed);
    return s;
}

void print_text(const std::vector<scenario_report>& reports, const std::string& command, double seconds) {
    std::size_t width = 20;
    std::uint64_t inputs = 0, checks = 0, diverged = 0;
    for (const scenario_report& r : reports) width = std::max(width, r.what->file.size());
    for (const scenario_report& r : reports) {
        inputs += r.inputs;
        diverged += r.diverged.has_value();
        for (const std::uint64_t n : r.property_checks) checks += n;
        std::cout << (r.passed() ? "  PASS  " : "  FAIL  ") << padded(r.what->file, width) << "  "
                  << padded(counted(r.seeds_run, "seed"), 12) << padded(counted(r.runs, "run"), 12)
                  << padded(counted(r.inputs, "input"), 16) << "virtual " << rounded(r.virtual_time) << "\n";
        if (!r.passed()) std::cout << failure_text(r) << "\n";
    }
    char speed[64];
    std::snprintf(speed, sizeof speed, "%.2f s", seconds);
    std::cout << "  " << grouped(inputs) << " engine inputs, " << grouped(checks) << " property checks in " << speed;
    if (command == "verify") std::cout << ", each seed twice: " << counted(diverged, "divergence");
    std::cout << "\n";
}

std::string to_json(const std::vector<scenario_report>& reports, const batch_summary& summary) {
    std::string out = "{\"scenarios\":[";
    for (std::size_t i = 0; i < reports.size(); ++i) out += (i ? "," : "") + report_json(reports[i]);
    std::uint64_t inputs = 0, seeds = 0, diverged = 0;
    for (const scenario_report& r : reports) {
        inputs += r.inputs;
        seeds += r.seeds_run;
        diverged += r.diverged.has_value();
    }
    out += "],\"totals\":{\"diverged\":" + std::to_string(diverged) + ",\"failed\":" + std::to_string(summary.failed) +
           ",\"inputs\":" + std::to_string(inputs) + ",\"passed\":" + std::to_string(summary.passed) +
           ",\"seeds\":" + std::to_string(seeds) + ",\"skipped\":" + std::to_string(summary.skipped) +
           "},\"version\":1}";
    return out;
}

std::string to_junit(const std::vector<scenario_report>& reports, const batch_summary& summary) {
    std::string out =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"aivp-sim\" tests=\"" +
        std::to_string(reports.size()) + "\" failures=\"" + std::to_string(summary.failed) +
        "\" errors=\"0\" skipped=\"" + std::to_string(summary.skipped) + "\" time=\"" +
        std::to_string(summary.seconds) + "\">\n";
    for (const scenario_report& r : reports) {
        const std::string folder = r.what->file.substr(0, std::min(r.what->file.rfind('/'), r.what->file.size()));
        out += "    <testcase classname=\"" + xml_escaped(folder) + "\" name=\"" + xml_escaped(r.what->name) +
               "\" file=\"" + xml_escaped(r.what->file) + "\" time=\"" +
               std::to_string(summary.seconds / static_cast<double>(std::max<std::size_t>(1, reports.size()))) +
               "\">\n      <properties>\n        <property name=\"seeds\" value=\"" + std::to_string(r.seeds_run) +
               "\"/>\n        <property name=\"scenario_hash\" value=\"" + to_hex(r.what->hash, 16) +
               "\"/>\n        <property name=\"outcomes\" value=\"" + to_hex(r.outcomes) + "\"/>\n";
        if (!r.failed.empty())
            out += "        <property name=\"seed\" value=\"" + std::to_string(r.failed.front().seed) + "\"/>\n";
        out += "      </properties>\n";
        if (!r.passed()) {
            const std::string text = failure_text(r);
            out += "      <failure message=\"" +
                   xml_escaped(r.failed.empty() ? "diverged" : r.failed.front().findings.front().what) + "\">" +
                   xml_escaped(text) + "</failure>\n";
        }
        out += "    </testcase>\n";
    }
    return out + "  </testsuite>\n</testsuites>\n";
}

} // namespace aivp::tools
