#include "runtime/net/control_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "runtime/net/internal/control_request.hpp"
#include "runtime/net/internal/http_parser.hpp"
#include "runtime/os/internal/asio_loop.hpp"

namespace aivp {

namespace {

using local = boost::asio::local::stream_protocol;
using local_failure = boost::system::error_code;

std::string_view reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

int status_of(const error& e) {
    switch (e.code) {
    case errc::io_not_found:
    case errc::run_not_found:
    case errc::trigger_no_agent: return 404;
    case errc::io_exists:
    case errc::daemon_running:
    case errc::config_duplicate: return 409;
    case errc::limit_output: return 413;
    default: break;
    }
    switch (info(e.code).category) {
    case error_category::policy: return 403;
    case error_category::client:
    case error_category::config:
    case error_category::data: return 400;
    default: return 500;
    }
}

payload error_payload(const error& e) {
    const std::string_view help = e.help.empty() ? info(e.code).help : std::string_view(e.help);
    return payload::of_object({{"error", payload::of_object({{"code", payload::of_string(info(e.code).name)},
                                                             {"help", payload::of_string(help)},
                                                             {"message", payload::of_string(e.message)}})}});
}

/// nullopt for a % that begins no byte in hexadecimal.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        }
    }
    return out;
}

} // namespace

const std::string* control_request::query_value(std::string_view name) const {
    const auto found = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
    return found == query.end() ? nullptr : &found->second;
}

namespace internal {

result<control_request> read_control_request(http_parser& parser) {
    control_request r;
    r.method = parser.method();
    const std::string_view target = parser.target();
    const auto refused = [] { return fail(errc::usage_invalid, "the path or query of the request is not understood"); };
    if (!target.starts_with('/')) return refused();
    const std::size_t mark = target.find('?');
    auto path = percent_decoded(target.substr(0, mark), false);
    if (!path) return refused();
    r.path = std::move(*path);
    std::string_view rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view pair = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        const std::size_t equals = pair.find('=');
        auto key = percent_decoded(pair.substr(0, equals), true);
        auto value = percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1), true);
        if (!key || !value) return refused();
        r.query.emplace_back(std::move(*key), std::move(*value));
    }
    if (!parser.body().empty()) {
        AIVP_TRY(r.body, payload::parse(parser.body()));
    }
    return r;
}

/// What a connection knows of its server, which may end first.
struct control_host {
    event_loop& loop;
    control_server_options options;
    control_server::handler handle;
    std::set<std::shared_ptr<control_connection>> connections;
};

/// One request and its answer: reading, then answering, then closed.
class control_connection : public std::enable_shared_from_this<control_connection> {
public:
    control_connection(local::socket socket, const std::shared_ptr<control_host>& host)
        : socket_(std::move(socket)),
          host_(host),
          parser_(http_parser::kind::request, {.body_bytes_max = host->options.request_bytes_max}),
          backlog_bytes_max_(host->options.backlog_bytes_max),
          write_time_max_(host->options.write_time_max),
          loop_(host->loop) {}

    void begin(duration limit) {
        timer_ = loop_.call_after(limit, [weak = weak_from_this()] {
            const auto self = weak.lock();
            if (self && !self->answered_)
                self->answer_text(408, error_payload({errc::limit_step_time, "the request did not come in time"}));
        });
        read();
    }

    void answer(int status, const payload& body) {
        if (!answered_) answer_text(status, body);
    }

    bool start_stream() {
        if (answered_ || closed_) return false;
        answered_ = true;
        streaming_ = true;
        put("HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
            "Connection: close\r\n\r\n");
        return true;
    }

    bool write_line(const payload& line) {
        if (!streaming_ || closed_) return false;
        if (backlog_.size() + line.text().size() > backlog_bytes_max_) {
            lost();
            return false;
        }
        constexpr std::string_view digits = "0123456789abcdef";
        std::string size;
        for (std::size_t n = line.text().size() + 1; n != 0; n /= 16) size.insert(size.begin(), digits[n % 16]);
        put(size + "\r\n" + std::string(line.text()) + "\n\r\n");
        return true;
    }

    void finish_stream() {
        if (!std::exchange(streaming_, false)) return;
        closing_ = true;
        put("0\r\n\r\n");
    }

    bool is_streaming() const { return streaming_ && !closed_; }
    void on_closed(std::function<void()> fn) { on_closed_ = std::move(fn); }

