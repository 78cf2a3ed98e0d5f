#include "mocks/generative_model.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "aivp/schema/schema.hpp"
#include "mocks/internal/pattern_text.hpp"
#include "mocks/internal/value_grammar.hpp"
#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
const payload tools = js(R"([
  {"description":"declines","name":"abstain","parameters":{"type":"object","required":["reason"],"properties":{"reason":{"type":"string","minLength":1}}}},
  {"description":"charges","name":"charge","parameters":{"type":"object","required":["customer","amount_cents","currency"],"additionalProperties":false,
    "properties":{"customer":{"type":"string","pattern":"^cus-[a-z0-9-]+$"},"amount_cents":{"type":"integer","minimum":1,"maximum":1000000},
    "currency":{"type":"string","enum":["USD","EUR","GBP"]},"when":{"type":"string","format":"date-time"}}}},
  {"description":"sends","name":"send","parameters":{"type":"object","required":["to","subject"],"additionalProperties":false,
    "properties":{"to":{"type":"array","minItems":1,"maxItems":20,"uniqueItems":true,"items":{"type":"string","pattern":"^[^@ ]+@[^@ ]+$"}},
    "subject":{"type":"string","minLength":1,"maxLength":12},"urgent":{"type":["boolean","null"]},
    "rows":{"type":"array","items":{"type":"array","items":{"type":["string","number"]}}}}}}])");

const history talk = conversation_of({R"({"content":"go","role":"user"})"});

generative_options only_calls() {
    generative_options o;
    o.seed = 5;
    o.stop_per_mille = o.abstain_per_mille = o.invalid_per_mille = o.unknown_tool_per_mille = o.repeat_per_mille = 0;
    return o;
}

std::map<std::string, json_schema> schemas() {
    std::map<std::string, json_schema> out;
    for (const payload& t : items(tools))
        out.emplace(as_string(*member(t, "name")).value(), json_schema::compile(*member(t, "parameters")).value());
    return out;
}

std::string show(const model_response& r) {
    std::string out(r.content.text());
    for (const proposed_call& c : r.calls) out += " " + c.name + std::string(c.arguments.text());
    return out;
}
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_generative)

BOOST_AUTO_TEST_CASE(arguments_fit_the_schemas_of_the_tools_that_are_offered) {
    generative_source source(only_calls());
    const auto checked = schemas();
    std::set<std::string> seen;
    std::size_t calls = 0;
    for (std::uint64_t run = 1; run <= 1000; ++run) {
        const auto a = source.answer(ask(talk, run, 1, tools));
        BOOST_REQUIRE(!a.response.calls.empty());
        BOOST_TEST(a.response.finish == "tool_calls");
        for (const proposed_call& c : a.response.calls) {
            const auto broken = checked.at(c.name).validate(c.arguments);
            BOOST_TEST(!broken, c.name << std::string(c.arguments.text()) << ": " << (broken ? broken->message : ""));
            BOOST_TEST(std::string(js(c.arguments.text()).text()) == c.arguments.text());
            seen.insert(c.name);
            ++calls;
        }
    }
    BOOST_TEST(seen == (std::set<std::string>{"charge", "send"}), boost::test_tools::per_element());
    BOOST_TEST((calls > 1800 && calls < 2200), calls);
}

BOOST_AUTO_TEST_CASE(broken_arguments_break_the_schema) {
    auto options = only_calls();
    options.invalid_per_mille = 1000;
    generative_source source(options);
    const auto checked = schemas();
    std::size_t no_objects = 0;
    for (std::uint64_t run = 1; run <= 500; ++run)
        for (const proposed_call& c : source.answer(ask(talk, run, 1, tools)).response.calls) {
            BOOST_TEST(!checked.at(c.name).accepts(c.arguments), c.name << std::string(c.arguments.text()));
            no_objects += c.arguments.is_string();
        }
    BOOST_TEST(no_objects > 0u);
}

