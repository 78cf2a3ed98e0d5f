// One HTTP/1.x message out of bytes as they arrive. Bounded in every part; knows nothing of sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "runtime/net/http_message.hpp"

namespace aivp::internal {

struct http_limits {
    std::uint32_t head_bytes_max = 64u << 10;
    std::uint64_t body_bytes_max = std::uint64_t{16} << 20;
};

class http_parser {
public:
    enum class kind : std::uint8_t { request, response };

    /// `bodyless`: the answer to HEAD, which has none whatever its headers say.
    http_parser(kind what, http_limits limits, bool bodyless = false);
    ~http_parser();
    http_parser(const http_parser&) = delete;
    http_parser& operator=(const http_parser&) = delete;

    /// Asked once when the head is there. A function takes the pieces of the body; without one they are collected in body().
    std::function<std::function<void(std::string_view)>()> choose_body;

    /// Interim answers (1xx) and trailers are passed over. Errors: http.protocol, limit.output; nothing can be put after one.
    result<void> put(std::string_view bytes);
    /// The other side will send no more. Errors: http.broken when the message is not complete.
    result<void> end();

    bool begun() const; ///< a byte of the message has arrived
    bool head_done() const;
    bool done() const;
    /// Valid when done: the connection can carry another message, and no byte came after this one.
    bool reusable() const;

    int status() const;                ///< of a response, once the head is there
    const std::string& method() const; ///< of a request, as the rest
    const std::string& target() const;
    std::vector<http_header>& headers();
    std::string& body();

private:
    struct message;
    /// How many bytes of `rest` it took; 0 = it needs more.
    result<std::size_t> take(std::string_view rest);
    result<std::size_t> take_head(std::string_view rest);

    kind kind_;
    http_limits limits_;
    bool bodyless_;
    bool begun_ = false;
    std::string pending_;
    std::unique_ptr<message> message_;
};

} // namespace aivp::internal
