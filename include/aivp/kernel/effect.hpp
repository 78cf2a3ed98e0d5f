// Words that describe effects: what they do to the world, how they ended, and what names one of them.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

#include "aivp/base/hash.hpp"

namespace aivp {

/// What happens to the world when a skill runs.
enum class effect_class : std::uint8_t {
    none,  ///< computes only
    read,  ///< looks at the world
    write, ///< changes the world
};
constexpr const char* to_string(effect_class e) {
    return e == effect_class::none ? "none" : e == effect_class::read ? "read" : "write";
}

/// What a far side knows one effect by: 128 bits, so that two effects of all the runs there will ever be do not share one,
/// and half the bytes of a digest to record. All zero = none.
struct effect_key {
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(const effect_key&, const effect_key&) = default;
    explicit operator bool() const { return *this != effect_key{}; }
    /// First eight bytes, big endian: a key for tables.
    std::uint64_t prefix() const {
        std::uint64_t v = 0;
        for (std::size_t i = 0; i < 8; ++i) v = v << 8 | bytes[i];
        return v;
    }
};

/// The first half of the digest.
inline effect_key effect_key_of(const digest& d) {
    effect_key k;
    std::memcpy(k.bytes.data(), d.bytes.data(), k.bytes.size());
    return k;
}
/// 32 lower-case hex digits.
std::string to_hex(const effect_key& key);
/// Errors: data.hex.
result<effect_key> parse_effect_key(std::string_view hex32);

/// How an effect ended. `unknown` = it may have happened.
enum class effect_outcome : std::uint8_t { ok, failed, unknown };
constexpr const char* to_string(effect_outcome o) {
    return o == effect_outcome::ok ? "ok" : o == effect_outcome::failed ? "failed" : "unknown";
}

} // namespace aivp
