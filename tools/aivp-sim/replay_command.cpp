#include <iostream>
#include <thread>

#include "sim/replay.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

namespace aivp::tools {

namespace {

constexpr std::size_t failures_shown = 10;

std::string failure_text(const sim::replay_report& r) {
    std::string out = "  FAIL  " + printable(r.tape) + "\n";
    if (r.failed) out += "  " + printable_lines(to_string(*r.failed), "  ") + "\n";
    for (const tape_miss& m : r.verdict.misses) {
        out += "  " + printable_lines(to_string(m), "  ") + "\n";
        break; // what follows the first miss follows from it
    }
    if (r.verdict.unused > 0 && r.verdict.missed == 0) {
        out += "  unused: " + counted(r.verdict.unused, "recorded call") + ", the first is seq " +
               std::to_string(r.verdict.unused_events.empty() ? 0 : r.verdict.unused_events.front().value) + "\n";
    }
    if (r.diverged)
        out += "  the run ended differently: recorded " + printable(r.diverged->first) + ", now " +
               printable(r.diverged->second) + "\n";
    return out;
}

std::string error_json(const error& e) {
    return "{\"code\":" + quoted(info(e.code).name) + ",\"message\":" + quoted(e.message) +
           ",\"where\":" + quoted(to_string(e.where)) + "}";
}

std::string miss_json(const tape_miss& m) {
    std::string out = "{\"differences\":[";
    if (m.nearest) {
        bool first = true;
        for (const json_difference& d : m.nearest->differences) {
            out += std::string(first ? "" : ",") + "{\"live\":" + (d.right ? std::string(d.right->text()) : "null") +
                   ",\"pointer\":" + quoted(d.pointer) +
                   ",\"recorded\":" + (d.left ? std::string(d.left->text()) : "null") + "}";
            first = false;
        }
    }
    out += "],\"kind\":" + quoted(to_string(m.kind)) +
           ",\"nearest_seq\":" + std::to_string(m.nearest ? m.nearest->seq.value : 0) + ",\"what\":" + quoted(m.what) +
           "}";
    return out;
}

std::string report_json(const sim::replay_report& r) {
    std::string out =
        "{\"diverged\":" +
        (r.diverged ? "[" + quoted(r.diverged->first) + "," + quoted(r.diverged->second) + "]" : std::string("null"));
    out += ",\"failed\":" + (r.failed ? error_json(*r.failed) : std::string("null")) +
           ",\"matched\":" + std::to_string(r.verdict.matched);
    out += ",\"missed\":" + std::to_string(r.verdict.missed) + ",\"misses\":[";
    for (std::size_t i = 0; i < r.verdict.misses.size(); ++i) out += (i ? "," : "") + miss_json(r.verdict.misses[i]);
    out += "],\"problems\":[";
    for (std::size_t i = 0; i < r.problems.size(); ++i) out += (i ? "," : "") + error_json(r.problems[i]);
    out += "],\"tape\":" + quoted(r.tape) + ",\"unused\":" + std::to_string(r.verdict.unused) + "}";
    return out;
}

void print_json(const std::vector<sim::replay_report>& reports, const sim::replay_totals& t, double seconds) {
    std::cout << "{\"failures\":[";
    bool first = true;
    for (const sim::replay_report& r : reports) {
        if (r.passed() && r.problems.empty()) continue;
        std::cout << (first ? "" : ",") << report_json(r);
        first = false;
    }
    std::cout << "],\"outcomes\":" << quoted(to_hex(t.outcomes)) << ",\"throughput\":{\"inputs_per_second\":"
              << static_cast<std::uint64_t>(static_cast<double>(t.inputs) / seconds)
              << ",\"seconds_milli\":" << static_cast<std::uint64_t>(seconds * 1000)
              << ",\"tapes_per_second\":" << static_cast<std::uint64_t>(static_cast<double>(t.tapes) / seconds)
              << "},\"totals\":{\"diverged\":" << t.diverged << ",\"edited\":" << t.edited << ",\"failed\":" << t.failed
              << ",\"inputs\":" << t.inputs << ",\"matched\":" << t.matched << ",\"matched_model\":" << t.matched_model
              << ",\"matched_skill\":" << t.matched_skill << ",\"matched_user\":" << t.matched_user
              << ",\"missed\":" << t.missed << ",\"passed\":" << t.passed << ",\"tapes\":" << t.tapes
              << ",\"unused\":" << t.unused << "},\"version\":1}\n";
}

void print_text(const std::vector<sim::replay_report>& reports, const sim::replay_totals& t, double seconds) {
    std::size_t shown = 0;
    for (const sim::replay_report& r : reports) {
        for (const error& e : r.problems)
            std::cout << "  note  " << printable(r.tape) << ": " << printable(e.message) << " (" << info(e.code).name
                      << ")\n";
        if (r.passed()) continue;
        if (++shown <= failures_shown) std::cout << failure_text(r);
    }
    if (shown > failures_shown) std::cout << "  … and " << shown - failures_shown << " more that fail\n";
    std::cout << "  tapes      " << grouped(t.tapes) << "\n  matched    " << grouped(t.matched) << "   ("
              << grouped(t.matched_model) << " model turns, " << grouped(t.matched_skill) << " skill calls; besides "
              << counted(t.matched_user, "user turn") << ")\n";
    std::cout << "  missed     " << grouped(t.missed) << "\n  unused     " << grouped(t.unused) << "\n  diverged   "
              << grouped(t.diverged) << "\n";
    char speed[128];
    std::snprintf(speed, sizeof speed, "%.2f s, %.0f tapes/s, %.0f engine inputs/s", seconds,
                  static_cast<double>(t.tapes) / seconds, static_cast<double>(t.inputs) / seconds);
    std::cout << "  digest     " << to_hex(t.outcomes, 16) << "   " << speed << "\n";
    std::cout << t.passed << " passed, " << t.tapes - t.passed << " failed, 0 skipped\n";
}

int replay(const arguments& a) {
    const auto jobs = a.integer("jobs", 0, 1024);
    if (!jobs) return report_error(jobs.error());
    const stopwatch watch;
    sim::replay_options options;
    options.zones = system_zones();
    options.jobs = *jobs == 0 ? std::max(1u, std::thread::hardware_concurrency()) : static_cast<unsigned>(*jobs);
    auto reports = [&] {
        progress_bar bar("replay");
        options.progress = [&bar](std::uint64_t done, std::uint64_t all) { bar.update(done, all); };
        return sim::replay_all(a.positional, options);
    }();
    if (!reports) return report_error(reports.error());
    const double seconds = watch.seconds();
    const sim::replay_totals totals = sim::sum_up(*reports);
    if (a.has("json"))
        print_json(*reports, totals, seconds);
    else
        print_text(*reports, totals, seconds);
    if (totals.passed == totals.tapes) return exit_ok;
    return totals.failed > 0 && totals.missed + totals.unused + totals.diverged == 0 ? exit_config : exit_diverged;
}

} // namespace

command_spec replay_command_spec() {
    return {"replay",
            "replay TAPE|FOLDER… [--jobs N] [--json]",
            "Replays recorded runs through the engine: the tape answers, a request that was not recorded is a miss.",
            {"aivp-sim replay fixtures/tapes", "aivp-sim replay run-12.tape --json"},
            {{"jobs", "N", "0", "threads; 0 = one for each core"}, {"json", "", "", "one JSON document on stdout"}},
            1,
            1000,
            replay};
}

} // namespace aivp::tools
