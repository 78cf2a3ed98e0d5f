#include "tools/aivp-sim/reports.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iostream>

#include "tools/aivp-sim/property_reports.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

using sim::finding;
using sim::run_report;
using sim::scenario_report;

/// Also made printable: models and tools have written what is shown here.
std::string shortened(const std::string& text, std::size_t most = 400) {
    if (text.size() <= most) return printable_lines(text, "            ");
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return printable_lines(text.substr(0, end), "            ") + "…";
}

std::string place_of(const finding& f, const scenario_report& r) {
    return printable(f.where.line == 0 ? r.what->file : to_string(f.where));
}

/// So that the line can be copied into a shell as it is.
std::string shell_word(const std::string& text) {
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::strchr("_-./+:,@%=", c) != nullptr;
    });
    if (plain && !text.empty()) return text;
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
    return out + "'";
}

std::string finding_text(const finding& f, const scenario_report& r) {
    std::string out = "  " + std::string(f.code == errc::scenario_property ? "property  " : "expect    ") +
                      printable(f.what) + "   " + place_of(f, r) + "\n";
    out += "  expected  " + shortened(f.expected) + "\n  actual    " + shortened(f.actual) + "\n";
    if (!f.moment.empty()) out += "  moment    " + f.moment + "\n";
    return out;
}

} // namespace

std::string repro_line(const scenario_report& r, const std::string& command, std::uint64_t seed) {
    return "aivp-sim " + command + " " + shell_word(r.what->file) + " --seed " + std::to_string(seed);
}

std::string divergence_text(std::uint64_t seed, const sim::divergence& d) {
    std::string out =
        "  two runs of seed " + std::to_string(seed) + " part at record " + std::to_string(d.seq.value) + "\n";
    for (const json_difference& x : d.differences)
        out += "    " + printable(x.pointer) + "   first " +
               shortened(x.left ? std::string(x.left->text()) : "(absent)", 120) + "   second " +
               shortened(x.right ? std::string(x.right->text()) : "(absent)", 120) + "\n";
    out += "    first   " + shortened(d.first.empty() ? "(the run had ended)" : d.first) + "\n";
    return out + "    second  " + shortened(d.second.empty() ? "(the run had ended)" : d.second) + "\n";
}

namespace {

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
        out += "],\"repro\":" + quoted(repro_line(r, "run", r.failed[i].seed)) +
               ",\"seed\":" + std::to_string(r.failed[i].seed) + "}";
    }
    out += "],\"file\":" + quoted(r.what->file) + ",\"inputs\":" + std::to_string(r.inputs) +
           ",\"name\":" + quoted(r.what->name) + ",\"outcomes\":" + quoted(to_hex(r.outcomes)) +
           ",\"passed\":" + (r.passed() ? "true" : "false") + ",\"properties\":" + own_json(r) +
           ",\"runs\":" + std::to_string(r.runs) + ",\"seeds\":" + std::to_string(r.seeds_run) +
           ",\"seeds_failed\":" + std::to_string(r.seeds_failed) +
           ",\"virtual_us\":" + std::to_string(r.virtual_time.us) + "}";
    return out;
}

/// By property_id, over all scenarios.
std::vector<std::uint64_t> property_checks(const std::vector<scenario_report>& reports) {
    std::vector<std::uint64_t> sums(sim::property_count, 0);
    for (const scenario_report& r : reports)
        for (std::size_t p = 0; p < r.property_checks.size(); ++p) sums[p] += r.property_checks[p];
    return sums;
}

} // namespace

std::string failure_text(const scenario_report& r) {
    std::string out = "  scenario  " + printable(r.what->name) + "\n";
    for (const run_report& run : r.failed) {
        out += "  seed " + std::to_string(run.seed) + "   stopped: " + to_string(run.stopped) + "   virtual " +
               rounded(run.virtual_time) + "\n";
        for (const finding& f : run.findings) out += finding_text(f, r);
        out += "  repro     " + printable(repro_line(r, "run", run.seed)) + "\n";
        break; // the lowest failing seed says it; the others are counted below
    }
    if (r.seeds_failed > 1) out += "  " + grouped(r.seeds_failed) + " of " + counted(r.seeds_run, "seed") + " fail\n";
    if (r.diverged)
        out += divergence_text(r.diverged->first, r.diverged->second) + "  repro     " +
               printable(repro_line(r, "verify", r.diverged->first)) + "\n";
    return out;
}

