#include "aivp/base/random.hpp"

#include <array>
#include <bit>
#include <limits>
#include <string>

#include "aivp/base/assert.hpp"
#include "aivp/base/hash.hpp"

namespace aivp {
namespace {

__extension__ using random_uint128 = unsigned __int128;

struct philox_product {
    std::uint32_t high;
    std::uint32_t low;
};

constexpr philox_product philox_multiply(std::uint32_t a, std::uint32_t b) {
    const std::uint64_t product = std::uint64_t{a} * b;
    return {static_cast<std::uint32_t>(product >> 32), static_cast<std::uint32_t>(product)};
}

void random_append_u64(std::string& out, std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift);
}

// Each name with its length before it, so that no two lists of names give the same bytes.
void random_append_name(std::string& out, std::string_view name) {
    random_append_u64(out, name.size());
    out += name;
}

// log2(1 + i / 2^log2_index_bits) as a fraction of 2^32, for every i including the upper end.
constexpr int log2_index_bits = 10;
constexpr int log2_fraction_bits = 32;

// One binary digit of the logarithm per squaring: log2(x^2) = 2 log2(x). `x` in [1, 2) with 62 fractional bits.
constexpr std::uint64_t log2_by_squaring(std::uint64_t x) {
    std::uint64_t digits = 0;
    for (int i = 0; i < log2_fraction_bits; ++i) {
        x = static_cast<std::uint64_t>(random_uint128{x} * x >> 62);
        digits <<= 1;
        if (x >= std::uint64_t{1} << 63) {
            digits |= 1;
            x >>= 1;
        }
    }
    return digits;
}

constexpr auto log2_table = [] {
    std::array<std::uint64_t, (1 << log2_index_bits) + 1> table{};
    for (std::uint64_t i = 0; i + 1 < table.size(); ++i)
        table[i] = log2_by_squaring((1ULL << 62) + (i << (62 - log2_index_bits)));
    table.back() = 1ULL << log2_fraction_bits;
    return table;
}();

// log2(x), x > 0, with 32 fractional bits: table and linear interpolation, error below 2e-7.
constexpr std::uint64_t fixed_log2(std::uint64_t x) {
    const int exponent = 63 - std::countl_zero(x);
    const std::uint64_t mantissa = x << (63 - exponent) << 1;
    const std::uint64_t index = mantissa >> (64 - log2_index_bits);
    const std::uint64_t within = mantissa << log2_index_bits >> 32;
    const std::uint64_t step = log2_table[index + 1] - log2_table[index];
    return (static_cast<std::uint64_t>(exponent) << log2_fraction_bits) + log2_table[index] + (step * within >> 32);
}

constexpr std::uint64_t ln2_fraction = 2'977'044'472; // ln 2 * 2^32

} // namespace

philox_block philox4x32_10(std::uint64_t counter_lo, std::uint64_t counter_hi, std::uint64_t key) {
    auto c0 = static_cast<std::uint32_t>(counter_lo);
    auto c1 = static_cast<std::uint32_t>(counter_lo >> 32);
    auto c2 = static_cast<std::uint32_t>(counter_hi);
    auto c3 = static_cast<std::uint32_t>(counter_hi >> 32);
    auto k0 = static_cast<std::uint32_t>(key);
    auto k1 = static_cast<std::uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const philox_product p0 = philox_multiply(0xD2511F53u, c0);
        const philox_product p1 = philox_multiply(0xCD9E8D57u, c2);
        c0 = p1.high ^ c1 ^ k0;
        c1 = p1.low;
        c2 = p0.high ^ c3 ^ k1;
        c3 = p0.low;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {c0 | std::uint64_t{c1} << 32, c2 | std::uint64_t{c3} << 32};
}

random_stream::random_stream(std::uint64_t seed, std::string_view component, std::string_view entity,
                             std::string_view purpose) {
    std::string names;
    names.reserve(32 + component.size() + entity.size() + purpose.size());
    random_append_u64(names, seed);
    random_append_name(names, component);
    random_append_name(names, entity);
    random_append_name(names, purpose);
    const digest d = sha256(names);
    for (std::size_t i = 0; i < 8; ++i) {
        key_ = key_ << 8 | d.bytes[i];
        lane_ = lane_ << 8 | d.bytes[i + 8];
    }
}

std::uint64_t random_stream::at(std::uint64_t ordinal) const { return philox4x32_10(ordinal, lane_, key_).lo; }

std::uint64_t random_stream::below(std::uint64_t bound) {
    AIVP_ASSERT(bound > 0, "there is no number below 0");
    random_uint128 product = random_uint128{next()} * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
        const std::uint64_t rejected_below = (0 - bound) % bound;
        while (static_cast<std::uint64_t>(product) < rejected_below) product = random_uint128{next()} * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
}

std::int64_t random_stream::between(std::int64_t low, std::int64_t high) {
    AIVP_ASSERT(low <= high, "an empty range has no numbers");
    const std::uint64_t width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    const std::uint64_t offset = width == 0 ? next() : below(width);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + offset);
}

duration random_stream::exponential(duration mean) {
    // Inversion: -ln(u) for u uniform in (0, 1]. The draw 0 stands for u = 1.
    const std::uint64_t draw = next();
    if (mean.us <= 0 || draw == 0) return {};
    const std::uint64_t minus_log2 = (std::uint64_t{64} << log2_fraction_bits) - fixed_log2(draw);
    const auto minus_ln = static_cast<std::uint64_t>(random_uint128{minus_log2} * ln2_fraction >> 32);
    const random_uint128 us = (random_uint128{minus_ln} * static_cast<std::uint64_t>(mean.us) + (1ULL << 31)) >> 32;
    constexpr auto longest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return {static_cast<std::int64_t>(us > longest ? longest : static_cast<std::uint64_t>(us))};
}

} // namespace aivp
