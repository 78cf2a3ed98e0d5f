// Tables derived from the journal: what each event becomes, in the long and in the short form of a line; that deriving in
// any portions leads to the same rows as deriving at once; that the documented columns are the views' columns.
#include "runtime/store/projector.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <sstream>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

#include "tests/store/contract.hpp"
#include "tests/store/scratch.hpp"

using namespace aivp;
using store_test::chain_writer;
using store_test::code_of;
using store_test::must_open;
using store_test::options_for;
using store_test::raw_database;
using store_test::read_file;
using store_test::scratch_folder;

namespace {

using strings = std::vector<std::string>;

/// A journal of which each line holds the given events.
class journal {
public:
    journal() : store_(must_open(options_for(folder_.file()))), writer_(*store_), tables_(*store_) {}
    sqlite_store& store() { return *store_; }
    projector& tables() { return tables_; }
    const scratch_folder& folder() const { return folder_; }
    void add(std::uint64_t run, const strings& events) {
        std::string line = "{\"at\":" + std::to_string(writer_.written() + 1);
        if (run != 0) line += ",\"correlation\":" + std::to_string(run);
        line += ",\"events\":[";
        for (std::size_t i = 0; i < events.size(); ++i) line += (i ? "," : "") + events[i];
        line += "],\"input\":{\"type\":\"test\"},\"seq\":" + std::to_string(writer_.written() + 1) + "}";
        add_line(line);
    }
    void add_line(const std::string& line) {
        if (writer_.write_line(line) != commit_outcome::ok) throw std::runtime_error("cannot commit");
    }
    void catch_up() {
        const auto done = tables_.catch_up();
        if (!done) throw std::runtime_error(to_string(done.error()));
    }
    /// "a|b|NULL" for each row.
    strings rows(const std::string& sql) {
        const auto found = store_->query(sql, 100'000);
        if (!found) throw std::runtime_error(sql + ": " + to_string(found.error()));
        strings out;
        for (const auto& row : found->rows) {
            std::string text;
            for (const auto& cell : row) text += (text.empty() ? "" : "|") + cell.value_or("NULL");
            out.push_back(text);
        }
        return out;
    }
    /// Every row of every derived table.
    strings dump() {
        strings out;
        for (const char* table : {"projected", "agents", "triggers", "runs", "steps", "skill_calls", "model_calls",
                                  "errors", "timers", "dead_letters", "idempotency"})
            for (const std::string& row : rows(std::string("SELECT * FROM ") + table + " ORDER BY 1, 2"))
                out.push_back(std::string(table) + ": " + row);
        return out;
    }

private:
    scratch_folder folder_;
    std::unique_ptr<sqlite_store> store_;
    chain_writer writer_;
    projector tables_;
};

#define SAME(found, ...) BOOST_TEST((found) == (strings __VA_ARGS__), boost::test_tools::per_element())

/// A run of an agent with a refused, a settled and a model call, in the short form of events or in the long one.
void write_run(journal& j, bool brief) {
    const std::string run = brief ? "" : ",\"run\":7";
    const std::string ok = brief ? "" : ",\"code\":\"ok\",\"outcome\":\"ok\"";
    const std::string success = brief ? "" : ",\"status\":\"success\"";
    const std::string place = brief ? "" : ",\"binding\":2,\"step\":1";
    j.add(0, {R"({"agent":3,"id":"mailer","snapshot":{"whole":"ff"},"type":"agent_activated"})",
              R"({"agent":3,"due":500,"trigger":1,"type":"trigger_armed"})"});
    j.add(
        0,
        {R"({"agent":3,"body":{"a":"\"x\""},"run":7,"scheduled_for":400,"trigger":1,"type":"trigger_accepted","waits":false})",
         R"({"run":7,"type":"run_started"})", R"({"due":900,"run":7,"type":"timer_armed"})"});
    j.add(7, {R"({"call":1,"deadline":800,"key":"aa","reserved":50)" + run + R"(,"type":"model_requested"})"});
    j.add(
        7,
        {R"({"call":1,"cost":40)" + ok +
             R"(,"response":{"calls":[],"content":"hi \"you\"","finish":"stop","usage":{"cached_input":5,"input":10,"output":20,"reported":true}})" +
             run + R"(,"type":"model_settled"})",
         R"({"arguments":{"to":"x"},"binding":2,"call":2,"deadline":801,"key":"00112233445566778899aabbccddeeff")" +
             run + R"(,"step":1,"type":"call_intended"})",
         R"({"arguments_hash":"cc","as":"pay","call":3,"code":"policy.no_rule","decided_by":"rules","help":"h","message":"no")" +
             run + R"(,"stage":"policy","step":2,"type":"call_refused"})"});
    j.add(7, {"{\"call\":2" + place + ok + R"(,"result":{"ok":true})" + run + R"(,"type":"call_settled"})",
              "{" + (brief ? std::string() : "\"run\":7,\"status\":\"success\",") +
                  R"("step":1,"type":"step_finished"})"});
    j.add(7, {R"({"abstained":false,"code":"ok","cost":40,"details":{"n":1},"latency":6,"message":"done")" + run +
              R"(,"side_effects":[],"status":"success","type":"run_finished"})"});
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_projections)

