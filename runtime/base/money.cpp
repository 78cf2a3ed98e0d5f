#include "aivp/base/money.hpp"

#include <limits>

#include "aivp/base/assert.hpp"

namespace aivp {
namespace {

constexpr std::int64_t money_micros_per_usd = 1'000'000;
constexpr std::int64_t money_picos_per_micro = 1'000'000;
constexpr std::size_t money_decimals_max = 6;

std::unexpected<error> money_overflow() { return fail(errc::money_overflow, "the sum does not fit 64 bits"); }

bool money_is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes digits off the front of `text` into `value`; false when the value leaves the range of int64.
bool money_take_digits(std::string_view& text, std::size_t digits, std::int64_t& value) {
    for (; digits > 0; --digits) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text.front() - '0', &value))
            return false;
        text.remove_prefix(1);
    }
    return true;
}

std::size_t money_count_digits(std::string_view text) {
    std::size_t n = 0;
    while (n < text.size() && money_is_digit(text[n])) ++n;
    return n;
}

std::unexpected<error> money_syntax(std::string_view text, std::string_view why) {
    return fail(errc::money_syntax,
                "\"" + std::string(text) + "\" is not an amount in US dollars: " + std::string(why));
}

std::unexpected<error> money_out_of_range(std::string_view text) {
    return fail(errc::money_range, "\"" + std::string(text) + "\" is more than 9,223,372,036,854 US dollars");
}

} // namespace

result<usd_micros> checked_add(usd_micros a, usd_micros b) {
    usd_micros sum;
    if (__builtin_add_overflow(a.value, b.value, &sum.value)) return money_overflow();
    return sum;
}

result<usd_micros> checked_sub(usd_micros a, usd_micros b) {
    usd_micros difference;
    if (__builtin_sub_overflow(a.value, b.value, &difference.value)) return money_overflow();
    return difference;
}

result<usd_picos> checked_mul(usd_picos price, std::int64_t units) {
    if (price.value < 0)
        return fail(errc::money_negative, "the price is negative: " + std::to_string(price.value) + " pico-USD");
    if (units < 0) return fail(errc::money_negative, "the count is negative: " + std::to_string(units));
    usd_picos product;
    if (__builtin_mul_overflow(price.value, units, &product.value)) return money_overflow();
    return product;
}

result<usd_picos> checked_add(usd_picos a, usd_picos b) {
    usd_picos sum;
    if (__builtin_add_overflow(a.value, b.value, &sum.value)) return money_overflow();
    return sum;
}

usd_micros to_micros_rounded_up(usd_picos amount) {
    const std::int64_t whole = amount.value / money_picos_per_micro;
    return {whole + (amount.value % money_picos_per_micro > 0 ? 1 : 0)};
}

std::string to_string(usd_micros amount) {
    const bool negative = amount.value < 0;
    // Unsigned, because the most negative value has no positive counterpart.
    const std::uint64_t micros =
        negative ? 0 - static_cast<std::uint64_t>(amount.value) : static_cast<std::uint64_t>(amount.value);
    std::string decimals = std::to_string(micros % money_micros_per_usd);
    decimals.insert(0, money_decimals_max - decimals.size(), '0');
    while (decimals.size() > 2 && decimals.back() == '0') decimals.pop_back();
    return (negative ? "-$" : "$") + std::to_string(micros / money_micros_per_usd) + '.' + decimals;
}

result<usd_micros> parse_usd(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with('-')) return fail(errc::money_range, "\"" + std::string(text) + "\" is negative");
    const bool dollar_sign = rest.starts_with('$');
    if (dollar_sign)
        rest.remove_prefix(1);
    else if (rest.ends_with(" USD"))
        rest.remove_suffix(4);

    const std::size_t whole_digits = money_count_digits(rest);
    if (whole_digits == 0) return money_syntax(text, "it does not start with a digit");
    std::int64_t micros = 0;
    if (!money_take_digits(rest, whole_digits, micros)) return money_out_of_range(text);

    std::size_t decimals = 0;
    if (rest.starts_with('.')) {
        rest.remove_prefix(1);
        decimals = money_count_digits(rest);
        if (decimals == 0) return money_syntax(text, "there is no digit after the decimal point");
        if (decimals > money_decimals_max) return money_syntax(text, "it has more than six decimals");
        if (!money_take_digits(rest, decimals, micros)) return money_out_of_range(text);
    }
    if (!rest.empty()) return money_syntax(text, "\"" + std::string(rest) + "\" does not belong there");
    for (; decimals < money_decimals_max; ++decimals) {
        if (__builtin_mul_overflow(micros, 10, &micros)) return money_out_of_range(text);
    }
    return usd_micros{micros};
}

} // namespace aivp
