#include "aivp/schema/schema.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace {

using namespace aivp;

struct bad_schema {
    std::string_view schema;
    errc code;
    std::string_view pointer;
    std::string_view keyword;
};

constexpr bad_schema table[] = {
    {R"~(1)~", errc::schema_invalid, "", ""},
    {R"~("x")~", errc::schema_invalid, "", ""},
    {R"~({"type":"strin"})~", errc::schema_invalid, "/type", "type"},
    {R"~({"type":["string","string"]})~", errc::schema_invalid, "/type/1", "type"},
    {R"~({"type":[]})~", errc::schema_invalid, "/type", "type"},
    {R"~({"type":{}})~", errc::schema_invalid, "/type", "type"},
    {R"~({"properties":[]})~", errc::schema_invalid, "/properties", "properties"},
    {R"~({"properties":{"a":{"properties":{"b":3}}}})~", errc::schema_invalid, "/properties/a/properties/b", ""},
    {R"~({"properties":{"a":{"required":true}}})~", errc::schema_invalid, "/properties/a/required", "required"},
    {R"~({"required":"a"})~", errc::schema_invalid, "/required", "required"},
    {R"~({"required":["a","a"]})~", errc::schema_invalid, "/required/1", "required"},
    {R"~({"required":[1]})~", errc::schema_invalid, "/required/0", "required"},
    {R"~({"minLength":-1})~", errc::schema_invalid, "/minLength", "minLength"},
    {R"~({"maxItems":1.5})~", errc::schema_invalid, "/maxItems", "maxItems"},
    {R"~({"maxProperties":"3"})~", errc::schema_invalid, "/maxProperties", "maxProperties"},
    {R"~({"minimum":"0"})~", errc::schema_invalid, "/minimum", "minimum"},
    {R"~({"minimum":0,"exclusiveMinimum":true})~", errc::schema_invalid, "/exclusiveMinimum", "exclusiveMinimum"},
    {R"~({"multipleOf":0})~", errc::schema_invalid, "/multipleOf", "multipleOf"},
    {R"~({"multipleOf":-2})~", errc::schema_invalid, "/multipleOf", "multipleOf"},
    {R"~({"enum":{"a":1}})~", errc::schema_invalid, "/enum", "enum"},
    {R"~({"allOf":[]})~", errc::schema_invalid, "/allOf", "allOf"},
    {R"~({"anyOf":{"type":"string"}})~", errc::schema_invalid, "/anyOf", "anyOf"},
    {R"~({"oneOf":[true,7]})~", errc::schema_invalid, "/oneOf/1", ""},
    {R"~({"items":[{"type":"string"}]})~", errc::schema_invalid, "/items", "items"},
    {R"~({"prefixItems":{}})~", errc::schema_invalid, "/prefixItems", "prefixItems"},
    {R"~({"uniqueItems":1})~", errc::schema_invalid, "/uniqueItems", "uniqueItems"},
    {R"~({"pattern":"(a"})~", errc::schema_invalid, "/pattern", "pattern"},
    {R"~({"pattern":"\\Z"})~", errc::schema_invalid, "/pattern", "pattern"},
    {R"~({"pattern":"[b-a]"})~", errc::schema_invalid, "/pattern", "pattern"},
    {R"~({"patternProperties":{"*":true}})~", errc::schema_invalid, "/patternProperties/*", "patternProperties"},
    {R"~({"dependentRequired":{"a":"b"}})~", errc::schema_invalid, "/dependentRequired/a", "dependentRequired"},
    {R"~({"format":5})~", errc::schema_invalid, "/format", "format"},
    {R"~({"$id":"a#b"})~", errc::schema_invalid, "/$id", "$id"},
    {R"~({"$anchor":"1st"})~", errc::schema_invalid, "/$anchor", "$anchor"},
    {R"~({"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}})~", errc::schema_invalid, "/$defs/b/$anchor", "$anchor"},
    {R"~({"$defs":{"a":{"$id":"http://e/x"},"b":{"$id":"http://e/x"}}})~", errc::schema_invalid, "/$defs/b", "$id"},
    {R"~({"$defs":{"unused":{"type":"nonsense"}}})~", errc::schema_invalid, "/$defs/unused/type", "type"},
    {R"~({"pattern":"^(?!x)"})~", errc::schema_unsupported, "/pattern", "pattern"},
    {R"~({"pattern":"(?<=x)y"})~", errc::schema_unsupported, "/pattern", "pattern"},
    {R"~({"pattern":"(a)\\1"})~", errc::schema_unsupported, "/pattern", "pattern"},
    {R"~({"pattern":"(ab){2000}"})~", errc::schema_unsupported, "/pattern", "pattern"},
    {R"~({"patternProperties":{"(?=a)":true}})~", errc::schema_unsupported, "/patternProperties/(?=a)",
     "patternProperties"},
    {R"~({"$schema":"http://json-schema.org/draft-04/schema#"})~", errc::schema_unsupported, "/$schema", "$schema"},
    {R"~({"$ref":"#/$defs/a"})~", errc::schema_ref, "/$ref", "$ref"},
    {R"~({"$ref":"#nowhere"})~", errc::schema_ref, "/$ref", "$ref"},
    {R"~({"$ref":"other.json"})~", errc::schema_ref, "/$ref", "$ref"},
    {R"~({"properties":{"a":{"$dynamicRef":"#nowhere"}}})~", errc::schema_ref, "/properties/a/$dynamicRef",
     "$dynamicRef"},
    {R"~({"prefixItems":[true],"$ref":"#/prefixItems/1"})~", errc::schema_ref, "/$ref", "$ref"},
    {R"~({"$ref":"#"})~", errc::schema_ref, "", "$ref"},
    {R"~({"anyOf":[{"type":"string"},{"$ref":"#"}]})~", errc::schema_ref, "/anyOf/1", "$ref"},
    {R"~({"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"not":{"$ref":"#/$defs/a"}}}})~", errc::schema_ref, "/$defs/b/not",
     "$ref"},
    {R"~({"$ref":7})~", errc::schema_invalid, "/$ref", "$ref"},
};

std::string context_value(const error& e, std::string_view key) {
    for (const auto& [name, value] : e.context)
        if (name == key) return value;
    return "(absent)~";
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema_errors)

BOOST_AUTO_TEST_CASE(a_bad_schema_is_refused_with_code_pointer_and_keyword) {
    for (const auto& bad : table) {
        BOOST_TEST_CONTEXT(bad.schema) {
            const auto compiled = json_schema::compile(*payload::parse(bad.schema));
            BOOST_REQUIRE(!compiled);
            BOOST_TEST(info(compiled.error().code).name == info(bad.code).name);
            BOOST_TEST(context_value(compiled.error(), "pointer") == bad.pointer);
            BOOST_TEST(context_value(compiled.error(), "keyword") == bad.keyword);
            BOOST_TEST(compiled.error().message.find(bad.pointer) != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_compile_refuses_as_invalid_the_metaschema_refuses_too) {
    const auto meta =
        json_schema::compile(*payload::parse(R"~({"$ref":"https://json-schema.org/draft/2020-12/schema"})~"));
    BOOST_REQUIRE(meta);
    for (const auto& bad : table) {
        // Identifiers that clash and the syntax of patterns are beyond a metaschema.
        const bool beyond = bad.keyword == "pattern" || bad.keyword == "patternProperties" ||
                            bad.schema.find("$defs\":{\"a\":{\"$") != std::string_view::npos;
        if (bad.code != errc::schema_invalid || beyond) continue;
        BOOST_TEST_CONTEXT(bad.schema) BOOST_TEST(!meta->accepts(*payload::parse(bad.schema)));
    }
}

BOOST_AUTO_TEST_CASE(an_error_in_a_supplied_document_names_the_document) {
    const schema_options options{
        .documents = {{"https://example.com/x", *payload::parse(R"~({"$defs":{"y":{"type":"z"}}})~")}}};
    const auto compiled =
        json_schema::compile(*payload::parse(R"~({"$ref":"https://example.com/x#/$defs/y"})~"), options);
    BOOST_REQUIRE(!compiled);
    BOOST_TEST(context_value(compiled.error(), "document") == "https://example.com/x");
    BOOST_TEST(context_value(compiled.error(), "pointer") == "/$defs/y/type");
}

BOOST_AUTO_TEST_CASE(a_long_chain_of_references_is_refused_not_followed) {
    std::string defs;
    for (int i = 0; i < 5000; ++i)
        defs += "\"d" + std::to_string(i) + R"~(":{"$ref":"#/$defs/d)~" + std::to_string(i + 1) + "\"},";
    const auto compiled =
        json_schema::compile(*payload::parse("{\"$ref\":\"#/$defs/d0\",\"$defs\":{" + defs + "\"d5000\":true}}"));
    BOOST_REQUIRE(!compiled);
    BOOST_TEST((compiled.error().code == errc::schema_ref));
}

BOOST_AUTO_TEST_SUITE_END()
