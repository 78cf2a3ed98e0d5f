#include "runtime/agent/internal/decimal_order.hpp"

#include <algorithm>
#include <cstdint>

namespace aivp::internal {

namespace {

// 0.d1 d2 d3... x 10^magnitude with d1 != 0; the digits stand in two stretches, around the decimal point.
struct decimal_parts {
    bool negative = false;
    std::string_view whole;
    std::string_view fraction;
    std::int64_t magnitude = 0;

    bool zero() const { return whole.empty() && fraction.empty(); }
    std::size_t digits() const { return whole.size() + fraction.size(); }
    char digit(std::size_t i) const {
        if (i < whole.size()) return whole[i];
        i -= whole.size();
        return i < fraction.size() ? fraction[i] : '0';
    }
};

std::size_t decimal_leading_zeros(std::string_view digits) {
    return std::min(digits.find_first_not_of('0'), digits.size());
}

// Far beyond the exponent of any double and of any integer that fits a document, and far from overflow.
constexpr std::int64_t decimal_exponent_max = 1'000'000'000'000;

std::int64_t decimal_exponent(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    for (const char c : text) value = std::min(value * 10 + (c - '0'), decimal_exponent_max);
    return negative ? -value : value;
}

decimal_parts decimal_split(std::string_view text) {
    decimal_parts d;
    d.negative = text.starts_with('-');
    if (d.negative) text.remove_prefix(1);
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    if (e < text.size()) d.magnitude = decimal_exponent(text.substr(e + 1));
    const std::string_view mantissa = text.substr(0, e);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    d.whole = mantissa.substr(0, point);
    if (point < mantissa.size()) d.fraction = mantissa.substr(point + 1);

    d.whole.remove_prefix(decimal_leading_zeros(d.whole));
    d.magnitude += static_cast<std::int64_t>(d.whole.size());
    if (d.whole.empty()) {
        const std::size_t zeros = decimal_leading_zeros(d.fraction);
        d.fraction.remove_prefix(zeros);
        d.magnitude -= static_cast<std::int64_t>(zeros);
    }
    return d;
}

int decimal_compare_sizes(const decimal_parts& left, const decimal_parts& right) {
    if (left.magnitude != right.magnitude) return left.magnitude < right.magnitude ? -1 : 1;
    const std::size_t digits = std::max(left.digits(), right.digits());
    for (std::size_t i = 0; i < digits; ++i) {
        if (left.digit(i) != right.digit(i)) return left.digit(i) < right.digit(i) ? -1 : 1;
    }
    return 0;
}

} // namespace

int compare_decimals(std::string_view left, std::string_view right) {
    const decimal_parts l = decimal_split(left);
    const decimal_parts r = decimal_split(right);
    if (l.zero() || r.zero()) {
        const int l_sign = l.zero() ? 0 : l.negative ? -1 : 1;
        const int r_sign = r.zero() ? 0 : r.negative ? -1 : 1;
        return l_sign - r_sign;
    }
    if (l.negative != r.negative) return l.negative ? -1 : 1;
    const int sizes = decimal_compare_sizes(l, r);
    return l.negative ? -sizes : sizes;
}

} // namespace aivp::internal
