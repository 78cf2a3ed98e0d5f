#include "sim/disk/sim_vfs.hpp"

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sqlite3.h>

#include "aivp/base/assert.hpp"

namespace aivp::sim {

namespace {

constexpr sqlite3_int64 unix_epoch_julian_ms = 210'866'760'000'000;
constexpr const char* vfs_name = "aivp-sim";
constexpr int path_bytes_max = 512;

std::atomic<bool> mounted = false;

struct open_file;

/// The locks on one file, as every connection to it sees them.
struct file_locks {
    int shared = 0;
    const open_file* reserved = nullptr;
    const open_file* pending = nullptr;
    const open_file* exclusive = nullptr;

    bool only_of(const open_file* f) const {
        const auto free_for = [f](const open_file* holder) { return holder == nullptr || holder == f; };
        return free_for(reserved) && free_for(pending) && free_for(exclusive);
    }
    bool unused() const { return shared == 0 && !reserved && !pending && !exclusive; }
};

/// The index of a WAL, which lives in memory and does not survive its last user.
struct shared_region {
    std::vector<std::unique_ptr<std::byte[]>> pieces;
    std::array<int, SQLITE_SHM_NLOCK> shared{};
    std::array<bool, SQLITE_SHM_NLOCK> exclusive{};
    int users = 0;
};

} // namespace

struct sim_vfs::world {
    sim_disk* disk = nullptr;
    random_stream entropy{0, "", "", ""};
    sim_vfs_options options;
    std::map<file_node, file_locks> locks;
    std::map<file_node, shared_region> regions;
    std::size_t open_files = 0;
    std::uint64_t temporary_files = 0;
    sqlite3_vfs vfs{};
    sqlite3_vfs* former_default = nullptr;
};

namespace {

/// What SQLite keeps for each open file. `base` comes first: SQLite sees only that.
struct open_file {
    sqlite3_file base{};
    sim_vfs::world* in = nullptr;
    file_node node{};
    std::string path;
    int lock = SQLITE_LOCK_NONE;
    bool delete_on_close = false;
    bool name_needs_sync = false; ///< a new journal: its first sync covers its directory too
    shared_region* region = nullptr;
    unsigned shm_shared = 0; ///< bit n: holds lock n of the region
    unsigned shm_exclusive = 0;
};

open_file& of(sqlite3_file* f) { return *reinterpret_cast<open_file*>(f); }
sim_vfs::world& of(sqlite3_vfs* v) { return *static_cast<sim_vfs::world*>(v->pAppData); }

int code_of(disk_status s, int io_code) {
    switch (s) {
    case disk_status::ok: return SQLITE_OK;
    case disk_status::no_space: return SQLITE_FULL;
    default: return io_code;
    }
}

// Files -----------------------------------------------------------------------------------------------------------------

int file_read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
    open_file& f = of(file);
    const sim_disk& disk = *f.in->disk;
    const std::span<std::byte> out(static_cast<std::byte*>(to), static_cast<std::size_t>(size));
    const auto begin = static_cast<std::uint64_t>(offset);
    std::size_t done = 0;
    // A disk may deliver less than there is; only the end of the file ends a read.
    do {
        const auto got = f.in->disk->read(f.node, begin + done, out.subspan(done));
        if (!got) return SQLITE_IOERR_READ;
        done += *got;
    } while (done < out.size() && begin + done < disk.size(f.node));
    if (done == out.size()) return SQLITE_OK;
    std::memset(out.data() + done, 0, out.size() - done);
    return SQLITE_IOERR_SHORT_READ;
}

int file_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    open_file& f = of(file);
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(from), static_cast<std::size_t>(size));
    return code_of(f.in->disk->write(f.node, static_cast<std::uint64_t>(offset), bytes), SQLITE_IOERR_WRITE);
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
    open_file& f = of(file);
    return code_of(f.in->disk->truncate(f.node, static_cast<std::uint64_t>(size)), SQLITE_IOERR_TRUNCATE);
}

