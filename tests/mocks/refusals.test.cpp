// Bad worlds, scripts and requests: each refused with its code and a message that points at the place.
#include "mocks/connector.hpp"

#include <boost/test/unit_test.hpp>

#include "mocks/canned.hpp"
#include "mocks/model_source.hpp"
#include "mocks/scripted_user.hpp"
#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
struct refusal_case {
    std::string_view document;
    errc code;
    std::string_view pointer;
    std::string_view says;
};

constexpr refusal_case bad_worlds[] = {
    {R"({"mial":{}})", errc::config_unknown_key, "/mial", "there is no mock of this name"},
    {R"([])", errc::config_type, "", "must be an object"},
    {R"({"mail":[]})", errc::config_type, "/mail", "must be an object and is an array"},
    {R"({"mail":{"mesages":[]}})", errc::config_unknown_key, "/mail/mesages", "known are"},
    {R"({"mail":{"messages":{}}})", errc::config_type, "/mail/messages", "must be an array and is an object"},
    {R"({"mail":{"messages":[{"from":"a@b.c"}]}})", errc::config_missing_key, "/mail/messages/0/received_at",
     "is required"},
    {R"({"mail":{"messages":[{"from":"a@b.c","received_at":"yesterday"}]}})", errc::time_syntax,
     "/mail/messages/0/received_at", "no instant"},
    {R"({"mail":{"messages":[{"id":"x","from":"a","received_at":"2026-03-01T08:00:00Z"},{"id":"x","from":"a","received_at":"2026-03-01T08:00:00Z"}]}})",
     errc::config_duplicate, "/mail/messages", "two messages have the id"},
    {R"({"mail":{"messages":[{"from":"a","received_at":"2026-03-01T08:00:00Z","attachments":[{"handle":"h"}]}]}})",
     errc::config_missing_key, "/mail/messages/0/attachments/0/name", "is required"},
    {R"({"mail":{"messages":[{"from":"a","to":[1],"received_at":"2026-03-01T08:00:00Z"}]}})", errc::config_type,
     "/mail/messages/0/to", "item 0 must be a string"},
    {R"({"chat":{"channels":{"#a/b":{}}}})", errc::config_type, "/chat/channels/#a~1b", "must be an array of posts"},
    {R"({"chat":{"channels":{"#a":[{"user":"u","text":"t"}]}}})", errc::config_missing_key, "/chat/channels/#a/0/at",
     "is required"},
    {R"({"chat":{"open":"yes"}})", errc::config_type, "/chat/open", "must be true or false"},
    {R"({"calendar":{"calendars":{"p":[{"title":"t","start":"2026-03-01T08:00:00Z","end":"2026-03-01T08:00:00Z"}]}}})",
     errc::config_range, "/calendar/calendars/p/0/end", "must be after \"start\""},
    {R"({"files":{"files":{"../etc":"x"}}})", errc::config_value, "/files/files/..~1etc", "does not start"},
    {R"({"files":{"files":{"/a":"x","/a/b":"y"}}})", errc::config_value, "/files/files/~1a~1b",
     "is a file, not a folder"},
    {R"({"files":{"files":{"/a":3}}})", errc::config_type, "/files/files/~1a", "must be an object and is a number"},
    {R"({"files":{"file_bytes_max":-1}})", errc::config_range, "/files/file_bytes_max", "must be between 0"},
    {R"({"kv":{"agents":{"a":{"k":{"value":1,"version":3}}},"revision":2}})", errc::config_range, "/kv/revision",
     "at least the highest version"},
    {R"({"kv":{"values":{"a":[]}}})", errc::config_type, "/kv/values/a", "must be an object"},
    {R"({"payment":{"customers":{"cus-a":{"funds_cents":-5}}}})", errc::config_range,
     "/payment/customers/cus-a/funds_cents", "must be between 0"},
    {R"({"payment":{"charges":{"ch-1":{"customer":"cus-a","amount_cents":5}}}})", errc::config_reference,
     "/payment/charges/ch-1/customer", "there is no customer"},
    {R"({"payment":{"customers":{"cus-a":{"funds_cents":1.5}}}})", errc::config_type,
     "/payment/customers/cus-a/funds_cents", "must be an integer"},
    {R"({"sheet":{"sheets":{"s":{"T":[1]}}}})", errc::config_type, "/sheet/sheets/s/T", "row 1 must be an array"},
    {R"({"sheet":{"sheets":{"s":{"T":[[{}]]}}}})", errc::config_type, "/sheet/sheets/s/T",
     "row 1 holds an object as a cell"},
    {R"({"http":{"routes":[{"url":"ftp://x"}]}})", errc::config_value, "/http/routes/0/url", "http:// or https://"},
    {R"({"http":{"routes":[{"method":"PUT","url":"https://x.test"}]}})", errc::config_value, "/http/routes/0/method",
     "must be GET or POST"},
    {R"({"http":{"routes":[{"url":"https://x.test","status":99}]}})", errc::config_range, "/http/routes/0/status",
     "must be between 100 and 599"},
    {R"({"http":{"routes":[{"url":"https://x.test","answers":[]}]}})", errc::config_value, "/http/routes/0/answers",
     "holds no answer"},
    {R"({"http":{"routes":[{"url":"https://x.test","answers":[{"fail":"oops"}]}]}})", errc::config_value,
     "/http/routes/0/answers/0/fail", "must be"},
    {R"({"http":{"routes":[{"url":"https://x.test","status":200,"answers":[{}]}]}})", errc::config_unknown_key,
     "/http/routes/0/status", "not known here"},
    {R"({"expense":{"x":1}})", errc::config_unknown_key, "/expense/x", "not known here"},
};

constexpr refusal_case bad_scripts[] = {
    {R"({})", errc::config_missing_key, "", "rules, sequence, generate"},
    {R"({"rules":[],"sequence":[{"content":"x"}]})", errc::config_value, "/sequence", "one of rules"},
    {R"({"sequence":[]})", errc::config_value, "/sequence", "holds no answer"},
    {R"({"sequence":[{}]})", errc::config_value, "/sequence/0/content", "content, calls or fail"},
    {R"({"sequence":[{"content":"x"}],"then":"stop"})", errc::config_value, "/then", "repeat_last"},
    {R"({"sequence":[{"fail":"model.tired"}]})", errc::config_value, "/sequence/0/fail", "no error code"},
    {R"({"sequence":[{"calls":[{"args":{}}]}]})", errc::config_missing_key, "/sequence/0/calls/0/name", "is required"},
    {R"({"sequence":[{"calls":[{"name":"a","args":[]}]}]})", errc::config_type, "/sequence/0/calls/0/args",
     "must be an object, or a string"},
    {R"({"sequence":[{"content":"x","usage":{"input":-1,"output":0}}]})", errc::config_range, "/sequence/0/usage/input",
     "must be between 0"},
    {R"({"sequence":[{"content":"x","latency":"-1s"}]})", errc::time_range, "/sequence/0/latency", "no duration"},
    {R"({"rules":{}})", errc::config_type, "/rules", "array of rules"},
    {R"({"rules":[{"when":{"turns":1},"respond":{"content":"x"}}]})", errc::config_unknown_key, "/rules/0/when/turns",
     "known are"},
    {R"({"rules":[{"when":{"last_role":"robot"},"respond":{"content":"x"}}]})", errc::config_value,
     "/rules/0/when/last_role", "must be system"},
    {R"({"rules":[{"when":{}}]})", errc::config_missing_key, "/rules/0/respond", "is required"},
    {R"({"rules":[{"respond":{"content":"${/a"}}]})", errc::config_value, "/rules/0/respond/content", "not closed"},
    {R"({"rules":[{"respond":{"calls":[{"name":"t","args":{"a":[{"b":"${"}]}}]}}]})", errc::config_value,
     "/rules/0/respond/calls/0/args/a/0/b", "not closed"},
    {R"({"generate":{"stop_per_mille":1001}})", errc::config_range, "/generate/stop_per_mille",
     "must be between 0 and 1000"},
    {R"({"generate":{"calls_max":0}})", errc::config_range, "/generate/calls_max", "must be between 1"},
    {R"({"agents":{"a":{}}})", errc::config_missing_key, "/agents/a", "rules, sequence, generate"},
    {R"({"agents":{"a":{"sequence":[{"content":3}]}}})", errc::config_type, "/agents/a/sequence/0/content",
     "must be a string"},
    {R"({"sequence":[{"content":"x"}],"latency":{"uniform":["2s","1s"]}})", errc::config_range, "/latency/uniform",
     "low <= high"},
    {R"({"sequence":[{"content":"x"}],"latency":{"mock-1":{"samples":[]}}})", errc::config_value,
     "/latency/mock-1/samples", "no durations"},
    {R"({"sequence":[{"content":"x"}],"latency":{"fixed":"1s","samples":[1]}})", errc::config_value, "/latency",
     "exactly one"},
    {R"({"sequence":[{"content":"x"}],"latency":{"exponential":"1s","least":"3s","most":"2s"}})", errc::config_range,
     "/latency/least", "more than"},
    {R"({"sequence":[{"content":"x"}],"latency":true})", errc::config_type, "/latency", "must be a duration"},
    {R"({"sequence":[{"content":"x"}],"latency":-5})", errc::time_range, "/latency", "negative"},
};

constexpr refusal_case bad_answers[] = {
    {R"({})", errc::config_type, "", "must be an array"},
    {R"([{"result":1}])", errc::config_missing_key, "/0/skill", "is required"},
    {R"([{"skill":"a.b"}])", errc::config_value, "/0/result", "exactly one"},
    {R"([{"skill":"a.b","result":1,"error":"skill.failed"}])", errc::config_value, "/0/result", "exactly one"},
    {R"([{"skill":"a.b","results":[]}])", errc::config_value, "/0/results", "holds no result"},
    {R"([{"skill":"a.b","error":"nope"}])", errc::config_value, "/0/error", "no error code"},
    {R"([{"skill":"a.b","error":{"message":"m"}}])", errc::config_missing_key, "/0/error/code", "is required"},
    {R"([{"skill":"a.b","result":1,"when":[]}])", errc::config_type, "/0/when", "must be an object"},
    {R"([{"skill":"a.b","result":1,"times":-1}])", errc::config_range, "/0/times", "must be between 0"},
    {R"([{"skill":"","result":1}])", errc::config_value, "/0/skill", "is empty"},
};

struct request_case {
    std::string_view skill;
    std::string_view arguments;
    std::string_view says;
};
constexpr request_case bad_requests[] = {
    {"mail.send", R"({"to":[],"subject":"s","body":"b"})", "to: names no recipient"},
    {"mail.send", R"({"to":["not an address"],"subject":"s","body":"b"})", "to: \"not an address\" is no mail address"},
    {"mail.send", R"({"to":["a@b@c"],"subject":"s","body":"b"})", "is no mail address"},
    {"mail.send", R"({"to":"a@b.c","subject":"s","body":"b"})", "to: must be an array and is a string"},
    {"mail.search", R"({"limit":201})", "limit: must be between 1 and 200"},
    {"mail.search", R"({"query":"\"open"})", "a quote is not closed"},
    {"mail.search", R"({"query":"is:blue"})", "is none of is:unread"},
    {"mail.search", R"({"query":"before:soon"})", "needs a date"},
    {"mail.label", R"({"ids":[]})", "ids: names no message"},
    {"mail.read", R"({})", "id: is required and missing"},
    {"mail.read", R"([])", "must be an object"},
    {"chat.post", R"({"channel":"#ops","text":""})", "text: is empty"},
    {"calendar.list", R"({"from":"2026-03-01T00:00:00Z","to":"2026-03-01T00:00:00Z"})", "must be after \"from\""},
    {"calendar.list", R"({"from":"2026-03-01","to":"2026-03-02"})", "is no instant"},
    {"files.write", R"({"path":"/a"})", "content: is required"},
    {"files.list", R"({"folder":"/","recursive":1})", "recursive: must be true or false and is a number"},
    {"kv.set", R"({"key":"a"})", "value: is required"},
    {"kv.set", R"({"key":"","value":1})", "must have 1 to 200 bytes"},
    {"kv.incr", R"({"key":"a","by":0.5})", "by: must be an integer"},
    {"payment.charge", R"({"customer":"c","amount_cents":0,"currency":"EUR","order":"o"})",
     "amount_cents: must be between 1"},
    {"payment.charge", R"({"customer":"c","amount_cents":5,"currency":"EUR","order":"o","tip":1})",
     "tip: is not known here"},
    {"sheet.append", R"({"sheet":"s"})", "rows: is required"},
    {"sheet.append", R"({"sheet":"s","rows":[1]})", "row 1 must be an array"},
    {"sheet.read", R"({"sheet":"s","range":"B2:A1"})", "is no range"},
    {"sheet.read", R"({"sheet":"s","range":"22"})", "is no range"},
    {"sheet.update", R"({"sheet":"s","cell":"A0","rows":[]})", "is no cell"},
    {"http.get", R"({"url":"file:///etc/passwd"})", "url: must start with http://"},
    {"http.get", R"({"url":"https://"})", "url: must start with http://"},
    {"expense.extract", R"({"messages":[{"id":"1"}]})", "/messages/0/from: is required"},
    {"expense.extract", R"({})", "messages: is required"},
};

void check(const refusal_case& c, const error& e) {
    BOOST_TEST((e.code == c.code), c.document << " gave " << to_string(e));
    BOOST_TEST(e.message.find(c.says) != std::string::npos, c.document << " said: " << e.message);
    const auto pointer = std::ranges::find(e.context, "pointer", [](const auto& p) { return p.first; });
    BOOST_REQUIRE(pointer != e.context.end());
    BOOST_TEST(pointer->second == c.pointer, c.document << " pointed at: " << pointer->second);
}
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_refusals)

BOOST_AUTO_TEST_CASE(bad_worlds_are_refused_where_they_are_bad) {
    for (const refusal_case& c : bad_worlds) {
        manual_world world;
        world_ledger ledger;
        mock_connector connector(world, ledger);
        const auto seeded = connector.seed(js(c.document));
        BOOST_REQUIRE_MESSAGE(!seeded, c.document << " was accepted");
        check(c, seeded.error());
    }
}

BOOST_AUTO_TEST_CASE(bad_model_scripts_are_refused_where_they_are_bad) {
    for (const refusal_case& c : bad_scripts) {
        const auto script = parse_model_script(js(c.document), 1);
        BOOST_REQUIRE_MESSAGE(!script, c.document << " was accepted");
        check(c, script.error());
    }
}

BOOST_AUTO_TEST_CASE(bad_canned_answers_are_refused_where_they_are_bad) {
    for (const refusal_case& c : bad_answers) {
        const auto answers = parse_canned_answers(js(c.document));
        BOOST_REQUIRE_MESSAGE(!answers, c.document << " was accepted");
        check(c, answers.error());
    }
}

BOOST_AUTO_TEST_CASE(bad_user_scripts_are_refused) {
    BOOST_TEST((parse_user_script(js(R"({"replies":["a"],"echo":true})")).error().code == errc::config_value));
    BOOST_TEST((parse_user_script(js(R"({"replies":"a"})")).error().code == errc::config_type));
    BOOST_TEST((parse_user_script(js(R"({"latency":"never"})")).error().code == errc::time_syntax));
    BOOST_TEST((parse_user_script(js(R"({"answers":[]})")).error().code == errc::config_unknown_key));
}

BOOST_AUTO_TEST_CASE(bad_requests_fail_with_bad_request_and_change_nothing) {
    mocked w(
        R"({"mail":{},"chat":{"channels":{"#ops":[]}},"calendar":{},"files":{},"kv":{},"payment":{"customers":{"c":{}}},
        "sheet":{"sheets":{"s":{"Sheet1":[]}}},"http":{"routes":[{"url":"https://x.test/"}]},"expense":{}})");
    const auto before = std::string(w.connector.dump().text());
    for (const request_case& c : bad_requests) {
        const auto answer = w.call(c.skill, c.arguments);
        BOOST_TEST((answer.outcome == effect_outcome::failed));
        BOOST_TEST((answer.code == errc::skill_bad_request), c.skill << " " << c.arguments << ": " << answer.message);
        BOOST_TEST(answer.message.find(c.says) != std::string::npos,
                   c.skill << " " << c.arguments << " said: " << answer.message);
    }
    BOOST_TEST(w.connector.dump().text() == before);
    BOOST_TEST(w.ledger.effects() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
