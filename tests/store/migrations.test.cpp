// Schemas of the store: forward only, each migration whole or not at all, and nothing touches a newer one.
#include "runtime/store/migration.hpp"

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
using store_test::read_file;
using store_test::scratch_folder;

namespace {

using journal_mode = sqlite_options::journal_mode;

/// The version behind the newest that there is.
const std::int64_t next = store_migrations().back().version + 1;

std::vector<migration> with(std::initializer_list<migration> more) {
    std::vector<migration> all(store_migrations().begin(), store_migrations().end());
    all.insert(all.end(), more);
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_migrations_forward)

BOOST_AUTO_TEST_CASE(a_migration_brings_a_store_forward_and_keeps_what_is_in_it) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    o.opened_at = {77};
    {
        const auto s = must_open(o);
        chain_writer w(*s);
        BOOST_CHECK(w.write(3) == commit_outcome::ok);
    }
    const auto newer = with({{next, "colour", "ALTER TABLE journal ADD COLUMN colour TEXT"},
                             {next + 1, "taste", "CREATE TABLE taste(x) STRICT; -- wrong on purpose, see below"}});
    const auto two = with({{next, "colour", "ALTER TABLE journal ADD COLUMN colour TEXT"}});
    o.migrations = two;
    {
        const auto s = must_open(o);
        BOOST_TEST(lines(*s, 1).size() == 3U);
        const auto found = s->query("SELECT version, name, applied_at FROM migrations ORDER BY 1", 10);
        BOOST_REQUIRE(found && found->rows.size() == two.size());
        BOOST_TEST(found->rows.back()[1].value() == "colour");
        BOOST_TEST(found->rows.back()[2].value() == "77");
        chain_writer w(*s);
        BOOST_REQUIRE(w.resume());
        BOOST_CHECK(w.write() == commit_outcome::ok);
    }
    const std::string before = read_file(o.path);
    o.migrations = {};
    const auto refused = sqlite_store::open(o);
    BOOST_TEST(code_of(refused) == "store.newer_schema");
    BOOST_TEST(refused.error().message.find("schema " + std::to_string(next)) != std::string::npos);
    o.journal = journal_mode::rollback;
    BOOST_TEST(open_error(o) == "store.newer_schema");
    BOOST_CHECK(read_file(o.path) == before);
    o.journal = journal_mode::wal;
    o.read_only = true;
    BOOST_TEST(open_error(o) == "store.newer_schema");
    BOOST_CHECK(read_file(o.path) == before);
    o.read_only = false;
    // The third fails half way: a STRICT table needs types.
    o.migrations = newer;
    BOOST_TEST(open_error(o) == "store.migration");
    BOOST_CHECK(read_file(o.path) == before);
    o.migrations = two;
    BOOST_TEST(lines(*must_open(o), 1).size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_failed_migration_leaves_no_trace_and_fences_nobody) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    const auto broken = with({{next, "half", "CREATE TABLE extra(x INTEGER) STRICT; INSERT INTO nowhere VALUES (1)"}});
    sqlite_options o = options_for(folder.file());
    o.migrations = broken;
    const auto refused = sqlite_store::open(o);
    BOOST_TEST(code_of(refused) == "store.migration");
    BOOST_TEST(refused.error().message.find("nowhere") != std::string::npos);
    BOOST_TEST(raw_database(folder.file()).run("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == "0");
    BOOST_CHECK(w.write() == commit_outcome::ok);
}

BOOST_AUTO_TEST_CASE(migrations_before_a_failed_one_are_taken_back_so_that_the_older_version_can_go_on) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    must_open(o);
    const auto broken = with(
        {{next, "good", "CREATE TABLE good(x INTEGER) STRICT"}, {next + 1, "bad", "INSERT INTO nowhere VALUES (1)"}});
    o.migrations = broken;
    BOOST_TEST(open_error(o) == "store.migration");
    BOOST_TEST(raw_database(folder.file()).run("SELECT count(*) FROM sqlite_schema WHERE name = 'good'") == "0");
    o.migrations = {};
    must_open(o);
}

BOOST_AUTO_TEST_CASE(a_migration_fences_the_writer_of_the_older_schema) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    const auto two = with({{next, "more", "CREATE TABLE extra(x INTEGER) STRICT"}});
    sqlite_options o = options_for(folder.file());
    o.migrations = two;
    BOOST_TEST(must_open(o)->epoch() == 3U);
    BOOST_CHECK(w.write() == commit_outcome::failed);
    BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.fenced");
}

BOOST_AUTO_TEST_CASE(a_migration_that_is_not_what_was_applied_is_refused) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    const auto one = with({{next, "more", "CREATE TABLE extra(x INTEGER) STRICT"}});
    const auto other = with({{next, "more", "CREATE TABLE extra(y INTEGER) STRICT"}});
    o.migrations = one;
    must_open(o);
    o.migrations = other;
    BOOST_TEST(open_error(o) == "store.migration");
}

BOOST_AUTO_TEST_CASE(a_reader_does_not_migrate) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    must_open(o);
    const auto two = with({{next, "more", "CREATE TABLE extra(x INTEGER) STRICT"}});
    o.migrations = two;
    o.read_only = true;
    BOOST_TEST(open_error(o) == "store.migration");
    o.migrations = {};
    must_open(o);
}

BOOST_AUTO_TEST_CASE(values_of_the_first_schema_get_versions_in_the_order_in_which_they_were_written) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    o.migrations = store_migrations().first(1);
    {
        const auto s = must_open(o);
        const auto old = [&](std::string_view space, std::string_view key, seq_no seq) {
            BOOST_REQUIRE(s->kv_put(space, key, "1", seq).has_value());
        };
        old("two", "late", {9});
        old("two", "early", {3});
        old("aivp:host", "own", {1});
        old("one", "middle", {5});
    }
    o.migrations = {};
    const auto s = must_open(o);
    const auto rows = s->query("SELECT namespace || '/' || key || '=' || version FROM kv ORDER BY 1", 10);
    BOOST_REQUIRE(rows && rows->rows.size() == 4U);
    for (std::size_t i = 0; const char* row : {"aivp:host/own=0", "one/middle=2", "two/early=1", "two/late=3"})
        BOOST_TEST(rows->rows[i++][0].value() == row);
    std::int64_t version = 0;
    BOOST_REQUIRE(s->kv_change("one", {10}, [&](kept_values& v) -> result<void> {
                       AIVP_TRY(version, v.put("new", payload::of_integer(7)));
                       return {};
                   }).has_value());
    BOOST_TEST(version == 4);
}

BOOST_AUTO_TEST_SUITE_END()
