#include "tests/net/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include <openssl/ssl.h>

namespace net_test {

namespace {

void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(std::string("loopback server: ") + what);
}

int listening_socket(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(fd >= 0, "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    require(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    socklen_t size = sizeof address;
    require(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port = ntohs(address.sin_port);
    return fd;
}

} // namespace

std::string peer::read_some() {
    char buffer[65536];
    while (!stopping_) {
        pollfd p{fd_, POLLIN, 0};
        if (!(tls_ != nullptr && SSL_pending(tls_) > 0) && ::poll(&p, 1, 20) <= 0) continue;
        const auto n = tls_ != nullptr ? SSL_read(tls_, buffer, sizeof buffer)
                                       : static_cast<int>(::recv(fd_, buffer, sizeof buffer, 0));
        return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
    }
    return {};
}

std::string peer::read_request() {
    std::string text;
    std::size_t end = std::string::npos;
    while ((end = text.find("\r\n\r\n")) == std::string::npos) {
        const std::string more = read_some();
        if (more.empty()) return {};
        text += more;
    }
    const std::size_t length = text.find("Content-Length: ");
    const std::size_t body = length < end ? std::strtoul(text.c_str() + length + 16, nullptr, 10) : 0;
    while (text.size() < end + 4 + body) {
        const std::string more = read_some();
        if (more.empty()) return {};
        text += more;
    }
    return text;
}

bool peer::send(std::string_view bytes) {
    while (!bytes.empty() && !stopping_) {
        const auto n = tls_ != nullptr
                           ? static_cast<ssize_t>(SSL_write(tls_, bytes.data(), static_cast<int>(bytes.size())))
                           : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (tls_ == nullptr && (errno == EAGAIN || errno == EINTR)) {
            pollfd p{fd_, POLLOUT, 0};
            ::poll(&p, 1, 20);
        } else {
            return false;
        }
    }
    return bytes.empty();
}

void peer::wait_ms(int ms) {
    for (; ms > 0 && !stopping_; ms -= 5) std::this_thread::sleep_for(std::chrono::milliseconds(std::min(ms, 5)));
}

void peer::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void peer::finish_and_drain() {
    ::shutdown(fd_, SHUT_WR);
    while (!read_some().empty()) {}
}

loopback_server::loopback_server(script play, const tls_files* tls) : play_(std::move(play)) {
    if (tls != nullptr) {
        tls_ = SSL_CTX_new(TLS_server_method());
        require(SSL_CTX_use_certificate_chain_file(tls_, tls->certificate.c_str()) == 1, "certificate");
        require(SSL_CTX_use_PrivateKey_file(tls_, tls->key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
    }
    fd_ = listening_socket(port_);
    require(::listen(fd_, 64) == 0, "listen");
    acceptor_ = std::thread([this] { accept(); });
}

loopback_server::~loopback_server() {
    stopping_ = true;
    acceptor_.join();
    for (std::thread& t : players_) t.join();
    ::close(fd_);
    SSL_CTX_free(tls_);
}

std::string loopback_server::url(std::string_view path, std::string_view host) const {
    return (tls_ != nullptr ? "https://" : "http://") + std::string(host) + ":" + std::to_string(port_) +
           std::string(path);
}

void loopback_server::accept() {
    while (!stopping_) {
        pollfd p{fd_, POLLIN, 0};
        if (::poll(&p, 1, 10) <= 0) continue;
        const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
        if (fd < 0) continue;
        const int number = ++connections_;
        const std::lock_guard lock(mutex_);
        players_.emplace_back([this, fd, number] { play(fd, number); });
    }
}

void loopback_server::play(int fd, int number) {
    SSL* tls = nullptr;
    bool ready = true;
    if (tls_ != nullptr) {
        tls = SSL_new(tls_);
        SSL_set_fd(tls, fd);
        const timeval limit{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ready = SSL_accept(tls) == 1;
    }
    peer p(fd, tls, stopping_);
    if (ready) play_(p, number);
    SSL_free(tls);
    ::close(fd);
}

loopback_server::script answering(std::function<std::string(const std::string& request)> answer) {
    return [answer = std::move(answer)](peer& p, int) {
        for (std::string request = p.read_request(); !request.empty(); request = p.read_request())
            if (!p.send(answer(request))) return;
    };
}

std::string ok(std::string_view body, std::string_view headers) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(headers) +
           "\r\n" + std::string(body);
}

std::uint16_t closed_port() {
    std::uint16_t port = 0;
    ::close(listening_socket(port));
    return port;
}

temporary_folder::temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "aivp-net-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
    path_ = name;
}

temporary_folder::~temporary_folder() {
    std::error_code ignored; // what stays is in the temporary folder
    std::filesystem::remove_all(path_, ignored);
}

} // namespace net_test
