// Store: the append-only journal.
//
// Ownership: a store copies what it keeps. Threads: one writer, the driver's thread.
// Contract: commit() is atomic and ordered. After `ok` the record survives whatever the store's durability mode promises.
// After `failed` it is not there. After `unknown` it may be there: the driver drops its state and re-reads the journal.
// Fault model: full disk, I/O errors (once or for good), torn or lost writes, a lying sync, bit rot (found by the chain).
#pragma once

#include <functional>

#include "aivp/base/error.hpp"
#include "aivp/kernel/journal.hpp"

namespace aivp {

class store_port {
public:
    virtual ~store_port() = default;
    virtual commit_outcome commit(const journal_record& record) = 0;
    /// Calls `visit` for each record from `from` on, in order, until it returns false. Errors: store.corrupt, io.read.
    virtual result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) = 0;
    /// Sequence number and chain digest of the last record; {0, zeros} when empty.
    virtual result<journal_record> head() = 0;
};

class forwarding_store : public store_port {
public:
    explicit forwarding_store(store_port& next) : next_(next) {}
    commit_outcome commit(const journal_record& record) override { return next_.commit(record); }
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        return next_.read(from, visit);
    }
    result<journal_record> head() override { return next_.head(); }

protected:
    store_port& next_;
};

} // namespace aivp
