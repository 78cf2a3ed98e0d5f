#include "aivp/schedule/zone.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "aivp/schedule/civil.hpp"

namespace aivp {
namespace {

constexpr std::int32_t zone_offset_s_max = 26 * 3600;
// Offsets change a few times a year at most; a list longer than this is not a time zone.
constexpr std::size_t zone_segments_max = 8192;

std::int64_t floor_seconds(instant t) { return floor_div(t.us, 1'000'000); }

instant from_seconds(std::int64_t s) {
    constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max() / 1'000'000;
    if (s > limit) return instant::max();
    if (s < -limit) return {std::numeric_limits<std::int64_t>::min()};
    return {s * 1'000'000};
}

bool is_zone_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string write_zone(std::string_view name, std::span<const zone_segment> segments) {
    std::string out(name);
    for (const zone_segment& s : segments) {
        out += '\n';
        out += s.begin_s == zone_rules::far_past_s ? "-" : std::to_string(s.begin_s);
        out += ' ' + std::to_string(s.offset_s) + (s.is_dst ? " 1" : " 0");
    }
    return out;
}

template <class Int>
bool read_zone_number(std::string_view text, Int& value) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failure == std::errc{} && end == text.data() + text.size();
}

bool read_zone_line(std::string_view line, bool first, zone_segment& segment) {
    const std::size_t gap = line.find(' ');
    if (gap == line.npos || line.size() < gap + 4 || line[line.size() - 2] != ' ') return false;
    const std::string_view begin = line.substr(0, gap);
    const char dst = line.back();
    if (dst != '0' && dst != '1') return false;
    segment.is_dst = dst == '1';
    if (first) {
        if (begin != "-") return false;
        segment.begin_s = zone_rules::far_past_s;
    } else if (!read_zone_number(begin, segment.begin_s)) {
        return false;
    }
    return read_zone_number(line.substr(gap + 1, line.size() - gap - 3), segment.offset_s);
}

} // namespace

zone_rules::zone_rules() {
    static const std::shared_ptr<const rep> shared = [] {
        auto r = std::make_shared<rep>();
        r->name = "UTC";
        r->segments = {{far_past_s, 0, false}};
        r->hash = sha256(write_zone(r->name, r->segments));
        return r;
    }();
    rep_ = shared;
}

result<zone_rules> zone_rules::make(std::string name, std::vector<zone_segment> segments) {
    if (!is_zone_name(name))
        return fail(errc::config_zone, "a time zone's name must be 1 to 64 printable characters without spaces");
    if (segments.empty() || segments.front().begin_s != far_past_s)
        return fail(errc::config_zone, "time zone " + name + ": its first offset must hold from the beginning of time");
    if (segments.size() > zone_segments_max)
        return fail(errc::config_zone, "time zone " + name + " has too many changes");
    std::vector<zone_segment> kept;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const zone_segment& s = segments[i];
        if (s.offset_s < -zone_offset_s_max || s.offset_s > zone_offset_s_max)
            return fail(errc::config_zone, "time zone " + name + ": an offset is beyond 26 hours");
        if (i > 0 && (s.begin_s <= segments[i - 1].begin_s || s.begin_s >= far_future_s))
            return fail(errc::config_zone, "time zone " + name + ": its changes are not in ascending order");
        if (kept.empty() || kept.back().offset_s != s.offset_s || kept.back().is_dst != s.is_dst) kept.push_back(s);
    }
    auto r = std::make_shared<rep>();
    r->hash = sha256(write_zone(name, kept));
    r->name = std::move(name);
    r->segments = std::move(kept);
    return zone_rules(std::move(r));
}

result<zone_rules> zone_rules::parse(std::string_view text) {
    std::size_t end = text.find('\n');
    std::string name(text.substr(0, end));
    std::vector<zone_segment> segments;
    while (end != text.npos) {
        text.remove_prefix(end + 1);
        end = text.find('\n');
        zone_segment segment;
        if (segments.size() >= zone_segments_max || !read_zone_line(text.substr(0, end), segments.empty(), segment))
            return fail(errc::config_zone, "line " + std::to_string(segments.size() + 2) +
                                               " of a stored time zone is not as it was written");
        segments.push_back(segment);
    }
    return make(std::move(name), std::move(segments));
}

std::size_t zone_rules::segment_at(std::int64_t utc_s) const {
    const std::vector<zone_segment>& all = rep_->segments;
    const auto next = std::upper_bound(all.begin() + 1, all.end(), utc_s,
                                       [](std::int64_t s, const zone_segment& segment) { return s < segment.begin_s; });
    return static_cast<std::size_t>(next - all.begin()) - 1;
}

std::int32_t zone_rules::offset_at(instant t) const { return rep_->segments[segment_at(floor_seconds(t))].offset_s; }

bool zone_rules::is_dst_at(instant t) const { return rep_->segments[segment_at(floor_seconds(t))].is_dst; }

local_time zone_rules::to_local(instant t) const { return {floor_seconds(t) + offset_at(t)}; }

utc_of_local zone_rules::to_utc(local_time t) const {
    t.s = std::clamp(t.s, far_past_s / 2, far_future_s / 2);
    const std::vector<zone_segment>& all = rep_->segments;
    bool shown = false;
    utc_of_local out;
    // Only segments within 26 hours can show this time. A short one between two jumps may be passed over by both.
    for (std::size_t index = segment_at(t.s - zone_offset_s_max);
         index < all.size() && all[index].begin_s <= t.s + zone_offset_s_max; ++index) {
        const std::int64_t utc_s = t.s - all[index].offset_s;
        if (utc_s >= all[index].begin_s && utc_s < segment_end_s(index)) {
            out = {shown ? local_kind::fold : local_kind::unique, shown ? out.first : from_seconds(utc_s),
                   from_seconds(utc_s)};
            shown = true;
        } else if (!shown && utc_s < all[index].begin_s && out.kind == local_kind::unique) {
            out = {local_kind::gap, from_seconds(utc_s), from_seconds(t.s - all[index - 1].offset_s)};
        }
    }
    return out;
}

std::string zone_rules::text() const { return write_zone(rep_->name, rep_->segments); }

std::string to_string(local_time t) {
    const std::int64_t days = floor_div(t.s, seconds_per_day);
    const auto second_of_day = static_cast<std::int32_t>(t.s - days * seconds_per_day);
    const civil_day c = civil_from_days(days);
    const auto padded = [](std::int64_t value, std::size_t width) {
        std::string digits = std::to_string(value < 0 ? -value : value);
        if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
        return value < 0 ? "-" + digits : digits;
    };
    return padded(c.year, 4) + '-' + padded(c.month, 2) + '-' + padded(c.day, 2) + 'T' +
           padded(second_of_day / 3600, 2) + ':' + padded(second_of_day / 60 % 60, 2) + ':' +
           padded(second_of_day % 60, 2);
}

} // namespace aivp
