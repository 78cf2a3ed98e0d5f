// A compiled expression: a tree in one vector, and the aggregates that its leaves are.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "sim/property/property.hpp"

namespace aivp::sim {

inline constexpr std::uint32_t no_node = std::numeric_limits<std::uint32_t>::max();

enum class node_kind : std::uint8_t {
    literal,
    field, ///< of a row; with `pointer`, of the JSON in it
    aggregate,
    exists,
    contains,
    starts_with,
    negation, ///< !
    minus,
    add,
    subtract,
    multiply,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    among, ///< in
    both,  ///< &&
    either ///< ||
};
inline bool is_comparison(node_kind k) { return k >= node_kind::equal && k <= node_kind::greater_equal; }

struct property_node {
    node_kind kind = node_kind::literal;
    value_type type = value_type::boolean;
    /// Of comparisons and `in`: as what both sides are looked at.
    value_type as = value_type::boolean;
    std::uint32_t begin = 0; ///< bytes in the text
    std::uint32_t end = 0;
    std::uint32_t left = no_node;
    std::uint32_t right = no_node;
    std::uint32_t index = 0;               ///< of a field or an aggregate
    std::int64_t number = 0;               ///< of a literal
    std::string text;                      ///< of a literal
    std::string pointer;                   ///< of a field with a path
    std::vector<std::uint32_t> elements{}; ///< of a list: literals
};

enum class aggregate_kind : std::uint8_t { count, sum, most, least };

struct property_aggregate {
    aggregate_kind kind = aggregate_kind::count;
    table_id table = table_id::ledger;
    value_type type = value_type::integer;
    std::uint32_t value = no_node;
    std::uint32_t where = no_node;
    std::uint32_t per = no_node; ///< a field
};

struct property_program {
    std::string text;
    std::vector<property_node> nodes;
    std::vector<property_aggregate> aggregates;
    std::uint32_t root = no_node;
    bool grouped = false; ///< some aggregate has `per`: the whole holds for each group

    /// What a node was written as, with white space in one piece.
    std::string source(std::uint32_t node) const;
};

} // namespace aivp::sim
