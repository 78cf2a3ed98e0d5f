// Durable steps a second through the whole engine, beside what the disk and SQLite do by themselves in the same seconds, and
// how often a step syncs. Rounds alternate between everything that is measured, because disks drift; medians are printed.
// Wall time: a sync is waiting.
//
//   bench_durable [SECONDS [ROUNDS]]     of each measurement, default 0.4 and 5; in $TMPDIR, which must be on a disk
//   bench_durable serve                  for each line "WHAT SECONDS" of standard input a line of JSON, for ci/bench/peers;
//                                        WHAT: append, overwrite, sqlite, or the number of agents
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "aivp/engine/driver.hpp"
#include "aivp/testing/fixtures.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace {

std::atomic<std::uint64_t> syncs_made{0};

} // namespace

// These stand before the C library's, for SQLite's shared library too: what they count is every sync of this process.
extern "C" [[gnu::visibility("default")]] int fdatasync(int file) {
    ++syncs_made;
    return static_cast<int>(::syscall(SYS_fdatasync, file));
}
extern "C" [[gnu::visibility("default")]] int fsync(int file) {
    ++syncs_made;
    return static_cast<int>(::syscall(SYS_fsync, file));
}

namespace {

using namespace aivp;
using namespace aivp::testing;
using wall = std::chrono::steady_clock;
using enum sqlite_options::durability;

/// Asks for short turns on the processor (Linux 6.12 and later; no harm elsewhere). Who wakes from a sync while others compute
/// would wait until their turns of some milliseconds end, and the scheduler would be measured, not the disk.
void ask_for_short_turns() {
    if (::sched_getscheduler(0) != SCHED_OTHER) return;
    struct {
        std::uint32_t size = 48;
        std::uint32_t policy = 0;
        std::uint64_t flags = 0;
        std::int32_t nice = 0;
        std::uint32_t priority = 0;
        std::uint64_t turn_ns = 100'000;
        std::uint64_t unused[2] = {};
    } attributes;
    ::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

double seconds_since(wall::time_point begin) { return std::chrono::duration<double>(wall::now() - begin).count(); }

void require(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "bench_durable: %s\n", what);
    std::exit(1);
}

/// A folder that goes when its owner does.
class scratch {
public:
    scratch() : path_((std::filesystem::temp_directory_path() / "aivp-durable-XXXXXX").string()) {
        require(::mkdtemp(path_.data()) != nullptr, "no folder can be made in $TMPDIR");
        struct statfs status{};
        require(::statfs(path_.c_str(), &status) == 0 && status.f_type != TMPFS_MAGIC,
                "$TMPDIR is in memory, where a sync says nothing; set it to a folder on a disk");
    }
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
    std::string path_;
};

/// One measurement.
struct sample {
    std::uint64_t count = 0;
    double wall_s = 0;
    std::uint64_t syncs = 0; ///< all of them, of checkpoints and of the starts of runs too
    std::map<std::uint64_t, std::uint64_t> commits_by_syncs = {}; ///< how many commits took 0, 1, 2, … syncs
    std::uint64_t log_bytes = 0;

    double rate() const { return static_cast<double>(count) / wall_s; }
};

/// What no durable step can do without: one page of a write-ahead log (4,096 bytes and its 24 of header), and a sync.
/// Appended, the file's length is synced too; written over, in a file of 16 MiB, it is not.
class raw_disk {
public:
    raw_disk(const std::string& path, bool overwrite) : overwrite_(overwrite) {
        file_ = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        require(file_ >= 0, "no file can be made in $TMPDIR");
        for (std::size_t i = 0; overwrite && i < pages; ++i) put(i);
        require(::fdatasync(file_) == 0, "the disk does not sync");
    }
    ~raw_disk() { ::close(file_); }
    raw_disk(const raw_disk&) = delete;
    raw_disk& operator=(const raw_disk&) = delete;

    sample run(double seconds) {
        sample s;
        const std::uint64_t before = syncs_made;
        const auto begin = wall::now();
        for (; (s.wall_s = seconds_since(begin)) < seconds; ++s.count) {
            put(next_);
            next_ = overwrite_ ? (next_ + 1) % pages : next_ + 1;
            require(::fdatasync(file_) == 0, "the disk does not sync");
        }
        s.syncs = syncs_made - before;
        return s;
    }

private:
    void put(std::size_t place) {
        const auto wanted = static_cast<ssize_t>(bytes_.size());
        require(::pwrite(file_, bytes_.data(), bytes_.size(), static_cast<off_t>(place * bytes_.size())) == wanted,
                "the disk is full");
    }

