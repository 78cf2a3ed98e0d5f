// Crash enumeration: a scenario's process is killed at every call that it makes to the disk, and before every call that it
// makes to the world; what a crash leaves on the disk is opened, recovered, and run to its end in the world as it was.
//
// One forward run on a recording disk yields every image. An image is opened and checked for each point and each outcome of
// the crash. What follows depends on what the store then holds, on the world and on the time: so the run goes on once for each
// such triple and not for each image, and every other image takes one commit more in its place.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/store/sqlite_store.hpp"
#include "sim/disk/sim_disk.hpp"
#include "sim/runner.hpp"

namespace aivp::sim {

struct crash_options {
    std::uint64_t seed = 1;
    sqlite_options store; ///< journal mode, durability, locking; path, files and size of the log are set here
    disk_options disk;
    std::uint32_t power_losses =
        2; ///< outcomes of a power loss drawn for each point, beside "everything unsynced is gone"
    std::uint64_t points_max = 20'000;     ///< more are sampled evenly, and the report says so
    std::uint64_t double_crashes_max = 40; ///< crashes during recovery: images of images
    std::uint64_t faults_max = 40;         ///< runs with one disk fault before the crash
    std::uint64_t takeovers_max = 6;       ///< runs in which the older process is not dead, only paused
    duration away = seconds(1);            ///< how long nobody is there
    /// So many commits after a recovery, or after a fault, are made on the disk; those that follow stay in memory.
    std::uint64_t durable_commits = 8;
    /// The host empties a write-ahead log of this size; small, so that crashes meet it emptying one.
    std::uint64_t log_bytes_max = 64 << 10;
    std::uint64_t snapshot_every = 0; ///< records between snapshots of the state; 0 = none
    /// Plants a bug, for tests of the enumeration itself: in the disk before the run without a crash, between every process
    /// and its store, in the world of every process.
    std::function<void(sim_disk&)> plant_disk;
    std::function<std::unique_ptr<store_port>(sqlite_store&)> plant_store;
    std::function<void(simulation_setup&)> plant_world;
    /// What the store promises, when that is not what its durability says.
    bool promises_power_loss_safe = false;
};

struct crash_report {
    std::uint64_t records = 0;    ///< of the run without a crash
    std::uint64_t points = 0;     ///< calls to the disk at which the process was killed
    std::uint64_t points_all = 0; ///< as many as there are
    std::uint64_t images = 0; ///< crash, open, check: one for each point and outcome, and for each call to the world
    std::uint64_t images_equal = 0;  ///< of these: on a disk that looked, byte for byte, like one that was examined
    std::uint64_t contents = 0;      ///< different databases that were found on them, each verified page by page
    std::uint64_t endings = 0;       ///< runs that went on to their end after a crash
    std::uint64_t endings_equal = 0; ///< images whose ending had been seen: the same database, world and time
    std::uint64_t effect_points = 0; ///< of these: killed before a call to the world
    std::uint64_t double_crashes = 0;
    std::uint64_t fault_runs = 0;
    std::uint64_t takeovers = 0;   ///< processes that woke up when another one had taken over, and wanted to go on
    std::uint64_t lost = 0;        ///< acknowledged commits that were gone
    std::uint64_t unreadable = 0;  ///< images that did not open or verify
    std::uint64_t duplicates = 0;  ///< effects that reached the world twice
    std::vector<finding> findings; ///< the first few
    std::uint64_t findings_all = 0;
    bool passed() const { return findings_all == 0; }
    /// Crashes that were recovered from and checked, each counted once.
    std::uint64_t cycles() const { return images + double_crashes + fault_runs + takeovers; }
};

/// One world a process at a time: SQLite has one default VFS. Not thread-safe; see sim_vfs.
crash_report enumerate_crashes(const scenario& s, const crash_options& options);

/// The scenario on the durable store, on a simulated disk without faults: what run_once() says, with the same expectations.
run_report run_durably(const scenario& s, std::uint64_t seed, const crash_options& options);

} // namespace aivp::sim
