#include "sim/disk/disk_state.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace aivp::sim {

namespace {

enum class fate : std::uint8_t { dropped, kept, torn };

fate fate_of(std::uint64_t ordinal, const random_stream& fates) { return static_cast<fate>(fates.at(ordinal) % 3); }

/// Draws about one sector of an interrupted write; apart from the draws of whole changes.
std::uint64_t sector_draw(std::uint64_t ordinal, std::uint64_t sector, const random_stream& fates) {
    return fates.at((sector + 1) << 40 | ordinal);
}

/// What a sector becomes whose write was cut short on a disk without powersafe overwrite.
void damage(paged_bytes& bytes, std::uint64_t begin, std::uint64_t end, std::uint64_t seed) {
    end = std::min(end, bytes.size());
    std::array<std::byte, 65536> noise;
    std::uint64_t x = seed | 1;
    for (std::uint64_t at = begin; at < end; ++at) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        noise[static_cast<std::size_t>(at - begin)] = static_cast<std::byte>(x >> 56);
    }
    if (begin < end) bytes.write(begin, {noise.data(), static_cast<std::size_t>(end - begin)});
}

} // namespace

written_bytes written_bytes::copy_of(std::span<const std::byte> bytes) {
    auto data = std::make_shared_for_overwrite<std::byte[]>(bytes.size());
    if (!bytes.empty()) std::memcpy(data.get(), bytes.data(), bytes.size());
    return {std::move(data), bytes.size()};
}

std::string_view directory_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::vector<std::string> disk_state::paths() const {
    std::vector<std::string> all;
    for (const auto& [name, node] : names_) all.push_back(name);
    return all;
}

bool disk_state::looks_like(const disk_state& other) const {
    return std::equal(names_.begin(), names_.end(), other.names_.begin(), other.names_.end(),
                      [&](const auto& mine, const auto& its) {
                          return mine.first == its.first && live(mine.second) == other.live(its.second);
                      });
}

std::size_t disk_state::pending_changes() const {
    std::size_t n = pending_names_.size();
    for (const auto& [node, file] : files_) n += file.pending.size();
    return n;
}

std::size_t disk_state::weight() const {
    std::size_t n = pending_names_.size() + names_.size() + durable_names_.size();
    for (const auto& [node, file] : files_) {
        n += 1 + file.live.page_count() + file.durable.page_count() + file.pending.size();
    }
    return n;
}

file_node disk_state::create(std::uint64_t ordinal, std::string_view path) {
    const auto node = static_cast<file_node>(next_node_++);
    files_[node].name = path;
    pending_names_.push_back({ordinal, std::string(path), {}, node, false});
    apply(pending_names_.back(), names_);
    return node;
}

void disk_state::closed(file_node file) {
    --files_.find(file)->second.opens;
    forget_if_unreachable(file);
}

void disk_state::write(std::uint64_t ordinal, file_node file, std::uint64_t offset, written_bytes bytes) {
    file_state& f = files_.find(file)->second;
    f.live.write(offset, bytes.view());
    f.pending.push_back({ordinal, offset, std::move(bytes)});
}

void disk_state::truncate(std::uint64_t ordinal, file_node file, std::uint64_t size) {
    file_state& f = files_.find(file)->second;
    f.live.resize(size);
    f.pending.push_back({ordinal, size, {}});
}

void disk_state::sync(file_node file) {
    file_state& f = files_.find(file)->second;
    for (const file_change& change : f.pending) {
        const std::uint64_t cut = std::max(f.live.size(), f.durable.size());
        const std::uint64_t length = change.bytes.data ? change.bytes.size : cut - std::min(cut, change.offset);
        f.durable.take_pages(f.live, change.offset, length);
    }
    f.pending.clear();
}

void disk_state::unlink(std::uint64_t ordinal, std::string_view path) {
    const file_node node = find(path);
    pending_names_.push_back({ordinal, std::string(path), {}, node, true});
    apply(pending_names_.back(), names_);
}

void disk_state::rename(std::uint64_t ordinal, std::string_view from, std::string_view to) {
    const file_node node = find(from);
    pending_names_.push_back({ordinal, std::string(to), std::string(from), node, false});
    apply(pending_names_.back(), names_);
    files_.find(node)->second.name = to;
}

