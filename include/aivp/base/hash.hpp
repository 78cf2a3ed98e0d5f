// SHA-256 (FIPS 180-4) and the digest chain that makes an input log both tamper-evident and comparable event by event.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

/// A SHA-256 value. All zero = "nothing hashed yet", the start of every chain.
struct digest {
    std::array<std::uint8_t, 32> bytes{};

    friend auto operator<=>(const digest&, const digest&) = default;
    explicit operator bool() const { return *this != digest{}; }
    /// First eight bytes, big endian: a key for tables, not a proof of anything.
    std::uint64_t prefix() const {
        std::uint64_t v = 0;
        for (int i = 0; i < 8; ++i) v = v << 8 | bytes[static_cast<std::size_t>(i)];
        return v;
    }
    std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

digest sha256(std::string_view bytes);
/// SHA-256(a || b) without building the sum.
digest sha256(std::string_view a, std::string_view b);
/// 64 lower-case hex digits.
std::string to_hex(const digest& d);
/// The first n hex digits, n <= 64.
std::string to_hex(const digest& d, std::size_t n);
/// Errors: data.hex.
result<digest> parse_digest(std::string_view hex64);

/// d_i = SHA-256(d_{i-1} || bytes_i), d_0 = 32 zero bytes.
class digest_chain {
public:
    digest_chain() = default;
    explicit digest_chain(const digest& head) : head_(head) {}
    const digest& append(std::string_view bytes) { return head_ = sha256(head_.view(), bytes); }
    const digest& head() const { return head_; }
    friend bool operator==(const digest_chain&, const digest_chain&) = default;

private:
    digest head_;
};

} // namespace aivp
