#include "tools/aivp/live_run.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>
#include <utility>

#include "runtime/codec/files.hpp"
#include "tools/aivp/run_view.hpp"
#include "tools/common/output.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

/// What the command line says about the run to start.
struct wanted_run {
    std::string agent; ///< as it stands there
    bool is_file = false;
    payload body;
};

result<wanted_run> wanted_of(const arguments& a) {
    wanted_run out;
    out.agent = a.positional.front();
    std::error_code ec;
    out.is_file = std::filesystem::exists(out.agent, ec);
    if (!a.has("body")) return out;
    auto body = payload::parse(a.text("body"));
    if (!body) return fail(errc::usage_invalid, "--body is no JSON: " + body.error().message);
    out.body = std::move(*body);
    return out;
}

int show_end(const arguments& a, const result<payload>& shown) {
    if (!shown) return report_error(shown.error());
    if (a.has("json"))
        std::cout << shown->text() << "\n";
    else
        print_run_view(*shown);
    return exit_code_of_run(*shown);
}

/// The run in which a person has to do something before this one goes on: itself, or the one that it waits behind.
std::optional<run_id> waits_for_person(const engine_state& state, run_id run) {
    const run_state* r = state.find(run);
    if (!r) return {};
    if (!r->started) {
        const agent_state& agent = state.agents[r->agent.value - 1];
        return agent.active && agent.active != run ? waits_for_person(state, agent.active) : std::nullopt;
    }
    const bool waits = r->open.empty() ? r->paused : std::ranges::all_of(r->open, &open_call::parked);
    return waits ? std::optional(run) : std::nullopt;
}

int tell_of_person(run_id run, run_id waits) {
    const std::string message =
        run == waits ? to_string(run) + " waits for a person"
                     : to_string(run) + " waits behind " + to_string(waits) + ", which waits for a person";
    std::cerr << to_string(
                     error{errc::call_parked, message, {}, "`aivp show " + to_string(waits) + "` says what for.", {}})
              << "\n";
    return exit_person_needed;
}

void tell_of_question(const payload& text, const std::string& what_now) {
    std::cerr << "asks: " << printable_lines(as_string(text).value_or(""), "  ") << "\n" << what_now << "\n";
}

// ---- in this process -------------------------------------------------------------------------------------------------

class lone_run {
public:
    lone_run(const arguments& a, daemon_config config) : arguments_(a), config_(std::move(config)) {}

    int run(const wanted_run& wanted) {
        std::signal(SIGPIPE, SIG_IGN);
        auto host = live_host::start(loop_, {.config = config_, .one_shot = true, .log = log_warnings});
        if (!host) return report_error(host.error());
        host_ = std::move(*host);
        auto run = begin(wanted);
        if (!run) return code_;
        for (const int signal : {SIGTERM, SIGINT})
            if (auto hook = loop_.on_signal(signal, [this] { interrupted_ = true; }))
                hooks_.push_back(std::move(*hook));
        host_->when_lost([this](const error&) { interrupted_ = true; });
        loop_.run_until([&] { return has_ended(*run); });
        return end(*run);
    }

private:
    static void log_warnings(log_level level, const std::string& text) {
        if (level != log_level::info) log_to_stderr(level, text);
    }

    std::optional<run_id> begin(const wanted_run& wanted) {
        std::string agent = wanted.agent;
        std::vector<error> errors;
        source_texts texts;
        if (wanted.is_file) {
            const auto snapshot = host_->activate(wanted.agent, errors, texts);
            if (!snapshot) {
                code_ = errors.empty() ? report_error(snapshot.error()) : report_errors(std::move(errors), texts);
                return {};
            }
            agent = (*snapshot)->id;
        }
        const auto run = host_->start_run(agent, wanted.body);
        if (run) return *run;
        code_ = report_error(run.error());
        return {};
    }

    bool has_ended(run_id run) {
        if (interrupted_ || !host_->state().find(run)) return true;
        if (const auto question = host_->question_of(run); question && !std::exchange(asked_, true)) {
            tell_of_question(*question, "nobody is there to answer: the conversation ends");
            loop_.post([this, run] { (void)host_->answer(run, "", true); });
        }
        return waits_for_person(host_->state(), run).has_value();
    }

