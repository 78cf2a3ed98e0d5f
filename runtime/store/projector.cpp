#include "runtime/store/projector.hpp"

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aivp/base/payload.hpp"
#include "runtime/store/internal/projection_schema.hpp"
#include "runtime/store/internal/store_file.hpp"
#include "runtime/store/internal/store_impl.hpp"

namespace aivp {

namespace {

using sqlite::connection;
using sqlite::doing;
using sqlite::statement;

constexpr std::uint64_t records_per_transaction = 2'000;

/// What an event of a type writes. Parameters name what is bound to them: @x the record (seq, at, event = position within
/// the record, run = of the event, or else of the record), :x the event's member x as a value (a__b: member b of member a),
/// $x the member as JSON. An absent member is NULL; the journal leaves out what can be told from elsewhere.
struct projection {
    std::string_view type; ///< of the event; "" = any
    std::string_view sql;
};

constexpr projection projections[] = {
    {"agent_activated", R"sql(
INSERT INTO agents(agent, id, snapshot, activated_at) VALUES (:agent, :id, :snapshot__whole, @at)
ON CONFLICT DO UPDATE SET id = excluded.id, snapshot = excluded.snapshot, activated_at = excluded.activated_at,
    retired_at = NULL)sql"},
    {"agent_retired", "UPDATE agents SET retired_at = @at WHERE agent = :agent"},
    {"trigger_armed", R"sql(
INSERT INTO triggers(agent, "trigger", due, armed_at) VALUES (:agent, :trigger, :due, @at)
ON CONFLICT DO UPDATE SET due = excluded.due, armed_at = excluded.armed_at)sql"},
    {"trigger_accepted", R"sql(
INSERT INTO runs(run, agent, "trigger", scheduled_for, waits, body, accepted_seq, accepted_at)
VALUES (@run, :agent, :trigger, :scheduled_for, coalesce(:waits, 0), $body, @seq, @at)
ON CONFLICT DO UPDATE SET agent = excluded.agent, "trigger" = excluded."trigger",
    scheduled_for = excluded.scheduled_for, waits = excluded.waits, body = excluded.body,
    accepted_seq = excluded.accepted_seq, accepted_at = excluded.accepted_at)sql"},
    {"trigger_accepted", R"sql(
INSERT INTO triggers(agent, "trigger", accepted, last_run, last_scheduled_for)
VALUES (:agent, :trigger, 1, @run, :scheduled_for)
ON CONFLICT DO UPDATE SET accepted = accepted + 1, last_run = excluded.last_run,
    last_scheduled_for = excluded.last_scheduled_for)sql"},
    {"trigger_refused", R"sql(
INSERT INTO triggers(agent, "trigger", refused, last_scheduled_for, last_code)
VALUES (coalesce(:agent, 0), coalesce(:trigger, 0), coalesce(:count, 1), :scheduled_for, :code)
ON CONFLICT DO UPDATE SET refused = refused + excluded.refused, last_scheduled_for = excluded.last_scheduled_for,
    last_code = excluded.last_code)sql"},
    {"trigger_refused", R"sql(
INSERT INTO dead_letters(seq, event, at, kind, agent, "trigger", code, message, count)
VALUES (@seq, @event, @at, 'trigger', :agent, :trigger, coalesce(:code, 'trigger.refused'), :reason, coalesce(:count, 1)))sql"},
    {"run_started", R"sql(
INSERT INTO runs(run, started_at) VALUES (@run, @at)
ON CONFLICT DO UPDATE SET started_at = excluded.started_at)sql"},
    {"model_requested", R"sql(
INSERT INTO model_calls(run, call, state, key, reserved, deadline, requested_at)
VALUES (@run, :call, 'open', :key, coalesce(:reserved, 0), :deadline, @at)
ON CONFLICT DO UPDATE SET state = 'open', key = excluded.key, reserved = excluded.reserved, deadline = excluded.deadline,
    requested_at = excluded.requested_at)sql"},
    {"model_requested", R"sql(
INSERT INTO idempotency(key, kind, run, call, intended_seq) SELECT :key, 'model', @run, :call, @seq WHERE :key IS NOT NULL
ON CONFLICT DO UPDATE SET run = excluded.run, call = excluded.call, outcome = NULL, intended_seq = excluded.intended_seq,
    settled_seq = NULL)sql"},
    {"model_settled", R"sql(
INSERT INTO model_calls(run, call, state, settled_at, outcome, code, message, cost, input_tokens, cached_input_tokens,
    output_tokens, reported, finish, proposed, content)
VALUES (@run, :call, 'settled', @at, coalesce(:outcome, 'ok'), coalesce(:code, 'ok'), :message, coalesce(:cost, 0),
    :response__usage__input, :response__usage__cached_input, :response__usage__output, :response__usage__reported,
    :response__finish, $response__calls, $response__content)
ON CONFLICT DO UPDATE SET state = 'settled', settled_at = excluded.settled_at, outcome = excluded.outcome,
    code = excluded.code, message = excluded.message, cost = excluded.cost, input_tokens = excluded.input_tokens,
    cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
    reported = excluded.reported, finish = excluded.finish, proposed = excluded.proposed, content = excluded.content)sql"},
    {"model_settled", R"sql(
UPDATE idempotency SET outcome = coalesce(:outcome, 'ok'), settled_seq = @seq
WHERE run = @run AND call = :call AND kind = 'model')sql"},
    {"call_refused", R"sql(
INSERT OR REPLACE INTO skill_calls(run, call, step, name, state, arguments_hash, settled_at, code, message, stage,
    decided_by, help)
VALUES (@run, :call, :step, :as, 'refused', :arguments_hash, @at, :code, :message, :stage, :decided_by, :help))sql"},
    {"call_intended", R"sql(
INSERT INTO skill_calls(run, call, step, binding, state, key, arguments, arguments_hash, reserved, deadline, intended_at)
VALUES (@run, :call, coalesce(:step, 0), coalesce(:binding, 0), 'open', :key, $arguments, :arguments_hash,
    coalesce(:reserved, 0), :deadline, @at)
ON CONFLICT DO UPDATE SET step = excluded.step, binding = excluded.binding, state = 'open', key = excluded.key,
    arguments = excluded.arguments, arguments_hash = excluded.arguments_hash, reserved = excluded.reserved,
    deadline = excluded.deadline, intended_at = excluded.intended_at)sql"},
    {"call_intended", R"sql(
INSERT INTO idempotency(key, kind, run, call, intended_seq) SELECT :key, 'skill', @run, :call, @seq WHERE :key IS NOT NULL
ON CONFLICT DO UPDATE SET run = excluded.run, call = excluded.call, outcome = NULL, intended_seq = excluded.intended_seq,
    settled_seq = NULL)sql"},
    {"call_settled", R"sql(
INSERT INTO skill_calls(run, call, step, binding, state, settled_at, outcome, code, message, cost, result)
VALUES (@run, :call, :step, :binding, 'settled', @at, coalesce(:outcome, 'ok'), coalesce(:code, 'ok'), :message,
    coalesce(:cost, 0), $result)
ON CONFLICT DO UPDATE SET state = 'settled', settled_at = excluded.settled_at, outcome = excluded.outcome,
    code = excluded.code, message = excluded.message, cost = excluded.cost, result = excluded.result)sql"},
    {"call_settled", R"sql(
UPDATE idempotency SET outcome = coalesce(:outcome, 'ok'), settled_seq = @seq
WHERE run = @run AND call = :call AND kind = 'skill')sql"},
    {"call_settled", "DELETE FROM dead_letters WHERE kind = 'call' AND run = @run AND call = :call"},
    {"call_settled", R"sql(
INSERT INTO dead_letters(seq, event, at, kind, run, call, code, message, count)
SELECT @seq, @event, @at, 'call', @run, :call, coalesce(:code, 'ok'), :message, 1
WHERE coalesce(:outcome, 'ok') = 'unknown' OR :code IN ('retry.exhausted', 'call.parked'))sql"},
    {"call_parked", R"sql(
UPDATE skill_calls SET state = 'parked', code = :code, message = :message WHERE run = @run AND call = :call)sql"},
    {"call_parked", R"sql(
UPDATE model_calls SET state = 'parked', code = :code, message = :message WHERE run = @run AND call = :call)sql"},
    {"call_parked", R"sql(
INSERT INTO dead_letters(seq, event, at, kind, run, call, code, message, count)
VALUES (@seq, @event, @at, 'call', @run, :call, coalesce(:code, 'call.parked'), :message, 1))sql"},
    {"call_resent", R"sql(
UPDATE skill_calls SET state = 'open', deadline = :deadline WHERE run = @run AND call = :call)sql"},
    {"call_resent", R"sql(
UPDATE model_calls SET state = 'open', deadline = :deadline WHERE run = @run AND call = :call)sql"},
    {"call_retry_planned", R"sql(
UPDATE skill_calls SET attempts = :attempt WHERE run = @run AND call = :call AND :attempt > attempts)sql"},
    {"call_retry_planned", R"sql(
UPDATE model_calls SET attempts = :attempt WHERE run = @run AND call = :call AND :attempt > attempts)sql"},
    {"run_paused", "UPDATE runs SET paused = 1 WHERE run = @run"},
    {"run_resumed", "UPDATE runs SET paused = 0 WHERE run = @run"},
    {"step_finished", R"sql(
INSERT INTO steps(seq, event, run, step, at, status, code, message)
VALUES (@seq, @event, @run, coalesce(:step, 0), @at, coalesce(:status, 'success'), coalesce(:code, 'ok'), :message))sql"},
    {"timer_armed", "DELETE FROM timers WHERE run = @run"},
    {"timer_armed", "INSERT INTO timers(run, due, armed_at) SELECT @run, :due, @at WHERE :due IS NOT NULL"},
    {"run_finished", R"sql(
INSERT INTO runs(run, finished_seq, finished_at, status, code, message, cost, latency, abstained, details, side_effects)
VALUES (@run, @seq, @at, coalesce(:status, 'success'), coalesce(:code, 'ok'), :message, coalesce(:cost, 0),
    coalesce(:latency, 0), coalesce(:abstained, 0), $details, coalesce($side_effects, '[]'))
ON CONFLICT DO UPDATE SET finished_seq = excluded.finished_seq, finished_at = excluded.finished_at,
    status = excluded.status, code = excluded.code, message = excluded.message, cost = excluded.cost,
    latency = excluded.latency, abstained = excluded.abstained, details = excluded.details,
    side_effects = excluded.side_effects)sql"},
    {"run_finished", "DELETE FROM timers WHERE run = @run"},
    {"run_finished", R"sql(
INSERT INTO dead_letters(seq, event, at, kind, agent, "trigger", run, code, message, count)
SELECT @seq, @event, @at, 'run', (SELECT agent FROM runs WHERE run = @run),
    (SELECT "trigger" FROM runs WHERE run = @run), @run, coalesce(:code, 'ok'), :message, 1
WHERE :status = 'failure')sql"},
    {"", R"sql(
INSERT INTO errors(seq, event, at, type, agent, run, call, step, code, message)
SELECT @seq, @event, @at, :type, :agent, @run, :call, :step, :code, coalesce(:message, :reason)
WHERE coalesce(:code, 'ok') <> 'ok')sql"},
};

/// A record as the projections see it.
struct record_view {
    std::int64_t seq;
    std::int64_t at;
    std::string_view run; ///< JSON number, or empty
};

struct event_view {
    std::int64_t position;
    std::string_view text; ///< canonical JSON
};

std::string pointer_of(std::string_view parameter) {
    std::string pointer = "/";
    for (std::size_t i = 0; i < parameter.size(); ++i) {
        if (parameter.substr(i, 2) == "__") {
            pointer += '/';
            ++i;
        } else {
            pointer += parameter[i];
        }
    }
    return pointer;
}

void bind_integer(statement& s, int at, std::string_view number) {
    std::int64_t value = 0;
    const auto [end, wrong] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (wrong == std::errc() && end == number.data() + number.size())
        s.bind(at, value);
    else
        s.bind_null(at);
}

/// A statement and where each of its parameters comes from.
class rule {
public:
    static result<rule> make(connection& db, const projection& p) {
        rule made;
        AIVP_TRY(made.statement_, db.prepare(p.sql));
        const int count = sqlite3_bind_parameter_count(made.statement_.get());
        for (int i = 1; i <= count; ++i) {
            const std::string_view name = sqlite3_bind_parameter_name(made.statement_.get(), i);
            const std::string_view key = name.substr(1);
            if (name.front() != '@') {
                made.sources_.push_back({name.front() == '$' ? kind::json : kind::value, pointer_of(key)});
                continue;
            }
            made.sources_.push_back({key == "seq"   ? kind::seq
                                     : key == "at"  ? kind::at
                                     : key == "run" ? kind::run
                                                    : kind::event,
                                     {}});
        }
        return made;
    }

