#include "sim/disk/sim_disk.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "aivp/base/assert.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t checkpoint_distance_min = 64;

std::uint64_t mixed(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9E37'79B9'7F4A'7C15ULL;
    return hash ^ hash >> 29;
}

std::uint64_t mixed(std::uint64_t hash, const void* bytes, std::size_t size) {
    hash = mixed(hash, size);
    const auto* at = static_cast<const unsigned char*>(bytes);
    while (size > 0) {
        std::uint64_t word = 0;
        const std::size_t step = std::min(size, sizeof word);
        std::memcpy(&word, at, step);
        hash = mixed(hash, word);
        at += step;
        size -= step;
    }
    return hash;
}

bool syncs(disk_operation o) { return o == disk_operation::sync || o == disk_operation::sync_directory; }

bool stays(disk_fault_kind k) {
    return k == disk_fault_kind::io_error_sticky || k == disk_fault_kind::no_space_sticky ||
           k == disk_fault_kind::sync_lies_every || k == disk_fault_kind::slow;
}

} // namespace

const char* to_string(disk_operation o) {
    switch (o) {
    case disk_operation::open: return "open";
    case disk_operation::read: return "read";
    case disk_operation::write: return "write";
    case disk_operation::truncate: return "truncate";
    case disk_operation::sync: return "sync";
    case disk_operation::unlink: return "unlink";
    case disk_operation::rename: return "rename";
    case disk_operation::sync_directory: return "sync_directory";
    }
    return "?";
}

const char* to_string(disk_status s) {
    switch (s) {
    case disk_status::ok: return "ok";
    case disk_status::not_found: return "not_found";
    case disk_status::exists: return "exists";
    case disk_status::cross_directory: return "cross_directory";
    case disk_status::io_error: return "io_error";
    case disk_status::no_space: return "no_space";
    case disk_status::dead: return "dead";
    }
    return "?";
}

const char* to_string(disk_fault_kind k) {
    switch (k) {
    case disk_fault_kind::crash: return "crash";
    case disk_fault_kind::io_error_once: return "io_error_once";
    case disk_fault_kind::io_error_sticky: return "io_error_sticky";
    case disk_fault_kind::no_space_once: return "no_space_once";
    case disk_fault_kind::no_space_sticky: return "no_space_sticky";
    case disk_fault_kind::short_read: return "short_read";
    case disk_fault_kind::sync_fails: return "sync_fails";
    case disk_fault_kind::sync_lies: return "sync_lies";
    case disk_fault_kind::sync_lies_every: return "sync_lies_every";
    case disk_fault_kind::bit_rot_read: return "bit_rot_read";
    case disk_fault_kind::bit_rot_stored: return "bit_rot_stored";
    case disk_fault_kind::slow: return "slow";
    }
    return "?";
}

disk_result<file_node> sim_disk::open(std::string_view path, open_mode mode) {
    const bool there = exists(path);
    const bool creates = !there && mode != open_mode::existing;
    const verdict v = begin({disk_operation::open, path, static_cast<std::uint64_t>(mode), 0, {}, {}, creates});
    if (v.refusal) return std::unexpected(*v.refusal);
    if (!there && !creates) return std::unexpected(v.dies ? disk_status::dead : disk_status::not_found);
    if (there && mode == open_mode::create_new)
        return std::unexpected(v.dies ? disk_status::dead : disk_status::exists);
    if (creates) change({.ordinal = calls_, .what = recorded_call::change::create, .path = std::string(path)});
    const file_node file = state_.find(path);
    if (v.dies) return std::unexpected(disk_status::dead);
    change({.ordinal = calls_, .what = recorded_call::change::open, .file = file});
    return file;
}

