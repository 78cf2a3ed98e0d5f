#include "runtime/daemon/control_api.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/codec/diagnostics.hpp"
#include "runtime/daemon/run_queries.hpp"

namespace aivp {

namespace {

constexpr std::size_t backlog_lines_max = 10'000;
constexpr std::size_t tail_lines = 50;

std::vector<std::string> parts_of(std::string_view path) {
    std::vector<std::string> out;
    while (!path.empty()) {
        path.remove_prefix(1);
        const std::size_t end = std::min(path.find('/'), path.size());
        out.emplace_back(path.substr(0, end));
        path.remove_prefix(end);
    }
    return out;
}

std::string text_member(const payload& body, std::string_view key) {
    const auto m = member(body, key);
    return m ? as_string(*m).value_or("") : "";
}

bool is_one(const control_request& request, std::string_view name) {
    const std::string* value = request.query_value(name);
    return value && *value == "1";
}

payload done_payload() { return payload::of_object({{"version", payload::of_integer(1)}}); }

class api_call {
public:
    api_call(live_host& host, const control_request& request, control_reply reply)
        : host_(host), request_(request), reply_(std::move(reply)), parts_(parts_of(request.path)) {}

    void answer() {
        const bool get = request_.method == "GET";
        const bool post = request_.method == "POST";
        if (is({"v1", "status"}) && get) return reply_.send(200, host_.status());
        if (is({"v1", "runs"}) && get) return send(list_runs(queries(), is_one(request_, "all")));
        if (is({"v1", "runs"}) && post) return start();
        if (is({"v1", "events"}) && post)
            return send_done(
                host_.publish(text_member(request_.body, "type"), member(request_.body, "body").value_or(payload())));
        if (is({"v1", "reload"}) && post)
            return reply_.send(
                200, payload::of_object({{"changed", payload::of_integer(static_cast<std::int64_t>(host_.reload()))},
                                         {"version", payload::of_integer(1)}}));
        if (is({"v1", "logs"}) && get) return logs();
        if (is({"v1", "dead-letters"}) && get) return send(list_dead_letters(queries()));
        if (is({"v1", "dead-letters", "*", "replay"}) && post) return replay();
        if (is({"v1", "runs", "*"}) && get) {
            if (const auto run = run_named()) send(show_run(queries(), host_.snapshots(), *run));
            return;
        }
        if (is({"v1", "runs", "*", "*"}) && post) return act_on_run(parts_[3]);
        if (is({"v1", "runs", "*", "calls", "*", "resolve"}) && post) return resolve();
        reply_.send_error({errc::io_not_found,
                           request_.method + " " + request_.path + " is nothing that the daemon knows",
                           {},
                           {},
                           {}});
    }

private:
    bool is(std::initializer_list<std::string_view> pattern) const {
        return std::ranges::equal(parts_, pattern,
                                  [](const std::string& part, std::string_view p) { return p == "*" || p == part; });
    }

    store_query queries() {
        return [this](std::string_view sql, std::size_t rows_max) { return host_.query(sql, rows_max); };
    }

    void send(const result<payload>& answer) {
        if (answer)
            reply_.send(200, *answer);
        else
            reply_.send_error(answer.error());
    }
    void send_done(const result<void>& done) {
        if (done)
            reply_.send(200, done_payload());
        else
            reply_.send_error(done.error());
    }
    void send_run(const result<run_id>& run) {
        if (!run) return reply_.send_error(run.error());
        reply_.send(200, payload::of_object(
                             {{"run", payload::of_string(to_string(*run))}, {"version", payload::of_integer(1)}}));
    }

    std::optional<run_id> run_named() {
        const auto n = parse_number_name(parts_[2], "run-");
        if (n) return run_id{*n};
        reply_.send_error({errc::usage_invalid, "`" + parts_[2] + "` is no run", {}, "Write run-12.", {}});
        return {};
    }

    /// {"agent": id} or {"file": absolute path}, and {"body": …}.
    void start() {
        std::string agent = text_member(request_.body, "agent");
        const std::string file = text_member(request_.body, "file");
        if (!file.empty()) {
            std::vector<error> errors;
            source_texts texts;
            const auto snapshot = host_.activate(file, errors, texts);
            if (!snapshot) {
                error e = snapshot.error();
                if (!errors.empty()) e.message += "\n" + render(errors, texts);
                return reply_.send_error(e);
            }
            agent = (*snapshot)->id;
        }
        send_run(host_.start_run(agent, member(request_.body, "body").value_or(payload())));
    }

    void act_on_run(std::string_view action) {
        const auto run = run_named();
        if (!run) return;
        const std::string reason = text_member(request_.body, "reason");
        if (action == "cancel") return send_done(host_.cancel(*run, reason));
        if (action == "pause") return send_done(host_.pause(*run, reason));
        if (action == "resume") return send_done(host_.resume(*run));
        if (action == "answer") {
            const auto ended = member(request_.body, "ended");
            return send_done(host_.answer(*run, text_member(request_.body, "text"), ended && as_bool(*ended) == true));
        }
        reply_.send_error({errc::io_not_found, "a run cannot `" + std::string(action) + "`", {}, {}, {}});
    }

    void resolve() {
        const auto run = run_named();
        if (!run) return;
        const auto call = parse_number_name(parts_[4], "call-");
        if (!call)
            return reply_.send_error({errc::usage_invalid, "`" + parts_[4] + "` is no call", {}, "Write call-3.", {}});
        const std::string word = text_member(request_.body, "finding");
        for (const call_finding f : {call_finding::happened, call_finding::failed, call_finding::again})
            if (word == to_string(f))
                return send_done(host_.resolve({*run, {*call}}, f, member(request_.body, "result").value_or(payload()),
                                               text_member(request_.body, "note")));
        reply_.send_error({errc::usage_invalid, "a finding is happened, failed or again", {}, {}, {}});
    }

    void replay() {
        const auto what = replay_of(queries(), parts_[2]);
        if (!what) return reply_.send_error(what.error());
        send_run(host_.start_run(what->agent, what->body));
    }

    void logs() {
        run_id run;
        if (const std::string* name = request_.query_value("run")) {
            const auto n = parse_number_name(*name, "run-");
            if (!n)
                return reply_.send_error({errc::usage_invalid, "`" + *name + "` is no run", {}, "Write run-12.", {}});
            run = {*n};
        }
        seq_no from{1};
        if (const std::string* text = request_.query_value("from")) from = {parse_number_name(*text, "").value_or(1)};
        // Whoever follows everything wants to see what comes, not all that ever was.
        const bool follows = is_one(request_, "follow");
        const bool tail = follows && !run && request_.query_value("from") == nullptr;
        const auto lines = log_lines(queries(), run, from, tail ? tail_lines : backlog_lines_max,
                                     follows ? log_end::newest : log_end::oldest);
        if (!lines) return reply_.send_error(lines.error());
        auto stream = std::make_shared<control_stream>(reply_.stream());
        for (const payload& line : *lines)
            if (!stream->write_line(line)) return;
        if (!follows) return stream->finish();
        host_.follow([stream, run](seq_no, std::string_view line) {
            if (!stream->is_open()) return false;
            const payload document = payload::from_canonical(std::string(line));
            return !is_about(document, run) || stream->write_line(document);
        });
    }

    live_host& host_;
    const control_request& request_;
    control_reply reply_;
    std::vector<std::string> parts_;
};

} // namespace

control_server::handler control_api(live_host& host) {
    return [&host](const control_request& request, control_reply reply) {
        api_call(host, request, std::move(reply)).answer();
    };
}

} // namespace aivp