int file_sync(sqlite3_file* file, int) {
    open_file& f = of(file);
    if (f.in->disk->sync(f.node) != disk_status::ok) return SQLITE_IOERR_FSYNC;
    if (!f.name_needs_sync) return SQLITE_OK;
    if (f.in->disk->sync_directory(directory_of(f.path)) != disk_status::ok) return SQLITE_IOERR_DIR_FSYNC;
    f.name_needs_sync = false;
    return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    open_file& f = of(file);
    if (f.in->disk->dead()) return SQLITE_IOERR_FSTAT;
    *size = static_cast<sqlite3_int64>(f.in->disk->size(f.node));
    return SQLITE_OK;
}

int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }

int file_sector_size(sqlite3_file* file) { return static_cast<int>(of(file).in->disk->options().sector_bytes); }

int file_characteristics(sqlite3_file* file) {
    return of(file).in->disk->options().powersafe_overwrite ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0;
}

// Locks -----------------------------------------------------------------------------------------------------------------

int file_lock(sqlite3_file* file, int level) {
    open_file& f = of(file);
    if (f.lock >= level) return SQLITE_OK;
    file_locks& held = f.in->locks[f.node];
    if (level == SQLITE_LOCK_SHARED) {
        if (held.pending || held.exclusive) return SQLITE_BUSY;
        ++held.shared;
        f.lock = SQLITE_LOCK_SHARED;
        return SQLITE_OK;
    }
    if (!held.only_of(&f)) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED) {
        held.reserved = &f;
        f.lock = SQLITE_LOCK_RESERVED;
        return SQLITE_OK;
    }
    held.pending = &f; // keeps new readers out while the last ones finish
    f.lock = SQLITE_LOCK_PENDING;
    if (held.shared > 1) return SQLITE_BUSY;
    held.exclusive = &f;
    f.lock = SQLITE_LOCK_EXCLUSIVE;
    return SQLITE_OK;
}

int file_unlock(sqlite3_file* file, int level) {
    open_file& f = of(file);
    if (f.lock <= level) return SQLITE_OK;
    file_locks& held = f.in->locks[f.node];
    for (const open_file** holder : {&held.reserved, &held.pending, &held.exclusive}) {
        if (*holder == &f) *holder = nullptr;
    }
    if (level == SQLITE_LOCK_NONE) --held.shared;
    f.lock = level;
    if (held.unused()) f.in->locks.erase(f.node);
    return SQLITE_OK;
}

int file_check_reserved(sqlite3_file* file, int* taken) {
    const open_file& f = of(file);
    const auto held = f.in->locks.find(f.node);
    *taken = held != f.in->locks.end() && (held->second.reserved || held->second.pending || held->second.exclusive);
    return SQLITE_OK;
}

// Shared memory ---------------------------------------------------------------------------------------------------------

int shm_map(sqlite3_file* file, int piece, int piece_bytes, int extend, volatile void** at) {
    open_file& f = of(file);
    if (!f.region) {
        f.region = &f.in->regions[f.node];
        ++f.region->users;
    }
    auto& pieces = f.region->pieces;
    const auto index = static_cast<std::size_t>(piece);
    *at = nullptr;
    if (index >= pieces.size()) {
        if (!extend) return SQLITE_OK;
        while (pieces.size() <= index) {
            pieces.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(piece_bytes)));
        }
    }
    *at = pieces[index].get();
    return SQLITE_OK;
}

int shm_unlock(open_file& f, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
        const unsigned bit = 1U << i;
        if (f.shm_shared & bit) --f.region->shared[i];
        if (f.shm_exclusive & bit) f.region->exclusive[i] = false;
        f.shm_shared &= ~bit;
        f.shm_exclusive &= ~bit;
    }
    return SQLITE_OK;
}