    int apply(const record_view& record, const event_view& event) {
        for (std::size_t i = 0; i < sources_.size(); ++i) bind(static_cast<int>(i) + 1, sources_[i], record, event);
        const int code = statement_.run();
        texts_.clear();
        return code;
    }

private:
    enum class kind : std::uint8_t { seq, at, event, run, value, json };
    struct source {
        kind what;
        std::string pointer;
    };

    void bind(int at, const source& from, const record_view& record, const event_view& event) {
        switch (from.what) {
        case kind::seq: statement_.bind(at, record.seq); return;
        case kind::at: statement_.bind(at, record.at); return;
        case kind::event: statement_.bind(at, event.position); return;
        case kind::run: bind_integer(statement_, at, pointer_text(event.text, "/run").value_or(record.run)); return;
        case kind::json:
            if (const auto text = pointer_text(event.text, from.pointer); text && *text != "null")
                statement_.bind(at, *text);
            else
                statement_.bind_null(at);
            return;
        case kind::value: bind_value(at, pointer_text(event.text, from.pointer).value_or("null")); return;
        }
    }
    void bind_value(int at, std::string_view json) {
        if (json == "true" || json == "false") {
            statement_.bind(at, std::int64_t{json == "true"});
        } else if (json.front() == '"') {
            const std::string_view inside = json.substr(1, json.size() - 2);
            if (inside.find('\\') == std::string_view::npos) {
                statement_.bind(at, inside);
                return;
            }
            texts_.push_back(as_string(payload::from_canonical(std::string(json))).value_or(std::string()));
            statement_.bind(at, std::string_view(texts_.back()));
        } else if (json.front() == '{' || json.front() == '[') {
            statement_.bind(at, json);
        } else {
            bind_integer(statement_, at, json);
        }
    }

