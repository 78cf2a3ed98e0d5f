// Any text either is refused or has a canonical expression; the next time lies in the future and matches the fields.
#include "aivp/schedule/cron.hpp"
#include "ci/fuzz/fuzz.hpp"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 4) return 0;
    std::uint32_t seconds = 0;
    std::memcpy(&seconds, data, sizeof seconds);
    const aivp::instant after{static_cast<std::int64_t>(seconds) * 1'000'000};
    const auto text = fuzz::as_text(data + 4, size - 4);

    (void)aivp::parse_cron(text);
    const auto spec = aivp::parse_cron_fields(text);
    if (!spec) return 0;
    const auto again = aivp::parse_cron_fields(aivp::to_string(*spec), spec->options);
    fuzz::require(again && *again == *spec, "the canonical expression means the same");
    if (const auto next = aivp::next_after(*spec, aivp::zone_rules::utc(), after)) {
        fuzz::require(*next > after, "the next time lies after the given one");
        fuzz::require(aivp::matches(*spec, {next->us / 1'000'000}), "the next time matches the fields");
    }
    return 0;
}
