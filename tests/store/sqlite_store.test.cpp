// The durable store over the real file system: the contract in every mode, opening, creation, values, upkeep.
#include "runtime/store/sqlite_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "runtime/store/projector.hpp"
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
using store_test::write_file;

namespace {

using journal_mode = sqlite_options::journal_mode;
using durability = sqlite_options::durability;
using locking = sqlite_options::locking;

store_test::store_maker on_disk(std::string name, journal_mode mode, durability safe, locking lock) {
    return {std::move(name), [mode, safe, lock, folder = std::make_shared<scratch_folder>(), n = 0]() mutable {
                sqlite_options o = options_for(folder->file(std::to_string(++n)));
                o.journal = mode;
                o.durable = safe;
                o.lock = lock;
                return must_open(o);
            }};
}

/// Runs as somebody whom file permissions concern; the superuser may do anything.
class without_privileges {
public:
    without_privileges() : root_(::geteuid() == 0), changed_(root_ && ::seteuid(65534) == 0) {}
    without_privileges(const without_privileges&) = delete;
    without_privileges& operator=(const without_privileges&) = delete;
    ~without_privileges() {
        if (changed_ && ::seteuid(0) != 0) std::abort();
    }
    bool effective() const { return !root_ || changed_; }

private:
    bool root_;
    bool changed_;
};

void hand_to_nobody(const std::string& path) {
    if (::geteuid() == 0) BOOST_REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_on_disk)

BOOST_AUTO_TEST_SUITE(wal_shared)
STORE_CONTRACT(on_disk("wal, shared", journal_mode::wal, durability::power_loss_safe, locking::shared))
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(wal_exclusive)
STORE_CONTRACT(on_disk("wal, exclusive", journal_mode::wal, durability::process_crash_safe, locking::exclusive))
BOOST_AUTO_TEST_SUITE_END()
BOOST_AUTO_TEST_SUITE(rollback)
STORE_CONTRACT(on_disk("rollback", journal_mode::rollback, durability::power_loss_safe, locking::shared))
BOOST_AUTO_TEST_SUITE_END()

// ---- opening -----------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_was_committed_is_there_after_opening_again_in_any_mode) {
    const scratch_folder folder;
    std::uint64_t committed = 0;
    digest chain;
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback, journal_mode::wal})
        for (const durability safe : {durability::power_loss_safe, durability::process_crash_safe}) {
            sqlite_options o = options_for(folder.file());
            o.journal = mode;
            o.durable = safe;
            const auto s = must_open(o);
            chain_writer w(*s);
            BOOST_REQUIRE(w.resume());
            BOOST_TEST(w.written() == committed);
            BOOST_CHECK(s->head()->chain == chain);
            BOOST_CHECK(w.write(5) == commit_outcome::ok);
            committed = w.written();
            chain = w.chain();
            BOOST_TEST(lines(*s, 1).size() == committed);
            BOOST_TEST(*s->verify() == committed);
        }
}

BOOST_AUTO_TEST_CASE(the_pragmas_are_those_of_the_promise) {
    const scratch_folder folder;
    const std::string path = folder.file();
    {
        const auto s = must_open(options_for(path));
        raw_database db(path);
        BOOST_TEST(db.run("PRAGMA journal_mode") == "wal");
        BOOST_TEST(db.run("PRAGMA application_id") == std::to_string(0x61697670));
        BOOST_TEST(db.run("PRAGMA page_size") == "4096");
    }
    sqlite_options o = options_for(path);
    o.journal = journal_mode::rollback;
    const auto s = must_open(o);
    BOOST_TEST(raw_database(path).run("PRAGMA journal_mode") == "delete");
}

BOOST_AUTO_TEST_CASE(a_rollback_journal_under_exclusive_locking_is_refused) {
    const scratch_folder folder;
    sqlite_options o = options_for(folder.file());
    o.journal = journal_mode::rollback;
    o.lock = locking::exclusive;
    BOOST_TEST(open_error(o) == "config.not_supported");
    BOOST_TEST(!std::filesystem::exists(o.path));
}

