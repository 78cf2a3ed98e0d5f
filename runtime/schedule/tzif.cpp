#include "aivp/schedule/tzif.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "aivp/schedule/civil.hpp"

namespace aivp {
namespace {

// Before this there were no time zones, only local mean time; zic's markers for "the big bang" lie far below it.
constexpr std::int64_t tzif_begin_s_min = -5'364'662'400; // 1800-01-01
constexpr std::int32_t tzif_hours_max = 167;
constexpr std::int32_t tzif_rule_year_min = 1900;

/// One end of daylight-saving time in a POSIX rule.
struct posix_change {
    enum class form : std::uint8_t { month_week_day, julian, day_of_year } kind = form::julian;
    std::int32_t month = 1;
    std::int32_t week = 1;
    std::int32_t day = 0; ///< weekday, Julian day 1..365 (29 February never counted) or day of the year 0..365
    std::int32_t at_s = 7200;

    /// Wall-clock seconds since 1970, on the clock in force before the change.
    std::int64_t in_year(std::int32_t year) const {
        const std::int64_t first = days_from_civil({year, 1, 1});
        if (kind == form::day_of_year) return (first + day) * seconds_per_day + at_s;
        if (kind == form::julian)
            return (first + day - (is_leap_year(year) && day > 59 ? 0 : 1)) * seconds_per_day + at_s;
        const std::int64_t month_first = days_from_civil({year, month, 1});
        std::int32_t offset = day - weekday_from_days(month_first);
        if (offset < 0) offset += 7;
        offset += 7 * (week - 1);
        while (offset >= days_in_month(year, month)) offset -= 7;
        return (month_first + offset) * seconds_per_day + at_s;
    }
};

struct posix_rule {
    std::int32_t standard_offset_s = 0;
    bool has_dst = false;
    std::int32_t dst_offset_s = 0;
    posix_change dst_begin;
    posix_change dst_end;
};

/// Reads a rule from left to right; every reader returns false where the text does not fit.
class posix_reader {
public:
    explicit posix_reader(std::string_view text) : rest_(text) {}

    bool read(posix_rule& rule) {
        if (!read_name() || !read_offset(rule.standard_offset_s)) return false;
        if (rest_.empty()) return true;
        rule.has_dst = true;
        if (!read_name()) return false;
        rule.dst_offset_s = rule.standard_offset_s + 3600;
        if (!rest_.empty() && rest_.front() != ',' && !read_offset(rule.dst_offset_s)) return false;
        return take(',') && read_change(rule.dst_begin) && take(',') && read_change(rule.dst_end) && rest_.empty();
    }

private:
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool read_name() {
        const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        const auto is_quoted = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-'; };
        const bool quoted = take('<');
        std::size_t length = 0;
        while (length < rest_.size() && (quoted ? is_quoted(rest_[length]) : is_letter(rest_[length]))) ++length;
        rest_.remove_prefix(length);
        return length >= 3 && (!quoted || take('>'));
    }

    bool read_number(std::int32_t& value, std::int32_t low, std::int32_t high) {
        value = 0;
        std::size_t length = 0;
        while (length < rest_.size() && length < 4 && rest_[length] >= '0' && rest_[length] <= '9')
            value = value * 10 + (rest_[length++] - '0');
        rest_.remove_prefix(length);
        return length > 0 && value >= low && value <= high;
    }

    bool read_clock(std::int32_t& value_s, std::int32_t hours_max) {
        const bool negative = take('-');
        if (!negative) take('+');
        std::int32_t hours = 0;
        std::int32_t minutes = 0;
        std::int32_t seconds = 0;
        if (!read_number(hours, 0, hours_max)) return false;
        if (take(':') && (!read_number(minutes, 0, 59) || (take(':') && !read_number(seconds, 0, 59)))) return false;
        value_s = hours * 3600 + minutes * 60 + seconds;
        if (negative) value_s = -value_s;
        return true;
    }

    /// POSIX counts offsets west of Greenwich.
    bool read_offset(std::int32_t& east_s) {
        if (!read_clock(east_s, 24)) return false;
        east_s = -east_s;
        return true;
    }

