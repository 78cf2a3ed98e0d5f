#include "runtime/net/internal/wire.hpp"

#include <sys/socket.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>

#include "runtime/os/internal/asio_loop.hpp"

namespace aivp::internal {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using io_failure = boost::system::error_code;
using tls_context = std::shared_ptr<asio::ssl::context>;

asio::ip::address to_asio(const ip_address& a) {
    if (!a.is_v6) return asio::ip::address_v4({a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3]});
    asio::ip::address_v6::bytes_type bytes;
    std::copy(a.bytes.begin(), a.bytes.end(), bytes.begin());
    return asio::ip::address_v6(bytes);
}

ip_address from_asio(const asio::ip::address& a) {
    ip_address out;
    out.is_v6 = a.is_v6();
    if (a.is_v4()) {
        const auto bytes = a.to_v4().to_bytes();
        std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    } else {
        const auto bytes = a.to_v6().to_bytes();
        std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
    }
    return out;
}

class asio_wire final : public wire, public std::enable_shared_from_this<asio_wire> {
public:
    asio_wire(asio::io_context& context, egress_target target, tls_context tls)
        : context_(context), target_(std::move(target)), tls_(std::move(tls)), resolver_(context) {
        if (tls_)
            secure_.emplace(context, *tls_);
        else
            plain_.emplace(context);
    }

    void open(std::function<void(result<void>)> done) override {
        opened_ = std::move(done);
        if (const auto literal = parse_ip(target_.host)) {
            asio::post(context_, [self = shared_from_this(), literal] { self->connect({*literal}); });
            return;
        }
        // RFC 6761, section 6.3: the name means this machine, whatever a resolver thinks, and on a bare system none knows it.
        if (target_.host == "localhost") {
            asio::post(context_,
                       [self = shared_from_this()] { self->connect({*parse_ip("127.0.0.1"), *parse_ip("::1")}); });
            return;
        }
        resolver_.async_resolve(
            target_.host, std::to_string(target_.port), tcp::resolver::numeric_service,
            [self = shared_from_this()](io_failure failed, const tcp::resolver::results_type& found) {
                if (self->closed_) return;
                if (failed) return self->refuse(errc::http_connect, "has no address: ", failed);
                std::vector<ip_address> addresses;
                for (const auto& entry : found) addresses.push_back(from_asio(entry.endpoint().address()));
                self->connect(addresses);
            });
    }

    void write(std::string bytes, std::function<void(std::string)> done) override {
        writing_ = std::move(bytes);
        auto handler = [self = shared_from_this(), done = std::move(done)](io_failure failed, std::size_t) {
            if (!self->closed_) done(failed ? failed.message() : std::string());
        };
        if (secure_)
            asio::async_write(*secure_, asio::buffer(writing_), std::move(handler));
        else
            asio::async_write(*plain_, asio::buffer(writing_), std::move(handler));
    }

    void read(std::function<void(wire_read)> done) override {
        auto handler = [self = shared_from_this(), done = std::move(done)](io_failure failed, std::size_t n) {
            if (self->closed_) return;
            wire_read r;
            if (!failed)
                r.bytes = std::string_view(self->reading_.data(), n);
            else if (failed == asio::error::eof)
                r.closed = true;
            else
                r.error = failed.message();
            done(r);
        };
        if (secure_)
            secure_->async_read_some(asio::buffer(reading_), std::move(handler));
        else
            plain_->async_read_some(asio::buffer(reading_), std::move(handler));
    }

    void close() override {
        if (std::exchange(closed_, true)) return;
        opened_ = nullptr;
        resolver_.cancel();
        io_failure ignored; // nobody waits for it any more
        socket().close(ignored);
    }

