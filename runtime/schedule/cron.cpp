#include "aivp/schedule/cron.hpp"

#include <algorithm>
#include <bit>

#include "aivp/schedule/civil.hpp"

namespace aivp {
namespace {

constexpr std::int64_t cron_end_local_s = days_from_civil({schedule_year_max + 1, 1, 1}) * seconds_per_day;

template <class Bits>
constexpr bool has_bit(Bits bits, std::int32_t n) {
    return (bits >> n & 1) != 0;
}

/// Position of the lowest set bit >= `from`, or -1. 0 <= from < 64.
constexpr std::int32_t bit_from(std::uint64_t bits, std::int32_t from) {
    bits &= ~std::uint64_t{0} << from;
    return bits == 0 ? -1 : std::countr_zero(bits);
}

std::int32_t first_second_of_day(const cron_spec& s) {
    return std::countr_zero(s.hours) * 3600 + std::countr_zero(s.minutes) * 60 + std::countr_zero(s.seconds);
}

/// The first matching second of the day that is not before `from`, or -1.
std::int32_t second_of_day_from(const cron_spec& s, std::int32_t from) {
    const std::int32_t hour = from / 3600;
    if (has_bit(s.hours, hour)) {
        const std::int32_t minute = from / 60 % 60;
        if (has_bit(s.minutes, minute)) {
            if (const std::int32_t second = bit_from(s.seconds, from % 60); second >= 0)
                return hour * 3600 + minute * 60 + second;
        }
        if (minute < 59) {
            if (const std::int32_t later = bit_from(s.minutes, minute + 1); later >= 0)
                return hour * 3600 + later * 60 + std::countr_zero(s.seconds);
        }
    }
    const std::int32_t later = hour < 23 ? bit_from(s.hours, hour + 1) : -1;
    return later < 0 ? -1 : later * 3600 + std::countr_zero(s.minutes) * 60 + std::countr_zero(s.seconds);
}

/// A month with the weekday of its first day, 0 = Sunday.
struct month_shape {
    std::int32_t length = 31;
    std::int32_t first_weekday = 0;

