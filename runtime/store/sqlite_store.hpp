// The durable store: one SQLite file with the journal, snapshots, blobs, a key-value table for agents and, derived from the
// journal, tables to ask questions of (projector.hpp). docs/adr/0014-sqlite-store.md says why it is as it is.
//
// Ownership: the store owns its connection; `files` of the options must outlive it. Threads: one, the driver's; other
// processes and other connections may read at the same time (locking::shared).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/ports/services.hpp"
#include "aivp/ports/store.hpp"
#include "aivp/skill/kv.hpp"
#include "runtime/store/migration.hpp"
#include "runtime/store/store_files.hpp"

namespace aivp {

struct sqlite_options {
    enum class journal_mode : std::uint8_t {
        wal,
        rollback, ///< journal_mode=DELETE
    };
    /// What survives. Neither mode ever leaves half a batch.
    enum class durability : std::uint8_t {
        power_loss_safe,    ///< every commit that was `ok`: WAL + FULL, or DELETE + EXTRA
        process_crash_safe, ///< the same unless the machine stops too: then the last commits may be gone
    };
    enum class locking : std::uint8_t {
        shared,    ///< others may read, and a newer writer may take over (this one is then fenced)
        exclusive, ///< nobody else; the only one for a VFS without shared memory. With journal_mode::wal only
    };

    std::string path;
    journal_mode journal = journal_mode::wal;
    durability durable = durability::power_loss_safe;
    locking lock = locking::shared;
    std::string vfs;                            ///< empty: SQLite's default
    store_files* files = nullptr;               ///< nullptr: posix_store_files()
    bool read_only = false;                     ///< nothing is created, changed or fenced
    std::string writer;                         ///< who writes, for people: "aivpd on host-3"
    std::int64_t pid = 0;                       ///< of the writer, for people
    instant opened_at;                          ///< for the writer's row and for migrations
    std::uint32_t busy_timeout_ms = 250;        ///< how long to wait for another connection's lock
    std::uint64_t pages_max = 0;                ///< quota in pages of 4,096 bytes; 0 = none
    std::uint64_t wal_bytes_max = 16u << 20;    ///< from here on checkpoint_due()
    std::span<const migration> migrations = {}; ///< empty: store_migrations()
};

/// Who opened the store for writing last.
struct store_writer {
    std::uint64_t epoch = 0; ///< 1 for the first one, one more for each that followed
    std::string holder;
    std::int64_t pid = 0;
    instant heartbeat_at;

    friend bool operator==(const store_writer&, const store_writer&) = default;
};

/// An answer as text; NULL is nullopt, a blob is lower-case hex.
struct query_result {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;
    bool truncated = false; ///< there were more rows than asked for
};

/// All pages of a store as a connection sees them, those in the log included.
class database_bytes {
public:
    database_bytes() : copy_(nullptr, [](void*) {}) {}
    /// Takes what SQLite has allocated.
    database_bytes(unsigned char* copy, std::size_t size);
    std::string_view view() const { return {reinterpret_cast<const char*>(copy_.get()), size_}; }

private:
    std::unique_ptr<unsigned char, void (*)(void*)> copy_;
    std::size_t size_ = 0;
};

/// What a key-value skill did under an idempotency key, so that it is not done twice.
struct kept_effect {
    std::string skill;
    digest arguments;
    payload result;
};

/// A namespace within a transaction of the store, and the effects of all namespaces.
class kept_values : public kv_space {
public:
    virtual result<std::optional<kept_effect>> effect_of(const effect_key& key) = 0;
    virtual result<void> keep_effect(const effect_key& key, run_id run, const kept_effect& effect) = 0;
};

class sqlite_store final : public store_port, public blob_port {
public:
    /// Creates the file unless it is there (under another name first, so that a file of that name is always whole) and,
    /// unless read_only, takes over as the writer. Errors: io.not_found (read_only), io.read, io.write, store.locked,
    /// store.foreign, store.newer_schema, store.migration, store.read_only, store.full, store.corrupt,
    /// config.not_supported.
    static result<std::unique_ptr<sqlite_store>> open(sqlite_options options);
    ~sqlite_store() override;

