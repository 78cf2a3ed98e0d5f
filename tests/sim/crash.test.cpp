// The enumeration of crashes, and that it finds what is wrong when something is.
#include "sim/crash.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sqlite3.h>

#include "aivp/testing/spec.hpp"
#include "runtime/os/tzdb.hpp"

using namespace aivp;
using namespace aivp::sim;
using aivp::testing::json;

namespace {

std::shared_ptr<const scenario> load(const std::string& name) {
    std::vector<error> errors;
    source_texts texts;
    auto s = load_scenario(
        std::string(AIVP_SOURCE_DIR "/scenarios/") + name,
        [](std::string_view zone) { return tz_database().load(zone); }, errors, texts);
    for (const error& e : errors) BOOST_TEST_MESSAGE(to_string(e));
    BOOST_REQUIRE(s);
    return s;
}

/// Small enough to be run for every planted bug: a sample of points, few second crashes.
crash_options quick() {
    crash_options o;
    o.power_losses = 1;
    o.double_crashes_max = 4;
    o.faults_max = 4;
    o.takeovers_max = 3;
    return o;
}

std::string kills(const crash_report& r) {
    std::map<std::string, std::uint64_t> by_property;
    for (const finding& f : r.findings) ++by_property[f.what];
    std::string out;
    for (const auto& [what, n] : by_property) out += (out.empty() ? "" : ", ") + what;
    return out;
}

/// Says what found it. The table of all is printed with --log_level=message.
void must_be_found(const char* bug, const char* where, const crash_options& o) {
    const auto s = load(where);
    const crash_report r = enumerate_crashes(*s, o);
    BOOST_TEST_MESSAGE("| " << bug << " | " << where << " | " << r.findings_all << " | " << kills(r) << " |");
    BOOST_TEST(!r.passed(), bug << " survives " << where);
}

/// Acknowledges a commit and makes it with the next one: effects go out before their intent is on the disk.
class late_store final : public forwarding_store {
public:
    explicit late_store(store_port& next) : forwarding_store(next) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        std::vector<journal_record> due;
        for (const kept& k : kept_) due.push_back({k.seq, k.at, k.line, k.chain});
        const commit_outcome how = due.empty() ? commit_outcome::ok : next_.commit(due);
        kept_.clear();
        for (const journal_record& r : batch) kept_.push_back({r.seq, r.at, std::string(r.line), r.chain});
        return how;
    }

private:
    struct kept {
        seq_no seq;
        instant at;
        std::string line;
        digest chain;
    };
    std::vector<kept> kept_;
};

/// Reads lines back without the events of one type.
class forgetful_store final : public forwarding_store {
public:
    forgetful_store(store_port& next, std::string type) : forwarding_store(next), type_(std::move(type)) {}
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        return next_.read(from, [&](const journal_record& record) {
            const payload whole = *payload::parse(record.line);
            std::vector<payload> events;
            for (const payload& e : items(*member(whole, "events")))
                if (as_string(*member(e, "type")) != type_) events.push_back(e);
            const payload less = merged(whole, payload::of_object({{"events", payload::of_array(events)}}));
            journal_record changed = record;
            changed.line = less.text();
            return visit(changed);
        });
    }

private:
    std::string type_;
};

/// Reads the journal back without the last time that a schedule was set: the window before it is still due.
class early_store final : public forwarding_store {
public:
    explicit early_store(store_port& next) : forwarding_store(next) {}
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        seq_no last;
        AIVP_CHECK(next_.read(from, [&](const journal_record& record) {
            if (record.line.find("\"trigger_armed\"") != std::string_view::npos) last = record.seq;
            return true;
        }));
        bool go_on = true;
        const auto before = next_.read(from, [&](const journal_record& record) {
            if (record.seq != last) return go_on = visit(record);
            return false;
        });
        if (!before || !go_on || last.value == 0) return before;
        AIVP_CHECK(forgetful_store(next_, "trigger_armed").read(last, [&](const journal_record& record) {
            go_on = visit(record);
            return false;
        }));
        return go_on ? next_.read({last.value + 1}, visit) : before;
    }
};

