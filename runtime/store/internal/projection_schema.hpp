// The tables and views that are derived from the journal. They are no part of the schema that migrations keep: another
// version of them is made by dropping them and reading the journal again.
#pragma once

#include <cstdint>

#include "runtime/store/internal/sqlite.hpp"

namespace aivp::sqlite {

/// Drops what is there of them, of whichever version, and makes them empty, in one transaction.
result<void> create_projection_schema(connection& db);
/// Does that only when they are missing or of another version.
result<void> refresh_projection_schema(connection& db);

/// The views that docs/sql.md promises.
inline constexpr std::string_view projection_views[] = {"v_journal", "v_events",       "v_agents",     "v_runs",
                                                        "v_steps",   "v_calls",        "v_errors",     "v_triggers",
                                                        "v_timers",  "v_dead_letters", "v_idempotency"};

} // namespace aivp::sqlite
