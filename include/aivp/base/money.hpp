// Money is integer. Budgets and bills are micro-USD; prices are pico-USD (per token, per call), because one token of a
// cheap model costs a fraction of a micro-dollar. Every operation that could overflow says so.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

/// An amount in micro-USD (1 USD = 1,000,000). Range +-9.2 trillion USD.
struct usd_micros {
    std::int64_t value = 0;

    friend constexpr auto operator<=>(const usd_micros&, const usd_micros&) = default;
};

/// A unit price in pico-USD (1 USD = 10^12). 3 USD per million tokens = 3,000,000 pico-USD a token.
struct usd_picos {
    std::int64_t value = 0;

    friend constexpr auto operator<=>(const usd_picos&, const usd_picos&) = default;
};

/// Errors: money.overflow.
result<usd_micros> checked_add(usd_micros a, usd_micros b);
result<usd_micros> checked_sub(usd_micros a, usd_micros b);
/// units x price, exact in 128 bits, rounded **up** to a whole pico-USD sum. Errors: money.overflow, money.negative.
result<usd_picos> checked_mul(usd_picos price, std::int64_t units);
result<usd_picos> checked_add(usd_picos a, usd_picos b);
/// Rounds up: a bill never shows less than what was used.
usd_micros to_micros_rounded_up(usd_picos amount);

/// "$0.0227", "$12.00", "$0.000001": at least two decimals, no trailing zeros beyond them; negative "-$1.50".
std::string to_string(usd_micros amount);
/// "0.05", "$0.05", "12", "0.05 USD"; at most 6 decimals. Errors: money.syntax, money.range.
result<usd_micros> parse_usd(std::string_view text);

} // namespace aivp
