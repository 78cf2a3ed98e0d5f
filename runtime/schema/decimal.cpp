#include "runtime/schema/internal/decimal.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace aivp::schema_internal {
namespace {

constexpr std::int64_t exponent_limit = 1'000'000'000'000;
// A remainder by more than a machine word is taken digit by digit; doubles and 64-bit integers stay far below this.
constexpr std::int64_t shift_limit = 4096;

using wide = unsigned __int128;

constexpr std::array<std::int64_t, 19> powers_of_ten = [] {
    std::array<std::int64_t, 19> out{};
    std::int64_t power = 1;
    for (auto& p : out) {
        p = power;
        if (power < 1'000'000'000'000'000'000) power *= 10;
    }
    return out;
}();

std::int64_t parse_exponent(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    for (const char c : text) value = std::min(value * 10 + (c - '0'), exponent_limit);
    return negative ? -value : value;
}

int sign_of(int comparison, bool negative) { return negative ? -comparison : comparison; }

std::uint64_t power_modulo(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
    wide result = 1 % modulus;
    for (wide square = base % modulus; exponent != 0; exponent >>= 1, square = square * square % modulus)
        if (exponent & 1) result = result * square % modulus;
    return static_cast<std::uint64_t>(result);
}

bool divides_small(std::uint64_t divisor, const std::string& digits, std::int64_t shift) {
    std::uint64_t rest = 0;
    for (const char d : digits)
        rest = static_cast<std::uint64_t>((wide{rest} * 10 + static_cast<unsigned>(d - '0')) % divisor);
    return wide{rest} * power_modulo(10, static_cast<std::uint64_t>(shift), divisor) % divisor == 0;
}

/// Least significant limb first.
using limbs = std::vector<std::uint32_t>;

void times_ten_plus(limbs& value, std::uint32_t digit) {
    std::uint64_t carry = digit;
    for (auto& limb : value) {
        carry += std::uint64_t{limb} * 10;
        limb = static_cast<std::uint32_t>(carry);
        carry >>= 32;
    }
    if (carry != 0) value.push_back(static_cast<std::uint32_t>(carry));
}

bool less(const limbs& a, const limbs& b) {
    if (a.size() != b.size()) return a.size() < b.size();
    return std::lexicographical_compare(a.rbegin(), a.rend(), b.rbegin(), b.rend());
}

void subtract(limbs& a, const limbs& b) {
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::int64_t difference = std::int64_t{a[i]} - (i < b.size() ? b[i] : 0) + borrow;
        borrow = difference < 0 ? -1 : 0;
        a[i] = static_cast<std::uint32_t>(difference);
    }
    while (!a.empty() && a.back() == 0) a.pop_back();
}

bool divides_large(const std::string& divisor_digits, const std::string& digits, std::int64_t shift) {
    limbs divisor;
    for (const char d : divisor_digits) times_ten_plus(divisor, static_cast<std::uint32_t>(d - '0'));
    limbs rest;
    const auto step = [&](std::uint32_t digit) {
        times_ten_plus(rest, digit);
        while (!less(rest, divisor)) subtract(rest, divisor);
    };
    for (const char d : digits) step(static_cast<std::uint32_t>(d - '0'));
    for (std::int64_t i = 0; i < shift && !rest.empty(); ++i) step(0);
    return rest.empty();
}

} // namespace

decimal parse_decimal(std::string_view number) {
    decimal out;
    out.negative = number.starts_with('-');
    if (out.negative) number.remove_prefix(1);
    if (const auto e = number.find_first_of("eE"); e != std::string_view::npos) {
        out.exponent = parse_exponent(number.substr(e + 1));
        number = number.substr(0, e);
    }
    if (const auto point = number.find('.'); point != std::string_view::npos) {
        out.exponent -= static_cast<std::int64_t>(number.size() - point - 1);
        out.digits = number.substr(0, point);
        out.digits += number.substr(point + 1);
    } else {
        out.digits = number;
    }
    out.digits.erase(0, std::min(out.digits.find_first_not_of('0'), out.digits.size()));
    while (!out.digits.empty() && out.digits.back() == '0') {
        out.digits.pop_back();
        ++out.exponent;
    }
    if (out.digits.empty()) out = {};
    return out;
}

