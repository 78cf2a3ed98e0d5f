// The simulated disk: SQLite on it without faults, one recorded run, one crash image, and whole crash-recover-check cycles.
#include "ci/bench/bench.hpp"
#include "sim/disk/sim_vfs.hpp"
#include "tests/sim_disk/transactions.hpp"

using namespace aivp::sim;
using namespace transactions;

namespace {

const aivp::random_stream entropy{1, "sqlite", "store", "entropy"};

void measure_cycles(const sqlite_setup& setup, const disk_options& options) {
    sim_disk recorded(options);
    sim_disk image(options);
    sim_vfs vfs(recorded, entropy);
    recorded.record();
    const acknowledgements done = run_all(recorded, setup);
    std::printf("%s, sectors of %u bytes%s: %llu calls\n", setup.name.c_str(), options.sector_bytes,
                options.powersafe_overwrite ? ", psow" : "", static_cast<unsigned long long>(recorded.calls()));

    bench::measure("  a run of 20 transactions", [&] {
        image = sim_disk(options);
        vfs.mount(image, entropy);
        bench::keep(run_all(image, setup).size());
    });
    bench::measure("  the same, recorded", [&] {
        image = sim_disk(options);
        image.record();
        vfs.mount(image, entropy);
        bench::keep(run_all(image, setup).size());
    });
    std::uint64_t k = 0;
    const auto next_image = [&] {
        k = k % (recorded.calls() + 1) + 1;
        image = recorded.crash_image(k, crash_mode::power_loss, {k, "disk", "store", "crash"});
    };
    bench::measure("  crash image", next_image);
    tally t;
    bench::measure("  crash image, recovery, integrity check", [&] {
        next_image();
        vfs.mount(image, entropy);
        std::set<int> acknowledged;
        for (const auto& [txn, calls] : done) {
            if (calls < k) acknowledged.insert(txn);
        }
        check_store(setup, acknowledged, static_cast<int>(acknowledged.size()) + 1, t);
    });
    std::printf("  %llu cycles, %llu of them found something wrong\n", static_cast<unsigned long long>(t.cycles),
                static_cast<unsigned long long>(t.broken()));
}

/// Whether recording stays linear: the cost of a call must not grow with what was recorded before it.
void measure_recording(std::uint64_t calls) {
    using clock = std::chrono::steady_clock;
    sim_disk disk;
    disk.record();
    const auto file = *disk.open("big", open_mode::create);
    const std::vector<std::byte> bytes(4096, std::byte{7});
    const auto begin = clock::now();
    for (std::uint64_t i = 0; i < calls; ++i) {
        disk.write(file, i * bytes.size(), bytes);
        if (i % 5 == 4) disk.sync(file);
    }
    const double ns = std::chrono::duration<double, std::nano>(clock::now() - begin).count();
    const auto image_begin = clock::now();
    bench::keep(disk.crash_image(disk.calls() / 2, crash_mode::power_loss, entropy).paths().size());
    const double image_us = std::chrono::duration<double, std::micro>(clock::now() - image_begin).count();
    std::printf("recording %7llu appended pages: %8.1f ns a page; an image halfway: %8.1f us\n",
                static_cast<unsigned long long>(calls), ns / static_cast<double>(calls), image_us);
}

} // namespace

int main() {
    measure_cycles({.name = "WAL, FULL, EXCLUSIVE", .exclusive = true}, {512, false});
    measure_cycles({.name = "WAL, FULL, EXCLUSIVE", .exclusive = true}, {4096, true});
    measure_cycles({.name = "WAL, FULL, shared memory"}, {4096, true});
    measure_cycles({.name = "DELETE, EXTRA", .journal = "delete", .synchronous = "EXTRA"}, {4096, true});
    for (const std::uint64_t calls : {1'000U, 4'000U, 16'000U, 64'000U}) measure_recording(calls);
    return 0;
}
