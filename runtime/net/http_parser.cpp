#include "runtime/net/internal/http_parser.hpp"

#include <utility>

#include <boost/beast/http/basic_parser.hpp>

namespace aivp::internal {

namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t headers_max = 256;

/// What has arrived of a message, whoever parses it.
struct http_parts {
    int status = 0;
    std::string method;
    std::string target;
    std::vector<http_header> headers;
    std::string body;
    bool head_done = false;
    std::function<void(std::string_view)> on_body;
    std::function<void(http_parts&)> on_head;
};

template <bool is_request>
class collecting_parser final : public beast_http::basic_parser<is_request> {
public:
    explicit collecting_parser(http_parts& into) : into_(into) {}

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
    void on_header_impl(failure&) override {
        into_.head_done = true;
        into_.on_head(into_);
    }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, failure&) override {}
    std::size_t on_body_impl(text piece, failure&) override { return take(piece); }
    void on_chunk_header_impl(std::uint64_t, text, failure&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, text piece, failure&) override { return take(piece); }
    void on_finish_impl(failure&) override {}

    std::size_t take(text piece) {
        if (into_.on_body)
            into_.on_body(std::string_view(piece.data(), piece.size()));
        else
            into_.body.append(piece.data(), piece.size());
        return piece.size();
    }

    http_parts& into_;
};

/// Consumes what it can of `pending`.
template <class Parser>
boost::beast::error_code put_all(Parser& parser, std::string& pending) {
    boost::beast::error_code failed;
    std::size_t used = 0;
    while (!parser.is_done() && used < pending.size()) {
        const std::size_t n = parser.put(boost::asio::buffer(pending.data() + used, pending.size() - used), failed);
        used += n;
        if (failed == beast_http::error::need_more) {
            failed = {};
            break;
        }
        if (failed || n == 0) break;
    }
    pending.erase(0, used);
    return failed;
}

result<void> to_result(const boost::beast::error_code& failed) {
    if (!failed) return {};
    if (failed == beast_http::error::body_limit)
        return fail(errc::limit_output, "the body of the HTTP message is larger than is accepted");
    if (failed == beast_http::error::partial_message || failed == beast_http::error::end_of_stream)
        return fail(errc::http_broken, "the connection ended in the middle of the HTTP message");
    return fail(errc::http_protocol, "not HTTP as it should be: " + failed.message());
}

} // namespace

struct http_parser::message {
    http_parts parts;
    std::unique_ptr<collecting_parser<true>> request;
    std::unique_ptr<collecting_parser<false>> response;

    template <class F>
    auto with(F f) const {
        return request ? f(*request) : f(*response);
    }
};

http_parser::http_parser(kind what, http_limits limits, bool bodyless)
    : kind_(what), limits_(limits), bodyless_(bodyless) {
    start_message();
}

http_parser::~http_parser() = default;

void http_parser::start_message() {
    message_ = std::make_unique<message>();
    http_parts& parts = message_->parts;
    parts.on_head = [this](http_parts& p) {
        const bool interim = kind_ == kind::response && p.status < 200;
        if (choose_body && !interim) p.on_body = choose_body();
    };
    if (kind_ == kind::request)
        message_->request = std::make_unique<collecting_parser<true>>(parts);
    else
        message_->response = std::make_unique<collecting_parser<false>>(parts);
    message_->with([&](auto& parser) {
        parser.eager(true);
        parser.header_limit(limits_.head_bytes_max);
        parser.body_limit(limits_.body_bytes_max);
        if (bodyless_) parser.skip(true);
    });
}

result<void> http_parser::put(std::string_view bytes) {
    begun_ = begun_ || !bytes.empty();
    pending_ += bytes;
    for (;;) {
        // Whoever speaks something else may never send the end of a line.
        constexpr std::string_view greeting = "HTTP/1.";
        const std::string_view begun = std::string_view(pending_).substr(0, greeting.size());
        if (kind_ == kind::response && message_->parts.status == 0 && !greeting.starts_with(begun))
            return fail(errc::http_protocol, "the server does not speak HTTP/1");
        const auto failed = message_->with([&](auto& parser) { return put_all(parser, pending_); });
        AIVP_CHECK(to_result(failed));
        if (!done() || kind_ == kind::request || message_->parts.status >= 200) return {};
        if (message_->parts.status == 101)
            return fail(errc::http_protocol, "the server wants to change to another protocol, which nobody asked for");
        start_message();
    }
}

result<void> http_parser::end() {
    if (done()) return {};
    boost::beast::error_code failed;
    message_->with([&](auto& parser) {
        if (parser.got_some()) parser.put_eof(failed);
    });
    AIVP_CHECK(to_result(failed));
    if (done()) return {};
    return fail(errc::http_broken, "the connection ended before the HTTP message did");
}

bool http_parser::begun() const { return begun_; }
bool http_parser::head_done() const { return message_->parts.head_done; }
bool http_parser::done() const {
    return message_->with([](auto& parser) { return parser.is_done(); });
}
bool http_parser::reusable() const {
    return done() && pending_.empty() && message_->with([](auto& parser) { return parser.keep_alive(); });
}
int http_parser::status() const { return message_->parts.status; }
const std::string& http_parser::method() const { return message_->parts.method; }
const std::string& http_parser::target() const { return message_->parts.target; }
std::vector<http_header>& http_parser::headers() { return message_->parts.headers; }
std::string& http_parser::body() { return message_->parts.body; }

} // namespace aivp::internal
