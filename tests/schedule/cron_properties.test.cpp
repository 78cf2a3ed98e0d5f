// A second, slow implementation walks every minute of the clock; the fast one must give the same answers.
#include "aivp/schedule/cron.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>
#include <set>

#include "aivp/schedule/civil.hpp"
#include "aivp/schedule/tzif.hpp"
#include "tests/schedule/vectors.hpp"

using namespace aivp;

namespace {

/// A field as a set and as the text that says it.
struct model_field {
    std::set<std::int32_t> values;
    bool star = false;
    std::string text;

    bool has(std::int32_t value) const { return values.contains(value); }
};

model_field any_field(std::int32_t low, std::int32_t high, int star_percent) {
    model_field f;
    if (*rc::gen::inRange(0, 100) < star_percent) {
        f.star = true;
        f.text = "*";
        for (std::int32_t v = low; v <= high; ++v) f.values.insert(v);
        return f;
    }
    const int items = *rc::gen::inRange(1, 4);
    for (int i = 0; i < items; ++i) {
        const std::int32_t from = *rc::gen::inRange(low, high + 1);
        const std::int32_t to = *rc::gen::inRange(from, high + 1);
        const std::int32_t step = *rc::gen::inRange(1, std::min(high - low + 1, 7) + 1);
        if (!f.text.empty()) f.text += ',';
        f.text += std::to_string(from) + "-" + std::to_string(to) + "/" + std::to_string(step);
        for (std::int32_t v = from; v <= to; v += step) f.values.insert(v);
    }
    return f;
}

struct model_spec {
    model_field minutes, hours, days, months, weekdays;
    cron_options options;

    std::string text() const {
        return minutes.text + " " + hours.text + " " + days.text + " " + months.text + " " + weekdays.text;
    }

    bool matches(local_time t) const {
        const std::int64_t day = floor_div(t.s, seconds_per_day);
        const auto second = static_cast<std::int32_t>(t.s - day * seconds_per_day);
        const civil_day c = civil_from_days(day);
        if (second % 60 != 0 || !minutes.has(second / 60 % 60) || !hours.has(second / 3600) || !months.has(c.month))
            return false;
        const bool by_date = days.has(c.day);
        const bool by_weekday = weekdays.has(weekday_from_days(day));
        if (days.star || weekdays.star || options.days == day_rule::both) return by_date && by_weekday;
        return by_date || by_weekday;
    }

