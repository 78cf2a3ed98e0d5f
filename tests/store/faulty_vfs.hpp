// A VFS over the default one that fails the n-th write, sync, truncation or deletion.
#pragma once

#include <cstdint>
#include <string>

namespace store_test {

class faulty_vfs {
public:
    enum class fault : std::uint8_t { write_error, disk_full, sync_error };
    /// Registered under `name()` until it is destroyed; one at a time.
    faulty_vfs();
    faulty_vfs(const faulty_vfs&) = delete;
    faulty_vfs& operator=(const faulty_vfs&) = delete;
    ~faulty_vfs();

    static std::string name();
    /// From now on the n-th call (from 1) that `what` concerns fails; 0 = none. `sticky`: and all after it.
    void arm(fault what, std::uint64_t n, bool sticky);
    /// Calls that the armed fault concerns, since arm().
    std::uint64_t calls() const;
    std::uint64_t failures() const;
};

} // namespace store_test