    static constexpr std::size_t pages = (16u << 20) / 4120;
    const std::string bytes_ = std::string(4120, 'x');
    bool overwrite_;
    int file_ = -1;
    std::size_t next_ = 0;
};

/// SQLite alone, WAL and FULL, everything else as it comes: one row of 200 bytes in each BEGIN IMMEDIATE … COMMIT.
class bare_sqlite {
public:
    explicit bare_sqlite(const std::string& path) {
        require(sqlite3_open(path.c_str(), &db_) == SQLITE_OK, "SQLite cannot open its file");
        run("PRAGMA journal_mode=WAL");
        run("PRAGMA synchronous=FULL");
        run("CREATE TABLE j(run TEXT, seq INTEGER, body BLOB, PRIMARY KEY(run, seq)) WITHOUT ROWID");
        begin_ = prepare("BEGIN IMMEDIATE");
        insert_ = prepare("INSERT INTO j VALUES('r', ?1, zeroblob(200))");
        commit_ = prepare("COMMIT");
    }
    ~bare_sqlite() {
        for (sqlite3_stmt* s : {begin_, insert_, commit_}) sqlite3_finalize(s);
        sqlite3_close(db_);
    }
    bare_sqlite(const bare_sqlite&) = delete;
    bare_sqlite& operator=(const bare_sqlite&) = delete;

