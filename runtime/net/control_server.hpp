// How commands talk to the daemon: HTTP/1.1 with JSON over a unix socket that only its owner may open. The peer's user is
// asked of the kernel, so neither tokens nor TLS are needed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "runtime/os/event_loop.hpp"

namespace aivp {

struct control_request {
    std::string method;                                     ///< "GET", "POST", …
    std::string path;                                       ///< percent-decoded, without the query: "/v1/runs/run_7"
    std::vector<std::pair<std::string, std::string>> query; ///< percent-decoded, in order
    payload body;                                           ///< null when there is none

    /// The first value of that name; nullptr when there is none.
    const std::string* query_value(std::string_view name) const;
};

namespace internal {
class control_connection;
}

/// Lines of JSON, one after another, until finish() or the client goes away. Copies share one stream; when the last one is
/// gone the stream is finished.
class control_stream {
public:
    /// False when the client is gone, or so slow that `backlog_bytes_max` was passed, which ends the stream.
    bool write_line(const payload& line);
    bool is_open() const;
    /// Called by the loop, once, when the client goes away before finish().
    void on_closed(std::function<void()> fn);
    void finish();

private:
    friend class control_reply;
    explicit control_stream(std::shared_ptr<internal::control_connection> c);
    struct holder;
    std::shared_ptr<holder> holder_;
};

/// Answers one request, at once or later. Copies share one answer; when the last one goes without an answer, the client gets
/// status 500. After the first answer the others do nothing.
class control_reply {
public:
    void send(int status, const payload& body) const;
    /// {"error":{"code":"run.not_found","help":…,"message":…}} with a status that fits: 404 for *.not_found, 409 for what
    /// is there or running already, 400 for other mistakes of the client, else 500.
    void send_error(const error& e) const;
    /// Status 200 and lines of JSON.
    control_stream stream() const;

private:
    friend class internal::control_connection;
    explicit control_reply(std::shared_ptr<internal::control_connection> c);
    struct holder;
    std::shared_ptr<holder> holder_;
};

struct control_server_options {
    std::string socket_path; ///< at most 107 bytes; its folder should be the owner's alone
    std::size_t request_bytes_max = std::size_t{4} << 20;
    std::size_t connections_max = 64;
    std::size_t backlog_bytes_max = std::size_t{4} << 20; ///< of lines that a client has not read
    duration request_time_max = seconds(10);              ///< from connecting to the whole request being there
    duration write_time_max = seconds(30);                ///< for a client to take what it asked for
};

/// Threads: the loop's. Its end closes all connections and removes the socket.
class control_server {
public:
    using handler = std::function<void(const control_request&, control_reply)>;

    /// A socket that a dead daemon left is replaced. Errors: daemon.running (another process answers there), io.exists (the
    /// path is something else), config.value (path too long), io.write.
    static result<std::unique_ptr<control_server>> listen(event_loop& loop, control_server_options options,
                                                          handler handle);
    ~control_server();
    control_server(const control_server&) = delete;
    control_server& operator=(const control_server&) = delete;

    std::size_t connections() const;

private:
    struct state;
    explicit control_server(std::shared_ptr<state> s);
    std::shared_ptr<state> state_;
};

} // namespace aivp
