#include "sim/recoverability.hpp"

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"
#include "sim/durable_store.hpp"
#include "sim/faulty_run.hpp"
#include "sim/properties.hpp"
#include "sim/runner.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;

namespace {

constexpr std::uint8_t as_read = 0, stored = 1;

fault rot(std::uint64_t ordinal, std::uint8_t form = stored) {
    return {.site = "disk", .ordinal = ordinal, .kind = fault_kind::disk_bit_rot, .form = form};
}

finding found(errc code, std::string what) {
    finding f;
    f.code = code;
    f.what = std::move(what);
    return f;
}

/// Which excuse the finding has when this fault alone was met.
std::string excuse_under(const finding& f, const fault& met) {
    const fault_plan plan{{met}};
    const std::vector<met_fault> all{{0, met.ordinal, {}, {}}};
    const excuse* e = excuse_of(f, plan, all);
    return e ? std::string(e->name) : "";
}

engine_state one_agent_with(run_state r) {
    engine_state s;
    agent_state a;
    a.id = agent_id{1};
    a.active = r.id;
    s.agents.push_back(std::move(a));
    s.runs.emplace(r.id, std::move(r));
    return s;
}

run_state open_run(call_kind kind, std::uint64_t id = 1) {
    run_state r;
    r.id = run_id{id};
    r.agent = agent_id{1};
    open_call call;
    call.kind = kind;
    r.open.push_back(call);
    return r;
}

std::string excuse_of_run(const engine_state& s, std::uint64_t run = 1) {
    const excuse* e = excuse_of(s, *s.find(run_id{run}));
    return e ? std::string(e->name) : "";
}

std::shared_ptr<scenario> writing() {
    auto s = std::make_shared<scenario>();
    s->name = "writing";
    s->file = "writing.yaml";
    s->start = spec::start;
    s->horizon = hours(1);
    s->agents = {make_steps_agent("writer", {make_binding("set", make_skill("kv.set", {.takes_key = true}))},
                                  {{"one", "set", {.arguments = R"({"key":"a","value":1})"}}})};
    s->world = json(R"({"kv":{}})");
    s->triggers.push_back({.after = seconds(1),
                           .every = minutes(1),
                           .times = 20,
                           .agent = "writer",
                           .event = {},
                           .body = json(R"({"v":7})"),
                           .where = {}});
    return s;
}

std::vector<std::string> whats(const run_report& r) {
    std::vector<std::string> out;
    for (const finding& f : r.findings) out.push_back(f.what);
    return out;
}

/// Forgets what it acknowledged, or finds itself broken, once it is read.
class bad_store final : public store_port {
public:
    enum class mistake : std::uint8_t { forgets_the_last, is_corrupt };
    explicit bad_store(mistake how) : how_(how) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        for (const journal_record& r : batch) kept_.push_back({{r.seq, r.at, {}, r.chain}, std::string(r.line)});
        return commit_outcome::ok;
    }
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        if (how_ == mistake::is_corrupt) return fail(errc::store_corrupt, "it is not whole");
        for (std::size_t i = from.value - 1; i + 1 < kept_.size(); ++i) {
            journal_record r = kept_[i].record;
            r.line = kept_[i].line;
            if (!visit(r)) break;
        }
        return {};
    }
    result<journal_record> head() override {
        journal_record last;
        AIVP_CHECK(read(seq_no{1}, [&](const journal_record& r) {
            last = r;
            last.line = {};
            return true;
        }));
        return last;
    }
    result<void> save_snapshot(const state_snapshot&) override { return {}; }
    result<std::optional<state_snapshot>> load_snapshot() override { return std::nullopt; }

private:
    struct kept {
        journal_record record;
        std::string line;
    };
    mistake how_;
    std::vector<kept> kept_;
};

journal_record record(std::uint64_t n, const char* line, digest_chain& chain) {
    chain.append(line);
    return {seq_no{n}, instant{}, line, chain.head()};
}

} // namespace

BOOST_AUTO_TEST_SUITE(recoverability)