    /// One transaction. `failed`: nothing was committed; last_error() says why, and the same batch may be tried again
    /// unless it is store.fenced or store.read_only. `unknown`: COMMIT itself failed; the next use of the store re-opens the
    /// file, and commits are refused (store.commit_unknown) until read() or head() was called.
    commit_outcome commit(std::span<const journal_record> batch) override;
    /// Recomputes the chain; store.corrupt names the first record that does not fit. Holds one record in memory.
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override;
    result<journal_record> head() override;
    /// Keeps the last two.
    result<void> save_snapshot(const state_snapshot& s) override;
    /// One whose bytes have rotted is passed over.
    result<std::optional<state_snapshot>> load_snapshot() override;

    result<digest> put(std::string_view bytes) override;
    result<std::string> get(const digest& name) override;

    /// Closes the file and opens it again, with recovery. A newer writer is not pushed aside: store.fenced. What it finds
    /// is durable afterwards.
    result<void> reopen();
    /// Why the last commit was not `ok`; nullopt when it was. `context` holds SQLite's number and the path.
    const std::optional<error>& last_error() const;

    /// Moves what the write-ahead log holds into the database. Call it when idle, or when checkpoint_due(). Readers that
    /// look at an older state are not disturbed; then the log is emptied later. Errors: as commit's.
    result<void> checkpoint();
    bool checkpoint_due() const;
    std::uint64_t wal_bytes() const;

    /// The file's pages, then the journal's chain; O(size). Returns the number of records. Errors: store.corrupt, io.read.
    result<std::uint64_t> verify();
    /// A copy of the database: stores with equal bytes hold the same, and verify() says the same of them. A page that cannot
    /// be read is zeros there. O(size). Errors: io.read.
    result<database_bytes> bytes();

    result<store_writer> writer();
    /// Says that this writer is alive. Errors: store.fenced, store.read_only, io.write.
    result<void> heartbeat(instant now);
    std::uint64_t epoch() const; ///< ours; 0 when read_only

    /// Values of the host itself, in namespaces of its own ("aivp:…"), without versions. `seq` = the record that led to the
    /// value. kv_get() and kv_keys() know those of agents, too. Errors: store.fenced, store.read_only, store.full, io.write.
    result<void> kv_put(std::string_view space, std::string_view key, std::string_view value, seq_no seq);
    result<void> kv_erase(std::string_view space, std::string_view key);
    result<std::optional<std::string>> kv_get(std::string_view space, std::string_view key);
    /// Keys in byte order from `prefix`, at most `limit`.
    result<std::vector<std::string>> kv_keys(std::string_view space, std::string_view prefix, std::size_t limit);

    /// Values of agents, a namespace for each and any number of shared ones, as key-value skills work on them. One
    /// transaction: what `body` changes stays when it succeeds, and nothing does when it gives an error, which is returned.
    /// Other errors: as kv_put()'s, and store.commit_unknown: all of it may have been kept, or nothing.
    result<void> kv_change(std::string_view space, seq_no seq, const std::function<result<void>(kept_values&)>& body);
    /// For looking only; needs no room and no lock.
    result<void> kv_look(std::string_view space, const std::function<result<void>(kept_values&)>& body);
    /// Effects under keys of runs before this one: nobody will ask for them again.
    result<void> kv_forget_effects(run_id before);

    /// One SELECT over the tables and the views of docs/sql.md, which are as old as the last projector::catch_up().
    /// Anything but a SELECT is refused. Errors: usage.invalid (with SQLite's message), io.read, store.corrupt.
    result<query_result> query(std::string_view sql, std::size_t rows_max);

private:
    friend class projector;
    struct impl;
    explicit sqlite_store(std::unique_ptr<impl> made);
    std::unique_ptr<impl> impl_;
};

} // namespace aivp
