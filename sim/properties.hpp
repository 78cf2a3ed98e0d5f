// Properties that hold in every run of every agent, whatever happens. The checker watches the driver; a property that was
// never put to the test is reported as such.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/probe.hpp"
#include "aivp/engine/call_guard.hpp"
#include "aivp/engine/driver.hpp"
#include "mocks/ledger.hpp"
#include "sim/property/monitor.hpp"
#include "sim/retry_watch.hpp"

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
    secret_never_unasked,
    retry_within_policy,
    breaker_lets_nothing_through,
    run_no_starvation,
    timer_fires_once,
    probe_holds,
    scenario_own,
};
inline constexpr std::size_t property_count = 18;
/// A run whose calls are planned, sent and sent again so often while none of them ends is going round in circles.
inline constexpr std::uint32_t livelock_events_max = 10'000;

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
    std::string name{}; ///< as it is shown: the property's, or what the scenario calls its own
    source_pos where{}; ///< of a property of the scenario, or of a probe; else empty
};

class row_feed;

/// Bounded: keeps the first violation of each property and counts the rest.
class property_checker final : public driver_observer, public call_guard_observer, public probe_sink {
public:
    property_checker();
    ~property_checker();

    /// A value that must not appear in any journal line, and `name`, by which a grant may ask for it.
    void watch_secret(std::string value, std::string name = {}) {
        secrets_.push_back({std::move(value), std::move(name)});
    }
    /// What reaches the world is looked at too. Needs kept entries; must outlive the checker.
    void watch_world(const world_ledger& ledger) { ledger_ = &ledger; }
    /// What a scenario states of itself; must outlive the checker. At most once, before anything happens.
    void watch_own(const std::vector<scenario_property>& properties, instant start);

    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record& record) override;
    void performing(const engine_effect& effect) override;
    void asked(std::string_view dependency, instant now, errc held_back, std::optional<instant> open_until) override;
    void ended(std::string_view dependency, std::optional<instant> open_until) override;
    void violated(const probe_place& probe) override;
    /// A new process goes on from what was found in the journal. What was performed before stays performed. What the journal
    /// holds is what the agents know: where that is not what was seen being committed, the scenario's own properties and the
    /// books of retries are told it anew. Errors: those of reading the store.
    result<void> restart(const recovered_state& found, store_port& journal, snapshot_source& snapshots);
    /// Once nothing more can happen (`quiet`): accepted triggers must have ended. Reads the whole journal back.
    void conclude(const engine_state& state, store_port& journal, bool quiet);

    const std::vector<violation>& violations() const { return violations_; }
    std::uint64_t violation_count() const { return violation_count_; }
    /// How often a property was put to the test.
    std::uint64_t checked(property_id p) const { return checked_[static_cast<std::size_t>(p)]; }
    /// Of the scenario's own, in their order; empty when there are none.
    const std::vector<property_verdict>& own_verdicts() const;

private:
    /// An intent without an outcome.
    struct call_watch {
        std::uint64_t call = 0;
        const retry_policy* policy = nullptr; ///< null: it is never tried again
        instant started;
        instant due;                ///< of the attempt that is planned
        std::uint64_t key = 0;      ///< first 64 bits
        std::uint32_t attempts = 1; ///< those that were made, and the one that is planned
        bool planned = false;
        bool parked = false;
        bool performed = false; ///< under that key
    };
    struct run_watch {
        std::vector<call_watch> open;
        snapshot_ptr snapshot; ///< null until the run has started
        agent_id agent;
        // Counted from the events, not taken from the engine's own counters.
        std::uint32_t skill_calls = 0;
        std::uint32_t model_turns = 0;
        std::int64_t spent = 0;
        std::int64_t largest_call = 0;
        std::uint32_t heat = 0; ///< events since something of the run came to an end
    };
    void report(property_id p, std::string expected, std::string actual) {
        report(p, std::string(), {}, std::move(expected), std::move(actual));
    }
    void report(property_id p, std::string name, source_pos where, std::string expected, std::string actual);
    void count(property_id p, std::uint64_t times = 1) { checked_[static_cast<std::size_t>(p)] += times; }
    void take_up(const recovered_state& found);
    result<void> retell(store_port& journal, snapshot_source& snapshots);
    void look_at_world();
    void look_at_secrets(const ledger_entry& e);
    void report_own(const std::vector<std::size_t>& which);
    void watch(const engine_event& event, const engine_state& after, bool recovering);
    void resent(const call_resent& e, const engine_state& after, bool recovering);
    void check_attempt(const call_resent& e, run_watch& w, bool recovering);
    void retry_planned(const call_retry_planned& e, const engine_state& after);
    void window_taken(agent_id agent, std::uint32_t trigger, instant window, const engine_state& after);
    void check_waiting(run_id run, const engine_state& after);
    void heat(run_id run, run_watch& w);
    void intended(run_id run, call_id call, const std::uint32_t* binding);
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

    run_watch& watch_of(run_id run) { return run == last_run_ && last_watch_ ? *last_watch_ : other_watch(run); }
    run_watch& other_watch(run_id run);
    static call_watch* find(run_watch& w, call_id call) {
        for (call_watch& c : w.open)
            if (c.call == call.value) return &c;
        return nullptr;
    }
    call_watch* intent_of(call_ref ref);

    struct watched_secret {
        std::string value;
        std::string name;
    };

    void started(run_id run);
    void watch_budgets(const std::vector<engine_event>& events, const std::vector<agent_state>& agents, instant at);

    std::map<run_id, run_watch> runs_;
    std::map<agent_id, run_id> under_way_; ///< by the events
    retry_watch retries_;
    bool tells_budgets_ = false;      ///< an agent of the journal that was found has one
    run_watch* last_watch_ = nullptr; ///< of last_run_: most events are about the run of the event before
    run_id last_run_;
    std::vector<run_id> touched_;             ///< runs of this step besides last_run_
    value_set keys_performed_;                ///< first 64 bits of each key
    std::vector<std::uint64_t> unknown_keys_; ///< of effects of which nobody knows: these may be sent once more
    std::vector<watched_secret> secrets_;
    /// What of a call may hold a secret.
    struct secret_leave {
        std::vector<std::string> names; ///< that its grant refers to
        skill_ptr skill;                ///< which says which of its arguments are secrets
    };
    std::map<call_ref, secret_leave> secret_leaves_;
    const world_ledger* ledger_ = nullptr;
    std::size_t ledger_seen_ = 0;
    std::unique_ptr<property_monitor> own_; ///< null when the scenario states nothing
    std::unique_ptr<row_feed> feed_;
    std::map<std::pair<agent_id, std::uint32_t>, instant> windows_; ///< the last that each schedule's trigger took
    bool by_schedule_ = false;                                      ///< what is watched came from a clock
    std::map<std::string, instant, std::less<>> pauses_;            ///< until when a breaker is open
    std::vector<violation> violations_;
    std::uint64_t violation_count_ = 0;
    std::uint64_t checked_[property_count] = {};
    std::uint64_t accepted_ = 0;
    std::uint64_t finished_ = 0;
    seq_no seq_;
    digest chain_; ///< of the last record
    instant at_;
};

} // namespace aivp::sim
