// One writer at a time: a newer one fences the older one, locks, and what is left of a writer that was killed.
#include "runtime/store/sqlite_store.hpp"

#include <algorithm>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/store/contract.hpp"
#include "tests/store/scratch.hpp"

using namespace aivp;
using store_test::chain_writer;
using store_test::code_of;
using store_test::lines;
using store_test::must_open;
using store_test::open_error;
using store_test::options_for;
using store_test::raw_database;
using store_test::scratch_folder;

namespace {

using journal_mode = sqlite_options::journal_mode;
using durability = sqlite_options::durability;
using locking = sqlite_options::locking;

} // namespace

BOOST_AUTO_TEST_SUITE(one_writer)

BOOST_AUTO_TEST_CASE(a_newer_writer_fences_the_older_one) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    o.writer = "first";
    o.pid = 11;
    o.opened_at = {5};
    const auto first = must_open(o);
    BOOST_CHECK(*first->writer() == (store_writer{1, "first", 11, {5}}));
    chain_writer w1(*first);
    BOOST_CHECK(w1.write(2) == commit_outcome::ok);
    o.writer = "second";
    const auto second = must_open(o);
    BOOST_TEST(second->epoch() == 2U);
    BOOST_TEST(second->writer()->holder == "second");
    BOOST_CHECK(w1.write() == commit_outcome::failed);
    BOOST_REQUIRE(first->last_error().has_value());
    BOOST_TEST(std::string(info(first->last_error()->code).name) == "store.fenced");
    BOOST_TEST(code_of(first->save_snapshot({{2}, {2}, w1.chain(), "x"})) == "store.fenced");
    BOOST_TEST(code_of(first->put("x")) == "store.fenced");
    BOOST_TEST(code_of(first->kv_put("a", "b", "c", {})) == "store.fenced");
    BOOST_TEST(code_of(first->kv_erase("a", "b")) == "store.fenced");
    BOOST_TEST(code_of(first->heartbeat({9})) == "store.fenced");
    chain_writer w2(*second);
    BOOST_REQUIRE(w2.resume());
    BOOST_TEST(w2.written() == 2U);
    BOOST_CHECK(w2.write() == commit_outcome::ok);
    // Re-opening is no way around it.
    BOOST_TEST(code_of(first->reopen()) == "store.fenced");
    BOOST_CHECK(w2.write() == commit_outcome::ok);
    BOOST_CHECK(second->reopen());
    BOOST_TEST(second->epoch() == 3U);
    BOOST_CHECK(w2.write() == commit_outcome::ok);
    BOOST_TEST(*second->verify() == 5U);
}

BOOST_AUTO_TEST_CASE(an_exclusive_store_lets_nobody_in) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    o.lock = locking::exclusive;
    auto s = must_open(o);
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    const sqlite_options shared = options_for(folder.file());
    BOOST_TEST(open_error(shared) == "store.locked");
    BOOST_TEST(open_error(o) == "store.locked");
    BOOST_CHECK(w.write() == commit_outcome::ok);
    s.reset();
    BOOST_TEST(lines(*must_open(shared), 1).size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_not_to_be_had_fails_a_commit_and_nothing_more) {
    const scratch_folder folder;
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback}) {
        sqlite_options o = options_for(folder.file());
        o.journal = mode;
        const auto s = must_open(o);
        chain_writer w(*s);
        BOOST_REQUIRE(w.resume());
        BOOST_CHECK(w.write() == commit_outcome::ok);
        raw_database other(folder.file());
        BOOST_TEST(other.run("BEGIN IMMEDIATE") == "");
        BOOST_CHECK(w.write() == commit_outcome::failed);
        BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.locked");
        BOOST_TEST(other.run("ROLLBACK") == "");
        BOOST_CHECK(w.write() == commit_outcome::ok);
        BOOST_TEST(!s->last_error().has_value());
        if (mode == journal_mode::rollback) {
            // A reader holds up COMMIT itself, which is then not begun.
            BOOST_TEST(other.run("BEGIN; SELECT count(*) FROM journal") != "0");
            BOOST_CHECK(w.write() == commit_outcome::failed);
            BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.locked");
            BOOST_TEST(other.run("COMMIT") == "");
            BOOST_CHECK(w.write() == commit_outcome::ok);
        }
        BOOST_TEST(*s->verify() == w.written());
    }
}

BOOST_AUTO_TEST_CASE(an_error_names_the_file_and_the_number_of_sqlite) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    raw_database other(folder.file());
    other.run("BEGIN IMMEDIATE");
    BOOST_CHECK(w.write() == commit_outcome::failed);
    const error e = s->last_error().value();
    BOOST_TEST(e.where.file == folder.file());
    BOOST_TEST(e.message.find("database is locked") != std::string::npos);
    const std::pair<std::string, std::string> number{"sqlite", "5"};
    const std::pair<std::string, std::string> path{"path", folder.file()};
    BOOST_TEST(std::count(e.context.begin(), e.context.end(), number) == 1);
    BOOST_TEST(std::count(e.context.begin(), e.context.end(), path) == 1);
}

BOOST_AUTO_TEST_CASE(what_was_acknowledged_survives_the_death_of_the_process) {
    const scratch_folder folder;
    for (const durability safe : {durability::power_loss_safe, durability::process_crash_safe})
        for (int round = 1; round <= 3; ++round) {
            sqlite_options o = options_for(folder.file());
            o.durable = safe;
            int channel[2];
            BOOST_REQUIRE(::pipe(channel) == 0);
            const pid_t child = ::fork();
            if (child == 0) {
                auto s = sqlite_store::open(o);
                if (!s) ::_exit(1);
                chain_writer w(**s);
                if (!w.resume()) ::_exit(1);
                for (;;) {
                    if (w.write(3) != commit_outcome::ok) ::_exit(1);
                    const std::uint64_t done = w.written();
                    if (::write(channel[1], &done, sizeof done) != sizeof done) ::_exit(1);
                }
            }
            ::close(channel[1]);
            std::uint64_t acknowledged = 0;
            for (int i = 0; i < 20 * round; ++i)
                BOOST_REQUIRE(::read(channel[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged);
            ::kill(child, SIGKILL);
            while (::read(channel[0], &acknowledged, sizeof acknowledged) == sizeof acknowledged) {}
            ::close(channel[0]);
            int status = 0;
            ::waitpid(child, &status, 0);
            BOOST_TEST(WIFSIGNALED(status));
            const auto s = must_open(o);
            const std::uint64_t found = *s->verify();
            BOOST_TEST(found >= acknowledged);
            BOOST_TEST(found <= acknowledged + 3);
            BOOST_TEST(found % 3 == 0U);
        }
}

BOOST_AUTO_TEST_SUITE_END()
