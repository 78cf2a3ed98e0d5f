#include <algorithm>
#include <iostream>

#include "sim/runner.hpp"
#include "tools/aivp/commands.hpp"
#include "tools/aivp/live_run.hpp"
#include "tools/aivp/recording.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

using sim::simulation;
using kind = run_log_entry::kind;

/// What is counted at the end.
struct preview_totals {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t irreversible = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed = 0;
    std::uint64_t unknown = 0; ///< they may have happened
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
};

preview_totals total_of(const run_log& log) {
    preview_totals t;
    for (const auto& [id, run] : log.runs()) {
        for (const run_log_entry& e : run.entries) {
            t.tokens_in += e.usage.input;
            t.tokens_out += e.usage.output;
            t.refused += e.what == kind::refused;
            if (e.what != kind::skill) continue;
            t.failed += e.settled && e.ended == effect_outcome::failed;
            t.unknown += e.settled && e.ended == effect_outcome::unknown;
            if (e.skill->effect == effect_class::read) ++t.reads;
            if (e.skill->effect != effect_class::write) continue;
            ++t.writes;
            t.irreversible += !e.skill->reversible;
        }
    }
    return t;
}

/// Also made printable: what comes from files, models and tools must not be able to forge a line of the preview.
std::string shortened(std::string_view text, std::size_t most) {
    if (text.size() <= most) return printable(text);
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return printable(text.substr(0, end)) + "…";
}

/// "ok", "failed", "unknown", "refused" or "open".
std::string_view end_of(const run_log_entry& e) {
    if (e.what == kind::refused) return "refused";
    if (!e.settled) return "open";
    switch (e.ended) {
    case effect_outcome::ok: return "ok";
    case effect_outcome::failed: return "failed";
    case effect_outcome::unknown: return "unknown";
    }
    return "failed";
}

std::string verb_of(const run_log_entry& e) {
    if (e.what == kind::model) return "model";
    if (e.what == kind::question) return "user";
    if (!e.skill) return "call";
    return e.skill->effect == effect_class::write ? "WRITE" : to_string(e.skill->effect);
}

std::string verdict_of(const run_log_entry& e) {
    if (e.what == kind::refused)
        return "refused  " + std::string(info(e.why->code).name) + " (" + code_number(e.why->code) + ")";
    if (e.what == kind::model || e.what == kind::question) return "";
    std::string out = "allow    " + printable(e.rule);
    if (e.skill->effect == effect_class::write) out += e.skill->reversible ? "   reversible" : "   IRREVERSIBLE";
    return out;
}

std::string subject_of(const run_log_entry& e) {
    if (e.what == kind::model)
        return "in " + grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, e.usage.input))) + " out " +
               grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(0, e.usage.output))) +
               (e.result.is_string() ? "   " + shortened(e.result.text(), 60) : "");
    if (e.what == kind::refused) return shortened(e.why->message, 400);
    return shortened(e.arguments.text(), 90);
}

void print_entry(const run_log_entry& e, std::size_t number, instant start) {
    std::string line = "  " + std::string(number < 10 ? " " : "") + std::to_string(number) + "  " +
                       offset(e.at - start) + "  " + padded(verb_of(e), 6) +
                       padded(shortened(e.what == kind::model      ? e.model
                                        : e.what == kind::question ? "question"
                                                                   : e.as,
                                        80),
                              16) +
                       "  " + subject_of(e);
    std::cout << line << "\n";
    const std::string verdict = verdict_of(e);
    if (!verdict.empty())
        std::cout << "                       " << verdict
                  << (e.outcome.cost.value ? "   " + to_string(e.outcome.cost) : "") << "\n";
    if (e.what == kind::refused) std::cout << "                       help: " << shortened(e.why->help, 400) << "\n";
    if (end_of(e) == "unknown" && e.skill && e.skill->effect == effect_class::write)
        std::cout << "                       UNKNOWN: it may have happened\n";
    if (e.what == kind::skill && e.settled && e.outcome.status != outcome_status::success)
        std::cout << "                       " << info(e.outcome.code).name << ": " << shortened(e.outcome.message, 400)
                  << "\n";
}

