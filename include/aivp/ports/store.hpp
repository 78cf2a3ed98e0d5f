// Store: the append-only journal, and snapshots of the state that it leads to.
//
// Ownership: a store copies what it keeps. Threads: one writer, the driver's thread.
// Contract: commit() is atomic and ordered: all records of a batch or none. After `ok` they survive whatever the store's
// durability mode promises. After `failed` they are not there. After `unknown` they may be there: the driver drops its
// state and re-reads the journal. A snapshot is only a shortcut: without any, the journal alone leads to the same state.
// Fault model: full disk, I/O errors (once or for good), torn or lost writes, a lying sync, bit rot (found by the chain).
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "aivp/base/error.hpp"
#include "aivp/kernel/journal.hpp"

namespace aivp {

class store_port {
public:
    virtual ~store_port() = default;
    /// The records follow each other and the last one committed, in number, time and chain; at least one.
    virtual commit_outcome commit(std::span<const journal_record> batch) = 0;
    /// Calls `visit` for each record from `from` on, in order, until it returns false. Errors: store.corrupt, io.read.
    virtual result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) = 0;
    /// Sequence number and chain digest of the last record; {0, zeros} when empty.
    virtual result<journal_record> head() = 0;
    /// Keeps it beside older ones, and may forget those but the last two. Errors: io.write, store.read_only.
    virtual result<void> save_snapshot(const state_snapshot& s) = 0;
    /// The latest whose record is in the journal with the same chain digest; none when there is none. Errors: io.read.
    virtual result<std::optional<state_snapshot>> load_snapshot() = 0;
};

class forwarding_store : public store_port {
public:
    explicit forwarding_store(store_port& next) : next_(next) {}
    commit_outcome commit(std::span<const journal_record> batch) override { return next_.commit(batch); }
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        return next_.read(from, visit);
    }
    result<journal_record> head() override { return next_.head(); }
    result<void> save_snapshot(const state_snapshot& s) override { return next_.save_snapshot(s); }
    result<std::optional<state_snapshot>> load_snapshot() override { return next_.load_snapshot(); }

protected:
    store_port& next_;
};

} // namespace aivp