    bool is_quiet() override {
        if (closed_ || !socket().is_open()) return false;
        char byte = 0;
        const ssize_t n = ::recv(socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }

private:
    tcp::socket& socket() { return secure_ ? secure_->next_layer() : *plain_; }

    void finish(result<void> how) {
        if (const auto done = std::exchange(opened_, nullptr)) done(std::move(how));
    }
    void refuse(errc code, std::string_view what, const io_failure& failed) {
        finish(
            fail(code, target_.host + ":" + std::to_string(target_.port) + " " + std::string(what) + failed.message()));
    }

    void connect(const std::vector<ip_address>& addresses) {
        if (closed_) return;
        std::vector<tcp::endpoint> endpoints;
        for (const ip_address& address : addresses) {
            // One bad address among good ones is no accident.
            if (auto allowed = egress_rules::check_address(target_, address); !allowed)
                return finish(std::move(allowed));
            endpoints.emplace_back(to_asio(address), target_.port);
        }
        asio::async_connect(socket(), endpoints, [self = shared_from_this()](io_failure failed, const tcp::endpoint&) {
            if (self->closed_) return;
            if (failed) return self->refuse(errc::http_connect, "cannot be reached: ", failed);
            io_failure ignored; // slower without it, and no more than that
            self->socket().set_option(tcp::no_delay(true), ignored);
            if (self->secure_)
                self->shake_hands();
            else
                self->finish({});
        });
    }

    void shake_hands() {
        SSL* const tls = secure_->native_handle();
        // The name must stand where names belong: a certificate's subject says nothing about hosts.
        SSL_set_hostflags(tls, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        const bool named = parse_ip(target_.host)
                               ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), target_.host.c_str()) == 1
                               : SSL_set1_host(tls, target_.host.c_str()) == 1 &&
                                     SSL_set_tlsext_host_name(tls, target_.host.c_str()) == 1;
        io_failure failed;
        secure_->set_verify_mode(asio::ssl::verify_peer, failed);
        if (failed || !named) return refuse(errc::http_tls, "cannot be verified: ", failed);
        secure_->async_handshake(asio::ssl::stream_base::client, [self = shared_from_this()](io_failure broken) {
            if (self->closed_) return;
            if (!broken) return self->finish({});
            const long verdict = SSL_get_verify_result(self->secure_->native_handle());
            if (verdict != X509_V_OK)
                return self->finish(
                    fail(errc::http_tls, "the certificate of " + self->target_.host +
                                             " is not accepted: " + X509_verify_cert_error_string(verdict)));
            self->refuse(errc::http_tls, "cannot agree on a secure connection: ", broken);
        });
    }

    asio::io_context& context_;
    egress_target target_;
    tls_context tls_;
    tcp::resolver resolver_;
    std::optional<tcp::socket> plain_;
    std::optional<asio::ssl::stream<tcp::socket>> secure_;
    std::function<void(result<void>)> opened_;
    std::string writing_;
    std::array<char, 16384> reading_;
    bool closed_ = false;
};

/// A wire that cannot be opened.
class dead_wire final : public wire, public std::enable_shared_from_this<dead_wire> {
public:
    dead_wire(asio::io_context& context, error why) : context_(context), why_(std::move(why)) {}
    void open(std::function<void(result<void>)> done) override {
        asio::post(context_, [self = shared_from_this(), done = std::move(done)] {
            if (!self->closed_) done(std::unexpected(self->why_));
        });
    }
    void write(std::string, std::function<void(std::string)>) override {}
    void read(std::function<void(wire_read)>) override {}
    void close() override { closed_ = true; }
    bool is_quiet() override { return false; }

private:
    asio::io_context& context_;
    error why_;
    bool closed_ = false;
};

result<tls_context> make_tls_context(const tls_settings& settings) {
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
    io_failure failed;
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    if (settings.system_trust) context->set_default_verify_paths(failed);
    if (!failed && !settings.ca_file.empty()) context->load_verify_file(settings.ca_file, failed);
    if (failed)
        return fail(errc::http_tls, "the trusted certificates cannot be read" +
                                        (settings.ca_file.empty() ? "" : " from " + settings.ca_file) + ": " +
                                        failed.message());
    return context;
}

} // namespace

struct dialer::state {
    asio::io_context& context;
    tls_settings settings;
    tls_context tls;
};

dialer::dialer(event_loop& loop, tls_settings tls)
    : state_(std::make_unique<state>(asio_context(loop), std::move(tls))) {}
dialer::~dialer() = default;

std::shared_ptr<wire> dialer::dial(const egress_target& target, bool secure) {
    if (secure && !state_->tls) {
        auto made = make_tls_context(state_->settings);
        if (!made) return std::make_shared<dead_wire>(state_->context, made.error());
        state_->tls = *made;
    }
    return std::make_shared<asio_wire>(state_->context, target, secure ? state_->tls : nullptr);
}

} // namespace aivp::internal
