// What commands share that have to do with a live host: its folder, its socket, its store, its log.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "runtime/daemon/agent_library.hpp"
#include "runtime/daemon/config.hpp"
#include "runtime/daemon/live_host.hpp"
#include "runtime/daemon/run_queries.hpp"
#include "runtime/net/control_client.hpp"
#include "runtime/store/projector.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

/// --config and --state, for every command's table.
flag_spec config_flag();
flag_spec state_flag();

/// The configuration that the command line means; nullopt after its errors were reported, and the command ends with
/// exit_config.
std::optional<daemon_config> config_of(const arguments& a);

/// The body of a good answer; else the error that the daemon answered with, or daemon.unreachable.
result<payload> ask_daemon(const daemon_config& config, std::string_view method, const std::string& target,
                           const payload& body = {});
/// {"error":{…}} back to an error; http.protocol when it is none.
error error_of(const payload& body);

/// Reads the store beside or without a daemon. Where nothing can be written, as it was when its tables were written last.
class store_reader {
public:
    /// Errors: io.not_found (no store yet), those of projector::open().
    static result<store_reader> open(const daemon_config& config);
    store_query query();
    snapshot_source& snapshots() { return *library_; }

private:
    store_reader() = default;
    std::unique_ptr<projector> tables_; ///< null where nothing can be written
    std::unique_ptr<sqlite_store> store_;
    std::unique_ptr<agent_library> library_;
};

/// Asks the daemon, and where none works on the folder, `directly`.
result<payload> ask_daemon_or_store(const daemon_config& config, const std::string& target,
                                    const std::function<result<payload>(store_reader&)>& directly);

/// "2026-03-01T09:00:00.250Z warning text", to stderr.
void log_to_stderr(log_level level, const std::string& text);

std::int64_t number_at(const payload& object, std::string_view key);
/// Made printable; "" for what is no text.
std::string text_at(const payload& object, std::string_view key);

} // namespace aivp::tools