    bool steady() const { return hours.values.size() == 24 && options.dst.steady == steady_rule::hourly; }
};

cron_options any_options() {
    return {{*rc::gen::element(gap_rule::skip, gap_rule::shift, gap_rule::after),
             *rc::gen::element(fold_rule::first, fold_rule::last, fold_rule::both),
             *rc::gen::element(steady_rule::hourly, steady_rule::none)},
            *rc::gen::element(day_rule::either, day_rule::both)};
}

model_spec any_model() {
    return {any_field(0, 59, 20), any_field(0, 23, 40), any_field(1, 31, 50),
            any_field(1, 12, 70), any_field(0, 6, 50),  any_options()};
}

/// All fires in [begin, end) of the model, by looking at every minute that the clock could show.
std::set<std::int64_t> model_fires(const model_spec& spec, const zone_rules& zone, std::int64_t begin_s,
                                   std::int64_t end_s) {
    std::set<std::int64_t> out;
    const std::int64_t first = floor_div(begin_s, 60) * 60 - 2 * seconds_per_day;
    for (std::int64_t s = first; s < end_s + 2 * seconds_per_day; s += 60) {
        if (!spec.matches({s})) continue;
        const utc_of_local utc = zone.to_utc({s});
        const auto add = [&](instant t) { out.insert(t.us / 1'000'000); };
        const bool steady = spec.steady();
        if (utc.kind == local_kind::unique) add(utc.first);
        if (utc.kind == local_kind::fold) {
            if (steady || spec.options.dst.fold != fold_rule::last) add(utc.first);
            if (steady || spec.options.dst.fold != fold_rule::first) add(utc.second);
        }
        if (utc.kind == local_kind::gap && !steady) {
            if (spec.options.dst.gap == gap_rule::shift) add(utc.second);
            // The change lies where the segment of the later reading begins.
            if (spec.options.dst.gap == gap_rule::after)
                out.insert(zone.segments()[zone.segment_at(utc.second.us / 1'000'000)].begin_s);
        }
    }
    std::erase_if(out, [&](std::int64_t s) { return s < begin_s || s >= end_s; });
    return out;
}

constexpr std::int64_t window_begin_s = 1709251200; // 2024-03-01

/// A zone whose clock changes every few days by up to a day.
zone_rules any_zone() {
    std::vector<zone_segment> segments = {{zone_rules::far_past_s, 3600 * *rc::gen::inRange(-11, 12), false}};
    std::int64_t at_s = window_begin_s;
    for (int i = 0; i < 6; ++i) {
        at_s += 3 * seconds_per_day + 900 * *rc::gen::inRange(0, 500);
        const std::int32_t jump_s = *rc::gen::element(-86400, -7200, -3600, -1800, 1200, 1800, 3600, 7200, 86400);
        const std::int32_t offset_s = segments.back().offset_s + jump_s;
        if (offset_s < -50000 || offset_s > 50000) continue;
        segments.push_back({at_s, offset_s, i % 2 == 0});
    }
    return *zone_rules::make("Test/Zone", segments);
}

cron_spec spec_of(const model_spec& model) {
    const auto spec = parse_cron_fields(model.text(), model.options);
    if (!spec) RC_FAIL(to_string(spec.error()));
    return *spec;
}

void check_against_model(const model_spec& model, const zone_rules& zone, std::int64_t begin_s, std::int64_t length_s) {
    const cron_spec spec = spec_of(model);
    const std::int64_t end_s = begin_s + length_s;
    instant t{begin_s * 1'000'000 - 1};
    for (const std::int64_t expected : model_fires(model, zone, begin_s, end_s)) {
        const auto next = next_after(spec, zone, t);
        if (!next) RC_FAIL(model.text() + " ends after " + to_string(t));
        if (next->us != expected * 1'000'000)
            RC_FAIL(model.text() + " " + to_string(model.options.dst) + " after " + to_string(t) + ": " +
                    to_string(*next) + ", expected " + to_string(instant{expected * 1'000'000}) + " in " + zone.text());
        t = *next;
    }
    const auto next = next_after(spec, zone, t);
    RC_ASSERT(!next || next->us >= end_s * 1'000'000);
}

/// Expressions with everything that the grammar has.
std::string any_text() {
    const auto item = [](std::string plain, std::vector<std::string> special) {
        special.push_back(std::move(plain));
        return *rc::gen::elementOf(special);
    };
    const std::string day = item(any_field(1, 31, 30).text, {"L", "L-2", "LW", "15W", "1W,L", "?", "31W"});
    const std::string weekday = item(any_field(0, 7, 30).text, {"5L", "FRI#2", "MON-FRI", "?", "sunL,1#1", "SAT,7"});
    const std::string five = any_field(0, 59, 30).text + " " + any_field(0, 23, 30).text + " " + day + " " +
                             any_field(1, 12, 60).text + " " + weekday;
    const int fields = *rc::gen::inRange(5, 8);
    return (fields > 5 ? any_field(0, 59, 30).text + " " : "") + five +
           (fields > 6 ? " " + any_field(1970, 2199, 30).text : "");
}

} // namespace

BOOST_AUTO_TEST_SUITE(cron_properties)

RC_BOOST_PROP(the_search_finds_what_a_walk_through_every_minute_finds, ()) {
    const zone_rules zone = any_zone();
    const std::int64_t begin_s = window_begin_s + *rc::gen::inRange<std::int64_t>(0, 20 * seconds_per_day);
    check_against_model(any_model(), zone, begin_s, 8 * seconds_per_day);
}

