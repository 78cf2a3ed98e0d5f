// Words of the property language.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"
#include "sim/property/tables.hpp"

namespace aivp::sim {

enum class token_kind : std::uint8_t {
    end,
    name,    ///< also of functions, tables and the words where, per, of, in
    literal, ///< a value
    open,    ///< (
    close,   ///< )
    bracket, ///< [
    unbracket,
    comma,
    dot,
    negation, ///< !
    plus,
    minus,
    times,
    equal,
    unequal,
    less,
    less_equal,
    greater,
    greater_equal,
    both,
    either
};

struct token {
    token_kind kind = token_kind::end;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    value_type type = value_type::boolean; ///< of a literal
    std::int64_t number = 0;
    std::string text; ///< of a name, and of a text
};

/// The token that begins at or after `at`. `after_dot`: digits and quotes are then the next part of a path. Errors have the
/// byte from 1 in where.column.
result<token> next_token(std::string_view text, std::uint32_t at, bool after_dot);

} // namespace aivp::sim
