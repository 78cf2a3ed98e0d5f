#include "runtime/providers/chat_codec.hpp"

#include <set>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "tests/providers/support.hpp"

using namespace aivp;
using namespace provider_test;

namespace {

const payload tools = json(R"([{"description":"adds","name":"math.add","parameters":{"type":"object"}},
                               {"description":"says","name":"say","parameters":{"type":"object"}}])");

std::string decode(std::string_view body) { return summary(decode_chat_response(body, chat_names(tools))); }

std::string one(std::string_view message, std::string_view rest = R"(,"finish_reason":"stop")",
                std::string_view usage = "") {
    return R"({"choices":[{"index":0,"message":)" + std::string(message) + std::string(rest) + "}]" +
           std::string(usage) + "}";
}

std::string stream(std::initializer_list<std::string_view> events) {
    const chat_names names(tools);
    chat_stream s(names);
    for (const auto e : events) s.event(e);
    return summary(s.finish());
}

std::string delta(std::string_view d, std::string_view rest = "") {
    return R"({"choices":[{"index":0,"delta":)" + std::string(d) + std::string(rest) + "}]}";
}

std::string problem(int status, std::string_view body) {
    const error e = chat_error_of(status, body);
    return name_of(e.code) + ": " + e.message;
}

} // namespace

BOOST_AUTO_TEST_SUITE(chat_completions)

BOOST_AUTO_TEST_CASE(a_request_says_the_whole_conversation) {
    history h;
    h = h.appended(system_message("be brief")).appended(user_message("1+2?"));
    model_response turn;
    turn.calls = {{"math.add", json(R"({"b":2,"a":1})")}, {"say", payload::of_string("{no json")}};
    h = h.appended(assistant_message(turn, 0));
    h = h.appended(tool_message("call#0", json(R"({"sum":3})"), false))
            .appended(tool_message("call#1", json("\"no\""), true));
    turn = {.content = payload::of_string("3")};
    h = h.appended(assistant_message(turn, 2));
    const model_request r{.model = "gpt-x",
                          .params = json(R"({"temperature_milli":700,"max_output_tokens":50,"seed":7})"),
                          .tools = tools,
                          .messages = h};
    const auto text = encode_chat_request(r, chat_names(tools), {});
    BOOST_REQUIRE_MESSAGE(text, why(text));
    BOOST_TEST((json(*text) == json(R"({"model":"gpt-x","max_completion_tokens":50,"seed":7,"temperature":0.7,
        "messages":[{"role":"system","content":"be brief"},{"role":"user","content":"1+2?"},
          {"role":"assistant","content":null,"tool_calls":[
             {"id":"call_0","type":"function","function":{"name":"math_add","arguments":"{\"a\":1,\"b\":2}"}},
             {"id":"call_1","type":"function","function":{"name":"say","arguments":"{no json"}}]},
          {"role":"tool","tool_call_id":"call_0","content":"{\"sum\":3}"},
          {"role":"tool","tool_call_id":"call_1","content":"no"},
          {"role":"assistant","content":"3"}],
        "tools":[{"type":"function","function":{"name":"math_add","description":"adds","parameters":{"type":"object"}}},
                 {"type":"function","function":{"name":"say","description":"says","parameters":{"type":"object"}}}]})")));
}

BOOST_AUTO_TEST_CASE(a_request_is_spelt_in_the_servers_dialect) {
    const model_request r{.model = "m",
                          .params = json(R"({"temperature_milli":2000,"max_output_tokens":9})"),
                          .tools = json("[]"),
                          .messages = history().appended(user_message("hi"))};
    const auto text = encode_chat_request(r, chat_names(), {.stream = true, .tokens_key = "max_tokens"});
    BOOST_TEST((json(text.value()) == json(R"({"model":"m","max_tokens":9,"temperature":2,"stream":true,
        "stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]})")));
    BOOST_TEST(!json(encode_chat_request(r, chat_names(), {.stream = true, .asks_stream_usage = false}).value())
                    .text()
                    .contains("options"));
    for (const auto& [milli, wire] :
         std::vector<std::pair<int, std::string>>{{0, "0"}, {5, "0.005"}, {50, "0.05"}, {1000, "1"}, {1250, "1.25"}}) {
        model_request t = r;
        t.params = payload::of_object({{"temperature_milli", payload::of_integer(milli)}});
        BOOST_TEST(encode_chat_request(t, chat_names(), {}).value().contains("\"temperature\":" + wire + "}"), wire);
    }
    model_request bad = r;
    bad.params = json(R"({"stream":true})");
    BOOST_TEST(!encode_chat_request(bad, chat_names(), {}));
    bad.params = {};
    bad.messages = history().appended(json(R"({"role":"wizard"})"));
    BOOST_TEST(!encode_chat_request(bad, chat_names(), {}));
}

BOOST_AUTO_TEST_CASE(names_come_back_as_they_went) {
    const chat_names names(json(R"([{"name":"a.b"},{"name":"a_b"},{"name":"a-b"},{"name":"x.y.z"}])"));
    std::vector<std::string> wires;
    for (const char* name : {"a.b", "a_b", "a-b", "x.y.z"}) {
        const std::string wire = names.to_wire(name);
        BOOST_TEST(wire.find('.') == std::string::npos);
        BOOST_TEST(names.from_wire(wire) == name);
        wires.push_back(wire);
    }
    BOOST_TEST(std::set<std::string>(wires.begin(), wires.end()).size() == 4u);
    BOOST_TEST(names.from_wire("never.offered") == "never.offered");
    BOOST_TEST(names.to_wire(std::string(100, '.')).size() == 64u);
}

BOOST_AUTO_TEST_CASE(a_whole_answer_is_read) {
    BOOST_TEST(
        decode(one(
            R"({"role":"assistant","content":"Hi","refusal":null})", R"(,"finish_reason":"stop")",
            R"(,"usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}})")) ==
        "stop \"Hi\" 10/4/3");
    BOOST_TEST(decode(one(R"({"content":null,"tool_calls":[
        {"id":"a","type":"function","function":{"name":"math_add","arguments":"{\"b\": 2, \"a\": 1}"}},
        {"id":"b","type":"function","function":{"name":"say","arguments":"{\"cut\":"}},
        {"id":"c","type":"function","function":{"name":"nosuch","arguments":""}},
        {"id":"d","type":"function","function":{"name":"say","arguments":{"as":"json"}}},
        {"id":"e","type":"function","function":{"name":"say"}}]})",
                          R"(,"finish_reason":"tool_calls")")) ==
               R"(tool_calls null math.add{"a":1,"b":2} say"{\"cut\":" nosuch{} say{"as":"json"} say{})");
}