int shm_lock(sqlite3_file* file, int offset, int n, int flags) {
    open_file& f = of(file);
    if (!f.region) return SQLITE_IOERR_SHMLOCK;
    const auto begin = static_cast<std::size_t>(offset);
    const std::size_t end = begin + static_cast<std::size_t>(n);
    if (flags & SQLITE_SHM_UNLOCK) return shm_unlock(f, begin, end);
    shared_region& region = *f.region;
    for (std::size_t i = begin; i < end; ++i) {
        const unsigned bit = 1U << i;
        if (region.exclusive[i] && !(f.shm_exclusive & bit)) return SQLITE_BUSY;
        const int others = region.shared[i] - (f.shm_shared & bit ? 1 : 0);
        if (flags & SQLITE_SHM_EXCLUSIVE && others > 0) return SQLITE_BUSY;
    }
    for (std::size_t i = begin; i < end; ++i) {
        const unsigned bit = 1U << i;
        if (flags & SQLITE_SHM_EXCLUSIVE) {
            region.exclusive[i] = true;
            f.shm_exclusive |= bit;
        } else if (!(f.shm_shared & bit)) {
            ++region.shared[i];
            f.shm_shared |= bit;
        }
    }
    return SQLITE_OK;
}

void shm_barrier(sqlite3_file*) { std::atomic_thread_fence(std::memory_order_seq_cst); }

int shm_unmap(sqlite3_file* file, int) {
    open_file& f = of(file);
    if (!f.region) return SQLITE_OK;
    shm_unlock(f, 0, SQLITE_SHM_NLOCK);
    if (--f.region->users == 0) f.in->regions.erase(f.node);
    f.region = nullptr;
    return SQLITE_OK;
}

int file_close(sqlite3_file* file) {
    open_file& f = of(file);
    shm_unmap(file, 0);
    file_unlock(file, SQLITE_LOCK_NONE);
    if (f.delete_on_close) f.in->disk->unlink(f.path);
    f.in->disk->close(f.node);
    --f.in->open_files;
    f.~open_file();
    return SQLITE_OK;
}

constexpr sqlite3_io_methods methods(int version) {
    sqlite3_io_methods m{};
    m.iVersion = version;
    m.xClose = file_close;
    m.xRead = file_read;
    m.xWrite = file_write;
    m.xTruncate = file_truncate;
    m.xSync = file_sync;
    m.xFileSize = file_size;
    m.xLock = file_lock;
    m.xUnlock = file_unlock;
    m.xCheckReservedLock = file_check_reserved;
    m.xFileControl = file_control;
    m.xSectorSize = file_sector_size;
    m.xDeviceCharacteristics = file_characteristics;
    if (version < 2) return m;
    m.xShmMap = shm_map;
    m.xShmLock = shm_lock;
    m.xShmBarrier = shm_barrier;
    m.xShmUnmap = shm_unmap;
    return m;
}

constexpr sqlite3_io_methods methods_alone = methods(1);
constexpr sqlite3_io_methods methods_shared = methods(2);

// The file system -------------------------------------------------------------------------------------------------------

