// SQLite's C API behind two owners: a connection and a prepared statement. Result codes stay SQLite's own here; the
// store turns them into errors, because what a code means depends on what was being done.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

#include "aivp/base/error.hpp"

namespace aivp::sqlite {

class statement {
public:
    statement() = default;
    explicit statement(sqlite3_stmt* handle) : handle_(handle) {}
    statement(statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    statement& operator=(statement&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~statement() { sqlite3_finalize(handle_); }

    sqlite3_stmt* get() const { return handle_; }
    int step() { return sqlite3_step(handle_); }
    int reset() { return sqlite3_reset(handle_); }
    /// One step to its end, and ready for the next use. SQLITE_DONE, SQLITE_ROW or an error.
    int run() {
        const int code = step();
        reset();
        return code;
    }

    // The bytes must live until the statement is reset.
    statement& bind(int at, std::int64_t value) {
        sqlite3_bind_int64(handle_, at, value);
        return *this;
    }
    statement& bind(int at, std::uint64_t value) { return bind(at, static_cast<std::int64_t>(value)); }
    statement& bind(int at, std::string_view text) {
        sqlite3_bind_text64(handle_, at, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
        return *this;
    }
    statement& bind_blob(int at, std::string_view bytes) {
        sqlite3_bind_blob64(handle_, at, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
        return *this;
    }
    statement& bind_null(int at) {
        sqlite3_bind_null(handle_, at);
        return *this;
    }

    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
    bool is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
    /// Valid until the next step.
    std::string_view bytes(int column) const {
        const void* data = sqlite3_column_blob(handle_, column);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
        return data ? std::string_view(static_cast<const char*>(data), size) : std::string_view();
    }

private:
    sqlite3_stmt* handle_ = nullptr;
};

/// What was being done: the same code of SQLite means another error when reading than when writing.
enum class doing : std::uint8_t { reading, writing };

class connection {
public:
    connection() = default;
    connection(connection&& other) noexcept
        : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}
    connection& operator=(connection&& other) noexcept {
        std::swap(handle_, other.handle_);
        path_.swap(other.path_);
        return *this;
    }
    ~connection() { close(); }

    /// `flags` as of sqlite3_open_v2; `vfs` empty = the default one.
    static result<connection> open(const std::string& path, int flags, const std::string& vfs);
    void close();

    sqlite3* get() const { return handle_; }
    const std::string& path() const { return path_; }
    bool in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

    /// Every statement of `sql`, to its end. SQLITE_OK or an error.
    int execute(const char* sql) { return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); }
    result<void> execute(const std::string& sql, doing what);
    result<statement> prepare(std::string_view sql);
    /// The first column of the first row as text; "" when there is none. The statement is stepped to its end.
    result<std::string> value(const std::string& sql, doing what);
    /// The error that `code` stands for, with SQLite's message and number and the path. `during` is a phrase: "append to
    /// the journal".
    error failure(int code, doing what, std::string_view during) const;

private:
    sqlite3* handle_ = nullptr;
    std::string path_;
};

/// BEGIN IMMEDIATE … COMMIT around `body` (result<void>()); rolled back when either fails.
template <class Body>
result<void> transaction(connection& db, Body&& body) {
    AIVP_CHECK(db.execute("BEGIN IMMEDIATE", doing::writing));
    result<void> done = body();
    if (done) done = db.execute("COMMIT", doing::writing);
    if (!done && db.in_transaction()) db.execute("ROLLBACK");
    return done;
}

} // namespace aivp::sqlite
