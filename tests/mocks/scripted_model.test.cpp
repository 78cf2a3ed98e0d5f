#include "mocks/scripted_model.hpp"

#include <boost/test/unit_test.hpp>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
struct scripted {
    manual_world world;
    std::unique_ptr<scripted_model> model;
    std::uint64_t calls = 0;

    explicit scripted(std::string_view script, scripted_model_options options = {}) {
        auto parsed = parse_model_script(js(script), 7);
        if (!parsed) throw std::runtime_error(to_string(parsed.error()));
        model = std::make_unique<scripted_model>(world, std::move(parsed->source), options);
        model->set_latencies(std::move(parsed->latencies));
    }
    model_completion call(const model_request& request) {
        collecting_sink sink;
        model->call(request, sink);
        world.run_all();
        BOOST_REQUIRE(sink.models.size() == 1u);
        return sink.models.front();
    }
    model_completion call(const history& messages, std::uint64_t run = 1) { return call(ask(messages, run, ++calls)); }
    std::string text(const history& messages, std::uint64_t run = 1) {
        const auto c = call(messages, run);
        if (c.outcome != effect_outcome::ok) return std::string(info(c.code).name);
        std::string out(c.response.content.is_null() ? "" : c.response.content.text());
        for (const proposed_call& p : c.response.calls) out += p.name + std::string(p.arguments.text());
        return out;
    }
};

const history start =
    conversation_of({R"({"content":"be brief","role":"system"})", R"({"content":"find Anna","role":"user"})"});
