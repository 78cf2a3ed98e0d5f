#include "sim/disk/sim_vfs.hpp"

#include <array>
#include <iomanip>
#include <set>
#include <sstream>

#include <boost/test/unit_test.hpp>

#include "tests/sim_disk/transactions.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace transactions;

namespace {

const disk_options small_sectors{512, false};
const disk_options safe_overwrite{4096, true};

const std::vector<sqlite_setup> sound = {
    {.name = "WAL FULL EXCLUSIVE", .exclusive = true},
    {.name = "WAL FULL shared memory"},
    {.name = "DELETE EXTRA", .journal = "delete", .synchronous = "EXTRA"},
    {.name = "TRUNCATE FULL", .journal = "truncate"},
};

random_stream entropy() { return {1, "sqlite", "store", "entropy"}; }

std::string row(const std::string& name, const disk_options& options, std::uint64_t calls, const tally& t) {
    std::ostringstream out;
    out << std::left << std::setw(38) << name << std::right << std::setw(5) << options.sector_bytes
        << (options.powersafe_overwrite ? " psow" : "     ") << " calls " << std::setw(4) << calls << " cycles "
        << std::setw(5) << t.cycles << " unreadable " << std::setw(4) << t.unreadable << " torn " << std::setw(4)
        << t.torn << " lost " << std::setw(5) << t.lost << " ghost " << t.ghost << " failed-but-there "
        << t.failed_but_there;
    return out.str();
}

std::set<int> acknowledged_before(const acknowledgements& all, std::uint64_t k) {
    std::set<int> before;
    for (const auto& [txn, calls] : all) {
        if (calls < k) before.insert(txn);
    }
    return before;
}

struct recorded_run {
    sim_disk disk;
    acknowledgements acknowledged;
};

recorded_run record_run(const sqlite_setup& setup, const disk_options& options,
                        const std::vector<disk_fault>& faults = {}) {
    recorded_run run{sim_disk(options), {}};
    for (const disk_fault& fault : faults) run.disk.plan(fault);
    run.disk.record();
    const sim_vfs vfs(run.disk, entropy());
    run.acknowledged = run_all(run.disk, setup);
    return run;
}

/// A crash at every call, each with everything unsynced gone, as the process alone dies, and with random fates.
tally crash_everywhere(const recorded_run& run, const sqlite_setup& setup, const std::vector<crash_mode>& outcomes) {
    tally t;
    sim_disk image;
    sim_vfs vfs(image, entropy());
    for (std::uint64_t k = 1; k <= run.disk.calls() + 1; ++k) {
        const std::set<int> acknowledged = acknowledged_before(run.acknowledged, k);
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            const random_stream fates(k, "disk", setup.name, "crash " + std::to_string(i));
            image = run.disk.crash_image(k, outcomes[i], fates);
            vfs.mount(image, entropy());
            check_store(setup, acknowledged, static_cast<int>(acknowledged.size()) + 1, t);
        }
    }
    return t;
}

const std::vector<crash_mode> power_losses = {crash_mode::power_loss_all, crash_mode::power_loss,
                                              crash_mode::power_loss};

} // namespace

BOOST_AUTO_TEST_SUITE(crash_matrix)

