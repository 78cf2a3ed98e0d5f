// What people ask about runs, answered from the tables of a store: the same answers beside a daemon and without one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/engine/recovery.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace aivp {

/// One SELECT over the views of docs/sql.md.
using store_query = std::function<result<query_result>(std::string_view sql, std::size_t rows_max)>;

/// {"runs":[…],"truncated":…,"version":1}, the newest first: those that have not ended, or all, at most 1,000. Columns as in
/// v_runs, and "parked": how many of its calls wait for a person.
result<payload> list_runs(const store_query& query, bool all);
/// {"agent":{…},"calls":[…],"run":{…},"steps":[…],"version":1}; columns as in v_runs, v_calls and v_steps. Where the agent's
/// snapshot is known, a call also has "as", "effect", "reversible", "skill" and "skill_version", and the agent its "budget_usd_micros".
/// Errors: run.not_found.
result<payload> show_run(const store_query& query, snapshot_source& snapshots, run_id run);
enum class log_end : std::uint8_t { oldest, newest };
/// Journal lines from record `from` on, oldest first, of one run or of all (0). When there are more than `limit`: those at
/// that end. Errors: run.not_found.
result<std::vector<payload>> log_lines(const store_query& query, run_id run, seq_no from, std::size_t limit,
                                       log_end end = log_end::oldest);
/// Whether a line (canonical JSON) is about the run; 0 = about any.
bool is_about(const payload& line, run_id run);

/// {"dead_letters":[…],"truncated":…,"version":1}, the newest first; columns as in v_dead_letters, and "id": "dl-42-run".
result<payload> list_dead_letters(const store_query& query);
/// What would be started anew for a dead letter.
struct replay_request {
    std::string agent;
    payload body;
};
/// Errors: run.not_found (no such dead letter), call.parked (find out first), config.not_supported (what it was about was not
/// recorded).
result<replay_request> replay_of(const store_query& query, std::string_view dead_letter);

/// "run-12", "12" → 12; nullopt for anything else. For calls with the prefix "call-".
std::optional<std::uint64_t> parse_number_name(std::string_view text, std::string_view prefix);

} // namespace aivp