BOOST_AUTO_TEST_CASE(a_run_that_waits_for_a_person_may_be_open) {
    run_state paused = open_run(call_kind::skill);
    paused.paused = true;
    paused.halted_at = instant{1};
    BOOST_TEST(excuse_of_run(one_agent_with(paused)) == "paused");

    run_state parked = open_run(call_kind::skill);
    parked.open[0].parked = true;
    parked.halted_at = instant{1};
    engine_state s = one_agent_with(parked);
    BOOST_TEST(excuse_of_run(s) == "parked");

    run_state waiting = open_run(call_kind::skill, 2);
    waiting.open.clear();
    s.runs.emplace(waiting.id, waiting);
    BOOST_TEST(excuse_of_run(s, 2) == "behind");

    BOOST_TEST(excuse_of_run(one_agent_with(open_run(call_kind::user))) == "asked");
}

BOOST_AUTO_TEST_CASE(any_other_run_must_end) {
    BOOST_TEST(excuse_of_run(one_agent_with(open_run(call_kind::skill))) == "");
    BOOST_TEST(excuse_of_run(one_agent_with(open_run(call_kind::model))) == "");
    run_state idle = open_run(call_kind::skill);
    idle.open.clear();
    engine_state s = one_agent_with(idle);
    BOOST_TEST(excuse_of_run(s) == "");
    s.runs.emplace(run_id{2}, open_run(call_kind::skill, 2)); // behind one that goes on
    BOOST_TEST(excuse_of_run(s, 2) == "");
}

BOOST_AUTO_TEST_CASE(rot_excuses_a_store_that_says_so) {
    BOOST_TEST(excuse_under(found(errc::store_corrupt, "store"), rot(9)) == "rot_at_start");
    BOOST_TEST(excuse_under(found(errc::store_corrupt, "recovery"), rot(9)) == "rot_at_recovery");
    BOOST_TEST(excuse_under(found(errc::store_corrupt, "recovery"), rot(9, as_read)) == "rot_at_recovery");
    BOOST_TEST(excuse_under(found(errc::store_foreign, "recovery"), rot(9)) == "rot_at_recovery");
    BOOST_TEST(excuse_under(found(errc::store_newer_schema, "recovery"), rot(9)) == "rot_at_recovery");
    BOOST_TEST(excuse_under(found(errc::scenario_property, "journal.chain_verifies"), rot(9)) == "rot_in_the_journal");
}

BOOST_AUTO_TEST_CASE(a_stop_for_another_reason_or_under_another_fault_is_a_finding) {
    const finding recovery = found(errc::store_corrupt, "recovery");
    BOOST_TEST(excuse_under(found(errc::io_read, "recovery"), rot(9)) == "");
    BOOST_TEST(excuse_under(found(errc::store_commit_failed, "store.commit_failed"), rot(9)) == "");
    BOOST_TEST((excuse_of(recovery, {{rot(9)}}, {}) == nullptr), "planned, and not met");
    for (const fault_kind_info& k : fault_kinds())
        if (k.kind != fault_kind::disk_bit_rot)
            BOOST_TEST(excuse_under(recovery, {.site = "disk", .kind = k.kind, .form = 0}) == "", full_name(k));
}

BOOST_AUTO_TEST_CASE(nothing_excuses_what_was_acknowledged_and_is_lost_or_what_happened_twice) {
    std::vector<finding> all{found(errc::store_corrupt, "store.acknowledged_survives"),
                             found(errc::scenario_budget, "max_events"), found(errc::internal_bug, "internal.bug"),
                             found(errc::not_converged, "scenario.not_converged")};
    for (const property_info& p : property_table())
        if (p.id != property_id::journal_chain_verifies)
            all.push_back(found(errc::scenario_property, std::string(p.name)));
    for (const finding& f : all)
        for (const fault_kind_info& k : fault_kinds())
            for (std::uint8_t form = 0; form < std::max<std::size_t>(1, k.forms.size()); ++form)
                BOOST_TEST(excuse_under(f, {.site = "disk", .kind = k.kind, .form = form}) == "",
                           f.what << " under " << full_name(k));
}

BOOST_AUTO_TEST_CASE(the_page_about_faults_has_the_same_table) {
    std::ifstream file(AIVP_SOURCE_DIR "/docs/faults.md", std::ios::binary);
    const std::string page((std::istreambuf_iterator<char>(file)), {});
    std::string table = "| finding | is none when | because |\n|---|---|---|\n";
    for (const excuse& e : excuses())
        table += "| `" + std::string(e.finding) + "` | " + std::string(e.when) + " | " + std::string(e.why) + " |\n";
    BOOST_TEST(page.find(table) != std::string::npos, table);
    BOOST_TEST(excuses().size() == excuse_count);
    for (std::size_t i = 0; i < excuses().size(); ++i) BOOST_TEST(static_cast<std::size_t>(excuses()[i].id) == i);
}