BOOST_AUTO_TEST_CASE(no_crash_loses_or_tears_a_transaction_of_a_sound_setup) {
    std::vector<crash_mode> outcomes = power_losses;
    outcomes.push_back(crash_mode::process_kill);
    for (const sqlite_setup& setup : sound) {
        for (const disk_options& options : {small_sectors, safe_overwrite}) {
            const recorded_run run = record_run(setup, options);
            BOOST_TEST(run.acknowledged.size() == static_cast<std::size_t>(count));
            const tally t = crash_everywhere(run, setup, outcomes);
            BOOST_TEST_MESSAGE(row(setup.name, options, run.disk.calls(), t));
            BOOST_TEST(t.broken() == 0U, row(setup.name, options, run.disk.calls(), t));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_unsound_setup_is_found_out) {
    const disk_fault fifth_sync_lies{1, disk_fault_kind::sync_lies_every, 5};
    struct mutant {
        sqlite_setup setup;
        std::vector<disk_fault> faults;
    };
    const std::vector<mutant> mutants = {
        {{.name = "WAL, synchronous=OFF", .synchronous = "OFF", .exclusive = true}, {}},
        {{.name = "DELETE, synchronous=OFF", .journal = "delete", .synchronous = "OFF"}, {}},
        {{.name = "WAL, every 5th sync lies", .exclusive = true}, {fifth_sync_lies}},
        {{.name = "DELETE, every 5th sync lies", .journal = "delete", .synchronous = "EXTRA"}, {fifth_sync_lies}},
        {{.name = "WAL, NORMAL", .synchronous = "NORMAL", .exclusive = true}, {}},
        {{.name = "WAL with shared memory, NORMAL", .synchronous = "NORMAL"}, {}},
        {{.name = "DELETE, NORMAL", .journal = "delete", .synchronous = "NORMAL"}, {}},
        {{.name = "DELETE, FULL (unlink not synced)", .journal = "delete"}, {}},
        {{.name = "WAL, two inserts, no transaction", .exclusive = true, .atomic = false}, {}},
        {{.name = "DELETE, two inserts, no transaction", .journal = "delete", .synchronous = "EXTRA", .atomic = false},
         {}},
    };
    for (const mutant& m : mutants) {
        for (const disk_options& options : {small_sectors, safe_overwrite}) {
            const recorded_run run = record_run(m.setup, options, m.faults);
            const tally t = crash_everywhere(run, m.setup, power_losses);
            BOOST_TEST_MESSAGE(row(m.setup.name, options, run.disk.calls(), t));
            BOOST_TEST(t.torn + t.lost > 0U, row(m.setup.name, options, run.disk.calls(), t));
        }
    }
}

BOOST_AUTO_TEST_CASE(killing_the_process_needs_no_sync_at_all) {
    const sqlite_setup setup{.name = "WAL, synchronous=OFF", .synchronous = "OFF", .exclusive = true};
    const recorded_run run = record_run(setup, safe_overwrite);
    const tally t = crash_everywhere(run, setup, {crash_mode::process_kill});
    BOOST_TEST(t.cycles > 50U);
    BOOST_TEST(t.broken() == 0U, row(setup.name, safe_overwrite, run.disk.calls(), t));
}

BOOST_AUTO_TEST_CASE(a_second_crash_during_recovery_loses_nothing_either) {
    for (const sqlite_setup& setup : sound) {
        const recorded_run run = record_run(setup, small_sectors);
        tally t;
        sim_disk first;
        sim_disk second;
        sim_vfs vfs(first, entropy());
        for (std::uint64_t k = 5; k <= run.disk.calls(); k += 11) {
            const std::set<int> acknowledged = acknowledged_before(run.acknowledged, k);
            const int begun = static_cast<int>(acknowledged.size()) + 1;
            first = run.disk.crash_image(k, crash_mode::power_loss, {k, "disk", setup.name, "first crash"});
            first.record();
            vfs.mount(first, entropy());
            tally unused;
            check_store(setup, acknowledged, begun, unused);
            for (std::uint64_t j = 1; j <= first.calls() + 1; ++j) {
                second = first.crash_image(j, crash_mode::power_loss, {j, "disk", setup.name, "second crash"});
                vfs.mount(second, entropy());
                check_store(setup, acknowledged, begun, t);
            }
        }
        BOOST_TEST_MESSAGE(row(setup.name + ", twice", small_sectors, run.disk.calls(), t));
        BOOST_TEST(t.cycles > 100U);
        BOOST_TEST(t.broken() == 0U, row(setup.name + ", twice", small_sectors, run.disk.calls(), t));
    }
}

BOOST_AUTO_TEST_CASE(no_single_fault_followed_by_power_loss_loses_an_acknowledged_transaction) {
    const std::vector<disk_fault> kinds = {
        {1, disk_fault_kind::io_error_once, 0},
        {1, disk_fault_kind::io_error_sticky, 0},
        {1, disk_fault_kind::io_error_sticky, only(disk_operation::sync, disk_operation::sync_directory)},
        {1, disk_fault_kind::io_error_sticky, only(disk_operation::write)},
        {1, disk_fault_kind::no_space_once, 0},
        {1, disk_fault_kind::no_space_sticky, 0},
        {1, disk_fault_kind::sync_fails, 0},
        {1, disk_fault_kind::short_read, 100},
    };
    const std::array<sqlite_setup, 3> setups = {sound[0], sound[1], sound[2]};
    for (const sqlite_setup& setup : setups) {
        sim_disk prepared(safe_overwrite);
        sim_vfs vfs(prepared, entropy());
        BOOST_REQUIRE(create_store(prepared, setup));
        const sim_disk base = prepared.after_crash(crash_mode::process_kill, entropy());
        sim_disk counted = base;
        vfs.mount(counted, entropy());
        BOOST_REQUIRE(run_all(counted, setup).size() == static_cast<std::size_t>(count));
        for (disk_fault fault : kinds) {
            tally t;
            std::size_t injected = 0;
            for (fault.ordinal = 1; fault.ordinal <= counted.calls(); ++fault.ordinal) {
                sim_disk disk = base;
                disk.plan(fault);
                vfs.mount(disk, entropy());
                const acknowledgements done = run_all(disk, setup);
                injected += disk.injected().empty() ? 0U : 1U;
                sim_disk after = disk.after_crash(crash_mode::power_loss, {fault.ordinal, "disk", setup.name, "after"});
                vfs.mount(after, entropy());
                check_store(setup, acknowledged_before(done, disk.calls() + 1), count, t);
                vfs.mount(prepared, entropy()); // `disk` and `after` end here
            }
            const std::string name = setup.name + ", " + to_string(fault.kind) + " " + std::to_string(fault.parameter);
            BOOST_TEST_MESSAGE(row(name, safe_overwrite, counted.calls(), t));
            BOOST_TEST(t.broken() == 0U, row(name, safe_overwrite, counted.calls(), t));
            // A connection that keeps its pages reads the store when it opens it, and not again.
            BOOST_TEST(injected > (fault.kind == disk_fault_kind::short_read ? 0U : 10U), name);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