/// Intents stand beside the journal and are written in a transaction of their own.
class two_step_store final : public forwarding_store {
public:
    explicit two_step_store(sqlite_store& next) : forwarding_store(next), inner_(next) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        const commit_outcome how = next_.commit(batch);
        for (const journal_record& r : batch)
            if (how == commit_outcome::ok && !inner_.kv_put("intents", std::to_string(r.seq.value), "there", r.seq))
                return commit_outcome::unknown;
        return how;
    }
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        return forgetful_store(next_, "call_intended").read(from, [&](const journal_record& without) {
            const auto there = inner_.kv_get("intents", std::to_string(without.seq.value));
            bool go_on = true;
            if (!there || !*there) return visit(without);
            const auto whole = next_.read(without.seq, [&](const journal_record& record) {
                go_on = visit(record);
                return false;
            });
            return whole && go_on;
        });
    }

private:
    sqlite_store& inner_;
};

/// Says that a snapshot is of the record before.
class off_by_one_store final : public forwarding_store {
public:
    explicit off_by_one_store(store_port& next) : forwarding_store(next) {}
    result<void> save_snapshot(const state_snapshot& s) override {
        state_snapshot wrong = s;
        const auto read = next_.read({s.seq.value - 1}, [&](const journal_record& record) {
            wrong.seq = record.seq;
            wrong.at = record.at;
            wrong.chain = record.chain;
            return false;
        });
        return read ? next_.save_snapshot(wrong) : read;
    }
};

/// A connection to the store beside the one that SQLite's rules of this program apply to.
class beside {
public:
    explicit beside(const char* path) { sqlite3_open(path, &db_); }
    beside(const beside&) = delete;
    beside& operator=(const beside&) = delete;
    ~beside() { sqlite3_close(db_); }
    bool append(const journal_record& r) {
        sqlite3_stmt* insert = nullptr;
        sqlite3_prepare_v2(db_, "INSERT OR REPLACE INTO journal(seq, at, line, chain) VALUES (?1, ?2, ?3, ?4)", -1,
                           &insert, nullptr);
        sqlite3_bind_int64(insert, 1, static_cast<sqlite3_int64>(r.seq.value));
        sqlite3_bind_int64(insert, 2, r.at.us);
        sqlite3_bind_text(insert, 3, r.line.data(), static_cast<int>(r.line.size()), SQLITE_TRANSIENT);
        sqlite3_bind_blob(insert, 4, r.chain.view().data(), 32, SQLITE_TRANSIENT);
        const bool done = sqlite3_step(insert) == SQLITE_DONE;
        sqlite3_finalize(insert);
        return done;
    }

private:
    sqlite3* db_ = nullptr;
};

/// Does not look whether somebody else has become the writer: what the store refuses for that is written all the same.
class unleased_store final : public forwarding_store {
public:
    explicit unleased_store(sqlite_store& next) : forwarding_store(next), inner_(next) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        const commit_outcome how = next_.commit(batch);
        if (how == commit_outcome::ok || !inner_.last_error() || inner_.last_error()->code != errc::store_fenced)
            return how;
        beside db("store/aivp.db");
        for (const journal_record& r : batch)
            if (!db.append(r)) return commit_outcome::failed;
        return commit_outcome::ok;
    }

private:
    sqlite_store& inner_;
};

/// The connection that was opened last, so that a store can be changed behind its back.
sqlite3* newest_connection = nullptr;
int remember_connection(sqlite3* db, char**, const sqlite3_api_routines*) {
    newest_connection = db;
    return SQLITE_OK;
}

