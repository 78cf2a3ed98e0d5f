// A host that does what it likes with the engine, and keeps books of its own to check what the engine does. A value: a copy
// goes on by itself.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "aivp/base/hash.hpp"
#include "aivp/engine/engine.hpp"
#include "aivp/engine/recovery.hpp"

namespace engine_test {

/// One thing that happens to the engine. What it means depends on the state in which it happens, so that any list of moves can
/// be played, and any part of it too.
struct move {
    enum class kind : std::uint32_t {
        start,
        answer,
        answer_again,
        fire_next_timer,
        let_time_pass,
        cancel,
        publish,
        repeat_completion,
        retire,
        activate,
        stray_timer,
        name_journal,
        crash,
        recover_uncrashed,
        wake,
        pause,
        resume,
        resolve,
        count
    };
    kind what = kind::start;
    std::uint32_t pick = 0;    ///< which agent, call or run, modulo their number
    std::uint32_t how = 0;     ///< how it ends
    aivp::model_response turn; ///< when a model is answered
};
std::ostream& operator<<(std::ostream& out, const move& m);

class play {
public:
    /// `journal`: whether the journal is given a name first.
    explicit play(std::vector<aivp::snapshot_ptr> agents, bool journal = false);

    /// Throws std::logic_error as soon as anything is not as it must be.
    void make(const move& m);
    /// Resumes, resolves and answers until nothing is open.
    void drain();

    const aivp::engine_state& state() const { return state_; }
    const aivp::digest& chain() const { return chain_.head(); }
    /// All journal lines, for people.
    std::string journal() const;
    const std::vector<std::string>& lines() const { return lines_; }
    const std::vector<aivp::snapshot_ptr>& agents() const { return agents_; }
    /// How often a kind of event was seen.
    std::uint64_t seen(std::size_t event_index) const;

private:
    /// What the books say about a run: nothing of it is taken from the engine's state.
    /// What a skill call does: its binding and its arguments.
    using effect = std::pair<std::uint32_t, aivp::digest>;
    struct run_book {
        aivp::snapshot_ptr snapshot;
        aivp::agent_id agent;
        aivp::payload body;
        bool started = false;
        bool paused = false;
        aivp::instant deadline;                     ///< as it is when the run does not stand still
        std::optional<aivp::instant> halted_at;     ///< since when it stands still
        std::map<std::uint64_t, aivp::instant> due; ///< deadlines of open calls that are not questions
        std::set<std::uint64_t> parked;             ///< calls that wait for a person
        std::set<std::uint64_t> planned;            ///< calls that wait for their next attempt
        struct tried_call {
            std::string dependency; ///< empty: no budget counts
            aivp::retry_budget_policy budget;
            std::uint32_t attempts = 1;
        };
        std::map<std::uint64_t, tried_call> tried;
        std::uint32_t skill_calls = 0;
        std::uint32_t model_turns = 0;
        std::int64_t tokens = 0;
        std::int64_t spent = 0;
        std::int64_t largest = 0;
        std::map<std::uint64_t, std::int64_t> reserved; ///< by open call
        std::vector<aivp::payload> messages;
        std::uint64_t named = 0; ///< calls of models so far
        struct slot {
            aivp::payload content;
            bool failed = false;
        };
        std::vector<slot> slots;
        std::map<std::uint64_t, std::pair<aivp::effect_key, effect>> effects; ///< by call: its key, and what it does
        std::map<aivp::effect_key, effect> unknown;                           ///< writes that may have happened, by key
    };
    /// What the ports of all processes so far have seen of a skill call.
    struct sent_call {
        aivp::effect_key key;
        aivp::payload arguments;
        std::uint32_t times = 0;
        std::uint32_t allowed = 1; ///< times, where a repetition would be a second effect
    };

    void put(aivp::engine_input input);
    void note(const aivp::engine_event& e);
    void note(run_book& b, const aivp::model_requested& e);
    void note(run_book& b, const aivp::model_settled& e);
    void note(run_book& b, const aivp::call_intended& e);
    void note(run_book& b, const aivp::call_settled& e);
    void note(run_book& b, const aivp::call_refused& e);
    void note(run_book& b, const aivp::call_parked& e);
    void note(run_book& b, const aivp::call_resent& e);
    void note(run_book& b, const aivp::call_retry_planned& e);
    void note_spent(run_book& b, aivp::usd_micros lost);
    void note_attempt(run_book& b, std::uint64_t call, const std::uint32_t* binding);
    void note_retry(run_book& b, const aivp::call_retry_planned& e);
    void note_lost(aivp::duration by);
    void note_turn_completed(run_book& b);
    void note_finished(run_book& b, const aivp::run_finished& e);
    void note_deadline(run_book& b, aivp::call_id call, aivp::instant deadline);
    void keep_clock(run_book& b);
    aivp::instant effective_deadline(const run_book& b) const;
    void note_reservation(run_book& b, aivp::call_id call, aivp::usd_micros amount);
    void note_cost(run_book& b, aivp::call_id call, aivp::usd_micros cost);
    void begin(run_book& b);
    void perform(const aivp::engine_effect& e, const std::vector<aivp::engine_event>& events);
    void perform(const aivp::skill_call& e);
    void check_records(const aivp::input_envelope& envelope, const std::string& line);
    void check_recovery(const std::vector<aivp::call_ref>& lost) const;
    void check_state() const;
    void check_run(const aivp::run_state& r) const;
    void check_clock(const aivp::run_state& r, const run_book& b) const;
    void crash(const move& m);
    void recover(aivp::duration away);
    void resolve(aivp::call_ref ref, const move& m);
    std::vector<aivp::call_ref> parked_calls() const;
    std::vector<aivp::call_ref> calls_under_way() const;
    void fire(aivp::timer_key key);
    void answer(aivp::call_ref ref, const move& m);
    void demand(bool holds, const std::string& what) const;

    aivp::engine_state state_;
    aivp::engine_state replayed_; ///< from the events
    aivp::engine_state read_;     ///< from the lines
    aivp::decision out_;
    aivp::digest_chain chain_;
    std::vector<std::string> lines_;
    std::vector<std::string> encoded_; ///< the state after each line
    std::uint64_t seq_ = 0;
    std::size_t input_ = 0;     ///< which kind of input is under way
    bool told_failure_ = false; ///< it is a completion that says that a skill did nothing
    aivp::instant now_;
    std::vector<aivp::snapshot_ptr> agents_;
    std::map<aivp::timer_key, aivp::instant> timers_;
    std::map<aivp::call_ref, aivp::call_kind> open_; ///< what the ports work at
    std::map<aivp::call_ref, sent_call> sent_;
    std::vector<aivp::call_ref> all_calls_;
    std::set<aivp::effect_key> keys_;
    std::map<aivp::run_id, run_book> books_; ///< accepted and not finished
    std::map<aivp::agent_id, aivp::run_id> running_;
    struct attempts_book {
        std::vector<aivp::instant> first, again;
    };
    std::map<std::string, attempts_book> attempts_; ///< by dependency: all budgets of a play are the same
    std::uint64_t accepted_ = 0;
    std::uint64_t finished_ = 0;
    std::vector<std::uint64_t> seen_;
};

} // namespace engine_test
