#include "aivp/schema/schema.hpp"

#include <rapidcheck/boost_test.h>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace aivp;
using object_members = std::vector<std::pair<std::string, payload>>;

payload json(const std::string& text) { return *payload::parse(text); }

/// Few names and values, so that schemas and instances meet.
const std::vector<std::string> names{"a", "b", "c", "long property name", "\"quoted\"\n", "ä"};

std::string any_name() { return *rc::gen::elementOf(names); }

payload any_scalar() {
    static const std::vector<std::string> texts{
        "null",   "true",    "false",        "0", "1", "-1", "2.5", "1e21", "9007199254740993", "\"\"", "\"a\"",
        "\"ab\"", "\"äöü\"", "\"a\\\"b\\n\""};
    return json(*rc::gen::elementOf(texts));
}

payload any_instance(int depth) {
    const int kind = depth == 0 ? 0 : *rc::gen::inRange(0, 4);
    if (kind < 2) return any_scalar();
    const int size = *rc::gen::inRange(0, 4);
    if (kind == 2) {
        std::vector<payload> list;
        for (int i = 0; i < size; ++i) list.push_back(any_instance(depth - 1));
        return payload::of_array(list);
    }
    object_members fields;
    for (int i = 0; i < size; ++i) {
        const auto name = any_name();
        if (std::none_of(fields.begin(), fields.end(), [&](const auto& f) { return f.first == name; }))
            fields.emplace_back(name, any_instance(depth - 1));
    }
    return payload::of_object(fields);
}

payload any_object() {
    object_members fields{{any_name(), any_instance(2)}};
    for (const auto& [name, value] : members(any_instance(3)))
        if (name != fields.front().first) fields.emplace_back(name, value);
    return payload::of_object(fields);
}

std::string type_name(const payload& p) {
    if (p.is_null()) return "null";
    if (p.is_object()) return "object";
    if (p.is_array()) return "array";
    if (p.is_string()) return "string";
    return as_bool(p) ? "boolean" : "number";
}

payload text_list(const std::vector<std::string>& texts) {
    std::vector<payload> out;
    for (const auto& t : texts) out.push_back(payload::of_string(t));
    return payload::of_array(out);
}

/// The narrowest schema of the usual keywords that accepts the instance.
payload schema_for(const payload& instance) {
    object_members out{{"type", payload::of_string(type_name(instance))}};
    if (instance.is_object()) {
        object_members properties;
        std::vector<std::string> required;
        for (const auto& [name, value] : members(instance)) {
            properties.emplace_back(name, schema_for(value));
            required.push_back(name);
        }
        out.emplace_back("properties", payload::of_object(properties));
        out.emplace_back("required", text_list(required));
        out.emplace_back("additionalProperties", payload::of_bool(false));
    } else if (instance.is_array()) {
        std::vector<payload> prefix;
        for (const auto& item : items(instance)) prefix.push_back(schema_for(item));
        out.emplace_back("minItems", payload::of_integer(static_cast<std::int64_t>(prefix.size())));
        if (!prefix.empty()) out.emplace_back("prefixItems", payload::of_array(prefix));
        out.emplace_back("items", payload::of_bool(false));
    } else {
        out.emplace_back("const", instance);
    }
    return payload::of_object(out);
}

