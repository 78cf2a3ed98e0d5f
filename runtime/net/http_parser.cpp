#include "runtime/net/internal/http_parser.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <boost/beast/http/basic_parser.hpp>

namespace aivp::internal {

namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t headers_max = 256;
/// Of the line before a chunk, which is its size and seldom anything else.
constexpr std::size_t chunk_line_bytes_max = 1024;

struct http_head {
    int status = 0;
    std::string method;
    std::string target;
    std::vector<http_header> headers;
};

/// How the body is delimited.
struct http_framing {
    bool bodyless = false;
    bool chunked = false;
    std::optional<std::uint64_t> body_bytes;
    bool keep_alive = false;
};

/// Beast reads whole heads only: given a message in pieces, its parser has preconditions that a peer can break.
template <bool is_request>
class head_parser final : public beast_http::basic_parser<is_request> {
public:
    explicit head_parser(http_head& into) : into_(into) {}

private:
    using failure = boost::beast::error_code;
    using text = boost::beast::string_view;

    void on_request_impl(beast_http::verb, text method, text target, int, failure&) override {
        into_.method.assign(method.data(), method.size());
        into_.target.assign(target.data(), target.size());
    }
    void on_response_impl(int code, text, int, failure& failed) override {
        into_.status = code;
        if (code < 100) failed = beast_http::error::bad_status;
    }
    void on_field_impl(beast_http::field, text name, text value, failure& failed) override {
        if (into_.headers.size() >= headers_max) {
            failed = beast_http::error::header_limit;
            return;
        }
        into_.headers.push_back({std::string(name.data(), name.size()), std::string(value.data(), value.size())});
    }
    void on_header_impl(failure&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, failure&) override {}
    std::size_t on_body_impl(text piece, failure&) override { return piece.size(); }
    void on_chunk_header_impl(std::uint64_t, text, failure&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text piece, failure&) override { return piece.size(); }
    void on_finish_impl(failure&) override {}

