// The agents that a store knows, by the hash of their snapshots: their sources are kept in the store before they are
// activated, so that a journal can be read again whatever has become of the files since.
#pragma once

#include <map>

#include "aivp/engine/recovery.hpp"
#include "runtime/codec/diagnostics.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

/// Threads: the store's. The store outlives it.
class agent_library final : public snapshot_source {
public:
    explicit agent_library(sqlite_store& store) : store_(store) {}

    /// Compiles it from the store when it is asked for the first time; null when the store does not hold it, or holds it in a
    /// form that this version cannot compile.
    snapshot_ptr find(const digest& whole) override;
    /// Keeps the snapshot's sources. Errors: those of make_bundle(), put() and kv_put().
    result<void> keep(const snapshot_ptr& snapshot, const source_texts& texts);

private:
    sqlite_store& store_;
    std::map<digest, snapshot_ptr> known_;
};

} // namespace aivp
