// Servers for tests: on 127.0.0.1, each connection played by a function on a thread of its own, down to the byte.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace net_test {

class peer {
public:
    peer(int fd, ssl_st* tls, const std::atomic<bool>& stopping) : fd_(fd), tls_(tls), stopping_(stopping) {}
    /// Head and body by Content-Length; empty when the client has closed.
    std::string read_request();
    /// False when the client does not take it any more.
    bool send(std::string_view bytes);
    void wait_ms(int ms);
    /// Ends the connection with RST instead of FIN.
    void reset();
    /// FIN, then takes whatever still comes.
    void finish_and_drain();
    bool stopping() const { return stopping_; }

private:
    std::string read_some();
    int fd_;
    ssl_st* tls_;
    const std::atomic<bool>& stopping_;
};

struct tls_files {
    std::string certificate;
    std::string key;
};

class loopback_server {
public:
    using script = std::function<void(peer&, int connection)>;
    explicit loopback_server(script play, const tls_files* tls = nullptr);
    ~loopback_server();
    loopback_server(const loopback_server&) = delete;
    loopback_server& operator=(const loopback_server&) = delete;

    std::uint16_t port() const { return port_; }
    std::string url(std::string_view path, std::string_view host = "127.0.0.1") const;
    int connections() const { return connections_; }

private:
    void accept();
    void play(int fd, int number);

    script play_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    ssl_ctx_st* tls_ = nullptr;
    std::atomic<bool> stopping_{false};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::vector<std::thread> players_;
    std::thread acceptor_;
};

/// Answers every request on every connection with what `answer` makes of it, until the client closes.
loopback_server::script answering(std::function<std::string(const std::string& request)> answer);

/// "HTTP/1.1 200 OK" with a body and its length.
std::string ok(std::string_view body, std::string_view headers = "");

/// The error's text, when there is one.
template <class T>
std::string why(const aivp::result<T>& r) {
    return r ? std::string() : to_string(r.error());
}

/// A port at which nobody listens.
std::uint16_t closed_port();

/// A folder of its own below the system's temporary folder, removed at the end.
class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

} // namespace net_test
