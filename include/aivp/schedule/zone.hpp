// A time zone as a value: the offsets from UTC and when they change, complete up to the end of the schedule horizon. The
// engine never asks the system about time zones; an adapter loads the rules once, and their hash goes into the snapshot
// of a run, so that a replay on a machine with other time-zone data cannot differ silently.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/hash.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

/// Schedules are computed up to the end of this year; the rules of every zone are expanded to it.
inline constexpr std::int32_t schedule_year_max = 2199;

/// A reading of a zone's wall clock: seconds since that clock showed 1970-01-01T00:00:00, as if it had never been changed.
struct local_time {
    std::int64_t s = 0;

    friend constexpr auto operator<=>(const local_time&, const local_time&) = default;
};

/// A stretch of time with one offset. It ends where the next segment begins.
struct zone_segment {
    std::int64_t begin_s = 0;  ///< UTC, seconds since 1970; zone_rules::far_past_s in the first segment
    std::int32_t offset_s = 0; ///< local = UTC + offset; within +-26 hours
    bool is_dst = false;

    friend bool operator==(const zone_segment&, const zone_segment&) = default;
};

enum class local_kind : std::uint8_t {
    unique, ///< the clock shows this once
    gap,    ///< never: it is set forward across this time
    fold,   ///< twice (or more often): it is set back across this time
};

/// What a local time is in UTC. unique: both equal. fold: the first and the last pass. gap: the time as read with the
/// offset after the change (`first`, before the change) and with the offset before it (`second`, after the change).
struct utc_of_local {
    local_kind kind = local_kind::unique;
    instant first;
    instant second;

    friend bool operator==(const utc_of_local&, const utc_of_local&) = default;
};

/// Immutable and shared: copying one copies a pointer. Safe to read from any thread.
class zone_rules {
public:
    /// Stand for "always": sums with any offset stay far from overflow.
    static constexpr std::int64_t far_past_s = -1'000'000'000'000'000;
    static constexpr std::int64_t far_future_s = 1'000'000'000'000'000;

    /// UTC.
    zone_rules();
    static zone_rules utc() { return {}; }

    /// `segments` in ascending order, the first at far_past_s; neighbours with equal offset and is_dst are merged. `name`:
    /// 1 to 64 printable ASCII characters without space. Errors: config.zone.
    static result<zone_rules> make(std::string name, std::vector<zone_segment> segments);
    /// Reads what text() writes. Errors: config.zone.
    static result<zone_rules> parse(std::string_view text);

    const std::string& name() const { return rep_->name; }
    /// At least one.
    std::span<const zone_segment> segments() const { return rep_->segments; }
    /// Index of the segment that holds this second of UTC.
    std::size_t segment_at(std::int64_t utc_s) const;
    /// Where segment `index` ends (exclusive); far_future_s for the last.
    std::int64_t segment_end_s(std::size_t index) const {
        return index + 1 < rep_->segments.size() ? rep_->segments[index + 1].begin_s : far_future_s;
    }

    /// Seconds east of UTC.
    std::int32_t offset_at(instant t) const;
    bool is_dst_at(instant t) const;
    /// Fractions of a second are dropped (rounded down).
    local_time to_local(instant t) const;
    utc_of_local to_utc(local_time t) const;

    /// The canonical form: the name, then one line a segment "<begin_s> <offset_s> <0|1>" ("-" for the first begin). A tape
    /// that stores it can be replayed where this zone is not known.
    std::string text() const;
    /// SHA-256 of text().
    const digest& hash() const { return rep_->hash; }

    friend bool operator==(const zone_rules& a, const zone_rules& b) {
        return a.rep_ == b.rep_ || a.rep_->hash == b.rep_->hash;
    }

private:
    struct rep {
        std::string name;
        std::vector<zone_segment> segments;
        digest hash;
    };
    explicit zone_rules(std::shared_ptr<const rep> r) : rep_(std::move(r)) {}
    std::shared_ptr<const rep> rep_;
};

/// "2026-03-29T02:30:00", without an offset.
std::string to_string(local_time t);

} // namespace aivp
