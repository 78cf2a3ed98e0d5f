// The durable store when the disk fails: full, broken for a moment or for good, rotten, cut short. What had an `ok` is
// there or the error says what is wrong; what was `failed` is not there; nothing crashes.
#include "runtime/store/sqlite_store.hpp"

#include <algorithm>
#include <csignal>
#include <map>

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>

#include "tests/store/contract.hpp"
#include "tests/store/faulty_vfs.hpp"
#include "tests/store/scratch.hpp"

using namespace aivp;
using store_test::chain_writer;
using store_test::code_of;
using store_test::faulty_vfs;
using store_test::lines;
using store_test::must_open;
using store_test::options_for;
using store_test::raw_database;
using store_test::read_file;
using store_test::scratch_folder;
using store_test::write_file;

namespace {

using journal_mode = sqlite_options::journal_mode;
using locking = sqlite_options::locking;

/// No file of this process grows beyond `bytes` while it lives; the signal becomes an error.
class file_size_limit {
public:
    explicit file_size_limit(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    void (*handler_)(int);
    rlimit before_{};
};

/// A store of 60 records, a snapshot and a blob, closed; its lines.
std::vector<std::string> make_sample(const std::string& path) {
    const auto s = must_open(options_for(path));
    chain_writer w(*s);
    for (int i = 0; i < 60; ++i) BOOST_REQUIRE(w.write_line(std::string(200 + i, 'a')) == commit_outcome::ok);
    BOOST_REQUIRE(s->save_snapshot({{60}, {60}, w.chain(), std::string(9'000, 's')}).has_value());
    BOOST_REQUIRE(s->put(std::string(9'000, 'b')).has_value());
    return lines(*s, 1);
}

bool is_clean(const std::string& code) {
    return code == "store.corrupt" || code == "store.foreign" || code == "io.read" || code == "io.write" ||
           code == "store.migration" || code == "store.newer_schema";
}

/// What a store does with a damaged file: everything is there, or a clean error. Returns whether it was an error.
bool damaged_file_is_handled(const sqlite_options& o, const std::vector<std::string>& expected) {
    const auto opened = sqlite_store::open(o);
    if (!opened) {
        BOOST_TEST(is_clean(code_of(opened)), to_string(opened.error()));
        BOOST_TEST(!opened.error().message.empty());
        return true;
    }
    sqlite_store& s = **opened;
    std::vector<std::string> found;
    const auto read = s.read({1}, [&](const journal_record& r) {
        found.push_back(std::to_string(r.seq.value) + " " + std::string(r.line));
        return true;
    });
    // Never anything that was not committed.
    BOOST_TEST((found.size() <= expected.size() && std::equal(found.begin(), found.end(), expected.begin())));
    const auto verified = s.verify();
    static_cast<void>(s.load_snapshot());
    static_cast<void>(s.get(sha256(std::string(9'000, 'b'))));
    static_cast<void>(s.query("SELECT count(*) FROM v_runs", 1));
    if (!read) BOOST_TEST(is_clean(code_of(read)), to_string(read.error()));
    if (!verified) BOOST_TEST(is_clean(code_of(verified)), to_string(verified.error()));
    if (!read || !verified) return true;
    BOOST_TEST(found.size() == expected.size());
    return false;
}

} // namespace

BOOST_AUTO_TEST_SUITE(store_faults)

BOOST_AUTO_TEST_CASE(a_quota_fails_a_commit_and_lets_work_go_on_when_it_is_raised) {
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback}) {
        const scratch_folder folder;
        sqlite_options o = options_for(folder.file());
        o.journal = mode;
        o.pages_max = 60;
        std::uint64_t acknowledged = 0;
        {
            const auto s = must_open(o);
            chain_writer w(*s);
            commit_outcome how = commit_outcome::ok;
            while (how == commit_outcome::ok) how = w.write_line(std::string(2'000, 'x'));
            BOOST_CHECK(how == commit_outcome::failed);
            BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.full");
            acknowledged = w.written();
            BOOST_TEST(acknowledged > 10U);
            BOOST_TEST(lines(*s, 1).size() == acknowledged);
            BOOST_TEST(code_of(s->put(std::string(100'000, 'x'))) == "store.full");
        }
        o.pages_max = 200;
        const auto s = must_open(o);
        chain_writer w(*s);
        BOOST_REQUIRE(w.resume());
        BOOST_CHECK(w.write_line(std::string(2'000, 'x')) == commit_outcome::ok);
        BOOST_TEST(*s->verify() == acknowledged + 1);
    }
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_called_full_and_nothing_acknowledged_is_lost) {
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback}) {
        const scratch_folder folder;
        sqlite_options o = options_for(folder.file());
        o.journal = mode;
        const auto s = must_open(o);
        chain_writer w(*s);
        commit_outcome how = commit_outcome::ok;
        {
            const file_size_limit full(400'000);
            while (how == commit_outcome::ok) how = w.write_line(std::string(3'000, 'x'));
            BOOST_CHECK(how != commit_outcome::ok);
            BOOST_REQUIRE(s->last_error().has_value());
            BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.full", to_string(*s->last_error()));
            // The disk is full still.
            BOOST_CHECK(w.write_line(std::string(30'000, 'x')) == commit_outcome::failed);
        }
        const std::uint64_t acknowledged = w.written();
        BOOST_TEST(acknowledged > 20U);
        const std::uint64_t found = lines(*s, 1).size();
        BOOST_TEST(found >= acknowledged);
        BOOST_TEST(found <= acknowledged + (how == commit_outcome::unknown));
        BOOST_REQUIRE(w.resume());
        BOOST_CHECK(w.write() == commit_outcome::ok);
        BOOST_TEST(*s->verify() == found + 1);
    }
}

BOOST_AUTO_TEST_CASE(after_an_unknown_commit_nothing_is_committed_before_the_journal_was_read) {
    const scratch_folder folder;
    faulty_vfs disk;
    sqlite_options o = options_for(folder.file());
    o.vfs = faulty_vfs::name();
    o.lock = locking::exclusive;
    const auto s = must_open(o);
    chain_writer w(*s);
    BOOST_CHECK(w.write() == commit_outcome::ok);
    disk.arm(faulty_vfs::fault::sync_error, 1, false);
    BOOST_CHECK(w.write() == commit_outcome::unknown);
    BOOST_TEST(disk.failures() == 1U);
    BOOST_TEST(std::string(info(s->last_error()->code).name) == "io.write");
    BOOST_CHECK(w.write() == commit_outcome::failed);
    BOOST_TEST(std::string(info(s->last_error()->code).name) == "store.commit_unknown");
    // What else the host does is allowed, and is no substitute.
    BOOST_CHECK(s->heartbeat({5}));
    BOOST_CHECK(w.write() == commit_outcome::failed);
    BOOST_CHECK(s->reopen());
    BOOST_CHECK(w.write() == commit_outcome::failed);
    const auto head = s->head();
    BOOST_REQUIRE(head.has_value());
    BOOST_TEST(head->seq.value >= 1U);
    BOOST_REQUIRE(w.resume());
    BOOST_CHECK(w.write() == commit_outcome::ok);
    BOOST_TEST(*s->verify() == w.written());
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_call_loses_nothing_acknowledged_and_shows_nothing_failed) {
    std::uint64_t outcomes[3] = {};
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback})
        for (const auto fault :
             {faulty_vfs::fault::write_error, faulty_vfs::fault::disk_full, faulty_vfs::fault::sync_error})
            for (const bool sticky : {false, true})
                for (std::uint64_t k = 1;; ++k) {
                    const scratch_folder folder;
                    faulty_vfs disk;
                    sqlite_options o = options_for(folder.file());
                    o.vfs = faulty_vfs::name();
                    o.journal = mode;
                    o.lock = mode == journal_mode::wal ? locking::exclusive : locking::shared;
                    std::vector<std::string> acknowledged;
                    bool in_doubt = false;
                    bool mended = false;
                    {
                        const auto s = must_open(o);
                        chain_writer w(*s);
                        disk.arm(fault, k, sticky);
                        for (int i = 0; i < 6; ++i) {
                            const std::uint64_t before = w.written();
                            const std::string line = "{\"attempt\":" + std::to_string(i) + "}";
                            const commit_outcome how = w.write_line(line);
                            ++outcomes[static_cast<int>(how)];
                            if (how == commit_outcome::ok)
                                acknowledged.push_back(std::to_string(before + 1) + " " + line);
                            if (how == commit_outcome::unknown) {
                                in_doubt = true;
                                bool known = w.resume();
                                if (!known && k % 2 == 0) {
                                    // The disk is broken for long, then it is well again.
                                    BOOST_TEST(!w.resume());
                                    disk.arm(fault, 0, false);
                                    mended = true;
                                    known = w.resume();
                                    BOOST_TEST(known);
                                }
                                if (!known) break;
                                BOOST_TEST(w.written() >= before);
                                BOOST_TEST(w.written() <= before + 1);
                                if (w.written() > before)
                                    acknowledged.push_back(std::to_string(before + 1) + " " + line);
                                in_doubt = false;
                            }
                            if (i == 3) static_cast<void>(s->checkpoint());
                        }
                    }
                    const bool reached = disk.failures() > 0 || mended;
                    disk.arm(fault, 0, false);
                    const auto s = must_open(o);
                    std::vector<std::string> found = lines(*s, 1);
                    BOOST_TEST(s->verify().has_value());
                    if (in_doubt && found.size() == acknowledged.size() + 1) found.pop_back();
                    BOOST_TEST(found == acknowledged, boost::test_tools::per_element());
                    if (!reached) break;
                }
    BOOST_TEST(outcomes[static_cast<int>(commit_outcome::ok)] > 0U);
    BOOST_TEST(outcomes[static_cast<int>(commit_outcome::failed)] > 0U);
    BOOST_TEST(outcomes[static_cast<int>(commit_outcome::unknown)] > 0U);
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_call_leaves_a_value_and_what_was_done_to_it_whole) {
    std::map<std::string, int> outcomes;
    for (const journal_mode mode : {journal_mode::wal, journal_mode::rollback})
        for (const auto fault :
             {faulty_vfs::fault::write_error, faulty_vfs::fault::disk_full, faulty_vfs::fault::sync_error})
            for (std::uint64_t k = 1;; ++k) {
                const scratch_folder folder;
                faulty_vfs disk;
                sqlite_options o = options_for(folder.file());
                o.vfs = faulty_vfs::name();
                o.journal = mode;
                o.lock = mode == journal_mode::wal ? locking::exclusive : locking::shared;
                const auto s = must_open(o);
                // As a skill does it: a count under a key, tried again under the same key until it has an answer.
                const auto count = [&](const std::string& name) {
                    const effect_key key = effect_key_of(sha256(name));
                    return s->kv_change("space", {1}, [&](kept_values& v) -> result<void> {
                        AIVP_TRY(const auto before, v.effect_of(key));
                        if (before) return {};
                        AIVP_TRY(const auto present, v.find("n"));
                        const std::int64_t n = present ? as_integer(present->value).value_or(-1) : 0;
                        AIVP_TRY(const std::int64_t version, v.put("n", payload::of_integer(n + 1)));
                        return v.keep_effect(key, {1}, {"kv.incr", {}, payload::of_integer(version)});
                    });
                };
                disk.arm(fault, k, false);
                for (const char* name : {"first", "second", "third"}) {
                    std::string code = code_of(count(name));
                    for (int tries = 0; !code.empty() && tries < 5; ++tries) {
                        ++outcomes[code];
                        code = code_of(count(name));
                    }
                    BOOST_TEST(code == "");
                }
                const bool reached = disk.failures() > 0;
                disk.arm(fault, 0, false);
                const auto rows = s->query("SELECT CAST(value AS TEXT), version, (SELECT revision FROM kv_revision),"
                                           " (SELECT count(*) FROM kv_effects) FROM kv",
                                           5);
                BOOST_REQUIRE(rows && rows->rows.size() == 1U);
                for (const auto& cell : rows->rows[0]) BOOST_TEST(cell.value() == "3");
                if (!reached) break;
            }
    BOOST_TEST(outcomes["store.commit_unknown"] > 0);
    BOOST_TEST(outcomes["store.full"] + outcomes["io.write"] > 0);
    for (const auto& [code, n] : outcomes)
        BOOST_TEST((code == "store.commit_unknown" || code == "store.full" || code == "io.write"), code);
}

BOOST_AUTO_TEST_CASE(a_failure_at_any_call_of_opening_is_an_error_and_opening_again_works) {
    for (const auto fault : {faulty_vfs::fault::write_error, faulty_vfs::fault::sync_error})
        for (std::uint64_t k = 1;; ++k) {
            const scratch_folder folder;
            faulty_vfs disk;
            sqlite_options o = options_for(folder.file());
            o.vfs = faulty_vfs::name();
            o.lock = locking::exclusive;
            disk.arm(fault, k, false);
            const std::string first = code_of(sqlite_store::open(o));
            const bool reached = disk.failures() > 0;
            BOOST_TEST((first.empty() || first == "io.write" || first == "io.read" || first == "store.migration"),
                       first);
            disk.arm(fault, 0, false);
            const auto s = must_open(o);
            chain_writer w(*s);
            BOOST_CHECK(w.write() == commit_outcome::ok);
            BOOST_TEST(*s->verify() == 1U);
            if (!reached) break;
        }
}

BOOST_AUTO_TEST_CASE(a_commit_syncs_as_often_as_its_promise_needs_and_not_more) {
    struct expectation {
        journal_mode mode;
        sqlite_options::durability durable;
        std::uint64_t syncs;
    };
    // A rollback journal: its content, its header, the database; then the folder, when the journal is deleted.
    for (const expectation& e :
         {expectation{journal_mode::wal, sqlite_options::durability::power_loss_safe, 1},
          expectation{journal_mode::wal, sqlite_options::durability::process_crash_safe, 0},
          expectation{journal_mode::rollback, sqlite_options::durability::power_loss_safe, 4},
          expectation{journal_mode::rollback, sqlite_options::durability::process_crash_safe, 3}}) {
        const scratch_folder folder;
        faulty_vfs disk;
        sqlite_options o = options_for(folder.file());
        o.vfs = faulty_vfs::name();
        o.journal = e.mode;
        o.durable = e.durable;
        o.lock = e.mode == journal_mode::wal ? locking::exclusive : locking::shared;
        const auto s = must_open(o);
        chain_writer w(*s);
        BOOST_CHECK(w.write() == commit_outcome::ok);
        disk.arm(faulty_vfs::fault::sync_error, 1'000'000, false);
        for (int i = 0; i < 10; ++i) BOOST_CHECK(w.write(3) == commit_outcome::ok);
        BOOST_TEST(disk.calls() == 10 * e.syncs);
    }
}

BOOST_AUTO_TEST_CASE(a_journal_mode_that_sqlite_cannot_have_is_an_error) {
    // Without shared memory, shared locking and WAL do not go together; SQLite says so by staying as it is.
    const scratch_folder folder;
    const faulty_vfs disk;
    sqlite_options o = options_for(folder.file());
    o.vfs = faulty_vfs::name();
    BOOST_TEST(code_of(sqlite_store::open(o)) == "config.not_supported");
    o.lock = locking::exclusive;
    must_open(o);
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_in_any_page_is_found_or_harmless) {
    const scratch_folder folder;
    const std::string path = folder.file();
    const auto expected = make_sample(path);
    const std::string sound = read_file(path);
    BOOST_REQUIRE(!std::filesystem::exists(path + "-wal"));
    const std::size_t pages = sound.size() / 4096;
    BOOST_TEST(pages > 10U);
    const std::string copy = folder.file("copy.db");
    std::size_t errors = 0, cases = 0;
    for (std::size_t page = 0; page < pages; ++page)
        for (const std::size_t offset :
             {0UL, 3UL, 5UL, 9UL, 18UL, 71UL, 100UL, 105UL, 1'000UL, 2'900UL, 4'000UL, 4'095UL})
            for (const int flip : {0x01, 0xff}) {
                std::string bytes = sound;
                bytes[page * 4096 + offset] = static_cast<char>(bytes[page * 4096 + offset] ^ flip);
                write_file(copy, bytes);
                errors += damaged_file_is_handled(options_for(copy), expected);
                ++cases;
                for (const char* beside : {"-wal", "-shm", "-journal"}) std::filesystem::remove(copy + beside);
            }
    BOOST_TEST_MESSAGE(errors << " of " << cases << " damaged files were refused");
    BOOST_TEST(errors > cases / 8);
}

BOOST_AUTO_TEST_CASE(a_changed_line_is_named_by_its_number) {
    const scratch_folder folder;
    const std::string path = folder.file();
    make_sample(path);
    const auto damaged = [&](std::uint64_t seq) {
        const std::string sql = "UPDATE journal SET line = 'A' || substr(line, 2) WHERE seq = " + std::to_string(seq);
        BOOST_REQUIRE(raw_database(path).run(sql) == "");
    };
    damaged(30);
    const auto s = must_open(options_for(path));
    const auto verified = s->verify();
    BOOST_TEST(code_of(verified) == "store.corrupt");
    BOOST_TEST(verified.error().message.find("record 30 ") != std::string::npos);
    BOOST_TEST(lines(*s, 31).size() == 30U);
}

BOOST_AUTO_TEST_CASE(a_missing_record_is_named_by_its_number) {
    const scratch_folder folder;
    const std::string path = folder.file();
    make_sample(path);
    BOOST_REQUIRE(raw_database(path).run("DELETE FROM journal WHERE seq = 7") == "");
    const auto s = must_open(options_for(path));
    for (const std::uint64_t from : {1, 7, 8}) {
        const auto read = s->read({from}, [](const journal_record&) { return true; });
        BOOST_TEST(code_of(read) == "store.corrupt");
        BOOST_TEST(read.error().message.find("record 7 is missing") != std::string::npos);
    }
    BOOST_TEST(lines(*s, 9).size() == 52U);
}

BOOST_AUTO_TEST_CASE(a_log_cut_short_anywhere_leaves_whole_batches) {
    const scratch_folder folder;
    const std::string path = folder.file();
    const auto s = must_open(options_for(path));
    chain_writer w(*s);
    std::vector<std::uint64_t> log_size_after{std::filesystem::file_size(path + "-wal")};
    for (int i = 0; i < 12; ++i) {
        BOOST_REQUIRE(w.write(3) == commit_outcome::ok);
        log_size_after.push_back(s->wal_bytes());
    }
    const auto expected = lines(*s, 1);
    const std::string database = read_file(path);
    const std::string log = read_file(path + "-wal");
    const std::string copy = folder.file("copy.db");
    std::size_t losses = 0;
    for (std::size_t size = 0; size <= log.size(); size += 509) {
        write_file(copy, database);
        write_file(copy + "-wal", log.substr(0, size));
        const auto cut = must_open(options_for(copy));
        const auto found = lines(*cut, 1);
        const auto verified = cut->verify();
        BOOST_TEST(verified.has_value());
        BOOST_TEST(found.size() % 3 == 0U);
        BOOST_TEST((found.size() <= expected.size() && std::equal(found.begin(), found.end(), expected.begin())));
        // Every batch whose log is there whole is there.
        std::uint64_t whole = 0;
        for (std::size_t i = 1; i < log_size_after.size(); ++i) whole += log_size_after[i] <= size ? 3 : 0;
        BOOST_TEST(found.size() >= whole);
        losses += found.size() < expected.size();
        chain_writer next(*cut);
        BOOST_REQUIRE(next.resume());
        BOOST_CHECK(next.write() == commit_outcome::ok);
    }
    BOOST_TEST(losses > 10U);
}

BOOST_AUTO_TEST_CASE(a_log_with_a_flipped_byte_leaves_whole_batches) {
    const scratch_folder folder;
    const std::string path = folder.file();
    const auto s = must_open(options_for(path));
    chain_writer w(*s);
    for (int i = 0; i < 8; ++i) BOOST_REQUIRE(w.write(3) == commit_outcome::ok);
    const auto expected = lines(*s, 1);
    const std::string database = read_file(path);
    const std::string log = read_file(path + "-wal");
    const std::string copy = folder.file("copy.db");
    for (std::size_t at = 0; at < log.size(); at += 611) {
        std::string bytes = log;
        bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
        write_file(copy, database);
        write_file(copy + "-wal", bytes);
        const auto found = lines(*must_open(options_for(copy)), 1);
        BOOST_TEST(found.size() % 3 == 0U);
        BOOST_TEST((found.size() <= expected.size() && std::equal(found.begin(), found.end(), expected.begin())));
        for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(copy + beside);
    }
}

BOOST_AUTO_TEST_SUITE_END()
