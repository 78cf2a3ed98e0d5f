// Exact decimal arithmetic on the text of JSON numbers: bounds and multiples must not depend on binary fractions, and
// identifiers beyond 2^53 must not collide.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace aivp::schema_internal {

/// digits × 10^exponent. Zero has no digits and is never negative.
struct decimal {
    bool negative = false;
    std::string digits; ///< no leading and no trailing zeros
    std::int64_t exponent = 0;

    bool is_integer() const { return digits.empty() || exponent >= 0; }
    friend bool operator==(const decimal&, const decimal&) = default;
};

/// A number that fits a machine word: nearly all of them.
struct small_decimal {
    std::int64_t coefficient = 0; ///< below 10^18
    std::int32_t exponent = 0;    ///< -30..30
};

/// `number` must follow the grammar of JSON numbers. Exponents beyond ±10^12 are clamped.
decimal parse_decimal(std::string_view number);
std::optional<small_decimal> parse_small_decimal(std::string_view number);
/// An integer literal of at most 18 digits.
std::optional<std::int64_t> parse_small_integer(std::string_view number);

/// -1, 0, 1.
int compare(const decimal& a, const decimal& b);
/// -1, 0, 1; nullopt when the exponents are too far apart for machine words.
std::optional<int> compare(small_decimal a, small_decimal b);
/// `of` must be positive; nullopt when the exponents are too far apart for machine words.
std::optional<bool> is_multiple(small_decimal value, small_decimal of);
/// `of` must be positive.
bool is_multiple(const decimal& value, const decimal& of);

} // namespace aivp::schema_internal
