#include <unistd.h>

#include <iostream>

#include "aivp/engine/recovery.hpp"
#include "aivp/version.hpp"
#include "runtime/os/live_clock.hpp"
#include "runtime/os/pid_lock.hpp"
#include "runtime/store/migration.hpp"
#include "tools/aivpd/commands.hpp"
#include "tools/common/output.hpp"
#include "tools/live/live.hpp"

namespace aivp::tools {

namespace {

/// The same journal without the shortcut, up to one record: a daemon may go on writing meanwhile.
class journal_only final : public forwarding_store {
public:
    journal_only(store_port& next, seq_no last) : forwarding_store(next), last_(last) {}
    result<void> read(seq_no from, const std::function<bool(const journal_record&)>& visit) override {
        return next_.read(from, [&](const journal_record& r) { return r.seq <= last_ && visit(r); });
    }
    result<std::optional<state_snapshot>> load_snapshot() override { return std::optional<state_snapshot>(); }

private:
    seq_no last_;
};

struct check_report {
    std::uint64_t records = 0;
    std::uint64_t from_snapshot = 0; ///< records that the snapshot saves
    std::uint64_t runs = 0;
    std::uint64_t parked = 0;
};

result<void> check_tables(const daemon_config& config, const engine_state& state, seq_no at) {
    AIVP_TRY(store_reader reader, store_reader::open(config));
    const auto count = [&](const std::string& sql) -> result<std::uint64_t> {
        AIVP_TRY(const query_result rows, reader.query()(sql, 1));
        return parse_number_name(rows.rows.at(0).at(0).value_or("0"), "").value_or(0);
    };
    const std::string until = std::to_string(at.value);
    AIVP_TRY(const std::uint64_t accepted, count("SELECT count(*) FROM v_runs WHERE accepted_seq <= " + until));
    AIVP_TRY(const std::uint64_t finished, count("SELECT count(*) FROM v_runs WHERE finished_seq <= " + until));
    if (accepted == state.last_run && finished == state.finished_runs) return {};
    return fail(errc::store_corrupt, "the tables know " + std::to_string(accepted) + " runs and " +
                                         std::to_string(finished) + " ends, the journal " +
                                         std::to_string(state.last_run) + " and " +
                                         std::to_string(state.finished_runs));
}

result<check_report> check_store(const daemon_config& config) {
    sqlite_options where = config.store;
    where.read_only = true;
    AIVP_TRY(auto store, sqlite_store::open(where));
    check_report out;
    AIVP_TRY(out.records, store->verify());
    agent_library library(*store);
    AIVP_TRY(const recovered_state usual, read_state(*store, library));
    journal_only whole(*store, usual.seq);
    AIVP_TRY(const recovered_state slow, read_state(whole, library));
    out.from_snapshot = usual.seq.value - usual.records_read;
    if (!usual.warnings.empty()) return fail(errc::store_snapshot, usual.warnings.front());
    if (usual.chain != slow.chain || encode_state(usual.state) != encode_state(slow.state))
        return fail(errc::store_corrupt, "the state of the snapshot is not the state of the journal");
    for (const auto& [id, r] : usual.state.runs) {
        ++out.runs;
        for (const open_call& o : r.open) out.parked += o.parked;
    }
    AIVP_CHECK(check_tables(config, usual.state, usual.seq));
    return out;
}

int check(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    const stopwatch time;
    const auto report = check_store(*config);
    if (!report) return report_error(report.error());
    if (a.has("json")) {
        std::cout << "{\"ok\":true,\"open_runs\":" << report->runs << ",\"parked_calls\":" << report->parked
                  << ",\"records\":" << report->records << ",\"records_by_snapshot\":" << report->from_snapshot
                  << ",\"version\":1}\n";
        return exit_ok;
    }
    std::cout << "  pages     ok\n  chain     ok   " << counted(report->records, "record")
              << "\n  state     ok   snapshot and journal agree, the snapshot stands for "
              << grouped(report->from_snapshot) << "\n  tables    ok   " << counted(report->runs, "open run") << ", "
              << counted(report->parked, "parked call") << "\n  checked   in "
              << rounded(microseconds(static_cast<std::int64_t>(time.seconds() * 1e6))) << "\n";
    return exit_ok;
}

int migrate(const arguments& a) {
    const auto config = config_of(a);
    if (!config) return exit_config;
    auto lock = pid_lock::acquire(config->state_folder);
    if (!lock) return report_error(lock.error());
    sqlite_options where = config->store;
    where.writer = "aivpd migrate " + std::string(version);
    where.pid = ::getpid();
    where.opened_at = live_clock().now();
    auto store = sqlite_store::open(where);
    if (!store) return report_error(store.error());
    std::cout << "  schema    " << store_migrations().back().version << "   " << printable(config->store.path) << "\n";
    return exit_ok;
}

} // namespace

command_spec migrate_command_spec() {
    return {"migrate",
            "migrate [--config FILE] [--state FOLDER]",
            "Brings the store to this version's schema, as the first start of the daemon would.",
            {"aivpd migrate"},
            {config_flag(), state_flag()},
            0,
            0,
            migrate};
}

command_spec check_command_spec() {
    return {"check",
            "check [--json]",
            "Verifies the store: pages, chain, snapshot against journal, tables. Beside a daemon, too.",
            {"aivpd check"},
            {config_flag(), state_flag(), {"json", "", "", "one JSON document on stdout"}},
            0,
            0,
            check};
}

} // namespace aivp::tools
