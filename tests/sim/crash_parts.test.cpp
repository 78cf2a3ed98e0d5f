// What the enumeration of crashes leaves out because it is known: that it is left out only then.
#include "sim/crash_images.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <sqlite3.h>

#include "runtime/os/tzdb.hpp"
#include "runtime/store/memory_store.hpp"
#include "sim/crash_stores.hpp"
#include "sim/disk/disk_files.hpp"
#include "sim/disk/sim_vfs.hpp"
#include "sim/scenario.hpp"

using namespace aivp;
using namespace aivp::sim;

namespace {

struct store_world {
    store_world() {
        options.path = "store/test.db";
        options.files = &files;
    }
    std::unique_ptr<sqlite_store> open(sim_disk& on) {
        vfs.mount(on, {1, "sqlite", "store", "entropy"});
        files.mount(on);
        auto opened = sqlite_store::open(options);
        BOOST_REQUIRE(opened.has_value());
        return std::move(*opened);
    }
    sim_disk disk;
    sim_vfs vfs{disk, {1, "sqlite", "store", "entropy"}};
    disk_files files{disk};
    sqlite_options options;
};

class line_writer {
public:
    explicit line_writer(store_port& store) : store_(&store) {}
    commit_outcome write(const std::string& line, instant at = {}) {
        const journal_record r{{seq_ + 1}, at, line, chain_.append(line)};
        const commit_outcome how = store_->commit({&r, 1});
        if (how == commit_outcome::ok) ++seq_;
        return how;
    }
    void now_into(store_port& store) { store_ = &store; }

private:
    store_port* store_;
    digest_chain chain_;
    std::uint64_t seq_ = 0;
};

std::vector<std::string> lines(store_port& s, std::uint64_t from) {
    std::vector<std::string> out;
    BOOST_REQUIRE(s.read({from}, [&](const journal_record& r) {
        out.push_back(std::to_string(r.seq.value) + " " + std::string(r.line));
        return true;
    }));
    return out;
}

/// The journal of a scenario that runs without a crash.
struct recorded_run {
    std::vector<snapshot_ptr> agents;
    std::unique_ptr<simulation> world;
};

recorded_run run_of(const char* name) {
    std::vector<error> errors;
    source_texts texts;
    const auto s = load_scenario(
        std::string(AIVP_SOURCE_DIR "/scenarios/") + name,
        [](std::string_view zone) { return tz_database().load(zone); }, errors, texts);
    BOOST_REQUIRE(s);
    auto world = simulation::create(make_setup(*s, 1));
    BOOST_REQUIRE(world.has_value());
    BOOST_REQUIRE(plan_triggers(*s, **world));
    (*world)->run(s->start + s->horizon, s->max_events);
    return {s->agents, std::move(*world)};
}

} // namespace

BOOST_AUTO_TEST_SUITE(crash_parts)

BOOST_AUTO_TEST_CASE(records_that_stay_in_memory_are_read_back_behind_the_durable_ones) {
    store_world w;
    const auto durable = w.open(w.disk);
    tailed_store s(*durable, *durable, [](seq_no last) { return last.value == 2; });
    line_writer write(s);
    for (const char* line : {"{}", "[]", "3", "4"}) BOOST_CHECK(write.write(line, {5}) == commit_outcome::ok);
    BOOST_TEST(durable->head()->seq.value == 2U);
    BOOST_TEST(lines(s, 1) == (std::vector<std::string>{"1 {}", "2 []", "3 3", "4 4"}),
               boost::test_tools::per_element());
    BOOST_TEST(lines(s, 4) == (std::vector<std::string>{"4 4"}), boost::test_tools::per_element());
    BOOST_CHECK(write.write("5", {4}) == commit_outcome::failed); // earlier than the one before it
}