    bool read_change(posix_change& change) {
        if (take('M')) {
            change.kind = posix_change::form::month_week_day;
            if (!read_number(change.month, 1, 12) || !take('.') || !read_number(change.week, 1, 5) || !take('.') ||
                !read_number(change.day, 0, 6))
                return false;
        } else if (take('J')) {
            change.kind = posix_change::form::julian;
            if (!read_number(change.day, 1, 365)) return false;
        } else {
            change.kind = posix_change::form::day_of_year;
            if (!read_number(change.day, 0, 365)) return false;
        }
        return !take('/') || read_clock(change.at_s, tzif_hours_max);
    }

    std::string_view rest_;
};

std::vector<zone_segment> expand_rule(const posix_rule& rule, std::int32_t year_first, std::int32_t year_last) {
    std::vector<zone_segment> changes;
    for (std::int32_t year = year_first; rule.has_dst && year <= year_last; ++year) {
        changes.push_back({rule.dst_begin.in_year(year) - rule.standard_offset_s, rule.dst_offset_s, true});
        changes.push_back({rule.dst_end.in_year(year) - rule.dst_offset_s, rule.standard_offset_s, false});
    }
    // Daylight-saving time all year round: one year's ends where the next begins, and the beginning counts.
    std::ranges::sort(changes, {}, [](const zone_segment& s) { return std::pair(s.begin_s, s.is_dst); });
    std::vector<zone_segment> out;
    // South of the equator the year begins in daylight-saving time.
    const bool begins_in_dst = !changes.empty() && !changes.front().is_dst;
    out.push_back({zone_rules::far_past_s, begins_in_dst ? rule.dst_offset_s : rule.standard_offset_s, begins_in_dst});
    for (const zone_segment& change : changes) {
        if (out.back().begin_s == change.begin_s)
            out.back() = change;
        else
            out.push_back(change);
    }
    return out;
}

struct tzif_counts {
    std::uint32_t ut_indicators = 0;
    std::uint32_t standard_indicators = 0;
    std::uint32_t leap_seconds = 0;
    std::uint32_t times = 0;
    std::uint32_t types = 0;
    std::uint32_t name_bytes = 0;
};

class tzif_reader {
public:
    tzif_reader(std::string_view name, std::string_view bytes) : name_(name), rest_(bytes) {}

    result<std::vector<zone_segment>> read() {
        AIVP_TRY(tzif_counts counts, read_header());
        std::size_t time_bytes = 4;
        if (version_ != '\0') {
            AIVP_CHECK(skip(data_bytes(counts, 4)));
            AIVP_TRY(counts, read_header());
            time_bytes = 8;
        }
        AIVP_TRY(std::vector<zone_segment> segments, read_data(counts, time_bytes));
        if (version_ == '\0') return segments;
        AIVP_CHECK(append_footer(segments));
        return segments;
    }

private:
    std::unexpected<error> broken(const char* what) const {
        return fail(errc::config_zone, "the data of time zone " + std::string(name_) + " is damaged: " + what, {},
                    "Reinstall the time-zone data (Debian: apt install --reinstall tzdata).");
    }

    static std::uint64_t big_endian(std::string_view bytes) {
        std::uint64_t value = 0;
        for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }

    static std::uint64_t data_bytes(const tzif_counts& c, std::uint64_t time_bytes) {
        return std::uint64_t{c.times} * (time_bytes + 1) + std::uint64_t{c.types} * 6 + c.name_bytes +
               std::uint64_t{c.leap_seconds} * (time_bytes + 4) + c.standard_indicators + c.ut_indicators;
    }

    result<void> skip(std::uint64_t bytes) {
        if (bytes > rest_.size()) return broken("it ends too early");
        rest_.remove_prefix(bytes);
        return {};
    }

