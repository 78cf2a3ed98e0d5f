// Time-zone files as compiled by zic (TZif, RFC 8536), from bytes. Reading the files themselves is an adapter's work.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "aivp/schedule/zone.hpp"

namespace aivp {

/// `bytes` is a whole TZif file, version 1 to 4. The POSIX rule in its footer is expanded to the end of schedule_year_max,
/// so it makes no difference whether the file was written "fat" or "slim". Files that count leap seconds are refused.
/// Errors: config.zone.
result<zone_rules> parse_tzif(std::string_view name, std::string_view bytes);

/// A POSIX TZ rule as in TZif footers: "CET-1CEST,M3.5.0,M10.5.0/3", "<+00>0", "EST5EDT,M3.2.0,M11.1.0"; changes by Mm.w.d,
/// Jn or n, at -167..167 hours. Returns the segments from far_past_s to the end of `year_last`, as if the rule had held
/// from `year_first` on. Errors: config.zone.
result<std::vector<zone_segment>> expand_posix_tz(std::string_view rule, std::int32_t year_first,
                                                  std::int32_t year_last);

} // namespace aivp
