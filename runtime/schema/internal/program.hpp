// A compiled schema: tables of rules by the kind of value that they apply to, so that a value meets only what concerns it.
// References are indices; a program is immutable and shared between threads.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/payload.hpp"
#include "runtime/schema/internal/decimal.hpp"
#include "runtime/schema/internal/format.hpp"
#include "runtime/schema/internal/json_tree.hpp"
#include "runtime/schema/internal/pattern.hpp"

namespace aivp::schema_internal {

using schema_index = std::uint32_t;

// clang-format off
#define AIVP_SCHEMA_KEYWORDS(X) \
    X(id, "$id") X(schema, "$schema") X(ref, "$ref") X(anchor, "$anchor") X(defs, "$defs") \
    X(dynamic_ref, "$dynamicRef") X(dynamic_anchor, "$dynamicAnchor") X(vocabulary, "$vocabulary") \
    X(recursive_ref, "$recursiveRef") X(recursive_anchor, "$recursiveAnchor") \
    X(definitions, "definitions") X(all_of, "allOf") X(any_of, "anyOf") X(one_of, "oneOf") X(not_, "not") \
    X(if_, "if") X(then_, "then") X(else_, "else") X(dependent_schemas, "dependentSchemas") \
    X(dependencies, "dependencies") X(prefix_items, "prefixItems") X(items, "items") \
    X(additional_items, "additionalItems") X(contains, "contains") X(properties, "properties") \
    X(pattern_properties, "patternProperties") X(additional_properties, "additionalProperties") \
    X(property_names, "propertyNames") X(unevaluated_items, "unevaluatedItems") \
    X(unevaluated_properties, "unevaluatedProperties") X(type, "type") X(enum_, "enum") \
    X(const_, "const") X(multiple_of, "multipleOf") X(maximum, "maximum") \
    X(exclusive_maximum, "exclusiveMaximum") X(minimum, "minimum") \
    X(exclusive_minimum, "exclusiveMinimum") X(max_length, "maxLength") X(min_length, "minLength") \
    X(pattern, "pattern") X(max_items, "maxItems") X(min_items, "minItems") \
    X(unique_items, "uniqueItems") X(max_contains, "maxContains") X(min_contains, "minContains") \
    X(max_properties, "maxProperties") X(min_properties, "minProperties") X(required, "required") \
    X(dependent_required, "dependentRequired") X(format, "format") X(content_schema, "contentSchema")
// clang-format on

enum class keyword : std::uint8_t {
#define AIVP_KEYWORD(name, text) name,
    AIVP_SCHEMA_KEYWORDS(AIVP_KEYWORD)
#undef AIVP_KEYWORD
        false_schema, ///< not a keyword: the schema `false`
    limit,            ///< not a keyword: the check was given up
    count
};

std::string_view keyword_text(keyword k);
/// keyword::count for a name that is none.
keyword find_keyword(std::string_view name);

struct number_bound {
    keyword rule;
    decimal exact;
    std::optional<small_decimal> small;
};

struct number_rules {
    std::vector<number_bound> bounds;
    std::optional<decimal> multiple_of;
    std::optional<small_decimal> multiple_of_small;
    /// The bounds as they read for integer literals of at most 18 digits, when all bounds are such literals.
    bool all_small = true;
    std::int64_t low = INT64_MIN;
    std::int64_t high = INT64_MAX;
};

struct string_rules {
    std::uint64_t min_length = 0;
    std::uint64_t max_length = UINT64_MAX;
    std::optional<schema_internal::pattern> pattern;
    std::optional<format_kind> format;
};

struct array_rules {
    std::vector<schema_index> prefix;
    schema_index items = none; ///< beyond the prefix
    schema_index contains = none;
    bool contains_counts = false; ///< what `contains` matched is evaluated (2020-12)
    bool unique = false;
    std::uint64_t min_contains = 1;
    std::uint64_t max_contains = UINT64_MAX;
    std::uint64_t min_items = 0;
    std::uint64_t max_items = UINT64_MAX;
};

/// A name that the schema of an object mentions.
struct property_entry {
    std::string name; ///< as canonical JSON writes it, without quotes
    std::uint64_t head = 0;
    schema_index schema = none;
    bool required = false;
};

struct property_dependency {
    std::uint32_t trigger;             ///< entry
    std::vector<std::uint32_t> needed; ///< entries
    keyword rule;
};

struct object_rules {
    std::vector<property_entry> entries;
    std::vector<std::uint32_t> buckets; ///< open addressing over entries; empty when there are few
    std::vector<std::uint32_t> required;
    std::uint64_t required_mask = 0; ///< of the first 64 entries
    std::vector<property_dependency> dependencies;
    std::vector<std::pair<schema_internal::pattern, schema_index>> patterns;
    schema_index additional = none;
    schema_index names = none;
    std::uint64_t min_properties = 0;
    std::uint64_t max_properties = UINT64_MAX;
};

struct value_rules {
    keyword rule = keyword::enum_;
    std::vector<std::string> texts;        ///< canonical; sorted when many
    std::vector<std::string> normal_texts; ///< the same in the same order, numbers normalized
    std::uint32_t listed = none;           ///< the node of the keyword's value, for messages
};

struct dynamic_target {
    schema_index schema;
    std::uint32_t anchor = none; ///< into program::dynamic_anchors; none = an ordinary reference
    keyword rule;
};

struct applied_rules {
    std::vector<std::pair<keyword, schema_index>> all; ///< $ref and allOf
    std::vector<dynamic_target> dynamic;
    std::vector<schema_index> any_of;
    std::vector<schema_index> one_of;
    schema_index not_ = none;
    schema_index if_ = none;
    schema_index then_ = none;
    schema_index else_ = none;
    std::vector<std::pair<std::string, schema_index>> dependent; ///< canonical name -> schema
};

/// What a schema has to do beyond looking at the kind of a value.
namespace work {
inline constexpr std::uint16_t integer = 1, number = 2, string = 4, array = 8, object = 16, value = 32, apply = 64,
                               unevaluated_items = 128, unevaluated_properties = 256;
}

inline constexpr std::uint8_t all_kinds = 0x3f;
constexpr std::uint8_t kind_bit(json_kind k) { return static_cast<std::uint8_t>(1u << static_cast<unsigned>(k)); }

struct compiled_schema {
    std::uint8_t kinds = all_kinds;
    bool is_false = false;
    std::uint16_t work = 0;
    std::uint32_t resource = 0;
    const number_rules* number = nullptr;
    const string_rules* string = nullptr;
    const array_rules* array = nullptr;
    const object_rules* object = nullptr;
    std::vector<const value_rules*> values;
    const applied_rules* applied = nullptr;
    schema_index unevaluated_items = none;
    schema_index unevaluated_properties = none;
    std::uint32_t document = 0; ///< with `node`: where it stands
    std::uint32_t node = 0;
};

struct schema_source {
    std::string uri; ///< as the caller named it; empty for the schema itself
    std::string text;
    json_tree tree;
};

/// Per dynamic anchor: the resources that have it, ascending, with the schema there.
using dynamic_anchor_table = std::vector<std::pair<std::uint32_t, schema_index>>;

struct program {
    schema_index root = 0;
    std::vector<compiled_schema> schemas;
    std::vector<dynamic_anchor_table> dynamic_anchors;
    std::vector<std::unique_ptr<schema_source>> sources;
    // Deques: rules are pointed to while more are added.
    std::deque<number_rules> numbers;
    std::deque<string_rules> strings;
    std::deque<array_rules> arrays;
    std::deque<object_rules> objects;
    std::deque<value_rules> values;
    std::deque<applied_rules> applied;
};

/// First eight bytes of a name, zero-padded, as the machine loads them.
std::uint64_t name_head(std::string_view name);
std::uint64_t name_hash(std::string_view name, std::uint64_t head);
inline constexpr std::size_t linear_entries_max = 8;
/// Fills what lookups need, once all entries are there.
void index_entries(object_rules& rules);

} // namespace aivp::schema_internal
