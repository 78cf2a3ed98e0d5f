// What a store is made of; the projector works over the same connection.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "runtime/store/internal/sqlite.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

struct sqlite_store::impl {
    sqlite_options options;
    sqlite::connection db;
    sqlite::statement begin_, commit_, rollback_, owner_, append_; ///< of `db`, so declared behind it
    std::uint64_t epoch = 0;                                       ///< ours; 0 = none yet
    std::uint64_t epoch_taken = 0;                                 ///< what the transaction in progress would make ours
    std::string token;       ///< what stands in the writer's row since we took over
    std::string token_tried; ///< and what an attempt to take over wrote that may have succeeded
    seq_no head_seq;         ///< as of our last commit; nobody else may append while the epoch is ours
    instant head_at;
    std::uint64_t wal_pages = 0;
    bool must_reopen = false; ///< a COMMIT failed: what this connection believes is not what the file may hold
    bool must_read = false;   ///< and the driver has not looked yet at what it holds
    std::optional<error> last;

    result<void> connect();
    /// Re-opens when that is due.
    result<void> ready();
    result<void> prepare();
    result<void> take_over();
    std::uint64_t current_epoch();
    error fenced_error() const;

    std::optional<error> refusal(std::span<const journal_record> batch) const;
    int append(const journal_record& record);
    commit_outcome commit(std::span<const journal_record> batch);
    commit_outcome give_up(error why);
    commit_outcome give_up_commit(int code);

    result<journal_record> read_head();
    result<digest> chain_before(std::uint64_t seq);
    result<void> read(std::uint64_t from, const std::function<bool(const journal_record&)>& visit);

    /// A transaction beside the journal, by the writer only.
    template <class Body>
    result<void> write(Body&& body) {
        if (options.read_only)
            return fail(errc::store_read_only, "the store was opened for reading", {options.path, 0, 0});
        AIVP_CHECK(ready());
        return sqlite::transaction(db, [&]() -> result<void> {
            if (current_epoch() != epoch) return std::unexpected(fenced_error());
            return body();
        });
    }

    static int note_wal_size(void* self, sqlite3* db, const char* name, int pages);
};

} // namespace aivp
