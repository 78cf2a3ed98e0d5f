// An address that is accepted has one spelling, and that spelling means the same address; arguments stay in their place.
#include "runtime/net/url.hpp"

#include <algorithm>

#include "ci/fuzz/fuzz.hpp"
#include "runtime/net/egress.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    const auto read = aivp::parse_url(text);
    if (read) {
        const std::string again = aivp::to_string(*read);
        const auto twice = aivp::parse_url(again);
        fuzz::require(twice.has_value() && *twice == *read, "the spelling means the same address");
        fuzz::require(aivp::to_string(*twice) == again, "there is one spelling");
        fuzz::require(!read->host.empty() && read->port != 0 && read->target.starts_with('/'), "every part is there");
        fuzz::require(std::ranges::all_of(again, [](char c) { return c > 0x20 && c < 0x7f; }),
                      "it can stand in a request line");
        fuzz::require(again.find('@') == std::string::npos || again.find('@') >= again.find('/', 8),
                      "nobody's name is in it");
    } else {
        fuzz::require(read.error().code == aivp::errc::config_value, "a refusal has its code");
    }
    const auto placed = aivp::parse_url("http://h/a" + aivp::percent_encoded(text.substr(0, 4000)) + "/b?c=d");
    fuzz::require(placed.has_value() && placed->host == "h" && std::ranges::count(placed->target, '/') == 2 &&
                      std::ranges::count(placed->target, '?') == 1,
                  "an encoded text is one segment");
    if (const auto address = aivp::parse_ip(text)) {
        fuzz::require(aivp::parse_ip(aivp::to_string(*address)) == address, "an address is read back");
        aivp::is_public(*address);
    }
    return 0;
}