void print_text(const sim::scenario& s, const simulation& world, const std::string& folder, std::uint64_t recorded) {
    const snapshot_ptr& agent = s.agents.front();
    std::cout << "  dry run   agent " << agent->id << "   snapshot #" << to_hex(agent->hashes.whole, 8)
              << "   fixtures " << printable(folder) << (recorded ? "   tape of " + counted(recorded, "event") : "")
              << "   nothing real was touched\n";
    for (const auto& [id, run] : world.log().runs()) {
        std::size_t number = 0;
        for (const run_log_entry& e : run.entries) print_entry(e, ++number, s.start);
        for (const structured_outcome& step : run.steps)
            if (step.status == outcome_status::skipped)
                std::cout << "      step " << step.step << " skipped: " << shortened(step.message, 200) << "\n";
        if (!run.outcome) {
            std::cout << "  outcome   still running when the fixture's duration was over\n";
            continue;
        }
        std::cout << "  outcome   " << to_string(run.outcome->status) << " (" << info(run.outcome->code).name << ")  "
                  << shortened(run.outcome->message, 200) << "\n";
        const auto answer = member(run.outcome->details, "answer");
        if (answer && answer->is_string()) std::cout << "  answer    " << shortened(*as_string(*answer), 400) << "\n";
        std::cout << "  cost      " << to_string(run.outcome->cost) << " of " << to_string(agent->limits.budget)
                  << " budget       time " << rounded(run.outcome->latency) << " virtual\n";
    }
    for (const run_log_trigger_refusal& r : world.log().refused_triggers())
        std::cout << "  refused   trigger: " << info(r.code).name << ": " << shortened(r.reason, 400) << "\n";
    const preview_totals t = total_of(world.log());
    std::cout << "  effects   " << counted(t.reads, "read") << " · " << counted(t.writes, "write") << " would happen ("
              << t.irreversible << " irreversible) · " << t.refused << " refused · " << t.failed << " failed"
              << (t.unknown > 0 ? " · " + std::to_string(t.unknown) + " UNKNOWN: may have happened" : "")
              << " · 0 performed\n";
}

std::string entry_json(const run_log_entry& e, instant start) {
    std::string out = "{\"arguments\":" + std::string(e.arguments.text()) + ",\"as\":" + quoted(e.as) +
                      ",\"at_us\":" + std::to_string((e.at - start).us);
    out += ",\"cost_usd_micros\":" + std::to_string(e.outcome.cost.value) +
           ",\"decision\":" + quoted(e.what == kind::refused ? "refused" : "allowed");
    if (e.skill) out += ",\"effect\":" + quoted(to_string(e.skill->effect));
    out += ",\"ended\":" + quoted(end_of(e));
    out += ",\"kind\":" + quoted(e.what == kind::refused ? "skill"
                                 : verb_of(e) == "model" ? "model"
                                 : verb_of(e) == "user"  ? "question"
                                                         : "skill");
    if (e.what == kind::model)
        out += ",\"model\":" + quoted(e.model) + ",\"tokens_in\":" + std::to_string(e.usage.input) +
               ",\"tokens_out\":" + std::to_string(e.usage.output);
    out += ",\"outcome\":" + (e.settled ? std::string(to_payload(e.outcome).text()) : std::string("null"));
    if (e.why) out += ",\"refusal\":" + std::string(to_payload(*e.why).text());
    out += ",\"result\":" + std::string(e.result.text());
    if (e.skill) out += ",\"reversible\":" + std::string(e.skill->reversible ? "true" : "false");
    out += ",\"rule\":" + quoted(e.rule);
    if (e.skill) out += ",\"skill\":" + quoted(e.skill->id) + ",\"skill_version\":" + quoted(e.skill->version);
    return out + "}";
}

/// Null where no tape answers, and where it answers everything.
std::string tape_json(const simulation& world) {
    const auto failed = sim::tape_failure(world);
    if (!failed) return "null";
    return "{\"code\":" + quoted(info(failed->code).name) + ",\"message\":" + quoted(failed->message) + "}";
}

void print_json(const sim::scenario& s, const simulation& world) {
    const snapshot_ptr& agent = s.agents.front();
    const preview_totals t = total_of(world.log());
    std::cout << "{\"agent\":" << quoted(agent->id) << ",\"dry_run\":true,\"refused_triggers\":[";
    bool first = true;
    for (const run_log_trigger_refusal& r : world.log().refused_triggers()) {
        std::cout << (first ? "" : ",") << "{\"code\":" << quoted(info(r.code).name)
                  << ",\"reason\":" << quoted(r.reason) << "}";
        first = false;
    }
    std::cout << "],\"runs\":[";
    first = true;
    for (const auto& [id, run] : world.log().runs()) {
        std::cout << (first ? "" : ",") << "{\"entries\":[";
        first = false;
        for (std::size_t i = 0; i < run.entries.size(); ++i)
            std::cout << (i ? "," : "") << entry_json(run.entries[i], s.start);
        std::cout << "],\"outcome\":" << (run.outcome ? std::string(to_payload(*run.outcome).text()) : "null")
                  << ",\"run\":" << quoted(to_string(id)) << ",\"steps\":[";
        for (std::size_t i = 0; i < run.steps.size(); ++i)
            std::cout << (i ? "," : "") << to_payload(run.steps[i]).text();
        std::cout << "]}";
    }
    std::cout << "],\"snapshot\":" << quoted(to_hex(agent->hashes.whole)) << ",\"tape\":" << tape_json(world)
              << ",\"totals\":{\"failed\":" << t.failed << ",\"irreversible\":" << t.irreversible
              << ",\"performed\":0,\"reads\":" << t.reads << ",\"refused\":" << t.refused
              << ",\"unknown\":" << t.unknown << ",\"writes\":" << t.writes << "},\"version\":1}\n";
}

