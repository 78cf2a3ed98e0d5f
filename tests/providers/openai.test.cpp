#include "runtime/providers/openai.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/net/ports.hpp"
#include "tests/providers/support.hpp"

using namespace aivp;
using namespace net_test;
using provider_test::name_of;

namespace {

constexpr std::string_view key_value = "sk-test-0123456789";
const std::string whole_answer =
    R"({"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":1}})";
const std::string first_events =
    ": comment\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n";
const std::string finish_event = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const std::string usage_event =
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";

struct provider_fixture : port_fixture {
    openai_options with;
    std::unique_ptr<openai_provider> provider;
    std::uint64_t calls = 0;

    provider_fixture() { secrets.values["openai_api_key"] = key_value; }

    void use(const loopback_server& server) {
        provider.reset();
        allow_late(server);
        with.base_url = server.url("/v1");
        provider = openai_provider::make(client(), secrets, clock, with).value();
    }
    model_request request(duration limit = seconds(5)) {
        return {.run = run_id{3},
                .call = call_id{++calls},
                .model = "gpt-x",
                .params = json("{}"),
                .tools = json("[]"),
                .messages = history().appended(user_message("hello")),
                .deadline = clock.now() + limit};
    }
    std::string ask(duration limit = seconds(5)) {
        provider->call(request(limit), sink);
        loop.run_until([&] { return !sink.models.empty(); }, seconds(10));
        BOOST_REQUIRE(sink.models.size() == 1);
        const auto done = std::move(sink.models.front());
        sink.models.clear();
        BOOST_TEST(!done.message.contains(key_value));
        BOOST_TEST((done.ref == call_ref{run_id{3}, call_id{calls}}));
        if (done.outcome == effect_outcome::ok) return "ok " + provider_test::summary(done.response);
        BOOST_TEST(!done.message.empty());
        last_message = done.message;
        last_wait = done.retry_after;
        return std::string(to_string(done.outcome)) + " " + name_of(done.code);
    }
    std::string ask(std::function<std::string(const std::string&)> answer) {
        loopback_server server(answering(std::move(answer)));
        use(server);
        return ask();
    }
    /// Sends `text` as it is and closes.
    std::string ask_raw(const std::string& text, bool hard = false) {
        loopback_server server([&](peer& p, int) {
            p.read_request();
            p.send(text);
            if (hard) {
                p.wait_ms(30);
                p.reset();
            }
        });
        use(server);
        return ask();
    }
    std::string last_message;
    duration last_wait;
};

std::string status(int code, std::string_view body, std::string_view headers = "") {
    return "HTTP/1.1 " + std::to_string(code) + " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           std::string(headers) + "\r\n" + std::string(body);
}

const std::string stream_head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

} // namespace

BOOST_FIXTURE_TEST_SUITE(openai, provider_fixture)