    int end(run_id run) {
        const auto waits = waits_for_person(host_->state(), run);
        const auto shown = show_run([this](std::string_view sql, std::size_t n) { return host_->query(sql, n); },
                                    host_->snapshots(), run);
        bool done = false;
        host_->stop([&] { done = true; });
        loop_.run_until([&] { return done; });
        int code = show_end(arguments_, shown);
        if (interrupted_)
            code = exit_interrupted;
        else if (waits)
            code = tell_of_person(run, *waits);
        return code;
    }

    const arguments& arguments_;
    daemon_config config_;
    event_loop loop_;
    std::unique_ptr<live_host> host_;
    std::vector<loop_handle> hooks_;
    bool interrupted_ = false;
    bool asked_ = false;
    int code_ = exit_ok;
};

// ---- by the daemon ---------------------------------------------------------------------------------------------------

/// An earlier run of the same agent in which a person has to do something.
std::optional<run_id> waits_behind(const daemon_config& config, std::uint64_t number) {
    const auto answer = ask_daemon(config, "GET", "/v1/runs");
    if (!answer) return {};
    const std::vector<payload> runs = items(member(*answer, "runs").value_or(payload()));
    const auto own = std::ranges::find_if(
        runs, [&](const payload& r) { return number_at(r, "run") == static_cast<std::int64_t>(number); });
    if (own == runs.end() || text_at(*own, "state") != "waiting") return {};
    for (const payload& r : runs)
        if (text_at(r, "agent_id") == text_at(*own, "agent_id") && text_at(r, "state") == "running" &&
            (number_at(r, "parked") > 0 || number_at(r, "paused") != 0))
            return run_id{static_cast<std::uint64_t>(number_at(r, "run"))};
    return {};
}

int daemon_run(const arguments& a, const daemon_config& config, const wanted_run& wanted) {
    std::error_code ec;
    const std::string name = wanted.is_file ? std::filesystem::absolute(wanted.agent, ec).string() : wanted.agent;
    const auto started = ask_daemon(
        config, "POST", "/v1/runs",
        payload::of_object({{wanted.is_file ? "file" : "agent", payload::of_string(name)}, {"body", wanted.body}}));
    if (!started) return report_error(started.error());
    const std::string run = text_at(*started, "run");
    if (a.has("detach")) {
        std::cout << (a.has("json") ? std::string(started->text()) : "  started   " + run + "    |    aivp show " + run)
                  << "\n";
        return exit_ok;
    }
    bool finished = false;
    bool parked = false;
    const auto number = parse_number_name(run, "run-").value_or(0);
    if (const auto before = waits_behind(config, number)) return tell_of_person({number}, *before);
    const control_client client(control_socket_of(config.state_folder));
    const auto followed = client.follow("/v1/logs?follow=1&run=" + run, [&](const payload& line) {
        for (const payload& e : items(member(line, "events").value_or(payload()))) {
            if (const auto of = member(e, "run"); of && as_integer(*of) != static_cast<std::int64_t>(number)) continue;
            finished |= text_at(e, "type") == "run_finished";
            parked |= text_at(e, "type") == "call_parked";
            if (text_at(e, "type") == "user_asked")
                tell_of_question(member(e, "text").value_or(payload()), "`aivp answer " + run + " TEXT` goes on");
        }
        return !finished && !parked;
    });
    if (!finished && !parked)
        return report_error(followed ? error{errc::daemon_unreachable,
                                             "the daemon went away; " + run + " goes on when it is back",
                                             {},
                                             {},
                                             {}}
                                     : followed.error());
    const int code = show_end(a, ask_daemon(config, "GET", "/v1/runs/" + run));
    return finished ? code : tell_of_person({number}, {number});
}

} // namespace

int live_run(const arguments& a) {
    for (const char* flag : {"fixtures", "record", "strict"})
        if (a.has(flag))
            return report_error({errc::config_not_supported,
                                 "--" + std::string(flag) + " goes with --dry-run",
                                 {},
                                 "add --dry-run, or leave it out to run the agent for real",
                                 {}});
    const auto wanted = wanted_of(a);
    if (!wanted) return report_error(wanted.error());
    auto config = config_of(a);
    if (!config) return exit_config;
    const auto there = ask_daemon(*config, "GET", "/v1/status");
    if (there) return daemon_run(a, *config, *wanted);
    if (there.error().code != errc::daemon_unreachable) return report_error(there.error());
    if (a.has("detach")) return report_error(there.error());
    return lone_run(a, std::move(*config)).run(*wanted);
}

} // namespace aivp::tools
