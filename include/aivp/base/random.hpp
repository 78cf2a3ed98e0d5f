// Keyed, counter-based random streams. A draw is a pure function of (seed, component, entity, purpose, ordinal): a new
// draw in one place never shifts the draws of another. Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011); the key comes from the names. Distributions use integers only, so that every compiler
// and library gives the same values.
#pragma once

#include <cstdint>
#include <string_view>

#include "aivp/base/time.hpp"

namespace aivp {

/// Philox4x32-10 block: 128-bit counter, 64-bit key, 128-bit result in two words.
struct philox_block {
    std::uint64_t lo = 0;
    std::uint64_t hi = 0;
    friend bool operator==(const philox_block&, const philox_block&) = default;
};
philox_block philox4x32_10(std::uint64_t counter_lo, std::uint64_t counter_hi, std::uint64_t key);

/// A stream of draws. A value: copying it forks the stream. Not for cryptography.
class random_stream {
public:
    /// Names are hashed, not compared: ("a","bc") and ("ab","c") give different streams.
    random_stream(std::uint64_t seed, std::string_view component, std::string_view entity, std::string_view purpose);

    /// The n-th draw of this stream, whatever was drawn before.
    std::uint64_t at(std::uint64_t ordinal) const;
    std::uint64_t next() { return at(ordinal_++); }
    std::uint64_t ordinal() const { return ordinal_; }

    /// Uniform in [0, bound), bound > 0; unbiased (Lemire's multiplication with rejection).
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [low, high], low <= high.
    std::int64_t between(std::int64_t low, std::int64_t high);
    /// True `numerator` times in `denominator`; denominator > 0.
    bool chance(std::uint64_t numerator, std::uint64_t denominator) { return below(denominator) < numerator; }
    /// Exponentially distributed with the given mean, in whole microseconds, from a fixed-point logarithm.
    duration exponential(duration mean);

    friend bool operator==(const random_stream&, const random_stream&) = default;

private:
    std::uint64_t key_ = 0;
    std::uint64_t lane_ = 0;
    std::uint64_t ordinal_ = 0;
};

} // namespace aivp