BOOST_AUTO_TEST_CASE(what_servers_leave_out_or_add_is_borne) {
    BOOST_TEST(decode(one(R"({"content":"x"})", "")) == "stop \"x\"");
    BOOST_TEST(decode(one(R"({"content":"","tool_calls":[{"function":{"name":"say","arguments":"[1]"}}]})",
                          R"(,"finish_reason":null)")) == "tool_calls null say[1]");
    BOOST_TEST(decode(one(R"({"content":""})", R"(,"finish_reason":"length")")) == "length \"\"");
    BOOST_TEST(decode(one(R"({})", R"(,"finish_reason":"content_filter")")) == "content_filter null");
    BOOST_TEST(decode(one(R"({"content":[{"type":"text","text":"a"},{"type":"image"},{"type":"text","text":"b"}]})")) ==
               "stop \"ab\"");
    BOOST_TEST(decode(one(R"({"content":null,"refusal":"I will not"})")) == "refusal \"I will not\"");
    BOOST_TEST(decode(one(R"({"content":"x"})", R"(,"finish_reason":"eos")")) == "eos \"x\"");
    BOOST_TEST(decode(R"({"choices":[{"finish_reason":"content_filter","index":0}]})") == "content_filter null");
}

BOOST_AUTO_TEST_CASE(usage_that_cannot_be_is_not_reported) {
    for (const char* usage :
         {"", R"(,"usage":null)", R"(,"usage":{})", R"(,"usage":{"prompt_tokens":1})",
          R"(,"usage":{"prompt_tokens":-1,"completion_tokens":1})",
          R"(,"usage":{"prompt_tokens":"1","completion_tokens":1})",
          R"(,"usage":{"prompt_tokens":1e30,"completion_tokens":1})",
          R"(,"usage":{"prompt_tokens":1.5,"completion_tokens":1})",
          R"(,"usage":{"prompt_tokens":99999999999999999999,"completion_tokens":1})", R"(,"usage":[1])",
          R"(,"usage":{"prompt_tokens":1,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2}})"})
        BOOST_TEST(decode(one(R"({"content":"x"})", R"(,"finish_reason":"stop")", usage)) == "stop \"x\"", usage);
    BOOST_TEST(decode(one(R"({"content":"x"})", R"(,"finish_reason":"stop")",
                          R"(,"usage":{"prompt_tokens":0,"completion_tokens":0,"prompt_tokens_details":null})")) ==
               "stop \"x\" 0/0/0");
}

