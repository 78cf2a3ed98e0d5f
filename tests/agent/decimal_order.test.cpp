#include "runtime/agent/internal/decimal_order.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using aivp::internal::compare_decimals;

namespace {

int sign(int value) { return value < 0 ? -1 : value > 0; }

// mantissa x 10^exponent, spelled in one of many ways.
std::string spelled(std::int64_t mantissa, int exponent) {
    const std::string minus = mantissa < 0 ? "-" : "";
    std::string digits = std::to_string(mantissa < 0 ? -mantissa : mantissa);
    const int shift = *rc::gen::inRange(0, 5);
    switch (*rc::gen::inRange(0, 3)) {
    case 0: return minus + digits + "e" + std::to_string(exponent);
    case 1:
        if (mantissa == 0) return "0E+" + std::to_string(shift);
        return minus + digits + std::string(static_cast<std::size_t>(shift), '0') + "E" +
               std::to_string(exponent - shift);
    default: {
        digits.insert(0, static_cast<std::size_t>(shift) + 1, '0');
        const std::string whole = digits.substr(0, digits.size() - static_cast<std::size_t>(shift));
        const std::size_t first = std::min(whole.find_first_not_of('0'), whole.size() - 1);
        const std::string fraction = digits.substr(whole.size());
        return minus + whole.substr(first) + (fraction.empty() ? "" : "." + fraction + "0") + "e" +
               std::to_string(exponent + shift);
    }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(order_of_decimals)

BOOST_AUTO_TEST_CASE(an_ascending_list_compares_as_it_stands) {
    const std::vector<std::string> ascending{"-1e+300",
                                             "-9007199254740993",
                                             "-9007199254740992",
                                             "-10",
                                             "-9.5",
                                             "-9",
                                             "-1e-7",
                                             "0",
                                             "5e-324",
                                             "1e-27",
                                             "0.000001",
                                             "0.09",
                                             "0.1",
                                             "0.10000001",
                                             "1",
                                             "9",
                                             "9.5",
                                             "10",
                                             "10.5",
                                             "100",
                                             "333333333.3333333",
                                             "9007199254740992",
                                             "9007199254740993",
                                             "9007199254740994",
                                             "1e+21",
                                             "1000000000000000000000000000001",
                                             "1e+300",
                                             "1" + std::string(400, '0')};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            BOOST_TEST(sign(compare_decimals(ascending[i], ascending[j])) == (i < j   ? -1
                                                                              : i > j ? 1
                                                                                      : 0),
                       ascending[i] << " and " << ascending[j]);
        }
    }
}

BOOST_AUTO_TEST_CASE(equal_numbers_with_different_spellings_are_equal) {
    const std::vector<std::vector<std::string>> groups{
        {"0", "-0", "0.0", "0e5", "-0.000e-9"},
        {"1e+30", "1000000000000000000000000000000", "1.0e30", "10E29"},
        {"0.5", "5e-1", "0.50", "0.0005e3"},
        {"-120", "-1.2e2", "-120.0", "-1200e-1"},
    };
    for (const auto& group : groups) {
        for (const auto& left : group) {
            for (const auto& right : group) BOOST_TEST(compare_decimals(left, right) == 0, left << " and " << right);
        }
    }
}

BOOST_AUTO_TEST_CASE(absurd_exponents_are_bounded) {
    BOOST_TEST(compare_decimals("1e99999999999999999999999", "1e2") > 0);
    BOOST_TEST(compare_decimals("1e-99999999999999999999999", "1e-300") < 0);
    BOOST_TEST(compare_decimals("0e99999999999999999999999", "0") == 0);
}

RC_BOOST_PROP(the_order_is_that_of_exact_arithmetic, ()) {
    const auto any_mantissa = rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-200, 200),
                                             rc::gen::inRange<std::int64_t>(-1'000'000'000, 1'000'000'000));
    const std::int64_t left = *any_mantissa;
    const std::int64_t right = *any_mantissa;
    const int left_exponent = *rc::gen::inRange(-8, 9);
    const int right_exponent = *rc::gen::inRange(-8, 9);
    const auto scaled = [](std::int64_t mantissa, int exponent) {
        __int128 value = mantissa;
        for (int i = -8; i < exponent; ++i) value *= 10;
        return value;
    };
    const __int128 l = scaled(left, left_exponent);
    const __int128 r = scaled(right, right_exponent);
    const std::string l_text = spelled(left, left_exponent);
    const std::string r_text = spelled(right, right_exponent);
    RC_LOG() << l_text << " and " << r_text;
    RC_ASSERT(sign(compare_decimals(l_text, r_text)) == (l < r ? -1 : l > r ? 1 : 0));
}

BOOST_AUTO_TEST_SUITE_END()
