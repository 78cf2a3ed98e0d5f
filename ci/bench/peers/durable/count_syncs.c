// Loaded before a server (LD_PRELOAD), it counts the syncs of all its processes in the file $COUNT_SYNCS, eight bytes in the
// machine's order, which must exist.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long long* made;

__attribute__((constructor)) static void find_counter(void) {
    const char* path = getenv("COUNT_SYNCS");
    const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void* place = mmap(0, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (place != MAP_FAILED) made = place;
    close(file);
}

static int counted(long call, int file) {
    if (made) __atomic_add_fetch(made, 1, __ATOMIC_RELAXED);
    return (int)syscall(call, file);
}

int fdatasync(int file) { return counted(SYS_fdatasync, file); }
int fsync(int file) { return counted(SYS_fsync, file); }
