// A disk for one simulated world. Every call has an ordinal and goes into a digest, so that two runs can be compared and a
// fault has an address: the k-th call. One recorded run yields the disk as each crash would have left it; such an image is
// a disk again, and may crash again.
//
// Fault model: what `disk_fault_kind` names. Beyond it: a file's data and its name become durable independently; writes
// that were not synced may arrive in any order. Not modelled: failing size queries, directories that vanish, failed syncs
// that forget what they should have written.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/random.hpp"
#include "aivp/base/time.hpp"
#include "sim/disk/disk_state.hpp"

namespace aivp::sim {

enum class disk_operation : std::uint8_t { open, read, write, truncate, sync, unlink, rename, sync_directory };
const char* to_string(disk_operation o);

enum class disk_status : std::uint8_t { ok, not_found, exists, cross_directory, io_error, no_space, dead };
const char* to_string(disk_status s);

template <class T>
using disk_result = std::expected<T, disk_status>;

enum class open_mode : std::uint8_t { existing, create, create_new };

enum class disk_fault_kind : std::uint8_t {
    crash,           ///< the call has its effect in the live state at most, and every later call fails
    io_error_once,   ///< parameter: the operations it can hit, a sum of only(...); 0 = all
    io_error_sticky, ///< the same from there on, until heal()
    no_space_once,   ///< hits writes, growing truncations and opens that create
    no_space_sticky, ///< the same from there on, until heal()
    short_read,      ///< parameter: the bytes delivered, at most one less than there are
    sync_fails,      ///< an error, and nothing became durable
    sync_lies,       ///< ok, and nothing became durable
    sync_lies_every, ///< parameter n >= 1: from there on every n-th sync of a file or directory lies, until heal()
    bit_rot_read,    ///< flips bit `parameter` (modulo what there is) of what a read delivers
    bit_rot_stored,  ///< flips bit `parameter` (modulo what there is) of the file that is read, written or synced
    slow,            ///< each call from there on takes `parameter` microseconds, until heal()
};
const char* to_string(disk_fault_kind k);

/// Takes effect at the first call from `ordinal` on that it can hit. Calls are numbered from 1.
struct disk_fault {
    std::uint64_t ordinal = 1;
    disk_fault_kind kind = disk_fault_kind::crash;
    std::uint64_t parameter = 0;

    friend bool operator==(const disk_fault&, const disk_fault&) = default;
};

/// For the parameter of an I/O error.
template <class... Operations>
constexpr std::uint64_t only(Operations... operations) {
    return ((std::uint64_t{1} << static_cast<unsigned>(operations)) | ...);
}

/// What a fault did. An error that an adapter reports is genuine unless it follows one of these.
struct injected_fault {
    std::uint64_t ordinal = 0;
    disk_fault_kind kind = disk_fault_kind::crash;
    disk_operation operation = disk_operation::open;
    std::string path;

    friend bool operator==(const injected_fault&, const injected_fault&) = default;
};

namespace detail {

/// A change of the state, or what keeps a file in it. Which members count depends on `what`.
struct recorded_call {
    enum class change : std::uint8_t {
        create,
        open,
        close,
        write,
        truncate,
        sync,
        unlink,
        rename,
        sync_directory,
        rot
    };
    std::uint64_t ordinal;
    change what;
    file_node file{};
    std::uint64_t number = 0; ///< offset, size or bit
    written_bytes bytes;
    std::string path;
    std::string path_to;
};
struct disk_checkpoint {
    std::size_t recorded; ///< the calls that it contains
    disk_state state;
};
struct disk_recording {
    std::uint64_t first_ordinal = 1;
    std::vector<recorded_call> calls;
    std::vector<disk_checkpoint> checkpoints;
    std::size_t next_checkpoint = 0;
};

} // namespace detail

/// A value; a copy shares pages with its source. Used by one thread at a time. Paths are names with '/' between
/// directories, which need not be made.
class sim_disk {
public:
    explicit sim_disk(disk_options options = {}) : options_(options) {}

    const disk_options& options() const { return options_; }

    // Calls: each takes the next ordinal, unless the disk is dead. ------------------------------------------------------

    /// Errors: not_found (existing), exists (create_new), and injected ones. What was opened must be closed.
    disk_result<file_node> open(std::string_view path, open_mode mode);
    /// How many bytes were read: fewer than asked for at the end of the file, or by fault.
    disk_result<std::size_t> read(file_node file, std::uint64_t offset, std::span<std::byte> out);
    disk_status write(file_node file, std::uint64_t offset, std::span<const std::byte> bytes);
    disk_status truncate(file_node file, std::uint64_t size);
    /// Makes the bytes durable; the name is another matter.
    disk_status sync(file_node file);
    disk_status unlink(std::string_view path);
    /// Replaces what `to` names. One step for a crash: durable with the next sync of the directory. Both paths must be in
    /// one directory (else cross_directory).
    disk_status rename(std::string_view from, std::string_view to);
    /// Makes every creation, rename and unlink in the directory durable; "" is the directory of plain names.
    disk_status sync_directory(std::string_view directory);

