#include "sim/disk/sim_vfs.hpp"

#include <map>
#include <string>

#include <boost/test/unit_test.hpp>

#include "tests/sim_disk/transactions.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace transactions;

namespace {

random_stream entropy(std::uint64_t seed = 1) { return {seed, "sqlite", "store", "entropy"}; }

struct world {
    explicit world(sim_vfs_options options = {}, std::uint64_t seed = 1)
        : vfs(disk, entropy(seed), std::move(options)) {}
    sim_disk disk;
    sim_vfs vfs;
};

std::uint64_t digest_of_run(const sqlite_setup& setup, std::uint64_t seed) {
    world w({}, seed);
    BOOST_TEST(run_all(w.disk, setup).size() == static_cast<std::size_t>(count));
    return w.disk.digest();
}

} // namespace

BOOST_AUTO_TEST_SUITE(sqlite_on_a_simulated_disk)

BOOST_AUTO_TEST_CASE(equal_worlds_do_the_same_calls_with_the_same_bytes) {
    const std::vector<sqlite_setup> setups = {
        {.name = "wal"},
        {.name = "wal, exclusive", .exclusive = true},
        {.name = "delete", .journal = "delete", .synchronous = "EXTRA"},
        {.name = "truncate", .journal = "truncate"},
        {.name = "persist", .journal = "persist"},
        {.name = "memory", .journal = "memory"},
    };
    for (const sqlite_setup& setup : setups) {
        const std::uint64_t first = digest_of_run(setup, 1);
        BOOST_TEST(first == digest_of_run(setup, 1), setup.name);
        BOOST_TEST(first != digest_of_run(setup, 2), setup.name); // randomblob() at least
    }
}

BOOST_AUTO_TEST_CASE(a_mounted_disk_starts_the_world_again) {
    sim_disk first;
    sim_disk second;
    sim_vfs vfs(first, entropy());
    run_all(first, {.name = "wal"});
    vfs.mount(second, entropy());
    run_all(second, {.name = "wal"});
    BOOST_TEST(first.digest() == second.digest());
}

BOOST_AUTO_TEST_CASE(the_former_default_comes_back) {
    const sqlite3_vfs* before = sqlite3_vfs_find(nullptr);
    {
        const world w;
        BOOST_TEST(sqlite3_vfs_find(nullptr) != before);
        BOOST_TEST(sqlite3_vfs_find("aivp-sim") == sqlite3_vfs_find(nullptr));
    }
    BOOST_TEST(sqlite3_vfs_find(nullptr) == before);
    BOOST_TEST(sqlite3_vfs_find("aivp-sim") == nullptr);
}