BOOST_AUTO_TEST_CASE(a_turn_is_asked_for_and_read) {
    std::string seen;
    BOOST_TEST(ask([&](const std::string& request) {
                   seen = request;
                   return ok(whole_answer);
               }) == "ok stop \"Hi\" 4/0/1");
    BOOST_TEST(seen.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
    BOOST_TEST(seen.contains("\r\nAuthorization: Bearer sk-test-0123456789\r\n"));
    const std::string body = seen.substr(seen.find("\r\n\r\n") + 4);
    BOOST_TEST(!body.contains(key_value));
    BOOST_TEST((json(body) == json(R"({"model":"gpt-x","messages":[{"role":"user","content":"hello"}]})")));
}

BOOST_AUTO_TEST_CASE(a_server_may_want_its_key_elsewhere_or_none) {
    std::string seen;
    const auto play = [&](const std::string& request) {
        seen = request;
        return ok(whole_answer);
    };
    with.key_header = "api-key";
    with.key_prefix = "";
    with.headers = {{"X-Org", "7"}};
    BOOST_TEST(ask(play).starts_with("ok"));
    BOOST_TEST(seen.contains("\r\napi-key: sk-test-0123456789\r\n"));
    BOOST_TEST(seen.contains("\r\nX-Org: 7\r\n"));
    with.secret = "";
    BOOST_TEST(ask(play).starts_with("ok"));
    BOOST_TEST(!seen.contains(key_value));
    with.secret = "nosuch";
    seen.clear();
    BOOST_TEST(ask(play) == "failed secret.unavailable");
    BOOST_TEST(seen.empty());
    with.base_url = "https://u:p@h/";
    BOOST_TEST(!openai_provider::make(client(), secrets, clock, with));
}

BOOST_AUTO_TEST_CASE(a_stream_makes_the_same_answer) {
    with.dialect.stream = true;
    std::string seen;
    loopback_server server([&](peer& p, int) {
        seen = p.read_request();
        p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        const std::string text = first_events + finish_event + usage_event;
        for (std::size_t i = 0; i < text.size(); i += 7) {
            const std::string piece = text.substr(i, 7);
            p.send(std::string(1, "01234567"[piece.size()]) + "\r\n" + piece + "\r\n");
        }
        p.send("0\r\n\r\n");
    });
    use(server);
    BOOST_TEST(ask() == "ok stop \"Hi\" 4/0/1");
    BOOST_TEST(seen.contains("\"stream\":true"));
}

BOOST_AUTO_TEST_CASE(a_cut_stream_is_unknown_until_its_finish_reason) {
    with.dialect.stream = true;
    for (const bool hard : {false, true}) {
        BOOST_TEST(ask_raw(stream_head, hard) == "unknown model.unknown");
        BOOST_TEST(ask_raw(stream_head + first_events, hard) == "unknown model.unknown");
        BOOST_TEST(ask_raw(stream_head + first_events + finish_event, hard) == "ok stop \"Hi\"");
        BOOST_TEST(ask_raw(stream_head + first_events + finish_event + usage_event, hard) == "ok stop \"Hi\" 4/0/1");
    }
    BOOST_TEST(ask_raw(stream_head + first_events + finish_event.substr(0, finish_event.size() - 2)) ==
               "ok stop \"Hi\"");
    BOOST_TEST(ask_raw(stream_head + first_events + "data: {\"choi") == "failed model.invalid_response");
    BOOST_TEST(ask_raw(stream_head + "data: {\"error\":{\"message\":\"busy\",\"code\":429}}\n\n") ==
               "failed model.rate_limited");
}

BOOST_AUTO_TEST_CASE(a_server_may_ignore_that_a_stream_was_asked_for) {
    with.dialect.stream = true;
    BOOST_TEST(ask([](const std::string&) { return ok(whole_answer); }) == "ok stop \"Hi\" 4/0/1");
    BOOST_TEST(ask([](const std::string&) { return status(429, R"({"error":{"message":"m"}})"); }) ==
               "failed model.rate_limited");
    BOOST_TEST(ask([](const std::string&) { return ok("<html>"); }) == "unknown model.unknown");
}

BOOST_AUTO_TEST_CASE(errors_keep_their_meaning_and_lose_the_key) {
    const auto with_status = [&](int code, std::string body) {
        return ask([=](const std::string&) { return status(code, body); });
    };
    BOOST_TEST(with_status(429, R"({"error":{"message":"slow"}})") == "failed model.rate_limited");
    BOOST_TEST(last_message == "the provider answered with status 429: slow");
    BOOST_TEST((last_wait == duration{}));
    BOOST_TEST(ask([](const std::string&) { return status(429, "{}", "Retry-After: 3\r\n"); }) ==
               "failed model.rate_limited");
    BOOST_TEST((last_wait == seconds(3)));
    BOOST_TEST(with_status(401, R"({"error":{"message":"Incorrect API key provided: sk-test-0123456789."}})") ==
               "failed secret.unavailable");
    BOOST_TEST(with_status(400, R"({"error":{"message":"m","code":"context_length_exceeded"}})") ==
               "failed model.context_length");
    BOOST_TEST(with_status(500, "") == "failed model.failed");
    BOOST_TEST(with_status(200, "{\"choices\":") == "failed model.invalid_response");
    BOOST_TEST(with_status(302, "") == "failed http.protocol");
}

BOOST_AUTO_TEST_CASE(an_answer_that_echoes_the_key_loses_it) {
    BOOST_TEST(
        !ask([](const std::string&) {
             return ok(
                 R"({"choices":[{"message":{"content":"your key is sk-test-0123456789"},"finish_reason":"stop"}]})");
         }).contains(key_value));
}

BOOST_AUTO_TEST_CASE(transport_failures_say_whether_the_model_may_have_been_asked) {
    BOOST_TEST(ask_raw("") == "unknown model.unknown");
    BOOST_TEST(ask_raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"cho") == "unknown model.unknown");
    BOOST_TEST(ask_raw("garbage\r\n\r\n") == "unknown model.unknown");
    loopback_server silent([](peer& p, int) {
        p.read_request();
        p.wait_ms(2000);
    });
    use(silent);
    BOOST_TEST(ask(milliseconds(60)) == "unknown model.unknown");
    BOOST_TEST(ask(milliseconds(-1)) == "failed limit.step_time");
    const std::uint16_t nobody = closed_port();
    options.egress.allow({"127.0.0.1", nobody, true});
    provider.reset();
    client_.reset();
    with.base_url = "http://127.0.0.1:" + std::to_string(nobody);
    provider = openai_provider::make(client(), secrets, clock, with).value();
    BOOST_TEST(ask() == "failed http.connect");
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_not_completed) {
    loopback_server server(answering([](const std::string&) { return ok(whole_answer); }));
    use(server);
    provider->call(request(), sink);
    provider->cancel({run_id{3}, call_id{calls}});
    provider->cancel({run_id{9}, call_id{9}});
    provider->call(request(), sink);
    provider.reset();
    loop.run_until([] { return false; }, milliseconds(50));
    BOOST_TEST(sink.models.empty());
}

BOOST_AUTO_TEST_SUITE_END()
