// How many records a second the durable store takes, by durability and batch, beside what the same disk does with a bare
// append + fdatasync in the same run; reading with the chain verified; deriving the tables. Wall time: a sync is waiting.
//
//   bench_store [all | commit MODE BATCH COUNT]     in $TMPDIR; MODE = power_loss_safe, process_crash_safe or rollback
//   strace -c -f -e fdatasync,fsync bench_store commit power_loss_safe 1 10000
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "runtime/store/projector.hpp"
#include "runtime/store/sqlite_store.hpp"

namespace {

using namespace aivp;

double seconds_of(const std::function<void()>& body) {
    using clock = std::chrono::steady_clock;
    const auto begin = clock::now();
    body();
    return std::chrono::duration<double>(clock::now() - begin).count();
}

class scratch {
public:
    scratch() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aivp-bench-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) std::abort();
        path_ = pattern;
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string file(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// About 450 bytes, as a settled call is written.
std::string line_of(std::uint64_t seq) {
    const std::string number = std::to_string(seq);
    const std::string call = std::to_string(seq / 2 % 50 + 1);
    const std::string run = std::to_string(seq / 100 + 1);
    const std::string head = R"({"at":17672256)" + std::to_string(10'000'000 + seq) + R"(,"causation":)" +
                             std::to_string(seq > 1 ? seq - 1 : 0) + R"(,"correlation":)" + run + R"(,"events":[)";
    const std::string event =
        seq % 2 == 0
            ? R"({"arguments":{"account":"4711","filter":"status = open","limit":50},"binding":1,"call":)" + call +
                  R"(,"deadline":1767225699999999,"key":"00112233445566778899aabbccddeeff","reserved":1200,"step":)" +
                  call + R"(,"type":"call_intended"})"
            : R"({"call":)" + call +
                  R"(,"cost":1100,"result":{"ok":true,"rows":[{"id":1,"name":"first"},)"
                  R"({"id":2,"name":"second"}],"source":"mailbox"},"type":"call_settled"})";
    std::string line = head + event + R"(],"input":{"type":"skill_completed"},"note":")";
    const std::string tail = R"(","seq":)" + number + "}";
    if (line.size() + tail.size() < 450) line.append(450 - line.size() - tail.size(), 'x');
    return line + tail;
}

struct mode {
    const char* name;
    sqlite_options::journal_mode journal;
    sqlite_options::durability durable;
    sqlite_options::locking lock;
};
constexpr mode modes[] = {
    {"process_crash_safe", sqlite_options::journal_mode::wal, sqlite_options::durability::process_crash_safe,
     sqlite_options::locking::exclusive},
    {"process_crash_safe_shared", sqlite_options::journal_mode::wal, sqlite_options::durability::process_crash_safe,
     sqlite_options::locking::shared},
    {"power_loss_safe", sqlite_options::journal_mode::wal, sqlite_options::durability::power_loss_safe,
     sqlite_options::locking::exclusive},
    {"rollback", sqlite_options::journal_mode::rollback, sqlite_options::durability::power_loss_safe,
     sqlite_options::locking::shared},
};

std::unique_ptr<sqlite_store> open_store(const scratch& folder, const mode& m) {
    sqlite_options o;
    o.path = folder.file("bench.db");
    o.journal = m.journal;
    o.durable = m.durable;
    o.lock = m.lock;
    auto opened = sqlite_store::open(o);
    if (!opened) {
        std::fprintf(stderr, "%s\n", to_string(opened.error()).c_str());
        std::exit(1);
    }
    return std::move(*opened);
}

/// Lines and digests are made before the clock starts: they are the engine's work.
struct prepared {
    std::vector<std::string> lines;
    std::vector<journal_record> records;
};

prepared prepare(std::size_t count) {
    prepared p;
    digest_chain chain;
    for (std::uint64_t seq = 1; seq <= count; ++seq) p.lines.push_back(line_of(seq));
    for (std::uint64_t seq = 1; seq <= count; ++seq)
        p.records.push_back(
            {{seq}, {static_cast<std::int64_t>(seq)}, p.lines[seq - 1], chain.append(p.lines[seq - 1])});
    return p;
}

void commit_all(sqlite_store& s, const prepared& p, std::size_t batch) {
    const std::span<const journal_record> all(p.records);
    for (std::size_t at = 0; at < all.size(); at += batch) {
        if (s.commit(all.subspan(at, std::min(batch, all.size() - at))) != commit_outcome::ok) {
            std::fprintf(stderr, "%s\n", to_string(*s.last_error()).c_str());
            std::exit(1);
        }
        if (s.checkpoint_due()) static_cast<void>(s.checkpoint());
    }
}