    statement statement_;
    std::vector<source> sources_;
    std::list<std::string> texts_; ///< unescaped, alive until the statement has run
};

} // namespace

struct projector::impl {
    sqlite_store* store = nullptr; ///< whose connection is used; or
    connection own;
    bool read_only = false;

    bool schema_checked = false;
    result<connection*> db() {
        if (store) AIVP_CHECK(store->impl_->ready());
        connection* const used = store ? &store->impl_->db : &own;
        // Made when somebody asks for the first time: a store that nobody asks is smaller, and opens faster.
        if (!schema_checked && !read_only) AIVP_CHECK(sqlite::refresh_projection_schema(*used));
        schema_checked = true;
        return used;
    }
    result<std::uint64_t> project(connection& c, std::uint64_t records_max);
};

namespace {

using rule_book = std::map<std::string_view, std::vector<rule>>;

result<rule_book> make_rules(connection& db) {
    rule_book rules;
    for (const projection& p : projections) {
        AIVP_TRY(rule made, rule::make(db, p));
        rules[p.type].push_back(std::move(made));
    }
    return rules;
}

result<void> apply(connection& db, rule_book& rules, const record_view& record, const event_view& event) {
    const auto type = pointer_text(event.text, "/type").value_or("\"\"");
    const auto failed = [&](int code) {
        const error why = db.failure(code, doing::writing, "derive rows");
        // What the disk says is not the record's fault.
        if ((code & 0xff) != SQLITE_CONSTRAINT && (code & 0xff) != SQLITE_MISMATCH) return why;
        return error{errc::store_corrupt,
                     "event " + std::to_string(event.position) + " of record " + std::to_string(record.seq) +
                         " lacks what its type needs: " + why.message,
                     why.where,
                     {},
                     why.context};
    };
    for (const std::string_view name : {type.substr(1, type.size() - 2), std::string_view()}) {
        const auto found = rules.find(name);
        if (found == rules.end()) continue;
        for (rule& r : found->second)
            if (const int code = r.apply(record, event); code != SQLITE_DONE) return std::unexpected(failed(code));
        if (name.empty()) break;
    }
    return {};
}

result<void> apply_line(connection& db, rule_book& rules, std::int64_t seq, std::int64_t at, std::string_view line) {
    const auto parsed = payload::parse(line);
    if (!parsed)
        return fail(errc::store_corrupt, "record " + std::to_string(seq) + " is no JSON: " + parsed.error().message,
                    {db.path(), 0, 0});
    const record_view record{seq, at, member_text(parsed->text(), "correlation").value_or("null")};
    std::string pointer;
    const auto events = member_text(parsed->text(), "events").value_or("[]");
    for (std::int64_t i = 0;; ++i) {
        pointer = "/" + std::to_string(i);
        const auto text = pointer_text(events, pointer);
        if (!text) return {};
        AIVP_CHECK(apply(db, rules, record, {i, *text}));
    }
}

result<std::uint64_t> read_position(connection& db) {
    AIVP_TRY(statement row, db.prepare("SELECT seq FROM projected WHERE id = 1"));
    const int code = row.step();
    if (code != SQLITE_ROW) return std::unexpected(db.failure(code, doing::reading, "read how far the tables are"));
    return static_cast<std::uint64_t>(row.integer(0));
}

} // namespace

/// One transaction.
result<std::uint64_t> projector::impl::project(connection& c, std::uint64_t records_max) {
    std::uint64_t count = 0;
    const result<void> done = sqlite::transaction(c, [&]() -> result<void> {
        AIVP_TRY(rule_book rules, make_rules(c));
        AIVP_TRY(std::uint64_t position, read_position(c));
        AIVP_TRY(statement lines, c.prepare("SELECT seq, at, line FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2"));
        lines.bind(1, position).bind(2, records_max);
        int code = lines.step();
        for (; code == SQLITE_ROW; code = lines.step(), ++count) {
            AIVP_CHECK(apply_line(c, rules, lines.integer(0), lines.integer(1), lines.bytes(2)));
            position = static_cast<std::uint64_t>(lines.integer(0));
        }
        if (code != SQLITE_DONE) return std::unexpected(c.failure(code, doing::reading, "read the journal"));
        if (count == 0) return {};
        return c.execute("UPDATE projected SET seq = " + std::to_string(position), doing::writing);
    });
    if (!done) return std::unexpected(done.error());
    return count;
}

projector::projector(sqlite_store& store) : impl_(std::make_unique<impl>()) {
    impl_->store = &store;
    impl_->read_only = store.impl_->options.read_only;
}
projector::projector(std::unique_ptr<impl> made) : impl_(std::move(made)) {}
projector::projector(projector&&) noexcept = default;
projector& projector::operator=(projector&&) noexcept = default;
projector::~projector() = default;

result<projector> projector::open(sqlite_options options) {
    auto made = std::make_unique<impl>();
    made->read_only = options.read_only;
    AIVP_TRY(made->own, sqlite::open_store_file(options));
    return projector(std::move(made));
}

result<std::uint64_t> projector::catch_up(std::uint64_t records_max) {
    if (impl_->read_only) return fail(errc::store_read_only, "the store was opened for reading");
    AIVP_TRY(connection* const db, impl_->db());
    std::uint64_t total = 0;
    while (total < records_max) {
        const std::uint64_t wanted = std::min(records_per_transaction, records_max - total);
        AIVP_TRY(const std::uint64_t count, impl_->project(*db, wanted));
        total += count;
        if (count < wanted) break;
    }
    return total;
}

result<void> projector::rebuild() {
    if (impl_->read_only) return fail(errc::store_read_only, "the store was opened for reading");
    AIVP_TRY(connection* const db, impl_->db());
    AIVP_CHECK(sqlite::create_projection_schema(*db));
    AIVP_CHECK(catch_up());
    return {};
}

result<std::uint64_t> projector::position() {
    AIVP_TRY(connection* const db, impl_->db());
    return read_position(*db);
}

result<query_result> projector::query(std::string_view sql, std::size_t rows_max) {
    AIVP_TRY(connection* const db, impl_->db());
    return sqlite::select(*db, sql, rows_max);
}

} // namespace aivp
