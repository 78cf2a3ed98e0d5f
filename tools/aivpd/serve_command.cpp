#include <csignal>
#include <cstdlib>
#include <iostream>

#include "runtime/daemon/control_api.hpp"
#include "tools/aivpd/commands.hpp"
#include "tools/common/output.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

class server {
public:
    explicit server(daemon_config config) : config_(std::move(config)) {}

    int run() {
        std::signal(SIGPIPE, SIG_IGN);
        auto host = live_host::start(loop_, {.config = config_, .one_shot = false, .log = log_to_stderr});
        if (!host) return report_error(host.error());
        host_ = std::move(*host);
        const std::string socket = control_socket_of(config_.state_folder);
        auto control = control_server::listen(loop_, {.socket_path = socket}, control_api(*host_));
        if (!control) return report_error(control.error());
        if (const auto hooked = hook_signals(); !hooked) return report_error(hooked.error());
        host_->when_lost([this](const error& e) {
            code_ = report_error(e);
            loop_.stop();
        });
        log_to_stderr(log_level::info, "ready: " + socket);
        loop_.run();
        return code_;
    }

private:
    result<void> hook_signals() {
        for (const int signal : {SIGTERM, SIGINT}) {
            AIVP_TRY(loop_handle hook, loop_.on_signal(signal, [this] { end(); }));
            hooks_.push_back(std::move(hook));
        }
        AIVP_TRY(loop_handle hook, loop_.on_signal(SIGHUP, [this] {
            log_to_stderr(log_level::info, std::to_string(host_->reload()) + " agents new or changed");
        }));
        hooks_.push_back(std::move(hook));
        return {};
    }

    /// The first time in order, the second time at once: what is open then is taken up at the next start.
    void end() {
        if (host_->is_stopping()) {
            log_to_stderr(log_level::warning, "stopped at once");
            std::_Exit(exit_interrupted);
        }
        host_->stop([this] {
            if (host_->is_degraded()) code_ = exit_internal;
            loop_.stop();
        });
    }

    daemon_config config_;
    event_loop loop_;
    std::unique_ptr<live_host> host_;
    std::vector<loop_handle> hooks_;
    int code_ = exit_ok;
};

int serve(const arguments& a) {
    if (!a.has("foreground"))
        return usage_error("--foreground is missing",
                           "aivpd stays in the foreground; a service manager puts it into the background");
    auto config = config_of(a);
    if (!config) return exit_config;
    return server(std::move(*config)).run();
}

void show_violations(const payload& probes) {
    const auto violated = items(member(probes, "violated").value_or(payload()));
    if (violated.empty()) return;
    std::cout << "  defects   " << counted(violated.size(), "statement")
              << " about aivpd's own code violated since its start; please report them\n";
    for (const payload& v : violated)
        std::cout << "            " << text_at(v, "where") << "   " << text_at(v, "kind") << ": " << text_at(v, "name")
                  << "   " << grouped(static_cast<std::uint64_t>(number_at(v, "count")))
                  << (number_at(v, "count") == 1 ? " time\n" : " times\n");
}

int status(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const auto answer = ask_daemon(*config, "GET", "/v1/status");
    if (!answer) return report_error(answer.error());
    if (a.has("json")) {
        std::cout << answer->text() << "\n";
        return exit_ok;
    }
    const payload runs = *member(*answer, "runs");
    const payload store = *member(*answer, "store");
    std::cout << "  " << padded(text_at(*answer, "state"), 10) << "aivpd " << text_at(*answer, "aivp") << "   process "
              << number_at(*answer, "pid") << "   since " << to_string(instant{number_at(*answer, "started_at")})
              << "\n";
    if (const payload e = *member(*answer, "error"); !e.is_null())
        std::cout << "  error     " << text_at(e, "code") << ": " << text_at(e, "message") << "\n";
    std::cout << "  runs      " << number_at(runs, "running") << " running · " << number_at(runs, "waiting")
              << " waiting · " << number_at(runs, "paused") << " paused · " << number_at(runs, "finished")
              << " finished · " << counted(static_cast<std::uint64_t>(number_at(runs, "parked_calls")), "parked call")
              << " · " << counted(static_cast<std::uint64_t>(number_at(*answer, "questions")), "open question") << "\n";
    std::cout << "  store     " << text_at(store, "path") << "   "
              << counted(static_cast<std::uint64_t>(number_at(*answer, "records")), "record") << "   "
              << grouped(static_cast<std::uint64_t>(number_at(store, "wal_bytes"))) << " bytes of log   writer "
              << number_at(store, "epoch") << "\n";
    for (const payload& agent : items(*member(*answer, "agents"))) {
        const std::int64_t next = number_at(agent, "next_at");
        std::cout << "  agent     " << padded(text_at(agent, "id"), 24) << " #"
                  << text_at(agent, "snapshot").substr(0, 8) << (next ? "   next " + to_string(instant{next}) : "")
                  << "\n";
    }
    show_violations(member(*answer, "probes").value_or(payload()));
    if (const std::int64_t n = number_at(*answer, "agent_problems"))
        std::cout << "  agents    " << counted(static_cast<std::uint64_t>(n), "error")
                  << " in their files; `aivp validate` shows them\n";
    return exit_ok;
}

} // namespace

command_spec serve_command_spec() {
    return {"serve",
            "serve --foreground [--config FILE] [--state FOLDER]",
            "Runs the agents of a folder until SIGTERM.",
            {"aivpd serve --foreground", "aivpd serve --foreground --config shop/aivp.yaml"},
            {{"foreground", "", "", "required: a service manager puts it into the background"},
             config_flag(),
             state_flag()},
            0,
            0,
            serve};
}

command_spec status_command_spec() {
    return {"status",
            "status [--json]",
            "Says how the daemon of the folder is.",
            {"aivpd status"},
            {config_flag(), state_flag(), {"json", "", "", "one JSON document on stdout"}},
            0,
            0,
            status};
}

} // namespace aivp::tools