BOOST_AUTO_TEST_CASE(a_foreign_file_is_refused_and_not_touched) {
    const scratch_folder folder;
    const std::string other = folder.file("other.db");
    { BOOST_TEST(raw_database(other).run("CREATE TABLE t(x); INSERT INTO t VALUES (1); SELECT x FROM t") == "1"); }
    const std::string marked = folder.file("marked.db");
    { BOOST_TEST(raw_database(marked).run("PRAGMA application_id=7; CREATE TABLE t(x)") == ""); }
    const std::string text = folder.file("text");
    write_file(text, std::string(5'000, 't'));
    const std::string empty = folder.file("empty");
    write_file(empty, "");
    const std::string brief = folder.file("short");
    write_file(brief, "SQLite format 3");
    for (const std::string& path : {other, marked, text, empty, brief})
        for (const bool read_only : {false, true}) {
            const std::string before = read_file(path);
            sqlite_options o = options_for(path);
            o.read_only = read_only;
            BOOST_TEST(open_error(o) == "store.foreign", path);
            BOOST_CHECK(read_file(path) == before);
            BOOST_TEST(!std::filesystem::exists(path + "-wal"));
            BOOST_TEST(!std::filesystem::exists(path + "-journal"));
        }
}

BOOST_AUTO_TEST_CASE(paths_that_cannot_hold_a_store_are_refused_with_a_reason) {
    const scratch_folder folder;
    BOOST_TEST(open_error(options_for("")) == "config.value");
    const auto into_folder = sqlite_store::open(options_for(folder.path()));
    BOOST_REQUIRE(!into_folder);
    BOOST_TEST(into_folder.error().where.file == folder.path());
    BOOST_TEST(code_of(into_folder) == "io.read");
    BOOST_TEST(open_error(options_for(folder.file("no/such/folder.db"))) == "io.read");
    sqlite_options o = options_for(folder.file());
    o.read_only = true;
    BOOST_TEST(open_error(o) == "io.not_found");
    BOOST_TEST(!std::filesystem::exists(o.path));
    o.read_only = false;
    o.vfs = "there is none of that name";
    BOOST_TEST(open_error(o) == "io.read");
}

BOOST_AUTO_TEST_CASE(permissions_are_respected) {
    const scratch_folder folder;
    const std::string path = folder.file();
    const std::string closed = folder.file("closed");
    std::filesystem::create_directory(closed);
    { must_open(options_for(path)); }
    { must_open(options_for(closed + "/inside.db")); }
    for (const std::string& p : {folder.path(), path, closed, closed + "/inside.db"}) hand_to_nobody(p);
    ::chmod(path.c_str(), 0400);
    ::chmod(closed.c_str(), 0500);
    {
        const without_privileges nobody;
        if (!nobody.effective()) {
            std::puts("SKIPPED: permissions_are_respected: cannot give up the superuser's rights");
            BOOST_TEST_MESSAGE("skipped");
            return;
        }
        BOOST_TEST(open_error(options_for(path)) == "store.read_only");
        BOOST_TEST(open_error(options_for(closed + "/new.db")) == "io.read");
        sqlite_options o = options_for(closed + "/inside.db");
        o.read_only = true;
        const auto s = must_open(o);
        BOOST_TEST(lines(*s, 1).empty());
        const std::string writable = open_error(options_for(closed + "/inside.db"));
        BOOST_TEST((writable == "io.read" || writable == "store.read_only"), writable);
    }
    ::chmod(closed.c_str(), 0700);
}

BOOST_AUTO_TEST_CASE(a_read_only_store_shows_what_the_writer_commits_and_changes_nothing) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write(3) == commit_outcome::ok);
    sqlite_options o = options_for(folder.file());
    o.read_only = true;
    const auto reader = must_open(o);
    BOOST_TEST(lines(*reader, 1).size() == 3U);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(reader->head()->seq.value == 4U);
    BOOST_TEST(reader->epoch() == 0U);
    chain_writer other(*reader);
    BOOST_REQUIRE(other.resume());
    BOOST_CHECK(other.write() == commit_outcome::failed);
    BOOST_REQUIRE(reader->last_error().has_value());
    BOOST_TEST(std::string(info(reader->last_error()->code).name) == "store.read_only");
    BOOST_TEST(code_of(reader->save_snapshot({{4}, {4}, w.chain(), "x"})) == "store.read_only");
    BOOST_TEST(code_of(reader->put("x")) == "store.read_only");
    BOOST_TEST(code_of(reader->kv_put("a", "b", "c", {})) == "store.read_only");
    BOOST_TEST(code_of(reader->heartbeat({1})) == "store.read_only");
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(s->writer()->epoch == 1U);
}

