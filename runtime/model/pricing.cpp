#include "aivp/model/pricing.hpp"

#include <string>

namespace aivp {

namespace {
result<void> pricing_check_count(std::int64_t count, const char* what) {
    if (count >= 0) return {};
    return fail(errc::money_negative,
                "the provider reported " + std::to_string(count) + " " + what + " tokens, a negative count");
}
} // namespace

result<usd_micros> cost_of(const token_usage& usage, const model_price& price) {
    AIVP_CHECK(pricing_check_count(usage.input, "input"));
    AIVP_CHECK(pricing_check_count(usage.output, "output"));
    AIVP_CHECK(pricing_check_count(usage.cached_input, "cached input"));
    if (usage.cached_input > usage.input) {
        return fail(errc::model_invalid_response, "the provider reported " + std::to_string(usage.cached_input) +
                                                      " cached tokens of only " + std::to_string(usage.input) +
                                                      " input tokens");
    }
    AIVP_TRY(const usd_picos fresh, checked_mul(price.input, usage.input - usage.cached_input));
    AIVP_TRY(const usd_picos cached, checked_mul(price.cached_input, usage.cached_input));
    AIVP_TRY(const usd_picos output, checked_mul(price.output, usage.output));
    AIVP_TRY(const usd_picos input, checked_add(fresh, cached));
    AIVP_TRY(const usd_picos whole, checked_add(input, output));
    return to_micros_rounded_up(whole);
}

} // namespace aivp
