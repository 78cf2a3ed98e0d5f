#include "aivp/agent/template.hpp"

#include <algorithm>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/agent/world.hpp"

using namespace agent_test;

namespace {

argument_template compiled(std::string_view document) {
    auto made = argument_template::compile(json(document), resolve);
    if (!made) BOOST_FAIL(document << ": " << to_string(made.error()));
    return *std::move(made);
}

std::string rendered(std::string_view document) {
    const auto out = compiled(document).render(look_up);
    return out ? std::string(out->text()) : to_string(out.error());
}

error render_error(std::string_view document) {
    const auto out = compiled(document).render(look_up);
    // The message is put together whether the check holds or not.
    BOOST_REQUIRE_MESSAGE(!out, document << " renders as " << (out ? out->text() : ""));
    return out.error();
}

std::string context_of(const error& e, std::string_view key) {
    const auto found = std::find_if(e.context.begin(), e.context.end(), [&](const auto& c) { return c.first == key; });
    return found == e.context.end() ? "absent" : found->second;
}

} // namespace

BOOST_AUTO_TEST_SUITE(argument_templates)

BOOST_AUTO_TEST_CASE(a_document_without_references_is_handed_back_as_the_same_object) {
    const payload document = json(R"({"a":[1,"$5 {x} }} $",{"b":null}]})");
    const auto made = argument_template::compile(document, resolve).value();
    BOOST_TEST(made.constant());
    BOOST_TEST(made.document().same_as(document));
    BOOST_TEST(made.render(look_up).value().same_as(document));
    BOOST_TEST(made.references().empty());
    BOOST_TEST(argument_template().render(look_up).value().is_null());
}

BOOST_AUTO_TEST_CASE(a_string_that_is_one_reference_takes_the_value_with_its_type) {
    BOOST_TEST(rendered(R"({"x":"${fetch.count}"})") == R"({"x":2})");
    BOOST_TEST(rendered(R"({"x":"${fetch.items}"})") == R"({"x":[{"id":7},{"id":8}]})");
    BOOST_TEST(rendered(R"({"x":"${trigger.none}"})") == R"({"x":null})");
    BOOST_TEST(rendered(R"({"x":"${trigger.yes}"})") == R"({"x":true})");
    BOOST_TEST(rendered(R"({"x":"${trigger.id}"})") == R"({"x":9007199254740993})");
    BOOST_TEST(rendered(R"({"x":"${trigger.text}"})") == R"({"x":"a \"b\"\n"})");
    BOOST_TEST(rendered(R"("${größe}")") == "[3]");
    BOOST_TEST(rendered(R"(["${größe.0}"])") == "[3]");
}