// ---- creation ----------------------------------------------------------------------------------------------------------

namespace {

/// The real files, with a rename that can be made to fail, or to come too late.
class tricky_files final : public store_files {
public:
    bool fail_rename = false, fail_sync = false;
    std::function<void()> before_rename;
    std::vector<std::string> log;
    bool exists(const std::string& path) override { return real_.exists(path); }
    result<void> rename(const std::string& from, const std::string& to) override {
        if (before_rename) std::exchange(before_rename, nullptr)();
        if (fail_rename) return fail(errc::io_write, "no");
        log.push_back("rename");
        return real_.rename(from, to);
    }
    result<void> remove(const std::string& path) override { return real_.remove(path); }
    result<void> sync_dir(const std::string& path) override {
        if (fail_sync) return fail(errc::io_write, "no");
        log.push_back("sync_dir");
        return real_.sync_dir(path);
    }

private:
    store_files& real_ = posix_store_files();
};

} // namespace

BOOST_AUTO_TEST_CASE(a_store_appears_whole_or_not_at_all) {
    const scratch_folder folder;
    tricky_files files;
    sqlite_options o = options_for(folder.file());
    o.files = &files;
    files.fail_rename = true;
    BOOST_TEST(open_error(o) == "io.write");
    BOOST_TEST(std::filesystem::is_empty(folder.path()));
    files.fail_rename = false;
    // What an earlier attempt left behind is no obstacle, and no source either.
    write_file(o.path + ".new", "half a store");
    write_file(o.path + ".new-journal", "half a journal");
    bool whole = false;
    files.before_rename = [&] {
        whole = raw_database(o.path + ".new").run("SELECT count(*) FROM journal") == "0";
        BOOST_TEST(!std::filesystem::exists(o.path + ".new-journal"));
    };
    const auto s = must_open(o);
    BOOST_TEST(whole);
    BOOST_TEST(files.log == (std::vector<std::string>{"rename", "sync_dir"}), boost::test_tools::per_element());
    BOOST_TEST(!std::filesystem::exists(o.path + ".new"));
    files.log.clear();
    must_open(o);
    BOOST_TEST(files.log.empty());
}

BOOST_AUTO_TEST_CASE(of_two_that_create_the_same_store_one_uses_that_of_the_other) {
    const scratch_folder folder;
    tricky_files files;
    sqlite_options o = options_for(folder.file());
    o.files = &files;
    files.before_rename = [&] {
        const auto other = must_open(options_for(folder.file()));
        chain_writer w(*other);
        BOOST_CHECK(w.write(2) == commit_outcome::ok);
    };
    const auto s = must_open(o);
    BOOST_TEST(lines(*s, 1).size() == 2U);
    BOOST_TEST(s->epoch() == 2U);
    BOOST_TEST(!std::filesystem::exists(o.path + ".new"));
}

BOOST_AUTO_TEST_CASE(the_real_rename_never_replaces_a_file) {
    const scratch_folder folder;
    store_files& files = posix_store_files();
    write_file(folder.file("a"), "a");
    write_file(folder.file("b"), "b");
    BOOST_TEST(code_of(files.rename(folder.file("a"), folder.file("b"))) == "io.exists");
    BOOST_TEST(read_file(folder.file("b")) == "b");
    BOOST_CHECK(files.rename(folder.file("a"), folder.file("c")));
    BOOST_TEST(read_file(folder.file("c")) == "a");
    BOOST_TEST(!files.exists(folder.file("a")));
    BOOST_CHECK(files.remove(folder.file("a")));
    BOOST_TEST(code_of(files.rename(folder.file("a"), folder.file("d"))) == "io.write");
    BOOST_TEST(code_of(files.sync_dir(folder.file("no/such"))) == "io.write");
    BOOST_CHECK(files.sync_dir(folder.file()));
    BOOST_TEST(files.temporary_name("x") != "x");
}