class connection_watch {
public:
    connection_watch() { sqlite3_auto_extension(entry()); }
    connection_watch(const connection_watch&) = delete;
    connection_watch& operator=(const connection_watch&) = delete;
    ~connection_watch() { sqlite3_cancel_auto_extension(entry()); }

private:
    static void (*entry())() { return reinterpret_cast<void (*)()>(&remember_connection); }
};

std::unique_ptr<store_port> without_syncs(sqlite_store& s) {
    BOOST_TEST(sqlite3_exec(newest_connection, "PRAGMA synchronous=OFF", nullptr, nullptr, nullptr) == SQLITE_OK);
    return std::make_unique<forwarding_store>(s);
}

/// Makes a new key each time that a call is sent.
class rekeying_connector final : public forwarding_connector {
public:
    explicit rekeying_connector(connector_port& next) : forwarding_connector(next) {}
    void call(const skill_request& request, completion_sink& sink) override {
        skill_request other = request;
        other.idempotency_key = effect_key_of(sha256(to_hex(request.idempotency_key) + std::to_string(++sent_)));
        next_.call(other, sink);
    }

private:
    std::uint64_t sent_ = 0;
};

void plant_rekeying(simulation_setup& setup) {
    setup.ports = [inner = setup.ports](const world_parts& parts) {
        world_ports p = complete_ports(inner ? inner(parts) : world_ports{}, parts.mocks);
        p.connector = std::make_shared<rekeying_connector>(*p.connector);
        return p;
    };
}

} // namespace

BOOST_AUTO_TEST_SUITE(crashes)

BOOST_AUTO_TEST_CASE(a_sound_host_survives_every_crash_of_a_small_scenario) {
    for (const auto journal : {sqlite_options::journal_mode::wal, sqlite_options::journal_mode::rollback}) {
        crash_options o;
        o.store.journal = journal;
        o.snapshot_every = 3;
        const crash_report r = enumerate_crashes(*load("gate/unknown-writes.yaml"), o);
        for (const finding& f : r.findings) BOOST_TEST_MESSAGE(f.what + ": " + f.actual + ", " + f.moment);
        BOOST_TEST(r.passed());
        BOOST_TEST(r.points == r.points_all);
        BOOST_TEST(r.points > 50U);
        BOOST_TEST(r.endings > r.records);
        BOOST_TEST(r.effect_points > 5U);
        BOOST_TEST(r.double_crashes > 10U);
        BOOST_TEST(r.fault_runs > 10U);
        BOOST_TEST(r.takeovers > 2U);
    }
}

BOOST_AUTO_TEST_CASE(what_loses_on_power_loss_and_says_so_loses_nothing_when_only_the_process_dies) {
    crash_options o = quick();
    o.store.durable = sqlite_options::durability::process_crash_safe;
    const crash_report r = enumerate_crashes(*load("gate/unknown-writes.yaml"), o);
    BOOST_TEST(r.passed());
}

BOOST_AUTO_TEST_CASE(the_same_enumeration_twice_finds_the_same) {
    const auto s = load("loop/parallel.yaml");
    const crash_report a = enumerate_crashes(*s, quick());
    const crash_report b = enumerate_crashes(*s, quick());
    BOOST_TEST(a.images == b.images);
    BOOST_TEST(a.endings == b.endings);
    BOOST_TEST(a.records == b.records);
}