    void close() {
        if (std::exchange(closed_, true)) return;
        timer_.cancel();
        write_timer_.cancel();
        on_closed_ = nullptr;
        local_failure ignored; // there is nobody left to tell
        socket_.close(ignored);
        if (const auto host = host_.lock()) host->connections.erase(shared_from_this());
    }

private:
    void answer_text(int status, const payload& body) {
        answered_ = true;
        closing_ = true;
        const std::string text = status == 204 ? std::string() : std::string(body.text()) + "\n";
        put("HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_of(status)) +
            "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(text.size()) +
            "\r\nConnection: close\r\n\r\n" + text);
    }

    /// The client went away, or does not read.
    void lost() {
        const auto call = std::exchange(on_closed_, nullptr);
        const bool tell = is_streaming() && call;
        close();
        if (tell) loop_.post(call);
    }

    void read() {
        socket_.async_read_some(boost::asio::buffer(reading_),
                                [self = shared_from_this()](local_failure failed, std::size_t n) {
                                    if (self->closed_) return;
                                    if (failed) return self->lost();
                                    self->took(std::string_view(self->reading_.data(), n));
                                });
    }

    void took(std::string_view bytes) {
        if (!dispatched_ && !answered_) {
            if (const auto parsed = parser_.put(bytes); !parsed) {
                answer_text(parsed.error().code == errc::limit_output ? 413 : 400, error_payload(parsed.error()));
            } else if (parser_.done()) {
                dispatched_ = true;
                timer_.cancel();
                dispatch();
            }
        }
        // Whatever comes after the request is not looked at, but the end of the connection is.
        if (!closed_) read();
    }

    void dispatch() {
        const auto host = host_.lock();
        if (!host) return;
        const auto request = read_control_request(parser_);
        const control_reply reply(shared_from_this());
        if (!request)
            reply.send(400, error_payload(request.error()));
        else if (request->method == "HEAD")
            reply.send(405, error_payload({errc::usage_invalid, "HEAD is not served"}));
        else
            host->handle(*request, reply);
    }

    void put(std::string_view text) {
        if (closed_) return;
        backlog_ += text;
        if (writing_.empty()) write();
    }

    void write() {
        writing_ = std::exchange(backlog_, {});
        write_timer_ = loop_.call_after(write_time_max_, [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->lost();
        });
        boost::asio::async_write(socket_, boost::asio::buffer(writing_),
                                 [self = shared_from_this()](local_failure failed, std::size_t) {
                                     self->write_timer_.cancel();
                                     self->writing_.clear();
                                     if (self->closed_) return;
                                     if (failed) return self->lost();
                                     if (!self->backlog_.empty()) return self->write();
                                     if (self->closing_) self->close();
                                 });
    }

    local::socket socket_;
    std::weak_ptr<control_host> host_;
    http_parser parser_;
    std::size_t backlog_bytes_max_;
    duration write_time_max_;
    event_loop& loop_;
    loop_handle timer_;
    loop_handle write_timer_;
    std::array<char, 16384> reading_;
    std::string backlog_; ///< not given to the socket yet
    std::string writing_;
    std::function<void()> on_closed_;
    bool dispatched_ = false;
    bool answered_ = false;
    bool streaming_ = false;
    bool closing_ = false;
    bool closed_ = false;
};

} // namespace internal

struct control_reply::holder {
    explicit holder(std::shared_ptr<internal::control_connection> c) : connection(std::move(c)) {}
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    ~holder() { connection->answer(500, error_payload({errc::internal_bug, "the request was not answered"})); }
    std::shared_ptr<internal::control_connection> connection;
};

control_reply::control_reply(std::shared_ptr<internal::control_connection> c)
    : holder_(std::make_shared<holder>(std::move(c))) {}
void control_reply::send(int status, const payload& body) const { holder_->connection->answer(status, body); }
void control_reply::send_error(const error& e) const { send(status_of(e), error_payload(e)); }
control_stream control_reply::stream() const {
    return control_stream(holder_->connection->start_stream() ? holder_->connection : nullptr);
}

struct control_stream::holder {
    explicit holder(std::shared_ptr<internal::control_connection> c) : connection(std::move(c)) {}
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    ~holder() {
        if (connection) connection->finish_stream();
    }
    std::shared_ptr<internal::control_connection> connection;
};

control_stream::control_stream(std::shared_ptr<internal::control_connection> c)
    : holder_(std::make_shared<holder>(std::move(c))) {}
bool control_stream::write_line(const payload& line) {
    return holder_->connection && holder_->connection->write_line(line);
}
bool control_stream::is_open() const { return holder_->connection && holder_->connection->is_streaming(); }
void control_stream::on_closed(std::function<void()> fn) {
    if (is_open()) holder_->connection->on_closed(std::move(fn));
}
void control_stream::finish() {
    if (holder_->connection) holder_->connection->finish_stream();
}