int vfs_open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out_flags) {
    sim_vfs::world& w = of(vfs);
    file->pMethods = nullptr; // until it is open there is nothing to close
    std::string path = name ? name : "temporary-" + std::to_string(++w.temporary_files);
    open_mode mode = open_mode::existing;
    if (flags & SQLITE_OPEN_CREATE) mode = flags & SQLITE_OPEN_EXCLUSIVE ? open_mode::create_new : open_mode::create;
    const bool is_new = !w.disk->exists(path);
    const auto node = w.disk->open(path, mode);
    if (!node) return node.error() == disk_status::no_space ? SQLITE_FULL : SQLITE_CANTOPEN;

    auto* f = new (file) open_file;
    f->in = &w;
    f->node = *node;
    f->path = std::move(path);
    f->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0 || name == nullptr;
    f->name_needs_sync =
        is_new && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
    f->base.pMethods = w.options.shared_memory ? &methods_shared : &methods_alone;
    ++w.open_files;
    if (out_flags) *out_flags = flags;
    return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    sim_disk& disk = *of(vfs).disk;
    const disk_status s = disk.unlink(path);
    if (s == disk_status::not_found) return SQLITE_IOERR_DELETE_NOENT;
    if (s != disk_status::ok) return SQLITE_IOERR_DELETE;
    if (!sync_directory) return SQLITE_OK;
    return disk.sync_directory(directory_of(path)) == disk_status::ok ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int vfs_access(sqlite3_vfs* vfs, const char* path, int what, int* answer) {
    const sim_disk& disk = *of(vfs).disk;
    if (disk.dead()) return SQLITE_IOERR_ACCESS;
    // As in the unix VFS: a file without a byte is none.
    *answer = disk.exists(path) && (what != SQLITE_ACCESS_EXISTS || disk.size(path) > 0);
    return SQLITE_OK;
}

int vfs_full_pathname(sqlite3_vfs*, const char* path, int size, char* out) {
    const std::size_t length = std::strlen(path);
    if (length + 1 > static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
    std::memcpy(out, path, length + 1);
    return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs* vfs, int size, char* out) {
    random_stream& entropy = of(vfs).entropy;
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(entropy.next());
    return size;
}

int vfs_sleep(sqlite3_vfs* vfs, int us) {
    const auto& sleep = of(vfs).options.sleep;
    if (sleep) sleep(microseconds(us));
    return us;
}

sqlite3_int64 now_us(sqlite3_vfs* vfs) {
    const auto& now = of(vfs).options.now;
    return now ? now().us : 0;
}

int vfs_current_time(sqlite3_vfs* vfs, double* julian_day) {
    // Exact to about 50 us, which is all that this obsolete call promises.
    *julian_day = 2'440'587.5 + static_cast<double>(now_us(vfs) / 1000) / 86'400'000.0;
    return SQLITE_OK;
}

int vfs_current_time_ms(sqlite3_vfs* vfs, sqlite3_int64* julian_ms) {
    *julian_ms = unix_epoch_julian_ms + now_us(vfs) / 1000;
    return SQLITE_OK;
}

int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

void describe(sqlite3_vfs& v) {
    v.iVersion = 2;
    v.szOsFile = sizeof(open_file);
    v.mxPathname = path_bytes_max;
    v.zName = vfs_name;
    v.xOpen = vfs_open;
    v.xDelete = vfs_delete;
    v.xAccess = vfs_access;
    v.xFullPathname = vfs_full_pathname;
    v.xRandomness = vfs_randomness;
    v.xSleep = vfs_sleep;
    v.xCurrentTime = vfs_current_time;
    v.xGetLastError = vfs_last_error;
    v.xCurrentTimeInt64 = vfs_current_time_ms;
}

} // namespace

sim_vfs::sim_vfs(sim_disk& disk, const random_stream& entropy, sim_vfs_options options)
    : world_(std::make_unique<world>()) {
    AIVP_ASSERT(!mounted.exchange(true), "SQLite's generator is the process's: one sim_vfs at a time");
    world_->options = std::move(options);
    describe(world_->vfs);
    world_->vfs.pAppData = world_.get();
    world_->former_default = sqlite3_vfs_find(nullptr); // initialises SQLite, too
    AIVP_ASSERT(sqlite3_vfs_register(&world_->vfs, 1) == SQLITE_OK, "SQLite refuses the VFS");
    mount(disk, entropy);
}

sim_vfs::~sim_vfs() {
    AIVP_ASSERT(world_->open_files == 0, "a connection to the simulated disk is still open");
    sqlite3_vfs_unregister(&world_->vfs);
    if (world_->former_default) sqlite3_vfs_register(world_->former_default, 1);
    sqlite3_randomness(0, nullptr);
    mounted = false;
}

void sim_vfs::mount(sim_disk& disk, const random_stream& entropy) {
    AIVP_ASSERT(world_->open_files == 0, "a connection to the former disk is still open");
    world_->disk = &disk;
    world_->entropy = entropy;
    world_->temporary_files = 0;
    sqlite3_randomness(0, nullptr);
}

std::size_t sim_vfs::open_files() const { return world_->open_files; }

} // namespace aivp::sim
