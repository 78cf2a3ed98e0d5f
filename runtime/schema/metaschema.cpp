// The metaschemas of draft-07, 2019-09 and 2020-12 (json-schema.org, Academic Free License 3.0), in canonical form: a schema
// may refer to them, and nothing is fetched.
#include "runtime/schema/internal/metaschema.hpp"

namespace aivp::schema_internal {
namespace {

// clang-format off
constexpr metaschema metaschema_table[] = {
    {"http://json-schema.org/draft-07/schema",
     R"~({"$id":"http://json-schema.org/draft-07/schema#","$schema":"http://json-schema.org/draft-07/schema#",)~"
     R"~("default":true,"definitions":{"nonNegativeInteger":{"minimum":0,"type":"integer"},)~"
     R"~("nonNegativeIntegerDefault0":{"allOf":[{"$ref":"#/definitions/nonNegativeInteger"},{"default":0}]},)~"
     R"~("schemaArray":{"items":{"$ref":"#"},"minItems":1,"type":"array"},"simpleTypes":{"enum":["array","boolean",)~"
     R"~("integer","null","number","object","string"]},"stringArray":{"default":[],"items":{"type":"string"},)~"
     R"~("type":"array","uniqueItems":true}},"properties":{"$comment":{"type":"string"},)~"
     R"~("$id":{"format":"uri-reference","type":"string"},"$ref":{"format":"uri-reference","type":"string"},)~"
     R"~("$schema":{"format":"uri","type":"string"},"additionalItems":{"$ref":"#"},"additionalProperties":{"$ref":"#"},)~"
     R"~("allOf":{"$ref":"#/definitions/schemaArray"},"anyOf":{"$ref":"#/definitions/schemaArray"},"const":true,)~"
     R"~("contains":{"$ref":"#"},"contentEncoding":{"type":"string"},"contentMediaType":{"type":"string"},)~"
     R"~("default":true,"definitions":{"additionalProperties":{"$ref":"#"},"default":{},"type":"object"},)~"
     R"~("dependencies":{"additionalProperties":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/stringArray"}]},)~"
     R"~("type":"object"},"description":{"type":"string"},"else":{"$ref":"#"},"enum":{"items":true,"type":"array"},)~"
     R"~("examples":{"items":true,"type":"array"},"exclusiveMaximum":{"type":"number"},)~"
     R"~("exclusiveMinimum":{"type":"number"},"format":{"type":"string"},"if":{"$ref":"#"},)~"
     R"~("items":{"anyOf":[{"$ref":"#"},{"$ref":"#/definitions/schemaArray"}],"default":true},)~"
     R"~("maxItems":{"$ref":"#/definitions/nonNegativeInteger"},)~"
     R"~("maxLength":{"$ref":"#/definitions/nonNegativeInteger"},)~"
     R"~("maxProperties":{"$ref":"#/definitions/nonNegativeInteger"},"maximum":{"type":"number"},)~"
     R"~("minItems":{"$ref":"#/definitions/nonNegativeIntegerDefault0"},)~"
     R"~("minLength":{"$ref":"#/definitions/nonNegativeIntegerDefault0"},)~"
     R"~("minProperties":{"$ref":"#/definitions/nonNegativeIntegerDefault0"},"minimum":{"type":"number"},)~"
     R"~("multipleOf":{"exclusiveMinimum":0,"type":"number"},"not":{"$ref":"#"},)~"
     R"~("oneOf":{"$ref":"#/definitions/schemaArray"},"pattern":{"format":"regex","type":"string"},)~"
     R"~("patternProperties":{"additionalProperties":{"$ref":"#"},"default":{},"propertyNames":{"format":"regex"},)~"
     R"~("type":"object"},"properties":{"additionalProperties":{"$ref":"#"},"default":{},"type":"object"},)~"
     R"~("propertyNames":{"$ref":"#"},"readOnly":{"default":false,"type":"boolean"},)~"
     R"~("required":{"$ref":"#/definitions/stringArray"},"then":{"$ref":"#"},"title":{"type":"string"},)~"
     R"~("type":{"anyOf":[{"$ref":"#/definitions/simpleTypes"},{"items":{"$ref":"#/definitions/simpleTypes"},)~"
     R"~("minItems":1,"type":"array","uniqueItems":true}]},"uniqueItems":{"default":false,"type":"boolean"}},)~"
     R"~("title":"Core schema meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/applicator",
     R"~({"$defs":{"schemaArray":{"items":{"$recursiveRef":"#"},"minItems":1,"type":"array"}},)~"
     R"~("$id":"https://json-schema.org/draft/2019-09/meta/applicator","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/applicator":true},)~"
     R"~("properties":{"additionalItems":{"$recursiveRef":"#"},"additionalProperties":{"$recursiveRef":"#"},)~"
     R"~("allOf":{"$ref":"#/$defs/schemaArray"},"anyOf":{"$ref":"#/$defs/schemaArray"},)~"
     R"~("contains":{"$recursiveRef":"#"},"dependentSchemas":{"additionalProperties":{"$recursiveRef":"#"},)~"
     R"~("type":"object"},"else":{"$recursiveRef":"#"},"if":{"$recursiveRef":"#"},)~"
     R"~("items":{"anyOf":[{"$recursiveRef":"#"},{"$ref":"#/$defs/schemaArray"}]},"not":{"$recursiveRef":"#"},)~"
     R"~("oneOf":{"$ref":"#/$defs/schemaArray"},"patternProperties":{"additionalProperties":{"$recursiveRef":"#"},)~"
     R"~("default":{},"propertyNames":{"format":"regex"},"type":"object"},)~"
     R"~("properties":{"additionalProperties":{"$recursiveRef":"#"},"default":{},"type":"object"},)~"
     R"~("propertyNames":{"$recursiveRef":"#"},"then":{"$recursiveRef":"#"},"unevaluatedItems":{"$recursiveRef":"#"},)~"
     R"~("unevaluatedProperties":{"$recursiveRef":"#"}},"title":"Applicator vocabulary meta-schema","type":["object",)~"
     R"~("boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/content",
     R"~({"$id":"https://json-schema.org/draft/2019-09/meta/content","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/content":true},)~"
     R"~("properties":{"contentEncoding":{"type":"string"},"contentMediaType":{"type":"string"},)~"
     R"~("contentSchema":{"$recursiveRef":"#"}},"title":"Content vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/core",
     R"~({"$id":"https://json-schema.org/draft/2019-09/meta/core","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/core":true},)~"
     R"~("properties":{"$anchor":{"pattern":"^[A-Za-z][-A-Za-z0-9.:_]*$","type":"string"},"$comment":{"type":"string"},)~"
     R"~("$defs":{"additionalProperties":{"$recursiveRef":"#"},"default":{},"type":"object"},)~"
     R"~("$id":{"$comment":"Non-empty fragments not allowed.","format":"uri-reference","pattern":"^[^#]*#?$",)~"
     R"~("type":"string"},"$recursiveAnchor":{"default":false,"type":"boolean"},)~"
     R"~("$recursiveRef":{"format":"uri-reference","type":"string"},"$ref":{"format":"uri-reference","type":"string"},)~"
     R"~("$schema":{"format":"uri","type":"string"},"$vocabulary":{"additionalProperties":{"type":"boolean"},)~"
     R"~("propertyNames":{"format":"uri","type":"string"},"type":"object"}},"title":"Core vocabulary meta-schema",)~"
     R"~("type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/format",
     R"~({"$id":"https://json-schema.org/draft/2019-09/meta/format","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/format":true},)~"
     R"~("properties":{"format":{"type":"string"}},"title":"Format vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/meta-data",
     R"~({"$id":"https://json-schema.org/draft/2019-09/meta/meta-data","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/meta-data":true},"properties":{"default":true,)~"
     R"~("deprecated":{"default":false,"type":"boolean"},"description":{"type":"string"},"examples":{"items":true,)~"
     R"~("type":"array"},"readOnly":{"default":false,"type":"boolean"},"title":{"type":"string"},)~"
     R"~("writeOnly":{"default":false,"type":"boolean"}},"title":"Meta-data vocabulary meta-schema","type":["object",)~"
     R"~("boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/meta/validation",
     R"~({"$defs":{"nonNegativeInteger":{"minimum":0,"type":"integer"},)~"
     R"~("nonNegativeIntegerDefault0":{"$ref":"#/$defs/nonNegativeInteger","default":0},"simpleTypes":{"enum":["array",)~"
     R"~("boolean","integer","null","number","object","string"]},"stringArray":{"default":[],"items":{"type":"string"},)~"
     R"~("type":"array","uniqueItems":true}},"$id":"https://json-schema.org/draft/2019-09/meta/validation",)~"
     R"~("$recursiveAnchor":true,"$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/validation":true},"properties":{"const":true,)~"
     R"~("dependentRequired":{"additionalProperties":{"$ref":"#/$defs/stringArray"},"type":"object"},)~"
     R"~("enum":{"items":true,"type":"array"},"exclusiveMaximum":{"type":"number"},)~"
     R"~("exclusiveMinimum":{"type":"number"},"maxContains":{"$ref":"#/$defs/nonNegativeInteger"},)~"
     R"~("maxItems":{"$ref":"#/$defs/nonNegativeInteger"},"maxLength":{"$ref":"#/$defs/nonNegativeInteger"},)~"
     R"~("maxProperties":{"$ref":"#/$defs/nonNegativeInteger"},"maximum":{"type":"number"},)~"
     R"~("minContains":{"$ref":"#/$defs/nonNegativeInteger","default":1},)~"
     R"~("minItems":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},)~"
     R"~("minLength":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},)~"
     R"~("minProperties":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"minimum":{"type":"number"},)~"
     R"~("multipleOf":{"exclusiveMinimum":0,"type":"number"},"pattern":{"format":"regex","type":"string"},)~"
     R"~("required":{"$ref":"#/$defs/stringArray"},"type":{"anyOf":[{"$ref":"#/$defs/simpleTypes"},)~"
     R"~({"items":{"$ref":"#/$defs/simpleTypes"},"minItems":1,"type":"array","uniqueItems":true}]},)~"
     R"~("uniqueItems":{"default":false,"type":"boolean"}},"title":"Validation vocabulary meta-schema",)~"
     R"~("type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2019-09/schema",
     R"~({"$id":"https://json-schema.org/draft/2019-09/schema","$recursiveAnchor":true,)~"
     R"~("$schema":"https://json-schema.org/draft/2019-09/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2019-09/vocab/applicator":true,)~"
     R"~("https://json-schema.org/draft/2019-09/vocab/content":true,)~"
     R"~("https://json-schema.org/draft/2019-09/vocab/core":true,)~"
     R"~("https://json-schema.org/draft/2019-09/vocab/format":false,)~"
     R"~("https://json-schema.org/draft/2019-09/vocab/meta-data":true,)~"
     R"~("https://json-schema.org/draft/2019-09/vocab/validation":true},"allOf":[{"$ref":"meta/core"},)~"
     R"~({"$ref":"meta/applicator"},{"$ref":"meta/validation"},{"$ref":"meta/meta-data"},{"$ref":"meta/format"},)~"
     R"~({"$ref":"meta/content"}],"properties":{"definitions":{"$comment":"While no longer an official keyword as it is)~"
     R"~( replaced by $defs, this keyword is retained in the meta-schema to prevent incompatible extensions as it remai)~"
     R"~(ns in common use.","additionalProperties":{"$recursiveRef":"#"},"default":{},"type":"object"},)~"
     R"~("dependencies":{"$comment":"\"dependencies\" is no longer a keyword,)~"
     R"~( but schema authors should avoid redefining it to facilitate a smooth transition to \"dependentSchemas\" and \)~"
     R"~("dependentRequired\"","additionalProperties":{"anyOf":[{"$recursiveRef":"#"},)~"
     R"~({"$ref":"meta/validation#/$defs/stringArray"}]},"type":"object"}},)~"
     R"~("title":"Core and Validation specifications meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/applicator",
     R"~({"$defs":{"schemaArray":{"items":{"$dynamicRef":"#meta"},"minItems":1,"type":"array"}},)~"
     R"~("$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/applicator",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/applicator":true},)~"
     R"~("properties":{"additionalProperties":{"$dynamicRef":"#meta"},"allOf":{"$ref":"#/$defs/schemaArray"},)~"
     R"~("anyOf":{"$ref":"#/$defs/schemaArray"},"contains":{"$dynamicRef":"#meta"},)~"
     R"~("dependentSchemas":{"additionalProperties":{"$dynamicRef":"#meta"},"default":{},"type":"object"},)~"
     R"~("else":{"$dynamicRef":"#meta"},"if":{"$dynamicRef":"#meta"},"items":{"$dynamicRef":"#meta"},)~"
     R"~("not":{"$dynamicRef":"#meta"},"oneOf":{"$ref":"#/$defs/schemaArray"},)~"
     R"~("patternProperties":{"additionalProperties":{"$dynamicRef":"#meta"},"default":{},)~"
     R"~("propertyNames":{"format":"regex"},"type":"object"},"prefixItems":{"$ref":"#/$defs/schemaArray"},)~"
     R"~("properties":{"additionalProperties":{"$dynamicRef":"#meta"},"default":{},"type":"object"},)~"
     R"~("propertyNames":{"$dynamicRef":"#meta"},"then":{"$dynamicRef":"#meta"}},)~"
     R"~("title":"Applicator vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/content",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/content",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/content":true},)~"
     R"~("properties":{"contentEncoding":{"type":"string"},"contentMediaType":{"type":"string"},)~"
     R"~("contentSchema":{"$dynamicRef":"#meta"}},"title":"Content vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/core",
     R"~({"$defs":{"anchorString":{"pattern":"^[A-Za-z_][-A-Za-z0-9._]*$","type":"string"},)~"
     R"~("uriReferenceString":{"format":"uri-reference","type":"string"},"uriString":{"format":"uri","type":"string"}},)~"
     R"~("$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/core",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/core":true},)~"
     R"~("properties":{"$anchor":{"$ref":"#/$defs/anchorString"},"$comment":{"type":"string"},)~"
     R"~("$defs":{"additionalProperties":{"$dynamicRef":"#meta"},"type":"object"},)~"
     R"~("$dynamicAnchor":{"$ref":"#/$defs/anchorString"},"$dynamicRef":{"$ref":"#/$defs/uriReferenceString"},)~"
     R"~("$id":{"$comment":"Non-empty fragments not allowed.","$ref":"#/$defs/uriReferenceString",)~"
     R"~("pattern":"^[^#]*#?$"},"$ref":{"$ref":"#/$defs/uriReferenceString"},"$schema":{"$ref":"#/$defs/uriString"},)~"
     R"~("$vocabulary":{"additionalProperties":{"type":"boolean"},"propertyNames":{"$ref":"#/$defs/uriString"},)~"
     R"~("type":"object"}},"title":"Core vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/format-annotation",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/format-annotation",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/format-annotation":true},)~"
     R"~("properties":{"format":{"type":"string"}},"title":"Format vocabulary meta-schema for annotation results",)~"
     R"~("type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/format-assertion",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/format-assertion",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/format-assertion":true},)~"
     R"~("properties":{"format":{"type":"string"}},"title":"Format vocabulary meta-schema for assertion results",)~"
     R"~("type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/meta-data",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/meta-data",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/meta-data":true},"properties":{"default":true,)~"
     R"~("deprecated":{"default":false,"type":"boolean"},"description":{"type":"string"},"examples":{"items":true,)~"
     R"~("type":"array"},"readOnly":{"default":false,"type":"boolean"},"title":{"type":"string"},)~"
     R"~("writeOnly":{"default":false,"type":"boolean"}},"title":"Meta-data vocabulary meta-schema","type":["object",)~"
     R"~("boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/unevaluated",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/meta/unevaluated",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/unevaluated":true},)~"
     R"~("properties":{"unevaluatedItems":{"$dynamicRef":"#meta"},"unevaluatedProperties":{"$dynamicRef":"#meta"}},)~"
     R"~("title":"Unevaluated applicator vocabulary meta-schema","type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/meta/validation",
     R"~({"$defs":{"nonNegativeInteger":{"minimum":0,"type":"integer"},)~"
     R"~("nonNegativeIntegerDefault0":{"$ref":"#/$defs/nonNegativeInteger","default":0},"simpleTypes":{"enum":["array",)~"
     R"~("boolean","integer","null","number","object","string"]},"stringArray":{"default":[],"items":{"type":"string"},)~"
     R"~("type":"array","uniqueItems":true}},"$dynamicAnchor":"meta",)~"
     R"~("$id":"https://json-schema.org/draft/2020-12/meta/validation",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/validation":true},"properties":{"const":true,)~"
     R"~("dependentRequired":{"additionalProperties":{"$ref":"#/$defs/stringArray"},"type":"object"},)~"
     R"~("enum":{"items":true,"type":"array"},"exclusiveMaximum":{"type":"number"},)~"
     R"~("exclusiveMinimum":{"type":"number"},"maxContains":{"$ref":"#/$defs/nonNegativeInteger"},)~"
     R"~("maxItems":{"$ref":"#/$defs/nonNegativeInteger"},"maxLength":{"$ref":"#/$defs/nonNegativeInteger"},)~"
     R"~("maxProperties":{"$ref":"#/$defs/nonNegativeInteger"},"maximum":{"type":"number"},)~"
     R"~("minContains":{"$ref":"#/$defs/nonNegativeInteger","default":1},)~"
     R"~("minItems":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},)~"
     R"~("minLength":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},)~"
     R"~("minProperties":{"$ref":"#/$defs/nonNegativeIntegerDefault0"},"minimum":{"type":"number"},)~"
     R"~("multipleOf":{"exclusiveMinimum":0,"type":"number"},"pattern":{"format":"regex","type":"string"},)~"
     R"~("required":{"$ref":"#/$defs/stringArray"},"type":{"anyOf":[{"$ref":"#/$defs/simpleTypes"},)~"
     R"~({"items":{"$ref":"#/$defs/simpleTypes"},"minItems":1,"type":"array","uniqueItems":true}]},)~"
     R"~("uniqueItems":{"default":false,"type":"boolean"}},"title":"Validation vocabulary meta-schema",)~"
     R"~("type":["object","boolean"]})~"},
    {"https://json-schema.org/draft/2020-12/schema",
     R"~({"$dynamicAnchor":"meta","$id":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$schema":"https://json-schema.org/draft/2020-12/schema",)~"
     R"~("$vocabulary":{"https://json-schema.org/draft/2020-12/vocab/applicator":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/content":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/core":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/format-annotation":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/meta-data":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/unevaluated":true,)~"
     R"~("https://json-schema.org/draft/2020-12/vocab/validation":true},"allOf":[{"$ref":"meta/core"},)~"
     R"~({"$ref":"meta/applicator"},{"$ref":"meta/unevaluated"},{"$ref":"meta/validation"},{"$ref":"meta/meta-data"},)~"
     R"~({"$ref":"meta/format-annotation"},{"$ref":"meta/content"}],)~"
     R"~("properties":{"$recursiveAnchor":{"$comment":"\"$recursiveAnchor\" has been replaced by \"$dynamicAnchor\".",)~"
     R"~("$ref":"meta/core#/$defs/anchorString","deprecated":true},)~"
     R"~("$recursiveRef":{"$comment":"\"$recursiveRef\" has been replaced by \"$dynamicRef\".",)~"
     R"~("$ref":"meta/core#/$defs/uriReferenceString","deprecated":true},)~"
     R"~("definitions":{"$comment":"\"definitions\" has been replaced by \"$defs\".",)~"
     R"~("additionalProperties":{"$dynamicRef":"#meta"},"default":{},"deprecated":true,"type":"object"},)~"
     R"~("dependencies":{"$comment":"\"dependencies\" has been split and replaced by \"dependentSchemas\" and \"depende)~"
     R"~(ntRequired\" in order to serve their differing semantics.",)~"
     R"~("additionalProperties":{"anyOf":[{"$dynamicRef":"#meta"},{"$ref":"meta/validation#/$defs/stringArray"}]},)~"
     R"~("default":{},"deprecated":true,"type":"object"}},"title":"Core and Validation specifications meta-schema",)~"
     R"~("type":["object","boolean"]})~"},
};
// clang-format on

} // namespace

std::span<const metaschema> metaschemas() { return metaschema_table; }

} // namespace aivp::schema_internal