payload any_schema(int depth) {
    const int kind = *rc::gen::inRange(0, depth == 0 ? 5 : 14);
    const auto one = [](std::string keyword, payload value) {
        return payload::of_object({{std::move(keyword), std::move(value)}});
    };
    const auto several = [&] {
        std::vector<payload> out;
        for (int i = *rc::gen::inRange(1, 4); i > 0; --i) out.push_back(any_schema(depth - 1));
        return payload::of_array(out);
    };
    static const std::vector<std::string> types{"null", "boolean", "number", "string", "array", "object"};
    switch (kind) {
    case 0: return payload::of_bool(*rc::gen::arbitrary<bool>());
    case 1: return one("type", payload::of_string(*rc::gen::elementOf(types)));
    case 2: return one("const", any_instance(1));
    case 3: return one("minLength", payload::of_integer(*rc::gen::inRange(0, 4)));
    case 4: return one("required", text_list({any_name()}));
    case 5: return one("properties", payload::of_object({{any_name(), any_schema(depth - 1)}}));
    case 6:
        return payload::of_object({{"properties", payload::of_object({{any_name(), any_schema(depth - 1)}})},
                                   {"additionalProperties", any_schema(depth - 1)}});
    case 7: return one("items", any_schema(depth - 1));
    case 8: return one("anyOf", several());
    case 9: return one("allOf", several());
    case 10: return one("oneOf", several());
    case 11: return one("not", any_schema(depth - 1));
    case 12:
        return payload::of_object(
            {{"if", any_schema(depth - 1)}, {"then", any_schema(depth - 1)}, {"else", any_schema(depth - 1)}});
    default: return one("contains", any_schema(depth - 1));
    }
}

/// The same keywords, read straight from the specification.
bool fits(const payload& schema, const payload& instance);

bool keyword_fits(const std::string& keyword, const payload& value, const payload& schema, const payload& instance) {
    const auto count_fitting = [&](const std::vector<payload>& schemas) {
        return std::count_if(schemas.begin(), schemas.end(), [&](const payload& s) { return fits(s, instance); });
    };
    if (keyword == "type") return *as_string(value) == type_name(instance);
    if (keyword == "const") return value == instance;
    if (keyword == "minLength") {
        if (!instance.is_string()) return true;
        const auto text = *as_string(instance);
        return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }) >= *as_integer(value);
    }
    if (keyword == "required")
        return !instance.is_object() || member(instance, *as_string(items(value)[0])).has_value();
    if (keyword == "properties" || keyword == "additionalProperties") {
        for (const auto& [name, property] : members(instance)) {
            const auto known = member(*member(schema, "properties"), name);
            if (keyword == "properties" ? known && !fits(*known, property) : !known && !fits(value, property))
                return false;
        }
        return true;
    }
    if (keyword == "items" || keyword == "contains") {
        const auto list = items(instance);
        const auto fitting =
            std::count_if(list.begin(), list.end(), [&](const payload& item) { return fits(value, item); });
        return !instance.is_array() ||
               (keyword == "items" ? fitting == static_cast<std::ptrdiff_t>(list.size()) : fitting > 0);
    }
    if (keyword == "anyOf") return count_fitting(items(value)) > 0;
    if (keyword == "oneOf") return count_fitting(items(value)) == 1;
    if (keyword == "allOf") return count_fitting(items(value)) == static_cast<std::ptrdiff_t>(items(value).size());
    if (keyword == "not") return !fits(value, instance);
    if (keyword == "if") return fits(*member(schema, fits(value, instance) ? "then" : "else"), instance);
    return true;
}

bool fits(const payload& schema, const payload& instance) {
    if (const auto all = as_bool(schema)) return *all;
    const auto keywords = members(schema);
    return std::all_of(keywords.begin(), keywords.end(),
                       [&](const auto& k) { return keyword_fits(k.first, k.second, schema, instance); });
}

payload without(const payload& object, const std::string& name) {
    auto fields = members(object);
    std::erase_if(fields, [&](const auto& f) { return f.first == name; });
    return payload::of_object(fields);
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema_properties)

