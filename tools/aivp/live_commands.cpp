// Commands about runs for real: by the daemon, and where they only look, without one as well.
#include <iostream>

#include "tools/aivp/commands.hpp"
#include "tools/aivp/run_view.hpp"
#include "tools/common/output.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

flag_spec json_flag() { return {"json", "", "", "one JSON document on stdout"}; }

result<run_id> run_of(const std::string& text) {
    if (const auto n = parse_number_name(text, "run-"); n && *n != 0) return run_id{*n};
    return fail(errc::usage_invalid, "`" + text + "` is no run", {}, "Write run-12; `aivp ps --all` lists them.");
}

std::string run_target(run_id run) { return "/v1/runs/" + to_string(run); }

int finish_action(const arguments& a, const result<payload>& done, const std::string& text) {
    if (!done) return report_error(done.error());
    std::cout << (a.has("json") ? std::string(done->text()) : "  " + text) << "\n";
    return exit_ok;
}

void print_runs(const payload& answer) {
    const auto runs = items(member(answer, "runs").value_or(payload()));
    if (runs.empty()) std::cout << "  no runs\n";
    for (const payload& r : runs) {
        const std::string state = text_at(r, "state");
        const std::int64_t parked = number_at(r, "parked");
        std::cout << "  " << padded(to_string(run_id{static_cast<std::uint64_t>(number_at(r, "run"))}), 9)
                  << padded(text_at(r, "agent_id"), 24) << "  "
                  << padded(state == "finished"      ? text_at(r, "status")
                            : number_at(r, "paused") ? "paused"
                            : parked > 0             ? "PARKED"
                                                     : state,
                            9)
                  << "  " << to_string(instant{number_at(r, "accepted_at") / 1'000'000 * 1'000'000})
                  << (state == "finished" ? "  " + padded(rounded(microseconds(number_at(r, "latency_us"))), 6) + "  " +
                                                text_at(r, "code")
                                          : "")
                  << "\n";
    }
}

int ps(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const bool all = a.has("all");
    const auto answer = ask_daemon_or_store(*config, all ? "/v1/runs?all=1" : "/v1/runs",
                                            [&](store_reader& s) { return list_runs(s.query(), all); });
    if (!answer) return report_error(answer.error());
    if (a.has("json"))
        std::cout << answer->text() << "\n";
    else
        print_runs(*answer);
    return exit_ok;
}

int show(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const auto run = run_of(a.positional.front());
    if (!run) return report_error(run.error());
    const auto answer = ask_daemon_or_store(*config, run_target(*run),
                                            [&](store_reader& s) { return show_run(s.query(), s.snapshots(), *run); });
    if (!answer) return report_error(answer.error());
    if (a.has("json"))
        std::cout << answer->text() << "\n";
    else
        print_run_view(*answer);
    return exit_ok;
}

void print_line(const arguments& a, const payload& line) {
    if (a.has("json"))
        std::cout << line.text() << "\n";
    else
        print_log_line(line);
    std::cout.flush();
}

int stored_logs(const arguments& a, const daemon_config& config, run_id run, const error& unreachable) {
    auto reader = store_reader::open(config);
    if (!reader) return report_error(reader.error().code == errc::io_not_found ? unreachable : reader.error());
    constexpr std::size_t page = 1'000;
    for (seq_no from{1};;) {
        const auto lines = log_lines(reader->query(), run, from, page);
        if (!lines) return report_error(lines.error());
        for (const payload& line : *lines) print_line(a, line);
        if (lines->size() < page) return exit_ok;
        from = {static_cast<std::uint64_t>(number_at(lines->back(), "seq")) + 1};
    }
}