BOOST_AUTO_TEST_CASE(a_run_is_told_by_the_views_in_the_long_and_the_short_form) {
    for (const bool brief : {false, true}) {
        journal j;
        write_run(j, brief);
        j.catch_up();
        SAME(
            j.rows(
                "SELECT run, agent, agent_id, \"trigger\", scheduled_for, state, accepted_at, started_at, finished_at, "
                "status, code, message, cost_usd_micros, latency_us, abstained, body, details FROM v_runs"),
            {R"(7|3|mailer|1|400|finished|2|2|6|success|ok|done|40|6|0|{"a":"\"x\""}|{"n":1})"});
        SAME(
            j.rows(
                "SELECT run, call, kind, state, attempts, name, step, binding, key, request, response, outcome, code, "
                "cost_usd_micros, reserved_usd_micros, started_at, settled_at, deadline, stage FROM v_calls ORDER BY "
                "2"),
            {R"(7|1|model|settled|1|NULL|NULL|NULL|aa|NULL|"hi \"you\""|ok|ok|40|50|3|4|800|NULL)",
             R"(7|2|skill|settled|1|NULL|1|2|00112233445566778899aabbccddeeff|{"to":"x"}|{"ok":true}|ok|ok|0|0|4|5|801|NULL)",
             "7|3|skill|refused|1|pay|2|NULL|NULL|NULL|NULL|NULL|policy.no_rule|NULL|NULL|NULL|4|NULL|policy"});
        SAME(j.rows("SELECT input_tokens, cached_input_tokens, output_tokens, reported, finish FROM model_calls"),
             {"10|5|20|1|stop"});
        SAME(j.rows("SELECT run, step, at, status, code, seq FROM v_steps"), {"7|1|5|success|ok|5"});
        SAME(j.rows("SELECT at, code, message, type, run, call, seq FROM v_errors"),
             {"4|policy.no_rule|no|call_refused|7|3|4"});
        SAME(j.rows("SELECT agent, agent_id, \"trigger\", due, accepted, refused, last_run, last_scheduled_for FROM "
                    "v_triggers"),
             {"3|mailer|1|500|1|0|7|400"});
        SAME(j.rows("SELECT due, kind, run, agent, \"trigger\" FROM v_timers"), {"500|trigger|NULL|3|1"});
        SAME(j.rows("SELECT * FROM v_dead_letters"), {});
        SAME(j.rows("SELECT key, kind, run, call, outcome, intended_seq, settled_seq FROM v_idempotency ORDER BY 1"),
             {"00112233445566778899aabbccddeeff|skill|7|2|ok|4|5", "aa|model|7|1|ok|3|4"});
        SAME(j.rows("SELECT agent, id, snapshot, activated_at, retired_at FROM v_agents"), {"3|mailer|ff|1|NULL"});
        SAME(j.rows("SELECT seq, run, input, events FROM v_journal WHERE seq IN (1, 4) ORDER BY 1"),
             {"1|NULL|test|2", "4|7|test|3"});
        SAME(j.rows("SELECT seq, event, type, run, call FROM v_events WHERE seq IN (2, 5) ORDER BY 1, 2"),
             {"2|0|trigger_accepted|7|NULL", "2|1|run_started|7|NULL", "2|2|timer_armed|7|NULL", "5|0|call_settled|7|2",
              "5|1|step_finished|7|NULL"});
    }
}

