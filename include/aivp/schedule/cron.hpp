// Cron expressions: parsed once into bit sets, then asked for the next time. The search jumps from field to field and from
// one change of the clock to the next; it never ticks. docs/schedule.md has the grammar, the DST rules and how they
// compare with other implementations.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"
#include "aivp/schedule/zone.hpp"

namespace aivp {

/// What happens to a time that the clock jumps over.
enum class gap_rule : std::uint8_t {
    skip,  ///< nothing fires
    shift, ///< it fires as much later as the clock jumps: 02:30 becomes 03:30
    after, ///< it fires once, at the first second after the jump
};

/// What happens to a time that the clock shows twice.
enum class fold_rule : std::uint8_t {
    first, ///< it fires in the first pass; in the second only when the schedule begins during the second
    last,  ///< it fires in the second pass
    both,
};

/// Which jobs keep to elapsed time across a change of the clock: for those, what is jumped over is skipped and what comes
/// twice fires twice, whatever the two rules above say.
enum class steady_rule : std::uint8_t {
    hourly, ///< those whose hour field holds every hour: a job for every hour has a run in every hour that passes
    none,
};

struct dst_policy {
    gap_rule gap = gap_rule::shift;
    fold_rule fold = fold_rule::first;
    steady_rule steady = steady_rule::hourly;

    friend bool operator==(const dst_policy&, const dst_policy&) = default;
    /// The behaviour of Go's robfig/cron.
    static constexpr dst_policy robfig() { return {gap_rule::skip, fold_rule::both, steady_rule::none}; }
};

/// How day-of-month and day-of-week combine when neither is `*` or `?`. (When one of them is, the other decides.)
enum class day_rule : std::uint8_t { either, both };

struct cron_options {
    dst_policy dst;
    day_rule days = day_rule::either;

    friend bool operator==(const cron_options&, const cron_options&) = default;
};

inline constexpr std::int32_t cron_year_min = 1970;
inline constexpr std::size_t cron_text_bytes_max = 1024;

/// A parsed expression: a value of 88 bytes, no pointers. Bit n of a set = the value n is in it. Made by parse_cron;
/// every set that a field has must keep at least one bit.
struct cron_spec {
    std::uint64_t seconds = 1;                  ///< bits 0..59
    std::uint64_t minutes = 0;                  ///< bits 0..59
    std::uint32_t hours = 0;                    ///< bits 0..23
    std::uint32_t month_days = 0;               ///< bits 1..31
    std::uint32_t month_days_before_last = 0;   ///< bit n: n days before the last day (L = bit 0)
    std::uint32_t month_days_weekday = 0;       ///< bit n: the Monday..Friday nearest to day n within its month (nW)
    std::uint16_t months = 0;                   ///< bits 1..12
    std::uint8_t weekdays = 0;                  ///< bits 0 = Sunday .. 6 = Saturday
    std::uint8_t weekdays_last = 0;             ///< the last such day of the month (5L)
    std::array<std::uint8_t, 5> weekdays_nth{}; ///< [n-1]: the n-th such day of the month (5#2)
    bool last_weekday = false;                  ///< the last Monday..Friday of the month (LW)
    bool every_hour = false;                    ///< the hour field is `*`, or says the same
    bool every_month_day = false;               ///< `*` or `?`
    bool every_weekday = false;                 ///< `*` or `?`
    bool every_year = true;
    std::array<std::uint64_t, 4> years{}; ///< bit n = cron_year_min + n; unused when every_year
    cron_options options;

    friend bool operator==(const cron_spec&, const cron_spec&) = default;
};

/// An expression with what its text says beside the fields.
struct cron_expression {
    std::string zone;                       ///< of a TZ= or CRON_TZ= prefix; empty when there is none. Not looked up.
    std::variant<cron_spec, duration> when; ///< fields, or the duration of `@every`
    friend bool operator==(const cron_expression&, const cron_expression&) = default;
};

/// Five fields (minute hour day-of-month month day-of-week), six (seconds first) or seven (years last too); or @hourly,
/// @daily, @midnight, @weekly, @monthly, @yearly, @annually, @every <duration>. Optional prefix TZ=<zone> or CRON_TZ=<zone>.
/// Errors, with line 1 and the column in `text`: cron.syntax, cron.range.
result<cron_expression> parse_cron(std::string_view text, const cron_options& options = {});
/// The same for texts that must be fields without prefix. Errors: also cron.syntax for a zone or an @every.
result<cron_spec> parse_cron_fields(std::string_view text, const cron_options& options = {});

/// The canonical expression: parse_cron_fields(to_string(s), s.options) == s. Options are not part of the text.
std::string to_string(const cron_spec& spec);
/// "gap=shift fold=first steady=hourly".
std::string to_string(const dst_policy& policy);

/// The first time strictly after `after` at which `spec` fires in `zone`; whole seconds. nullopt when there is none before
/// the end of schedule_year_max (which is further than any pattern of the calendar needs to come round). `since`: when the
/// schedule begins, at or before `after`; it matters to fold_rule::first alone. For one `since`, a later `after` never
/// gives an earlier answer.
std::optional<instant> next_after(const cron_spec& spec, const zone_rules& zone, instant after,
                                  instant since = instant::min());

/// Fails when a schedule that begins at `from` never fires, as with 31 April. Errors: cron.never.
result<void> check_fires(const cron_spec& spec, const zone_rules& zone, instant from);

/// True when the fields match this reading of a clock (DST rules do not matter here).
bool matches(const cron_spec& spec, local_time t);

} // namespace aivp
