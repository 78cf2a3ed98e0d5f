#include "sim/disk/paged_bytes.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace aivp::sim {

namespace {

std::size_t pages_for(std::uint64_t bytes) {
    return static_cast<std::size_t>((bytes + paged_bytes::page_bytes - 1) / paged_bytes::page_bytes);
}

/// The part of [offset, offset + left) that lies in one page.
struct page_part {
    std::size_t index;
    std::size_t begin;
    std::size_t length;
};

page_part first_part(std::uint64_t offset, std::size_t left) {
    const auto begin = static_cast<std::size_t>(offset % paged_bytes::page_bytes);
    return {static_cast<std::size_t>(offset / paged_bytes::page_bytes), begin,
            std::min(left, paged_bytes::page_bytes - begin)};
}

} // namespace

std::size_t paged_bytes::read(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset >= size_) return 0;
    const auto total = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
    for (std::size_t done = 0; done < total;) {
        const page_part part = first_part(offset + done, total - done);
        const auto& from = pages_[part.index];
        if (from) {
            std::memcpy(out.data() + done, from->data() + part.begin, part.length);
        } else {
            std::memset(out.data() + done, 0, part.length);
        }
        done += part.length;
    }
    return total;
}

void paged_bytes::write(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (offset + bytes.size() > size_) resize(offset + bytes.size());
    for (std::size_t done = 0; done < bytes.size();) {
        const page_part part = first_part(offset + done, bytes.size() - done);
        page& to = own_page(part.index, part.length == page_bytes);
        std::memcpy(to.data() + part.begin, bytes.data() + done, part.length);
        done += part.length;
    }
}

void paged_bytes::resize(std::uint64_t size) {
    const auto tail = static_cast<std::size_t>(size % page_bytes);
    const auto last = static_cast<std::size_t>(size / page_bytes);
    if (size < size_ && tail != 0 && pages_[last]) {
        page& cut = own_page(last, false);
        std::memset(cut.data() + tail, 0, page_bytes - tail);
    }
    pages_.resize(pages_for(size));
    size_ = size;
}

void paged_bytes::flip_bit(std::uint64_t bit) {
    const std::uint64_t byte = bit / 8;
    page& in = own_page(static_cast<std::size_t>(byte / page_bytes), false);
    in[static_cast<std::size_t>(byte % page_bytes)] ^= std::byte{1} << (bit % 8);
}

void paged_bytes::take_pages(const paged_bytes& other, std::uint64_t offset, std::uint64_t length) {
    pages_.resize(other.pages_.size());
    size_ = other.size_;
    const std::size_t end = std::min(pages_for(offset + length), pages_.size());
    for (auto i = static_cast<std::size_t>(offset / page_bytes); i < end; ++i) pages_[i] = other.pages_[i];
}

bool operator==(const paged_bytes& a, const paged_bytes& b) {
    static constexpr paged_bytes::page zeros{};
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.pages_.size(); ++i) {
        if (a.pages_[i] == b.pages_[i]) continue;
        const paged_bytes::page& left = a.pages_[i] ? *a.pages_[i] : zeros;
        const paged_bytes::page& right = b.pages_[i] ? *b.pages_[i] : zeros;
        if (std::memcmp(left.data(), right.data(), left.size()) != 0) return false;
    }
    return true;
}

paged_bytes::page& paged_bytes::own_page(std::size_t index, bool overwritten_whole) {
    std::shared_ptr<page>& slot = pages_[index];
    if (slot && slot.use_count() == 1) {
        // Another thread may have let go of the page last: what it read happened before what is written here.
        std::atomic_thread_fence(std::memory_order_acquire);
        return *slot;
    }
    auto fresh = std::make_shared_for_overwrite<page>();
    if (!overwritten_whole) {
        if (slot) {
            *fresh = *slot;
        } else {
            fresh->fill(std::byte{0});
        }
    }
    slot = std::move(fresh);
    return *slot;
}

} // namespace aivp::sim
