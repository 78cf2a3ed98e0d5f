#include "runtime/store/internal/projection_schema.hpp"

namespace aivp::sqlite {

namespace {

/// One more with every change of a table, a view, or of what is written into them.
constexpr std::int64_t projection_version = 1;

constexpr std::string_view tables[] = {"projected",   "agents", "triggers", "runs",         "steps",      "skill_calls",
                                       "model_calls", "errors", "timers",   "dead_letters", "idempotency"};

constexpr const char* create_tables = R"sql(
CREATE TABLE projected(
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE TABLE agents(
    agent INTEGER PRIMARY KEY NOT NULL,
    id TEXT,
    snapshot TEXT,
    activated_at INTEGER,
    retired_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE triggers(
    agent INTEGER NOT NULL,
    "trigger" INTEGER NOT NULL,
    due INTEGER,
    armed_at INTEGER,
    accepted INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    last_run INTEGER,
    last_scheduled_for INTEGER,
    last_code TEXT,
    PRIMARY KEY (agent, "trigger")
) STRICT, WITHOUT ROWID;
CREATE TABLE runs(
    run INTEGER PRIMARY KEY NOT NULL,
    agent INTEGER,
    "trigger" INTEGER,
    scheduled_for INTEGER,
    waits INTEGER,
    paused INTEGER NOT NULL DEFAULT 0,
    body TEXT,
    accepted_seq INTEGER,
    accepted_at INTEGER,
    started_at INTEGER,
    finished_seq INTEGER,
    finished_at INTEGER,
    status TEXT,
    code TEXT,
    message TEXT,
    cost INTEGER,
    latency INTEGER,
    abstained INTEGER,
    details TEXT,
    side_effects TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_by_agent ON runs(agent, run);
CREATE TABLE steps(
    seq INTEGER NOT NULL,
    event INTEGER NOT NULL,
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT,
    PRIMARY KEY (seq, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX steps_by_run ON steps(run);
CREATE TABLE skill_calls(
    run INTEGER NOT NULL,
    call INTEGER NOT NULL,
    step INTEGER,
    binding INTEGER,
    name TEXT,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1,
    key TEXT,
    arguments TEXT,
    arguments_hash TEXT,
    reserved INTEGER,
    deadline INTEGER,
    intended_at INTEGER,
    settled_at INTEGER,
    outcome TEXT,
    code TEXT,
    message TEXT,
    cost INTEGER,
    result TEXT,
    stage TEXT,
    decided_by TEXT,
    help TEXT,
    PRIMARY KEY (run, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE model_calls(
    run INTEGER NOT NULL,
    call INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 1,
    key TEXT,
    reserved INTEGER,
    deadline INTEGER,
    requested_at INTEGER,
    settled_at INTEGER,
    outcome TEXT,
    code TEXT,
    message TEXT,
    cost INTEGER,
    input_tokens INTEGER,
    cached_input_tokens INTEGER,
    output_tokens INTEGER,
    reported INTEGER,
    finish TEXT,
    proposed TEXT,
    content TEXT,
    PRIMARY KEY (run, call)
) STRICT, WITHOUT ROWID;
CREATE TABLE errors(
    seq INTEGER NOT NULL,
    event INTEGER NOT NULL,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    agent INTEGER,
    run INTEGER,
    call INTEGER,
    step INTEGER,
    code TEXT NOT NULL,
    message TEXT,
    PRIMARY KEY (seq, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX errors_by_code ON errors(code);
CREATE TABLE timers(
    run INTEGER PRIMARY KEY NOT NULL,
    due INTEGER NOT NULL,
    armed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE dead_letters(
    seq INTEGER NOT NULL,
    event INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    agent INTEGER,
    "trigger" INTEGER,
    run INTEGER,
    call INTEGER,
    code TEXT NOT NULL,
    message TEXT,
    count INTEGER NOT NULL,
    PRIMARY KEY (seq, event)
) STRICT, WITHOUT ROWID;
CREATE TABLE idempotency(
    key TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    run INTEGER NOT NULL,
    call INTEGER NOT NULL,
    outcome TEXT,
    intended_seq INTEGER NOT NULL,
    settled_seq INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_call ON idempotency(run, call);
)sql";

constexpr const char* create_views = R"sql(
CREATE VIEW v_journal AS
    SELECT seq, at, run, coalesce(json_extract(line, '$.input.type'), CASE json_extract(line, '$.events[0].type')
               WHEN 'call_settled' THEN 'skill_completed' WHEN 'model_settled' THEN 'model_completed'
               ELSE 'user_replied' END) AS input, json_extract(line, '$.causation') AS causation,
           json_array_length(line, '$.events') AS events, length(line) AS size, lower(hex(chain)) AS chain, line
    FROM journal;
CREATE VIEW v_events AS
    SELECT j.seq AS seq, e.key AS event, j.at AS at, json_extract(e.value, '$.type') AS type,
           coalesce(json_extract(e.value, '$.run'), j.run) AS run, json_extract(e.value, '$.call') AS call,
           e.value AS body
    FROM journal j, json_each(j.line, '$.events') e;
CREATE VIEW v_agents AS
    SELECT agent, id, snapshot, activated_at, retired_at FROM agents;
CREATE VIEW v_runs AS
    SELECT r.run AS run, r.agent AS agent, a.id AS agent_id, r."trigger" AS "trigger", r.scheduled_for AS scheduled_for,
           CASE WHEN r.finished_at IS NOT NULL THEN 'finished' WHEN r.started_at IS NOT NULL THEN 'running'
                ELSE 'waiting' END AS state, r.paused AS paused,
           r.accepted_at AS accepted_at, r.started_at AS started_at, r.finished_at AS finished_at, r.status AS status,
           r.code AS code, r.message AS message, r.cost AS cost_usd_micros, r.latency AS latency_us,
           r.abstained AS abstained, r.body AS body, r.details AS details, r.side_effects AS side_effects,
           r.accepted_seq AS accepted_seq, r.finished_seq AS finished_seq
    FROM runs r LEFT JOIN agents a ON a.agent = r.agent;
CREATE VIEW v_steps AS
    SELECT run, step, at, status, code, message, seq FROM steps;
CREATE VIEW v_calls AS
    SELECT run, call, 'skill' AS kind, state, attempts, name, step, binding, key, arguments AS request, result AS response, outcome,
           code, message, cost AS cost_usd_micros, reserved AS reserved_usd_micros, intended_at AS started_at, settled_at,
           deadline, stage, decided_by, NULL AS input_tokens, NULL AS output_tokens
    FROM skill_calls
    UNION ALL
    SELECT run, call, 'model', state, attempts, NULL, NULL, NULL, key, NULL, content, outcome, code, message, cost, reserved,
           requested_at, settled_at, deadline, NULL, NULL, input_tokens, output_tokens
    FROM model_calls;
CREATE VIEW v_errors AS
    SELECT at, code, message, type, agent, run, call, step, seq FROM errors;
CREATE VIEW v_triggers AS
    SELECT t.agent AS agent, a.id AS agent_id, t."trigger" AS "trigger", t.due AS due, t.armed_at AS armed_at,
           t.accepted AS accepted, t.refused AS refused, t.last_run AS last_run,
           t.last_scheduled_for AS last_scheduled_for, t.last_code AS last_code
    FROM triggers t LEFT JOIN agents a ON a.agent = t.agent;
CREATE VIEW v_timers AS
    SELECT due, 'run' AS kind, run, NULL AS agent, NULL AS "trigger", armed_at FROM timers
    UNION ALL
    SELECT due, 'trigger', NULL, agent, "trigger", armed_at FROM triggers WHERE due IS NOT NULL;
CREATE VIEW v_dead_letters AS
    SELECT at, kind, agent, "trigger", run, call, code, message, count, seq FROM dead_letters;
CREATE VIEW v_idempotency AS
    SELECT key, kind, run, call, outcome, intended_seq, settled_seq FROM idempotency;
)sql";

} // namespace

result<void> create_projection_schema(connection& db) {
    return transaction(db, [&]() -> result<void> {
        for (const std::string_view view : projection_views)
            AIVP_CHECK(db.execute("DROP VIEW IF EXISTS " + std::string(view), doing::writing));
        for (const std::string_view table : tables)
            AIVP_CHECK(db.execute("DROP TABLE IF EXISTS " + std::string(table), doing::writing));
        AIVP_CHECK(db.execute(create_tables, doing::writing));
        AIVP_CHECK(db.execute(create_views, doing::writing));
        return db.execute("INSERT INTO projected VALUES (1, " + std::to_string(projection_version) + ", 0)",
                          doing::writing);
    });
}

result<void> refresh_projection_schema(connection& db) {
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v2(db.get(), "SELECT version FROM projected WHERE id = 1", -1, &handle, nullptr);
    statement version(handle);
    if (code == SQLITE_OK) {
        const int step = version.step();
        if (step == SQLITE_ROW && version.integer(0) == projection_version) return {};
        if (step != SQLITE_ROW && step != SQLITE_DONE)
            return std::unexpected(db.failure(step, doing::reading, "read how far the tables are"));
        version.reset();
    } else if (code != SQLITE_ERROR) {
        return std::unexpected(db.failure(code, doing::reading, "read how far the tables are"));
    }
    return create_projection_schema(db);
}

} // namespace aivp::sqlite
