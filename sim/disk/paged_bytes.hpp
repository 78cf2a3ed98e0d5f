// The bytes of one file in pages that copies share until one of them writes. A copy costs a pointer a page, so that a disk
// can be kept as it was at many moments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace aivp::sim {

/// A value. Bytes that were never written are zero. Copies may be used by different threads.
class paged_bytes {
public:
    static constexpr std::size_t page_bytes = 4096;

    std::uint64_t size() const { return size_; }
    /// Pages including holes; what a copy costs.
    std::size_t page_count() const { return pages_.size(); }

    /// Copies what there is from `offset` on and returns how many bytes; 0 at or past the end.
    std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;
    /// Grows the file when it ends before the range does; the gap reads as zero.
    void write(std::uint64_t offset, std::span<const std::byte> bytes);
    /// Cuts or extends with zeros.
    void resize(std::uint64_t size);
    /// bit < 8 * size(); bit 0 is the lowest of byte 0.
    void flip_bit(std::uint64_t bit);

    /// Takes size and the pages that hold any of [offset, offset + length) from `other`. Where the two differ elsewhere,
    /// they go on differing.
    void take_pages(const paged_bytes& other, std::uint64_t offset, std::uint64_t length);

    /// The same bytes. Cheap where most pages are shared.
    friend bool operator==(const paged_bytes& a, const paged_bytes& b);

private:
    using page = std::array<std::byte, page_bytes>;

    page& own_page(std::size_t index, bool overwritten_whole);

    std::vector<std::shared_ptr<page>> pages_; ///< null = zeros; bytes of the last page past size_ are zero
    std::uint64_t size_ = 0;
};

} // namespace aivp::sim