const history after_search =
    start.appended(js(R"({"calls":[{"args":{},"id":"call#0","name":"search"}],"role":"assistant"})"))
        .appended(js(R"({"call":"call#0","content":{"hits":[{"id":"m7","n":3}],"a/b":"s"},"role":"tool"})"));
const history after_failure =
    start.appended(js(R"({"calls":[{"args":{},"id":"call#0","name":"search"}],"role":"assistant"})"))
        .appended(js(R"({"call":"call#0","content":"no","error":true,"role":"tool"})"));
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_scripted_model)

BOOST_AUTO_TEST_CASE(the_first_rule_whose_conditions_all_hold_answers) {
    scripted m(R"({"rules":[
        {"when":{"tool_result_of":"search","tool_failed":true},"respond":{"content":"it failed"}},
        {"when":{"tool_result_of":"search"},"respond":{"content":"found"}},
        {"when":{"last_role":"user","last_content_contains":"Anna","turn":1},"respond":{"calls":[{"name":"search","args":{"q":"anna"}}]}},
        {"when":{"contains":"brief","lacks":"Anna"},"respond":{"content":"brief"}},
        {"when":{"agent":"somebody else"},"respond":{"content":"never"}},
        {"when":{"offers":"mail.send"},"respond":{"content":"can send"}}],
        "default":{"content":"default"}})");
    BOOST_TEST(m.text(start) == R"(search{"q":"anna"})");
    BOOST_TEST(m.text(after_search) == R"("found")");
    BOOST_TEST(m.text(after_failure) == R"("it failed")");
    BOOST_TEST(m.text(conversation_of({R"({"content":"be brief","role":"system"})"})) == R"("brief")");
    BOOST_TEST(m.text({}) == R"("default")");
    const auto offered = m.call(ask({}, 3, 1, js(R"([{"description":"","name":"mail.send","parameters":{}}])")));
    BOOST_TEST(offered.response.content.text() == R"("can send")");
}

BOOST_AUTO_TEST_CASE(references_take_values_with_their_types_out_of_the_conversation) {
    scripted m(
        R"({"rules":[{"when":{"last_role":"tool"},"respond":{"content":"${user}: ${/hits/0/n} of ${search/hits}","calls":[
        {"name":"read","args":{"id":"${/hits/0/id}","n":"${/hits/0/n}","whole":["${}"],"odd":"${/a~1b}!","${key}":"${search/a~1b}"}}]}}]})");
    BOOST_TEST(
        m.text(after_search) ==
        R"("find Anna: 3 of [{\"id\":\"m7\",\"n\":3}]"read{"${key}":"s","id":"m7","n":3,"odd":"s!","whole":[{"a/b":"s","hits":[{"id":"m7","n":3}]}]})");
}

BOOST_AUTO_TEST_CASE(a_reference_without_a_value_and_a_conversation_without_a_rule_fail_loudly) {
    scripted m(R"({"rules":[{"when":{"last_role":"tool"},"respond":{"content":"${/hits/9/id}"}}]})");
    const auto missing = m.call(after_search);
    BOOST_TEST((missing.code == errc::script_no_rule));
    BOOST_TEST(missing.message.starts_with("rule 1 refers to ${/hits/9/id}, which has no value"));
    const auto none = m.call(start, 2);
    BOOST_TEST((none.outcome == effect_outcome::failed));
    BOOST_TEST(none.message ==
               R"(none of the 1 rules fits; the last message is {"content":"find Anna","role":"user"})");
}

BOOST_AUTO_TEST_CASE(a_rule_with_times_is_used_up_by_each_run_for_itself) {
    scripted m(R"({"rules":[{"respond":{"fail":"model.rate_limited"},"times":2},{"respond":{"content":"ok"}}]})");
    BOOST_TEST(m.text(start, 1) == "model.rate_limited");
    BOOST_TEST(m.text(start, 1) == "model.rate_limited");
    BOOST_TEST(m.text(start, 2) == "model.rate_limited");
    BOOST_TEST(m.text(start, 1) == R"("ok")");
    m.model->forget({1});
    BOOST_TEST(m.text(start, 1) == "model.rate_limited");
}

BOOST_AUTO_TEST_CASE(a_sequence_plays_to_each_run_and_then_does_what_it_says) {
    for (const auto& [then, last] :
         {std::pair{"fail", "script.no_rule"}, {"repeat_last", "\"b\""}, {"start_again", "\"a\""}}) {
        scripted m(R"({"sequence":[{"content":"a"},{"content":"b"}],"then":")" + std::string(then) + "\"}");
        history h = start;
        std::vector<std::string> seen;
        for (int i = 0; i < 3; ++i) {
            seen.push_back(m.text(h));
            h = h.appended(user_message("next"));
        }
        BOOST_TEST(seen == (std::vector<std::string>{"\"a\"", "\"b\"", last}), boost::test_tools::per_element());
        BOOST_TEST(m.text(start, 2) == "\"a\"");
    }
}

BOOST_AUTO_TEST_CASE(a_repeat_of_the_same_request_is_no_new_turn_unless_it_failed_or_was_slow) {
    scripted m(
        R"({"sequence":[{"content":"a"},{"fail":"model.failed"},{"content":"c","latency":"10m"},{"content":"d"}]})");
    BOOST_TEST(m.text(start) == "\"a\"");
    BOOST_TEST(m.text(start) == "\"a\"");
    const history next = start.appended(user_message("x"));
    BOOST_TEST(m.text(next) == "model.failed");
    BOOST_TEST(m.text(next) == "\"c\"");
    BOOST_TEST(m.text(next) == "\"d\"");
    BOOST_TEST(m.text(next) == "\"d\"");
}

BOOST_AUTO_TEST_CASE(agents_may_have_scripts_of_their_own) {
    scripted m(R"({"agents":{"other":{"sequence":[{"content":"other"}]}},"rules":[],"default":{"content":"all"}})");
    BOOST_TEST(m.text(start) == "\"all\"");
    auto request = ask(start, 1, 9);
    request.agent = "other";
    BOOST_TEST(m.call(request).response.content.text() == "\"other\"");
    scripted only(R"({"agents":{"other":{"sequence":[{"content":"other"}]}}})");
    const auto none = only.call(start);
    BOOST_TEST((none.code == errc::script_no_rule));
    BOOST_TEST(none.message.find("\"tester\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(usage_is_reported_as_scripted_derived_or_not_at_all) {
    scripted given(R"({"sequence":[{"content":"a","usage":{"input":10,"output":2,"cached_input":4}}]})");
    BOOST_TEST((given.call(start).response.usage == token_usage{10, 2, 4, true}));
    scripted derived(R"({"sequence":[{"content":"abcd","calls":[{"name":"t","args":{}}]}]})");
    const auto c = derived.call(start);
    // 6 bytes of content, 1 of the name, 2 of the arguments.
    BOOST_TEST((c.response.usage == token_usage{static_cast<std::int64_t>(start.bytes() + 2 + 3) / 4, 3, 0, true}));
    BOOST_TEST(c.response.finish == "tool_calls");
    scripted silent(R"({"sequence":[{"content":"abcd"}]})", {.report_usage = false});
    BOOST_TEST(!silent.call(start).response.usage.reported);
}

BOOST_AUTO_TEST_CASE(latency_comes_from_the_answer_or_from_the_models_table) {
    scripted m(
        R"({"sequence":[{"content":"a","latency":"5s"},{"content":"b"}],"latency":{"mock-1":"2s","other":"1h"}})");
    const instant begin = m.world.now();
    m.call(start);
    BOOST_TEST((m.world.now() - begin).us == 5'000'000);
    m.call(start.appended(user_message("x")));
    BOOST_TEST((m.world.now() - begin).us == 7'000'000);
}

BOOST_AUTO_TEST_CASE(an_unknown_outcome_and_a_cancelled_answer) {
    scripted m(R"({"sequence":[{"fail":{"code":"model.unknown","message":"cut"}},{"content":"late"}],"latency":"1s"})");
    const auto c = m.call(start);
    BOOST_TEST((c.outcome == effect_outcome::unknown));
    BOOST_TEST(c.message == "cut");
    collecting_sink sink;
    m.model->call(ask(start, 1, 50), sink);
    BOOST_TEST(m.model->open_calls() == 1u);
    m.model->cancel({{1}, {50}});
    m.world.run_all();
    BOOST_TEST(sink.models.empty());
    BOOST_TEST(m.model->open_calls() == 0u);
}

BOOST_AUTO_TEST_CASE(arguments_that_are_no_json_pass_as_text) {
    scripted m(R"({"sequence":[{"calls":[{"name":"t","args":"{\"open\": "}]}]})");
    BOOST_TEST(m.text(start) == R"(t"{\"open\": ")");
}

BOOST_AUTO_TEST_SUITE_END()