disk_result<std::size_t> sim_disk::read(file_node file, std::uint64_t offset, std::span<std::byte> out) {
    const verdict v = begin({disk_operation::read, state_.name_of(file), offset, out.size(), {}, file});
    if (v.refusal) return std::unexpected(*v.refusal);
    if (v.dies) return std::unexpected(disk_status::dead);
    std::size_t got = state_.live(file).read(offset, out);
    if (v.short_bytes && got > 0) got = static_cast<std::size_t>(std::min<std::uint64_t>(*v.short_bytes, got - 1));
    if (v.rotten_bit && got > 0) {
        const std::uint64_t bit = *v.rotten_bit % (got * 8);
        out[static_cast<std::size_t>(bit / 8)] ^= std::byte{1} << (bit % 8);
    }
    return got;
}

disk_status sim_disk::write(file_node file, std::uint64_t offset, std::span<const std::byte> bytes) {
    const verdict v =
        begin({disk_operation::write, state_.name_of(file), offset, bytes.size(), bytes, file, !bytes.empty()});
    if (v.refusal) return *v.refusal;
    change({.ordinal = calls_,
            .what = recorded_call::change::write,
            .file = file,
            .number = offset,
            .bytes = written_bytes::copy_of(bytes)});
    return v.dies ? disk_status::dead : disk_status::ok;
}

disk_status sim_disk::truncate(file_node file, std::uint64_t size) {
    const bool grows = size > state_.live(file).size();
    const verdict v = begin({disk_operation::truncate, state_.name_of(file), size, 0, {}, file, grows});
    if (v.refusal) return *v.refusal;
    change({.ordinal = calls_, .what = recorded_call::change::truncate, .file = file, .number = size});
    return v.dies ? disk_status::dead : disk_status::ok;
}

disk_status sim_disk::sync(file_node file) {
    const verdict v = begin({disk_operation::sync, state_.name_of(file), 0, 0, {}, file});
    if (v.refusal) return *v.refusal;
    if (v.dies) return disk_status::dead;
    if (!v.lies) change({.ordinal = calls_, .what = recorded_call::change::sync, .file = file});
    return disk_status::ok;
}

disk_status sim_disk::unlink(std::string_view path) {
    const verdict v = begin({disk_operation::unlink, path});
    if (v.refusal) return *v.refusal;
    const bool there = exists(path);
    if (there) change({.ordinal = calls_, .what = recorded_call::change::unlink, .path = std::string(path)});
    if (v.dies) return disk_status::dead;
    return there ? disk_status::ok : disk_status::not_found;
}

disk_status sim_disk::rename(std::string_view from, std::string_view to) {
    // Both names go into the digest: the second one takes the place of the bytes.
    const auto to_bytes = std::as_bytes(std::span(to.data(), to.size()));
    const verdict v = begin({disk_operation::rename, from, 0, to.size(), to_bytes});
    if (v.refusal) return *v.refusal;
    const bool there = exists(from);
    const bool one_directory = directory_of(from) == directory_of(to);
    if (there && one_directory && from != to) {
        change({.ordinal = calls_,
                .what = recorded_call::change::rename,
                .path = std::string(from),
                .path_to = std::string(to)});
    }
    if (v.dies) return disk_status::dead;
    if (!there) return disk_status::not_found;
    return one_directory ? disk_status::ok : disk_status::cross_directory;
}

disk_status sim_disk::sync_directory(std::string_view directory) {
    const verdict v = begin({disk_operation::sync_directory, directory});
    if (v.refusal) return *v.refusal;
    if (v.dies) return disk_status::dead;
    if (!v.lies) {
        change({.ordinal = calls_, .what = recorded_call::change::sync_directory, .path = std::string(directory)});
    }
    return disk_status::ok;
}

void sim_disk::close(file_node file) {
    change({.ordinal = calls_, .what = recorded_call::change::close, .file = file});
}