RC_BOOST_PROP(the_search_agrees_with_the_walk_around_real_changes_of_the_clock, ()) {
    static const std::vector<zone_rules> zones = [] {
        std::vector<zone_rules> out;
        for (const char* rule : {"CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0", "NZST-12NZDT,M9.5.0,M4.1.0/3",
                                 "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "<-04>4<-03>,M9.1.6/24,M4.1.6/24",
                                 "<-02>2<-01>,M3.5.0/-1,M10.5.0/0"})
            out.push_back(*zone_rules::make(rule, *expand_posix_tz(rule, 1990, 2040)));
        return out;
    }();
    const zone_rules zone = *rc::gen::elementOf(zones);
    const zone_segment change = zone.segments()[*rc::gen::inRange<std::size_t>(1, zone.segments().size())];
    const std::int64_t begin_s = change.begin_s - *rc::gen::inRange<std::int64_t>(0, 3 * seconds_per_day);
    check_against_model(any_model(), zone, begin_s, 4 * seconds_per_day);
}

RC_BOOST_PROP(the_next_time_is_later_whole_and_never_moves_back, ()) {
    const auto spec = parse_cron_fields(any_text(), any_options());
    RC_ASSERT(spec.has_value());
    const zone_rules zone = any_zone();
    const instant early{window_begin_s * 1'000'000 +
                        *rc::gen::inRange<std::int64_t>(0, 40 * seconds_per_day * 1'000'000)};
    const instant late = early + microseconds(*rc::gen::inRange<std::int64_t>(0, 3 * seconds_per_day * 1'000'000));
    const instant since{window_begin_s * 1'000'000 +
                        *rc::gen::inRange<std::int64_t>(0, 40 * seconds_per_day * 1'000'000)};
    const instant begin = std::min(since, early);
    const auto from_early = next_after(*spec, zone, early, begin);
    const auto from_late = next_after(*spec, zone, late, begin);
    if (from_late) RC_ASSERT(from_early.has_value());
    if (!from_early) return;
    RC_ASSERT(*from_early > early);
    RC_ASSERT(from_early->us % 1'000'000 == 0);
    if (!from_late) return;
    RC_ASSERT(*from_early <= *from_late);
    if (*from_early > late) RC_ASSERT(*from_early == *from_late);
}

RC_BOOST_PROP(what_fires_matches_the_fields_unless_the_clock_jumped, ()) {
    const auto spec = parse_cron_fields(any_text(), any_options());
    RC_ASSERT(spec.has_value());
    const zone_rules zone = any_zone();
    const instant after{window_begin_s * 1'000'000 +
                        *rc::gen::inRange<std::int64_t>(0, 40 * seconds_per_day * 1'000'000)};
    const auto next = next_after(*spec, zone, after);
    if (!next || matches(*spec, zone.to_local(*next))) return;
    RC_ASSERT(spec->options.dst.gap != gap_rule::skip);
    const std::size_t index = zone.segment_at(next->us / 1'000'000);
    RC_ASSERT(index > 0u);
    const std::int32_t jump_s = zone.segments()[index].offset_s - zone.segments()[index - 1].offset_s;
    RC_ASSERT(next->us / 1'000'000 - zone.segments()[index].begin_s < jump_s);
}

RC_BOOST_PROP(the_canonical_text_means_the_same, ()) {
    const cron_options options = any_options();
    const auto spec = parse_cron_fields(any_text(), options);
    RC_ASSERT(spec.has_value());
    const auto again = parse_cron_fields(to_string(*spec), options);
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == *spec);
    RC_ASSERT(to_string(*again) == to_string(*spec));
}

RC_BOOST_PROP(any_bytes_are_an_expression_or_an_error_with_a_place, (const std::string& bytes)) {
    const auto parsed = parse_cron(bytes);
    if (parsed) return;
    RC_ASSERT((parsed.error().code == errc::cron_syntax || parsed.error().code == errc::cron_range));
    RC_ASSERT(parsed.error().where.column >= 1u);
    RC_ASSERT(parsed.error().where.column <= bytes.size() + 1);
}

RC_BOOST_PROP(local_times_of_any_zone_go_there_and_back, ()) {
    const zone_rules zone = any_zone();
    const instant t{(window_begin_s + *rc::gen::inRange<std::int64_t>(-seconds_per_day, 60 * seconds_per_day)) *
                    1'000'000};
    const utc_of_local back = zone.to_utc(zone.to_local(t));
    RC_ASSERT(back.kind != local_kind::gap);
    RC_ASSERT((back.first == t || back.second == t));
    RC_ASSERT((back.kind == local_kind::fold) == (back.first < back.second));
}

BOOST_AUTO_TEST_SUITE_END()
