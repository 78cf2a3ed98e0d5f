// From a journal back to a state: the last snapshot, and `evolve` over the events after it. What was open then is taken up
// by the input `recover`, whose decision is an ordinary one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/engine/engine.hpp"
#include "aivp/ports/store.hpp"

namespace aivp {

/// Where compiled agents come from: a journal and a state hold their hashes only. The host keeps them, or their files.
class snapshot_source {
public:
    virtual ~snapshot_source() = default;
    /// The snapshot whose hashes.whole is this; null when it is not known.
    virtual snapshot_ptr find(const digest& whole) = 0;
};

/// A list that the host has in memory; it must outlive this.
class listed_snapshots final : public snapshot_source {
public:
    explicit listed_snapshots(const std::vector<snapshot_ptr>& all) : all_(all) {}
    snapshot_ptr find(const digest& whole) override {
        for (const snapshot_ptr& s : all_)
            if (s->hashes.whole == whole) return s;
        return nullptr;
    }

private:
    const std::vector<snapshot_ptr>& all_;
};

/// One line, read back. Of the input only what the envelope says: its effects on the state are the events.
struct journal_step {
    seq_no seq;
    instant at;
    run_id correlation;
    seq_no causation;
    std::string input; ///< "skill_completed"
    std::vector<engine_event> events;
};

/// Reads the line of one record and applies its events to `state`, which must be as it was before that record.
/// Errors: store.corrupt (the line is no canonical JSON of this version, or tells of what cannot have happened in `state`),
/// store.snapshot (an agent's snapshot is not known). `state` is then somewhere in between.
result<journal_step> replay_line(engine_state& state, std::string_view line, snapshot_source& snapshots);

/// Canonical JSON, equal for equal states. Agents stand there by the hashes of their snapshots.
std::string encode_state(const engine_state& state);
/// Errors: store.snapshot (no such state, or an agent's snapshot is not known).
result<engine_state> decode_state(std::string_view text, snapshot_source& snapshots);

/// What a journal leads to.
struct recovered_state {
    engine_state state;
    seq_no seq; ///< of the last record; 0 = the journal is empty
    instant at;
    digest chain;
    std::uint64_t records_read = 0;    ///< after the snapshot
    std::vector<std::string> warnings; ///< a snapshot that could not be used
};

/// From the latest snapshot on, or from the beginning where there is none or the journal does not go on from it. Errors:
/// store.corrupt, store.snapshot, io.read.
result<recovered_state> read_state(store_port& store, snapshot_source& snapshots);

} // namespace aivp
