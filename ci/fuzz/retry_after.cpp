// Headers from a server: any text gives either no wait or one within bounds, whatever the order and the case of the names.
#include "aivp/reliability/retry_after.hpp"
#include "ci/fuzz/fuzz.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace {

using aivp::header_view;

std::vector<header_view> headers_of(std::string_view text) {
    std::vector<header_view> headers;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const std::size_t colon = line.find(':');
        if (colon != std::string_view::npos) headers.push_back({line.substr(0, colon), line.substr(colon + 1)});
    }
    return headers;
}

void check_hint(const std::optional<aivp::retry_after_hint>& hint) {
    if (!hint) return;
    fuzz::require(hint->wait >= aivp::duration{} && hint->wait <= aivp::retry_after_max, "a wait is within its bounds");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 8 || size > 4096) return 0;
    aivp::instant now;
    std::memcpy(&now.us, data, sizeof now.us);
    const std::string_view text = fuzz::as_text(data + 8, size - 8);

    std::vector<header_view> headers = headers_of(text);
    const auto found = aivp::find_retry_after(headers, now);
    check_hint(found);
    std::ranges::reverse(headers);
    const auto reversed = aivp::find_retry_after(headers, now);
    fuzz::require(reversed.has_value() == found.has_value() && (!found || reversed->wait == found->wait),
                  "the order of the headers makes no difference to the wait");
    std::vector<std::string> names;
    for (const header_view& h : headers) {
        names.emplace_back(h.name);
        for (char& c : names.back())
            if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    for (std::size_t i = 0; i < headers.size(); ++i) headers[i].name = names[i];
    fuzz::require(aivp::find_retry_after(headers, now) == reversed, "the case of a name makes no difference");

    check_hint(aivp::parse_retry_after(text, now));
    check_hint(aivp::parse_reset(text, now));
    if (const auto d = aivp::parse_reset_duration(text))
        fuzz::require(*d >= aivp::days(-1000) && *d <= aivp::days(1000), "a duration is within its bounds");
    if (const auto date = aivp::parse_http_date(text, now)) {
        fuzz::require(*date >= aivp::parse_instant("0000-01-01T00:00:00Z").value(), "a date has a year of four digits");
        const auto hint = aivp::parse_retry_after(text, now);
        fuzz::require(hint && (hint->clamped || now + hint->wait == *date), "the wait ends at the date");
    }
    (void)aivp::find_should_retry(headers);
    return 0;
}
