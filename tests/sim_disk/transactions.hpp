// Twenty transactions of two rows on a real SQLite, and what must be true of them after any crash.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sqlite3.h>

#include "sim/disk/sim_disk.hpp"
#include "sim/disk/sim_vfs.hpp"

namespace transactions {

inline constexpr int count = 20;
inline constexpr const char* store_path = "store/ledger.db";

struct sqlite_setup {
    std::string name;
    std::string journal = "wal";
    std::string synchronous = "FULL";
    bool exclusive = false;
    bool atomic = true; ///< both rows in one transaction
};

class connection {
public:
    explicit connection(const std::string& path) {
        sqlite3* db = nullptr;
        opened_ = sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) == SQLITE_OK;
        db_.reset(db);
    }
    explicit operator bool() const { return opened_; }
    sqlite3* handle() { return db_.get(); }
    bool run(const std::string& sql) {
        return sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
    }

    /// The first column of every row, as text; nothing when the statement did not come to its end.
    std::optional<std::vector<std::string>> column(const std::string& sql) {
        sqlite3_stmt* made = nullptr;
        if (sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &made, nullptr) != SQLITE_OK) return std::nullopt;
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(made, sqlite3_finalize);
        std::vector<std::string> rows;
        int code = sqlite3_step(made);
        for (; code == SQLITE_ROW; code = sqlite3_step(made)) {
            const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(made, 0));
            rows.emplace_back(text ? text : "");
        }
        if (code != SQLITE_DONE) return std::nullopt;
        return rows;
    }
    std::string value(const std::string& sql) {
        const auto rows = column(sql);
        return rows && rows->size() == 1 ? rows->front() : "failed";
    }

private:
    std::unique_ptr<sqlite3, int (*)(sqlite3*)> db_{nullptr, sqlite3_close_v2};
    bool opened_ = false;
};

/// Opens and sets up. Nothing unless the journal mode asked for is the one that is in force.
inline std::unique_ptr<connection> open_store(const sqlite_setup& setup, const std::string& path = store_path) {
    auto db = std::make_unique<connection>(path);
    if (!*db) return nullptr;
    if (setup.exclusive && db->value("PRAGMA locking_mode=EXCLUSIVE") != "exclusive") return nullptr;
    // A statement that yields "wal" may still fail at its end; value() goes on to the end.
    if (db->value("PRAGMA journal_mode=" + setup.journal) != setup.journal) return nullptr;
    if (!db->run("PRAGMA synchronous=" + setup.synchronous)) return nullptr;
    return db;
}

inline bool create_table(connection& db) {
    return db.run("CREATE TABLE IF NOT EXISTS entries(id INTEGER PRIMARY KEY, txn INTEGER, body BLOB)");
}

inline bool insert_pair(connection& db, const sqlite_setup& setup, int txn) {
    const std::string number = std::to_string(txn);
    const std::string insert = "INSERT INTO entries(txn, body) VALUES(" + number + ", ";
    const std::string rows = insert + "randomblob(200));" + insert + "zeroblob(60));";
    if (!setup.atomic) return db.run(rows);
    if (db.run("BEGIN IMMEDIATE;" + rows + "COMMIT")) return true;
    db.run("ROLLBACK");
    return false;
}

/// The calls the disk had seen when each transaction that succeeded was acknowledged, by its number from 1.
using acknowledgements = std::vector<std::pair<int, std::uint64_t>>;

/// Runs all transactions, whatever fails. Nothing at all when the store could not be opened.
inline acknowledgements run_all(aivp::sim::sim_disk& disk, const sqlite_setup& setup) {
    acknowledgements done;
    const auto db = open_store(setup);
    if (!db || !create_table(*db)) return done;
    for (int txn = 1; txn <= count && !disk.dead(); ++txn) {
        if (insert_pair(*db, setup, txn)) done.emplace_back(txn, disk.calls());
    }
    return done;
}

/// As a host creates a store: under another name, so that a crash cannot leave half of one.
inline bool create_store(aivp::sim::sim_disk& disk, const sqlite_setup& setup) {
    const std::string draft = std::string(store_path) + ".draft";
    {
        const auto db = open_store(setup, draft);
        if (!db || !create_table(*db)) return false;
    }
    using aivp::sim::disk_status;
    return disk.rename(draft, store_path) == disk_status::ok && disk.sync_directory("store") == disk_status::ok;
}

struct tally {
    std::uint64_t cycles = 0;
    std::uint64_t unreadable = 0; ///< cannot be opened or read, or the integrity check complains
    std::uint64_t torn = 0;       ///< the following count cycles, too
    std::uint64_t lost = 0;
    std::uint64_t ghost = 0;            ///< there, though it had not even begun
    std::uint64_t failed_but_there = 0; ///< its commit reported an error; no fault of the store, but one must know

    std::uint64_t broken() const { return unreadable + torn + lost + ghost; }
};

/// Opens what is mounted, which recovers it, and counts what is wrong. `begun`: the last transaction that was started.
inline void check_store(const sqlite_setup& setup, const std::set<int>& acknowledged, int begun, tally& t) {
    ++t.cycles;
    const auto db = open_store(setup);
    if (!db || db->value("PRAGMA integrity_check") != "ok") {
        ++t.unreadable;
        return;
    }
    std::set<int> there;
    bool torn = false;
    bool lost = false;
    bool ghost = false;
    bool failed_but_there = false;
    if (db->value("SELECT count(*) FROM sqlite_schema WHERE name='entries'") == "1") {
        const auto rows = db->column("SELECT txn * 10 + count(*) FROM entries GROUP BY txn");
        if (!rows) {
            ++t.unreadable;
            return;
        }
        for (const std::string& row : *rows) {
            const int packed = std::stoi(row);
            there.insert(packed / 10);
            torn = torn || packed % 10 != 2;
        }
    }
    for (const int txn : acknowledged) lost = lost || there.count(txn) == 0;
    for (const int txn : there) {
        ghost = ghost || txn > begun;
        failed_but_there = failed_but_there || (txn <= begun && acknowledged.count(txn) == 0);
    }
    t.torn += torn;
    t.lost += lost;
    t.ghost += ghost;
    t.failed_but_there += failed_but_there;
}

} // namespace transactions
