#include "aivp/schedule/trigger.hpp"

#include <limits>
#include <utility>

namespace aivp {
namespace {

std::optional<instant> next_of(const interval_schedule& s, instant after) {
    if (s.every.us <= 0) return std::nullopt;
    // 128 bits: the distance between two instants can exceed 64.
    __extension__ using wide = __int128;
    const wide passed = static_cast<wide>(after.us) - s.anchor.us;
    const wide count = passed < 0 ? 1 : passed / s.every.us + 1;
    const wide next = static_cast<wide>(s.anchor.us) + count * s.every.us;
    if (next > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return instant{static_cast<std::int64_t>(next)};
}

std::optional<instant> next_of(const cron_schedule& s, instant after) {
    return next_after(s.spec, s.zone, after, s.since);
}

std::optional<instant> next_of(const once_schedule& s, instant after) {
    return s.at > after ? std::optional(s.at) : std::nullopt;
}

std::optional<instant> next_of(const manual_schedule&, instant) { return std::nullopt; }

std::optional<instant> next_of(const event_schedule&, instant) { return std::nullopt; }

std::string text_of(const interval_schedule& s) {
    return "every " + to_string(s.every) + " from " + to_string(s.anchor);
}

std::string text_of(const cron_schedule& s) {
    std::string out = "cron " + to_string(s.spec) + " in " + s.zone.name();
    if (s.since != instant::min()) out += " from " + to_string(s.since);
    if (s.spec.options.dst != dst_policy{}) out += " " + to_string(s.spec.options.dst);
    if (s.spec.options.days != day_rule::either) out += " days=both";
    return out;
}

std::string text_of(const once_schedule& s) { return "once " + to_string(s.at); }

std::string text_of(const manual_schedule&) { return "manual"; }

std::string text_of(const event_schedule& s) { return "event " + s.event_type; }

} // namespace

std::optional<instant> next_fire(const schedule& s, instant after) {
    return std::visit([after](const auto& kind) { return next_of(kind, after); }, s);
}

std::string to_string(const schedule& s) {
    return std::visit([](const auto& kind) { return text_of(kind); }, s);
}

schedule to_schedule(const cron_expression& expression, const zone_rules& zone, instant activation) {
    if (const duration* every = std::get_if<duration>(&expression.when)) return interval_schedule{*every, activation};
    return cron_schedule{std::get<cron_spec>(expression.when), zone, activation};
}

} // namespace aivp
