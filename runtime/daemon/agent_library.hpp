// The agents that a store knows, by the hash of their snapshots: their sources are kept in the store before they are
// activated, so that a journal can be read again whatever has become of the files since.
#pragma once

#include <map>
#include <memory>

#include "aivp/engine/recovery.hpp"
#include "runtime/codec/diagnostics.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

/// Threads: the store's. The store outlives it.
class agent_library final : public snapshot_source {
public:
    explicit agent_library(sqlite_store& store) : store_(store) {}

    /// Compiles it from the store unless somebody has it already; null when the store does not hold it, or holds it in a form
    /// that this version cannot compile.
    snapshot_ptr find(const digest& whole) override;
    /// Keeps the snapshot's sources. Errors: those of make_bundle(), put() and kv_put().
    result<void> keep(const snapshot_ptr& snapshot, const source_texts& texts);

private:
    snapshot_ptr remember(snapshot_ptr snapshot);

    sqlite_store& store_;
    /// Those that an agent or a run holds on to: of the versions of a file there is no end.
    std::map<digest, std::weak_ptr<const agent_snapshot>> known_;
};

} // namespace aivp
