// When an agent wakes up. A schedule is a value: it says the next time after any instant and nothing else; what was missed
// and what to do about it is decided elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"
#include "aivp/schedule/cron.hpp"
#include "aivp/schedule/zone.hpp"

namespace aivp {

/// Fires at anchor + n * every, n = 1, 2, ...: never at the anchor itself (its activation), never drifting.
struct interval_schedule {
    duration every; ///< > 0
    instant anchor;

    friend bool operator==(const interval_schedule&, const interval_schedule&) = default;
};

/// `since`: its activation (see next_after for cron specs); instant::min() = always active.
struct cron_schedule {
    cron_spec spec;
    zone_rules zone;
    instant since = instant::min();

    friend bool operator==(const cron_schedule&, const cron_schedule&) = default;
};

struct once_schedule {
    instant at;

    friend bool operator==(const once_schedule&, const once_schedule&) = default;
};

/// Only by hand.
struct manual_schedule {
    friend bool operator==(const manual_schedule&, const manual_schedule&) = default;
};

/// Whenever an event of this type arrives.
struct event_schedule {
    std::string event_type;

    friend bool operator==(const event_schedule&, const event_schedule&) = default;
};

using schedule = std::variant<manual_schedule, interval_schedule, cron_schedule, once_schedule, event_schedule>;

/// The first time strictly after `after`; nullopt when time alone never starts it (again), or not before the end of
/// schedule_year_max.
std::optional<instant> next_fire(const schedule& s, instant after);

/// Canonical text: "manual", "event issue.opened", "once 2026-03-01T09:00:00Z", "every 10m from 2026-03-01T09:00:00Z",
/// "cron 0 9 * * 1-5 in Europe/Berlin from 2026-03-01T09:00:00Z"; DST and day rules follow where they are not the default.
/// Equal schedules have equal texts.
std::string to_string(const schedule& s);

/// @every becomes an interval, fields become a cron schedule in `zone` (the caller has looked up the prefix); both begin at
/// `activation`.
schedule to_schedule(const cron_expression& expression, const zone_rules& zone, instant activation);

} // namespace aivp
