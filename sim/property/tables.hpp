// The tables that properties of a scenario ask: what the world saw and what the agents know, one row for each thing that came to
// an end. Rows are only ever appended. docs/scenario-format.md has the same list for those who write properties.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aivp::sim {

enum class value_type : std::uint8_t {
    boolean,
    integer,
    text,
    money,    ///< micro-USD
    duration, ///< microseconds
    instant,  ///< microseconds since 1970
    json,     ///< of a type that is known only when the row is there
};
/// "an integer", "true or false": for messages.
const char* to_string(value_type t);

enum class table_id : std::uint8_t { ledger, calls, refused, turns, runs, triggers, refused_triggers };
inline constexpr std::size_t table_count = 7;

/// Which names a text field can have, so that a misspelt one is found when the file is read.
enum class field_words : std::uint8_t { any, outcome, status, effect, code, stage, agent, call, skill, operation };

struct field_info {
    std::string_view name;
    value_type type = value_type::text;
    std::string_view text; ///< what it is, for the reference
    field_words words = field_words::any;
};

struct table_info {
    table_id id = table_id::ledger;
    std::string_view name;
    std::string_view text;
    std::vector<field_info> fields;
    /// nullopt when there is none.
    std::optional<std::uint32_t> find(std::string_view field) const;
};

/// In the order of the enum.
const std::vector<table_info>& property_tables();
const table_info& info(table_id t);
/// nullptr when unknown.
const table_info* find_table(std::string_view name);

/// One field of one row. Views live as long as the row is being looked at.
struct property_cell {
    std::int64_t number = 0; ///< also true as 1
    std::string_view text;   ///< of text; canonical of JSON
};
/// In the order of the table's fields.
using property_row = std::vector<property_cell>;

} // namespace aivp::sim