int logs(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    run_id run;
    if (!a.positional.empty()) {
        const auto named = run_of(a.positional.front());
        if (!named) return report_error(named.error());
        run = *named;
    }
    const auto there = ask_daemon(*config, "GET", "/v1/status");
    if (!a.has("follow"))
        return stored_logs(a, *config, run,
                           there ? error{errc::io_not_found, "there is no store", {}, {}, {}} : there.error());
    if (!there) return report_error(there.error());
    const control_client client(control_socket_of(config->state_folder));
    const auto end =
        client.follow("/v1/logs?follow=1" + (run ? "&run=" + to_string(run) : ""), [&](const payload& line) {
            print_line(a, line);
            return static_cast<bool>(std::cout);
        });
    if (!end) return report_error(end.error());
    return end->status < 300 ? exit_ok : report_error(error_of(end->body));
}

int act(const arguments& a, const std::string& action, const std::string& done) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const auto run = run_of(a.positional.front());
    if (!run) return report_error(run.error());
    return finish_action(a,
                         ask_daemon(*config, "POST", run_target(*run) + "/" + action,
                                    payload::of_object({{"reason", payload::of_string(a.text("reason"))}})),
                         padded(done, 10) + to_string(*run));
}

int answer(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const auto run = run_of(a.positional.front());
    if (!run) return report_error(run.error());
    const bool ended = a.has("end");
    const std::string text = a.positional.size() > 1 ? a.positional[1] : "";
    if (!ended && text.empty()) return usage_error("TEXT is missing", "aivp answer RUN TEXT, or --end");
    return finish_action(
        a,
        ask_daemon(*config, "POST", run_target(*run) + "/answer",
                   payload::of_object({{"ended", payload::of_bool(ended)}, {"text", payload::of_string(text)}})),
        padded("answered", 10) + to_string(*run));
}

int resolve(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const auto run = run_of(a.positional[0]);
    if (!run) return report_error(run.error());
    const auto call = parse_number_name(a.positional[1], "call-");
    if (!call) return usage_error("`" + a.positional[1] + "` is no call", "Write call-3.");
    std::string finding;
    for (const char* word : {"happened", "failed", "again"}) {
        if (!a.has(word)) continue;
        if (!finding.empty()) return usage_error("--" + finding + " and --" + word + " exclude each other");
        finding = word;
    }
    if (finding.empty())
        return usage_error("--happened, --failed or --again is missing", "Find out first; then say what you found.");
    payload value;
    if (a.has("result")) {
        auto parsed = payload::parse(a.text("result"));
        if (!parsed) return usage_error("--result is no JSON: " + parsed.error().message);
        if (finding != "happened") return usage_error("--result goes with --happened");
        value = std::move(*parsed);
    }
    return finish_action(a,
                         ask_daemon(*config, "POST",
                                    run_target(*run) + "/calls/" + to_string(call_id{*call}) + "/resolve",
                                    payload::of_object({{"finding", payload::of_string(finding)},
                                                        {"note", payload::of_string(a.text("note"))},
                                                        {"result", value}})),
                         padded("resolved", 10) + to_string(*run) + " " + to_string(call_id{*call}) + ": " + finding);
}

int dead_letters(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    if (!a.positional.empty()) {
        if (a.positional[0] != "replay" || a.positional.size() != 2)
            return usage_error("`" + a.positional[0] + "` is not understood", "aivp dead-letters replay dl-42-run");
        const auto started = ask_daemon(*config, "POST", "/v1/dead-letters/" + a.positional[1] + "/replay");
        return finish_action(a, started, started ? padded("started", 10) + text_at(*started, "run") : "");
    }
    const auto answer =
        ask_daemon_or_store(*config, "/v1/dead-letters", [&](store_reader& s) { return list_dead_letters(s.query()); });
    if (!answer) return report_error(answer.error());
    if (a.has("json")) {
        std::cout << answer->text() << "\n";
        return exit_ok;
    }
    const auto letters = items(member(*answer, "dead_letters").value_or(payload()));
    if (letters.empty()) std::cout << "  no dead letters\n";
    for (const payload& d : letters)
        std::cout << "  " << padded(text_at(d, "id"), 16)
                  << padded(number_at(d, "run") ? to_string(run_id{static_cast<std::uint64_t>(number_at(d, "run"))})
                                                : "",
                            9)
                  << padded(text_at(d, "agent_id"), 20) << "  " << text_at(d, "code") << ": " << text_at(d, "message")
                  << "\n";
    return exit_ok;
}

