// Files that others can have written: the lock of a state folder, and what the kernel tells of a process, whose name the
// program chooses. Nonsense is nobody, and who is understood is the same when written again.
#include <string>

#include "ci/fuzz/fuzz.hpp"
#include "runtime/os/internal/proc_table.hpp"
#include "runtime/os/pid_lock.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    if (const auto identity = aivp::parse_identity(text)) {
        fuzz::require(identity->pid > 0, "a process has a number");
        fuzz::require(aivp::parse_identity(aivp::to_text(*identity)) == identity, "an identity survives being written");
        (void)aivp::is_running(*identity);
    }
    const auto process = aivp::parse_proc_stat(text);
    // Whatever a program calls itself, it does not change what is said of it.
    const std::string line =
        "4711 (" + std::string(text) + ") S 1 4711 4711 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 3 0 99 1 1\n";
    const auto named = aivp::parse_proc_stat(line);
    fuzz::require(named && named->pid == 4711 && named->parent == 1 && named->session == 4711 && named->threads == 3 &&
                      named->start_ticks == 99 && named->state == 'S',
                  "a name changes nothing");
    (void)process;
    return 0;
}