BOOST_AUTO_TEST_CASE(a_reference_in_a_longer_string_is_written_out) {
    BOOST_TEST(rendered(R"("n=${fetch.count}!")") == R"("n=2!")");
    BOOST_TEST(rendered(R"(" ${fetch.count}")") == R"(" 2")");
    BOOST_TEST(rendered(R"("${fetch.count}${fetch.status}")") == R"("2open")");
    BOOST_TEST(rendered(R"("\"${trigger.text}\"\n")") == R"("\"a \"b\"\n\"\n")");
    BOOST_TEST(rendered(R"("${trigger.yes} ${trigger.no} ${trigger.half} ${trigger.id}")") ==
               R"("true false 0.5 9007199254740993")");
    BOOST_TEST(rendered(R"("${fetch.blank}${fetch.blank}")") == R"("")");
}

BOOST_AUTO_TEST_CASE(both_spellings_and_blanks_inside_mean_the_same) {
    for (const char* spelling : {"${fetch.count}", "{{fetch.count}}", "${ fetch.count }", "{{ fetch.count\t}}"}) {
        const auto made = argument_template::compile(payload::of_string(spelling), resolve).value();
        BOOST_REQUIRE(made.references().size() == 1U);
        BOOST_TEST((made.references()[0] == value_reference{1, "/count", "fetch.count"}));
        BOOST_TEST(made.render(look_up).value().text() == "2");
    }
}

BOOST_AUTO_TEST_CASE(fields_may_hold_what_json_pointers_escape) {
    BOOST_TEST(rendered(R"(["${fetch.a/b}","${fetch.m~n}","${fetch.0}","${fetch.x-y}"])") ==
               R"(["slash","tilde","zero","dash"])");
    BOOST_TEST(compiled(R"("${fetch.a/b.m~n}")").references()[0].pointer == "/a~1b/m~0n");
    BOOST_TEST(rendered(R"("${fetch.items.1.id}")") == "8");
}

BOOST_AUTO_TEST_CASE(dollars_before_a_brace_are_read_in_pairs_and_braces_in_fours) {
    BOOST_TEST(rendered(R"("$${fetch.count}")") == R"("${fetch.count}")");
    BOOST_TEST(rendered(R"("$$${fetch.count}")") == R"("$2")");
    BOOST_TEST(rendered(R"("$$$${fetch.count}")") == R"("$${fetch.count}")");
    BOOST_TEST(rendered(R"("{{{{fetch.count}}")") == R"("{{fetch.count}}")");
    BOOST_TEST(rendered(R"("$$ $x {} {x} }} }")") == R"("$$ $x {} {x} }} }")");
    BOOST_TEST(rendered(R"("$${a ${fetch.count}")") == R"("${a 2")");
    BOOST_TEST(rendered(R"("$${{x}}")") == R"("${{x}}")");
}

BOOST_AUTO_TEST_CASE(a_document_with_escapes_only_is_constant_after_their_replacement) {
    const auto made = compiled(R"({"a":"$${x}","b":[1]})");
    BOOST_TEST(made.constant());
    BOOST_TEST(made.document().text() == R"({"a":"${x}","b":[1]})");
    BOOST_TEST(made.render(look_up).value().same_as(made.document()));
}

BOOST_AUTO_TEST_CASE(each_reference_is_listed_once_in_canonical_order) {
    const auto made = compiled(R"({"b":"${fetch}","a":["${trigger.id} ${fetch.count}","{{trigger.id}}"]})");
    BOOST_REQUIRE(made.references().size() == 3U);
    BOOST_TEST(made.references()[0].text == "trigger.id");
    BOOST_TEST(made.references()[1].text == "fetch.count");
    BOOST_TEST((made.references()[2] == value_reference{1, "", "fetch"}));
    BOOST_TEST(!made.constant());
    BOOST_TEST(made.document().text().find("${fetch}") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(each_source_is_looked_up_once_per_reference_and_rendering) {
    const auto made = compiled(R"(["${fetch.count}","${fetch.count}","n ${fetch.count}"])");
    int lookups = 0;
    const auto out = made.render([&](std::uint32_t source) {
        ++lookups;
        return look_up(source);
    });
    BOOST_TEST(out->text() == R"([2,2,"n 2"])");
    BOOST_TEST(lookups == 1);
}

BOOST_AUTO_TEST_CASE(a_broken_template_names_code_place_and_column) {
    const struct {
        const char* document;
        errc code;
        const char* pointer;
        std::uint32_t column;
    } cases[] = {
        {R"("${")", errc::config_value, "", 1},
        {R"("ab${fetch")", errc::config_value, "", 3},
        {R"("äö${fetch")", errc::config_value, "", 3},
        {R"("{{fetch}")", errc::config_value, "", 1},
        {R"({"to":["x","${}"]})", errc::config_value, "/to/1", 3},
        {R"("{{ }}")", errc::config_value, "", 4},
        {R"("${fetch.}")", errc::config_value, "", 9},
        {R"("${.x}")", errc::config_value, "", 3},
        {R"("${fetch..x}")", errc::config_value, "", 9},
        {R"("${fetch x}")", errc::config_value, "", 8},
        {R"("${fetch.items[0]}")", errc::config_value, "", 14},
        {R"("${fetch.$x}")", errc::config_value, "", 9},
        {R"("${${fetch}}")", errc::config_value, "", 3},
        {R"("{{{fetch}}}")", errc::config_value, "", 3},
        {R"("${{fetch}}")", errc::config_value, "", 3},
        {R"("${fetch|upper}")", errc::config_value, "", 8},
        {R"("${fetch\n.x}")", errc::config_value, "", 8},
        {R"("${fetch\u0001}")", errc::config_value, "", 8},
        {R"("${fetsh.id}")", errc::config_reference, "", 3},
        {R"("{{ name }}")", errc::config_reference, "", 4},
        {R"({"a":{"b/c":["${nope}"]}})", errc::config_reference, "/a/b~1c/0", 3},
        {R"({"m~":"ok ${fetch} ${nope}"})", errc::config_reference, "/m~0", 15},
        {R"({"${fetch.status}":1})", errc::config_value, "/${fetch.status}", 1},
        {R"([{"{{x}}":1}])", errc::config_value, "/0/{{x}}", 1},
    };
    for (const auto& c : cases) {
        const auto made = argument_template::compile(json(c.document), resolve);
        BOOST_TEST_CONTEXT(c.document) {
            BOOST_REQUIRE(!made);
            BOOST_TEST((made.error().code == c.code));
            BOOST_TEST(made.error().where.column == c.column);
            BOOST_TEST(context_of(made.error(), "pointer") == c.pointer);
            BOOST_TEST(!made.error().message.empty());
        }
    }
    BOOST_TEST(context_of(argument_template::compile(json(R"("${fetsh.id}")"), resolve).error(), "name") == "fetsh");
}

BOOST_AUTO_TEST_CASE(references_are_bounded_in_length_and_number) {
    const std::string longest = "${fetch." + std::string(reference_bytes_max - 6, 'x') + "}";
    BOOST_TEST(argument_template::compile(payload::of_string(longest), resolve).has_value());
    const auto longer = argument_template::compile(
        payload::of_string("${fetch." + std::string(reference_bytes_max, 'x') + "}"), resolve);
    BOOST_REQUIRE(!longer);
    BOOST_TEST((longer.error().code == errc::config_value));

    std::string many;
    for (std::size_t i = 0; i < references_max; ++i) many += "${fetch.f" + std::to_string(i) + "}";
    BOOST_TEST(argument_template::compile(payload::of_string(many + many), resolve).has_value());
    const auto more = argument_template::compile(payload::of_string(many + "${fetch}"), resolve);
    BOOST_REQUIRE(!more);
    BOOST_TEST((more.error().code == errc::config_value));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_rendered_is_named_but_never_shown) {
    const struct {
        const char* document;
        const char* message;
    } cases[] = {
        {R"(["${skipped.x}"])", "${skipped.x} has no value: the step that it refers to did not run"},
        {R"(["a ${skipped}"])", "${skipped} has no value: the step that it refers to did not run"},
        {R"(["${fetch.nope}"])", "${fetch.nope} has no value: what it refers to has no such field"},
        {R"(["${fetch.items.2}"])", "${fetch.items.2} has no value: what it refers to has no such field"},
        {R"(["${fetch.status.x}"])", "${fetch.status.x} has no value: what it refers to has no such field"},
        {R"(["x${fetch.items}"])", "${fetch.items} is an array and cannot be part of a longer text"},
        {R"(["x${fetch.nothing}"])", "${fetch.nothing} is an object and cannot be part of a longer text"},
        {R"(["x${trigger.none}"])", "${trigger.none} is null and cannot be part of a longer text"},
    };
    for (const auto& c : cases) {
        const error e = render_error(c.document);
        BOOST_TEST((e.code == errc::run_reference));
        BOOST_TEST(e.message == c.message);
        BOOST_TEST(context_of(e, "reference") != "absent");
    }
}

BOOST_AUTO_TEST_CASE(a_rendered_document_is_bounded_in_size_and_depth) {
    const payload large = payload::of_string(std::string(rendered_bytes_max - 20, 'x'));
    const payload small = payload::of_string(std::string(rendered_bytes_max / 2 - 20, 'x'));
    std::string brackets = "1";
    for (std::uint32_t i = 0; i < rendered_depth_max - 2; ++i) brackets = "[" + brackets + "]";
    const payload deep = json(brackets);
    const payload deeper = json("[" + brackets + "]");
    const auto code_with = [&](const payload& value, const char* document) {
        const auto out = compiled(document).render([&](std::uint32_t) { return &value; });
        if (out) BOOST_TEST(payload::parse(out->text()).has_value());
        return out ? errc::ok : out.error().code;
    };
    BOOST_TEST((code_with(large, R"(["${fetch}"])") == errc::ok));
    BOOST_TEST((code_with(large, R"(["${fetch} and so on, a little further"])") == errc::args_limit));
    BOOST_TEST((code_with(small, R"(["${fetch}","${fetch}"])") == errc::ok));
    BOOST_TEST((code_with(small, R"(["${fetch}","${fetch}","${fetch}"])") == errc::args_limit));
    BOOST_TEST((code_with(deep, R"({"a":["${fetch}"]})") == errc::ok));
    BOOST_TEST((code_with(deeper, R"({"a":["${fetch}"]})") == errc::args_limit));
    const payload brackets_in_text = payload::of_array({payload::of_string("\\\"" + std::string(100, '['))});
    BOOST_TEST((code_with(brackets_in_text, R"({"a":["${fetch}"]})") == errc::ok));
}

BOOST_AUTO_TEST_SUITE_END()