BOOST_AUTO_TEST_CASE(what_is_trusted_is_not_read_from_the_disk_again) {
    store_world w;
    const auto durable = w.open(w.disk);
    line_writer write(*durable);
    for (const char* line : {"1", "2"}) BOOST_CHECK(write.write(line) == commit_outcome::ok);
    tailed_store s(*durable, *durable, [](seq_no last) { return last.value == 3; });
    kept_journal run;
    for (const std::uint64_t n : {1, 2, 3}) run[{n}] = {{n}, {}, {}, "of the run"};
    s.trust({{2}, {}, durable->head()->chain, "state"}, run);
    BOOST_TEST((*s.load_snapshot())->state == "state");
    BOOST_TEST(lines(s, 3).empty());
    BOOST_TEST(lines(s, 2) == (std::vector<std::string>{"2 of the run"}), boost::test_tools::per_element());
    write.now_into(s);
    for (const char* line : {"3", "4"}) BOOST_CHECK(write.write(line) == commit_outcome::ok);
    BOOST_TEST(lines(s, 1) == (std::vector<std::string>{"1 of the run", "2 of the run", "3 3", "4 4"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_durable_record_that_is_gone_again_is_missed) {
    class losing_store final : public forwarding_store {
    public:
        using forwarding_store::forwarding_store;
        result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
            return next_.read(from, [&](const journal_record& r) { return r.seq.value < 2 && visit(r); });
        }
    };
    store_world w;
    const auto durable = w.open(w.disk);
    losing_store losing(*durable);
    tailed_store s(losing, *durable, nullptr);
    line_writer write(s);
    for (const char* line : {"1", "2"}) BOOST_CHECK(write.write(line) == commit_outcome::ok);
    const auto read = s.read({1}, [](const journal_record&) { return true; });
    BOOST_REQUIRE(!read.has_value());
    BOOST_TEST(std::string(info(read.error().code).name) == "store.corrupt");
}

BOOST_AUTO_TEST_CASE(only_the_same_bytes_are_taken_for_verified) {
    store_world w;
    verified_contents contents;
    {
        const auto s = w.open(w.disk);
        line_writer write(*s);
        BOOST_CHECK(write.write("1") == commit_outcome::ok);
        const auto first = contents.examine(*s);
        BOOST_REQUIRE(first.has_value());
        BOOST_TEST(first->head.seq.value == 1U);
        BOOST_TEST(contents.examine(*s)->id == first->id);
        BOOST_REQUIRE(s->checkpoint()); // the same database in another file
        BOOST_TEST(contents.examine(*s)->id == first->id);
        BOOST_TEST(contents.distinct() == 1U);
        BOOST_CHECK(write.write("2") == commit_outcome::ok);
        BOOST_TEST(contents.examine(*s)->id != first->id);
    }
    sqlite3* db = nullptr;
    sqlite3_open("store/test.db", &db);
    BOOST_TEST(sqlite3_exec(db, "UPDATE journal SET line = '3' WHERE seq = 2", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    const auto damaged = contents.examine(*w.open(w.disk));
    BOOST_REQUIRE(!damaged.has_value());
    BOOST_TEST(std::string(info(damaged.error().code).name) == "store.corrupt");
}

BOOST_AUTO_TEST_CASE(a_folded_state_is_the_one_that_the_whole_journal_leads_to) {
    const recorded_run run = run_of("inbox/monday.yaml");
    const memory_store& journal = run.world->journal();
    BOOST_REQUIRE(journal.size() > 10U);
    listed_snapshots agents(run.agents);
    folded_states folded(agents);
    store_world w;
    const auto s = w.open(w.disk);
    memory_store copy;
    for (std::uint64_t n = 1; n <= journal.size(); ++n) {
        const instant at{*as_integer(*member(*payload::parse(journal.line(n)), "at"))};
        const journal_record record{{n}, at, journal.line(n), journal.chain(n)};
        BOOST_REQUIRE(s->commit({&record, 1}) == commit_outcome::ok);
        BOOST_REQUIRE(copy.commit({&record, 1}) == commit_outcome::ok);
        if (n % 3 == 1) continue; // several records in one go
        const auto state = folded.after(*s, *s->head());
        BOOST_REQUIRE(state.has_value());
        BOOST_TEST((*state)->state == encode_state(read_state(copy, agents)->state));
        BOOST_TEST((*state)->seq.value == n);
    }
}

BOOST_AUTO_TEST_SUITE_END()