BOOST_AUTO_TEST_CASE(planted_bugs_are_found) {
    BOOST_TEST_MESSAGE("| planted bug | scenario | findings | found by |");
    BOOST_TEST_MESSAGE("| --- | --- | --- | --- |");
    crash_options no_sync = quick();
    no_sync.plant_disk = [](sim_disk& d) { d.plan({1, disk_fault_kind::sync_lies_every, 1}); };
    must_be_found("fsync skipped", "loop/parallel.yaml", no_sync);

    crash_options fifth = quick();
    fifth.plant_disk = [](sim_disk& d) { d.plan({1, disk_fault_kind::sync_lies_every, 5}); };
    must_be_found("every 5th sync lies", "loop/parallel.yaml", fifth);

    crash_options normal = quick();
    normal.store.durable = sqlite_options::durability::process_crash_safe;
    normal.promises_power_loss_safe = true;
    must_be_found("a weaker synchronous than promised", "loop/parallel.yaml", normal);

    {
        const connection_watch watch;
        crash_options off = quick();
        off.plant_store = without_syncs;
        must_be_found("synchronous=OFF", "loop/parallel.yaml", off);
    }

    crash_options late = quick();
    late.plant_store = [](sqlite_store& s) { return std::make_unique<late_store>(s); };
    must_be_found("effects sent before the intent commits", "expenses/week.yaml", late);

    crash_options two_steps = quick();
    two_steps.plant_store = [](sqlite_store& s) { return std::make_unique<two_step_store>(s); };
    must_be_found("intents in a second transaction", "steps/copy.yaml", two_steps);

    crash_options new_keys = quick();
    new_keys.plant_world = plant_rekeying;
    must_be_found("idempotency key regenerated when sent again", "expenses/week.yaml", new_keys);

    crash_options twice = quick();
    twice.plant_store = [](sqlite_store& s) { return std::make_unique<early_store>(s); };
    must_be_found("timer fired twice on recovery", "monitor/outage.yaml", twice);

    crash_options off_by_one = quick();
    off_by_one.snapshot_every = 2;
    off_by_one.plant_store = [](sqlite_store& s) { return std::make_unique<off_by_one_store>(s); };
    must_be_found("snapshot off by one", "steps/copy.yaml", off_by_one);

    crash_options no_lease = quick();
    no_lease.plant_store = [](sqlite_store& s) { return std::make_unique<unleased_store>(s); };
    must_be_found("lease ignored", "expenses/week.yaml", no_lease);
}

BOOST_AUTO_TEST_CASE(only_a_process_that_was_taken_over_from_finds_an_ignored_lease) {
    crash_options o = quick();
    o.plant_store = [](sqlite_store& s) { return std::make_unique<unleased_store>(s); };
    o.takeovers_max = 0;
    BOOST_TEST(enumerate_crashes(*load("expenses/week.yaml"), o).passed());
    o.takeovers_max = 3;
    const crash_report r = enumerate_crashes(*load("expenses/week.yaml"), o);
    const auto found = [&r](std::string_view what) {
        return std::any_of(r.findings.begin(), r.findings.end(), [&](const finding& f) { return f.what == what; });
    };
    BOOST_TEST(found("store.one_writer"));
    BOOST_TEST(found("effect.of_the_writer_only"));
}

BOOST_AUTO_TEST_CASE(endings_that_are_left_out_had_been_seen) {
    const auto s = load("schedule/clock-change.yaml");
    const crash_report r = enumerate_crashes(*s, quick());
    BOOST_TEST(r.passed());
    BOOST_TEST(r.endings_equal > r.endings);
    // Every image either goes on to its end, or has the ending of another one.
    BOOST_TEST(r.endings + r.endings_equal == r.images - r.lost);
    BOOST_TEST(r.contents > r.records);
    BOOST_TEST(r.contents < r.images / 2);
}

BOOST_AUTO_TEST_CASE(scenarios_hold_on_the_durable_store_as_in_memory) {
    for (const char* name :
         {"inbox/monday.yaml", "expenses/week.yaml", "monitor/outage.yaml", "conversation/echo.yaml"}) {
        const auto s = load(name);
        const run_report in_memory = run_once(*s, 1);
        const run_report durable = run_durably(*s, 1, {});
        BOOST_TEST_CONTEXT(name) {
            BOOST_TEST(durable.passed());
            BOOST_TEST(to_hex(durable.outcome) == to_hex(in_memory.outcome));
            BOOST_TEST(durable.inputs == in_memory.inputs);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