    std::int32_t weekday_of(std::int32_t day) const { return (first_weekday + day - 1) % 7; }
    /// Bits 1..length.
    std::uint32_t all() const { return (std::uint32_t{2} << length) - 2; }
    /// Bits 1..7 for the weekdays in `weekdays` as they fall in the first week.
    std::uint64_t first_week(std::uint8_t weekdays) const {
        return std::uint64_t{((weekdays >> first_weekday) | (weekdays << (7 - first_weekday))) & 0x7fu} << 1;
    }
    std::uint32_t days_of(std::uint8_t weekdays) const {
        constexpr std::uint64_t every_week =
            1 | std::uint64_t{1} << 7 | std::uint64_t{1} << 14 | std::uint64_t{1} << 21 | std::uint64_t{1} << 28;
        return static_cast<std::uint32_t>(first_week(weekdays) * every_week) & all();
    }
    std::uint32_t last_week() const { return all() & ~((std::uint32_t{2} << (length - 7)) - 2); }
    /// The Monday to Friday nearest to `day`, which must exist, within this month.
    std::int32_t nearest_weekday(std::int32_t day) const {
        const std::int32_t weekday = weekday_of(day);
        if (weekday == 6) return day > 1 ? day - 1 : day + 2;
        if (weekday == 0) return day < length ? day + 1 : day - 2;
        return day;
    }
};

std::uint32_t month_days_in(const cron_spec& s, const month_shape& month) {
    std::uint32_t days = s.month_days;
    for (std::uint32_t rest = s.month_days_before_last; rest != 0; rest &= rest - 1) {
        const std::int32_t day = month.length - std::countr_zero(rest);
        if (day >= 1) days |= 1u << day;
    }
    for (std::uint32_t rest = s.month_days_weekday & month.all(); rest != 0; rest &= rest - 1)
        days |= 1u << month.nearest_weekday(std::countr_zero(rest));
    if (s.last_weekday) days |= 1u << month.nearest_weekday(month.length);
    return days & month.all();
}

std::uint32_t weekdays_in(const cron_spec& s, const month_shape& month) {
    std::uint32_t days = month.days_of(s.weekdays);
    if (s.weekdays_last != 0) days |= month.days_of(s.weekdays_last) & month.last_week();
    for (std::size_t n = 0; n < s.weekdays_nth.size(); ++n)
        if (s.weekdays_nth[n] != 0)
            days |= static_cast<std::uint32_t>(month.first_week(s.weekdays_nth[n]) << 7 * n) & month.all();
    return days;
}

/// Bits 1..31: the days of the month on which the spec fires.
std::uint32_t days_in(const cron_spec& s, const month_shape& month) {
    if (s.every_month_day) return s.every_weekday ? month.all() : weekdays_in(s, month);
    if (s.every_weekday) return month_days_in(s, month);
    const std::uint32_t by_date = month_days_in(s, month);
    const std::uint32_t by_weekday = weekdays_in(s, month);
    return s.options.days == day_rule::either ? by_date | by_weekday : by_date & by_weekday;
}

bool has_year(const cron_spec& s, std::int32_t year) {
    if (s.every_year) return true;
    const std::int32_t bit = year - cron_year_min;
    return bit >= 0 && year <= schedule_year_max && has_bit(s.years[static_cast<std::size_t>(bit) / 64], bit % 64);
}

/// Moves to the first month that may match at or after (year, month), where 13 is none of this year's; false when there is
/// none up to the horizon.
bool find_month(const cron_spec& s, std::int32_t& year, std::int32_t& month) {
    if (!has_year(s, year)) {
        month = 1;
        year = std::max(year + 1, cron_year_min);
        while (year <= schedule_year_max && !has_year(s, year)) ++year;
    }
    month = bit_from(s.months, month);
    while (month < 0 && year <= schedule_year_max) {
        ++year;
        if (has_year(s, year)) month = std::countr_zero(s.months);
    }
    return year <= schedule_year_max;
}

constexpr std::int64_t no_local = zone_rules::far_future_s;

/// The first matching reading of the clock in [from_s, limit_s), or no_local.
std::int64_t next_local(const cron_spec& s, std::int64_t from_s, std::int64_t limit_s) {
    limit_s = std::min(limit_s, cron_end_local_s);
    if (from_s >= limit_s) return no_local;
    const std::int64_t from_day = floor_div(from_s, seconds_per_day);
    const civil_day begin = civil_from_days(from_day);
    std::int32_t year = begin.year;
    std::int32_t month = begin.month;
    std::int32_t day = begin.day;
    const bool same_month = has_year(s, year) && has_bit(s.months, month);
    std::int64_t month_begin = from_day - (day - 1);
    if (same_month) {
        const std::uint32_t days = days_in(s, {days_in_month(year, month), weekday_from_days(month_begin)});
        if (has_bit(days, day)) {
            const std::int32_t second =
                second_of_day_from(s, static_cast<std::int32_t>(from_s - from_day * seconds_per_day));
            const std::int64_t found = from_day * seconds_per_day + second;
            if (second >= 0) return found < limit_s ? found : no_local;
        }
        if (const std::int32_t later = day < 31 ? bit_from(days, day + 1) : -1; later >= 0) {
            const std::int64_t found = (month_begin + later - 1) * seconds_per_day + first_second_of_day(s);
            return found < limit_s ? found : no_local;
        }
    }
    if (same_month) ++month;
    while (find_month(s, year, month)) {
        month_begin = days_from_civil({year, month, 1});
        if (month_begin * seconds_per_day >= limit_s) return no_local;
        const std::uint32_t days = days_in(s, {days_in_month(year, month), weekday_from_days(month_begin)});
        if (days != 0) {
            const std::int64_t found =
                (month_begin + std::countr_zero(days) - 1) * seconds_per_day + first_second_of_day(s);
            return found < limit_s ? found : no_local;
        }
        ++month;
    }
    return no_local;
}

/// Readings of the clock in [begin_s, end_s); empty when begin_s >= end_s.
struct local_span {
    std::int64_t begin_s = 0;
    std::int64_t end_s = 0;
};

/// The part of segment `index` in which the clock shows for the second time, or for the first of two times, what does not
/// count under the spec's rule for folds.
local_span find_repeated(const zone_rules& zone, std::size_t index, fold_rule rule, std::int64_t since_s) {
    const auto segments = zone.segments();
    const std::int32_t offset = segments[index].offset_s;
    if (rule == fold_rule::first && index > 0 && segments[index - 1].offset_s > offset) {
        const zone_segment& before = segments[index - 1];
        const std::int64_t change_s = segments[index].begin_s;
        if (since_s >= change_s) return {};
        return {std::max(change_s + offset, before.begin_s + before.offset_s), change_s + before.offset_s};
    }
    if (rule == fold_rule::last && index + 1 < segments.size() && segments[index + 1].offset_s < offset) {
        const zone_segment& after = segments[index + 1];
        return {after.begin_s + after.offset_s,
                std::min(after.begin_s + offset, zone.segment_end_s(index + 1) + after.offset_s)};
    }
    return {};
}

/// UTC seconds at which something that the clock jumped over at the beginning of segment `index` fires, not before from_s;
/// no_local when nothing does.
std::int64_t next_from_gap(const cron_spec& s, const zone_rules& zone, std::size_t index, std::int64_t from_s) {
    const std::int64_t change_s = zone.segments()[index].begin_s;
    const std::int32_t before_s = zone.segments()[index - 1].offset_s;
    const std::int64_t gap_end_s = change_s + zone.segments()[index].offset_s;
    if (s.options.dst.gap == gap_rule::after) {
        if (from_s > change_s) return no_local;
        return next_local(s, change_s + before_s, gap_end_s) == no_local ? no_local : change_s;
    }
    const std::int64_t found = next_local(s, std::max(change_s, from_s) + before_s, gap_end_s);
    if (found == no_local || found - before_s >= zone.segment_end_s(index)) return no_local;
    return found - before_s;
}

} // namespace

std::optional<instant> next_after(const cron_spec& s, const zone_rules& zone, instant after, instant since) {
    const auto segments = zone.segments();
    const bool steady = s.every_hour && s.options.dst.steady == steady_rule::hourly;
    std::int64_t from_s = floor_div(after.us, 1'000'000) + 1;
    for (std::size_t index = zone.segment_at(from_s); index < segments.size(); ++index) {
        const std::int64_t end_s = zone.segment_end_s(index);
        const std::int64_t offset = segments[index].offset_s;
        std::int64_t best_s = no_local;
        local_span repeated;
        if (!steady) {
            if (index > 0 && segments[index - 1].offset_s < offset && s.options.dst.gap != gap_rule::skip)
                best_s = next_from_gap(s, zone, index, from_s);
            if (s.options.dst.fold != fold_rule::both)
                repeated = find_repeated(zone, index, s.options.dst.fold, floor_div(since.us, 1'000'000));
        }
        const std::int64_t limit_s = std::min(best_s, end_s) + offset;
        std::int64_t local_s = next_local(s, from_s + offset, limit_s);
        if (local_s >= repeated.begin_s && local_s < repeated.end_s) local_s = next_local(s, repeated.end_s, limit_s);
        if (local_s != no_local) best_s = local_s - offset;
        if (best_s != no_local) return instant{best_s * 1'000'000};
        from_s = end_s;
        if (from_s + offset >= cron_end_local_s) return std::nullopt;
    }
    return std::nullopt;
}

result<void> check_fires(const cron_spec& spec, const zone_rules& zone, instant from) {
    if (next_after(spec, zone, from, from)) return {};
    return fail(errc::cron_never,
                "\"" + to_string(spec) + "\" never fires after " + to_string(from) + " in " + zone.name());
}

bool matches(const cron_spec& spec, local_time t) { return next_local(spec, t.s, t.s + 1) == t.s; }

} // namespace aivp
