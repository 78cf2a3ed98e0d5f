#include "runtime/net/http_client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include <boost/test/unit_test.hpp>

#include "tests/net/loopback.hpp"

using namespace aivp;
using namespace net_test;

namespace {

constexpr duration patience = seconds(10);

struct client_fixture {
    event_loop loop;
    http_client_options options;

    http_client& client() {
        if (!client_) client_.emplace(loop, options);
        return *client_;
    }
    void allow(const loopback_server& server, std::string host = "127.0.0.1") {
        options.egress.allow({std::move(host), server.port(), true});
    }
    http_outcome fetch(http_request request) {
        std::optional<http_outcome> got;
        client().start(std::move(request), [&](http_outcome o) {
            BOOST_TEST(!got.has_value());
            got = std::move(o);
        });
        BOOST_TEST(!got.has_value()); // never from within start()
        loop.run_until([&] { return got.has_value(); }, patience);
        BOOST_REQUIRE(got.has_value());
        BOOST_TEST(client().open_requests() == 0);
        return std::move(*got);
    }
    http_outcome get(std::string url) { return fetch({.url = std::move(url), .timeout = seconds(5)}); }
    http_outcome post(std::string url, std::string body) {
        return fetch({.method = "POST", .url = std::move(url), .body = std::move(body), .timeout = seconds(5)});
    }
    void expect_error(const http_outcome& o, std::string_view name, bool sent) {
        BOOST_REQUIRE_MESSAGE(!o.response, "an answer with status " << (o.response ? o.response->status : 0));
        BOOST_TEST(info(o.response.error().code).name == name, o.response.error().message);
        BOOST_TEST(o.sent == sent, o.response.error().message);
    }