    result<tzif_counts> read_header() {
        constexpr std::size_t header_bytes = 44;
        if (rest_.size() < header_bytes) return broken("it ends too early");
        if (!rest_.starts_with("TZif")) return broken("it is not a TZif file");
        version_ = rest_[4];
        if (version_ != '\0' && (version_ < '2' || version_ > '4')) return broken("its version is not known");
        std::uint32_t numbers[6];
        for (std::size_t i = 0; i < 6; ++i)
            numbers[i] = static_cast<std::uint32_t>(big_endian(rest_.substr(20 + 4 * i, 4)));
        rest_.remove_prefix(header_bytes);
        return tzif_counts{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    }

    result<std::vector<zone_segment>> read_data(const tzif_counts& counts, std::size_t time_bytes) {
        const std::uint64_t total = data_bytes(counts, time_bytes);
        if (total > rest_.size()) return broken("it ends too early");
        if (counts.types == 0) return broken("it has no local time types");
        if (counts.leap_seconds != 0)
            return fail(errc::config_zone, "the data of time zone " + std::string(name_) + " counts leap seconds", {},
                        "Use the zone's name without the folder right/.");
        const std::string_view indices = rest_.substr(std::size_t{counts.times} * time_bytes, counts.times);
        const std::string_view types =
            rest_.substr(std::size_t{counts.times} * (time_bytes + 1), std::size_t{counts.types} * 6);
        std::vector<zone_segment> segments;
        segments.push_back(type_at(types, 0, zone_rules::far_past_s));
        for (std::size_t i = 0; i < counts.times; ++i) {
            const std::uint64_t raw = big_endian(rest_.substr(i * time_bytes, time_bytes));
            const std::int64_t at_s = time_bytes == 4 ? static_cast<std::int32_t>(raw) : static_cast<std::int64_t>(raw);
            const auto type = static_cast<unsigned char>(indices[i]);
            if (type >= counts.types) return broken("a change refers to a local time type that is not there");
            const zone_segment segment = type_at(types, type, at_s);
            if (at_s < tzif_begin_s_min)
                segments = {{zone_rules::far_past_s, segment.offset_s, segment.is_dst}};
            else
                segments.push_back(segment);
        }
        rest_.remove_prefix(total);
        return segments;
    }

    static zone_segment type_at(std::string_view types, std::size_t index, std::int64_t at_s) {
        const std::string_view bytes = types.substr(index * 6, 6);
        return {at_s, static_cast<std::int32_t>(static_cast<std::uint32_t>(big_endian(bytes.substr(0, 4)))),
                bytes[4] != '\0'};
    }

    result<void> append_footer(std::vector<zone_segment>& segments) {
        if (rest_.size() < 2 || rest_.front() != '\n') return broken("its rule for the future is missing");
        rest_.remove_prefix(1);
        const std::string_view rule = rest_.substr(0, rest_.find('\n'));
        if (rule.size() == rest_.size()) return broken("its rule for the future is cut off");
        if (rule.empty()) return {};
        if (segments.size() == 1) {
            // Without a change the rule holds for all time.
            AIVP_TRY(segments, expand_posix_tz(rule, tzif_rule_year_min, schedule_year_max));
            return {};
        }
        const std::int64_t last_s = segments.back().begin_s;
        if (last_s >= days_from_civil({schedule_year_max, 1, 1}) * seconds_per_day) return {};
        const std::int32_t year_last = civil_from_days(floor_div(last_s, seconds_per_day)).year;
        AIVP_TRY(const std::vector<zone_segment> future, expand_posix_tz(rule, year_last - 1, schedule_year_max));
        for (const zone_segment& s : future)
            if (s.begin_s > last_s) segments.push_back(s);
        return {};
    }

    std::string_view name_;
    std::string_view rest_;
    char version_ = '\0';
};

} // namespace

result<std::vector<zone_segment>> expand_posix_tz(std::string_view rule, std::int32_t year_first,
                                                  std::int32_t year_last) {
    posix_rule parsed;
    if (!posix_reader(rule).read(parsed)) {
        std::string shown;
        for (const char c : rule.substr(0, 80)) shown += c >= ' ' && c < '\x7f' ? c : '?';
        return fail(errc::config_zone, "the POSIX time-zone rule \"" + shown + "\" is not understood");
    }
    return expand_rule(parsed, year_first, year_last);
}

result<zone_rules> parse_tzif(std::string_view name, std::string_view bytes) {
    AIVP_TRY(std::vector<zone_segment> segments, tzif_reader(name, bytes).read());
    return zone_rules::make(std::string(name), std::move(segments));
}

} // namespace aivp
