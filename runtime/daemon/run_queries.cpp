#include "runtime/daemon/run_queries.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>
#include <vector>

namespace aivp {

namespace {

constexpr std::size_t rows_shown_max = 1'000;

bool is_text_column(std::string_view name) {
    constexpr std::array<std::string_view, 18> names{"agent_id", "state", "status",  "code",  "message",    "kind",
                                                     "name",     "key",   "outcome", "stage", "decided_by", "id",
                                                     "snapshot", "type",  "input",   "chain", "last_code",  "whole"};
    return std::ranges::find(names, name) != names.end();
}

bool is_json_column(std::string_view name) {
    constexpr std::array<std::string_view, 7> names{"body",     "details", "side_effects", "request",
                                                    "response", "line",    "value"};
    return std::ranges::find(names, name) != names.end();
}

payload cell_payload(std::string_view column, const std::optional<std::string>& cell) {
    if (!cell) return {};
    if (is_text_column(column)) return payload::of_string(*cell);
    if (is_json_column(column)) return payload::parse(*cell).value_or(payload::of_string(*cell));
    std::int64_t n = 0;
    const auto [end, ec] = std::from_chars(cell->data(), cell->data() + cell->size(), n);
    return ec == std::errc() && end == cell->data() + cell->size() ? payload::of_integer(n) : payload::of_string(*cell);
}

using row_members = std::vector<std::pair<std::string, payload>>;

row_members members_of_row(const query_result& from, std::size_t row) {
    row_members out;
    for (std::size_t c = 0; c < from.columns.size(); ++c)
        out.emplace_back(from.columns[c], cell_payload(from.columns[c], from.rows[row][c]));
    return out;
}

std::vector<payload> objects_of(const query_result& from) {
    std::vector<payload> out;
    for (std::size_t r = 0; r < from.rows.size(); ++r) out.push_back(payload::of_object(members_of_row(from, r)));
    return out;
}

payload table_payload(const char* name, std::vector<payload> rows, bool truncated) {
    return payload::of_object({{name, payload::of_array(rows)},
                               {"truncated", payload::of_bool(truncated)},
                               {"version", payload::of_integer(1)}});
}

std::int64_t integer_at(const payload& object, std::string_view key, std::int64_t otherwise) {
    const auto m = member(object, key);
    return m ? as_integer(*m).value_or(otherwise) : otherwise;
}

/// The one that was active when the run was accepted.
result<snapshot_ptr> snapshot_of_run(const store_query& query, snapshot_source& snapshots, const payload& run) {
    const std::int64_t agent = integer_at(run, "agent", 0);
    const std::string number = std::to_string(agent);
    AIVP_TRY(query_result now, query("SELECT snapshot FROM v_agents WHERE agent = " + number +
                                         " AND activated_at <= " + std::to_string(integer_at(run, "accepted_at", 0)),
                                     1));
    if (now.rows.empty()) {
        AIVP_TRY(now, query("SELECT json_extract(body, '$.snapshot.whole') FROM v_events WHERE type = 'agent_activated'"
                            " AND seq <= " +
                                std::to_string(integer_at(run, "accepted_seq", 0)) +
                                " AND json_extract(body, '$.agent') = " + number + " ORDER BY seq DESC LIMIT 1",
                            1));
    }
    if (now.rows.empty() || !now.rows.front().front()) return snapshot_ptr();
    const auto whole = parse_digest(*now.rows.front().front());
    return whole ? snapshots.find(*whole) : nullptr;
}

void add_contract(row_members& call, const agent_snapshot& agent) {
    const payload row = payload::of_object(call);
    if (as_string(*member(row, "kind")) == "model") {
        const auto* brain = std::get_if<loop_brain>(&agent.brain);
        call.emplace_back("as", payload::of_string(brain ? brain->model.name : "model"));
        return;
    }
    const std::int64_t n = integer_at(row, "binding", -1);
    if (n < 0 || static_cast<std::size_t>(n) >= agent.bindings.size()) return;
    const skill_binding& b = agent.bindings[static_cast<std::size_t>(n)];
    call.emplace_back("as", payload::of_string(b.as));
    call.emplace_back("effect", payload::of_string(to_string(b.skill->effect)));
    call.emplace_back("reversible", payload::of_bool(b.skill->reversible));
    call.emplace_back("skill", payload::of_string(b.skill->id));
    call.emplace_back("skill_version", payload::of_string(b.skill->version));
}

payload agent_payload(const payload& run, const snapshot_ptr& snapshot) {
    row_members out{{"id", member(run, "agent_id").value_or(payload())}};
    if (snapshot) {
        out.emplace_back("budget_usd_micros", payload::of_integer(snapshot->limits.budget.value));
        out.emplace_back("snapshot", payload::of_string(to_hex(snapshot->hashes.whole)));
    }
    return payload::of_object(std::move(out));
}

} // namespace

result<payload> list_runs(const store_query& query, bool all) {
    const std::string where = all ? "" : " WHERE state <> 'finished'";
    AIVP_TRY(const query_result rows,
             query("SELECT *, (SELECT count(*) FROM v_calls c WHERE c.run = r.run AND c.state = 'parked') AS parked"
                   " FROM v_runs r" +
                       where + " ORDER BY run DESC",
                   rows_shown_max));
    return table_payload("runs", objects_of(rows), rows.truncated);
}

result<payload> show_run(const store_query& query, snapshot_source& snapshots, run_id run) {
    const std::string number = std::to_string(run.value);
    AIVP_TRY(const query_result runs, query("SELECT * FROM v_runs WHERE run = " + number, 1));
    if (runs.rows.empty()) return fail(errc::run_not_found, to_string(run) + " does not exist");
    const payload about = payload::of_object(members_of_row(runs, 0));
    AIVP_TRY(const snapshot_ptr snapshot, snapshot_of_run(query, snapshots, about));
    AIVP_TRY(const query_result calls,
             query("SELECT * FROM v_calls WHERE run = " + number + " ORDER BY call, started_at, settled_at", 100'000));
    std::vector<payload> shown;
    for (std::size_t r = 0; r < calls.rows.size(); ++r) {
        row_members call = members_of_row(calls, r);
        if (snapshot) add_contract(call, *snapshot);
        shown.push_back(payload::of_object(std::move(call)));
    }
    AIVP_TRY(const query_result steps,
             query("SELECT * FROM v_steps WHERE run = " + number + " ORDER BY seq, step", 100'000));
    return payload::of_object({{"agent", agent_payload(about, snapshot)},
                               {"calls", payload::of_array(shown)},
                               {"run", about},
                               {"steps", payload::of_array(objects_of(steps))},
                               {"version", payload::of_integer(1)}});
}

result<std::vector<payload>> log_lines(const store_query& query, run_id run, seq_no from, std::size_t limit,
                                       log_end end) {
    const std::string number = std::to_string(run.value);
    // As is_about(). A record of its own run says so at its head; others (a recovery, a trigger) name it in their events.
    const std::string of_run =
        run ? " AND (run = " + number + " OR (run IS NULL AND instr(line, '\"run\":" + number +
                  "') > 0 AND EXISTS (SELECT 1 FROM json_each(line, '$.events') e WHERE e.value ->> '$.run' = " +
                  number + ")))"
            : "";
    AIVP_TRY(const query_result rows, query("SELECT line FROM v_journal WHERE seq >= " + std::to_string(from.value) +
                                                of_run + " ORDER BY seq" + (end == log_end::newest ? " DESC" : ""),
                                            limit));
    if (run && rows.rows.empty()) {
        AIVP_TRY(const query_result known, query("SELECT 1 FROM v_runs WHERE run = " + number, 1));
        if (known.rows.empty()) return fail(errc::run_not_found, to_string(run) + " does not exist");
    }
    std::vector<payload> out;
    for (const auto& row : rows.rows)
        if (row.front()) out.push_back(payload::from_canonical(*row.front()));
    if (end == log_end::newest) std::ranges::reverse(out);
    return out;
}

bool is_about(const payload& line, run_id run) {
    if (!run) return true;
    const auto number = static_cast<std::int64_t>(run.value);
    if (integer_at(line, "correlation", 0) == number) return true;
    const auto events = member(line, "events");
    return events &&
           std::ranges::any_of(items(*events), [&](const payload& e) { return integer_at(e, "run", 0) == number; });
}

result<payload> list_dead_letters(const store_query& query) {
    AIVP_TRY(const query_result rows,
             query("SELECT 'dl-' || seq || '-' || d.kind AS id, d.*, a.id AS agent_id FROM v_dead_letters d"
                   " LEFT JOIN v_agents a ON a.agent = d.agent ORDER BY seq DESC",
                   rows_shown_max));
    return table_payload("dead_letters", objects_of(rows), rows.truncated);
}

result<replay_request> replay_of(const store_query& query, std::string_view dead_letter) {
    const std::size_t dash = dead_letter.rfind('-');
    const auto seq = parse_number_name(dead_letter.substr(0, dash), "dl-");
    const std::string kind(dash == std::string_view::npos ? "" : dead_letter.substr(dash + 1));
    const auto unknown = [&] {
        return fail(errc::run_not_found, "there is no dead letter `" + std::string(dead_letter) + "`", {},
                    "`aivp dead-letters` lists them.");
    };
    if (!seq || (kind != "run" && kind != "call" && kind != "trigger")) return unknown();
    AIVP_TRY(const query_result rows,
             query("SELECT d.code AS code, r.agent_id AS agent, r.body AS body FROM v_dead_letters d LEFT JOIN v_runs r"
                   " ON r.run = d.run WHERE d.seq = " +
                       std::to_string(*seq) + " AND d.kind = '" + kind + "'",
                   1));
    if (rows.rows.empty()) return unknown();
    const auto& row = rows.rows.front();
    if (kind == "trigger" || !row[1])
        return fail(errc::config_not_supported,
                    "a refused trigger's payload was not recorded: start the agent by hand");
    if (row[0] == std::string(info(errc::call_parked).name) ||
        row[0] == std::string(info(errc::skill_outcome_unknown).name))
        if (kind == "call") return fail(errc::call_parked, "it is not known whether the call took effect");
    return replay_request{*row[1], payload::parse(row[2].value_or("null")).value_or(payload())};
}

std::optional<std::uint64_t> parse_number_name(std::string_view text, std::string_view prefix) {
    if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
    std::uint64_t n = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || ec != std::errc() || end != text.data() + text.size()) return {};
    return n;
}

} // namespace aivp