BOOST_AUTO_TEST_CASE(answers_of_another_form_are_invalid) {
    for (const char* body :
         {"", "null", "[]", "{}", "x", "\"x\"", R"({"choices":[]})", R"({"choices":{}})", R"({"choices":[1]})",
          R"({"choices":[{}]})", R"({"choices":[{"message":"x"}]})", R"({"choices":[{"message":{"tool_calls":[{}]}}]})",
          R"({"choices":[{"message":{"tool_calls":[{"function":{"name":""}}]}}]})",
          R"({"choices":[{"message":{"content":"\ud83d"}}]})", "<html>502</html>"})
        BOOST_TEST(decode(body).starts_with("model.invalid_response: "), body);
    const std::string whole = one(R"({"content":"x","tool_calls":[{"function":{"name":"say","arguments":"{}"}}]})");
    for (std::size_t n = 0; n < whole.size(); ++n)
        BOOST_TEST(decode(whole.substr(0, n)).starts_with("model.invalid_response: "));
    BOOST_TEST(decode(R"({"error":{"message":"slow down","code":429}})").starts_with("model.rate_limited"));
    BOOST_TEST(decode(R"({"choices":[{"error":{"message":"upstream","code":502},"message":{"content":"x"}}]})")
                   .starts_with("model.failed"));
}

BOOST_AUTO_TEST_CASE(errors_are_told_apart) {
    BOOST_TEST(
        problem(429,
                R"({"error":{"message":"Rate limit","type":"requests","param":null,"code":"rate_limit_exceeded"}})") ==
        "model.rate_limited: the provider answered with status 429: Rate limit");
    BOOST_TEST(problem(429, R"({"error":{"type":"insufficient_quota","code":"insufficient_quota"}})")
                   .starts_with("model.rate_limited"));
    BOOST_TEST(problem(400, R"({"error":{"message":"m","code":"context_length_exceeded"}})")
                   .starts_with("model.context_length"));
    BOOST_TEST(problem(400, R"({"error":{"message":"This model's maximum context length is 4097 tokens"}})")
                   .starts_with("model.context_length"));
    BOOST_TEST(
        problem(400, R"({"error":{"message":"m","code":"content_filter"}})").starts_with("model.content_filter"));
    BOOST_TEST(problem(401, R"({"error":{"message":"Incorrect API key"}})").starts_with("secret.unavailable"));
    BOOST_TEST(problem(404, "Not Found")
                   .starts_with("model.invalid_response: the provider answered with status 404: Not Found"));
    BOOST_TEST(problem(307, "").starts_with("http.protocol"));
    for (const int status : {408, 409, 500, 502, 503, 504, 529})
        BOOST_TEST(problem(status, "").starts_with("model.failed"));
    BOOST_TEST(problem(503, R"([{"error":{"message":"in a list"}}])").ends_with(": in a list"));
    BOOST_TEST(problem(500, R"({"error":"only text"})").ends_with(": only text"));
    BOOST_TEST(problem(500, R"({"message":"no wrapper"})").ends_with(": no wrapper"));
    const std::string endless = problem(500, std::string(100'000, 'x'));
    BOOST_TEST(endless.size() < 700);
    std::string umlauts;
    for (int i = 0; i < 1000; ++i) umlauts += "\xC3\xA4";
    const error cut = chat_error_of(500, "{\"error\":\"x" + umlauts + "\"}");
    BOOST_TEST(payload::parse(payload::of_string(cut.message).text()).has_value());
    BOOST_TEST(!cut.message.contains("\xEF\xBF\xBD"));
}

BOOST_AUTO_TEST_CASE(a_stream_is_put_together) {
    BOOST_TEST(
        stream({R"({"choices":[],"id":"","prompt_filter_results":[]})", delta(R"({"role":"assistant","content":""})"),
                delta(R"({"content":"Hel"})"), delta(R"({"content":"lo"})"), delta("{}", R"(,"finish_reason":"stop")"),
                R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2}})", "[DONE]"}) ==
        "stop \"Hello\" 5/0/2");
    BOOST_TEST(
        stream(
            {delta(R"({"role":"assistant","content":null})"),
             delta(
                 R"({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"math_add","arguments":""}}]})"),
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]})"),
             delta(R"({"tool_calls":[{"index":1,"id":"b","function":{"name":"say","arguments":"{bad"}}]})"),
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})"),
             delta("{}", R"(,"finish_reason":"tool_calls")")}) == R"(tool_calls null math.add{"a":1} say"{bad")");
    BOOST_TEST(stream({delta(R"({"refusal":"I "})"), delta(R"({"refusal":"won't"})"),
                       delta("{}", R"(,"finish_reason":"stop")"), "[DONE]"}) == "refusal \"I won't\"");
    BOOST_TEST(stream({delta(R"({"content":"x"})"), "[DONE]", "garbage after the end"}) == "stop \"x\"");
}

