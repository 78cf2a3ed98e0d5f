// What a disk holds and what of it would survive: the crash model. It has its own tests, because a wrong model reports
// losses that no real disk has, or hides those that it has.
//
// A file is its live bytes, its durable bytes and the ordered changes between the two. A name is made durable by syncing
// its directory, not its file; a sync of a directory covers every name in it. Directories themselves are always there.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/random.hpp"
#include "sim/disk/paged_bytes.hpp"

namespace aivp::sim {

/// A file whatever its name is now; what an open file refers to.
enum class file_node : std::uint32_t {};

/// How a world ends.
enum class crash_mode : std::uint8_t {
    process_kill,   ///< the process is gone, the operating system is not: everything written is there
    power_loss,     ///< each change that was not synced is kept, dropped or torn, on its own
    power_loss_all, ///< nothing that was not synced is there
};

/// The device. Defaults are those of SQLite's unix VFS on most disks.
struct disk_options {
    std::uint32_t sector_bytes = 4096; ///< a power of two, 512 to 65536; what is written whole or not at all
    /// A write that power loss interrupts leaves the bytes beside it alone. Without it, bytes that share a sector with an
    /// interrupted write may turn into anything.
    bool powersafe_overwrite = true;

    friend bool operator==(const disk_options&, const disk_options&) = default;
};

/// Bytes that were written, shared by everything that remembers the write.
struct written_bytes {
    std::shared_ptr<const std::byte[]> data;
    std::size_t size = 0;

    static written_bytes copy_of(std::span<const std::byte> bytes);
    std::span<const std::byte> view() const { return {data.get(), size}; }
};

/// The directory part of a path: "a/b" -> "a", "b" -> "".
std::string_view directory_of(std::string_view path);

/// A value. `ordinal` is the number of the call that makes a change; it names the change's fate at power loss.
class disk_state {
public:
    bool exists(std::string_view path) const { return names_.find(path) != names_.end(); }
    /// The file of this name; `path` exists.
    file_node find(std::string_view path) const { return names_.find(path)->second; }
    /// Live names in order.
    std::vector<std::string> paths() const;
    const paged_bytes& live(file_node file) const { return files_.find(file)->second.live; }
    const paged_bytes& durable(file_node file) const { return files_.find(file)->second.durable; }
    /// The name it was created under or last renamed to; kept after it was unlinked.
    const std::string& name_of(file_node file) const { return files_.find(file)->second.name; }
    /// The same names with the same live bytes: nobody who only reads and writes can tell the two apart.
    bool looks_like(const disk_state& other) const;
    /// Changes that power loss may take.
    std::size_t pending_changes() const;
    /// What a copy costs, in pointers, roughly.
    std::size_t weight() const;

    file_node create(std::uint64_t ordinal, std::string_view path);
    /// A file without a name lives until it is closed as often as it was opened.
    void opened(file_node file) { ++files_.find(file)->second.opens; }
    void closed(file_node file);
    void write(std::uint64_t ordinal, file_node file, std::uint64_t offset, written_bytes bytes);
    void truncate(std::uint64_t ordinal, file_node file, std::uint64_t size);
    void sync(file_node file);
    /// `path` exists.
    void unlink(std::uint64_t ordinal, std::string_view path);
    /// `from` exists, and `to` is in the same directory; a file that has the name `to` loses it.
    void rename(std::uint64_t ordinal, std::string_view from, std::string_view to);
    void sync_directory(std::string_view directory);
    /// Flips a bit of what is stored, durable or not. bit < 8 * live size.
    void flip_bit(file_node file, std::uint64_t bit);

    /// The fate of each pending change is a pure function of `fates` and of its ordinal.
    void crash(crash_mode mode, const random_stream& fates, const disk_options& options);

private:
    struct file_change {
        std::uint64_t ordinal;
        std::uint64_t offset; ///< the new size, when there are no bytes
        written_bytes bytes;
    };
    struct file_state {
        std::string name;
        paged_bytes live;
        paged_bytes durable;
        std::vector<file_change> pending;
        std::uint32_t opens = 0;
    };
    /// `name` refers to `node` from now on, or to nothing; a rename frees `old_name` in the same step.
    struct name_change {
        std::uint64_t ordinal;
        std::string name;
        std::string old_name;
        file_node node;
        bool unlinks;
    };
    using names = std::map<std::string, file_node, std::less<>>;

    static void apply(const name_change& change, names& to);
    static void apply_interrupted(const file_change& change, const random_stream& fates, const disk_options& options,
                                  paged_bytes& to);
    void lose_power(const random_stream* fates, const disk_options& options);
    void forget_if_unreachable(file_node file);

    std::map<file_node, file_state> files_;
    names names_;
    names durable_names_;
    std::vector<name_change> pending_names_;
    std::uint32_t next_node_ = 1;
};

} // namespace aivp::sim
