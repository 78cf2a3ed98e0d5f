// Any text either is refused, with a place, or has a canonical expression; the next time lies in the future and matches
// the fields unless the clock jumped over them; a later question never gets an earlier answer.
#include "aivp/schedule/cron.hpp"
#include "aivp/schedule/tzif.hpp"
#include "ci/fuzz/fuzz.hpp"

#include <cstring>

namespace {

const aivp::zone_rules& zone_of(std::uint8_t choice) {
    static const aivp::zone_rules zones[] = {
        aivp::zone_rules::utc(),
        aivp::zone_rules::make("CET", aivp::expand_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3", 1980, 2199).value()).value(),
        aivp::zone_rules::make("LHST",
                               aivp::expand_posix_tz("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1980, 2199).value())
            .value(),
        aivp::zone_rules::make("Apia", {{aivp::zone_rules::far_past_s, -36000, false}, {1325239200, 50400, false}})
            .value(),
    };
    return zones[choice % 4];
}

aivp::cron_options options_of(std::uint8_t choice) {
    return {{static_cast<aivp::gap_rule>(choice % 3), static_cast<aivp::fold_rule>(choice / 3 % 3),
             static_cast<aivp::steady_rule>(choice / 9 % 2)},
            static_cast<aivp::day_rule>(choice / 18 % 2)};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 6) return 0;
    std::uint32_t seconds = 0;
    std::memcpy(&seconds, data, sizeof seconds);
    const aivp::instant after{static_cast<std::int64_t>(seconds) * 1'000'000};
    const aivp::zone_rules& zone = zone_of(data[4]);
    const auto text = fuzz::as_text(data + 6, size - 6);

    if (const auto parsed = aivp::parse_cron(text); !parsed) {
        fuzz::require(parsed.error().where.column >= 1 && parsed.error().where.column <= text.size() + 1,
                      "an error has a place in the text");
        return 0;
    }
    const auto spec = aivp::parse_cron_fields(text, options_of(data[5]));
    if (!spec) return 0;
    const auto again = aivp::parse_cron_fields(aivp::to_string(*spec), spec->options);
    fuzz::require(again && *again == *spec, "the canonical expression means the same");
    const auto next = aivp::next_after(*spec, zone, after);
    if (!next) return 0;
    fuzz::require(*next > after, "the next time lies after the given one");
    const bool matched = aivp::matches(*spec, zone.to_local(*next));
    fuzz::require(matched || spec->options.dst.gap != aivp::gap_rule::skip, "the next time matches the fields");
    const auto later = aivp::next_after(*spec, zone, *next - aivp::microseconds(1));
    fuzz::require(later == next, "nothing lies between");
    return 0;
}
