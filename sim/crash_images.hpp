// What is known of the images that crashes leave, so that equal ones need not be examined twice. Equal means equal bytes of
// the database as the store sees it after its recovery, not equal numbers.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "aivp/engine/recovery.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp::sim {

/// A database whose pages and chain verify.
struct known_content {
    std::uint64_t id = 0; ///< from 1; two images with one id hold the same, byte for byte
    journal_record head;  ///< without its line
};

/// Verifies a store, or finds that its database is one that was verified before. Keeps copies of the last few only: images
/// come in the order of a run.
class verified_contents {
public:
    /// Errors: those of verify() and head().
    result<known_content> examine(sqlite_store& store);
    std::uint64_t distinct() const { return next_id_ - 1; }

private:
    static constexpr std::size_t kept_max = 4;
    struct kept {
        database_bytes bytes;
        known_content known;
    };
    std::deque<kept> kept_;
    std::uint64_t next_id_ = 1;
};

/// The states that a journal leads to, folded once along its records. Reading a journal is a fold of a pure function over
/// its lines, so that the state after a record is the one before it and one line more.
class folded_states {
public:
    explicit folded_states(snapshot_source& snapshots) : snapshots_(snapshots) {}
    /// The state after the last record of this store, whose content was examined. Sometimes all of it is read as a process
    /// would, and must lead to the same. Errors: those of read_state(); store.corrupt when the two differ.
    result<const state_snapshot*> after(sqlite_store& store, const journal_record& head);

private:
    static constexpr std::size_t kept_max = 4;
    static constexpr std::uint64_t read_whole_every = 32;
    struct kept {
        engine_state state;
        state_snapshot encoded;
    };
    result<kept> read_whole(sqlite_store& store);
    result<kept> read_on(const kept& before, sqlite_store& store, const journal_record& head);

    snapshot_source& snapshots_;
    std::deque<kept> kept_;
    std::uint64_t folded_ = 0;
};

} // namespace aivp::sim
