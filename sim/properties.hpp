// Properties that hold in every run of every agent, whatever happens. The checker watches the driver; a property that was
// never put to the test is reported as such.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/engine/driver.hpp"

namespace aivp::sim {

enum class property_id : std::uint8_t {
    effect_at_most_once_per_key,
    effect_intent_committed_first,
    grant_nothing_outside,
    cap_skill_calls,
    cap_model_turns,
    budget_overrun_at_most_one_call,
    single_flight_per_agent,
    trigger_ends_with_a_reason,
    time_never_runs_back,
    journal_chain_verifies,
    secret_never_leaves,
};
inline constexpr std::size_t property_count = 11;

struct property_info {
    property_id id;
    std::string_view name; ///< "effect.at_most_once_per_key"
    std::string_view text;
};
const property_info& info(property_id p);
/// In the order of the enum.
const std::vector<property_info>& property_table();
/// nullptr when unknown.
const property_info* find_property(std::string_view name);

struct violation {
    property_id property;
    seq_no seq; ///< the input at which it showed
    instant at;
    std::string expected;
    std::string actual;
};

/// Bounded: keeps the first violation of each property and counts the rest.
class property_checker final : public driver_observer {
public:
    /// Values that must not appear in any journal line.
    void watch_secret(std::string value) { secrets_.push_back(std::move(value)); }
    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record& record) override;
    void performing(const engine_effect& effect) override;
    /// A new process goes on from this state. What was performed before stays performed.
    void restart(const recovered_state& found);
    /// Once nothing more can happen (`quiet`): accepted triggers must have ended. Reads the whole journal back.
    void conclude(const engine_state& state, store_port& journal, bool quiet);

    const std::vector<violation>& violations() const { return violations_; }
    std::uint64_t violation_count() const { return violation_count_; }
    /// How often a property was put to the test.
    std::uint64_t checked(property_id p) const { return checked_[static_cast<std::size_t>(p)]; }

private:
    struct run_watch {
        std::vector<std::uint64_t> open_intents; ///< call numbers with an intent and no outcome
        std::vector<std::pair<std::uint64_t, std::uint64_t>>
            keys;              ///< call and first 64 bits of its key, while it is open
        snapshot_ptr snapshot; ///< null until the run has started
        // Counted from the events, not taken from the engine's own counters.
        std::uint32_t skill_calls = 0;
        std::uint32_t model_turns = 0;
        std::int64_t spent = 0;
        std::int64_t largest_call = 0;
    };
    void report(property_id p, std::string expected, std::string actual);
    void count(property_id p) { ++checked_[static_cast<std::size_t>(p)]; }
    void watch(const engine_event& event, const engine_state& after, bool recovering);
    void resent(const call_resent& e, const engine_state& after, bool recovering);
    void intended(run_id run, call_id call, bool model);
    void settled(run_id run, call_id call, usd_micros cost, bool unknown);

    /// Membership of 64-bit values, open addressing: an insert is a probe or two and no allocation.
    class value_set {
    public:
        /// False when it was there.
        bool insert(std::uint64_t value);
        /// The table of a long simulation is larger than the caches; whoever knows early what is inserted next says so.
        void prefetch(std::uint64_t value) const { __builtin_prefetch(&slots_[value & (slots_.size() - 1)], 1); }

    private:
        void grow();
        std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(64); ///< 0 = free
        std::size_t used_ = 0;
        bool has_zero_ = false;
    };

    run_watch& watch_of(run_id run);

    std::map<run_id, run_watch> runs_;
    run_watch* last_watch_ = nullptr; ///< of last_run_: most events are about the run of the event before
    run_id last_run_;
    value_set keys_performed_;                ///< first 64 bits of each key
    std::vector<std::uint64_t> unknown_keys_; ///< of effects of which nobody knows: these may be sent once more
    std::vector<std::string> secrets_;
    std::vector<violation> violations_;
    std::uint64_t violation_count_ = 0;
    std::uint64_t checked_[property_count] = {};
    std::uint64_t accepted_ = 0;
    std::uint64_t finished_ = 0;
    seq_no seq_;
    instant at_;
};

} // namespace aivp::sim
