#include "tools/live/live.hpp"

#include <iostream>
#include <utility>

#include "runtime/os/live_clock.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

flag_spec config_flag() { return {"config", "FILE", "", "the configuration (default aivp.yaml, when it is there)"}; }
flag_spec state_flag() { return {"state", "FOLDER", "", "the state folder (default .aivp beside the configuration)"}; }

std::optional<daemon_config> config_of(const arguments& a) {
    std::vector<error> errors;
    source_texts texts;
    daemon_config config = load_daemon_config(a.text("config"), a.text("state"), errors, texts);
    if (errors.empty()) return config;
    report_errors(std::move(errors), texts);
    return {};
}

error error_of(const payload& body) {
    const payload e = member(body, "error").value_or(payload());
    const auto code = member(e, "code");
    const error_info* row = code && code->is_string() ? find_error(*as_string(*code)) : nullptr;
    if (!row) return {errc::http_protocol, "the daemon's answer is not understood", {}, {}, {}};
    const auto text = [&](const char* key) {
        const auto m = member(e, key);
        return m ? as_string(*m).value_or("") : "";
    };
    return {row->code, text("message"), {}, text("help"), {}};
}

result<payload> ask_daemon(const daemon_config& config, std::string_view method, const std::string& target,
                           const payload& body) {
    const control_client client(control_socket_of(config.state_folder));
    AIVP_TRY(control_answer answer, client.call(method, target, body));
    if (answer.status >= 200 && answer.status < 300) return std::move(answer.body);
    return std::unexpected(error_of(answer.body));
}

result<store_reader> store_reader::open(const daemon_config& config) {
    sqlite_options where = config.store;
    where.read_only = true;
    where.busy_timeout_ms = 2'000;
    store_reader out;
    AIVP_TRY(out.store_, sqlite_store::open(where));
    out.library_ = std::make_unique<agent_library>(*out.store_);
    where.read_only = false;
    auto tables = projector::open(where);
    auto caught = tables ? tables->catch_up() : std::unexpected(tables.error());
    if (caught)
        out.tables_ = std::make_unique<projector>(std::move(*tables));
    else if (caught.error().code == errc::store_corrupt)
        return std::unexpected(std::move(caught).error());
    return out;
}

store_query store_reader::query() {
    return [this](std::string_view sql, std::size_t rows_max) {
        return tables_ ? tables_->query(sql, rows_max) : store_->query(sql, rows_max);
    };
}

result<payload> ask_daemon_or_store(const daemon_config& config, const std::string& target,
                                    const std::function<result<payload>(store_reader&)>& directly) {
    auto answer = ask_daemon(config, "GET", target);
    if (answer || answer.error().code != errc::daemon_unreachable) return answer;
    auto reader = store_reader::open(config);
    if (!reader && reader.error().code == errc::io_not_found) return answer;
    if (!reader) return std::unexpected(std::move(reader).error());
    return directly(*reader);
}

void log_to_stderr(log_level level, const std::string& text) {
    static live_clock clock;
    instant now = clock.now();
    now.us -= now.us % 1'000;
    std::cerr << to_string(now)
              << (level == log_level::info      ? " info    "
                  : level == log_level::warning ? " warning "
                                                : " error   ")
              << printable_lines(text, "  ") << std::endl;
}

std::int64_t number_at(const payload& object, std::string_view key) {
    const auto m = member(object, key);
    return m ? as_integer(*m).value_or(0) : 0;
}

std::string text_at(const payload& object, std::string_view key) {
    const auto m = member(object, key);
    return m ? printable(as_string(*m).value_or("")) : "";
}

} // namespace aivp::tools
