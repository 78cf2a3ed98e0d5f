#include "runtime/providers/process_answer.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "tests/providers/support.hpp"

using namespace aivp;
using provider_test::json;
using provider_test::name_of;
using provider_test::summary;

namespace {

std::string said(std::string_view text) {
    const auto answer = parse_process_answer(text);
    if (!answer) return name_of(answer.error().code) + ": " + answer.error().message;
    return answer->ok ? summary(answer->response) : "error " + answer->code + " " + answer->message;
}

model_request turn_request() {
    model_request r;
    r.run = {7};
    r.call = {3};
    r.agent = "clerk";
    r.model = "process:clerk";
    r.params = json("{}");
    r.tools = json(R"([{"description":"Say it.","name":"tell","parameters":{"type":"object"}}])");
    r.messages = history().appended(user_message("Tell them.\n\n{\"n\":1}"));
    r.deadline = {1'772'366'400'000'000};
    return r;
}

} // namespace

BOOST_AUTO_TEST_SUITE(process_answers)

BOOST_AUTO_TEST_CASE(a_program_proposes_calls) {
    BOOST_TEST(said(R"({"calls":[{"skill":"tell","arguments":{"b":1,"a":2}},{"skill":"look"}]})") ==
               R"(tool_calls null tell{"a":2,"b":1} look{})");
    BOOST_TEST(said(R"({"calls":[{"skill":"tell"}],"content":"I look first."})") ==
               R"(tool_calls "I look first." tell{})");
    BOOST_TEST(said(" \n{\"calls\":[{\"skill\":\"x\"}],\"usage\":{\"input\":3,\"output\":2,\"cached_input\":1}}\n") ==
               "tool_calls null x{} 3/1/2");
}

BOOST_AUTO_TEST_CASE(a_program_finishes_with_any_value_which_is_kept_as_text) {
    BOOST_TEST(said(R"({"finish":"done"})") == R"(stop "done")");
    BOOST_TEST(said(R"({"finish":null})") == "stop null");
    BOOST_TEST(said(R"({"finish":{"b":[1],"a":"x"}})") == R"(stop "{\"a\":\"x\",\"b\":[1]}")");
    BOOST_TEST(said(R"({"finish":"","usage":{"input":0,"output":0}})") == R"(stop "" 0/0/0)");
}

BOOST_AUTO_TEST_CASE(a_program_says_what_went_wrong) {
    BOOST_TEST(said(R"({"error":{"code":"no_such_order","message":"17?"}})") == "error no_such_order 17?");
    const auto later = parse_process_answer(R"({"error":{"code":"busy","retry_after_ms":1500}})");
    BOOST_REQUIRE(later);
    BOOST_TEST((later->retry_after_ms == 1500));
}

BOOST_AUTO_TEST_CASE(every_other_answer_is_refused_with_the_reason) {
    const std::vector<std::pair<const char*, const char*>> bad{
        {"", "wrote nothing to stdout"},
        {" \n", "wrote nothing to stdout"},
        {"hello", "no JSON document"},
        {"{\"finish\":1}\n{\"finish\":2}", "no JSON document"},
        {"{\"finish\":\"\xff\"}", "no JSON document"},
        {"[]", "not an object"},
        {"{}", "neither"},
        {R"({"content":"hm"})", "neither"},
        {R"({"calls":[{"skill":"a"}],"finish":1})", "both"},
        {R"({"calls":[]})", "is empty"},
        {R"({"calls":{}})", "not a list"},
        {R"({"calls":[{"arguments":{}}]})", "no \"skill\""},
        {R"({"calls":[7]})", "no \"skill\""},
        {R"({"calls":[{"skill":""}]})", "no \"skill\""},
        {R"({"calls":[{"skill":"a","arguments":"{}"}]})", "\"arguments\""},
        {R"({"calls":[{"skill":"a","args":{}}]})", "\"args\""},
        {R"({"finish":1,"content":"x"})", "\"content\""},
        {R"({"finish":1,"more":2})", "\"more\""},
        {R"({"finish":1,"usage":{}})", "needs"},
        {R"({"finish":1,"usage":{"input":1}})", "needs"},
        {R"({"finish":1,"usage":{"input":-1,"output":1}})", "no count"},
        {R"({"finish":1,"usage":{"input":1,"output":1,"cached_input":2}})", "more cached"},
        {R"({"finish":1,"usage":{"input":1,"output":1,"tokens":2}})", "unknown member"},
        {R"({"finish":1,"usage":3})", "\"usage\""},
        {R"({"error":"x"})", "not an object"},
        {R"({"error":{}})", "no \"code\""},
        {R"({"error":{"code":"x"},"finish":1})", "\"error\""},
    };
    for (const auto& [text, reason] : bad) {
        const std::string how = said(text);
        BOOST_TEST(how.starts_with("process.protocol: "), text << " -> " << how);
        BOOST_TEST(how.find(reason) != std::string::npos, text << " -> " << how);
    }
    std::string many = R"({"calls":[{"skill":"a"})";
    for (int i = 0; i < 1024; ++i) many += R"(,{"skill":"a"})";
    BOOST_TEST(said(many + "]}").find("more than 1024 calls") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_program_reads_one_line_that_says_all_of_its_turn) {
    const process_turn turn{{{"decide"}, "", {}, 0, 0}, "Tell them.", json(R"({"n":1})")};
    BOOST_TEST(
        process_turn_document(turn_request(), turn).text() ==
        R"({"agent":"clerk","call":3,"deadline":"2026-03-01T12:00:00Z","goal":"Tell them.",)"
        R"("messages":[{"content":"Tell them.\n\n{\"n\":1}","role":"user"}],"run":7,"schema_version":"process.v1",)"
        R"("skills":[{"description":"Say it.","inputs":{"type":"object"},"skill":"tell"}],"trigger":{"n":1},"turn":1})");
}

BOOST_AUTO_TEST_CASE(what_happened_before_is_told_in_the_program_s_own_words) {
    model_request request = turn_request();
    const auto first = parse_process_answer(R"({"calls":[{"skill":"tell","arguments":{"a":1}}],"content":"first"})");
    BOOST_REQUIRE(first);
    request.messages = request.messages.appended(assistant_message(first->response, 0))
                           .appended(tool_message("call#0", json(R"({"ok":true})"), false));
    request.deadline = instant::max();
    const payload document = process_turn_document(request, {{{"decide"}, "", {}, 0, 0}, "g", payload()});
    BOOST_TEST(member(document, "turn")->text() == "2");
    BOOST_TEST(member(document, "deadline")->is_null());
    BOOST_TEST(member(document, "trigger")->is_null());
    BOOST_TEST(
        at_pointer(document, "/messages/1")->text() ==
        R"({"calls":[{"arguments":{"a":1},"id":"call#0","skill":"tell"}],"content":"first","role":"assistant"})");
    BOOST_TEST(at_pointer(document, "/messages/2")->text() ==
               R"({"call":"call#0","content":{"ok":true},"role":"tool"})");
}

RC_BOOST_PROP(no_output_is_taken_for_an_answer_that_it_is_not, (const std::string& output, bool in_object)) {
    const auto r = parse_process_answer(in_object ? "{\"finish\":" + output + "}" : output);
    if (!r) {
        RC_ASSERT(r.error().code == errc::process_protocol);
        return;
    }
    RC_ASSERT(in_object);
    RC_ASSERT(payload::parse(output).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
