// Values that a JSON Schema accepts, for the part of JSON Schema that tool definitions use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/payload.hpp"
#include "aivp/base/random.hpp"
#include "mocks/internal/pattern_text.hpp"

namespace aivp {

/// Compiled once for a schema. Follows type, enum, const, properties, required, items, prefixItems, bounds of numbers,
/// lengths and sizes, multipleOf of integers, pattern, format, anyOf, oneOf, allOf and local $ref; ignores everything else,
/// so that a value may break a schema that says more.
class value_grammar {
public:
    static value_grammar compile(const payload& schema);
    payload generate(random_stream& draws) const;
    /// A value of the object that breaks the schema in one way: a required member left out, a member of another type, an
    /// unknown member, or text that is no JSON at all (as a JSON string).
    payload generate_broken(random_stream& draws) const;

private:
    enum class kind : std::uint8_t { null, boolean, integer, number, string, array, object, any_of, fixed };
    struct property {
        std::string key;
        std::uint32_t node = 0;
        bool required = false;
    };
    struct node {
        kind what = kind::null;
        std::int64_t low = 0; // of a number, of a length, of a number of items
        std::int64_t high = 0;
        std::int64_t step = 1;
        std::string format;
        std::optional<pattern_text> pattern;
        std::vector<property> properties;  // in canonical order
        std::vector<std::uint32_t> inside; // alternatives; items: the prefix, then the rest
        std::vector<payload> values;       // of an enum
        bool unique = false;
        bool open_ended = false; // items: the last of `inside` is for all others
    };
    class compiler;
    void append(std::uint32_t index, random_stream& draws, std::string& out) const;
    void append_object(const node& n, random_stream& draws, std::string& out, const std::string* left_out,
                       const std::string* wrong) const;
    void append_array(const node& n, random_stream& draws, std::string& out) const;
    std::string text(const node& n, random_stream& draws) const;

    std::vector<node> nodes_;
    std::uint32_t root_ = 0;
};

} // namespace aivp
