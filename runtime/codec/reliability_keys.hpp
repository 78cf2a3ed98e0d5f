// The keys `retry`, `rate_limit` and `breaker`, which skill files and the model of an agent file share. docs/reliability.md
// says what the policies do.
#pragma once

#include <cstdint>
#include <optional>

#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/gcra.hpp"
#include "aivp/reliability/retry.hpp"
#include "runtime/codec/reader.hpp"

namespace aivp {

/// Where a file says how long one attempt may take.
enum class attempt_time : std::uint8_t {
    in_retry, ///< `retry.attempt_timeout`
    beside,   ///< `timeout`, next to `retry`
};

struct reliability_policies {
    retry_policy retry{.max_attempts = 1}; ///< without the key: the call is not made again
    std::optional<rate_limit> rate;
    std::optional<breaker_policy> breaker;
};

/// Reads the three keys of the mapping; what comes back passes check() unless an error was reported. Errors: config.missing_key,
/// config.unknown_key, config.type, config.value, config.range.
reliability_policies read_reliability(mapping_reader& keys, attempt_time time);

} // namespace aivp
