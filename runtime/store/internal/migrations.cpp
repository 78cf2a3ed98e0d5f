#include <string>
#include <vector>

#include "aivp/base/hash.hpp"
#include "runtime/store/internal/store_file.hpp"

namespace aivp {

namespace {

constexpr std::string_view first_schema = R"sql(
CREATE TABLE journal(
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    run INTEGER,
    line TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TABLE snapshots(
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    chain BLOB NOT NULL,
    hash BLOB NOT NULL,
    state BLOB NOT NULL
) STRICT;
CREATE TABLE blobs(
    hash BLOB PRIMARY KEY,
    bytes BLOB NOT NULL
) STRICT;
CREATE TABLE writer(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    pid INTEGER NOT NULL,
    heartbeat_at INTEGER NOT NULL,
    token BLOB NOT NULL
) STRICT;
INSERT INTO writer VALUES (1, 0, '', 0, 0, x'');
CREATE TABLE kv(
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT, WITHOUT ROWID;
)sql";

// What the host itself keeps stands in spaces that begin with "aivp:" and has no versions.
constexpr std::string_view versions_of_values = R"sql(
ALTER TABLE kv ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE kv SET version = numbered.n FROM (
    SELECT namespace AS of, key AS k, row_number() OVER (ORDER BY seq, namespace, key) AS n
    FROM kv WHERE namespace NOT LIKE 'aivp:%') AS numbered
WHERE namespace = numbered.of AND key = numbered.k;
CREATE TABLE kv_revision(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO kv_revision SELECT 1, coalesce(max(version), 0) FROM kv;
CREATE TABLE kv_effects(
    key BLOB PRIMARY KEY,
    run INTEGER NOT NULL,
    skill TEXT NOT NULL,
    arguments BLOB NOT NULL,
    result TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX kv_effects_by_run ON kv_effects(run);
)sql";

constexpr migration known_migrations[] = {
    {1, "journal, snapshots, blobs, writer, kv", first_schema},
    {2, "versions of values, effects under keys", versions_of_values},
};

} // namespace

std::span<const migration> store_migrations() { return known_migrations; }

namespace sqlite {

namespace {

struct applied_migration {
    std::int64_t version;
    std::string checksum;
};

result<std::vector<applied_migration>> read_applied(connection& db) {
    AIVP_TRY(statement rows, db.prepare("SELECT version, checksum FROM migrations ORDER BY version"));
    std::vector<applied_migration> applied;
    int code = rows.step();
    for (; code == SQLITE_ROW; code = rows.step()) applied.push_back({rows.integer(0), std::string(rows.bytes(1))});
    if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::reading, "read the schema's version"));
    return applied;
}

/// How many of `known` the store has.
result<std::size_t> compare(const connection& db, const std::vector<applied_migration>& applied,
                            std::span<const migration> known) {
    const std::int64_t newest = known.empty() ? 0 : known.back().version;
    if (!applied.empty() && applied.back().version > newest)
        return fail(errc::store_newer_schema,
                    "the store has schema " + std::to_string(applied.back().version) + ", this version knows " +
                        std::to_string(newest),
                    {db.path(), 0, 0});
    for (std::size_t i = 0; i < applied.size(); ++i)
        if (applied[i].version != known[i].version || applied[i].checksum != to_hex(sha256(known[i].sql)))
            return fail(errc::store_migration,
                        "migration " + std::to_string(applied[i].version) +
                            " of the store is not the one of that number",
                        {db.path(), 0, 0}, "The store was made by another build; use that one.");
    return applied.size();
}

result<void> run_and_note(connection& db, const migration& next, instant now) {
    AIVP_CHECK(db.execute(std::string(next.sql), doing::writing));
    const std::string checksum = to_hex(sha256(next.sql));
    AIVP_TRY(statement insert, db.prepare("INSERT INTO migrations VALUES (?1, ?2, ?3, ?4)"));
    insert.bind(1, next.version).bind(2, next.name).bind(3, now.us).bind(4, std::string_view(checksum));
    const int code = insert.run();
    if (code != SQLITE_DONE) return std::unexpected(db.failure(code, doing::writing, "note the migration"));
    // Whoever wrote with the older schema must not go on.
    return db.execute("UPDATE writer SET epoch = epoch + 1 WHERE epoch > 0", doing::writing);
}

result<void> apply(connection& db, const migration& next, instant now) {
    result<void> done = run_and_note(db, next, now);
    if (done) return done;
    error& why = done.error();
    if (why.code == errc::store_locked || why.code == errc::store_full || why.code == errc::store_read_only)
        return done;
    why.message =
        "migration " + std::to_string(next.version) + " (" + std::string(next.name) + ") failed: " + why.message;
    why.code = errc::store_migration;
    return done;
}

} // namespace

result<std::size_t> applied_migrations(connection& db, std::span<const migration> known) {
    AIVP_TRY(const auto applied, read_applied(db));
    return compare(db, applied, known);
}

result<void> migrate(connection& db, std::span<const migration> known, instant now) {
    AIVP_CHECK(db.execute("CREATE TABLE IF NOT EXISTS migrations(version INTEGER PRIMARY KEY, name TEXT NOT NULL,"
                          " applied_at INTEGER NOT NULL, checksum TEXT NOT NULL) STRICT",
                          doing::writing));
    AIVP_TRY(const std::size_t count, applied_migrations(db, known));
    for (const migration& next : known.subspan(count)) AIVP_CHECK(apply(db, next, now));
    return {};
}

result<void> require_schema(connection& db, std::span<const migration> known) {
    AIVP_TRY(const std::size_t count, applied_migrations(db, known));
    if (count < known.size())
        return fail(errc::store_migration,
                    "the store has schema " + std::to_string(count) + ", this version needs " +
                        std::to_string(known.back().version),
                    {db.path(), 0, 0}, "Open it for writing once; that brings it to this version.");
    return {};
}

} // namespace sqlite

} // namespace aivp
