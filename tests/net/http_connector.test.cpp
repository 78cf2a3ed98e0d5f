#include "runtime/net/http_connector.hpp"

#include <map>
#include <optional>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "tests/net/ports.hpp"

using namespace aivp;
using namespace net_test;

namespace {

struct connector_fixture : port_fixture {
    std::string seen;
    std::string answer = ok("{}");
    loopback_server server{answering([this](const std::string& request) {
        seen = request;
        return answer;
    })};
    std::optional<http_connector> connector;

    void bind(http_binding b) {
        b.url = b.url.starts_with('/') ? server.url(b.url) : b.url;
        allow(server);
        connector.emplace(client(), secrets, clock);
        const auto bound = connector->bind("x.do", b);
        BOOST_REQUIRE_MESSAGE(bound, why(bound));
    }
    skill_completion call(std::string_view arguments, effect_class effect = effect_class::write) {
        skill_request r{
            .skill = "x.do", .effect = effect, .arguments = json(arguments), .deadline = clock.now() + seconds(5)};
        r.run = run_id{7};
        r.call = call_id{++calls};
        r.idempotency_key = key;
        connector->call(r, sink);
        loop.run_until([&] { return !sink.skills.empty(); }, seconds(10));
        BOOST_REQUIRE(sink.skills.size() == 1);
        auto done = std::move(sink.skills.front());
        sink.skills.clear();
        BOOST_TEST((done.ref == call_ref{r.run, r.call}));
        return done;
    }
    std::string summary(const skill_completion& c) {
        return std::string(to_string(c.outcome)) + " " + std::string(c.code == errc::ok ? "-" : info(c.code).name) +
               " " + std::string(c.result.text());
    }
    std::string first_line() const { return seen.substr(0, seen.find("\r\n")); }

