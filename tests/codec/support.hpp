#pragma once

#include <string>
#include <string_view>

#include "aivp/schedule/zone.hpp"

namespace codec_test {

/// UTC, and Europe/Berlin as it would be without daylight-saving time: the tests need no time-zone database.
inline aivp::result<aivp::zone_rules> zones(std::string_view name) {
    if (name == "UTC") return aivp::zone_rules::utc();
    if (name == "Europe/Berlin" || name == "Asia/Tel_Aviv")
        return aivp::zone_rules::make(std::string(name), {{aivp::zone_rules::far_past_s, 3600, false}});
    return aivp::fail(aivp::errc::config_zone, "time zone `" + std::string(name) + "` is not known");
}

} // namespace codec_test
