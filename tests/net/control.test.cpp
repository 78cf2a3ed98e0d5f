#include "runtime/net/control_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <future>
#include <optional>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "runtime/net/control_client.hpp"
#include "tests/net/loopback.hpp"

using namespace aivp;
using net_test::temporary_folder;
using net_test::why;

namespace {

payload json(std::string_view text) { return payload::parse(text).value(); }

/// Runs the loop while `work` blocks in a thread of its own.
template <class Work>
auto while_serving(event_loop& loop, Work work) {
    auto future = std::async(std::launch::async, [&] {
        auto got = work();
        loop.post([&] { loop.stop(); });
        return got;
    });
    loop.run_until([] { return false; }, seconds(20));
    return future.get();
}

struct control_fixture {
    temporary_folder folder;
    std::string path = folder.path() + "/control.sock";
    event_loop loop;
    std::unique_ptr<control_server> server;
    control_server_options options{.socket_path = path};

    void serve(control_server::handler handle) {
        server = control_server::listen(loop, options, std::move(handle)).value();
    }
    result<control_answer> call(std::string_view method, std::string_view target, const payload& body = {}) {
        return while_serving(loop, [&] { return control_client(path, seconds(5)).call(method, target, body); });
    }
    std::string name_of(const auto& failed) { return failed ? "none" : std::string(info(failed.error().code).name); }

