#include "runtime/net/http_client.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "aivp/version.hpp"
#include "runtime/net/internal/http_parser.hpp"
#include "runtime/net/internal/wire.hpp"
#include "runtime/net/url.hpp"

namespace aivp {

using internal::http_parser;
using internal::wire;

namespace {

struct idle_connection {
    std::string origin;
    std::shared_ptr<wire> connection;
    monotonic_instant since;
};

result<void> check_request(const http_request& r) {
    if (!is_http_token(r.method)) return fail(errc::config_value, "the HTTP method is not one");
    for (const http_header& h : r.headers) {
        AIVP_CHECK(check_header(h));
        for (const std::string_view own :
             {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
            if (equal_ignoring_case(h.name, own))
                return fail(errc::config_value, "the header " + h.name + " is set by the client itself");
    }
    return {};
}

std::string request_text(const http_request& r, const url& to) {
    std::string text = r.method + " " + to.target + " HTTP/1.1\r\nHost: " + authority(to) + "\r\n";
    if (find_header(r.headers, "user-agent") == nullptr) text += "User-Agent: aivp/" + std::string(version) + "\r\n";
    for (const http_header& h : r.headers) text += h.name + ": " + h.value + "\r\n";
    text += "Accept-Encoding: identity\r\n";
    const bool bodyless = r.method == "GET" || r.method == "HEAD" || r.method == "DELETE";
    if (!r.body.empty() || !bodyless) text += "Content-Length: " + std::to_string(r.body.size()) + "\r\n";
    return text + "\r\n" + r.body;
}

} // namespace

struct http_client::state {
    state(event_loop& l, http_client_options o)
        : loop(l), options(std::move(o)), dialer(l, {options.ca_file, options.system_trust}) {}

    std::shared_ptr<wire> take_idle(const std::string& origin);
    void keep_idle(const std::string& origin, std::shared_ptr<wire> connection);
    void drop_expired();

    event_loop& loop;
    http_client_options options;
    internal::dialer dialer;
    std::map<ticket, std::shared_ptr<exchange>> open;
    std::vector<idle_connection> idle; ///< oldest first
    loop_handle sweep;
    ticket last = 0;
};

std::shared_ptr<wire> http_client::state::take_idle(const std::string& origin) {
    drop_expired();
    // The one that was used last is the one least likely to be closed.
    for (std::size_t i = idle.size(); i-- > 0;) {
        if (idle[i].origin != origin) continue;
        const auto found = std::move(idle[i].connection);
        idle.erase(idle.begin() + static_cast<std::ptrdiff_t>(i));
        if (found->is_quiet()) return found;
        found->close();
    }
    return nullptr;
}

void http_client::state::keep_idle(const std::string& origin, std::shared_ptr<wire> connection) {
    const auto of_origin = std::ranges::count(idle, origin, &idle_connection::origin);
    if (static_cast<std::size_t>(of_origin) >= options.idle_per_origin_max || options.idle_max == 0) {
        connection->close();
        return;
    }
    if (idle.size() >= options.idle_max) {
        idle.front().connection->close();
        idle.erase(idle.begin());
    }
    idle.push_back({origin, std::move(connection), monotonic_now()});
    if (!sweep.active()) sweep = loop.call_after(options.idle_time_max, [this] { drop_expired(); });
}

void http_client::state::drop_expired() {
    const monotonic_instant now = monotonic_now();
    std::erase_if(idle, [&](const idle_connection& c) {
        if (now - c.since < options.idle_time_max) return false;
        c.connection->close();
        return true;
    });
    if (!idle.empty() && !sweep.active())
        sweep = loop.call_at(idle.front().since + options.idle_time_max, [this] { drop_expired(); });
}

/// One request under way. Kept alive by the client until it ends; afterwards late calls find `ended`.
struct http_client::exchange : std::enable_shared_from_this<exchange> {
    exchange(state& c, ticket n, http_request r, std::function<void(http_outcome)> d)
        : client(c), number(n), request(std::move(r)), done(std::move(d)) {}

    void begin();
    void connect();
    void send();
    void read();
    void took(const internal::wire_read& r);
    void fail_with(error why);
    void complete();
    void end();
    bool try_again();
    bool is_safe() const { return request.method == "GET" || request.method == "HEAD"; }

    state& client;
    ticket number;
    http_request request;
    std::function<void(http_outcome)> done;
    url to;
    egress_target target;
    std::string origin;
    std::shared_ptr<wire> connection;
    std::optional<http_parser> parser;
    loop_handle deadline;
    loop_handle connect_deadline;
    bool reused = false;
    bool tried_again = false;
    bool sent = false;
    bool written = false;
    bool ended = false;
};

void http_client::exchange::begin() {
    if (ended) return;
    if (auto ok = check_request(request); !ok) return fail_with(ok.error());
    auto address = parse_url(request.url);
    if (!address) return fail_with(address.error());
    to = std::move(*address);
    auto allowed = client.options.egress.find(to.host, to.port);
    if (!allowed) return fail_with(allowed.error());
    target = std::move(*allowed);
    origin = (to.secure ? "https://" : "http://") + authority(to);
    const auto self = weak_from_this();
    deadline = client.loop.call_after(request.timeout, [self] {
        if (const auto me = self.lock())
            me->fail_with(
                {errc::limit_step_time, "no answer from " + me->origin + " within " + to_string(me->request.timeout)});
    });
    connection = client.take_idle(origin);
    reused = connection != nullptr;
    if (reused)
        send();
    else
        connect();
}

void http_client::exchange::connect() {
    connection = client.dialer.dial(target, to.secure);
    const auto self = weak_from_this();
    connect_deadline = client.loop.call_after(request.connect_timeout, [self] {
        if (const auto me = self.lock())
            me->fail_with({errc::http_connect,
                           "no connection to " + me->origin + " within " + to_string(me->request.connect_timeout)});
    });
    connection->open([me = shared_from_this()](result<void> how) {
        if (me->ended) return;
        me->connect_deadline.cancel();
        if (!how) return me->fail_with(how.error());
        me->send();
    });
}

void http_client::exchange::send() {
    parser.emplace(http_parser::kind::response, internal::http_limits{.body_bytes_max = request.response_bytes_max},
                   request.method == "HEAD");
    parser->choose_body = [this]() -> std::function<void(std::string_view)> {
        const bool success = parser->status() >= 200 && parser->status() < 300;
        if (!success || !request.on_body) return nullptr;
        return [this](std::string_view piece) {
            if (!ended) request.on_body(piece);
        };
    };
    sent = true;
    // An answer may come before the request is out, and a failed write says nothing about an answer on its way.
    connection->write(request_text(request, to),
                      [me = shared_from_this()](const std::string& error) { me->written = error.empty(); });
    read();
}

void http_client::exchange::read() {
    connection->read([me = shared_from_this()](const internal::wire_read& r) {
        if (!me->ended) me->took(r);
    });
}

void http_client::exchange::took(const internal::wire_read& r) {
    if (!r.bytes.empty()) {
        const auto parsed = parser->put(r.bytes);
        if (ended) return; // on_body may have cancelled
        if (!parsed) return fail_with(parsed.error());
        if (parser->done()) return complete();
        return read();
    }
    if (r.closed) {
        if (parser->end()) return complete();
        if (try_again()) return;
        return fail_with({errc::http_broken, origin + " closed the connection before its answer was complete"});
    }
    if (try_again()) return;
    fail_with({errc::http_broken, "the connection to " + origin + " broke: " + r.error});
}

bool http_client::exchange::try_again() {
    if (!reused || tried_again || !is_safe() || parser->begun()) return false;
    tried_again = true;
    reused = false;
    connection->close();
    connect();
    return true;
}

void http_client::exchange::complete() {
    const std::string* encoding = find_header(parser->headers(), "content-encoding");
    if (encoding != nullptr && !encoding->empty() && !equal_ignoring_case(*encoding, "identity"))
        return fail_with({errc::http_protocol, "the answer of " + origin + " is compressed, which was not asked for"});
    http_response response{parser->status(), std::move(parser->headers()), std::move(parser->body())};
    if (written && parser->reusable()) client.keep_idle(origin, std::exchange(connection, nullptr));
    const auto call = std::move(done);
    const auto keep = shared_from_this();
    end();
    call({.sent = true, .response = std::move(response)});
}

void http_client::exchange::fail_with(error why) {
    const auto call = std::move(done);
    const auto keep = shared_from_this();
    end();
    call({.sent = sent, .response = std::unexpected(std::move(why))});
}

void http_client::exchange::end() {
    ended = true;
    deadline.cancel();
    connect_deadline.cancel();
    if (connection) connection->close();
    client.open.erase(number);
}

http_client::http_client(event_loop& loop, http_client_options options)
    : state_(std::make_shared<state>(loop, std::move(options))) {}

http_client::~http_client() {
    for (const auto& [number, e] : std::exchange(state_->open, {})) {
        e->done = nullptr;
        e->end();
    }
    for (const idle_connection& c : state_->idle) c.connection->close();
}

http_client::ticket http_client::start(http_request request, std::function<void(http_outcome)> done) {
    const ticket number = ++state_->last;
    const auto made = std::make_shared<exchange>(*state_, number, std::move(request), std::move(done));
    state_->open.emplace(number, made);
    state_->loop.post([made] { made->begin(); });
    return number;
}

void http_client::cancel(ticket which) {
    const auto found = state_->open.find(which);
    if (found == state_->open.end()) return;
    const auto keep = found->second;
    keep->end();
}

std::size_t http_client::open_requests() const { return state_->open.size(); }
std::size_t http_client::idle_connections() const { return state_->idle.size(); }

} // namespace aivp
