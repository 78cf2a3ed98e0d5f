// The next time of common schedules, a year of wakes, and the loading of a zone's text.
#include "aivp/schedule/trigger.hpp"
#include "aivp/schedule/tzif.hpp"
#include "ci/bench/bench.hpp"

#include <string>

namespace {

aivp::zone_rules new_york() {
    return aivp::zone_rules::make(
               "America/New_York",
               aivp::expand_posix_tz("EST5EDT,M3.2.0,M11.1.0", 1967, aivp::schedule_year_max).value())
        .value();
}

} // namespace

int main() {
    const aivp::instant start{1'767'225'600'000'000};
    const aivp::zone_rules zone = new_york();
    std::printf("cron_spec: %zu bytes, zone: %zu segments\n", sizeof(aivp::cron_spec), zone.segments().size());
    for (const char* text :
         {"* * * * *", "*/5 9-17 * * MON-FRI", "0 2 * * *", "0 0 1 * *", "0 12 LW * *", "0 0 29 2 *", "0 0 31 4 *"}) {
        const auto spec = aivp::parse_cron_fields(text).value();
        aivp::instant at = start;
        bench::measure((std::string("next_after in New York, ") + text).c_str(), [&] {
            at = aivp::next_after(spec, zone, at).value_or(start);
            bench::keep(at.us);
        });
    }
    const aivp::schedule interval = aivp::interval_schedule{aivp::minutes(10), start};
    aivp::instant at = start;
    bench::measure("next_fire of an interval", [&] {
        at = *aivp::next_fire(interval, at);
        bench::keep(at.us);
    });
    const aivp::schedule daily = aivp::cron_schedule{aivp::parse_cron_fields("30 2 * * *").value(), zone, start};
    bench::measure("a year of daily wakes", [&] {
        aivp::instant t = start;
        for (int day = 0; day < 365; ++day) t = *aivp::next_fire(daily, t);
        bench::keep(t.us);
    });
    bench::measure("parse_cron */5 9-17 * * MON-FRI",
                   [&] { bench::keep(aivp::parse_cron("*/5 9-17 * * MON-FRI").has_value()); });
    const std::string text = zone.text();
    bench::measure("zone_rules::parse", [&] { bench::keep(aivp::zone_rules::parse(text).has_value()); });
    return 0;
}