BOOST_AUTO_TEST_CASE(a_disk_that_rots_under_a_process_that_dies_stops_it_loudly_or_does_no_harm) {
    const auto s = writing();
    std::uint64_t stopped = 0;
    const fault never{.site = "disk", .ordinal = 1'000'000, .kind = fault_kind::disk_slow};
    const std::vector<std::uint64_t> calls = run_planned(*s, 1, {{never}}).report.disk_calls_by_commit;
    BOOST_REQUIRE_GT(calls.size(), 35U);
    // Most of a file is not read again: it takes many rotten bits until one matters.
    for (std::uint64_t n = calls[5]; n < calls[33]; n += 10) {
        const fault kill{.site = "process/commit", .ordinal = 35, .kind = fault_kind::process_kill, .severity = 1};
        fault_plan plan{{kill}};
        for (std::uint64_t i = 0; i < 10; ++i) plan.faults.push_back(rot(n + i));
        const run_report r = run_planned(*s, 1, plan).report;
        BOOST_TEST_CONTEXT("rot at " << n) {
            BOOST_TEST(whats(r).empty(), (r.findings.empty() ? "" : r.findings[0].what + " " + r.findings[0].actual));
            for (const excused_finding& e : r.excused) stopped += e.why->id == excuse_id::rot_at_recovery;
        }
    }
    BOOST_TEST(stopped > 0U, "some of it was found when the process started again");
}

BOOST_AUTO_TEST_CASE(a_store_that_is_broken_without_rot_is_a_finding) {
    const auto s = writing();
    bad_store broken(bad_store::mistake::is_corrupt);
    const fault kill{.site = "process/commit", .ordinal = 20, .kind = fault_kind::process_kill, .severity = 1};
    const run_report r = run_planned(*s, 1, {{kill}}, [&](simulation_setup& setup) { setup.store = &broken; }).report;
    BOOST_REQUIRE(!r.findings.empty());
    const auto recovery =
        std::find_if(r.findings.begin(), r.findings.end(), [](const finding& f) { return f.what == "recovery"; });
    BOOST_REQUIRE((recovery != r.findings.end()));
    BOOST_TEST((recovery->code == errc::store_corrupt));
    BOOST_TEST(r.excused.empty());
}

BOOST_AUTO_TEST_CASE(a_store_that_forgets_what_it_acknowledged_is_found_out) {
    const sim_disk disk;
    bad_store forgets(bad_store::mistake::forgets_the_last);
    digest_chain long_chain;
    const journal_record first = record(1, "one", long_chain), second = record(2, "two", long_chain);
    acknowledging_store forgetful(forgets, disk);
    BOOST_TEST((forgetful.commit({&first, 1}) == commit_outcome::ok));
    BOOST_TEST((forgetful.commit({&second, 1}) == commit_outcome::ok));
    BOOST_TEST(forgetful.calls_by_commit().size() == 2U);
    BOOST_TEST(forgetful.lost() == "");
    BOOST_TEST(forgetful.read(seq_no{1}, [](const journal_record&) { return true; }).has_value());
    BOOST_TEST(forgetful.lost() == "1 of 2 records");

    bad_store broken(bad_store::mistake::is_corrupt);
    acknowledging_store loud(broken, disk);
    BOOST_TEST((loud.commit({&first, 1}) == commit_outcome::ok));
    BOOST_TEST(!loud.read(seq_no{1}, [](const journal_record&) { return true; }).has_value());
    BOOST_TEST(loud.lost() == "", "it says so itself");

    memory_store whole;
    acknowledging_store watched(whole, disk);
    digest_chain chain;
    const journal_record one = record(1, "one", chain);
    BOOST_TEST((watched.commit({&one, 1}) == commit_outcome::ok));
    BOOST_TEST(watched.read(seq_no{1}, [](const journal_record&) { return false; }).has_value());
    BOOST_TEST(watched.head().has_value());
    BOOST_TEST(watched.lost() == "", watched.lost());
}

BOOST_AUTO_TEST_SUITE_END()
