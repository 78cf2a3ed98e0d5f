#include "aivp/model/pricing.hpp"

#include <limits>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

// 3, 15 and 0.30 USD per million tokens.
constexpr model_price sample_price{{3'000'000}, {15'000'000}, {300'000}};

constexpr std::int64_t int_max = std::numeric_limits<std::int64_t>::max();

errc code_of(const token_usage& usage, const model_price& price) {
    const auto cost = cost_of(usage, price);
    return cost ? errc::ok : cost.error().code;
}

rc::Gen<token_usage> any_usage() {
    return rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 2'000'000),
                                       rc::gen::inRange<std::int64_t>(0, 2'000'000),
                                       rc::gen::inRange<std::int64_t>(0, 1001)),
                        [](const auto& t) {
                            const auto [input, output, cached_per_mille] = t;
                            return token_usage{input, output, input * cached_per_mille / 1000, true};
                        });
}

} // namespace

BOOST_AUTO_TEST_SUITE(pricing)

BOOST_AUTO_TEST_CASE(a_million_tokens_cost_the_list_price) {
    BOOST_TEST(cost_of({1'000'000, 0, 0, true}, sample_price)->value == 3'000'000);
    BOOST_TEST(cost_of({0, 1'000'000, 0, true}, sample_price)->value == 15'000'000);
    BOOST_TEST(cost_of({1'000'000, 0, 1'000'000, true}, sample_price)->value == 300'000);
}

BOOST_AUTO_TEST_CASE(cached_tokens_are_part_of_the_input_and_are_not_charged_twice) {
    BOOST_TEST(cost_of({1'000, 0, 400, true}, sample_price)->value == 600 * 3 + 120);
}

BOOST_AUTO_TEST_CASE(the_sum_is_rounded_up_once) {
    const model_price tiny{{1}, {1}, {1}};
    BOOST_TEST(cost_of({1, 0, 0, true}, tiny)->value == 1);
    BOOST_TEST(cost_of({1, 1, 1, true}, tiny)->value == 1);
    BOOST_TEST(cost_of({1'000'000, 0, 0, true}, tiny)->value == 1);
    BOOST_TEST(cost_of({1'000'000, 1, 0, true}, tiny)->value == 2);
    BOOST_TEST(cost_of({0, 0, 0, true}, sample_price)->value == 0);
    BOOST_TEST(cost_of({5, 5, 5, true}, model_price{})->value == 0);
}

BOOST_AUTO_TEST_CASE(nonsense_from_a_provider_has_a_code) {
    BOOST_CHECK(code_of({-1, 0, 0, true}, sample_price) == errc::money_negative);
    BOOST_CHECK(code_of({0, -1, 0, true}, sample_price) == errc::money_negative);
    BOOST_CHECK(code_of({0, 0, -1, true}, sample_price) == errc::money_negative);
    BOOST_CHECK(code_of({10, 0, 11, true}, sample_price) == errc::model_invalid_response);
    BOOST_CHECK(code_of({1, 0, 0, true}, {{-1}, {0}, {0}}) == errc::money_negative);
    BOOST_CHECK(code_of({int_max, 0, 0, true}, sample_price) == errc::money_overflow);
    BOOST_CHECK(code_of({int_max, int_max, 0, true}, {{1}, {1}, {1}}) == errc::money_overflow);
    BOOST_CHECK(code_of({int_max, 0, 0, true}, {{1}, {1}, {1}}) == errc::ok);
}

RC_BOOST_PROP(the_cost_is_the_exact_sum_rounded_up, ()) {
    const auto usage = *any_usage();
    const __int128 picos = static_cast<__int128>(usage.input - usage.cached_input) * sample_price.input.value +
                           static_cast<__int128>(usage.cached_input) * sample_price.cached_input.value +
                           static_cast<__int128>(usage.output) * sample_price.output.value;
    const auto cost = cost_of(usage, sample_price);
    RC_ASSERT(cost.has_value());
    RC_ASSERT(static_cast<__int128>(cost->value) * 1'000'000 >= picos);
    RC_ASSERT((static_cast<__int128>(cost->value) - 1) * 1'000'000 < picos);
}

RC_BOOST_PROP(billing_two_turns_apart_never_costs_less_than_together, ()) {
    const auto one = *any_usage();
    const auto two = *any_usage();
    const token_usage both{one.input + two.input, one.output + two.output, one.cached_input + two.cached_input, true};
    const auto apart = cost_of(one, sample_price)->value + cost_of(two, sample_price)->value;
    const auto together = cost_of(both, sample_price)->value;
    RC_ASSERT(apart >= together);
    RC_ASSERT(apart <= together + 1);
}

BOOST_AUTO_TEST_SUITE_END()
