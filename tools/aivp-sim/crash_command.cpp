#include "tools/aivp-sim/crash_command.hpp"

#include <cstdio>
#include <ctime>
#include <iostream>
#include <string>

#include "sim/crash.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

result<shard_selection> shard_of(const arguments& a) {
    const std::string text = a.text("shard");
    if (text.empty()) return shard_selection{};
    unsigned long long i = 0, n = 0;
    int used = 0;
    if (std::sscanf(text.c_str(), "%4llu/%4llu%n", &i, &n, &used) != 2 ||
        static_cast<std::size_t>(used) != text.size() || i < 1 || i > n)
        return fail(errc::usage_invalid, "--shard is written i/n with 1 <= i <= n, not `" + text + "`");
    return shard_selection{i, n};
}

namespace {

result<sim::crash_options> options_of(const arguments& a) {
    sim::crash_options o;
    AIVP_TRY(const std::int64_t seed, a.integer("seed", 0, INT64_MAX));
    o.seed = static_cast<std::uint64_t>(seed);
    if (a.text("crash-points") != "all") {
        AIVP_TRY(const std::int64_t most, a.integer("crash-points", 1, 100'000'000));
        o.points_max = static_cast<std::uint64_t>(most);
    }
    const std::string journal = a.text("journal");
    if (journal != "wal" && journal != "rollback")
        return fail(errc::usage_invalid, "--journal is wal or rollback, not `" + journal + "`");
    if (journal == "rollback") o.store.journal = sqlite_options::journal_mode::rollback;
    AIVP_TRY(const std::int64_t every, a.integer("snapshot-every", 0, 1'000'000));
    o.snapshot_every = static_cast<std::uint64_t>(every);
    return o;
}

struct totals {
    std::uint64_t passed = 0, failed = 0, cycles = 0, images_equal = 0, endings = 0, endings_equal = 0;
    std::uint64_t lost = 0, duplicates = 0, unreadable = 0;
    void add(const sim::crash_report& r) {
        ++(r.passed() ? passed : failed);
        cycles += r.cycles();
        images_equal += r.images_equal;
        endings += r.endings;
        endings_equal += r.endings_equal;
        lost += r.lost;
        duplicates += r.duplicates;
        unreadable += r.unreadable;
    }
};

void print(const sim::scenario& s, const sim::crash_report& r) {
    std::cout << (r.passed() ? "  PASS  " : "  FAIL  ") << padded(printable(s.file), 52) << "  "
              << padded(grouped(r.points) + (r.points < r.points_all ? " of " + grouped(r.points_all) : "") + " calls",
                        20)
              << padded(grouped(r.effect_points) + " effects", 14) << padded(grouped(r.images) + " images", 16)
              << padded(grouped(r.endings) + " endings", 16) << grouped(r.double_crashes) << " twice, "
              << grouped(r.fault_runs) << " faults, " << grouped(r.takeovers) << " taken over\n";
    for (const sim::finding& f : r.findings)
        std::cout << "        " << f.what << ", " << f.moment << "\n          expected " << printable(f.expected)
                  << "\n          actual   " << printable(f.actual) << "\n";
    if (r.findings_all > r.findings.size())
        std::cout << "        and " << grouped(r.findings_all - r.findings.size()) << " more\n";
}

std::string json(const sim::scenario& s, const sim::crash_report& r) {
    const auto n = [](const char* key, std::uint64_t v) {
        return ",\"" + std::string(key) + "\":" + std::to_string(v);
    };
    std::string out = "{\"file\":" + quoted(s.file) + n("records", r.records) + n("points", r.points) +
                      n("points_all", r.points_all) + n("effect_points", r.effect_points) + n("images", r.images) +
                      n("images_equal", r.images_equal) + n("contents", r.contents) + n("endings", r.endings) +
                      n("endings_equal", r.endings_equal) + n("double_crashes", r.double_crashes) +
                      n("fault_runs", r.fault_runs) + n("takeovers", r.takeovers) + n("cycles", r.cycles()) +
                      n("lost", r.lost) + n("duplicates", r.duplicates) + n("unreadable", r.unreadable) +
                      n("findings_all", r.findings_all) + ",\"findings\":[";
    for (std::size_t i = 0; i < r.findings.size(); ++i)
        out += (i ? "," : "") + ("{\"what\":" + quoted(r.findings[i].what)) +
               ",\"where\":" + quoted(r.findings[i].moment) + ",\"expected\":" + quoted(r.findings[i].expected) +
               ",\"actual\":" + quoted(r.findings[i].actual) + "}";
    return out + "]}";
}

} // namespace

std::vector<flag_spec> crash_flags() {
    return {{"crash-points", "all|N", "",
             "kill the process at every call to the disk and to the world; N = at most so many"},
            {"journal", "MODE", "wal", "of the store that is crashed: wal or rollback"},
            {"snapshot-every", "N", "0", "records between snapshots of the state; 0 = none"},
            {"shard", "I/N", "",
             "only this part of the scenarios, by a hash of their names; with --crash-points every N-th"}};
}

int run_crash_points(const arguments& a, const std::vector<std::shared_ptr<const sim::scenario>>& scenarios) {
    const auto options = options_of(a);
    if (!options) return report_error(options.error());
    const auto shard = shard_of(a);
    if (!shard) return report_error(shard.error());
    const auto begun = std::clock();
    totals sum;
    std::string documents;
    {
        progress_bar bar("crash");
        for (std::size_t i = shard->shard - 1; i < scenarios.size(); i += shard->shards) {
            const sim::crash_report r = sim::enumerate_crashes(*scenarios[i], *options);
            sum.add(r);
            bar.update(i + 1, scenarios.size());
            if (a.has("json"))
                documents += (documents.empty() ? "" : ",") + json(*scenarios[i], r);
            else
                print(*scenarios[i], r);
        }
    }
    const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
    if (a.has("json")) {
        std::cout << "{\"scenarios\":[" << documents << "],\"totals\":{\"cycles\":" << sum.cycles
                  << ",\"endings\":" << sum.endings << ",\"endings_equal\":" << sum.endings_equal
                  << ",\"passed\":" << sum.passed << ",\"failed\":" << sum.failed << "}}\n";
    } else {
        const auto a_second = [seconds](std::uint64_t n) {
            return grouped(static_cast<std::uint64_t>(static_cast<double>(n) / seconds)) + " a second";
        };
        char cpu[32];
        std::snprintf(cpu, sizeof cpu, "%.1f CPU-s", seconds);
        std::cout << "  " << grouped(sum.cycles) << " times crashed, recovered and checked in " << cpu << ", "
                  << a_second(sum.cycles) << ": " << grouped(sum.duplicates) << " duplicates, " << grouped(sum.lost)
                  << " lost, " << grouped(sum.unreadable) << " unreadable\n  " << grouped(sum.images_equal)
                  << " of them left a disk that had been examined (" << a_second(sum.cycles - sum.images_equal)
                  << " without these); " << grouped(sum.endings) << " went on to the end, "
                  << grouped(sum.endings_equal) << " had the database, world and time of one that did\n"
                  << sum.passed << " passed, " << sum.failed << " failed, 0 skipped\n";
    }
    return sum.failed == 0 ? exit_ok : exit_failed;
}

} // namespace aivp::tools