double store_seconds(const mode& m, const prepared& p, std::size_t batch) {
    const scratch folder;
    const auto s = open_store(folder, m);
    return seconds_of([&] { commit_all(*s, p, batch); });
}

/// What the disk itself allows: append `batch` lines, fdatasync.
double append_seconds(const prepared& p, std::size_t batch) {
    const scratch folder;
    const int fd = ::open(folder.file("raw").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const double taken = seconds_of([&] {
        std::string bytes;
        for (std::size_t at = 0; at < p.lines.size(); at += batch) {
            bytes.clear();
            for (std::size_t i = at; i < std::min(p.lines.size(), at + batch); ++i) bytes += p.lines[i] + "\n";
            if (::write(fd, bytes.data(), bytes.size()) < 0 || ::fdatasync(fd) != 0) std::exit(1);
        }
    });
    ::close(fd);
    return taken;
}

/// The best of three, and what one core could do if the disk never made it wait.
void measure_commits(const mode& m, std::size_t batch) {
    constexpr std::size_t count = 100'000;
    const prepared p = prepare(count);
    double best = 1e9;
    double best_cpu = 1e9;
    for (int round = 0; round < 3; ++round) {
        const auto begin = std::clock();
        best = std::min(best, store_seconds(m, p, batch));
        best_cpu = std::min(best_cpu, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    }
    std::printf("commit %-26s batches of %-3zu %9.0f records/s   of CPU time %9.0f\n", m.name, batch, count / best,
                count / best_cpu);
}

/// Store and bare appends take turns, so that both have the same share of a disk that others use too.
void measure_synced_commits(const mode& m, std::size_t batch) {
    const std::size_t count = 300 * batch;
    const prepared p = prepare(count);
    double best = 1e9;
    double best_raw = 1e9;
    for (int round = 0; round < 5; ++round) {
        best = std::min(best, store_seconds(m, p, batch));
        best_raw = std::min(best_raw, append_seconds(p, batch));
    }
    std::printf("commit %-26s batches of %-3zu %9.0f records/s   append + fdatasync %9.0f   ratio %.2f\n", m.name,
                batch, static_cast<double>(count) / best, static_cast<double>(count) / best_raw, best_raw / best);
}

void measure_reading() {
    constexpr std::size_t count = 200'000;
    const scratch folder;
    const auto s = open_store(folder, modes[0]);
    const prepared p = prepare(count);
    commit_all(*s, p, 1'000);
    std::uint64_t bytes = 0;
    const double reading = seconds_of([&] {
        const auto done = s->read({1}, [&](const journal_record& r) {
            bytes += r.line.size();
            return true;
        });
        if (!done) std::exit(1);
    });
    std::printf("%-52s %12.0f records/s\n", "read, chain verified", static_cast<double>(count) / reading);
    projector tables(*s);
    const double deriving = seconds_of([&] {
        const auto done = tables.catch_up();
        if (!done) std::fprintf(stderr, "%s\n", to_string(done.error()).c_str());
    });
    std::printf("%-52s %12.0f records/s\n", "projector::catch_up", static_cast<double>(count) / deriving);
    std::printf("%-52s %12.0f bytes a record (line: %.0f)\n", "file size",
                static_cast<double>(std::filesystem::file_size(folder.file("bench.db"))) / count,
                static_cast<double>(bytes) / count);
}

void measure_all() {
    for (const mode& m : modes)
        for (const std::size_t batch : {std::size_t{1}, std::size_t{64}}) {
            if (m.durable == sqlite_options::durability::power_loss_safe)
                measure_synced_commits(m, batch);
            else
                measure_commits(m, batch);
        }
    measure_reading();
}

} // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "all";
    if (what == "all" && argc <= 2) {
        measure_all();
        return 0;
    }
    if (what == "commit" && argc == 5)
        for (const mode& m : modes)
            if (m.name == std::string(argv[2])) {
                const scratch folder;
                const auto s = open_store(folder, m);
                const auto count = static_cast<std::size_t>(std::atoll(argv[4]));
                const auto batch = static_cast<std::size_t>(std::atoll(argv[3]));
                const prepared p = prepare(count);
                const double taken = seconds_of([&] { commit_all(*s, p, std::max<std::size_t>(batch, 1)); });
                std::printf("%zu records in batches of %zu: %.0f records/s\n", count, batch,
                            static_cast<double>(count) / taken);
                return 0;
            }
    std::fprintf(stderr, "usage: bench_store [all | commit MODE BATCH COUNT]\n");
    return 2;
}