BOOST_AUTO_TEST_CASE(what_is_open_is_shown_as_open) {
    journal j;
    j.add(0, {R"({"agent":1,"run":1,"scheduled_for":1,"trigger":0,"type":"trigger_accepted","waits":true})"});
    j.add(0, {R"({"agent":1,"run":2,"scheduled_for":1,"trigger":0,"type":"trigger_accepted","waits":false})",
              R"({"run":2,"type":"run_started"})", R"({"due":9,"run":2,"type":"timer_armed"})",
              R"({"arguments":{},"call":1,"deadline":5,"key":"k","run":2,"type":"call_intended"})"});
    j.catch_up();
    SAME(j.rows("SELECT run, state, status FROM v_runs ORDER BY 1"), {"1|waiting|NULL", "2|running|NULL"});
    SAME(j.rows("SELECT state, outcome, settled_at FROM v_calls"), {"open|NULL|NULL"});
    SAME(j.rows("SELECT due, kind, run FROM v_timers"), {"9|run|2"});
    SAME(j.rows("SELECT key, outcome, settled_seq FROM v_idempotency"), {"k|NULL|NULL"});
    j.add(2, {R"({"attempt":2,"call":1,"code":"http.broken","due":7,"type":"call_retry_planned"})",
              R"({"type":"run_paused"})"});
    j.add(2, {R"({"call":1,"code":"call.parked","message":"who knows","type":"call_parked"})",
              R"({"due":null,"type":"timer_armed"})"});
    j.catch_up();
    SAME(j.rows("SELECT state, attempts, code FROM v_calls"), {"parked|2|call.parked"});
    SAME(j.rows("SELECT kind, run, call, code, message FROM v_dead_letters"), {"call|2|1|call.parked|who knows"});
    SAME(j.rows("SELECT paused FROM v_runs WHERE run = 2"), {"1"});
    SAME(j.rows("SELECT * FROM v_timers"), {});
    j.add(2, {R"({"call":1,"outcome":"failed","result":null,"type":"call_settled"})", R"({"type":"run_resumed"})"});
    j.catch_up();
    SAME(j.rows("SELECT state, outcome FROM v_calls"), {"settled|failed"});
    SAME(j.rows("SELECT * FROM v_dead_letters"), {});
    SAME(j.rows("SELECT paused FROM v_runs WHERE run = 2"), {"0"});
}

BOOST_AUTO_TEST_CASE(what_was_given_up_is_a_dead_letter) {
    journal j;
    j.add(
        0,
        {R"({"agent":4,"code":"trigger.missed","count":3,"reason":"was asleep","scheduled_for":5,"trigger":2,"type":"trigger_refused"})",
         R"({"agent":4,"run":1,"scheduled_for":1,"trigger":2,"type":"trigger_accepted"})"});
    j.add(1, {R"({"call":1,"code":"http.broken","outcome":"unknown","type":"call_settled"})"});
    j.add(1, {R"({"code":"model.failed","message":"no","status":"failure","type":"run_finished"})"});
    j.catch_up();
    SAME(j.rows("SELECT kind, agent, \"trigger\", run, call, code, message, count FROM v_dead_letters ORDER BY seq"),
         {"trigger|4|2|NULL|NULL|trigger.missed|was asleep|3", "call|NULL|NULL|1|1|http.broken|NULL|1",
          "run|4|2|1|NULL|model.failed|no|1"});
    SAME(
        j.rows("SELECT code, type, message FROM v_errors ORDER BY seq"),
        {"trigger.missed|trigger_refused|was asleep", "http.broken|call_settled|NULL", "model.failed|run_finished|no"});
    SAME(j.rows("SELECT accepted, refused, last_code FROM v_triggers"), {"1|3|trigger.missed"});
}

BOOST_AUTO_TEST_CASE(an_agent_may_retire_and_come_back) {
    journal j;
    j.add(0, {R"({"agent":1,"id":"a","snapshot":{"whole":"1"},"type":"agent_activated"})"});
    j.add(0, {R"({"agent":1,"type":"agent_retired"})"});
    j.catch_up();
    SAME(j.rows("SELECT snapshot, activated_at, retired_at FROM v_agents"), {"1|1|2"});
    j.add(0, {R"({"agent":1,"id":"a","snapshot":{"whole":"2"},"type":"agent_activated"})"});
    j.catch_up();
    SAME(j.rows("SELECT snapshot, activated_at, retired_at FROM v_agents"), {"2|3|NULL"});
}

BOOST_AUTO_TEST_CASE(events_of_other_versions_are_passed_over) {
    journal j;
    j.add(1,
          {R"({"type":"something_new","x":[1]})", R"({"no":"type"})", R"({"extra":{"deep":1},"type":"run_started"})"});
    j.add_line("{}");
    j.catch_up();
    BOOST_TEST(*j.tables().position() == 2U);
    SAME(j.rows("SELECT run, state FROM v_runs"), {"1|running"});
}