// ---- snapshots, blobs, values ------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(two_snapshots_are_kept_and_a_rotten_one_is_passed_over) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    for (int i = 0; i < 4; ++i) {
        BOOST_CHECK(w.write() == commit_outcome::ok);
        BOOST_CHECK(s->save_snapshot({{w.written()}, {1}, w.chain(), "state " + std::to_string(w.written())}));
    }
    raw_database other(folder.file());
    BOOST_TEST(other.run("SELECT group_concat(seq) FROM (SELECT seq FROM snapshots ORDER BY seq)") == "3,4");
    BOOST_TEST((*s->load_snapshot())->seq.value == 4U);
    BOOST_TEST(other.run("UPDATE snapshots SET state = x'00' WHERE seq = 4") == "");
    BOOST_TEST((*s->load_snapshot())->seq.value == 3U);
    BOOST_TEST((*s->load_snapshot())->state == "state 3");
    BOOST_TEST(other.run("UPDATE snapshots SET chain = zeroblob(32) WHERE seq = 3") == "");
    BOOST_TEST(!s->load_snapshot()->has_value());
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_another_history_is_refused) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(code_of(s->save_snapshot({{1}, {1}, sha256("other"), "state"})) == "io.write");
}

BOOST_AUTO_TEST_CASE(a_large_snapshot_comes_back_byte_for_byte) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    std::string state(5 << 20, '\0');
    for (std::size_t i = 0; i < state.size(); ++i) state[i] = static_cast<char>(i * 31 ^ i >> 9);
    BOOST_CHECK(s->save_snapshot({{1}, {1}, w.chain(), state}));
    BOOST_CHECK((*s->load_snapshot())->state == state);
}

BOOST_AUTO_TEST_CASE(a_blob_is_found_by_its_hash_and_checked_when_read) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    for (const std::string& bytes : {std::string(), std::string("text"), std::string("\0\xff\n", 3)}) {
        const auto name = s->put(bytes);
        BOOST_REQUIRE(name.has_value());
        BOOST_CHECK(*name == sha256(bytes));
        BOOST_CHECK(*s->put(bytes) == *name);
        BOOST_TEST(*s->get(*name) == bytes);
    }
    raw_database other(folder.file());
    BOOST_TEST(other.run("SELECT count(*) FROM blobs") == "3");
    BOOST_TEST(code_of(s->get(sha256("other"))) == "tape.blob");
    other.run("UPDATE blobs SET bytes = x'00' WHERE bytes = x'74657874'");
    BOOST_TEST(code_of(s->get(sha256("text"))) == "tape.blob");
}

BOOST_AUTO_TEST_CASE(values_are_kept_by_namespace_and_key) {
    const scratch_folder folder;
    {
        const auto s = must_open(options_for(folder.file()));
        BOOST_CHECK(s->kv_put("agent-1", "b", "1", {1}));
        BOOST_CHECK(s->kv_put("agent-1", "a", "2", {1}));
        BOOST_CHECK(s->kv_put("agent-1", "ab", std::string("\0", 1), {2}));
        BOOST_CHECK(s->kv_put("shared", "a", "3", {2}));
        BOOST_CHECK(s->kv_put("agent-1", "a", "4", {3}));
    }
    const auto s = must_open(options_for(folder.file()));
    BOOST_TEST(s->kv_get("agent-1", "a")->value() == "4");
    BOOST_TEST(s->kv_get("agent-1", "ab")->value() == std::string("\0", 1));
    BOOST_TEST(s->kv_get("shared", "a")->value() == "3");
    BOOST_TEST(!s->kv_get("shared", "b")->has_value());
    BOOST_TEST(*s->kv_keys("agent-1", "", 10) == (std::vector<std::string>{"a", "ab", "b"}),
               boost::test_tools::per_element());
    BOOST_TEST(*s->kv_keys("agent-1", "a", 10) == (std::vector<std::string>{"a", "ab"}),
               boost::test_tools::per_element());
    BOOST_TEST(s->kv_keys("agent-1", "", 1)->size() == 1U);
    BOOST_TEST(s->kv_keys("agent-2", "", 10)->empty());
    BOOST_CHECK(s->kv_erase("agent-1", "a"));
    BOOST_CHECK(s->kv_erase("agent-1", "not there"));
    BOOST_TEST(!s->kv_get("agent-1", "a")->has_value());
    BOOST_TEST(s->kv_get("shared", "a")->value() == "3");
}