    sample measure(double seconds) {
        sample s;
        const std::uint64_t before = syncs_made;
        const auto begin = wall::now();
        for (; (s.wall_s = seconds_since(begin)) < seconds; ++s.count) {
            sqlite3_bind_int64(insert_, 1, ++seq_);
            for (sqlite3_stmt* statement : {begin_, insert_, commit_}) {
                require(sqlite3_step(statement) == SQLITE_DONE, "SQLite does not commit");
                sqlite3_reset(statement);
            }
        }
        s.syncs = syncs_made - before;
        return s;
    }

private:
    void run(const char* sql) {
        require(sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sqlite3_errmsg(db_));
    }
    sqlite3_stmt* prepare(const char* sql) {
        sqlite3_stmt* made = nullptr;
        require(sqlite3_prepare_v2(db_, sql, -1, &made, nullptr) == SQLITE_OK, sqlite3_errmsg(db_));
        return made;
    }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* begin_ = nullptr;
    sqlite3_stmt* insert_ = nullptr;
    sqlite3_stmt* commit_ = nullptr;
    sqlite3_int64 seq_ = 0;
};

/// Every port but the store: time stands still, and answers wait until they are asked for.
class bench_ports final : public clock_port,
                          public timer_port,
                          public model_provider,
                          public connector_port,
                          public user_channel,
                          public secret_port {
public:
    instant now() override { return instant{1'767'225'600'000'000}; }
    void arm(timer_key, instant) override {}
    void disarm(timer_key) override {}
    void call(const model_request&, completion_sink&) override { std::abort(); }
    void call(const skill_request& r, completion_sink&) override { waiting.push_back({r.run, r.call}); }
    void ask(const user_question&, completion_sink&) override { std::abort(); }
    void cancel(call_ref) override {}
    result<std::string> reveal(std::string_view name) override { return std::string(name); }
    std::vector<call_ref> waiting;
};

/// Agents whose answers come in rounds, all at once; each answer is a step: its outcome, and the next intent.
class agents_at_work {
public:
    agents_at_work(const std::string& path, std::size_t agents, sqlite_options::durability mode)
        : store_(opened(path, mode)),
          engine_({ports_, ports_, *store_, ports_, ports_, ports_, ports_}, {.batch_max = 256}),
          agents_(agents) {
        std::vector<step_row> rows;
        for (std::uint32_t i = 0; i < steps; ++i)
            rows.push_back({"s" + std::to_string(i), "a", {.arguments = R"({"path":"/a"})"}});
        for (std::size_t i = 0; i < agents; ++i) {
            const auto agent = make_steps_agent(
                "a" + std::to_string(i), {make_binding("a", make_skill("files.write", {.takes_key = true}))}, rows,
                {.limits = {.skill_calls = steps + 1, .repeated_calls = steps + 1}});
            require(engine_.activate(agent).has_value(), "an agent cannot be activated");
        }
        start_runs();
    }

    /// Until `seconds` have passed or, when `log_full`, the store wants its first checkpoint, whatever comes first.
    sample run(double seconds, bool log_full = false) {
        sample s;
        const std::uint64_t before = syncs_made;
        const auto begin = wall::now();
        while ((s.wall_s = seconds_since(begin)) < seconds) {
            const std::vector<call_ref> round = std::exchange(ports_.waiting, {});
            if (round.empty()) {
                start_runs();
                continue;
            }
            const std::uint64_t round_before = syncs_made;
            const std::uint64_t log_before = store_->wal_bytes();
            engine_.hold();
            for (const call_ref ref : round) engine_.skill_done({.ref = ref, .result = answer_, .message = {}});
            engine_.release();
            s.count += round.size();
            ++s.commits_by_syncs[syncs_made - round_before];
            s.log_bytes += store_->wal_bytes() - log_before;
            if (!store_->checkpoint_due()) continue;
            if (log_full) break;
            checkpoint();
        }
        s.syncs = syncs_made - before;
        return s;
    }
    /// From here on the log is written over and grows no more. Large values fill it with few syncs.
    void fill_log() {
        while (!store_->checkpoint_due())
            require(store_->kv_put("bench", "large", std::string(1u << 20, 'x'), seq_no{1}).has_value(),
                    "a value cannot be written");
        checkpoint();
    }
    void checkpoint() { require(store_->checkpoint().has_value(), "the log cannot be moved into the store"); }

private:
    static std::unique_ptr<sqlite_store> opened(const std::string& path, sqlite_options::durability mode) {
        sqlite_options options;
        options.path = path;
        options.durable = mode;
        auto store = sqlite_store::open(options);
        require(store.has_value(), "the store cannot be opened");
        return std::move(*store);
    }
    void start_runs() {
        for (std::size_t i = 0; i < agents_; ++i)
            require(engine_.submit(start_run{{i + 1}, {}}, input_source::host).has_value(), "a run cannot be started");
    }

    static constexpr std::uint32_t steps = 5000;
    const payload answer_ = *payload::parse(R"({"ok":true})");
    std::unique_ptr<sqlite_store> store_;
    bench_ports ports_;
    driver engine_;
    std::size_t agents_;
};

double median(std::vector<double> values) {
    std::ranges::sort(values);
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// The rounds of one row of the table.
struct row {
    const char* name;
    std::function<sample()> measure;
    std::vector<sample> rounds = {};
    std::vector<double> shares = {}; ///< of the overwriting rate of the same round

    double rate() const {
        std::vector<double> rates;
        for (const sample& s : rounds) rates.push_back(s.rate());
        return median(rates);
    }
    double syncs_each() const {
        double taken = 0;
        double count = 0;
        for (const sample& s : rounds) {
            taken += static_cast<double>(s.syncs);
            count += static_cast<double>(s.count);
        }
        return taken / count;
    }
};

/// How the syncs of sequential steps come about: how many steps took how many (the first one in a log that starts over syncs
/// its header too), and what checkpoints and starts of runs add.
void print_syncs(const row& sequential) {
    std::map<std::uint64_t, std::uint64_t> commits;
    std::uint64_t all = 0;
    std::uint64_t in_steps = 0;
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    for (const sample& s : sequential.rounds) {
        for (const auto& [taken, n] : s.commits_by_syncs) {
            commits[taken] += n;
            in_steps += taken * n;
        }
        all += s.syncs;
        count += s.count;
        bytes += s.log_bytes;
    }
    std::printf("syncs of %llu sequential steps:", static_cast<unsigned long long>(count));
    for (const auto& [taken, n] : commits)
        std::printf(" %llu steps with %llu,", static_cast<unsigned long long>(n),
                    static_cast<unsigned long long>(taken));
    std::printf(" and %llu outside steps; %.0f bytes of log a step\n", static_cast<unsigned long long>(all - in_steps),
                static_cast<double>(bytes) / static_cast<double>(count));
}

int print_table(double seconds, int rounds) {
    const scratch folder;
    raw_disk append(folder.file("append"), false);
    raw_disk overwrite(folder.file("overwrite"), true);
    bare_sqlite sqlite(folder.file("sqlite.db"));
    agents_at_work one(folder.file("1.db"), 1, power_loss_safe);
    agents_at_work eight(folder.file("8.db"), 8, power_loss_safe);
    agents_at_work many(folder.file("64.db"), 64, power_loss_safe);
    agents_at_work quick(folder.file("1c.db"), 1, process_crash_safe);
    agents_at_work quick_many(folder.file("64c.db"), 64, process_crash_safe);
    for (agents_at_work* a : {&one, &eight, &many, &quick, &quick_many}) a->fill_log();
    int fresh = 0;
    const auto steps_of = [&](agents_at_work& a) { return [&a, seconds] { return a.run(seconds); }; };
    // What was not synced must not be written while something else is measured.
    const auto unsynced_steps_of = [&](agents_at_work& a) {
        return [&a, seconds] {
            const sample s = a.run(seconds);
            a.checkpoint();
            return s;
        };
    };
    std::array rows = {
        row{"raw, appending", [&] { return append.run(seconds); }},
        row{"SQLite alone, a row a commit", [&] { return sqlite.measure(seconds); }},
        row{"1 agent", steps_of(one)},
        row{"1 agent, a new store, its log growing",
            [&] {
                return agents_at_work(folder.file("new" + std::to_string(++fresh)), 1, power_loss_safe)
                    .run(seconds, true);
            }},
        row{"8 agents", steps_of(eight)},
        row{"64 agents", steps_of(many)},
        row{"1 agent, process-crash-safe", unsynced_steps_of(quick)},
        row{"64 agents, process-crash-safe", unsynced_steps_of(quick_many)},
    };
    row raw{"raw, overwriting", [&] { return overwrite.run(seconds / 2); }};
    raw.rounds.push_back(raw.measure());
    for (int i = 0; i < rounds; ++i)
        for (row& r : rows) {
            r.rounds.push_back(r.measure());
            const double before = raw.rounds.back().rate();
            raw.rounds.push_back(raw.measure());
            r.shares.push_back(r.rounds.back().rate() / ((before + raw.rounds.back().rate()) / 2));
        }
    std::printf("%-40s %10s %8s %15s %7s\n", "", "/s", "of raw", "in the rounds", "syncs");
    std::printf("%-40s %10.0f %8s %15s %7.3f\n", raw.name, raw.rate(), "1", "", raw.syncs_each());
    for (const row& r : rows) {
        const auto [least, most] = std::ranges::minmax(r.shares);
        std::printf("%-40s %10.0f %8.2f %7.2f–%-7.2f %7.3f\n", r.name, r.rate(), median(r.shares), least, most,
                    r.syncs_each());
    }
    print_syncs(rows[2]);
    return 0;
}

/// Files and engines are made when first asked for, and kept.
int serve() {
    const scratch folder;
    raw_disk append(folder.file("append"), false);
    raw_disk overwrite(folder.file("overwrite"), true);
    bare_sqlite sqlite(folder.file("sqlite.db"));
    std::map<std::string, agents_at_work> engines;
    std::string line;
    while (std::getline(std::cin, line)) {
        std::istringstream words(line);
        std::string what;
        double seconds = 0;
        require(static_cast<bool>(words >> what >> seconds) && seconds > 0, "a line is WHAT SECONDS");
        sample s;
        if (what == "append") {
            s = append.run(seconds);
        } else if (what == "overwrite") {
            s = overwrite.run(seconds);
        } else if (what == "sqlite") {
            s = sqlite.measure(seconds);
        } else {
            std::size_t agents = 0;
            const auto [end, wrong] = std::from_chars(what.data(), what.data() + what.size(), agents);
            require(wrong == std::errc{} && end == what.data() + what.size() && agents > 0 && agents <= 256,
                    "WHAT is append, overwrite, sqlite or 1 to 256 agents");
            const auto [place, made] = engines.try_emplace(what, folder.file(what + ".db"), agents, power_loss_safe);
            if (made) place->second.fill_log();
            s = place->second.run(seconds);
        }
        std::printf(R"({"peer":"aivp","what":"%s","count":%llu,"wall_s":%.6f,"syncs":%llu})"
                    "\n",
                    what.c_str(), static_cast<unsigned long long>(s.count), s.wall_s,
                    static_cast<unsigned long long>(s.syncs));
        std::fflush(stdout);
    }
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    ask_for_short_turns();
    if (argc == 2 && std::string_view(argv[1]) == "serve") return serve();
    const double seconds = argc > 1 ? std::strtod(argv[1], nullptr) : 0.4;
    const int rounds = argc > 2 ? static_cast<int>(std::strtol(argv[2], nullptr, 10)) : 5;
    require(argc <= 3 && seconds > 0 && seconds <= 60 && rounds > 0 && rounds <= 100,
            "usage: bench_durable [SECONDS [ROUNDS]], or bench_durable serve");
    return print_table(seconds, rounds);
}