/// What the preview ends with; says to stderr what the tape has no answer for.
int exit_code_of(const simulation& world, bool strict) {
    const run_log& log = world.log();
    if (log.runs().empty() && !log.refused_triggers().empty()) return exit_refused;
    if (const auto failed = sim::tape_failure(world)) {
        std::cerr << to_string(error{failed->code, printable_lines(failed->message, "  "), {}, failed->help, {}})
                  << "\n";
        return exit_diverged;
    }
    for (const auto& [id, run] : log.runs())
        if (!run.outcome || run.outcome->status == outcome_status::failure) return exit_failed;
    return strict && total_of(log).refused > 0 ? exit_refused : exit_ok;
}

int dry_run(const arguments& a) {
    if (!a.has("dry-run")) return live_run(a);
    if (!a.has("fixtures"))
        return usage_error("--fixtures is missing", "name a folder with a fixture.yaml; `aivp new agent` makes one");
    const auto seed = a.integer("seed", 0, INT64_MAX);
    if (!seed) return report_error(seed.error());
    std::vector<error> errors;
    source_texts texts;
    const auto s = sim::load_fixture(a.text("fixtures"), a.positional.front(), system_zones(), errors, texts);
    if (!s) return report_errors(std::move(errors), texts);
    sim::simulation_setup setup = sim::make_setup(*s, static_cast<std::uint64_t>(*seed));
    sim::run_recording recording;
    if (a.has("record")) recording.attach(setup);
    auto world = simulation::create(std::move(setup));
    if (!world) return report_error(world.error());
    if (a.has("record")) recording.watch(**world);
    if (auto planned = sim::plan_triggers(*s, **world); !planned) return report_error(planned.error());
    const sim::stop_reason stopped = (*world)->run_first(s->start + s->horizon, s->max_events);
    (*world)->conclude(stopped);
    for (const sim::violation& v : (*world)->properties().violations())
        return report_error({errc::internal_bug, "property " + v.name + " is violated: " + v.actual, {}, {}, {}});
    if (a.has("json"))
        print_json(*s, **world);
    else
        print_text(*s, **world, a.text("fixtures"), s->recorded ? s->recorded->events.size() : 0);
    if (a.has("record")) {
        if (auto written = write_recording(recording, *s, a); !written) return report_error(written.error());
        if (!a.has("json"))
            std::cout << "  recorded  " << printable(a.text("record")) << "    |    aivp-sim replay "
                      << printable(a.text("record")) << "\n";
    }
    if (!a.has("json"))
        std::cout << "  next      aivp validate " << printable(a.positional.front()) << "    |    aivp explain CODE\n";
    return exit_code_of(**world, a.has("strict"));
}

} // namespace

command_spec run_command_spec() {
    return {"run",
            "run AGENT [--dry-run --fixtures FOLDER] [--json]",
            "Runs an agent for real, or with --dry-run against fixtures: then nothing real is touched.",
            {"aivp run --dry-run fixtures/agents/inbox-triager.yaml --fixtures fixtures/inbox-monday",
             "aivp run --dry-run fixtures/agents/expense-documenter.yaml --fixtures fixtures/expenses-march --json",
             "aivp run agents/order-desk.yaml --body '{\"order\": \"A17\"}'"},
            {{"body", "JSON", "", "of a run for real: the trigger's payload"},
             {"detach", "", "", "of a run by the daemon: do not wait for its end"},
             config_flag(),
             state_flag(),
             {"dry-run", "", "", "against fixtures"},
             {"fixtures", "FOLDER", "", "holds fixture.yaml: skills, world, model, answers or a tape"},
             {"seed", "S", "1", "of latencies and generated answers"},
             {"record", "FOLDER", "", "write the run as a tape, secrets redacted; must not exist yet"},
             {"strict", "", "", "exit code 31 when a call was refused"},
             {"json", "", "", "one JSON document on stdout"}},
            1,
            1,
            dry_run};
}

} // namespace aivp::tools