    // Without an ordinal: they cannot fail and change nothing that lasts. -----------------------------------------------

    void close(file_node file);
    bool exists(std::string_view path) const { return state_.exists(path); }
    std::uint64_t size(file_node file) const { return state_.live(file).size(); }
    /// 0 when there is no such file.
    std::uint64_t size(std::string_view path) const { return exists(path) ? size(state_.find(path)) : 0; }
    /// Live names in order.
    std::vector<std::string> paths() const { return state_.paths(); }
    /// The live bytes of a file; empty when there is none.
    std::string contents(std::string_view path) const;
    /// The same names with the same live bytes.
    bool looks_like(const sim_disk& other) const { return state_.looks_like(other.state_); }

    // Faults ------------------------------------------------------------------------------------------------------------

    void plan(disk_fault fault) { faults_.push_back({fault, 0, false}); }
    /// Ends sticky faults; planned ones that did not take effect yet stay.
    void heal();
    /// No fault takes effect from now on.
    void plan_nothing() { faults_.clear(); }
    /// What time slow calls take is told here, before the call has its effect.
    void on_delay(std::function<void(duration)> take_time) { take_time_ = std::move(take_time); }
    const std::vector<injected_fault>& injected() const { return injected_; }
    bool dead() const { return dead_; }
    /// Every call from now on fails, as after a crash.
    void die() { dead_ = true; }

    // Comparing ---------------------------------------------------------------------------------------------------------

    /// Calls so far. What is acknowledged when calls() == c must survive a crash at any call after c.
    std::uint64_t calls() const { return calls_; }
    std::uint64_t calls(disk_operation o) const { return calls_by_operation_[static_cast<std::size_t>(o)]; }
    /// Chains (operation, file, offset, length, bytes written) of every call. Not cryptographic.
    std::uint64_t digest() const { return digest_; }

    // Crashing ----------------------------------------------------------------------------------------------------------

    /// This disk after a crash now: no calls, no faults, nothing recorded.
    sim_disk after_crash(crash_mode mode, const random_stream& fates) const;

    /// Remembers every change from now on. Takes memory for each; starting again forgets what was recorded.
    void record();
    /// The disk after a crash at call k, 1 <= k <= calls() + 1, which lies after the start of the recording: the calls
    /// before k are done, call k has its effect in the live state at most. Costs about as much as a copy.
    sim_disk crash_image(std::uint64_t k, crash_mode mode, const random_stream& fates) const;
    /// The k, ascending, of the recorded changes and syncs, and calls() + 1. A crash at any other k leaves what a crash at
    /// the next of these can leave.
    std::vector<std::uint64_t> crash_points() const;

private:
    struct planned_fault {
        disk_fault fault;
        std::uint64_t hits; ///< calls it could have hit
        bool over;
    };
    /// What a call meets.
    struct verdict {
        std::optional<disk_status> refusal; ///< the call has no effect
        bool dies = false;
        bool lies = false;
        std::optional<std::uint64_t> short_bytes;
        std::optional<std::uint64_t> rotten_bit;
    };
    using recorded_call = detail::recorded_call;

    struct call_site {
        disk_operation operation;
        std::string_view path;
        std::uint64_t offset = 0;
        std::uint64_t length = 0;
        std::span<const std::byte> bytes;
        std::optional<file_node> file; ///< of operations on an open file
        bool grows = false;
    };

    verdict begin(const call_site& call);
    void chain(const call_site& call);
    void meet(planned_fault& planned, const call_site& call, verdict& v);
    static bool can_hit(const disk_fault& fault, const call_site& call, std::uint64_t stored_bytes);
    void change(recorded_call call);
    static void apply(const recorded_call& call, disk_state& to);
    static bool completes_at_once(recorded_call::change what);
    sim_disk fresh_with(disk_state state) const;

    disk_options options_;
    disk_state state_;
    std::uint64_t calls_ = 0;
    std::array<std::uint64_t, 8> calls_by_operation_{};
    std::uint64_t digest_ = 0;
    bool dead_ = false;
    std::vector<planned_fault> faults_;
    std::vector<injected_fault> injected_;
    std::function<void(duration)> take_time_;
    std::optional<detail::disk_recording> recording_;
};

} // namespace aivp::sim
