// Opening the file: foreign files, creation by rename, pragmas, migrations. Shared by the store and by a projector with a
// connection of its own.
#pragma once

#include "runtime/store/internal/sqlite.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp::sqlite {

/// "aivp" in ASCII: what PRAGMA application_id holds in our files.
inline constexpr std::int64_t application_id = 0x61697670;
inline constexpr std::int64_t page_bytes = 4096;

/// Ready for statements, migrated unless read_only. Creates the file when it is not there and may be written.
result<connection> open_store_file(const sqlite_options& options);

/// Applies what is missing, and fences a writer of the older schema. Inside a transaction of the caller, who rolls it back
/// when this fails: a store has all of it or is as it was. Errors: store.newer_schema, store.migration.
result<void> migrate(connection& db, std::span<const migration> known, instant now);
/// How many of `known` the store has. store.newer_schema or store.migration when its migrations are not the first ones of
/// `known`. Writes nothing.
result<std::size_t> applied_migrations(connection& db, std::span<const migration> known);
/// The same, and store.migration when the file does not have exactly the schema of `known`.
result<void> require_schema(connection& db, std::span<const migration> known);

/// One SELECT; see sqlite_store::query().
result<query_result> select(connection& db, std::string_view sql, std::size_t rows_max);

} // namespace aivp::sqlite