BOOST_AUTO_TEST_CASE(a_record_that_cannot_be_understood_is_named_and_stops_there) {
    for (const std::string line : {"no json", R"({"events":[{"type":"run_started"}]})",
                                   R"({"correlation":1,"events":[{"type":"call_settled"}]})", "\xff"}) {
        journal j;
        j.add(1, {R"({"type":"run_started"})"});
        j.add_line(line);
        j.add(2, {R"({"type":"run_started"})"});
        const auto done = j.tables().catch_up();
        BOOST_TEST(code_of(done) == "store.corrupt", line);
        BOOST_TEST(done.error().message.find("record 2") != std::string::npos, done.error().message);
        BOOST_TEST(*j.tables().position() == 0U);
        BOOST_TEST(*j.tables().catch_up(1) == 1U);
        SAME(j.rows("SELECT run FROM v_runs"), {"1"});
    }
}

BOOST_AUTO_TEST_CASE(catching_up_twice_changes_nothing_and_goes_as_far_as_asked) {
    journal j;
    write_run(j, true);
    BOOST_TEST(*j.tables().position() == 0U);
    BOOST_TEST(*j.tables().catch_up(2) == 2U);
    BOOST_TEST(*j.tables().position() == 2U);
    BOOST_TEST(*j.tables().catch_up(0) == 0U);
    BOOST_TEST(*j.tables().catch_up() == 4U);
    const strings before = j.dump();
    BOOST_TEST(*j.tables().catch_up() == 0U);
    BOOST_TEST(j.dump() == before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_projector_beside_the_writer_does_not_become_the_writer) {
    journal j;
    write_run(j, true);
    {
        auto other = projector::open(options_for(j.folder().file()));
        BOOST_REQUIRE(other.has_value());
        BOOST_TEST(*other->catch_up() == 6U);
        BOOST_TEST(other->query("SELECT run FROM v_runs", 5)->rows.size() == 1U);
    }
    BOOST_TEST(j.store().writer()->epoch == 1U);
    j.add(8, {R"({"type":"run_started"})"});
    BOOST_TEST(*j.tables().catch_up() == 1U);
    sqlite_options o = options_for(j.folder().file());
    o.read_only = true;
    auto reader = projector::open(o);
    BOOST_REQUIRE(reader.has_value());
    BOOST_TEST(code_of(reader->catch_up()) == "store.read_only");
    BOOST_TEST(code_of(reader->rebuild()) == "store.read_only");
    BOOST_TEST(reader->query("SELECT run FROM v_runs", 5)->rows.size() == 2U);
}

BOOST_AUTO_TEST_CASE(tables_of_another_version_are_derived_anew) {
    const scratch_folder folder;
    {
        const auto s = must_open(options_for(folder.file()));
        chain_writer w(*s);
        BOOST_CHECK(w.write_line(R"({"correlation":1,"events":[{"type":"run_started"}]})") == commit_outcome::ok);
        BOOST_TEST(*projector(*s).catch_up() == 1U);
    }
    BOOST_REQUIRE(raw_database(folder.file())
                      .run("UPDATE projected SET version = 0; DROP VIEW v_runs; DROP TABLE timers;"
                           "INSERT INTO runs(run) VALUES (99)") == "");
    const auto s = must_open(options_for(folder.file()));
    projector tables(*s);
    BOOST_TEST(*tables.position() == 0U);
    BOOST_TEST(*tables.catch_up() == 1U);
    const auto found = s->query("SELECT run FROM v_runs", 10);
    BOOST_REQUIRE(found && found->rows.size() == 1U);
    BOOST_TEST(found->rows[0][0].value() == "1");
}

// ---- properties --------------------------------------------------------------------------------------------------------

namespace {

std::string any_event() {
    const auto number = [](int below) { return std::to_string(*rc::gen::inRange(0, below)); };
    const auto maybe = [](const std::string& member) { return *rc::gen::arbitrary<bool>() ? member : std::string(); };
    const auto one_of = [](const strings& words) { return "\"" + *rc::gen::elementOf(words) + "\""; };
    static const strings types{"agent_activated",    "agent_retired", "trigger_armed",   "trigger_accepted",
                               "trigger_refused",    "run_started",   "model_requested", "model_settled",
                               "call_refused",       "call_intended", "call_settled",    "step_finished",
                               "timer_armed",        "run_finished",  "user_asked",      "call_parked",
                               "call_retry_planned", "call_resent",   "run_paused",      "run_resumed"};
    // Keys in canonical order; the rows take what they need.
    return "{\"agent\":" + number(3) + ",\"attempt\":" + number(4) + maybe(",\"binding\":" + number(3)) +
           ",\"call\":" + number(4) +
           maybe(",\"code\":" + one_of({"ok", "policy.no_rule", "retry.exhausted", "call.parked"})) +
           maybe(",\"cost\":" + number(100)) + maybe(",\"count\":" + number(5)) +
           ",\"due\":" + *rc::gen::elementOf(strings{"null", "17", "99"}) +
           ",\"id\":" + one_of({"a", "\\\"quoted\\\""}) + maybe(",\"key\":" + one_of({"k1", "k2", "k3", "k4", "k5"})) +
           maybe(",\"message\":\"m\"") + maybe(",\"outcome\":" + one_of({"ok", "failed", "unknown"})) +
           maybe(",\"run\":" + number(4)) + ",\"scheduled_for\":" + number(50) +
           maybe(",\"status\":" + one_of({"success", "failure", "skipped"})) + maybe(",\"step\":" + number(3)) +
           ",\"trigger\":" + number(2) + ",\"type\":" + one_of(types) + "}";
}

} // namespace

RC_BOOST_PROP(deriving_in_portions_leads_to_the_same_rows_as_deriving_at_once, ()) {
    journal j;
    const int records = *rc::gen::inRange(1, 25);
    for (int i = 0; i < records; ++i) {
        strings events;
        for (int n = *rc::gen::inRange(0, 4); n > 0; --n) events.push_back(any_event());
        j.add(static_cast<std::uint64_t>(*rc::gen::inRange(1, 4)), events);
        if (*rc::gen::inRange(0, 3) == 0)
            RC_ASSERT(j.tables().catch_up(*rc::gen::inRange<std::uint64_t>(1, 5)).has_value());
    }
    const auto caught_up = j.tables().catch_up();
    if (!caught_up) RC_LOG() << to_string(caught_up.error());
    RC_ASSERT(caught_up.has_value());
    const strings incremental = j.dump();
    RC_ASSERT(j.tables().rebuild().has_value());
    RC_ASSERT(j.dump() == incremental);
    RC_ASSERT(*j.tables().position() == static_cast<std::uint64_t>(records));
    std::string position;
    RC_ASSERT(j.rows("SELECT seq FROM projected") == strings{std::to_string(records)});
}

// ---- the page ----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_documented_columns_are_those_of_the_views) {
    std::map<std::string, strings> documented;
    std::istringstream page(read_file(AIVP_SOURCE_DIR "/docs/sql.md"));
    std::string line, view;
    while (std::getline(page, line)) {
        if (line.starts_with("## ")) view = line.substr(3);
        if (!line.starts_with("| ") || line.starts_with("| column")) continue;
        documented[view].push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    journal j;
    j.catch_up();
    raw_database db(j.folder().file());
    const auto names = [&db](const std::string& from) {
        std::istringstream joined(db.run("SELECT group_concat(name, ' ') FROM (SELECT name FROM " + from + ")"));
        return strings{std::istream_iterator<std::string>(joined), {}};
    };
    const strings views = names("sqlite_schema WHERE type = 'view' ORDER BY name");
    BOOST_TEST(views.size() == documented.size());
    for (const std::string& name : views) {
        const strings columns = names("pragma_table_info('" + name + "')");
        BOOST_TEST_CONTEXT(name) { BOOST_TEST(columns == documented[name], boost::test_tools::per_element()); }
    }
}

BOOST_AUTO_TEST_CASE(the_examples_of_the_page_run) {
    journal j;
    write_run(j, true);
    j.catch_up();
    const std::string page = read_file(AIVP_SOURCE_DIR "/docs/sql.md");
    const std::size_t begin = page.find("```sql\n") + 7;
    std::istringstream block(page.substr(begin, page.find("```", begin) - begin));
    std::string line;
    int ran = 0;
    while (std::getline(block, line)) {
        if (line.starts_with("--")) continue;
        const auto found = j.store().query(line, 10);
        BOOST_TEST(found.has_value(), line);
        ++ran;
    }
    BOOST_TEST(ran == 3);
}

BOOST_AUTO_TEST_SUITE_END()
