#include "runtime/net/control_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>

#include "runtime/net/internal/http_parser.hpp"
#include "runtime/os/event_loop.hpp"

namespace aivp {

namespace {

constexpr std::size_t line_bytes_max = std::size_t{16} << 20;
constexpr std::uint64_t stream_bytes_max = std::uint64_t{1} << 62;

/// A connected socket; closed at the end.
class client_socket {
public:
    client_socket(const std::string& path, std::optional<monotonic_instant> deadline)
        : path_(path), deadline_(deadline) {}
    client_socket(const client_socket&) = delete;
    client_socket& operator=(const client_socket&) = delete;
    ~client_socket() {
        if (fd_ >= 0) ::close(fd_);
    }

    result<void> open();
    result<void> write(std::string_view bytes);
    /// Empty at the end of the connection.
    result<std::string_view> read();
    void wait_for_ever() { deadline_.reset(); }

private:
    std::unexpected<error> unreachable(const std::string& why) const {
        return fail(errc::daemon_unreachable, "no daemon answers at " + path_ + ": " + why);
    }
    result<void> wait(short events) const;

    std::string path_;
    std::optional<monotonic_instant> deadline_;
    int fd_ = -1;
    std::array<char, 65536> buffer_;
};

std::string errno_text(int number) { return std::generic_category().message(number); }

result<void> client_socket::open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.empty() || path_.size() >= sizeof address.sun_path)
        return unreachable("the path is too long for a socket");
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) return unreachable(errno_text(errno));
    while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        // A full queue of a unix socket cannot be waited for.
        if (errno != EAGAIN && errno != EINTR) return unreachable(errno_text(errno));
        if (deadline_ && monotonic_now() >= *deadline_) return unreachable("it is too busy");
        ::poll(nullptr, 0, 5);
    }
    return {};
}

result<void> client_socket::wait(short events) const {
    for (;;) {
        int milliseconds_left = -1;
        if (deadline_) {
            const std::int64_t left = (*deadline_ - monotonic_now()).us;
            if (left <= 0) return unreachable("it does not answer in time");
            milliseconds_left = static_cast<int>(std::min<std::int64_t>(left / 1000 + 1, 60'000));
        }
        pollfd p{fd_, events, 0};
        const int n = ::poll(&p, 1, milliseconds_left);
        if (n > 0) return {};
        if (n < 0 && errno != EINTR) return unreachable(errno_text(errno));
    }
}

result<void> client_socket::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            AIVP_CHECK(wait(POLLOUT));
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return {}; // it has refused the rest, and its answer says why
        } else if (errno != EINTR) {
            return fail(errc::http_broken, "the connection to the daemon broke: " + errno_text(errno));
        }
    }
    return {};
}

result<std::string_view> client_socket::read() {
    for (;;) {
        const ssize_t n = ::recv(fd_, buffer_.data(), buffer_.size(), 0);
        if (n >= 0) return std::string_view(buffer_.data(), static_cast<std::size_t>(n));
        if (errno == EAGAIN) {
            AIVP_CHECK(wait(POLLIN));
        } else if (errno != EINTR) {
            return fail(errc::http_broken, "the connection to the daemon broke: " + errno_text(errno));
        }
    }
}

/// Cuts a stream into lines of JSON. After `stopped` or `failed` it takes nothing more.
struct line_cutter {
    const std::function<bool(const payload&)>& on_line;
    std::string rest;
    std::optional<error> failed;
    bool stopped = false;

    void take(std::string_view bytes) {
        while (!bytes.empty() && !stopped && !failed) {
            const std::size_t end = bytes.find('\n');
            rest += bytes.substr(0, end);
            if (rest.size() > line_bytes_max) {
                failed = error{errc::limit_output, "a line from the daemon is larger than 16 MiB"};
                return;
            }
            if (end == std::string_view::npos) return;
            bytes.remove_prefix(end + 1);
            const auto line = payload::parse(rest);
            rest.clear();
            if (!line)
                failed = error{errc::http_protocol, "a line from the daemon is no JSON: " + line.error().message};
            else
                stopped = !on_line(*line);
        }
    }
};

struct client_exchange {
    client_socket& socket;
    internal::http_parser& parser;
    line_cutter* lines = nullptr;

    result<control_answer> run(const std::string& request);
};

result<control_answer> client_exchange::run(const std::string& request) {
    AIVP_CHECK(socket.open());
    AIVP_CHECK(socket.write(request));
    while (!parser.done()) {
        AIVP_TRY(const std::string_view bytes, socket.read());
        AIVP_CHECK(bytes.empty() ? parser.end() : parser.put(bytes));
        if (lines != nullptr && lines->failed) return std::unexpected(*lines->failed);
        if (lines != nullptr && lines->stopped) return control_answer{parser.status(), {}};
    }
    if (parser.body().empty()) return control_answer{parser.status(), {}};
    auto body = payload::parse(parser.body());
    if (!body) return fail(errc::http_protocol, "the daemon's answer is no JSON: " + body.error().message);
    return control_answer{parser.status(), std::move(*body)};
}

std::string client_request(std::string_view method, std::string_view target, const payload& body) {
    std::string text =
        std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: aivpd\r\nConnection: close\r\n";
    if (!body.is_null())
        text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.text().size()) + "\r\n";
    else if (method != "GET")
        text += "Content-Length: 0\r\n";
    text += "\r\n";
    if (!body.is_null()) text += body.text();
    return text;
}

result<void> check_target(std::string_view method, std::string_view target) {
    const bool printable = std::ranges::all_of(target, [](char c) { return c > 0x20 && c < 0x7f; });
    if (is_http_token(method) && target.starts_with('/') && printable) return {};
    return fail(errc::config_value, "the request to the daemon has a path that must be percent-encoded");
}

} // namespace

result<control_answer> control_client::call(std::string_view method, std::string_view target,
                                            const payload& body) const {
    AIVP_CHECK(check_target(method, target));
    client_socket socket(socket_path_, monotonic_now() + timeout_);
    internal::http_parser parser(internal::http_parser::kind::response, {.body_bytes_max = json_bytes_max});
    return client_exchange{socket, parser}.run(client_request(method, target, body));
}

result<control_answer> control_client::follow(std::string_view target,
                                              const std::function<bool(const payload&)>& on_line) const {
    AIVP_CHECK(check_target("GET", target));
    client_socket socket(socket_path_, monotonic_now() + timeout_);
    internal::http_parser parser(internal::http_parser::kind::response, {.body_bytes_max = stream_bytes_max});
    line_cutter lines{on_line, {}, {}, false};
    parser.choose_body = [&]() -> std::function<void(std::string_view)> {
        const std::string* type = find_header(parser.headers(), "content-type");
        if (type == nullptr || !type->starts_with("application/x-ndjson")) return nullptr;
        socket.wait_for_ever();
        return [&](std::string_view piece) { lines.take(piece); };
    };
    return client_exchange{socket, parser, &lines}.run(client_request("GET", target, {}));
}

} // namespace aivp