BOOST_AUTO_TEST_CASE(a_change_of_values_stays_whole_or_leaves_no_trace) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    const effect_key key = effect_key_of(sha256("k"));
    const auto change = [&](bool gives_up) {
        return s->kv_change("one", {1}, [&](kept_values& v) -> result<void> {
            AIVP_CHECK(v.put("a", payload::of_integer(1)));
            AIVP_CHECK(v.put("b", payload::of_integer(2)));
            AIVP_CHECK(v.erase("a"));
            AIVP_CHECK(v.keep_effect(key, {1}, {"kv.x", sha256("{}"), payload::of_bool(true)}));
            if (gives_up) return fail(errc::skill_conflict, "on second thoughts");
            return {};
        });
    };
    raw_database other(folder.file());
    const std::string all = "SELECT (SELECT group_concat(key || '=' || value || '/' || version) FROM kv) || ' ' ||"
                            " (SELECT revision FROM kv_revision) || ' ' || (SELECT count(*) FROM kv_effects)";
    BOOST_TEST(code_of(change(true)) == "skill.conflict");
    BOOST_TEST(other.run("SELECT (SELECT count(*) FROM kv) || (SELECT revision FROM kv_revision) ||"
                         " (SELECT count(*) FROM kv_effects)") == "000");
    BOOST_TEST(code_of(change(false)) == "");
    BOOST_TEST(other.run(all) == "b=2/2 3 1");
    const auto look = s->kv_look("one", [&](kept_values& v) -> result<void> {
        AIVP_TRY(const auto kept, v.effect_of(key));
        BOOST_REQUIRE(kept.has_value());
        BOOST_TEST(kept->skill == "kv.x");
        BOOST_CHECK(kept->arguments == sha256("{}"));
        BOOST_TEST(kept->result.text() == "true");
        return {};
    });
    BOOST_TEST(code_of(look) == "");
    other.run("UPDATE writer SET epoch = epoch + 1, token = x'00'");
    BOOST_TEST(code_of(change(false)) == "store.fenced");
    BOOST_TEST(other.run(all) == "b=2/2 3 1");
}

BOOST_AUTO_TEST_CASE(a_heartbeat_is_seen_by_others) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    BOOST_CHECK(s->heartbeat({123}));
    sqlite_options o = options_for(folder.file());
    o.read_only = true;
    BOOST_TEST(must_open(o)->writer()->heartbeat_at.us == 123);
}