    std::optional<http_client> client_;
};

std::string shown(const http_outcome& o) {
    return o.response ? std::to_string(o.response->status) + " " + o.response->body : o.response.error().message;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_client_calls, client_fixture)

BOOST_AUTO_TEST_CASE(an_answer_comes_with_status_headers_and_body) {
    std::string seen;
    loopback_server server([&](peer& p, int) {
        seen = p.read_request();
        p.send("HTTP/1.1 404 Not Found\r\nX-One: 1\r\nContent-Length: 4\r\n\r\nnone");
    });
    allow(server);
    const auto got =
        fetch({.method = "PUT", .url = server.url("/a?b=c"), .headers = {{"X-Mine", "yes"}}, .body = "{\"x\":1}"});
    BOOST_REQUIRE_MESSAGE(got.response, shown(got));
    BOOST_TEST(got.sent);
    BOOST_TEST(got.response->status == 404);
    BOOST_TEST(got.response->body == "none");
    BOOST_REQUIRE(find_header(got.response->headers, "x-one") != nullptr);
    BOOST_TEST(*find_header(got.response->headers, "x-one") == "1");
    BOOST_TEST(seen.starts_with("PUT /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"),
               seen);
    BOOST_TEST(seen.contains("\r\nX-Mine: yes\r\n"));
    BOOST_TEST(seen.ends_with("\r\n\r\n{\"x\":1}"));
}

BOOST_AUTO_TEST_CASE(a_connection_is_used_again) {
    loopback_server server(answering([](const std::string&) { return ok("x"); }));
    allow(server);
    for (int i = 0; i < 5; ++i) BOOST_TEST(get(server.url("/")).response.has_value());
    BOOST_TEST(server.connections() == 1);
    BOOST_TEST(client().idle_connections() == 1);
}

BOOST_AUTO_TEST_CASE(a_connection_that_said_close_or_is_old_is_not_used_again) {
    loopback_server server(answering([](const std::string&) { return ok("x", "Connection: close\r\n"); }));
    allow(server);
    get(server.url("/"));
    get(server.url("/"));
    BOOST_TEST(server.connections() == 2);
    BOOST_TEST(client().idle_connections() == 0);

    client_fixture brief;
    loopback_server lasting(answering([](const std::string&) { return ok("x"); }));
    brief.allow(lasting);
    brief.options.idle_time_max = milliseconds(30);
    brief.get(lasting.url("/"));
    BOOST_TEST(brief.client().idle_connections() == 1);
    brief.loop.run_until([&] { return brief.client().idle_connections() == 0; }, patience);
    BOOST_TEST(brief.client().idle_connections() == 0);
}

BOOST_AUTO_TEST_CASE(kept_connections_are_bounded) {
    loopback_server server(answering([](const std::string&) { return ok("x"); }));
    allow(server);
    options.idle_per_origin_max = 2;
    int left = 6;
    for (int i = 0; i < 6; ++i)
        client().start({.url = server.url("/")}, [&](const http_outcome& o) {
            BOOST_TEST(o.response.has_value());
            --left;
        });
    loop.run_until([&] { return left == 0; }, patience);
    BOOST_TEST(left == 0);
    BOOST_TEST(client().idle_connections() <= 2);
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_dies_costs_a_get_nothing_and_a_post_its_certainty) {
    loopback_server server([](peer& p, int number) {
        p.read_request();
        p.send(ok("first"));
        if (number % 2 == 0) return;
        p.read_request(); // and then it closes without an answer
    });
    allow(server);
    BOOST_TEST(get(server.url("/")).response.has_value());
    const auto again = get(server.url("/"));
    BOOST_REQUIRE_MESSAGE(again.response, shown(again));
    BOOST_TEST(server.connections() == 2);

    client_fixture other;
    other.allow(server);
    BOOST_TEST(other.get(server.url("/")).response.has_value());
    BOOST_TEST(server.connections() == 3);
    other.expect_error(other.post(server.url("/"), "x"), "http.broken", true);
    BOOST_TEST(server.connections() == 3);
}

BOOST_AUTO_TEST_CASE(nobody_there_means_nothing_was_sent) {
    const std::uint16_t port = closed_port();
    options.egress.allow({"127.0.0.1", port, true});
    expect_error(post("http://127.0.0.1:" + std::to_string(port) + "/", "x"), "http.connect", false);
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_accept_means_nothing_was_sent) {
    // A full queue of connections: the kernel lets further ones wait.
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    BOOST_REQUIRE(::listen(listener, 0) == 0);
    std::vector<int> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        [[maybe_unused]] const int in_progress =
            ::connect(waiting.back(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    const std::uint16_t port = ntohs(address.sin_port);
    options.egress.allow({"127.0.0.1", port, true});
    const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/";
    const auto slow = fetch({.url = url, .timeout = seconds(5), .connect_timeout = milliseconds(50)});
    expect_error(slow, "http.connect", false);
    expect_error(fetch({.url = url, .timeout = milliseconds(50), .connect_timeout = seconds(5)}), "limit.step_time",
                 false);
    for (const int fd : waiting) ::close(fd);
    ::close(listener);
}

BOOST_AUTO_TEST_CASE(a_slow_server_meets_the_deadline) {
    loopback_server silent([](peer& p, int) {
        p.read_request();
        p.wait_ms(5000);
    });
    loopback_server dribbling([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        for (int i = 0; i < 1000 && p.send("x"); ++i) p.wait_ms(20);
    });
    loopback_server deaf([](peer& p, int) { p.wait_ms(5000); });
    allow(silent);
    allow(dribbling);
    allow(deaf);
    expect_error(fetch({.url = silent.url("/"), .timeout = milliseconds(60)}), "limit.step_time", true);
    expect_error(fetch({.url = dribbling.url("/"), .timeout = milliseconds(60)}), "limit.step_time", true);
    expect_error(
        fetch(
            {.method = "POST", .url = deaf.url("/"), .body = std::string(32u << 20, 'x'), .timeout = milliseconds(60)}),
        "limit.step_time", true);
    expect_error(fetch({.url = silent.url("/"), .timeout = duration{-5}}), "limit.step_time", false);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_cut_anywhere_leaves_it_open_what_happened) {
    for (const bool hard : {false, true}) {
        for (const char* text :
             {"", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n",
              "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel",
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello", "HTTP/1.1 100 Continue\r\n\r\n"}) {
            loopback_server server([&](peer& p, int) {
                p.read_request();
                p.send(text);
                if (hard) p.reset();
            });
            client_fixture f;
            f.allow(server);
            f.expect_error(f.post(server.url("/"), "x"), "http.broken", true);
            BOOST_TEST(server.connections() == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_http_is_named_so) {
    for (const char* text : {"220 smtp ready\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "\x15\x03\x01",
                             "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"}) {
        loopback_server server([&](peer& p, int) {
            p.read_request();
            p.send(text);
            p.finish_and_drain();
        });
        client_fixture f;
        f.allow(server);
        f.expect_error(f.post(server.url("/"), "x"), "http.protocol", true);
    }
}

BOOST_AUTO_TEST_CASE(a_babbling_server_is_cut_short) {
    loopback_server heads([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\n");
        while (p.send("X-Babble: " + std::string(100, 'x') + "\r\n")) {}
    });
    loopback_server bodies([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\n\r\n");
        while (p.send(std::string(10000, 'x'))) {}
    });
    loopback_server claims([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n");
        p.finish_and_drain();
    });
    loopback_server interim([](peer& p, int) {
        p.read_request();
        while (p.send("HTTP/1.1 102 Processing\r\n\r\n")) {}
    });
    for (const auto* server : {&heads, &bodies, &claims, &interim}) allow(*server);
    expect_error(get(heads.url("/")), "http.protocol", true);
    expect_error(fetch({.url = bodies.url("/"), .response_bytes_max = 100'000}), "limit.output", true);
    expect_error(get(claims.url("/")), "limit.output", true);
    expect_error(fetch({.url = interim.url("/"), .timeout = milliseconds(300)}), "limit.step_time", true);
}

BOOST_AUTO_TEST_CASE(redirects_are_answers) {
    loopback_server elsewhere(answering([](const std::string&) { return ok("secret"); }));
    loopback_server server(answering([&](const std::string&) {
        return "HTTP/1.1 302 Found\r\nLocation: " + elsewhere.url("/") + "\r\nContent-Length: 0\r\n\r\n";
    }));
    allow(server);
    allow(elsewhere);
    const auto got = get(server.url("/"));
    BOOST_REQUIRE(got.response);
    BOOST_TEST(got.response->status == 302);
    BOOST_TEST(elsewhere.connections() == 0);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_before_the_request_is_out) {
    loopback_server server([](peer& p, int) {
        p.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
        p.finish_and_drain();
    });
    allow(server);
    const auto got = post(server.url("/"), std::string(8u << 20, 'x'));
    BOOST_REQUIRE_MESSAGE(got.response, shown(got));
    BOOST_TEST(got.response->status == 413);
    BOOST_TEST(client().idle_connections() == 0);
}

BOOST_AUTO_TEST_CASE(a_head_request_has_no_body_to_wait_for) {
    loopback_server server(
        answering([](const std::string&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"); }));
    allow(server);
    const auto got = fetch({.method = "HEAD", .url = server.url("/")});
    BOOST_REQUIRE_MESSAGE(got.response, shown(got));
    BOOST_TEST(got.response->body.empty());
}

BOOST_AUTO_TEST_CASE(destinations_that_nobody_listed_are_not_connected_to) {
    loopback_server server(answering([](const std::string&) { return ok("x"); }));
    expect_error(get(server.url("/")), "policy.denied", false);
    client().start({.url = server.url("/")}, [](const http_outcome&) {});

    client_fixture listed; // but not with a private address
    listed.options.egress.allow({"127.0.0.1", server.port()});
    listed.options.egress.allow({"localhost", server.port()});
    listed.expect_error(listed.get(server.url("/")), "policy.denied", false);
    listed.expect_error(listed.get(server.url("/", "localhost")), "policy.denied", false);
    listed.expect_error(listed.get(server.url("/", "[::1]")), "policy.denied", false);
    listed.expect_error(listed.get(server.url("/", "[::ffff:127.0.0.1]")), "policy.denied", false);
    BOOST_TEST(server.connections() == 0);

    client_fixture named;
    named.allow(server, "localhost");
    named.expect_error(named.get(server.url("/")), "policy.denied", false);
    const auto got = named.get(server.url("/", "LOCALHOST"));
    BOOST_TEST(got.response.has_value(), shown(got));
}

BOOST_AUTO_TEST_CASE(requests_that_would_say_something_else_are_not_sent) {
    loopback_server server(answering([](const std::string&) { return ok("x"); }));
    allow(server);
    for (const http_header& h : std::vector<http_header>{{"X", "a\r\nEvil: b"},
                                                         {"X Y", "a"},
                                                         {"Host", "evil"},
                                                         {"content-length", "3"},
                                                         {"Transfer-Encoding", "chunked"},
                                                         {"Connection", "close"}})
        expect_error(fetch({.url = server.url("/"), .headers = {h}}), "config.value", false);
    expect_error(fetch({.method = "GET / HTTP/1.1\r\nX:", .url = server.url("/")}), "config.value", false);
    expect_error(get("http://h\r\nX: y/"), "config.value", false);
    BOOST_TEST(server.connections() == 0);
}

BOOST_AUTO_TEST_CASE(errors_do_not_repeat_the_address_or_the_headers) {
    const std::uint16_t port = closed_port();
    options.egress.allow({"127.0.0.1", port, true});
    const auto got = fetch({.url = "http://127.0.0.1:" + std::to_string(port) + "/hunter2222?k=hunter2222",
                            .headers = {{"Authorization", "hunter2222"}},
                            .body = "hunter2222"});
    BOOST_REQUIRE(!got.response);
    BOOST_TEST(!to_string(got.response.error()).contains("hunter2222"));
}

BOOST_AUTO_TEST_CASE(pieces_of_a_body_come_as_they_arrive) {
    loopback_server server([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (const char* chunk : {"3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"}) {
            p.send(chunk);
            p.wait_ms(30);
        }
    });
    allow(server);
    std::vector<std::string> pieces;
    const auto got =
        fetch({.url = server.url("/"), .on_body = [&](std::string_view piece) { pieces.emplace_back(piece); }});
    BOOST_REQUIRE_MESSAGE(got.response, shown(got));
    BOOST_TEST(pieces == (std::vector<std::string>{"one", "two"}));
    BOOST_TEST(got.response->body.empty());
}

BOOST_AUTO_TEST_CASE(the_body_of_an_error_is_not_streamed) {
    loopback_server server(
        answering([](const std::string&) { return std::string("HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nwhy"); }));
    allow(server);
    bool streamed = false;
    const auto got = fetch({.url = server.url("/"), .on_body = [&](std::string_view) { streamed = true; }});
    BOOST_REQUIRE(got.response);
    BOOST_TEST(got.response->body == "why");
    BOOST_TEST(!streamed);
}

BOOST_AUTO_TEST_CASE(a_cancelled_request_says_nothing_more) {
    loopback_server server([](peer& p, int) {
        p.read_request();
        p.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
        p.wait_ms(50);
        p.send("def");
    });
    allow(server);
    int called = 0;
    const auto before = client().start({.url = server.url("/")}, [&](const http_outcome&) { ++called; });
    client().cancel(before);
    std::optional<http_client::ticket> during;
    int pieces = 0;
    during = client().start({.url = server.url("/"),
                             .on_body =
                                 [&](std::string_view) {
                                     ++pieces;
                                     client().cancel(*during);
                                 }},
                            [&](const http_outcome&) { ++called; });
    loop.run_until([&] { return pieces > 0; }, patience);
    loop.run_until([] { return false; }, milliseconds(100));
    client().cancel(*during);
    client().cancel(12345);
    BOOST_TEST(pieces == 1);
    BOOST_TEST(called == 0);
    BOOST_TEST(client().open_requests() == 0);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_client_is_the_end_of_its_requests) {
    loopback_server server([](peer& p, int) {
        p.read_request();
        p.wait_ms(100);
        p.send(ok("late"));
    });
    allow(server);
    int called = 0;
    for (int i = 0; i < 3; ++i) client().start({.url = server.url("/")}, [&](const http_outcome&) { ++called; });
    loop.run_until([] { return false; }, milliseconds(20));
    client().start({.url = server.url("/")}, [&](const http_outcome&) { ++called; });
    client_.reset();
    loop.run_until([] { return false; }, milliseconds(150));
    BOOST_TEST(called == 0);
}

BOOST_AUTO_TEST_CASE(a_loop_may_end_with_requests_under_way) {
    loopback_server server([](peer& p, int) { p.wait_ms(200); });
    std::optional<event_loop> brief;
    brief.emplace();
    http_client_options o;
    o.egress.allow({"127.0.0.1", server.port(), true});
    std::optional<http_client> under_way;
    under_way.emplace(*brief, o);
    int called = 0;
    under_way->start({.url = server.url("/")}, [&](const http_outcome&) { ++called; });
    brief->run_until([] { return false; }, milliseconds(30));
    under_way.reset();
    brief.reset();
    BOOST_TEST(called == 0);
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

/// A certificate authority and two certificates of it, made by the openssl command.
struct authority_fixture : client_fixture {
    authority_fixture() {
        const auto run = [&](const std::string& command) {
            const std::string line = "cd '" + folder.path() + "' && openssl " + command + " >>log 2>&1";
            made = made && std::system(line.c_str()) == 0;
        };
        for (const char* ca : {"ca", "other"})
            run(std::string("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-") +
                ca + " -keyout " + ca + ".key -out " + ca + ".pem");
        const auto issue = [&](const std::string& name, const std::string& alternative) {
            std::ofstream(folder.path() + "/" + name + ".ext") << "subjectAltName=" << alternative << "\n";
            run("req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout " + name +
                ".key -out " + name + ".csr");
            run("x509 -req -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile " + name +
                ".ext -out " + name + ".pem");
        };
        issue("name", "DNS:localhost");
        issue("address", "IP:127.0.0.1");
        issue("elsewhere", "DNS:elsewhere.example");
    }
    tls_files files(const std::string& name) const {
        return {folder.path() + "/" + name + ".pem", folder.path() + "/" + name + ".key"};
    }
    void trust(const std::string& ca) {
        options.ca_file = folder.path() + "/" + ca + ".pem";
        options.system_trust = false;
    }

    temporary_folder folder;
    bool made = std::system("command -v openssl >/dev/null") == 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_client_tls, authority_fixture)

BOOST_AUTO_TEST_CASE(a_certificate_counts_for_the_name_that_was_called) {
    BOOST_REQUIRE_MESSAGE(made, "the openssl command is needed to make certificates");
    const auto play = answering([](const std::string&) { return ok("safe"); });
    const tls_files name = files("name"), address = files("address"), elsewhere = files("elsewhere");
    loopback_server by_name(play, &name), by_address(play, &address), by_other(play, &elsewhere);
    trust("ca");
    for (const auto* server : {&by_name, &by_address, &by_other}) {
        allow(*server);
        allow(*server, "localhost");
    }
    for (int i = 0; i < 3; ++i) {
        const auto got = get(by_name.url("/", "localhost"));
        BOOST_REQUIRE_MESSAGE(got.response, shown(got));
        BOOST_TEST(got.response->body == "safe");
    }
    BOOST_TEST(by_name.connections() == 1);
    BOOST_TEST(get(by_address.url("/")).response.has_value());
    expect_error(post(by_name.url("/"), "x"), "http.tls", false);
    expect_error(post(by_address.url("/", "localhost"), "x"), "http.tls", false);
    expect_error(post(by_other.url("/", "localhost"), "x"), "http.tls", false);
}

BOOST_AUTO_TEST_CASE(a_certificate_of_a_stranger_is_refused) {
    BOOST_REQUIRE_MESSAGE(made, "the openssl command is needed to make certificates");
    const tls_files name = files("name");
    loopback_server server(answering([](const std::string&) { return ok("x"); }), &name);
    allow(server, "localhost");
    trust("other");
    expect_error(get(server.url("/", "localhost")), "http.tls", false);

    client_fixture by_system;
    by_system.allow(server, "localhost");
    by_system.expect_error(by_system.get(server.url("/", "localhost")), "http.tls", false);

    client_fixture missing;
    missing.allow(server, "localhost");
    missing.options.ca_file = folder.path() + "/none.pem";
    missing.expect_error(missing.get(server.url("/", "localhost")), "http.tls", false);
}

BOOST_AUTO_TEST_CASE(a_server_without_tls_gets_nothing) {
    BOOST_REQUIRE_MESSAGE(made, "the openssl command is needed to make certificates");
    std::string seen;
    loopback_server server([&](peer& p, int) {
        p.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
        p.finish_and_drain();
    });
    allow(server, "localhost");
    trust("ca");
    const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
    expect_error(post(url, "x"), "http.tls", false);
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_the_connection_needs_its_proper_end) {
    BOOST_REQUIRE_MESSAGE(made, "the openssl command is needed to make certificates");
    const tls_files name = files("name");
    loopback_server server(
        [](peer& p, int) {
            p.read_request();
            p.send("HTTP/1.1 200 OK\r\n\r\nhalf of it");
        },
        &name);
    allow(server, "localhost");
    trust("ca");
    expect_error(get(server.url("/", "localhost")), "http.broken", true);
}

BOOST_AUTO_TEST_SUITE_END()
