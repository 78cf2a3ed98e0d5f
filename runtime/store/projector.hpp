// Tables derived from the journal, so that people and tools can ask questions in SQL: runs, steps, calls, errors, timers and
// so on (docs/sql.md). They are never part of a commit: a projector reads the journal from where it stopped, and writes rows
// and its new position in one transaction. They can be dropped at any time; the journal alone leads to the same rows.
//
// Ownership: the projector of a store uses the store's connection and must not outlive it. Threads: that of its connection.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "aivp/base/error.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

class projector {
public:
    /// Over the connection of `store`; the only way while the store is locked exclusively.
    explicit projector(sqlite_store& store);
    /// With a connection of its own, for a process beside the writer. It never becomes the writer. Errors: as
    /// sqlite_store::open.
    static result<projector> open(sqlite_options options);
    projector(projector&&) noexcept;
    projector& operator=(projector&&) noexcept;
    ~projector();

    /// Derives what is missing, at most `records_max` records, in transactions of a few thousand each, so that a writer
    /// never waits long. Returns how many it read. Errors: store.corrupt (naming the record), store.locked, store.read_only,
    /// store.full, io.write; the tables are then as after the last whole transaction.
    result<std::uint64_t> catch_up(std::uint64_t records_max = std::numeric_limits<std::uint64_t>::max());
    /// Drops the tables and derives them again.
    result<void> rebuild();
    /// The last record that the tables know; 0 = none.
    result<std::uint64_t> position();
    /// As sqlite_store::query().
    result<query_result> query(std::string_view sql, std::size_t rows_max);

private:
    struct impl;
    explicit projector(std::unique_ptr<impl> made);
    std::unique_ptr<impl> impl_;
};

} // namespace aivp
