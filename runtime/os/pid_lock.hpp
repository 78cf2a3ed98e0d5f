// One daemon for one state folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

/// Names one process of one boot of one machine.
struct process_identity {
    std::int64_t pid = 0;
    std::string boot;              ///< the kernel's boot id
    std::uint64_t start_ticks = 0; ///< when the process started, in the kernel's ticks since boot

    friend bool operator==(const process_identity&, const process_identity&) = default;
};
/// Of the calling process.
process_identity own_identity();
/// Whether this very process is there now (not another one with its number, not one that waits to be reaped).
bool is_running(const process_identity& p);
/// One line of JSON; parse_identity gives nullopt for anything else.
std::string to_text(const process_identity& p);
std::optional<process_identity> parse_identity(std::string_view text);

/// Holds <folder>/daemon.lock, locked with flock() and naming its holder. The kernel drops the lock when the process ends,
/// however it ends; the text only says who it was. Where locks do not work (some network file systems), the text decides.
class pid_lock {
public:
    /// Does not wait. Errors: daemon.running (context "pid", where known), io.not_found (no such folder), io.write.
    static result<pid_lock> acquire(const std::string& folder);

    pid_lock(pid_lock&& other) noexcept;
    pid_lock& operator=(pid_lock&& other) noexcept;
    /// Gives the lock back and leaves the file, empty: removing it could remove another holder's.
    ~pid_lock();

    /// Who held the lock and ended without giving it back.
    const std::optional<process_identity>& died_before() const { return died_before_; }

private:
    explicit pid_lock(int fd) : fd_(fd) {}
    int fd_ = -1;
    std::int64_t owner_pid_ = 0; ///< a child made by fork() has a copy that is not the holder
    std::optional<process_identity> died_before_;
};

} // namespace aivp