BOOST_AUTO_TEST_CASE(calls_of_a_stream_are_told_apart_without_good_numbers) {
    BOOST_TEST(
        stream(
            {delta(
                 R"({"tool_calls":[{"id":"a","function":{"name":"say","arguments":"{\"n\":1}"}},{"id":"b","function":{"name":"say","arguments":"{\"n\":2}"}}]})"),
             "[DONE]"}) == R"(tool_calls null say{"n":1} say{"n":2})");
    BOOST_TEST(
        stream({delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"say","arguments":"{\"n\":1}"}}]})"),
                delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"say","arguments":"{\"n\":2}"}}]})"),
                "[DONE]"}) == R"(tool_calls null say{"n":1} say{"n":2})");
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_cut_or_broken_is_no_answer) {
    BOOST_TEST(stream({}).starts_with("model.unknown"));
    BOOST_TEST(stream({"[DONE]"}).starts_with("model.unknown"));
    BOOST_TEST(stream({delta(R"({"content":"x"})")}).starts_with("model.unknown"));
    BOOST_TEST(stream({delta(R"({"content":"x"})"), R"({"error":{"message":"overloaded","status_code":503}})"})
                   .starts_with("model.failed"));
    BOOST_TEST(stream({delta("{}", R"(,"finish_reason":"stop")"),
                       R"({"choices":[{"delta":{}}],"error":{"code":429,"message":"x"}})"})
                   .starts_with("model.rate_limited"));
    BOOST_TEST(stream({"{cut", delta("{}", R"(,"finish_reason":"stop")")}).starts_with("model.invalid_response"));
    BOOST_TEST(
        stream({delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})", R"(,"finish_reason":"stop")")})
            .starts_with("model.invalid_response"));
}

RC_BOOST_PROP(arguments_survive_however_they_are_cut, (const std::string& key, std::int64_t number)) {
    const payload arguments = payload::of_object({{key, payload::of_integer(number)}});
    std::string wire;
    append_json_string(wire, arguments.text());
    const chat_names names(tools);
    const auto whole =
        decode_chat_response(one(R"({"tool_calls":[{"function":{"name":"say","arguments":)" + wire + "}}]}"), names);
    RC_ASSERT(whole.value().calls.at(0).arguments == arguments);
    chat_stream s(names);
    s.event(delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"say","arguments":""}}]})"));
    std::size_t at = 0;
    const std::string text(arguments.text());
    while (at < text.size()) {
        std::size_t n = *rc::gen::inRange<std::size_t>(1, 5);
        // Servers cut between characters.
        while (at + n < text.size() && (static_cast<unsigned char>(text[at + n]) & 0xc0) == 0x80) ++n;
        std::string piece;
        append_json_string(piece, std::string_view(text).substr(at, n));
        s.event(delta(R"({"tool_calls":[{"index":0,"function":{"arguments":)" + piece + "}}]}"));
        at += n;
    }
    s.event(delta("{}", R"(,"finish_reason":"tool_calls")"));
    RC_ASSERT(s.finish().value().calls.at(0).arguments == arguments);
}

BOOST_AUTO_TEST_SUITE_END()
