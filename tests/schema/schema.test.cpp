#include "aivp/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <thread>
#include <vector>

namespace {

using namespace aivp;

payload json(std::string_view text) {
    auto parsed = payload::parse(text);
    BOOST_REQUIRE_MESSAGE(parsed, std::string(text) + ": " + (parsed ? "" : to_string(parsed.error())));
    return *parsed;
}

json_schema compiled(std::string_view text, const schema_options& options = {}) {
    auto schema = json_schema::compile(json(text), options);
    BOOST_REQUIRE_MESSAGE(schema, std::string(text) + ": " + (schema ? "" : to_string(schema.error())));
    return *schema;
}

json_schema::violation only_violation(std::string_view schema, std::string_view instance) {
    const auto all = compiled(schema).validate_all(json(instance), 10);
    BOOST_REQUIRE_EQUAL(all.size(), 1u);
    return all.front();
}

constexpr std::string_view mail_schema =
    R"({"type":"object","required":["to","subject"],"additionalProperties":false,"properties":{
    "to":{"type":"string","minLength":3,"maxLength":20},"subject":{"type":"string"},"priority":{"enum":["low","high"]},
    "retries":{"type":"integer","minimum":0,"maximum":10},"ratio":{"type":"number","multipleOf":0.01},
    "tags":{"type":"array","items":{"type":"string","pattern":"^[a-z]+$"},"uniqueItems":true,"maxItems":3}}})";

} // namespace

BOOST_AUTO_TEST_SUITE(schema)

BOOST_AUTO_TEST_CASE(a_fitting_instance_has_no_violation) {
    const auto schema = compiled(mail_schema);
    const auto instance =
        json(R"({"to":"ana","subject":"hi","priority":"low","retries":10,"ratio":0.07,"tags":["a","b"]})");
    BOOST_TEST(schema.accepts(instance));
    BOOST_TEST(!schema.validate(instance).has_value());
    BOOST_TEST(schema.validate_all(instance, 5).empty());
}

