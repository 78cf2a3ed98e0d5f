#include "runtime/store/internal/sqlite.hpp"

#include <cerrno>

namespace aivp::sqlite {

namespace {

errc error_of(int code, doing what, int os_error) {
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return errc::store_locked;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return errc::store_read_only;
    case SQLITE_FULL: return errc::store_full;
    case SQLITE_CORRUPT: return errc::store_corrupt;
    case SQLITE_NOTADB: return errc::store_foreign;
    default: break;
    }
    // SQLite itself takes only ENOSPC for a full disk.
    if ((code & 0xff) == SQLITE_IOERR && (os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG))
        return errc::store_full;
    return what == doing::reading ? errc::io_read : errc::io_write;
}

/// What the operating system said last about the database's file or its log. SQLite keeps it for each file, but hands it
/// on only for errors outside of COMMIT.
int system_error(sqlite3* db) {
    for (const int pointer : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
        sqlite3_file* file = nullptr;
        int number = 0;
        if (sqlite3_file_control(db, "main", pointer, &file) == SQLITE_OK && file != nullptr &&
            file->pMethods != nullptr &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number) == SQLITE_OK && number != 0)
            return number;
    }
    return sqlite3_system_errno(db);
}

} // namespace

result<connection> connection::open(const std::string& path, int flags, const std::string& vfs) {
    connection made;
    made.path_ = path;
    // One thread uses a connection: SQLite need not lock it for each call.
    const int code =
        sqlite3_open_v2(path.c_str(), &made.handle_, flags | SQLITE_OPEN_NOMUTEX, vfs.empty() ? nullptr : vfs.c_str());
    if (code != SQLITE_OK) return std::unexpected(made.failure(code, doing::reading, "open the store"));
    sqlite3_extended_result_codes(made.handle_, 1);
    return made;
}

void connection::close() {
    sqlite3_close_v2(handle_);
    handle_ = nullptr;
}

result<void> connection::execute(const std::string& sql, doing what) {
    const int code = execute(sql.c_str());
    if (code != SQLITE_OK) return std::unexpected(failure(code, what, what == doing::reading ? "read" : "write"));
    return {};
}

result<statement> connection::prepare(std::string_view sql) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                        &handle, nullptr);
    if (code != SQLITE_OK) return std::unexpected(failure(code, doing::reading, "read"));
    return statement(handle);
}

result<std::string> connection::value(const std::string& sql, doing what) {
    AIVP_TRY(statement query, prepare(sql));
    std::string found;
    int code = query.step();
    if (code == SQLITE_ROW) {
        found = query.bytes(0);
        // What a pragma changes is finished only when the statement is.
        while (code == SQLITE_ROW) code = query.step();
    }
    if (code != SQLITE_DONE) return std::unexpected(failure(code, what, what == doing::reading ? "read" : "write"));
    return found;
}

error connection::failure(int code, doing what, std::string_view during) const {
    const int os_error = handle_ && (code & 0xff) == SQLITE_IOERR ? system_error(handle_) : 0;
    const char* text =
        handle_ && sqlite3_errcode(handle_) != SQLITE_OK ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
    error e{error_of(code, what, os_error),
            "cannot " + std::string(during) + ": " + text + " (SQLite " + std::to_string(code) + ")",
            {path_, 0, 0},
            {},
            {{"sqlite", std::to_string(code)}, {"path", path_}}};
    if (os_error != 0) e.context.emplace_back("errno", std::to_string(os_error));
    return e;
}

} // namespace aivp::sqlite