RC_BOOST_PROP(a_schema_made_from_an_instance_accepts_it_and_is_a_schema, ()) {
    const auto instance = any_instance(3);
    const auto source = schema_for(instance);
    const auto schema = json_schema::compile(source);
    RC_ASSERT(schema.has_value());
    RC_ASSERT(schema->accepts(instance));
    static const auto meta = *json_schema::compile(json(R"({"$ref":"https://json-schema.org/draft/2020-12/schema"})"));
    RC_ASSERT(meta.accepts(source));
}

RC_BOOST_PROP(an_object_without_a_required_property_is_refused_by_its_name, ()) {
    const auto instance = any_object();
    const auto fields = members(instance);
    const auto schema = json_schema::compile(schema_for(instance));
    RC_ASSERT(schema.has_value());
    const auto& removed = (*rc::gen::elementOf(fields)).first;
    const auto v = schema->validate(without(instance, removed));
    RC_ASSERT(v.has_value());
    RC_ASSERT(v->keyword == "required");
    RC_ASSERT(v->instance_pointer.empty());
    std::string literal;
    append_json_string(literal, removed);
    RC_ASSERT(v->message == "the property " + literal + " is missing");
}

RC_BOOST_PROP(an_added_property_is_refused_as_unknown, ()) {
    const auto instance = any_object();
    const auto schema = json_schema::compile(schema_for(instance));
    RC_ASSERT(schema.has_value());
    const auto v = schema->validate(merged(instance, json(R"({"unheard of":1})")));
    RC_ASSERT(v.has_value());
    RC_ASSERT(v->unknown_property);
    RC_ASSERT(v->instance_pointer == "/unheard of");
}

RC_BOOST_PROP(the_verdict_is_that_of_the_specification_read_naively, ()) {
    const auto source = any_schema(3);
    const auto instance = any_instance(3);
    const auto schema = json_schema::compile(source);
    RC_ASSERT(schema.has_value());
    const bool expected = fits(source, instance);
    RC_TAG(expected ? "valid" : "invalid");
    RC_ASSERT(schema->accepts(instance) == expected);
    RC_ASSERT(schema->validate(instance).has_value() == !expected);
    RC_ASSERT(schema->validate_all(instance, 4).empty() == expected);
}

RC_BOOST_PROP(detours_do_not_change_the_verdict, ()) {
    const auto source = any_schema(2);
    const auto instance = any_instance(3);
    const auto s = std::string(source.text());
    const auto plain = json_schema::compile(source);
    RC_ASSERT(plain.has_value());
    const bool expected = plain->accepts(instance);
    const std::string detours[] = {
        R"({"$ref":"#/$defs/x","$defs":{"x":)" + s + "}}",
        R"({"allOf":[{"$ref":"#x"},true],"$defs":{"y":{"$anchor":"x","anyOf":[)" + s + "]}}}",
        R"({"not":{"not":)" + s + "}}",
        R"({"oneOf":[)" + s + ",false]}",
        R"({"if":)" + s + R"(,"else":false})",
        R"({"$id":"http://e/a","$dynamicRef":"#x","$defs":{"y":{"$dynamicAnchor":"x","allOf":[)" + s + "]}}}",
        R"({"anyOf":[)" + s + R"(],"unevaluatedProperties":true,"unevaluatedItems":true})",
    };
    for (const auto& text : detours) {
        const auto detour = json_schema::compile(json(text));
        RC_ASSERT(detour.has_value());
        RC_ASSERT(detour->accepts(instance) == expected);
    }
}

RC_BOOST_PROP(a_first_violation_is_the_first_of_all_and_its_places_exist, ()) {
    const auto source = any_schema(3);
    const auto instance = any_instance(3);
    const auto schema = json_schema::compile(source);
    RC_ASSERT(schema.has_value());
    const auto all = schema->validate_all(instance, 1000);
    const auto first = schema->validate(instance);
    RC_ASSERT(first.has_value() == !all.empty());
    if (first) RC_ASSERT(*first == all.front());
    for (const auto& v : all) {
        RC_ASSERT(at_pointer(instance, v.instance_pointer).has_value());
        RC_ASSERT(at_pointer(source, v.schema_pointer).has_value());
        RC_ASSERT(!v.message.empty());
    }
}

BOOST_AUTO_TEST_SUITE_END()