batch_summary summarise(const std::vector<scenario_report>& reports) {
    batch_summary s;
    for (const scenario_report& r : reports) ++(r.passed() ? s.passed : s.failed);
    return s;
}

void print_text(const std::vector<scenario_report>& reports, const std::string& command, double seconds) {
    std::size_t file_width = 20, seed_width = 12, run_width = 12, input_width = 16;
    std::uint64_t inputs = 0, checks = 0, diverged = 0, seeds = 0, compared = 0;
    for (const scenario_report& r : reports) {
        file_width = std::max(file_width, printable(r.what->file).size());
        seed_width = std::max(seed_width, counted(r.seeds_run, "seed").size() + 2);
        run_width = std::max(run_width, counted(r.runs, "run").size() + 2);
        input_width = std::max(input_width, counted(r.inputs, "input").size() + 2);
    }
    for (const scenario_report& r : reports) {
        inputs += r.inputs;
        seeds += r.seeds_run;
        compared += r.seeds_compared;
        diverged += r.diverged.has_value();
        std::cout << (r.passed() ? "  PASS  " : "  FAIL  ") << padded(printable(r.what->file), file_width) << "  "
                  << padded(counted(r.seeds_run, "seed"), seed_width) << padded(counted(r.runs, "run"), run_width)
                  << padded(counted(r.inputs, "input"), input_width) << "virtual " << rounded(r.virtual_time) << "\n";
        if (!r.passed()) std::cout << failure_text(r) << "\n";
    }
    const std::vector<std::uint64_t> by_property = property_checks(reports);
    std::string never;
    for (const sim::property_info& p : sim::property_table()) {
        checks += by_property[static_cast<std::size_t>(p.id)];
        if (by_property[static_cast<std::size_t>(p.id)] == 0 && p.id != sim::property_id::scenario_own)
            never += (never.empty() ? "" : ", ") + std::string(p.name);
    }
    char speed[64];
    std::snprintf(speed, sizeof speed, "%.2f s", seconds);
    std::cout << "  " << grouped(inputs) << " engine inputs, " << grouped(checks) << " property checks in " << speed;
    if (command == "verify")
        std::cout << ", " << (compared == seeds ? "each seed" : grouped(compared) + " of " + counted(seeds, "seed"))
                  << " twice: " << counted(diverged, "divergence");
    std::cout << "\n";
    if (!never.empty()) std::cout << "  never put to the test: " << never << "\n";
}

std::string to_json(const std::vector<scenario_report>& reports, const batch_summary& summary) {
    std::string out = "{\"scenarios\":[";
    for (std::size_t i = 0; i < reports.size(); ++i) out += (i ? "," : "") + report_json(reports[i]);
    std::uint64_t inputs = 0, seeds = 0, compared = 0, diverged = 0;
    for (const scenario_report& r : reports) {
        inputs += r.inputs;
        compared += r.seeds_compared;
        seeds += r.seeds_run;
        diverged += r.diverged.has_value();
    }
    out += "],\"properties\":{";
    const std::vector<std::uint64_t> by_property = property_checks(reports);
    for (const sim::property_info& p : sim::property_table())
        out += (p.id == sim::property_table().front().id ? "" : ",") + quoted(p.name) + ":" +
               std::to_string(by_property[static_cast<std::size_t>(p.id)]);
    out += "},\"probes\":" + probes_json() + ",\"totals\":{\"compared\":" + std::to_string(compared) +
           ",\"diverged\":" + std::to_string(diverged) + ",\"failed\":" + std::to_string(summary.failed) +
           ",\"inputs\":" + std::to_string(inputs) + ",\"passed\":" + std::to_string(summary.passed) +
           ",\"seeds\":" + std::to_string(seeds) + ",\"skipped\":" + std::to_string(summary.skipped) +
           "},\"version\":1}";
    return out;
}

} // namespace aivp::tools