namespace {

error system_error(errc code, const std::string& what) {
    return {code, what + ": " + std::generic_category().message(errno)};
}

result<sockaddr_un> socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return fail(errc::config_value,
                    "the path of the control socket has " + std::to_string(path.size()) +
                        " bytes; 1 to 107 are possible",
                    {}, "Use a state folder with a shorter path.");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

int connect_to(int fd, const sockaddr_un& address) {
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

/// Makes room for a socket at the path.
result<void> clear_path(const std::string& path, const sockaddr_un& address) {
    struct stat there{};
    if (::lstat(path.c_str(), &there) != 0) {
        if (errno == ENOENT) return {};
        return std::unexpected(system_error(errc::io_write, path));
    }
    if (!S_ISSOCK(there.st_mode)) return fail(errc::io_exists, path + " is there and is no socket");
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return std::unexpected(system_error(errc::io_write, "a socket"));
    const int connected = connect_to(probe, address);
    const int why = errno;
    ::close(probe);
    if (connected == 0 || why == EAGAIN) return fail(errc::daemon_running, "another process answers at " + path);
    errno = why;
    if (why != ECONNREFUSED) return std::unexpected(system_error(errc::io_write, path));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return std::unexpected(system_error(errc::io_write, path));
    return {};
}

bool is_same_user(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == ::geteuid() || peer.uid == 0);
}

} // namespace

struct control_server::state : std::enable_shared_from_this<state> {
    state(event_loop& loop, control_server_options options, handler handle)
        : acceptor(asio_context(loop)),
          host(std::make_shared<internal::control_host>(loop, std::move(options), std::move(handle))) {}

    void accept() {
        acceptor.async_accept([weak = weak_from_this()](local_failure failed, local::socket socket) {
            const auto self = weak.lock();
            if (!self || self->ended) return;
            if (failed) {
                // Out of descriptors, most likely: later there may be some.
                self->pause = self->host->loop.call_after(milliseconds(100), [weak] {
                    if (const auto later = weak.lock()) later->accept();
                });
                return;
            }
            self->took(std::move(socket));
            self->accept();
        });
    }

    void took(local::socket socket) {
        if (!is_same_user(socket.native_handle())) return;
        const auto made = std::make_shared<internal::control_connection>(std::move(socket), host);
        const bool full = host->connections.size() >= host->options.connections_max;
        host->connections.insert(made);
        made->begin(host->options.request_time_max);
        if (full) made->answer(503, error_payload({errc::trigger_refused, "too many connections to the daemon"}));
    }

    local::acceptor acceptor;
    std::shared_ptr<internal::control_host> host;
    loop_handle pause;
    dev_t device = 0;
    ino_t inode = 0;
    bool ended = false;
};

control_server::control_server(std::shared_ptr<state> s) : state_(std::move(s)) {}

result<std::unique_ptr<control_server>> control_server::listen(event_loop& loop, control_server_options options,
                                                               handler handle) {
    const std::string path = options.socket_path;
    AIVP_TRY(const sockaddr_un address, socket_address(path));
    AIVP_CHECK(clear_path(path, address));
    auto made = std::make_shared<state>(loop, std::move(options), std::move(handle));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return std::unexpected(system_error(errc::io_write, "a socket"));
    local_failure failed;
    made->acceptor.assign(local(), fd, failed);
    if (failed) {
        ::close(fd);
        return fail(errc::io_write, "a socket: " + failed.message());
    }
    // Linux takes the mode of the file from the descriptor, so there is no moment in which others could open it.
    if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
        ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 64) != 0)
        return std::unexpected(system_error(errc::io_write, path));
    struct stat there{};
    if (::lstat(path.c_str(), &there) != 0 || (there.st_mode & 0777) != (S_IRUSR | S_IWUSR)) {
        ::unlink(path.c_str());
        return fail(errc::io_write, path + " cannot be kept from others");
    }
    made->device = there.st_dev;
    made->inode = there.st_ino;
    made->accept();
    return std::unique_ptr<control_server>(new control_server(std::move(made)));
}

control_server::~control_server() {
    state_->ended = true;
    local_failure ignored; // closing a listening socket does not fail in a way that matters
    state_->acceptor.close(ignored);
    for (const auto& c : std::set(state_->host->connections)) c->close();
    const std::string& path = state_->host->options.socket_path;
    struct stat there{};
    // Another daemon may have put its own socket there.
    if (::lstat(path.c_str(), &there) == 0 && there.st_dev == state_->device && there.st_ino == state_->inode)
        ::unlink(path.c_str());
}

std::size_t control_server::connections() const { return state_->host->connections.size(); }

} // namespace aivp