BOOST_AUTO_TEST_CASE(each_broken_rule_is_named_with_pointers_and_a_sentence) {
    struct expectation {
        std::string_view instance, instance_pointer, schema_pointer, keyword, message;
    };
    const expectation table[] = {
        {R"([])", "", "/type", "type", "must be an object"},
        {R"({"to":"ana"})", "", "/required", "required", "the property \"subject\" is missing"},
        {R"({"to":"ana","subject":7})", "/subject", "/properties/subject/type", "type", "must be a string"},
        {R"({"to":"an","subject":""})", "/to", "/properties/to/minLength", "minLength",
         "must have at least 3 characters"},
        {R"({"to":"ana","subject":"","priority":"urgent"})", "/priority", "/properties/priority/enum", "enum",
         "must be one of [\"low\",\"high\"]"},
        {R"({"to":"ana","subject":"","retries":1.5})", "/retries", "/properties/retries/type", "type",
         "must be a whole number"},
        {R"({"to":"ana","subject":"","retries":11})", "/retries", "/properties/retries/maximum", "maximum",
         "must be at most 10"},
        {R"({"to":"ana","subject":"","ratio":0.075})", "/ratio", "/properties/ratio/multipleOf", "multipleOf",
         "must be a multiple of 0.01"},
        {R"({"to":"ana","subject":"","tags":["a","B"]})", "/tags/1", "/properties/tags/items/pattern", "pattern",
         "must match the pattern \"^[a-z]+$\""},
        {R"({"to":"ana","subject":"","tags":["a","a"]})", "/tags", "/properties/tags/uniqueItems", "uniqueItems",
         "must not hold the same item twice"},
        {R"({"to":"ana","subject":"","tags":["a","b","c","d"]})", "/tags", "/properties/tags/maxItems", "maxItems",
         "must have at most 3 items"},
    };
    for (const auto& e : table) {
        const auto v = only_violation(mail_schema, e.instance);
        BOOST_TEST(v.instance_pointer == e.instance_pointer);
        BOOST_TEST(v.schema_pointer == e.schema_pointer);
        BOOST_TEST(v.keyword == e.keyword);
        BOOST_TEST(v.message == e.message);
        BOOST_TEST(!v.unknown_property);
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_property_is_marked_as_such) {
    const auto v = only_violation(mail_schema, R"({"to":"ana","subject":"","a/b~":1})");
    BOOST_TEST(v.unknown_property);
    BOOST_TEST(v.instance_pointer == "/a~1b~0");
    BOOST_TEST(v.schema_pointer == "/additionalProperties");
    BOOST_TEST(v.message == "the property \"a/b~\" is not known");
    const auto u =
        only_violation(R"({"allOf":[{"properties":{"a":true}}],"unevaluatedProperties":false})", R"({"a":1,"b":2})");
    BOOST_TEST(u.unknown_property);
    BOOST_TEST(u.instance_pointer == "/b");
    BOOST_TEST(u.keyword == "unevaluatedProperties");
    const auto item = only_violation(R"({"prefixItems":[true],"unevaluatedItems":false})", "[1,2]");
    BOOST_TEST(!item.unknown_property);
    BOOST_TEST(item.instance_pointer == "/1");
}

BOOST_AUTO_TEST_CASE(violations_come_in_document_order_up_to_the_limit) {
    const auto schema = compiled(mail_schema);
    const auto instance = json(R"({"priority":1,"ratio":"x","retries":-1,"tags":[1,"a",2],"to":"","zzz":1})");
    const auto all = schema.validate_all(instance, 100);
    std::vector<std::string> pointers;
    for (const auto& v : all) pointers.push_back(v.instance_pointer);
    const std::vector<std::string> expected{"", "/priority", "/ratio", "/retries", "/tags/0", "/tags/2", "/to", "/zzz"};
    BOOST_TEST(pointers == expected, boost::test_tools::per_element());
    for (std::size_t limit = 0; limit <= all.size(); ++limit) {
        const auto some = schema.validate_all(instance, limit);
        BOOST_REQUIRE_EQUAL(some.size(), limit);
        for (std::size_t i = 0; i < limit; ++i) BOOST_TEST((some[i] == all[i]));
    }
    BOOST_TEST((*schema.validate(instance) == all.front()));
}

BOOST_AUTO_TEST_CASE(no_violation_shows_a_value_of_the_instance) {
    const auto schema = compiled(
        R"({"properties":{"a":{"enum":["x"]},"b":{"const":1},"c":{"pattern":"^x"},"d":{"not":{"type":"string"}},"e":{"format":"ipv4"},
        "f":{"anyOf":[{"type":"number"},{"maxLength":2}]},"g":{"oneOf":[{"maxLength":2},false]},"h":{"type":"null"},"i":{"uniqueItems":true},"j":{"items":false},
        "k":{"contains":{"const":1}},"l":false,"m":{"maximum":10},"n":{"additionalProperties":{"type":"null"}}}})",
        {.assert_formats = true});
    const auto instance = json(
        R"({"a":"hunter2","b":"hunter2","c":"hunter2","d":"hunter2","e":"hunter2","f":"hunter2","g":"hunter2","h":"hunter2",
        "i":["hunter2","hunter2"],"j":["hunter2"],"k":["hunter2"],"l":"hunter2","m":72727272,"n":{"o":"hunter2"}})");
    const auto all = schema.validate_all(instance, 100);
    BOOST_TEST(all.size() == 14u);
    for (const auto& v : all) {
        for (const auto& text : {v.message, v.instance_pointer, v.schema_pointer, v.keyword}) {
            BOOST_TEST(text.find("hunter2") == std::string::npos);
            BOOST_TEST(text.find("7272") == std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_alternative_that_comes_nearest_is_explained) {
    const auto v = only_violation(
        R"({"anyOf":[{"type":"string"},{"type":"object","properties":{"kind":{"const":"box"},"width":{"type":"number","minimum":1}}}]})",
        R"({"kind":"box","width":0})");
    BOOST_TEST(v.keyword == "anyOf");
    BOOST_TEST(v.message ==
               "fits none of the 2 alternatives of \"anyOf\"; number 2 comes nearest: /width must be at least 1");
    BOOST_TEST(only_violation(R"({"oneOf":[{"minimum":1},{"minimum":2}]})", "3").message ==
               "fits more than one of the alternatives of \"oneOf\", and must fit exactly one");
}

BOOST_AUTO_TEST_CASE(numbers_are_compared_exactly) {
    const auto below = compiled(R"({"maximum":9007199254740993})");
    BOOST_TEST(below.accepts(json("9007199254740993")));
    BOOST_TEST(!below.accepts(json("9007199254740994")));
    const auto wide = compiled(R"({"exclusiveMinimum":123456789012345678901234567890})");
    BOOST_TEST(!wide.accepts(json("123456789012345678901234567890")));
    BOOST_TEST(wide.accepts(json("123456789012345678901234567891")));
    BOOST_TEST(!compiled(R"({"exclusiveMaximum":0.3})").accepts(json("0.3")));
    BOOST_TEST(compiled(R"({"multipleOf":0.01})").accepts(json("4.35")));
    BOOST_TEST(!compiled(R"({"multipleOf":0.01})").accepts(json("4.355")));
    BOOST_TEST(compiled(R"({"multipleOf":3})").accepts(json("300000000000000000000000000000")));
    BOOST_TEST(!compiled(R"({"multipleOf":3})").accepts(json("1e300")));
    BOOST_TEST(compiled(R"({"multipleOf":1e-300})").accepts(json("1e300")));
    BOOST_TEST(compiled(R"({"type":"integer"})").accepts(json("1.0")));
    BOOST_TEST(compiled(R"({"type":"integer"})").accepts(json("1.5e300")));
    BOOST_TEST(!compiled(R"({"type":"integer"})").accepts(json("1.5")));
}

BOOST_AUTO_TEST_CASE(equal_numbers_written_differently_are_equal) {
    BOOST_TEST(compiled(R"({"const":1e21})").accepts(json("1000000000000000000000")));
    BOOST_TEST(!compiled(R"({"const":1e21})").accepts(json("1000000000000000000001")));
    BOOST_TEST(compiled(R"({"enum":[[{"a":1e22}]]})").accepts(json(R"([{"a":10000000000000000000000}])")));
    BOOST_TEST(!compiled(R"({"uniqueItems":true})").accepts(json("[1e21,5,1000000000000000000000]")));
    BOOST_TEST(compiled(R"({"uniqueItems":true})").accepts(json("[1e21,5,1000000000000000000001]")));
}

BOOST_AUTO_TEST_CASE(lengths_count_code_points) {
    const auto schema = compiled(R"({"minLength":2,"maxLength":3})");
    BOOST_TEST(schema.accepts(json(R"("äöü")")));
    BOOST_TEST(schema.accepts(json(R"("💩💩")")));
    BOOST_TEST(!schema.accepts(json(R"("💩")")));
    BOOST_TEST(schema.accepts(json(R"("\n\t\\")")));
    BOOST_TEST(!schema.accepts(json(R"("\n\t\\\"")")));
}

BOOST_AUTO_TEST_CASE(names_with_escapes_and_common_beginnings_are_told_apart) {
    std::string properties;
    for (int i = 0; i < 40; ++i)
        properties += (i ? ",\"common_prefix_" : "\"common_prefix_") + std::to_string(i) + R"(":{"const":)" +
                      std::to_string(i) + "}";
    const auto schema = compiled("{\"additionalProperties\":false,\"properties\":{" + properties +
                                 R"(,"a\"\n":{"const":true},"":{"const":0}}})");
    for (int i = 0; i < 40; ++i) {
        const auto name = "{\"common_prefix_" + std::to_string(i) + "\":";
        BOOST_TEST(schema.accepts(json(name + std::to_string(i) + "}")));
        BOOST_TEST(!schema.accepts(json(name + std::to_string(i + 1) + "}")));
    }
    BOOST_TEST(schema.accepts(json(R"({"a\"\n":true,"":0})")));
    BOOST_TEST(!schema.accepts(json(R"({"a\"\r":true})")));
    BOOST_TEST(schema.validate(json(R"({"common_prefix_40":1})"))->unknown_property);
}

BOOST_AUTO_TEST_CASE(more_than_sixty_four_required_properties_are_all_required) {
    std::string names;
    std::string members;
    for (int i = 0; i < 100; ++i) {
        names += (i ? ",\"p" : "\"p") + std::to_string(i) + "\"";
        members += (i ? ",\"p" : "\"p") + std::to_string(i) + "\":0";
    }
    const auto schema = compiled("{\"required\":[" + names + "]}");
    BOOST_TEST(schema.accepts(json("{" + members + "}")));
    for (const int absent : {0, 63, 64, 99}) {
        auto rest = members;
        const auto member = "\"p" + std::to_string(absent) + "\":0";
        rest.replace(rest.find(member), member.size(), "\"other\":0");
        const auto all = schema.validate_all(json("{" + rest + "}"), 10);
        BOOST_REQUIRE_EQUAL(all.size(), 1u);
        BOOST_TEST(all[0].message == "the property \"p" + std::to_string(absent) + "\" is missing");
    }
}

BOOST_AUTO_TEST_CASE(references_lead_to_supplied_documents_only) {
    const schema_options options{
        .documents = {{"https://example.com/money.json", json(R"({"$defs":{"eur":{"type":"number","minimum":0}}})")}}};
    const auto schema =
        compiled(R"({"properties":{"price":{"$ref":"https://example.com/money.json#/$defs/eur"}}})", options);
    const auto v = schema.validate(json(R"({"price":-1})"));
    BOOST_REQUIRE(v);
    BOOST_TEST(v->instance_pointer == "/price");
    BOOST_TEST(v->schema_pointer == "https://example.com/money.json#/$defs/eur/minimum");
    const auto absent = json_schema::compile(json(R"({"$ref":"https://example.com/money.json"})"));
    BOOST_REQUIRE(!absent);
    BOOST_TEST((absent.error().code == errc::schema_ref));
}

BOOST_AUTO_TEST_CASE(the_dialect_follows_the_schema_then_the_option) {
    const auto tuple = json(R"({"items":[{"type":"string"}],"additionalItems":false})");
    BOOST_TEST(!json_schema::compile(tuple));
    const auto by_option = json_schema::compile(tuple, {.dialect = schema_dialect::draft_07});
    BOOST_REQUIRE(by_option);
    const auto by_schema = compiled(
        R"({"$schema":"http://json-schema.org/draft-07/schema#","items":[{"type":"string"}],"additionalItems":false})");
    for (const auto& schema : {*by_option, by_schema}) {
        BOOST_TEST(schema.accepts(json(R"(["a"])")));
        BOOST_TEST(!schema.accepts(json(R"([1])")));
        BOOST_TEST(!schema.accepts(json(R"(["a","b"])")));
    }
    const auto siblings =
        R"({"definitions":{"n":{"type":"number"}},"properties":{"a":{"$ref":"#/definitions/n","maximum":1}}})";
    BOOST_TEST(!compiled(siblings).accepts(json(R"({"a":2})")));
    BOOST_TEST(compiled(siblings, {.dialect = schema_dialect::draft_07}).accepts(json(R"({"a":2})")));
    BOOST_TEST(!compiled(R"({"dependencies":{"a":["b"],"c":{"required":["d"]}}})").accepts(json(R"({"a":1})")));
}

BOOST_AUTO_TEST_CASE(formats_are_annotations_unless_asked_for) {
    const auto schema = R"({"format":"date-time"})";
    BOOST_TEST(compiled(schema).accepts(json(R"("yesterday")")));
    BOOST_TEST(!compiled(schema, {.assert_formats = true}).accepts(json(R"("yesterday")")));
    BOOST_TEST(compiled(R"({"format":"unheard-of"})", {.assert_formats = true}).accepts(json(R"("x")")));
}

BOOST_AUTO_TEST_CASE(the_metaschemas_are_there_and_refuse_bad_schemas) {
    for (const auto uri : {"https://json-schema.org/draft/2020-12/schema",
                           "https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema#"}) {
        const auto meta = compiled("{\"$ref\":\"" + std::string(uri) + "\"}");
        BOOST_TEST(meta.accepts(json(mail_schema)));
        const auto v = meta.validate(json(R"({"properties":{"a":{"not":{"minLength":-1}}}})"));
        BOOST_REQUIRE(v);
        BOOST_TEST(v->instance_pointer == "/properties/a/not/minLength");
    }
}

BOOST_AUTO_TEST_CASE(a_check_that_needs_too_much_work_is_given_up_and_refused) {
    // Two branches at each of 60 levels: 2^60 ways to fail.
    const auto schema = compiled(
        R"({"anyOf":[{"type":"object","properties":{"a":{"$ref":"#"}}},{"type":"object","properties":{"a":{"$ref":"#"}}}]})");
    std::string deep = "0";
    for (int i = 0; i < 60; ++i) deep = "{\"a\":" + deep + "}";
    const auto v = schema.validate(json(deep));
    BOOST_REQUIRE(v);
    BOOST_TEST(v->keyword == "$limit");
    BOOST_TEST(
        !compiled(
             R"({"not":{"$ref":"#/$defs/x"},"$defs":{"x":{"anyOf":[{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}}},{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}}}]}}})")
             .accepts(json(deep)));
}

BOOST_AUTO_TEST_CASE(a_circle_through_dynamic_references_is_given_up) {
    const auto schema = compiled(R"({"$id":"https://example.com/outer","$ref":"inner","$defs":{
        "again":{"$dynamicAnchor":"node","$ref":"https://example.com/outer"},
        "inner":{"$id":"inner","$dynamicRef":"#node","$defs":{"leaf":{"$dynamicAnchor":"node","type":"string"}}}}})");
    const auto v = schema.validate(json("1"));
    BOOST_REQUIRE(v);
    BOOST_TEST(v->keyword == "$limit");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_canonical_is_refused_without_harm) {
    const auto schema = compiled(R"({"type":"object"})");
    for (const std::string text :
         {" ",   "{",   "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\" :1}", "{1:2}", "[1,]",
          "tru", "nul", "-",      "1.",      "1e",       "\"",        "\"\\",       "{}x",        "[}",    "{]"}) {
        const auto v = schema.validate(payload::from_canonical(text));
        BOOST_TEST_CONTEXT(text) BOOST_TEST(v.has_value());
    }
    BOOST_TEST(!schema.accepts(payload::from_canonical(std::string(500, '['))));
}

BOOST_AUTO_TEST_CASE(the_hash_names_the_source_and_what_else_decides) {
    const auto source = json(mail_schema);
    const auto plain = *json_schema::compile(source);
    BOOST_TEST((plain.hash() == source.hash()));
    BOOST_TEST((plain.source() == source));
    const auto strict = *json_schema::compile(source, {.assert_formats = true});
    const auto old = *json_schema::compile(source, {.dialect = schema_dialect::draft_07});
    const auto more = *json_schema::compile(source, {.documents = {{"x", json("true")}}});
    const std::vector<digest> hashes{plain.hash(), strict.hash(), old.hash(), more.hash()};
    for (std::size_t i = 0; i < hashes.size(); ++i)
        for (std::size_t k = 0; k < i; ++k) BOOST_TEST((hashes[i] != hashes[k]));
}

BOOST_AUTO_TEST_CASE(anything_accepts_everything) {
    for (const auto text : {"null", "0", "[]", "{\"a\":1}"}) {
        BOOST_TEST(json_schema::anything().accepts(json(text)));
        BOOST_TEST(!json_schema().validate(json(text)).has_value());
        BOOST_TEST(!compiled("false").accepts(json(text)));
    }
    BOOST_TEST(compiled("false").validate(json("1"))->keyword == "false");
}

BOOST_AUTO_TEST_CASE(one_schema_serves_many_threads) {
    const auto schema = compiled(R"({"additionalProperties":{"pattern":"^(a|b)+$"}})");
    const auto good = json(R"({"x":"abab","y":"b"})");
    const auto bad = json(R"({"x":"abab","y":"c"})");
    std::vector<int> failures(4);
    std::vector<std::thread> threads;
    for (auto& count : failures)
        threads.emplace_back([&schema, &good, &bad, &count] {
            for (int i = 0; i < 2000; ++i) count += !schema.accepts(good) || schema.accepts(bad);
        });
    for (auto& t : threads) t.join();
    for (const int count : failures) BOOST_TEST(count == 0);
}

BOOST_AUTO_TEST_SUITE_END()
