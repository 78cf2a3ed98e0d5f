// Reading canonical JSON text in place. Canonical text is regular (no white space, one spelling per value, every string
// valid), so that a scanner of a few lines replaces a document tree: what a caller gets are views into the payload's text.
// None of this is for text that was not canonicalised before.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace aivp::internal {

/// Bytes of `p`..`p + 8` for tests on eight bytes at once; the lowest byte is the first one.
inline std::uint64_t json_load_eight(const char* p) {
    std::uint64_t v = 0;
    std::memcpy(&v, p, sizeof v);
    if constexpr (std::endian::native == std::endian::big) v = __builtin_bswap64(v);
    return v;
}

inline constexpr std::uint64_t json_every_byte = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t json_high_bits = json_every_byte * 0x80;

/// High bit set in each byte of `v` equal to `c`; exact up to and including the lowest such byte.
inline std::uint64_t json_bytes_equal(std::uint64_t v, char c) {
    const std::uint64_t x = v ^ json_every_byte * static_cast<unsigned char>(c);
    return (x - json_every_byte) & ~x & json_high_bits;
}

/// Index of the lowest byte whose high bit is set in `mask`, which is not 0.
inline int json_first_byte(std::uint64_t mask) { return std::countr_zero(mask) / 8; }

/// Orders the contents of two canonical string literals (without quotes) by the UTF-16 code units of what they mean,
/// as RFC 8785 orders keys. Negative, zero, positive.
int json_compare_keys(std::string_view a, std::string_view b);

/// What the contents of a canonical string literal mean, as UTF-8.
std::string json_unescape(std::string_view contents);

/// Past the canonical value that starts at `p`.
const char* json_skip_value(const char* p, const char* end);

/// Reads the members of a canonical object one by one.
class json_member_reader {
public:
    /// No members when `text` is no object.
    explicit json_member_reader(std::string_view text);
    bool next();
    std::string_view key() const { return key_; } ///< contents of the literal, without quotes, still escaped
    std::string_view value() const { return value_; }

private:
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string_view key_;
    std::string_view value_;
};

/// Reads the items of a canonical array one by one.
class json_item_reader {
public:
    /// No items when `text` is no array.
    explicit json_item_reader(std::string_view text);
    bool next();
    std::string_view value() const { return value_; }

private:
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string_view value_;
};

/// Number of bytes of the valid UTF-8 sequence at `p`, whose first byte is not ASCII; 0 when it is not valid.
int json_utf8_length(const char* p, const char* end);
void json_append_utf8(std::string& out, std::uint32_t code_point);
/// The escape that RFC 8785 demands for a control character, quote or backslash.
void json_append_escape(std::string& out, unsigned char c);
/// Formats as ECMAScript does; `buffer` has room for 32. The length written.
std::size_t json_format_number(char* buffer, double value);

} // namespace aivp::internal
