#include <iostream>

#include "sim/import/import.hpp"
#include "tools/aivp-sim/commands.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

int import_logs(const arguments& a) {
    if (!a.has("out")) return usage_error("--out is missing", "name a folder for the tapes: --out tapes");
    const std::string format = a.positional.front();
    const std::vector<std::string> files(a.positional.begin() + 1, a.positional.end());
    sim::import_options options;
    options.tools = a.text("tools");
    options.model = a.text("model");
    options.suite = a.text("suite");
    const stopwatch watch;
    result<sim::import_summary> summary =
        fail(errc::usage_invalid, "there is no importer for `" + format + "`", {}, "it reads agentdojo and tau-bench");
    if (format == "agentdojo") summary = sim::import_agentdojo(files, a.text("out"), options);
    if (format == "tau-bench") summary = sim::import_tau_bench(files, a.text("out"), options);
    if (!summary) return report_error(summary.error());
    if (a.has("json")) {
        std::cout << "{\"capped\":" << summary->capped_runs << ",\"cut\":" << summary->cut_runs
                  << ",\"model_calls\":" << summary->model_calls << ",\"runs\":" << summary->runs
                  << ",\"skill_calls\":" << summary->skill_calls << ",\"skills\":" << summary->skills
                  << ",\"skipped\":" << summary->skipped.size() << ",\"tapes\":" << summary->tapes
                  << ",\"user_turns\":" << summary->user_turns << ",\"widenings\":" << summary->widenings.size()
                  << "}\n";
        return exit_ok;
    }
    std::cout << printable_lines(to_string(*summary), "");
    char took[32];
    std::snprintf(took, sizeof took, "%.1f s", watch.seconds());
    std::cout << "  " << took << "   next: aivp-sim replay " << a.text("out") << "\n";
    return summary->tapes == 0 ? exit_nothing : exit_ok;
}

} // namespace

command_spec import_command_spec() {
    return {"import",
            "import agentdojo|tau-bench FILE… --out FOLDER [--tools FILE|FOLDER]",
            "Turns logged runs of other harnesses into tapes, with the agents and skills that they need.",
            {"aivp-sim import agentdojo runs/gpt-4o/banking.none.jsonl.gz --out tapes",
             "aivp-sim import tau-bench gpt-4o-airline.json --out tapes"},
            {{"out", "FOLDER", "", "where the tapes go; must not hold such an import already"},
             {"tools", "FILE|FOLDER", "", "tool schemas; else suites/ beside or above the logs"},
             {"model", "NAME", "", "tau-bench: the model, when the file's name does not say it"},
             {"suite", "NAME", "", "tau-bench: the domain, likewise"},
             {"json", "", "", "one JSON document on stdout"}},
            2,
            100'000,
            import_logs};
}

} // namespace aivp::tools
