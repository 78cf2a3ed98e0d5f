// HTTP/1.1 client of the live host: one request, one answer, and in every case a clear word on whether anything was sent.
// It follows no redirects, asks no proxy, keeps no cookies, and connects to allowed destinations only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"
#include "runtime/net/egress.hpp"
#include "runtime/net/http_message.hpp"
#include "runtime/os/event_loop.hpp"

namespace aivp {

struct http_request {
    std::string method = "GET";
    std::string url;
    /// Host, Content-Length, Transfer-Encoding, Connection, Accept-Encoding are the client's own.
    std::vector<http_header> headers;
    std::string body;
    duration timeout = seconds(60); ///< for the whole exchange
    duration connect_timeout = seconds(10);
    std::uint64_t response_bytes_max = std::uint64_t{16} << 20; ///< of the body
    /// When set, the body of a 2xx answer goes here piece by piece instead of into the response. May cancel the request.
    std::function<void(std::string_view)> on_body;
};

struct http_response {
    int status = 0;
    std::vector<http_header> headers;
    std::string body;
};

/// How a request ended. Errors of `response`:
///   config.value (address, method or header), policy.denied (destination), http.connect, http.tls: nothing was sent;
///   limit.step_time: `sent` says;
///   http.broken, http.protocol, limit.output (answer larger than allowed): a part of the request may have arrived.
/// Messages name host and port, never the rest of the address, headers or bodies.
struct http_outcome {
    bool sent = false; ///< the server may have got the request, or a part of it
    result<http_response> response;
};

struct http_client_options {
    egress_rules egress; ///< empty = every request is refused
    std::string ca_file; ///< PEM, trusted besides the system's certificates; empty = none
    bool system_trust = true;
    std::size_t idle_per_origin_max = 4; ///< connections kept open for further requests
    std::size_t idle_max = 32;
    duration idle_time_max = seconds(15);
};

/// Threads: the loop's. Must end before the loop does; its end cancels what is under way.
class http_client {
public:
    using ticket = std::uint64_t;

    http_client(event_loop& loop, http_client_options options);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// `done` is called once, by the loop, never from within start(). A GET or HEAD whose kept connection turns out to be
    /// closed is sent once more; nothing else is ever repeated.
    ticket start(http_request request, std::function<void(http_outcome)> done);
    /// `done` is not called any more. Nothing happens when the request has ended.
    void cancel(ticket which);
    /// Requests under way.
    std::size_t open_requests() const;
    /// Connections kept open.
    std::size_t idle_connections() const;

private:
    struct exchange;
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace aivp