std::string sim_disk::contents(std::string_view path) const {
    if (!exists(path)) return {};
    const paged_bytes& bytes = state_.live(state_.find(path));
    std::string text(static_cast<std::size_t>(bytes.size()), '\0');
    bytes.read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

void sim_disk::heal() {
    std::erase_if(faults_, [&](const planned_fault& p) { return p.hits > 0 && stays(p.fault.kind); });
}

sim_disk::verdict sim_disk::begin(const call_site& call) {
    verdict v;
    if (dead_) {
        v.refusal = disk_status::dead;
        return v;
    }
    ++calls_;
    ++calls_by_operation_[static_cast<std::size_t>(call.operation)];
    chain(call);
    for (planned_fault& planned : faults_) {
        if (planned.over || calls_ < planned.fault.ordinal) continue;
        const std::uint64_t stored_bytes = call.file ? state_.live(*call.file).size() : 0;
        if (can_hit(planned.fault, call, stored_bytes)) meet(planned, call, v);
    }
    // A call that fails for another reason has no effect, whether or not the world ends with it.
    if (v.dies) dead_ = true;
    if (v.dies && v.refusal) v.refusal = disk_status::dead;
    return v;
}

void sim_disk::chain(const call_site& call) {
    std::uint64_t h = mixed(digest_, static_cast<std::uint64_t>(call.operation) + 1);
    h = mixed(h, call.path.data(), call.path.size());
    h = mixed(h, call.offset);
    h = mixed(h, call.length);
    digest_ = mixed(h, call.bytes.data(), call.bytes.size());
}

bool sim_disk::can_hit(const disk_fault& fault, const call_site& call, std::uint64_t stored_bytes) {
    switch (fault.kind) {
    case disk_fault_kind::crash:
    case disk_fault_kind::slow: return true;
    case disk_fault_kind::io_error_once:
    case disk_fault_kind::io_error_sticky: return fault.parameter == 0 || (fault.parameter & only(call.operation)) != 0;
    case disk_fault_kind::no_space_once:
    case disk_fault_kind::no_space_sticky: return call.grows;
    case disk_fault_kind::short_read:
    case disk_fault_kind::bit_rot_read:
        return call.operation == disk_operation::read && call.length > 0 && call.offset < stored_bytes;
    case disk_fault_kind::sync_fails:
    case disk_fault_kind::sync_lies:
    case disk_fault_kind::sync_lies_every: return syncs(call.operation);
    case disk_fault_kind::bit_rot_stored: return stored_bytes > 0;
    }
    return false;
}

void sim_disk::meet(planned_fault& planned, const call_site& call, verdict& v) {
    const disk_fault& fault = planned.fault;
    ++planned.hits;
    if (!stays(fault.kind)) planned.over = true;
    switch (fault.kind) {
    case disk_fault_kind::crash: v.dies = true; break;
    case disk_fault_kind::io_error_once:
    case disk_fault_kind::io_error_sticky:
    case disk_fault_kind::sync_fails: v.refusal = disk_status::io_error; break;
    case disk_fault_kind::no_space_once:
    case disk_fault_kind::no_space_sticky: v.refusal = disk_status::no_space; break;
    case disk_fault_kind::short_read: v.short_bytes = fault.parameter; break;
    case disk_fault_kind::sync_lies: v.lies = true; break;
    case disk_fault_kind::sync_lies_every:
        if (planned.hits % std::max<std::uint64_t>(fault.parameter, 1) != 0) return;
        v.lies = true;
        break;
    case disk_fault_kind::bit_rot_read: v.rotten_bit = fault.parameter; break;
    case disk_fault_kind::bit_rot_stored:
        change({.ordinal = calls_,
                .what = recorded_call::change::rot,
                .file = *call.file,
                .number = fault.parameter % (state_.live(*call.file).size() * 8)});
        break;
    case disk_fault_kind::slow:
        if (take_time_) take_time_(microseconds(static_cast<std::int64_t>(fault.parameter)));
        break;
    }
    injected_.push_back({calls_, fault.kind, call.operation, std::string(call.path)});
}

void sim_disk::change(recorded_call call) {
    apply(call, state_);
    if (!recording_) return;
    detail::disk_recording& r = *recording_;
    r.calls.push_back(std::move(call));
    if (r.calls.size() < r.next_checkpoint) return;
    // A copy costs the weight, so copies that far apart cost a constant for each call.
    r.checkpoints.push_back({r.calls.size(), state_});
    r.next_checkpoint = r.calls.size() + std::max(checkpoint_distance_min, state_.weight());
}

void sim_disk::apply(const recorded_call& call, disk_state& to) {
    using change = recorded_call::change;
    switch (call.what) {
    case change::create: to.create(call.ordinal, call.path); break;
    case change::open: to.opened(call.file); break;
    case change::close: to.closed(call.file); break;
    case change::write: to.write(call.ordinal, call.file, call.number, call.bytes); break;
    case change::truncate: to.truncate(call.ordinal, call.file, call.number); break;
    case change::sync: to.sync(call.file); break;
    case change::unlink: to.unlink(call.ordinal, call.path); break;
    case change::rename: to.rename(call.ordinal, call.path, call.path_to); break;
    case change::sync_directory: to.sync_directory(call.path); break;
    case change::rot: to.flip_bit(call.file, call.number); break;
    }
}

bool sim_disk::completes_at_once(recorded_call::change what) {
    return what != recorded_call::change::sync && what != recorded_call::change::sync_directory;
}

sim_disk sim_disk::fresh_with(disk_state state) const {
    sim_disk fresh(options_);
    fresh.state_ = std::move(state);
    return fresh;
}

sim_disk sim_disk::after_crash(crash_mode mode, const random_stream& fates) const {
    disk_state state = state_;
    state.crash(mode, fates, options_);
    return fresh_with(std::move(state));
}

void sim_disk::record() {
    recording_.emplace();
    recording_->first_ordinal = calls_ + 1;
    recording_->checkpoints.push_back({0, state_});
    recording_->next_checkpoint = std::max(checkpoint_distance_min, state_.weight());
}

sim_disk sim_disk::crash_image(std::uint64_t k, crash_mode mode, const random_stream& fates) const {
    AIVP_ASSERT(recording_, "crash_image needs record()");
    const detail::disk_recording& r = *recording_;
    AIVP_ASSERT(k >= r.first_ordinal && k <= calls_ + 1, "the call is not in the recording");
    const auto later = [](std::uint64_t ordinal, const recorded_call& call) { return ordinal < call.ordinal; };
    const auto end =
        static_cast<std::size_t>(std::upper_bound(r.calls.begin(), r.calls.end(), k, later) - r.calls.begin());
    // The last call may have to be left out, so it must not be in the checkpoint; the first checkpoint has none.
    const auto usable = [&](const detail::disk_checkpoint& c) {
        return c.recorded == 0 || (c.recorded <= end && r.calls[c.recorded - 1].ordinal < k);
    };
    const auto from = std::prev(std::partition_point(r.checkpoints.begin(), r.checkpoints.end(), usable));
    disk_state state = from->state;
    for (std::size_t i = from->recorded; i < end; ++i) {
        const recorded_call& call = r.calls[i];
        if (call.ordinal < k || completes_at_once(call.what)) apply(call, state);
    }
    state.crash(mode, fates, options_);
    return fresh_with(std::move(state));
}

std::vector<std::uint64_t> sim_disk::crash_points() const {
    AIVP_ASSERT(recording_, "crash_points needs record()");
    std::vector<std::uint64_t> points;
    for (const recorded_call& call : recording_->calls) {
        const bool lasts = call.what != recorded_call::change::open && call.what != recorded_call::change::close;
        if (lasts && (points.empty() || points.back() != call.ordinal)) points.push_back(call.ordinal);
    }
    if (points.empty() || points.back() != calls_ + 1) points.push_back(calls_ + 1);
    return points;
}

} // namespace aivp::sim
