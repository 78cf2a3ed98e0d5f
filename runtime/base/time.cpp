#include "aivp/base/time.hpp"

#include <array>
#include <chrono>

namespace aivp {
namespace {

constexpr std::int64_t time_us_per_second = 1'000'000;
constexpr std::int64_t time_us_per_day = 86'400 * time_us_per_second;

void time_append_padded(std::string& out, std::uint64_t value, std::size_t digits) {
    const std::string text = std::to_string(value);
    if (text.size() < digits) out.append(digits - text.size(), '0');
    out += text;
}

std::unexpected<error> time_syntax(std::string_view what, std::string_view text, std::string_view why) {
    return fail(errc::time_syntax,
                "\"" + std::string(text) + "\" is not " + std::string(what) + ": " + std::string(why));
}

std::unexpected<error> time_range(std::string_view text, std::string_view why) {
    return fail(errc::time_range, "\"" + std::string(text) + "\": " + std::string(why));
}

// Reads exactly `count` digits at `at`; -1 when there are fewer.
int time_digits(std::string_view text, std::size_t at, std::size_t count) {
    if (at + count > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool time_has(std::string_view text, std::size_t at, char c) { return at < text.size() && text[at] == c; }

// The zone at the end of an RFC 3339 text, as the offset from UTC.
result<duration> time_parse_zone(std::string_view text, std::size_t at) {
    if (at + 1 == text.size() && (text[at] == 'Z' || text[at] == 'z')) return duration{};
    const int hour = time_digits(text, at + 1, 2);
    const int minute = time_digits(text, at + 4, 2);
    const bool shape = at + 6 == text.size() && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':';
    if (!shape || hour < 0 || minute < 0)
        return time_syntax("an instant", text, "after the time comes Z or an offset such as +02:00");
    if (hour > 23 || minute > 59) return time_range(text, "an offset is at most 23:59");
    const duration offset = hours(hour) + minutes(minute);
    return text[at] == '-' ? duration{-offset.us} : offset;
}

struct duration_unit {
    std::string_view name;
    std::int64_t us;
};

// Largest first: the order in which they may appear.
constexpr std::array duration_units{
    duration_unit{"d", 86'400'000'000}, duration_unit{"h", 3'600'000'000}, duration_unit{"m", 60'000'000},
    duration_unit{"s", 1'000'000},      duration_unit{"ms", 1'000},        duration_unit{"us", 1},
};

} // namespace

std::string to_string(instant t) {
    std::int64_t day = t.us / time_us_per_day;
    std::int64_t in_day = t.us % time_us_per_day;
    if (in_day < 0) {
        in_day += time_us_per_day;
        --day;
    }
    // std::chrono's calendar stops at the year 32767; 400 years have 146,097 days.
    const std::int64_t era = (day >= 0 ? day : day - 146'096) / 146'097;
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day - era * 146'097}}};
    const std::int64_t year = static_cast<int>(date.year()) + era * 400;

    std::string text;
    if (year < 0 || year > 9999) text += year < 0 ? '-' : '+';
    time_append_padded(text, static_cast<std::uint64_t>(year < 0 ? -year : year), year < 0 || year > 9999 ? 6 : 4);
    text += '-';
    time_append_padded(text, static_cast<unsigned>(date.month()), 2);
    text += '-';
    time_append_padded(text, static_cast<unsigned>(date.day()), 2);
    text += 'T';
    const auto second = static_cast<std::uint64_t>(in_day / time_us_per_second);
    time_append_padded(text, second / 3600, 2);
    text += ':';
    time_append_padded(text, second / 60 % 60, 2);
    text += ':';
    time_append_padded(text, second % 60, 2);
    if (const auto micros = static_cast<std::uint64_t>(in_day % time_us_per_second); micros != 0) {
        text += '.';
        if (micros % 1000 == 0)
            time_append_padded(text, micros / 1000, 3);
        else
            time_append_padded(text, micros, 6);
    }
    return text + 'Z';
}

result<instant> parse_instant(std::string_view text) {
    constexpr std::string_view what = "an instant";
    const int year = time_digits(text, 0, 4);
    const int month = time_digits(text, 5, 2);
    const int day = time_digits(text, 8, 2);
    if (year < 0 || month < 0 || day < 0 || !time_has(text, 4, '-') || !time_has(text, 7, '-'))
        return time_syntax(what, text, "it starts with a date such as 2026-03-01");
    const int hour = time_digits(text, 11, 2);
    const int minute = time_digits(text, 14, 2);
    const int second = time_digits(text, 17, 2);
    const bool separated =
        (time_has(text, 10, 'T') || time_has(text, 10, 't')) && time_has(text, 13, ':') && time_has(text, 16, ':');
    if (hour < 0 || minute < 0 || second < 0 || !separated)
        return time_syntax(what, text, "after the date comes a time such as T09:00:00");

    std::size_t at = 19;
    std::int64_t micros = 0;
    if (time_has(text, at, '.')) {
        std::size_t decimals = 0;
        for (++at; time_digits(text, at, 1) >= 0; ++at, ++decimals) {
            if (decimals == 6) return time_syntax(what, text, "a second has at most six decimals");
            micros = micros * 10 + time_digits(text, at, 1);
        }
        if (decimals == 0) return time_syntax(what, text, "there is no digit after the decimal point");
        for (; decimals < 6; ++decimals) micros *= 10;
    }
    AIVP_TRY(const duration offset, time_parse_zone(text, at));

    using namespace std::chrono;
    const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return time_range(text, "there is no such day");
    if (hour > 23 || minute > 59 || second > 60) return time_range(text, "there is no such time of day");
    if (second == 60) return time_range(text, "leap seconds are not counted; write the second before or after");
    const std::int64_t day_number = sys_days{date}.time_since_epoch().count();
    return instant{day_number * time_us_per_day + aivp::hours(hour).us + aivp::minutes(minute).us +
                   aivp::seconds(second).us + micros - offset.us};
}

std::string to_string(duration d) {
    if (d.us == 0) return "0s";
    // Unsigned, because the most negative value has no positive counterpart.
    std::uint64_t rest = d.us < 0 ? 0 - static_cast<std::uint64_t>(d.us) : static_cast<std::uint64_t>(d.us);
    std::string text = d.us < 0 ? "-" : "";
    for (const duration_unit& unit : duration_units) {
        const auto size = static_cast<std::uint64_t>(unit.us);
        if (rest >= size) text.append(std::to_string(rest / size)).append(unit.name);
        rest %= size;
    }
    return text;
}

result<duration> parse_duration(std::string_view text) {
    constexpr std::string_view what = "a duration";
    const bool negative = text.starts_with('-');
    std::size_t at = negative ? 1 : 0;
    if (at == text.size()) return time_syntax(what, text, "there is no number");
    std::int64_t us = 0;
    std::size_t next_unit = 0;
    while (at < text.size()) {
        std::int64_t count = 0;
        const std::size_t begin = at;
        for (; time_digits(text, at, 1) >= 0; ++at) {
            // Counted downwards, because the most negative duration has no positive counterpart.
            if (__builtin_mul_overflow(count, 10, &count) ||
                __builtin_sub_overflow(count, time_digits(text, at, 1), &count))
                return time_range(text, "a number does not fit 64 bits");
        }
        if (at == begin) return time_syntax(what, text, "character " + std::to_string(at + 1) + " is no digit");
        std::size_t end = at;
        while (end < text.size() && time_digits(text, end, 1) < 0) ++end;
        const std::string_view name = text.substr(at, end - at);
        std::size_t unit = 0;
        while (unit < duration_units.size() && duration_units[unit].name != name) ++unit;
        if (unit == duration_units.size())
            return time_syntax(what, text, "after a number comes one of the units d, h, m, s, ms, us");
        if (unit < next_unit) return time_syntax(what, text, "each unit stands at most once, the largest first");
        next_unit = unit + 1;
        at = end;
        if (__builtin_mul_overflow(count, duration_units[unit].us, &count) || __builtin_add_overflow(us, count, &us))
            return time_range(text, "it does not fit 64 bits of microseconds");
    }
    if (negative) return duration{us};
    if (us == std::numeric_limits<std::int64_t>::min())
        return time_range(text, "it does not fit 64 bits of microseconds");
    return duration{-us};
}

} // namespace aivp
