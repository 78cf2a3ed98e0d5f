#include "aivp/base/money.hpp"

#include <limits>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
} // namespace

BOOST_AUTO_TEST_SUITE(money)

BOOST_AUTO_TEST_CASE(amounts_print_at_least_two_decimals) {
    const std::pair<std::int64_t, const char*> cases[] = {
        {22'700, "$0.0227"},
        {12'000'000, "$12.00"},
        {1, "$0.000001"},
        {0, "$0.00"},
        {-1'500'000, "-$1.50"},
        {1'230'000, "$1.23"},
        {1'234'560, "$1.23456"},
        {-1, "-$0.000001"},
        {largest, "$9223372036854.775807"},
        {smallest, "-$9223372036854.775808"},
    };
    for (const auto& [micros, text] : cases) BOOST_TEST(to_string(usd_micros{micros}) == text);
}

BOOST_AUTO_TEST_CASE(amounts_are_read_in_the_documented_forms) {
    const std::pair<const char*, std::int64_t> cases[] = {
        {"0.05", 50'000},   {"$0.05", 50'000}, {"12", 12'000'000},    {"0.05 USD", 50'000},
        {"0", 0},           {"0.000001", 1},   {"$12.3", 12'300'000}, {"9223372036854.775807", largest},
        {"007", 7'000'000},
    };
    for (const auto& [text, micros] : cases) BOOST_TEST(parse_usd(text).value().value == micros, text);
}

BOOST_AUTO_TEST_CASE(other_forms_are_refused_with_the_reason) {
    const std::pair<const char*, errc> cases[] = {
        {"", errc::money_syntax},
        {"$", errc::money_syntax},
        {".5", errc::money_syntax},
        {"5.", errc::money_syntax},
        {"1,000", errc::money_syntax},
        {"1e3", errc::money_syntax},
        {"0.0000001", errc::money_syntax},
        {"0.05 EUR", errc::money_syntax},
        {"$0.05 USD", errc::money_syntax},
        {" 1", errc::money_syntax},
        {"1 ", errc::money_syntax},
        {"five", errc::money_syntax},
        {"-1", errc::money_range},
        {"-$1.50", errc::money_range},
        {"9223372036854.775808", errc::money_range},
        {"9223372036855", errc::money_range},
        {"99999999999999999999", errc::money_range},
        {"9223372036854775808.0", errc::money_range},
    };
    for (const auto& [text, code] : cases) {
        BOOST_TEST_CONTEXT(text) {
            const auto parsed = parse_usd(text);
            BOOST_TEST_REQUIRE(!parsed.has_value());
            BOOST_TEST((parsed.error().code == code));
            BOOST_TEST(parsed.error().message.starts_with("\"" + std::string(text) + "\""));
        }
    }
}

BOOST_AUTO_TEST_CASE(sums_that_do_not_fit_are_errors) {
    BOOST_TEST(checked_add(usd_micros{1}, usd_micros{2}).value().value == 3);
    BOOST_TEST(checked_sub(usd_micros{1}, usd_micros{2}).value().value == -1);
    BOOST_TEST((checked_add(usd_micros{largest}, usd_micros{1}).error().code == errc::money_overflow));
    BOOST_TEST((checked_sub(usd_micros{smallest}, usd_micros{1}).error().code == errc::money_overflow));
    BOOST_TEST(checked_add(usd_picos{1}, usd_picos{2}).value().value == 3);
    BOOST_TEST((checked_add(usd_picos{largest}, usd_picos{1}).error().code == errc::money_overflow));
}

BOOST_AUTO_TEST_CASE(a_million_tokens_at_three_dollars_a_million_cost_three_dollars) {
    const usd_picos price{3'000'000};
    BOOST_TEST(to_string(to_micros_rounded_up(checked_mul(price, 1'000'000).value())) == "$3.00");
    BOOST_TEST(to_string(to_micros_rounded_up(checked_mul(price, 1).value())) == "$0.000003");
}

BOOST_AUTO_TEST_CASE(products_refuse_negative_and_absurd_factors) {
    BOOST_TEST((checked_mul(usd_picos{-1}, 1).error().code == errc::money_negative));
    BOOST_TEST((checked_mul(usd_picos{1}, -1).error().code == errc::money_negative));
    BOOST_TEST((checked_mul(usd_picos{largest}, 2).error().code == errc::money_overflow));
    BOOST_TEST(checked_mul(usd_picos{0}, largest).value().value == 0);
}

BOOST_AUTO_TEST_CASE(a_bill_never_shows_less_than_what_was_used) {
    const std::pair<std::int64_t, std::int64_t> cases[] = {{0, 0},         {1, 1},  {999'999, 1},    {1'000'000, 1},
                                                           {1'000'001, 2}, {-1, 0}, {-1'000'001, -1}};
    for (const auto& [picos, micros] : cases) BOOST_TEST(to_micros_rounded_up(usd_picos{picos}).value == micros, picos);
    BOOST_TEST(to_micros_rounded_up(usd_picos{largest}).value == 9'223'372'036'855);
}

BOOST_AUTO_TEST_SUITE_END()