command_spec action_spec(const char* name, const char* synopsis, const char* summary, const char* example,
                         const char* done, bool takes_reason) {
    std::vector<flag_spec> flags{config_flag(), state_flag(), json_flag()};
    if (takes_reason) flags.insert(flags.begin(), {"reason", "TEXT", "", "kept in the journal"});
    return {name,
            synopsis,
            summary,
            {example},
            flags,
            1,
            1,
            [action = std::string(name), word = std::string(done)](const arguments& a) { return act(a, action, word); }};
}

} // namespace

command_spec ps_command_spec() {
    return {"ps",
            "ps [--all] [--json]",
            "Lists the runs that have not ended, or all.",
            {"aivp ps", "aivp ps --all --json"},
            {{"all", "", "", "with those that have ended"}, config_flag(), state_flag(), json_flag()},
            0,
            0,
            ps};
}
command_spec show_command_spec() {
    return {"show",
            "show RUN [--json]",
            "Shows what a run did, call by call.",
            {"aivp show run-12"},
            {config_flag(), state_flag(), json_flag()},
            1,
            1,
            show};
}
command_spec logs_command_spec() {
    return {"logs",
            "logs [RUN] [--follow]",
            "Prints the journal of a run, or of all.",
            {"aivp logs run-12", "aivp logs --follow"},
            {{"follow", "", "", "go on with what happens from now on"},
             config_flag(),
             state_flag(),
             {"json", "", "", "the records themselves, one a line"}},
            0,
            1,
            logs};
}
command_spec cancel_command_spec() {
    return action_spec("cancel", "cancel RUN [--reason TEXT]", "Ends a run; what has happened stays.",
                       "aivp cancel run-12", "cancelled", true);
}
command_spec pause_command_spec() {
    return action_spec("pause", "pause RUN [--reason TEXT]", "Holds a run: nothing more is begun until it is resumed.",
                       "aivp pause run-12", "paused", true);
}
command_spec resume_command_spec() {
    return action_spec("resume", "resume RUN", "Lets a paused run go on.", "aivp resume run-12", "resumed", false);
}
command_spec answer_command_spec() {
    return {"answer",
            "answer RUN [TEXT] [--end]",
            "Answers what an agent has asked.",
            {"aivp answer run-12 \"Yes, the blue one.\""},
            {{"end", "", "", "ends the conversation"}, config_flag(), state_flag(), json_flag()},
            1,
            2,
            answer};
}
command_spec resolve_command_spec() {
    return {"resolve",
            "resolve RUN CALL --happened|--failed|--again",
            "Says what became of a call of which nobody knows whether it took effect.",
            {"aivp resolve run-12 call-3 --happened --result '{\"id\": 7}'", "aivp resolve run-12 call-3 --failed"},
            {{"happened", "", "", "it took effect"},
             {"failed", "", "", "it did not"},
             {"again", "", "", "it did not, and is to be made now"},
             {"result", "JSON", "", "with --happened: what the skill would have returned"},
             {"note", "TEXT", "", "kept in the journal"},
             config_flag(),
             state_flag(),
             json_flag()},
            2,
            2,
            resolve};
}
command_spec dead_letters_command_spec() {
    return {"dead-letters",
            "dead-letters [replay ID]",
            "Lists what was given up; `replay` starts the run of one anew.",
            {"aivp dead-letters", "aivp dead-letters replay dl-42-run"},
            {config_flag(), state_flag(), json_flag()},
            0,
            2,
            dead_letters};
}

} // namespace aivp::tools
