// The proleptic Gregorian calendar in integers. Algorithms: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
#pragma once

#include <cstdint>

namespace aivp {

inline constexpr std::int64_t seconds_per_day = 86'400;

/// A day of the calendar. Any year that int32 holds; month 1..12; day 1..31.
struct civil_day {
    std::int32_t year = 1970;
    std::int32_t month = 1;
    std::int32_t day = 1;

    friend constexpr bool operator==(const civil_day&, const civil_day&) = default;
};

/// Rounds towards minus infinity; divisor > 0.
constexpr std::int64_t floor_div(std::int64_t value, std::int64_t divisor) {
    const std::int64_t quotient = value / divisor;
    return value % divisor < 0 ? quotient - 1 : quotient;
}

/// Days since 1970-01-01.
constexpr std::int64_t days_from_civil(const civil_day& c) {
    const std::int64_t year = static_cast<std::int64_t>(c.year) - (c.month <= 2 ? 1 : 0);
    const std::int64_t era = floor_div(year, 400);
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146'097 + day_of_era - 719'468;
}

constexpr civil_day civil_from_days(std::int64_t days) {
    days += 719'468;
    const std::int64_t era = floor_div(days, 146'097);
    const auto day_of_era = static_cast<std::uint32_t>(days - era * 146'097);
    const std::uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::uint32_t shifted = (5 * day_of_year + 2) / 153;
    const auto day = static_cast<std::int32_t>(day_of_year - (153 * shifted + 2) / 5 + 1);
    const auto month = static_cast<std::int32_t>(shifted < 10 ? shifted + 3 : shifted - 9);
    return {static_cast<std::int32_t>(year_of_era + era * 400) + (month <= 2 ? 1 : 0), month, day};
}

/// 0 = Sunday .. 6 = Saturday.
constexpr std::int32_t weekday_from_days(std::int64_t days) {
    return static_cast<std::int32_t>(days + 4 - floor_div(days + 4, 7) * 7);
}

constexpr bool is_leap_year(std::int32_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/// 28..31.
constexpr std::int32_t days_in_month(std::int32_t year, std::int32_t month) {
    constexpr std::int32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : lengths[month - 1];
}

} // namespace aivp
