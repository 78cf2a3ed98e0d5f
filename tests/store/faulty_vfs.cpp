#include "tests/store/faulty_vfs.hpp"

#include <new>

#include <sqlite3.h>

namespace store_test {

namespace {

struct plan {
    faulty_vfs::fault what{};
    std::uint64_t at = 0;
    bool sticky = false;
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
};
plan current;

bool strikes(bool concerned) {
    if (!concerned || current.at == 0) return false;
    ++current.calls;
    const bool hit = current.calls == current.at || (current.sticky && current.calls > current.at);
    current.failures += hit;
    return hit;
}

struct wrapped_file {
    sqlite3_file base;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
wrapped_file* wrapped(sqlite3_file* f) { return reinterpret_cast<wrapped_file*>(f); }
sqlite3_file* real(sqlite3_file* f) { return wrapped(f)->real(); }
sqlite3_vfs* real(sqlite3_vfs* v) { return static_cast<sqlite3_vfs*>(v->pAppData); }

bool writes() { return current.what != faulty_vfs::fault::sync_error; }
int write_code() { return current.what == faulty_vfs::fault::disk_full ? SQLITE_FULL : SQLITE_IOERR_WRITE; }

int x_close(sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); }
int x_read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) { return real(f)->pMethods->xRead(real(f), to, n, at); }
int x_write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    if (strikes(writes())) return write_code();
    return real(f)->pMethods->xWrite(real(f), from, n, at);
}
int x_truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (strikes(writes())) return SQLITE_IOERR_TRUNCATE;
    return real(f)->pMethods->xTruncate(real(f), size);
}
int x_sync(sqlite3_file* f, int flags) {
    if (strikes(!writes())) return SQLITE_IOERR_FSYNC;
    return real(f)->pMethods->xSync(real(f), flags);
}
int x_size(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int x_lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int x_unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int x_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int x_control(sqlite3_file* f, int op, void* arg) { return real(f)->pMethods->xFileControl(real(f), op, arg); }
int x_sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int x_device(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }

// Version 1: no shared memory.
const sqlite3_io_methods methods{1,       x_close,  x_read,     x_write,   x_truncate, x_sync,   x_size,
                                 x_lock,  x_unlock, x_reserved, x_control, x_sector,   x_device, nullptr,
                                 nullptr, nullptr,  nullptr,    nullptr,   nullptr};

int v_open(sqlite3_vfs* v, const char* name, sqlite3_file* f, int flags, int* out) {
    const int code = real(v)->xOpen(real(v), name, real(f), flags, out);
    f->pMethods = code == SQLITE_OK ? &methods : nullptr;
    return code;
}
int v_delete(sqlite3_vfs* v, const char* name, int sync) {
    if (strikes(!writes() && sync != 0)) return SQLITE_IOERR_DIR_FSYNC;
    return real(v)->xDelete(real(v), name, sync);
}

sqlite3_vfs made;

} // namespace

faulty_vfs::faulty_vfs() {
    sqlite3_vfs* base = sqlite3_vfs_find(nullptr);
    made = *base;
    made.szOsFile = static_cast<int>(sizeof(wrapped_file)) + base->szOsFile;
    made.zName = "faulty";
    made.pNext = nullptr;
    made.pAppData = base;
    made.xOpen = v_open;
    made.xDelete = v_delete;
    current = {};
    sqlite3_vfs_register(&made, 0);
}
faulty_vfs::~faulty_vfs() { sqlite3_vfs_unregister(&made); }

std::string faulty_vfs::name() { return "faulty"; }
void faulty_vfs::arm(fault what, std::uint64_t n, bool sticky) { current = {what, n, sticky, 0, 0}; }
std::uint64_t faulty_vfs::calls() const { return current.calls; }
std::uint64_t faulty_vfs::failures() const { return current.failures; }

} // namespace store_test