void disk_state::sync_directory(std::string_view directory) {
    std::vector<file_node> touched;
    const auto covered = [&](const name_change& change) {
        if (directory_of(change.name) != directory) return false;
        const auto replaced = durable_names_.find(change.name);
        if (replaced != durable_names_.end()) touched.push_back(replaced->second);
        touched.push_back(change.node);
        apply(change, durable_names_);
        return true;
    };
    // Not std::remove_if: the changes have to be applied in their order.
    std::vector<name_change> others;
    for (name_change& change : pending_names_) {
        if (!covered(change)) others.push_back(std::move(change));
    }
    pending_names_ = std::move(others);
    for (const file_node node : touched) forget_if_unreachable(node);
}

void disk_state::flip_bit(file_node file, std::uint64_t bit) {
    file_state& f = files_.find(file)->second;
    f.live.flip_bit(bit);
    if (bit / 8 < f.durable.size()) f.durable.flip_bit(bit);
}

void disk_state::crash(crash_mode mode, const random_stream& fates, const disk_options& options) {
    if (mode == crash_mode::process_kill) {
        for (auto& [node, file] : files_) file.opens = 0;
        std::vector<file_node> all;
        for (const auto& [node, file] : files_) all.push_back(node);
        for (const file_node node : all) forget_if_unreachable(node);
        return;
    }
    lose_power(mode == crash_mode::power_loss ? &fates : nullptr, options);
}

void disk_state::lose_power(const random_stream* fates, const disk_options& options) {
    for (const name_change& change : pending_names_) {
        if (fates && fates->at(change.ordinal) % 2 == 0) apply(change, durable_names_);
    }
    pending_names_.clear();
    names_ = durable_names_;

    std::map<file_node, file_state> reachable;
    for (const auto& [name, node] : names_) {
        file_state& f = files_.find(node)->second;
        for (const file_change& change : f.pending) {
            if (fates) apply_interrupted(change, *fates, options, f.durable);
        }
        f.pending.clear();
        f.live = f.durable;
        f.opens = 0;
        f.name = name;
        reachable.emplace(node, f);
    }
    files_ = std::move(reachable);
}

void disk_state::apply_interrupted(const file_change& change, const random_stream& fates, const disk_options& options,
                                   paged_bytes& to) {
    const fate what = fate_of(change.ordinal, fates);
    if (what == fate::dropped) return;
    if (!change.bytes.data) {
        if (what == fate::kept) to.resize(change.offset);
        return;
    }
    if (what == fate::kept) {
        to.write(change.offset, change.bytes.view());
        return;
    }
    const std::uint64_t sector_bytes = options.sector_bytes;
    const std::uint64_t end = change.offset + change.bytes.size;
    for (std::uint64_t at = change.offset; at < end;) {
        const std::uint64_t sector = at / sector_bytes;
        const std::uint64_t next = std::min(end, (sector + 1) * sector_bytes);
        const std::uint64_t draw = sector_draw(change.ordinal, sector, fates);
        const bool partial = next - at < sector_bytes;
        if (partial && !options.powersafe_overwrite && draw % 4 == 0) {
            damage(to, sector * sector_bytes, (sector + 1) * sector_bytes, draw);
        }
        if (draw / 4 % 2 == 0) {
            to.write(at, change.bytes.view().subspan(static_cast<std::size_t>(at - change.offset),
                                                     static_cast<std::size_t>(next - at)));
        }
        at = next;
    }
}

void disk_state::apply(const name_change& change, names& to) {
    if (!change.old_name.empty()) {
        const auto old = to.find(change.old_name);
        if (old != to.end() && old->second == change.node) to.erase(old);
    }
    if (!change.unlinks) {
        to[change.name] = change.node;
        return;
    }
    const auto at = to.find(change.name);
    if (at != to.end() && at->second == change.node) to.erase(at);
}

void disk_state::forget_if_unreachable(file_node file) {
    const auto it = files_.find(file);
    if (it == files_.end() || it->second.opens != 0) return;
    const auto is_file = [&](const auto& entry) { return entry.second == file; };
    if (std::any_of(names_.begin(), names_.end(), is_file)) return;
    if (std::any_of(durable_names_.begin(), durable_names_.end(), is_file)) return;
    const auto pends = [&](const name_change& change) { return change.node == file; };
    if (std::any_of(pending_names_.begin(), pending_names_.end(), pends)) return;
    files_.erase(it);
}

} // namespace aivp::sim