BOOST_AUTO_TEST_CASE(the_same_seed_run_and_turn_give_the_same_answer_whatever_came_before) {
    generative_options options;
    options.seed = 5;
    generative_source busy(options);
    generative_source fresh(options);
    for (std::uint64_t run = 1; run < 200; ++run) busy.answer(ask(talk, run * 7, 3, tools));
    std::set<std::string> answers;
    for (std::uint64_t run = 1; run < 200; ++run) {
        const auto one = show(busy.answer(ask(talk, run, 1, tools)).response);
        BOOST_TEST(one == show(fresh.answer(ask(talk, run, 99, tools)).response));
        answers.insert(one);
    }
    BOOST_TEST(answers.size() > 100u);
    options.seed = 6;
    generative_source other(options);
    std::size_t same = 0;
    for (std::uint64_t run = 1; run < 200; ++run)
        same += show(fresh.answer(ask(talk, run, 1, tools)).response) ==
                show(other.answer(ask(talk, run, 1, tools)).response);
    BOOST_TEST(same < 40u);
}

BOOST_AUTO_TEST_CASE(each_turn_and_each_agent_has_draws_of_its_own) {
    generative_source source(only_calls());
    const history second = talk.appended(js(R"({"content":"hm","role":"assistant"})"));
    std::size_t same_turn = 0;
    std::size_t same_agent = 0;
    for (std::uint64_t run = 1; run <= 100; ++run) {
        const auto first = show(source.answer(ask(talk, run, 1, tools)).response);
        same_turn += first == show(source.answer(ask(second, run, 1, tools)).response);
        auto request = ask(talk, run, 1, tools);
        request.agent = "another";
        same_agent += first == show(source.answer(request).response);
    }
    BOOST_TEST(same_turn < 5u);
    BOOST_TEST(same_agent < 5u);
}

BOOST_AUTO_TEST_CASE(rates_are_kept) {
    generative_options options;
    options.seed = 11;
    options.stop_per_mille = 300;
    options.abstain_per_mille = 100;
    options.unknown_tool_per_mille = 200;
    options.invalid_per_mille = 0;
    options.calls_max = 1;
    options.repeat_per_mille = 0;
    generative_source source(options);
    int stopped = 0;
    int abstained = 0;
    int unknown = 0;
    for (std::uint64_t run = 1; run <= 4000; ++run) {
        const auto r = source.answer(ask(talk, run, 1, tools)).response;
        stopped += r.calls.empty();
        abstained += !r.calls.empty() && r.calls[0].name == "abstain";
        unknown += !r.calls.empty() && r.calls[0].name.starts_with("unknown_");
    }
    BOOST_TEST((abstained > 330 && abstained < 470), abstained);
    BOOST_TEST((stopped > 980 && stopped < 1180), stopped);
    BOOST_TEST((unknown > 430 && unknown < 580), unknown);
}