BOOST_AUTO_TEST_CASE(sqlite_shows_the_time_of_the_world) {
    instant now{1'767'225'600'000'000};
    const world w({.now = [&] { return now; }});
    connection db("clock.db");
    BOOST_TEST(db.value("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')") == "2026-01-01 00:00:00.000");
    now = now + milliseconds(1'500);
    BOOST_TEST(db.value("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')") == "2026-01-01 00:00:01.500");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_lock_takes_virtual_time) {
    std::int64_t slept_us = 0;
    const world w({.sleep = [&](duration d) { slept_us += d.us; }});
    connection holder("busy.db");
    connection waiter("busy.db");
    BOOST_TEST(holder.run("CREATE TABLE t(x); BEGIN IMMEDIATE; INSERT INTO t VALUES(1)"));
    BOOST_TEST(!waiter.run("BEGIN IMMEDIATE"));
    BOOST_TEST(slept_us == 0);
    sqlite3_busy_timeout(waiter.handle(), 200);
    BOOST_TEST(!waiter.run("BEGIN IMMEDIATE"));
    BOOST_TEST(slept_us > 100'000);
    BOOST_TEST(holder.run("COMMIT"));
    BOOST_TEST(waiter.run("BEGIN IMMEDIATE; INSERT INTO t VALUES(2); COMMIT"));
    BOOST_TEST(holder.value("SELECT sum(x) FROM t") == "3");
}

BOOST_AUTO_TEST_CASE(in_rollback_mode_a_reader_and_a_writer_keep_each_other_out) {
    const world w;
    connection writer("locks.db");
    connection reader("locks.db");
    BOOST_TEST(writer.run("CREATE TABLE t(x); INSERT INTO t VALUES(1)"));
    BOOST_TEST(reader.run("BEGIN"));
    BOOST_TEST(reader.value("SELECT count(*) FROM t") == "1");
    BOOST_TEST(writer.run("BEGIN; INSERT INTO t VALUES(2)"));
    BOOST_TEST(!writer.run("COMMIT"));                          // the reader is still there
    BOOST_TEST(!connection("locks.db").run("SELECT * FROM t")); // and no new one comes in
    BOOST_TEST(reader.run("COMMIT"));
    BOOST_TEST(writer.run("COMMIT"));
    BOOST_TEST(reader.value("SELECT count(*) FROM t") == "2");
}

BOOST_AUTO_TEST_CASE(two_connections_share_a_wal_with_snapshots) {
    const world w;
    const auto first = open_store({});
    const auto second = open_store({});
    BOOST_REQUIRE(first);
    BOOST_REQUIRE(second);
    BOOST_TEST(first->run("CREATE TABLE t(x); INSERT INTO t VALUES(1)"));
    BOOST_TEST(second->run("BEGIN"));
    BOOST_TEST(second->value("SELECT count(*) FROM t") == "1");
    BOOST_TEST(first->run("INSERT INTO t VALUES(2)"));
    BOOST_TEST(second->value("SELECT count(*) FROM t") == "1");
    BOOST_TEST(second->run("COMMIT"));
    BOOST_TEST(second->value("SELECT count(*) FROM t") == "2");
    BOOST_TEST(first->run("BEGIN IMMEDIATE"));
    BOOST_TEST(!second->run("BEGIN IMMEDIATE"));
    BOOST_TEST(first->run("ROLLBACK"));
}

BOOST_AUTO_TEST_CASE(without_shared_memory_a_wal_needs_exclusive_locking) {
    const world w({.shared_memory = false});
    BOOST_TEST(connection("a.db").value("PRAGMA journal_mode=WAL") == "delete");
    BOOST_TEST(!open_store({}, "b.db"));
    BOOST_TEST(!!open_store({.exclusive = true}, "c.db"));
}

BOOST_AUTO_TEST_CASE(temporary_files_are_gone_when_they_are_closed) {
    world w;
    {
        connection db("temp.db");
        BOOST_TEST(db.run("PRAGMA temp_store=FILE; PRAGMA temp.cache_size=10; CREATE TEMP TABLE t(x);"
                          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)"
                          "INSERT INTO t SELECT randomblob(2000) FROM n"));
        BOOST_TEST(w.vfs.open_files() == 2U);
        BOOST_TEST(w.disk.paths().size() == 2U);
    }
    BOOST_TEST(w.vfs.open_files() == 0U);
    BOOST_TEST(w.disk.paths().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_store_that_was_created_aside_and_renamed_opens_under_its_name) {
    world w;
    const sqlite_setup setup{.name = "wal", .exclusive = true};
    BOOST_REQUIRE(create_store(w.disk, setup));
    BOOST_TEST(w.disk.paths() == std::vector<std::string>{store_path}, boost::test_tools::per_element());
    sim_disk after = w.disk.after_crash(crash_mode::power_loss_all, entropy());
    w.vfs.mount(after, entropy());
    BOOST_TEST(run_all(after, setup).size() == static_cast<std::size_t>(count));
    w.vfs.mount(w.disk, entropy());
}

BOOST_AUTO_TEST_CASE(a_short_read_is_read_on_and_not_taken_for_the_end) {
    world w;
    const sqlite_setup setup{.name = "delete", .journal = "delete"};
    BOOST_REQUIRE(run_all(w.disk, setup).size() == static_cast<std::size_t>(count));
    // Opening reads the header, then whole pages.
    for (std::uint64_t later = 1; later <= 4; ++later) {
        w.disk.plan({w.disk.calls() + later, disk_fault_kind::short_read, 33});
        const std::size_t before = w.disk.injected().size();
        connection db(store_path);
        BOOST_TEST(db.value("SELECT count(*) FROM entries") == std::to_string(2 * count));
        BOOST_TEST(w.disk.injected().size() == before + 1);
    }
}

BOOST_AUTO_TEST_CASE(rot_on_the_disk_is_seen_by_the_integrity_check) {
    world w;
    BOOST_REQUIRE(run_all(w.disk, {.name = "delete", .journal = "delete"}).size() == static_cast<std::size_t>(count));
    w.disk.plan({w.disk.calls() + 1, disk_fault_kind::bit_rot_stored, (4096 + 3) * 8}); // the root page's header
    connection db(store_path);
    const auto answer = db.column("PRAGMA integrity_check");
    BOOST_TEST(w.disk.injected().size() == 1U);
    BOOST_TEST((!answer || *answer != std::vector<std::string>{"ok"}));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_reported_as_such) {
    world w;
    connection db("full.db");
    BOOST_TEST(db.run("CREATE TABLE t(x)"));
    w.disk.plan({w.disk.calls() + 1, disk_fault_kind::no_space_once});
    BOOST_TEST(!db.run("INSERT INTO t VALUES(1)"));
    BOOST_TEST((sqlite3_extended_errcode(db.handle()) == SQLITE_FULL));
    BOOST_TEST(db.run("INSERT INTO t VALUES(1)"));
}

BOOST_AUTO_TEST_SUITE_END()