// ---- upkeep ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(the_log_grows_until_the_host_asks_for_a_checkpoint) {
    const scratch_folder folder;
    for (const locking lock : {locking::shared, locking::exclusive}) {
        sqlite_options o = options_for(folder.file(lock == locking::shared ? "shared" : "exclusive"));
        o.lock = lock;
        o.wal_bytes_max = 400'000;
        const auto s = must_open(o);
        chain_writer w(*s);
        while (!s->checkpoint_due()) BOOST_REQUIRE(w.write_line(std::string(3'000, 'x')) == commit_outcome::ok);
        BOOST_TEST(s->wal_bytes() >= 400'000U);
        const std::uint64_t log = std::filesystem::file_size(o.path + "-wal");
        BOOST_TEST(log >= s->wal_bytes());
        BOOST_CHECK(s->checkpoint());
        BOOST_TEST(s->wal_bytes() == 0U);
        BOOST_TEST(!s->checkpoint_due());
        BOOST_CHECK(w.write() == commit_outcome::ok);
        BOOST_TEST(s->wal_bytes() > 0U);
        BOOST_TEST(s->wal_bytes() < 40'000U);
        BOOST_TEST(std::filesystem::file_size(o.path + "-wal") <= log + 4'120);
        BOOST_TEST(*s->verify() == w.written());
    }
}

BOOST_AUTO_TEST_CASE(a_reader_of_an_older_state_delays_the_checkpoint_and_is_not_disturbed) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write(10) == commit_outcome::ok);
    raw_database other(folder.file());
    BOOST_TEST(other.run("BEGIN; SELECT count(*) FROM journal") == "10");
    BOOST_CHECK(w.write(10) == commit_outcome::ok);
    BOOST_CHECK(s->checkpoint());
    BOOST_TEST(s->wal_bytes() > 0U);
    BOOST_TEST(other.run("SELECT count(*) FROM journal") == "10");
    other.run("COMMIT");
    BOOST_CHECK(s->checkpoint());
    BOOST_TEST(s->wal_bytes() == 0U);
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_database_holds_the_log_too_and_differs_when_the_store_does) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    const auto empty = s->bytes();
    BOOST_CHECK(w.write(3) == commit_outcome::ok);
    const auto in_log = s->bytes();
    BOOST_REQUIRE(empty && in_log);
    BOOST_CHECK(in_log->view() != empty->view());
    BOOST_CHECK(s->bytes()->view() == in_log->view());
    BOOST_CHECK(s->checkpoint());
    BOOST_CHECK(s->bytes()->view() == in_log->view());
    BOOST_CHECK(read_file(folder.file()) == in_log->view());
}

BOOST_AUTO_TEST_CASE(the_first_query_of_a_connection_may_take_documents_apart) {
    const scratch_folder folder;
    {
        const auto s = must_open(options_for(folder.file()));
        chain_writer w(*s);
        BOOST_CHECK(w.write_line(R"({"events":[{"run":1,"type":"x"},{"run":2,"type":"y"}]})") == commit_outcome::ok);
        BOOST_REQUIRE(projector::open(options_for(folder.file())).has_value());
    }
    for (const char* sql : {"SELECT count(*) FROM v_events", "SELECT count(*) FROM json_each('[1,2]')",
                            "SELECT count(*) - 1 FROM json_tree('[1,2]')"}) {
        const auto s = must_open(options_for(folder.file()));
        const auto rows = s->query(sql, 1);
        BOOST_REQUIRE_MESSAGE(rows, sql << ": " << (rows ? "" : rows.error().message));
        BOOST_TEST(rows->rows[0][0].value() == "2", sql);
    }
}

BOOST_AUTO_TEST_CASE(a_query_reads_and_does_nothing_else) {
    const scratch_folder folder;
    const auto s = must_open(options_for(folder.file()));
    chain_writer w(*s);
    BOOST_CHECK(w.write(5) == commit_outcome::ok);
    const auto found = s->query("SELECT seq, line, NULL AS absent, x'0aff' AS bytes FROM journal ORDER BY seq;", 2);
    BOOST_REQUIRE(found.has_value());
    BOOST_TEST(found->columns == (std::vector<std::string>{"seq", "line", "absent", "bytes"}),
               boost::test_tools::per_element());
    BOOST_REQUIRE(found->rows.size() == 2U);
    BOOST_TEST(found->truncated);
    BOOST_TEST(found->rows[1][0].value() == "2");
    BOOST_TEST(found->rows[1][1].value() == "{\"n\":2}");
    BOOST_TEST(!found->rows[1][2].has_value());
    BOOST_TEST(found->rows[1][3].value() == "0aff");
    BOOST_TEST(!s->query("SELECT seq FROM journal", 5)->truncated);
    for (const char* sql :
         {"DELETE FROM journal", "INSERT INTO kv VALUES ('a', 'b', 'c', 1)", "PRAGMA journal_mode=DELETE",
          "ATTACH 'x' AS x", "SELECT 1; DELETE FROM journal", "", "SELEKT", "DROP TABLE journal",
          "SELECT missing FROM journal", "BEGIN", "VACUUM", "SELECT json_extract('{', '$')"})
        BOOST_TEST(code_of(s->query(sql, 10)) == "usage.invalid", sql);
    BOOST_TEST(*s->verify() == 5U);
}

BOOST_AUTO_TEST_SUITE_END()
