// Finds the recorded answer to a live request: by content, never by position. Repeats of one request are answered in the
// order in which they were recorded, separately for each lane. What has no recorded answer is a miss, and a miss says
// which recorded request is nearest and where it differs.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/tape/tape.hpp"

namespace aivp {

inline constexpr std::size_t tape_miss_differences_max = 8;

/// The recorded request that is most like one that was missed.
struct tape_nearest_request {
    seq_no seq;
    bool used = false; ///< it has answered another request
    std::string what;
    std::uint32_t differing = 0;          ///< leaves that differ, counted up to a bound
    std::uint32_t differing_messages = 0; ///< model calls: of the history
    std::uint32_t messages = 0;           ///< model calls: length of the longer history
    /// Recorded on the left, live on the right; at most tape_miss_differences_max. Pointers into
    /// {"messages":[…],"model":…,"params":…,"tools":…}, {"args":…,"skill":…} or {"text":…}.
    std::vector<json_difference> differences;
};

/// A request without an answer.
struct tape_miss {
    tape_kind kind = tape_kind::model_call;
    std::string lane;
    std::uint32_t step = 0; ///< the how-manieth request of its kind in this lane, from 1
    std::string what;       ///< the model's name, the skill's id, or empty
    digest key;
    std::optional<tape_nearest_request> nearest; ///< nullopt when the lane has none of its kind
};

/// Several lines for people, without a final newline.
std::string to_string(const tape_miss& m);
/// tape.miss with the text above as message.
error to_error(const tape_miss& m);

/// What a live model request is matched by.
struct tape_model_request {
    std::string_view model;
    payload params;
    payload tools;
    history messages;
};

/// A value: a copy has its own memory of what was used, and shares the index. Lookups are O(log n). Not thread-safe.
class tape_matcher {
public:
    using answer = std::expected<const tape_event*, tape_miss>;

    /// `events` are shared with the tape's owner by the caller's choice: they must outlive the matcher and its copies.
    explicit tape_matcher(const std::vector<tape_event>& events);

    answer model(std::string_view lane, const tape_model_request& request);
    answer skill(std::string_view lane, std::string_view skill, const payload& arguments);
    answer user(std::string_view lane, const payload& text);

    /// Recorded requests that were not asked for, in order of recording.
    std::vector<seq_no> unused() const;
    std::uint64_t recorded(tape_kind k) const;
    std::uint64_t used(tape_kind k) const;

private:
    struct entry {
        std::uint32_t lane = 0;
        tape_kind kind = tape_kind::model_call;
        digest key;
        std::uint32_t event = 0; ///< index into events
        friend auto operator<=>(const entry&, const entry&) = default;
    };
    struct index {
        const std::vector<tape_event>* events = nullptr;
        std::vector<std::string> lanes; ///< sorted
        std::vector<entry> entries;     ///< sorted
        std::uint64_t recorded[6] = {};
    };

    std::optional<std::uint32_t> find_lane(std::string_view lane) const;
    const tape_event* take(std::string_view lane, tape_kind kind, const digest& key);
    std::uint32_t count_request(std::string_view lane, tape_kind kind);
    template <class Distance>
    void find_nearest(tape_miss& m, Distance distance) const;

    std::shared_ptr<const index> index_;
    std::vector<std::uint32_t> next_; ///< at the first entry of a key: how many of it were used
    std::vector<bool> used_;          ///< by event
    std::uint64_t used_count_[6] = {};
    struct lane_count {
        std::string lane;
        tape_kind kind;
        std::uint32_t requests;
    };
    std::vector<lane_count> requests_;
};

/// How a replay went.
struct tape_verdict {
    std::uint64_t matched = 0; ///< model turns and skill calls
    std::uint64_t matched_model = 0;
    std::uint64_t matched_skill = 0;
    std::uint64_t matched_user = 0;
    std::uint64_t missed = 0;
    std::uint64_t unused = 0;
    std::vector<seq_no> unused_events;
    std::vector<tape_miss> misses; ///< the first ones
    bool clean() const { return missed == 0 && unused == 0 && matched + matched_user > 0; }
};

/// Errors: tape.miss (the first one), tape.empty (nothing was asked and nothing recorded), tape.unused.
result<void> check(const tape_verdict& v);

} // namespace aivp
