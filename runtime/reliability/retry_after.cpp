#include "aivp/reliability/retry_after.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "runtime/reliability/internal/scale.hpp"
#include "runtime/reliability/internal/scan.hpp"

namespace aivp {
namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;
constexpr std::int64_t unix_seconds_from = 1'000'000'000;
constexpr std::int64_t unix_milliseconds_from = 1'000'000'000'000;
constexpr duration reset_duration_limit = days(1000);

/// A decimal number: whole + billionths / 10^9, digits beyond the ninth rounded up.
struct decimal_number {
    std::int64_t whole = 0; ///< at most 10^15: more is not told apart
    std::int64_t billionths = 0;
};

std::optional<decimal_number> take_decimal(detail::scanner& s) {
    if (!detail::is_digit(s.peek())) return std::nullopt;
    constexpr std::int64_t most = 1'000'000'000'000'000;
    decimal_number n;
    for (; detail::is_digit(s.peek()); s.rest.remove_prefix(1))
        n.whole = std::min(n.whole * 10 + (s.peek() - '0'), most);
    if (!s.take(".")) return n;
    if (!detail::is_digit(s.peek())) return std::nullopt;
    std::int64_t place = ns_per_second / 10;
    bool more = false;
    for (; detail::is_digit(s.peek()); s.rest.remove_prefix(1)) {
        n.billionths += (s.peek() - '0') * place;
        more = more || (place == 0 && s.peek() != '0');
        place /= 10;
    }
    if (more) ++n.billionths;
    return n;
}

detail::wide to_ns(const decimal_number& n, std::int64_t unit_ns) {
    return detail::wide{n.whole} * unit_ns + detail::ceil_div(detail::wide{n.billionths} * unit_ns, ns_per_second);
}

retry_after_hint to_hint(detail::wide wait_us, retry_after_source source) {
    const auto wait = std::clamp<detail::wide>(wait_us, 0, retry_after_max.us);
    return {duration{static_cast<std::int64_t>(wait)}, source, wait != wait_us};
}

retry_after_hint hint_until(instant then, instant now, retry_after_source source) {
    return to_hint(detail::wide{then.us} - now.us, source);
}

/// The whole text is a number of units; nullopt otherwise.
std::optional<retry_after_hint> parse_number(std::string_view text, std::int64_t unit_ns, retry_after_source source) {
    detail::scanner s{text};
    const bool negative = s.take("-");
    const auto n = take_decimal(s);
    if (!n || !s.at_end()) return std::nullopt;
    const detail::wide us = detail::ceil_div(to_ns(*n, unit_ns), 1000);
    return to_hint(negative ? -us : us, source);
}

std::optional<std::int64_t> take_unit_ns(detail::scanner& s) {
    struct unit {
        std::string_view name;
        std::int64_t ns;
    };
    // Longer names first, because "m" begins "ms".
    constexpr std::array<unit, 9> units{{{"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"\xc2\xb5s", 1'000},
                                         {"\xce\xbcs", 1'000},
                                         {"ns", 1},
                                         {"d", 86'400 * ns_per_second},
                                         {"h", 3'600 * ns_per_second},
                                         {"m", 60 * ns_per_second},
                                         {"s", ns_per_second}}};
    for (const unit& u : units)
        if (s.take(u.name)) return u.ns;
    return std::nullopt;
}

/// RFC 3339 with any number of decimals; those beyond the sixth are rounded up.
std::optional<instant> parse_precise_instant(std::string_view text) {
    const std::size_t point = text.find('.');
    std::size_t end = point == std::string_view::npos ? text.size() : point + 1;
    while (end < text.size() && detail::is_digit(text[end])) ++end;
    if (point == std::string_view::npos || end - point <= 7) {
        const auto t = parse_instant(text);
        return t ? std::optional(*t) : std::nullopt;
    }
    const std::string_view beyond = text.substr(point + 7, end - point - 7);
    const auto t = parse_instant(std::string(text.substr(0, point + 7)).append(text.substr(end)));
    if (!t) return std::nullopt;
    return *t + microseconds(beyond.find_first_not_of('0') == std::string_view::npos ? 0 : 1);
}

bool names_equal(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, detail::ascii_lower, detail::ascii_lower);
}

std::optional<retry_after_hint> longer(std::optional<retry_after_hint> a, std::optional<retry_after_hint> b) {
    if (!a || !b) return a ? a : b;
    return a->wait >= b->wait ? a : b;
}

std::size_t find_ignoring_case(std::string_view text, std::string_view lower) {
    for (std::size_t i = 0; i + lower.size() <= text.size(); ++i)
        if (detail::starts_with_ignoring_case(text.substr(i), lower)) return i;
    return std::string_view::npos;
}

/// The "remaining" that belongs to a "reset" is 0.
bool is_used_up(std::span<const header_view> headers, std::string_view reset_name, std::size_t reset_at) {
    const std::string partner = std::string(reset_name.substr(0, reset_at))
                                    .append("remaining")
                                    .append(reset_name.substr(reset_at + std::string_view("reset").size()));
    return std::ranges::any_of(headers, [&](const header_view& h) {
        const std::string_view value = detail::trimmed(h.value);
        return names_equal(h.name, partner) && !value.empty() && value.find_first_not_of('0') == std::string_view::npos;
    });
}

std::optional<retry_after_hint> find_reset(std::span<const header_view> headers, instant now) {
    std::optional<retry_after_hint> last_used_up;
    std::optional<retry_after_hint> first;
    for (const header_view& h : headers) {
        if (find_ignoring_case(h.name, "ratelimit-") == std::string_view::npos) continue;
        const std::size_t reset_at = find_ignoring_case(h.name, "reset");
        if (reset_at == std::string_view::npos) continue;
        const auto hint = parse_reset(h.value, now);
        if (!hint) continue;
        if (is_used_up(headers, h.name, reset_at)) last_used_up = longer(last_used_up, hint);
        if (!first || hint->wait < first->wait) first = hint;
    }
    return last_used_up ? last_used_up : first;
}

} // namespace

std::string_view to_string(retry_after_source source) {
    constexpr std::array<std::string_view, 4> names{"milliseconds", "seconds", "date", "reset"};
    return names[static_cast<std::size_t>(source)];
}

std::optional<retry_after_hint> parse_retry_after(std::string_view value, instant now) {
    value = detail::trimmed(value);
    if (auto hint = parse_number(value, ns_per_second, retry_after_source::seconds)) return hint;
    if (const auto then = parse_http_date(value, now)) return hint_until(*then, now, retry_after_source::date);
    return std::nullopt;
}

std::optional<duration> parse_reset_duration(std::string_view text) {
    detail::scanner s{detail::trimmed(text)};
    const bool negative = s.take("-");
    const detail::wide most_ns = detail::wide{reset_duration_limit.us} * 1000;
    detail::wide ns = 0;
    do {
        const auto n = take_decimal(s);
        if (!n) return std::nullopt;
        const auto unit_ns = take_unit_ns(s);
        if (!unit_ns) return std::nullopt;
        ns = std::min(ns + to_ns(*n, *unit_ns), most_ns);
    } while (!s.at_end());
    const auto us = static_cast<std::int64_t>(negative ? -(ns / 1000) : detail::ceil_div(ns, 1000));
    return duration{us};
}

std::optional<retry_after_hint> parse_reset(std::string_view value, instant now) {
    constexpr auto source = retry_after_source::reset;
    value = detail::trimmed(value);
    if (const auto d = parse_reset_duration(value)) return to_hint(d->us, source);
    if (const auto then = parse_precise_instant(value)) return hint_until(*then, now, source);
    detail::scanner s{value};
    const auto n = take_decimal(s);
    if (!n || !s.at_end() || n->whole < unix_seconds_from) return parse_number(value, ns_per_second, source);
    const std::int64_t unit_ns = n->whole >= unix_milliseconds_from ? 1'000'000 : ns_per_second;
    return to_hint(detail::ceil_div(to_ns(*n, unit_ns), 1000) - now.us, source);
}

std::optional<retry_after_hint> find_retry_after(std::span<const header_view> headers, instant now) {
    std::optional<retry_after_hint> exact;
    std::optional<retry_after_hint> standard;
    for (const header_view& h : headers) {
        if (names_equal(h.name, "retry-after-ms"))
            exact = longer(exact, parse_number(detail::trimmed(h.value), 1'000'000, retry_after_source::milliseconds));
        if (names_equal(h.name, "retry-after")) standard = longer(standard, parse_retry_after(h.value, now));
    }
    if (exact) return exact;
    if (standard) return standard;
    return find_reset(headers, now);
}

std::optional<bool> find_should_retry(std::span<const header_view> headers) {
    for (const header_view& h : headers) {
        if (!names_equal(h.name, "x-should-retry")) continue;
        const std::string_view value = detail::trimmed(h.value);
        if (detail::equal_ignoring_case(value, "true")) return true;
        if (detail::equal_ignoring_case(value, "false")) return false;
    }
    return std::nullopt;
}

} // namespace aivp
