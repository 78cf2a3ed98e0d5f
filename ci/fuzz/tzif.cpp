// Any bytes either are refused or give a zone that can be stored, read back and asked.
#include "aivp/schedule/tzif.hpp"
#include "ci/fuzz/fuzz.hpp"

namespace {

void check(const aivp::zone_rules& zone) {
    const auto again = aivp::zone_rules::parse(zone.text());
    fuzz::require(again && *again == zone, "the text of a zone means the same");
    for (const aivp::zone_segment& s : zone.segments().last(zone.segments().size() > 4 ? 4 : 1)) {
        if (s.begin_s == aivp::zone_rules::far_past_s || s.begin_s > 9'000'000'000'000 ||
            s.begin_s < -9'000'000'000'000)
            continue;
        const aivp::instant t{s.begin_s * 1'000'000};
        const auto utc = zone.to_utc(zone.to_local(t));
        fuzz::require(utc.kind != aivp::local_kind::gap, "what a clock shows is no gap");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = fuzz::as_text(data, size);
    if (const auto zone = aivp::parse_tzif("Z", bytes)) check(*zone);
    if (const auto zone = aivp::zone_rules::parse(bytes)) check(*zone);
    if (const auto segments = aivp::expand_posix_tz(bytes, 1970, 2030)) {
        const auto zone = aivp::zone_rules::make("Z", *segments);
        fuzz::require(zone.has_value(), "a rule that is understood gives a zone");
        check(*zone);
    }
    return 0;
}