BOOST_AUTO_TEST_CASE(a_run_ends_at_its_last_turn_and_repeats_when_told_to) {
    auto options = only_calls();
    options.turns_max = 2;
    generative_source source(options);
    const history second =
        talk.appended(js(R"({"calls":[{"args":{"a":1},"id":"call#0","name":"x"}],"role":"assistant"})"));
    BOOST_TEST(source.answer(ask(second, 1, 2, tools)).response.calls.empty());
    options.turns_max = 9;
    options.repeat_per_mille = 1000;
    generative_source parrot(options);
    const auto again = parrot.answer(ask(second, 1, 2, tools)).response.calls;
    BOOST_REQUIRE(again.size() == 1u);
    BOOST_TEST(again[0].name == "x");
    BOOST_TEST(again[0].arguments.text() == R"({"a":1})");
    BOOST_TEST(!parrot.answer(ask(talk, 1, 1, tools)).response.calls.empty());
    BOOST_TEST(generative_source(only_calls()).answer(ask(talk, 1, 1, js("[]"))).response.calls.empty());
}

BOOST_AUTO_TEST_CASE(grammars_follow_references_alternatives_and_bounds) {
    const std::string_view documents[] = {
        R"({"type":"object","required":["a","b","c"],"properties":{"a":{"$ref":"#/$defs/n"},"b":{"anyOf":[{"type":"integer","minimum":3,"maximum":4},{"const":"x"}]},
            "c":{"allOf":[{"type":"object","required":["p"],"properties":{"p":{"type":"boolean"}}},{"required":["q"],"properties":{"q":{"type":"null"}}}]}},
            "$defs":{"n":{"type":"number","exclusiveMinimum":2,"maximum":3}}})",
        R"({"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false,"minItems":2})",
        R"({"type":"integer","minimum":7,"maximum":100,"multipleOf":5})",
        R"({"type":"string","minLength":30,"maxLength":40})",
        R"({"type":"object","properties":{"child":{"$ref":"#"},"v":{"type":"integer"}},"required":["v"]})",
        R"({"oneOf":[{"type":"string","format":"uuid","pattern":"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"},{"type":"boolean"}]})",
        R"({"type":"array","items":{"enum":["a","b",3]},"uniqueItems":true,"minItems":1,"maxItems":3})",
    };
    for (const std::string_view document : documents) {
        const auto schema = json_schema::compile(js(document)).value();
        const auto grammar = value_grammar::compile(js(document));
        random_stream draws(3, "test", "grammar", document);
        for (int i = 0; i < 200; ++i) {
            const payload value = grammar.generate(draws);
            const auto broken = schema.validate(value);
            BOOST_TEST(!broken,
                       document << " made " << std::string(value.text()) << ": " << (broken ? broken->message : ""));
            BOOST_TEST(std::string(js(value.text()).text()) == value.text());
        }
    }
}

BOOST_AUTO_TEST_CASE(patterns_make_texts_that_fit_or_decline) {
    for (const std::string_view pattern :
         {"^#[a-z0-9-]{1,60}$", "^(a|b(c|d)+)?x$", "\\d{3}-\\w+", "^[A-Z]{3}$", "^é+\\.$", "[]a]b", "^$", "a{2,}"}) {
        const auto text = pattern_text::compile(pattern);
        BOOST_REQUIRE_MESSAGE(text, pattern);
        const auto schema =
            json_schema::compile(
                payload::of_object({{"pattern", payload::of_string(pattern == "[]a]b" ? "[\\]a]b" : pattern)}}))
                .value();
        random_stream draws(3, "test", "pattern", pattern);
        for (int i = 0; i < 50; ++i) {
            const std::string made = text->generate(draws);
            BOOST_TEST(schema.accepts(payload::of_string(made)), pattern << " made " << made);
        }
    }
    for (const std::string_view pattern :
         {"(?=a)b", "(a", "a)", "a{3,2}", "\\p{L}", "[z-a]", "a{99999}", "*", "[", "\\1(a)", "[[:alpha:]]", "é[é]"})
        BOOST_TEST(!pattern_text::compile(pattern), pattern);
}

BOOST_AUTO_TEST_CASE(hostile_schemas_are_bounded) {
    std::string wide = R"({"allOf":[)";
    for (int i = 0; i < 12; ++i) wide += std::string(i ? "," : "") + R"({"$ref":"#"})";
    wide +=
        R"(],"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"},"c":{"$ref":"#"}},"required":["a","b","c"]})";
    random_stream draws(3, "test", "hostile", "");
    const auto made = value_grammar::compile(js(wide)).generate(draws);
    BOOST_TEST(made.is_object());
    const auto loop = value_grammar::compile(js(R"({"$ref":"#"})")).generate(draws);
    BOOST_TEST(loop.is_string());
    const auto nothing = pattern_text::compile("((((()*){1000}){1000}){1000}){1000}");
    BOOST_REQUIRE(nothing);
    BOOST_TEST(nothing->generate(draws).empty());
}

BOOST_AUTO_TEST_SUITE_END()