    effect_key key;
    std::uint64_t calls = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(http_connector_calls, connector_fixture)

BOOST_AUTO_TEST_CASE(arguments_fill_the_places_of_the_table_and_nothing_else) {
    bind({.method = "PUT", .url = "/v1/items/{id}/x-{n}?q={q}&fixed=1&flag&o={o}", .headers = {{"X-Api", "2"}}});
    const auto got = call(R"({"id":"a/../b?c#d e","n":-5,"q":"x&y=ä","body":{"deep":[1]},"other":true})");
    BOOST_TEST(summary(got) == "ok - {}");
    BOOST_TEST(first_line() == "PUT /v1/items/a%2F..%2Fb%3Fc%23d%20e/x--5?q=x%26y%3D%C3%A4&fixed=1&flag HTTP/1.1");
    BOOST_TEST(seen.contains("\r\nX-Api: 2\r\n"));
    BOOST_TEST(seen.contains("\r\nContent-Type: application/json\r\n"));
    BOOST_TEST(seen.ends_with("\r\n\r\n{\"body\":{\"deep\":[1]},\"other\":true}"));
}

BOOST_AUTO_TEST_CASE(arguments_that_would_make_another_address_are_refused) {
    bind({.method = "GET", .url = "/v1/{a}{b}/end?q={q}", .body = http_body::none});
    for (const char* arguments :
         {R"({})", R"({"a":"x"})", R"({"a":"","b":"x"})", R"({"a":null,"b":"x"})", R"({"a":[1],"b":"x"})",
          R"({"a":".","b":"."})", R"({"a":{"x":1},"b":"x"})", R"({"a":"x","b":"y","q":[1]})"})
        BOOST_TEST(summary(call(arguments)) == "failed args.schema null", arguments);
    BOOST_TEST(summary(call(R"({"a":"x","b":"y","more":1})")) == "failed args.unknown null");
    BOOST_TEST(server.connections() == 0);
    BOOST_TEST((call(R"({"a":"..","b":"x","q":null})").outcome == effect_outcome::ok));
    BOOST_TEST(first_line() == "GET /v1/..x/end HTTP/1.1");
}

BOOST_AUTO_TEST_CASE(a_table_that_is_wrong_is_refused_when_it_is_made) {
    http_connector c(client(), secrets, clock);
    for (const char* url :
         {"", "x", "ftp://h/", "https://{host}/", "https://h:{port}/", "https://a{b}c/x", "https://h/{a",
          "https://h/a}", "https://h/{}", "https://h/{a{b}}", "https://h/?{k}=v", "https://h/?q=a{v}",
          "https://h/?q={a}{b}", "https://h/../{a}", "https://h/a b", "https://h/#{f}", "https://u:p@h/"})
        BOOST_TEST(!c.bind("x", {.url = url}), url);
    BOOST_TEST(!c.bind("x", {.method = "GE T", .url = "https://h/"}));
    BOOST_TEST(!c.bind("x", {.url = "https://h/", .headers = {{"A\r\n", ""}}}));
    BOOST_TEST(!c.bind("x", {.url = "https://h/", .key_header = "a b"}));
    BOOST_TEST(c.bind("y", {.url = "https://h"}).has_value());
    BOOST_TEST(c.serves("y"));
    BOOST_TEST(!c.serves("z"));
}

BOOST_AUTO_TEST_CASE(results_are_json_text_or_nothing) {
    bind({.url = "/"});
    answer = ok(R"({"b":1, "a":2})");
    BOOST_TEST(summary(call("{}")) == R"(ok - {"a":2,"b":1})");
    answer = ok("plain \xff words");
    BOOST_TEST(summary(call("{}")) == "ok - {\"text\":\"plain \xEF\xBF\xBD words\"}");
    answer = ok("{\"cut\":");
    BOOST_TEST(summary(call("{}")) == R"(ok - {"text":"{\"cut\":"})");
    answer = "HTTP/1.1 204 No Content\r\n\r\n";
    BOOST_TEST(summary(call("{}")) == "ok - null");
}

BOOST_AUTO_TEST_CASE(refusals_and_errors_of_the_server_are_told_apart) {
    bind({.url = "/"});
    const auto with = [&](const char* status, const char* headers = "") {
        answer = "HTTP/1.1 " + std::string(status) + " X\r\n" + headers + "Content-Length: 12\r\n\r\n{\"why\":\"no\"}";
    };
    with("404");
    BOOST_TEST(summary(call("{}")) == R"(failed skill.failed {"error":{"why":"no"},"status":404})");
    with("429", "Retry-After: 7\r\n");
    BOOST_TEST(summary(call("{}")) ==
               R"(failed skill.unavailable {"error":{"why":"no"},"retry_after_ms":7000,"status":429})");
    with("429", "retry-after-ms: 1500\r\nRetry-After: 2\r\n");
    BOOST_TEST(summary(call("{}")).contains("\"retry_after_ms\":1500"));
    BOOST_TEST((call("{}").retry_after == milliseconds(1500)));
    with("302", "Location: http://evil/\r\n");
    BOOST_TEST(summary(call("{}")).starts_with("failed http.protocol"));
    for (const char* status : {"500", "502", "503", "504"}) {
        with(status, "Retry-After: 1\r\n");
        BOOST_TEST(summary(call("{}")) ==
                   R"(unknown skill.outcome_unknown {"error":{"why":"no"},"retry_after_ms":1000,"status":)" +
                       std::string(status) + "}");
        BOOST_TEST(summary(call("{}", effect_class::read)).starts_with("failed skill.unavailable"));
        BOOST_TEST(summary(call("{}", effect_class::none)).starts_with("failed skill.unavailable"));
    }
}

BOOST_AUTO_TEST_CASE(a_broken_connection_leaves_a_write_in_doubt_and_not_a_read) {
    bind({.url = "/"});
    loopback_server cutting([](peer& p, int) { p.read_request(); });
    allow_late(cutting);
    bind({.url = cutting.url("/")});
    BOOST_TEST(summary(call("{}")) == "unknown http.broken null");
    BOOST_TEST(summary(call("{}", effect_class::read)) == "failed http.broken null");
    const std::uint16_t nobody = closed_port();
    options.egress.allow({"127.0.0.1", nobody, true});
    client_.reset();
    bind({.url = "http://127.0.0.1:" + std::to_string(nobody) + "/"});
    BOOST_TEST(summary(call("{}")) == "failed http.connect null");
    bind({.url = "http://127.0.0.2:" + std::to_string(nobody) + "/"});
    BOOST_TEST(summary(call("{}")) == "failed policy.denied null");
}

BOOST_AUTO_TEST_CASE(the_deadline_of_the_call_holds) {
    loopback_server silent([](peer& p, int) {
        p.read_request();
        p.wait_ms(3000);
    });
    allow_late(silent);
    bind({.url = silent.url("/"), .timeout = milliseconds(50)});
    BOOST_TEST(summary(call("{}")) == "unknown limit.step_time null");
    clock.skew = hours(1);
    bind({.url = silent.url("/")});
    skill_request r{.skill = "x.do", .arguments = json("{}"), .deadline = clock.now() - seconds(1)};
    connector->call(r, sink);
    loop.run_until([&] { return !sink.skills.empty(); }, seconds(10));
    BOOST_TEST(summary(sink.skills.at(0)) == "failed limit.step_time null");
}

BOOST_AUTO_TEST_CASE(secrets_go_into_their_header_and_come_back_from_nowhere) {
    secrets.values["token"] = "hunter2-hunter2";
    bind({.url = "/", .headers = {{"Authorization", "Bearer ", "token"}}});
    answer = ok(R"({"echo":"Bearer hunter2-hunter2","b64":"aHVudGVyMi1odW50ZXIy"})");
    const auto got = call("{}");
    BOOST_TEST(seen.contains("\r\nAuthorization: Bearer hunter2-hunter2\r\n"));
    BOOST_TEST(!got.result.text().contains("hunter2-hunter2"));
    BOOST_TEST(!got.result.text().contains("aHVudGVyMi1odW50ZXIy"));
    BOOST_TEST((got.outcome == effect_outcome::ok));
    secrets.values.clear();
    seen.clear();
    BOOST_TEST(summary(call("{}")) == "failed secret.unavailable null");
    BOOST_TEST(seen.empty());
    secrets.values["token"] = "hunter2\r\nX-Evil: 1";
    const auto split = call("{}");
    BOOST_TEST(summary(split) == "failed config.value null");
    BOOST_TEST(!split.message.contains("hunter2"));
    BOOST_TEST(seen.empty());
}

BOOST_AUTO_TEST_CASE(the_key_goes_into_its_header) {
    key.bytes.fill(0xab);
    bind({.url = "/", .key_header = "Idempotency-Key"});
    call("{}");
    BOOST_TEST(seen.contains("\r\nIdempotency-Key: abababababababababababababababab\r\n"));
    bind({.url = "/"});
    call("{}");
    BOOST_TEST(!seen.contains("abababab"));
}

BOOST_AUTO_TEST_CASE(unknown_skills_and_cancelled_calls_are_settled) {
    bind({.url = "/"});
    skill_request r{.skill = "y.do", .arguments = json("{}"), .deadline = clock.now() + seconds(5)};
    connector->call(r, sink);
    BOOST_REQUIRE(sink.skills.size() == 1);
    BOOST_TEST(summary(sink.skills[0]) == "failed connector.missing null");
    sink.skills.clear();
    r.skill = "x.do";
    connector->call(r, sink);
    connector->cancel({r.run, r.call});
    connector->cancel({r.run, r.call});
    loop.run_until([] { return false; }, milliseconds(50));
    BOOST_TEST(sink.skills.empty());
    connector->call(r, sink);
    connector.reset();
    loop.run_until([] { return false; }, milliseconds(50));
    BOOST_TEST(sink.skills.empty());
}

BOOST_AUTO_TEST_SUITE_END()
