// Which model an agent uses and what its tokens cost.
#pragma once

#include <cstdint>
#include <string>

#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/kernel/model_call.hpp"
#include "aivp/reliability/circuit_breaker.hpp"
#include "aivp/reliability/gcra.hpp"
#include "aivp/reliability/retry.hpp"

namespace aivp {

/// Prices per token. All zero = unpriced.
struct model_price {
    usd_picos input;
    usd_picos output;
    usd_picos cached_input;
    friend bool operator==(const model_price&, const model_price&) = default;
};

/// Which model and how it is asked. `params` is a canonical object (temperature_milli, max_output_tokens, …), part of the key.
struct model_spec {
    std::string name;
    payload params;
    std::int64_t max_output_tokens = 4096;
    model_price price;
    retry_policy retry{.max_attempts = 1}; ///< what the file does not say is not asked again
    std::optional<rate_limit> rate;        ///< of all runs together
    std::optional<breaker_policy> breaker; ///< of all runs together
    friend bool operator==(const model_spec&, const model_spec&) = default;
};

/// usage x price, rounded up once, at the end, to a micro-USD. Cached tokens are part of the input: they are charged at
/// their own price instead of the input's, so `cached_input` = 0 in the price makes them free.
/// Errors: money.overflow; money.negative (a count or a price below zero); model.invalid_response (more cached tokens
/// than input tokens).
result<usd_micros> cost_of(const token_usage& usage, const model_price& price);

} // namespace aivp