std::optional<std::int64_t> parse_small_integer(std::string_view number) {
    const bool negative = number.starts_with('-');
    if (negative) number.remove_prefix(1);
    if (number.empty() || number.size() > 18) return std::nullopt;
    std::int64_t value = 0;
    for (const char c : number) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return negative ? -value : value;
}

std::optional<small_decimal> parse_small_decimal(std::string_view number) {
    const bool negative = number.starts_with('-');
    if (negative) number.remove_prefix(1);
    small_decimal out;
    int digits = 0;
    bool point = false;
    std::int64_t exponent = 0;
    for (std::size_t i = 0; i < number.size(); ++i) {
        const char c = number[i];
        if (c == '.') {
            point = true;
        } else if (c == 'e' || c == 'E') {
            exponent += parse_exponent(number.substr(i + 1));
            break;
        } else {
            if (out.coefficient != 0 || c != '0') ++digits;
            if (digits > 18) return std::nullopt;
            out.coefficient = out.coefficient * 10 + (c - '0');
            if (point) --exponent;
        }
    }
    if (exponent < -30 || exponent > 30) return std::nullopt;
    if (negative) out.coefficient = -out.coefficient;
    out.exponent = static_cast<std::int32_t>(exponent);
    return out;
}

int compare(const decimal& a, const decimal& b) {
    if (a.digits.empty() || b.digits.empty() || a.negative != b.negative) {
        const int sign_a = a.digits.empty() ? 0 : a.negative ? -1 : 1;
        const int sign_b = b.digits.empty() ? 0 : b.negative ? -1 : 1;
        return sign_a < sign_b ? -1 : sign_a > sign_b ? 1 : 0;
    }
    const auto magnitude_a = a.exponent + static_cast<std::int64_t>(a.digits.size());
    const auto magnitude_b = b.exponent + static_cast<std::int64_t>(b.digits.size());
    if (magnitude_a != magnitude_b) return sign_of(magnitude_a < magnitude_b ? -1 : 1, a.negative);
    const int order = a.digits.compare(b.digits);
    return sign_of(order < 0 ? -1 : order > 0 ? 1 : 0, a.negative);
}

std::optional<int> compare(small_decimal a, small_decimal b) {
    const int apart = a.exponent - b.exponent;
    if (apart > 18 || apart < -18) return std::nullopt;
    __int128 left = a.coefficient;
    __int128 right = b.coefficient;
    if (apart > 0)
        left *= powers_of_ten[static_cast<std::size_t>(apart)];
    else
        right *= powers_of_ten[static_cast<std::size_t>(-apart)];
    return left < right ? -1 : left > right ? 1 : 0;
}

std::optional<bool> is_multiple(small_decimal value, small_decimal of) {
    const int apart = value.exponent - of.exponent;
    if (apart > 18 || apart < -18) return std::nullopt;
    if (apart == 0) return value.coefficient % of.coefficient == 0;
    __int128 left = value.coefficient;
    __int128 right = of.coefficient;
    if (apart > 0)
        left *= powers_of_ten[static_cast<std::size_t>(apart)];
    else
        right *= powers_of_ten[static_cast<std::size_t>(-apart)];
    return left % right == 0;
}

bool is_multiple(const decimal& value, const decimal& of) {
    if (value.digits.empty()) return true;
    const std::int64_t shift = value.exponent - of.exponent;
    // The digits end in no zero, so they are no multiple of 10.
    if (shift < 0) return false;
    if (of.digits.size() <= 18) {
        std::uint64_t divisor = 0;
        for (const char d : of.digits) divisor = divisor * 10 + static_cast<unsigned>(d - '0');
        return divides_small(divisor, value.digits, shift);
    }
    return divides_large(of.digits, value.digits, std::min(shift, shift_limit));
}

} // namespace aivp::schema_internal
