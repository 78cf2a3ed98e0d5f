#include "runtime/store/internal/store_file.hpp"

#include <array>

namespace aivp::sqlite {

namespace {

constexpr std::string_view file_magic("SQLite format 3\0", 16);
constexpr std::size_t header_bytes = 100;
constexpr std::size_t application_id_at = 68;
/// Two bytes that are 1 (rollback journal) or 2 (WAL); SQLite takes a file with more for one that it must not write.
constexpr std::size_t versions_at = 18;

/// The header as it is in the file. Asking SQLite for a pragma would run recovery, which writes, before it is known whose
/// file this is.
result<std::array<char, header_bytes>> read_header(connection& db) {
    std::array<char, header_bytes> header{};
    sqlite3_file* file = nullptr;
    int code = sqlite3_file_control(db.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code == SQLITE_OK && file != nullptr && file->pMethods != nullptr)
        code = file->pMethods->xRead(file, header.data(), header_bytes, 0);
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return std::unexpected(db.failure(code, doing::reading, "read the file's header"));
    return header;
}

result<void> require_ours(connection& db) {
    AIVP_TRY(const auto header, read_header(db));
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < 4; ++i) found = found << 8 | static_cast<unsigned char>(header[application_id_at + i]);
    if (std::string_view(header.data(), file_magic.size()) != file_magic)
        return fail(errc::store_foreign, "the file is not an SQLite database", {db.path(), 0, 0});
    if (found != static_cast<std::uint64_t>(application_id))
        return fail(errc::store_foreign, "the file is the database of another program", {db.path(), 0, 0});
    for (const std::size_t at : {versions_at, versions_at + 1})
        if (header[at] != 1 && header[at] != 2)
            return fail(errc::store_corrupt, "the file's header is damaged", {db.path(), 0, 0});
    return {};
}

std::string lower(std::string text) {
    for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return text;
}

/// PRAGMA journal_mode answers before it has committed, and falls back without an error: the statement must have ended,
/// and a second question must give the same answer.
result<void> set_journal_mode(connection& db, const sqlite_options& o) {
    const std::string wanted = o.journal == sqlite_options::journal_mode::wal ? "wal" : "delete";
    AIVP_TRY(const std::string now, db.value("PRAGMA journal_mode", doing::reading));
    if (lower(now) == wanted) return {};
    AIVP_CHECK(db.value("PRAGMA journal_mode=" + wanted, doing::writing));
    AIVP_TRY(const std::string then, db.value("PRAGMA journal_mode", doing::reading));
    if (lower(then) == wanted) return {};
    return fail(errc::config_not_supported,
                "SQLite answers journal_mode " + then + " where " + wanted + " is asked for", {db.path(), 0, 0},
                "A VFS without shared memory needs exclusive locking for wal.");
}

const char* synchronous(const sqlite_options& o) {
    const bool wal = o.journal == sqlite_options::journal_mode::wal;
    if (o.durable == sqlite_options::durability::power_loss_safe) return wal ? "FULL" : "EXTRA";
    // Less than FULL with a rollback journal could leave a broken file, not only lose the last commits.
    return wal ? "NORMAL" : "FULL";
}

result<void> set_up(connection& db, const sqlite_options& o) {
    sqlite3_busy_timeout(db.get(), static_cast<int>(o.busy_timeout_ms));
    sqlite3_db_config(db.get(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    // Before anything touches the file: it decides whether WAL needs shared memory.
    if (o.lock == sqlite_options::locking::exclusive && !o.read_only)
        AIVP_CHECK(db.value("PRAGMA locking_mode=EXCLUSIVE", doing::writing));
    AIVP_CHECK(
        db.execute("PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-8000", doing::reading));
    if (o.pages_max > 0) AIVP_CHECK(db.value("PRAGMA max_page_count=" + std::to_string(o.pages_max), doing::reading));
    if (o.read_only) return db.execute("PRAGMA query_only=ON", doing::reading);
    return {};
}

/// A whole, empty store under another name, so that power loss during creation leaves no half of one under `path`. Nobody
/// reads that file before it is whole, so it needs no journal: one transaction, written and synced once.
result<void> create(const sqlite_options& o, store_files& files, std::span<const migration> known) {
    const std::string temporary = files.temporary_name(o.path);
    for (const char* suffix : {"-journal", "-wal", "-shm", ""}) AIVP_CHECK(files.remove(temporary + suffix));
    const auto filled = [&]() -> result<void> {
        AIVP_TRY(connection db, connection::open(temporary, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, o.vfs));
        AIVP_CHECK(db.execute("PRAGMA page_size=" + std::to_string(page_bytes) +
                                  "; PRAGMA encoding='UTF-8'; PRAGMA synchronous=FULL; PRAGMA journal_mode=MEMORY",
                              doing::writing));
        return transaction(db, [&]() -> result<void> {
            AIVP_CHECK(db.execute("PRAGMA application_id=" + std::to_string(application_id), doing::writing));
            return migrate(db, known, o.opened_at);
        });
    }();
    const result<void> named = filled ? files.rename(temporary, o.path) : filled;
    if (named) return files.sync_dir(o.path);
    for (const char* suffix : {"-journal", ""}) static_cast<void>(files.remove(temporary + suffix));
    // Another process was faster: its store is as good.
    if (named.error().code == errc::io_exists) return {};
    error e = named.error();
    e.where.file = o.path;
    return std::unexpected(std::move(e));
}

/// An existing database in a folder without write permission and without a log is as it will stay: SQLite may read it
/// without the files that it would otherwise make beside it.
result<connection> open_immutable(const sqlite_options& o) {
    std::string uri = "file:";
    for (const char c : o.path) {
        if (c == '%')
            uri += "%25";
        else if (c == '?')
            uri += "%3f";
        else if (c == '#')
            uri += "%23";
        else
            uri += c;
    }
    return connection::open(uri + "?immutable=1", SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, o.vfs);
}

result<connection> open_to_read(const sqlite_options& o, store_files& files, std::span<const migration> known) {
    AIVP_TRY(connection db, connection::open(o.path, SQLITE_OPEN_READONLY, o.vfs));
    AIVP_CHECK(require_ours(db));
    sqlite3_busy_timeout(db.get(), static_cast<int>(o.busy_timeout_ms));
    const int code = db.execute("SELECT 1 FROM sqlite_schema");
    const bool no_files_beside = (code & 0xff) == SQLITE_CANTOPEN || code == SQLITE_READONLY_DIRECTORY;
    if (no_files_beside && !files.exists(o.path + "-wal")) {
        AIVP_TRY(db, open_immutable(o));
    } else if (code != SQLITE_OK) {
        return std::unexpected(db.failure(code, doing::reading, "read the store"));
    }
    AIVP_CHECK(set_up(db, o));
    AIVP_CHECK(require_schema(db, known));
    return db;
}

} // namespace

result<connection> open_store_file(const sqlite_options& o) {
    store_files& files = o.files ? *o.files : posix_store_files();
    const std::span<const migration> known = o.migrations.empty() ? store_migrations() : o.migrations;
    if (o.journal == sqlite_options::journal_mode::rollback && o.lock == sqlite_options::locking::exclusive)
        return fail(errc::config_not_supported, "a rollback journal goes with shared locking only", {o.path, 0, 0},
                    "Under exclusive locking SQLite does not delete the journal; use wal.");
    if (o.path.empty()) return fail(errc::config_value, "a store needs a path");
    if (!files.exists(o.path)) {
        if (o.read_only) return fail(errc::io_not_found, "there is no store", {o.path, 0, 0});
        AIVP_CHECK(create(o, files, known));
    }
    if (o.read_only) return open_to_read(o, files, known);
    AIVP_TRY(connection db, connection::open(o.path, SQLITE_OPEN_READWRITE, o.vfs));
    AIVP_CHECK(require_ours(db));
    if (sqlite3_db_readonly(db.get(), "main") == 1)
        return fail(errc::store_read_only, "the file cannot be written", {o.path, 0, 0});
    AIVP_CHECK(set_up(db, o));
    // A store of a newer version is left exactly as it is.
    AIVP_TRY(const std::size_t applied, applied_migrations(db, known));
    AIVP_CHECK(set_journal_mode(db, o));
    AIVP_CHECK(db.execute(std::string("PRAGMA synchronous=") + synchronous(o), doing::writing));
    sqlite3_wal_autocheckpoint(db.get(), 0);
    if (applied < known.size()) AIVP_CHECK(transaction(db, [&] { return migrate(db, known, o.opened_at); }));
    return db;
}

namespace {

int allow_select_only(void*, int action, const char*, const char*, const char*, const char*) {
    return action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION || action == SQLITE_RECURSIVE
               ? SQLITE_OK
               : SQLITE_DENY;
}

std::optional<std::string> cell(sqlite3_stmt* row, int column) {
    if (sqlite3_column_type(row, column) == SQLITE_NULL) return std::nullopt;
    const bool blob = sqlite3_column_type(row, column) == SQLITE_BLOB;
    const void* data = blob ? sqlite3_column_blob(row, column) : sqlite3_column_text(row, column);
    const std::string_view bytes(data ? static_cast<const char*>(data) : "",
                                 static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
    if (!blob) return std::string(bytes);
    static constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        hex += digits[static_cast<unsigned char>(c) >> 4];
        hex += digits[static_cast<unsigned char>(c) & 15];
    }
    return hex;
}

} // namespace

result<query_result> select(connection& db, std::string_view sql, std::size_t rows_max) {
    const auto refused = [&](std::string why) {
        return fail(errc::usage_invalid, "the query is not understood: " + std::move(why), {db.path(), 0, 0},
                    "One SELECT over the views of docs/sql.md.");
    };
    // Each connection makes these tables when they are first named, and that is more than a SELECT may do.
    for (const char* named : {"SELECT 1 FROM json_each('[]')", "SELECT 1 FROM json_tree('[]')"})
        AIVP_CHECK(db.prepare(named));
    sqlite3_set_authorizer(db.get(), allow_select_only, nullptr);
    sqlite3_stmt* handle = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v2(db.get(), sql.data(), static_cast<int>(sql.size()), &handle, &rest);
    statement query(handle);
    const std::string why = code == SQLITE_OK ? "" : sqlite3_errmsg(db.get());
    sqlite3_set_authorizer(db.get(), nullptr, nullptr);
    if (code == SQLITE_ERROR || code == SQLITE_AUTH) return refused(why);
    if (code != SQLITE_OK) return std::unexpected(db.failure(code, doing::reading, "prepare the query"));
    if (handle == nullptr) return refused("it is empty");
    const std::string_view tail(rest, static_cast<std::size_t>(sql.data() + sql.size() - rest));
    if (tail.find_first_not_of(" \t\r\n;") != std::string_view::npos) return refused("it has more than one statement");

    if (sqlite3_stmt_readonly(handle) == 0) return refused("it would write");

    query_result out;
    const int columns = sqlite3_column_count(handle);
    for (int i = 0; i < columns; ++i) out.columns.emplace_back(sqlite3_column_name(handle, i));
    int step = query.step();
    for (; step == SQLITE_ROW; step = query.step()) {
        if (out.rows.size() == rows_max) {
            out.truncated = true;
            return out;
        }
        auto& row = out.rows.emplace_back();
        for (int i = 0; i < columns; ++i) row.push_back(cell(handle, i));
    }
    if ((step & 0xff) == SQLITE_ERROR) return refused(sqlite3_errmsg(db.get()));
    if (step != SQLITE_DONE) return std::unexpected(db.failure(step, doing::reading, "run the query"));
    return out;
}

} // namespace aivp::sqlite