    int connect_raw() {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.c_str(), path.size());
        BOOST_REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        const timeval limit{5, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        return fd;
    }
    std::string exchange_raw(std::string_view text) {
        return while_serving(loop, [&] {
            const int fd = connect_raw();
            [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
            std::string answer;
            char buffer[4096];
            for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;)
                answer.append(buffer, static_cast<std::size_t>(n));
            ::close(fd);
            return answer;
        });
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(control, control_fixture)

BOOST_AUTO_TEST_CASE(a_request_arrives_taken_apart_and_its_answer_comes_back) {
    std::optional<control_request> seen;
    serve([&](const control_request& r, const control_reply& reply) {
        seen = r;
        reply.send(201, json(R"({"run":"run_7"})"));
    });
    const auto got = call("POST", "/v1/runs/a%20b?x=1%262&y&x=3+4", json(R"({"goal":"ä"})"));
    BOOST_REQUIRE_MESSAGE(got, why(got));
    BOOST_TEST(got->status == 201);
    BOOST_TEST(got->body.text() == R"({"run":"run_7"})");
    BOOST_TEST(seen->method == "POST");
    BOOST_TEST(seen->path == "/v1/runs/a b");
    BOOST_TEST(*seen->query_value("x") == "1&2");
    BOOST_TEST(*seen->query_value("y") == "");
    BOOST_TEST(seen->query.at(2).second == "3 4");
    BOOST_TEST(seen->query_value("z") == nullptr);
    BOOST_TEST((seen->body == json(R"({"goal":"ä"})")));
}

BOOST_AUTO_TEST_CASE(the_socket_is_its_owners_alone_and_goes_with_the_server) {
    serve([](const control_request&, const control_reply& reply) { reply.send(200, {}); });
    struct stat there{};
    BOOST_REQUIRE(::lstat(path.c_str(), &there) == 0);
    BOOST_TEST((there.st_mode & 0777) == 0600);
    BOOST_TEST(S_ISSOCK(there.st_mode));
    server.reset();
    BOOST_TEST(::lstat(path.c_str(), &there) != 0);
}

BOOST_AUTO_TEST_CASE(an_answer_may_come_later_or_not_at_all) {
    std::optional<control_reply> kept;
    loop_handle timer;
    serve([&](const control_request& r, const control_reply& reply) {
        if (r.path != "/later") return;
        kept = reply;
        timer = loop.call_after(milliseconds(30), [&] {
            kept->send(200, json("7"));
            kept->send(500, json("8"));
        });
    });
    const auto later = call("GET", "/later");
    BOOST_REQUIRE(later);
    BOOST_TEST(later->body.text() == "7");
    const auto never = call("GET", "/never");
    BOOST_REQUIRE(never);
    BOOST_TEST(never->status == 500);
    BOOST_TEST(loop.run_until([&] { return server->connections() == 0; }, seconds(5)));
}

BOOST_AUTO_TEST_CASE(an_error_becomes_a_status_and_a_body_with_its_code) {
    serve([](const control_request& r, const control_reply& reply) {
        reply.send_error({r.path == "/a"   ? errc::run_not_found
                          : r.path == "/b" ? errc::daemon_running
                                           : errc::internal_bug,
                          "why"});
    });
    const auto missing = call("GET", "/a");
    BOOST_REQUIRE(missing);
    BOOST_TEST(missing->status == 404);
    BOOST_TEST(at_pointer(missing->body, "/error/code")->text() == "\"run.not_found\"");
    BOOST_TEST(at_pointer(missing->body, "/error/message")->text() == "\"why\"");
    BOOST_TEST(call("GET", "/b")->status == 409);
    BOOST_TEST(call("GET", "/c")->status == 500);
}

BOOST_AUTO_TEST_CASE(lines_arrive_while_the_stream_goes_on) {
    std::optional<control_stream> stream;
    loop_handle timer;
    bool closed = false;
    serve([&](const control_request&, const control_reply& reply) {
        stream = reply.stream();
        stream->on_closed([&] { closed = true; });
        stream->write_line(json("{\"n\":1}"));
        timer = loop.call_after(milliseconds(20), [&] {
            stream->write_line(json("{\"n\":2}"));
            stream->finish();
            BOOST_TEST(!stream->write_line(json("3")));
        });
    });
    std::vector<std::string> lines;
    const auto got = while_serving(loop, [&] {
        return control_client(path, seconds(5)).follow("/v1/log", [&](const payload& line) {
            lines.emplace_back(line.text());
            return true;
        });
    });
    BOOST_REQUIRE_MESSAGE(got, why(got));
    BOOST_TEST(lines == (std::vector<std::string>{"{\"n\":1}", "{\"n\":2}"}));
    BOOST_TEST(!closed);
}

BOOST_AUTO_TEST_CASE(a_reader_that_has_enough_ends_the_stream) {
    std::optional<control_stream> stream;
    std::function<void()> again;
    std::vector<loop_handle> timers;
    bool closed = false;
    serve([&](const control_request&, const control_reply& reply) {
        stream = reply.stream();
        stream->on_closed([&] { closed = true; });
        again = [&] {
            if (stream->write_line(json("1"))) timers.push_back(loop.call_after(milliseconds(2), again));
        };
        again();
    });
    int count = 0;
    const auto got = while_serving(loop, [&] {
        return control_client(path, seconds(5)).follow("/", [&](const payload&) { return ++count < 3; });
    });
    BOOST_TEST(got.has_value());
    BOOST_TEST(count == 3);
    BOOST_TEST(loop.run_until([&] { return closed; }, seconds(5)));
    BOOST_TEST(!stream->is_open());
}

BOOST_AUTO_TEST_CASE(a_reader_that_does_not_read_is_dropped) {
    std::optional<control_stream> stream;
    options.backlog_bytes_max = 100'000;
    std::size_t written = 0;
    serve([&](const control_request&, const control_reply& reply) {
        stream = reply.stream();
        const payload line = payload::of_string(std::string(10'000, 'x'));
        while (stream->write_line(line) && written < 1000) ++written;
        loop.stop();
    });
    const int fd = connect_raw();
    const std::string_view text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    BOOST_REQUIRE(::send(fd, text.data(), text.size(), 0) > 0);
    loop.run_until([] { return false; }, seconds(5));
    ::close(fd);
    BOOST_TEST(written < 100);
    BOOST_TEST(written >= 9);
    BOOST_TEST(server->connections() == 0);
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_no_stream_is_given_as_it_is) {
    serve([](const control_request&, const control_reply& reply) { reply.send_error({errc::run_not_found, "x"}); });
    const auto got =
        while_serving(loop, [&] { return control_client(path).follow("/", [](const payload&) { return true; }); });
    BOOST_REQUIRE(got);
    BOOST_TEST(got->status == 404);
}

BOOST_AUTO_TEST_CASE(nobody_there_is_daemon_unreachable) {
    BOOST_TEST(name_of(control_client(path).call("GET", "/")) == "daemon.unreachable");
    serve([](const control_request&, const control_reply&) {});
    server.reset();
    BOOST_TEST(name_of(control_client(path).call("GET", "/")) == "daemon.unreachable");
    BOOST_TEST(name_of(control_client(std::string(200, 'x')).call("GET", "/")) == "daemon.unreachable");
    // One that listens and does not answer: its loop does not run.
    serve([](const control_request&, const control_reply&) {});
    BOOST_TEST(name_of(control_client(path, milliseconds(50)).call("GET", "/")) == "daemon.unreachable");
    BOOST_TEST(name_of(control_client(path).call("GET", "/a b")) == "config.value");
}

BOOST_AUTO_TEST_CASE(what_a_dead_daemon_left_is_replaced_and_nothing_else) {
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    BOOST_REQUIRE(::bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(dead);
    serve([](const control_request&, const control_reply& reply) { reply.send(200, json("1")); });
    BOOST_TEST(call("GET", "/")->body.text() == "1");

    event_loop other;
    const auto second = control_server::listen(other, options, [](const control_request&, const control_reply&) {});
    BOOST_TEST(name_of(second) == "daemon.running");
    BOOST_TEST(call("GET", "/")->body.text() == "1");

    options.socket_path = folder.path() + "/file";
    std::ofstream(options.socket_path) << "mine";
    BOOST_TEST(name_of(control_server::listen(other, options, {})) == "io.exists");
    options.socket_path = folder.path() + "/" + std::string(200, 'x');
    BOOST_TEST(name_of(control_server::listen(other, options, {})) == "config.value");
    options.socket_path = folder.path() + "/none/s";
    BOOST_TEST(name_of(control_server::listen(other, options, {})) == "io.write");
}

BOOST_AUTO_TEST_CASE(a_socket_of_a_successor_is_left_alone) {
    serve([](const control_request&, const control_reply&) {});
    BOOST_REQUIRE(::unlink(path.c_str()) == 0);
    auto successor = control_server::listen(
        loop, options, [](const control_request&, const control_reply& reply) { reply.send(200, {}); });
    BOOST_REQUIRE(successor);
    server.reset();
    BOOST_TEST(call("GET", "/").has_value());
}

BOOST_AUTO_TEST_CASE(bad_requests_are_answered_and_do_no_harm) {
    int handled = 0;
    options.request_bytes_max = 1000;
    options.request_time_max = milliseconds(100);
    serve([&](const control_request&, const control_reply& reply) {
        ++handled;
        reply.send(200, json("1"));
    });
    const auto status = [&](std::string_view text) { return exchange_raw(text).substr(0, 12); };
    BOOST_TEST(status("nonsense\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(status("GET http://h/ HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(status("GET /%zz HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(status("GET /?a=%4 HTTP/1.1\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(status("POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{]") == "HTTP/1.1 400");
    BOOST_TEST(status("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n") == "HTTP/1.1 413");
    BOOST_TEST(status("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'x') + "\r\n\r\n") == "HTTP/1.1 400");
    BOOST_TEST(status("HEAD / HTTP/1.1\r\n\r\n") == "HTTP/1.1 405");
    BOOST_TEST(status("GET / HTT") == "HTTP/1.1 408");
    BOOST_TEST(status("") == "HTTP/1.1 408");
    BOOST_TEST(handled == 0);
    BOOST_TEST(status("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n") == "HTTP/1.1 200");
    BOOST_TEST(handled == 1);
}

BOOST_AUTO_TEST_CASE(connections_are_bounded) {
    options.connections_max = 3;
    serve([](const control_request&, const control_reply& reply) { reply.send(200, json("1")); });
    std::vector<int> open;
    for (int i = 0; i < 3; ++i) open.push_back(connect_raw());
    BOOST_TEST(call("GET", "/")->status == 503);
    for (const int fd : open) ::close(fd);
    loop.run_until([&] { return server->connections() == 0; }, seconds(5));
    BOOST_TEST(call("GET", "/")->status == 200);
}

BOOST_AUTO_TEST_CASE(a_server_may_end_with_answers_outstanding) {
    std::optional<control_reply> kept;
    std::optional<control_stream> stream;
    serve([&](const control_request& r, const control_reply& reply) {
        if (r.path == "/stream")
            stream = reply.stream();
        else
            kept = reply;
        if (kept && stream) loop.stop();
    });
    const int one = connect_raw(), two = connect_raw();
    const std::string_view a = "GET /stream HTTP/1.1\r\n\r\n", b = "GET / HTTP/1.1\r\n\r\n";
    BOOST_REQUIRE(::send(one, a.data(), a.size(), 0) > 0);
    BOOST_REQUIRE(::send(two, b.data(), b.size(), 0) > 0);
    loop.run_until([] { return false; }, seconds(5));
    BOOST_REQUIRE(kept && stream);
    server.reset();
    kept->send(200, {});
    BOOST_TEST(!stream->write_line({}));
    BOOST_TEST(!stream->is_open());
    ::close(one);
    ::close(two);
}

BOOST_AUTO_TEST_SUITE_END()