    http_head& into_;
};

std::unexpected<error> not_http(std::string why) {
    return fail(errc::http_protocol, "not HTTP as it should be: " + std::move(why));
}

std::unexpected<error> too_large() {
    return fail(errc::limit_output, "the body of the HTTP message is larger than is accepted");
}

/// `text` ends with the empty line.
template <bool is_request>
result<http_framing> parse_head(std::string_view text, bool bodyless, http_head& into) {
    head_parser<is_request> parser(into);
    parser.header_limit(static_cast<std::uint32_t>(text.size()));
    parser.body_limit(boost::none);
    parser.skip(bodyless);
    boost::beast::error_code failed;
    const std::size_t used = parser.put(boost::asio::buffer(text.data(), text.size()), failed);
    if (failed) return not_http(failed.message());
    if (used != text.size() || !parser.is_header_done()) return not_http("the head ends before the empty line");
    http_framing framing{.bodyless = parser.is_done(), .chunked = parser.chunked(), .keep_alive = parser.keep_alive()};
    if (const auto length = parser.content_length()) framing.body_bytes = *length;
    if (framing.bodyless) return framing;
    for (const http_header& h : into.headers)
        if (equal_ignoring_case(h.name, "transfer-encoding") && !equal_ignoring_case(h.value, "chunked"))
            return not_http("a transfer encoding other than chunked");
    return framing;
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// The line `rest` begins with, without its CRLF; nothing while it has not ended. It counts towards `bytes_max` with it.
result<std::optional<std::string_view>> first_line(std::string_view rest, std::size_t bytes_max) {
    const std::size_t end = rest.find('\n');
    if (std::min(end, rest.size()) >= bytes_max) return not_http("a line of the chunked body is too long");
    if (end == std::string_view::npos) return std::nullopt;
    if (end == 0 || rest[end - 1] != '\r') return not_http("a line does not end in CR LF");
    const std::string_view line = rest.substr(0, end - 1);
    if (std::ranges::any_of(line, is_control)) return not_http("a control character");
    return line;
}

/// Extensions are passed over: none is defined.
result<std::uint64_t> parse_chunk_line(std::string_view line) {
    std::uint64_t size = 0;
    const auto [end, failed] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (failed == std::errc::result_out_of_range) return too_large();
    if (failed != std::errc{}) return not_http("a chunk without a size");
    line.remove_prefix(static_cast<std::size_t>(end - line.data()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (!line.empty() && line[0] != ';') return not_http("a chunk with a bad size");
    return size;
}

result<void> check_trailer(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_http_token(line.substr(0, colon))) return not_http("a bad trailer");
    return {};
}

} // namespace

struct http_parser::message {
    enum class stage : std::uint8_t { head, sized, until_end, chunk_line, chunk_data, chunk_end, trailers, done };

    stage at = stage::head;
    http_head head;
    bool keep_alive = false;
    std::string body;
    std::function<void(std::string_view)> on_body;
    std::size_t seen_bytes = 0;     ///< of the head: without a fault so far, and without its end
    std::uint64_t left_bytes = 0;   ///< of the body when sized, or of the chunk
    std::uint64_t room_bytes = 0;   ///< how much more body may be announced or come
    std::size_t trailer_room_bytes; ///< how much more of trailers may come
    http_limits limits;

    explicit message(http_limits l) : room_bytes(l.body_bytes_max), trailer_room_bytes(l.head_bytes_max), limits(l) {}

    /// How long the head at the beginning of `rest` is; 0 while it has not ended.
    result<std::size_t> head_bytes(std::string_view rest);
    /// The head has been read.
    result<void> begin_body(const http_framing& framing);

    // Each says how many bytes of `rest` it took; 0 = it needs more.
    result<std::size_t> take_body(std::string_view rest);
    result<std::size_t> take_chunk_line(std::string_view rest);
    result<std::size_t> take_chunk_end(std::string_view rest);
    result<std::size_t> take_trailer(std::string_view rest);
};

result<std::size_t> http_parser::message::head_bytes(std::string_view rest) {
    for (; seen_bytes < rest.size(); ++seen_bytes) {
        if (seen_bytes >= limits.head_bytes_max) return not_http("the head is too long");
        const char c = rest[seen_bytes];
        const bool after_cr = seen_bytes > 0 && rest[seen_bytes - 1] == '\r';
        if (after_cr != (c == '\n')) return not_http("a line does not end in CR LF");
        if (c != '\r' && c != '\n' && is_control(c)) return not_http("a control character");
        if (rest.substr(0, seen_bytes + 1).ends_with("\r\n\r\n")) return seen_bytes + 1;
    }
    return 0;
}

result<void> http_parser::message::begin_body(const http_framing& framing) {
    keep_alive = framing.keep_alive;
    if (framing.bodyless) {
        at = stage::done;
    } else if (framing.chunked) {
        at = stage::chunk_line;
    } else if (framing.body_bytes) {
        if (*framing.body_bytes > room_bytes) return too_large();
        left_bytes = *framing.body_bytes;
        at = left_bytes == 0 ? stage::done : stage::sized;
    } else {
        at = stage::until_end;
    }
    return {};
}

result<std::size_t> http_parser::message::take_body(std::string_view rest) {
    if (at == stage::until_end) {
        if (rest.size() > room_bytes) return too_large();
        room_bytes -= rest.size();
    } else {
        rest = rest.substr(0, left_bytes);
        left_bytes -= rest.size();
        if (left_bytes == 0) at = at == stage::sized ? stage::done : stage::chunk_end;
    }
    if (on_body)
        on_body(rest);
    else
        body += rest;
    return rest.size();
}

result<std::size_t> http_parser::message::take_chunk_line(std::string_view rest) {
    AIVP_TRY(const auto line, first_line(rest, chunk_line_bytes_max));
    if (!line) return 0;
    AIVP_TRY(left_bytes, parse_chunk_line(*line));
    if (left_bytes > room_bytes) return too_large();
    room_bytes -= left_bytes;
    at = left_bytes == 0 ? stage::trailers : stage::chunk_data;
    return line->size() + 2;
}

result<std::size_t> http_parser::message::take_chunk_end(std::string_view rest) {
    constexpr std::string_view crlf = "\r\n";
    if (!crlf.starts_with(rest.substr(0, crlf.size()))) return not_http("a chunk is longer than its size");
    if (rest.size() < crlf.size()) return 0;
    at = stage::chunk_line;
    return crlf.size();
}

result<std::size_t> http_parser::message::take_trailer(std::string_view rest) {
    AIVP_TRY(const auto line, first_line(rest, trailer_room_bytes));
    if (!line) return 0;
    trailer_room_bytes -= line->size() + 2;
    if (line->empty()) {
        at = stage::done;
    } else {
        AIVP_CHECK(check_trailer(*line));
    }
    return line->size() + 2;
}

http_parser::http_parser(kind what, http_limits limits, bool bodyless)
    : kind_(what), limits_(limits), bodyless_(bodyless), message_(std::make_unique<message>(limits)) {}

http_parser::~http_parser() = default;

result<void> http_parser::put(std::string_view bytes) {
    begun_ = begun_ || !bytes.empty();
    pending_ += bytes;
    std::size_t used = 0;
    while (!done() && used < pending_.size()) {
        AIVP_TRY(const std::size_t n, take(std::string_view(pending_).substr(used)));
        if (n == 0) break;
        used += n;
    }
    pending_.erase(0, used);
    return {};
}

result<std::size_t> http_parser::take(std::string_view rest) {
    switch (message_->at) {
    case message::stage::head: return take_head(rest);
    case message::stage::sized:
    case message::stage::until_end:
    case message::stage::chunk_data: return message_->take_body(rest);
    case message::stage::chunk_line: return message_->take_chunk_line(rest);
    case message::stage::chunk_end: return message_->take_chunk_end(rest);
    case message::stage::trailers: return message_->take_trailer(rest);
    case message::stage::done: break;
    }
    return 0;
}

result<std::size_t> http_parser::take_head(std::string_view rest) {
    // Whoever speaks something else may never send the end of a line.
    constexpr std::string_view greeting = "HTTP/1.";
    if (kind_ == kind::response && !greeting.starts_with(rest.substr(0, greeting.size())))
        return fail(errc::http_protocol, "the server does not speak HTTP/1");
    AIVP_TRY(const std::size_t n, message_->head_bytes(rest));
    if (n == 0) return 0;
    const std::string_view text = rest.substr(0, n);
    AIVP_TRY(const http_framing framing, kind_ == kind::request ? parse_head<true>(text, bodyless_, message_->head)
                                                                : parse_head<false>(text, bodyless_, message_->head));
    if (kind_ == kind::response && status() == 101)
        return fail(errc::http_protocol, "the server wants to change to another protocol, which nobody asked for");
    if (kind_ == kind::response && status() < 200) {
        message_ = std::make_unique<message>(limits_);
        return n;
    }
    AIVP_CHECK(message_->begin_body(framing));
    if (choose_body) message_->on_body = choose_body();
    return n;
}

result<void> http_parser::end() {
    if (message_->at == message::stage::until_end) message_->at = message::stage::done;
    if (done()) return {};
    if (begun_) return fail(errc::http_broken, "the connection ended in the middle of the HTTP message");
    return fail(errc::http_broken, "the connection ended before the HTTP message did");
}

bool http_parser::begun() const { return begun_; }
bool http_parser::head_done() const { return message_->at != message::stage::head; }
bool http_parser::done() const { return message_->at == message::stage::done; }
bool http_parser::reusable() const { return done() && pending_.empty() && message_->keep_alive; }
int http_parser::status() const { return message_->head.status; }
const std::string& http_parser::method() const { return message_->head.method; }
const std::string& http_parser::target() const { return message_->head.target; }
std::vector<http_header>& http_parser::headers() { return message_->head.headers; }
std::string& http_parser::body() { return message_->body; }

} // namespace aivp::internal
