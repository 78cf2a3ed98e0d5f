// SQLite on a simulated disk, and nothing of SQLite outside the world: time, sleep and randomness come from it too. Within
// its lifetime every connection that the process opens without naming a VFS is on this disk.
//
// SQLite draws WAL salts, journal nonces and random() from one generator for the process, which it seeds from the default
// VFS. So there is one sim_vfs at a time, it is the default, and mounting a disk makes the generator start again.
#pragma once

#include <functional>
#include <memory>

#include "aivp/base/random.hpp"
#include "aivp/base/time.hpp"
#include "sim/disk/sim_disk.hpp"

namespace aivp::sim {

struct sim_vfs_options {
    /// The clock of the world. Empty: it stands at 1970-01-01.
    std::function<instant()> now;
    /// Lets virtual time pass. Empty: sleeping takes none.
    std::function<void(duration)> sleep;
    /// Without it WAL needs locking_mode=EXCLUSIVE, and says nothing when it does not get it: journal_mode answers
    /// "delete".
    bool shared_memory = true;
};

/// Registered as "aivp-sim" while it lives; the former default VFS is the default again afterwards. Used by one thread.
/// All connections must be closed before it goes or another disk is mounted.
///
/// Differs from SQLite's unix VFS in one respect: a failed sync of the directory of a new journal is reported.
class sim_vfs {
public:
    /// `disk` must outlive it, or the next mount().
    sim_vfs(sim_disk& disk, const random_stream& entropy, sim_vfs_options options = {});
    ~sim_vfs();
    sim_vfs(const sim_vfs&) = delete;
    sim_vfs& operator=(const sim_vfs&) = delete;

    /// The world starts again, on this disk: as a new sim_vfs, only faster.
    void mount(sim_disk& disk, const random_stream& entropy);
    /// Files that SQLite has open; 0 when all connections are closed.
    std::size_t open_files() const;

    struct world;

private:
    std::unique_ptr<world> world_;
};

} // namespace aivp::sim
