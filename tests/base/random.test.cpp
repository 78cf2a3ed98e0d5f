#include "aivp/base/random.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/base/hash.hpp"
#include "tests/base/dies.hpp"

using namespace aivp;

BOOST_AUTO_TEST_SUITE(random_streams)

// The known answers for philox4x32 with 10 rounds that the authors publish with Random123.
BOOST_AUTO_TEST_CASE(philox_gives_the_published_answers) {
    constexpr std::uint64_t ones = ~std::uint64_t{0};
    BOOST_TEST((philox4x32_10(0, 0, 0) == philox_block{0xe169c58d6627e8d5, 0x9b00dbd8bc57ac4c}));
    BOOST_TEST((philox4x32_10(ones, ones, ones) == philox_block{0x41c83b0e408f276d, 0x6d5451fda20bc7c6}));
    BOOST_TEST((philox4x32_10(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822) ==
                philox_block{0x94fdccebd16cfe09, 0x24126ea15001e420}));
}

BOOST_AUTO_TEST_CASE(a_draw_depends_on_its_ordinal_only) {
    const random_stream original(7, "retry", "run-1", "jitter");
    random_stream stream = original;
    std::vector<std::uint64_t> drawn;
    for (int i = 0; i < 10; ++i) drawn.push_back(stream.next());
    BOOST_TEST(stream.ordinal() == 10u);
    for (std::size_t i = 10; i-- > 0;) BOOST_TEST(original.at(i) == drawn[i]);
    BOOST_TEST((original == random_stream(7, "retry", "run-1", "jitter")));
    BOOST_TEST(!(original == stream));
}

BOOST_AUTO_TEST_CASE(every_part_of_the_key_and_the_borders_between_them_count) {
    const std::array streams{
        random_stream(1, "a", "b", "c"), random_stream(2, "a", "b", "c"), random_stream(1, "x", "b", "c"),
        random_stream(1, "a", "x", "c"), random_stream(1, "a", "b", "x"), random_stream(1, "ab", "", "c"),
        random_stream(1, "", "ab", "c"), random_stream(1, "a", "bc", ""), random_stream(1, "abc", "", ""),
        random_stream(1, "", "", ""),
    };
    for (std::size_t i = 0; i < streams.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) BOOST_TEST(streams[i].at(0) != streams[j].at(0));
    }
}

BOOST_AUTO_TEST_CASE(every_build_draws_the_same_ten_thousand_values) {
    random_stream stream(20260301, "golden", "entity", "purpose");
    std::string text;
    for (int i = 0; i < 2500; ++i) {
        text += std::to_string(stream.next()) + ',';
        text += std::to_string(stream.below(static_cast<std::uint64_t>(i) * 7919 + 3)) + ',';
        text += std::to_string(stream.between(-i, i)) + ',';
        text += std::to_string(stream.exponential(milliseconds(i)).us) + '\n';
    }
    BOOST_TEST(to_hex(sha256(text)) == "66e587e5eb389fb9a5d33548330523b4b0f28ec48bfc1b903c5e74f417ee9787");
}

BOOST_AUTO_TEST_CASE(below_is_uniform) {
    // Chi-square with 9 degrees of freedom; the stream is fixed, so the value is too: the bound is the 99.9 % quantile.
    random_stream stream(3, "test", "below", "uniform");
    std::array<int, 10> count{};
    constexpr int draws = 100'000;
    for (int i = 0; i < draws; ++i) ++count[stream.below(10)];
    double chi_square = 0;
    for (const int c : count) chi_square += (c - draws / 10.0) * (c - draws / 10.0) / (draws / 10.0);
    BOOST_TEST(chi_square < 27.88);
    BOOST_TEST(chi_square > 1.15);
}

BOOST_AUTO_TEST_CASE(below_rejects_what_would_favour_small_values) {
    // Two thirds of 2^64: without rejection the lower half would come up twice as often as the upper.
    constexpr std::uint64_t bound = 0xAAAA'AAAA'AAAA'AAABULL;
    random_stream stream(4, "test", "below", "rejection");
    constexpr int draws = 30'000;
    int lower = 0;
    for (int i = 0; i < draws; ++i) lower += stream.below(bound) < bound / 2 ? 1 : 0;
    BOOST_TEST(std::abs(lower - draws / 2) < 400);
    BOOST_TEST(stream.ordinal() > static_cast<std::uint64_t>(draws) * 14 / 10);
}

BOOST_AUTO_TEST_CASE(the_borders_of_a_range_belong_to_it) {
    random_stream stream(5, "test", "between", "borders");
    bool low = false;
    bool high = false;
    for (int i = 0; i < 100; ++i) {
        const std::int64_t n = stream.between(-1, 1);
        BOOST_TEST_REQUIRE((n >= -1 && n <= 1));
        low = low || n == -1;
        high = high || n == 1;
    }
    BOOST_TEST((low && high));
    BOOST_TEST(stream.between(42, 42) == 42);
    BOOST_TEST(stream.below(1) == 0u);
    constexpr std::int64_t smallest = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
    BOOST_TEST(stream.between(smallest, largest) != stream.between(smallest, largest));
    BOOST_TEST(stream.between(largest, largest) == largest);
}

BOOST_AUTO_TEST_CASE(chance_has_its_limits) {
    random_stream stream(6, "test", "chance", "limits");
    int hits = 0;
    for (int i = 0; i < 10'000; ++i) {
        BOOST_TEST_REQUIRE(!stream.chance(0, 7));
        BOOST_TEST_REQUIRE(stream.chance(7, 7));
        hits += stream.chance(1, 4) ? 1 : 0;
    }
    BOOST_TEST(std::abs(hits - 2500) < 150);
}

BOOST_AUTO_TEST_CASE(exponential_has_the_mean_and_the_tail_that_it_should) {
    random_stream stream(8, "test", "exponential", "moments");
    constexpr int draws = 200'000;
    constexpr double mean = 1e6;
    double sum = 0;
    double squares = 0;
    int above_mean = 0;
    int above_three = 0;
    for (int i = 0; i < draws; ++i) {
        const auto us = static_cast<double>(stream.exponential(seconds(1)).us);
        BOOST_TEST_REQUIRE(us >= 0);
        sum += us;
        squares += us * us;
        above_mean += us > mean ? 1 : 0;
        above_three += us > 3 * mean ? 1 : 0;
    }
    // Four standard errors each.
    BOOST_TEST(std::abs(sum / draws - mean) < 4 * mean / std::sqrt(draws));
    BOOST_TEST(std::abs(squares / draws - 2 * mean * mean) < 4 * mean * mean * std::sqrt(20.0 / draws));
    BOOST_TEST(std::abs(above_mean / double(draws) - std::exp(-1)) < 4 * std::sqrt(0.24 / draws));
    BOOST_TEST(std::abs(above_three / double(draws) - std::exp(-3)) < 4 * std::sqrt(0.05 / draws));
}

BOOST_AUTO_TEST_CASE(exponential_is_the_logarithm_of_the_draw) {
    const random_stream stream(9, "test", "exponential", "logarithm");
    constexpr double mean = 1e9;
    for (std::uint64_t i = 0; i < 2000; ++i) {
        random_stream once = stream;
        for (std::uint64_t skip = 0; skip < i; ++skip) once.next();
        const double exact = -std::log(static_cast<double>(stream.at(i)) / 0x1p64) * mean;
        // The table of logarithms is good to 2e-7, which is 140 us of this mean, plus rounding.
        BOOST_TEST_REQUIRE(std::abs(static_cast<double>(once.exponential(seconds(1000)).us) - exact) < 200);
    }
}

BOOST_AUTO_TEST_CASE(exponential_stays_in_range_for_any_mean) {
    random_stream stream(10, "test", "exponential", "range");
    bool saturated = false;
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST_REQUIRE(stream.exponential(duration{}).us == 0);
        BOOST_TEST_REQUIRE(stream.exponential(duration{-5}).us == 0);
        const duration d = stream.exponential(duration{std::numeric_limits<std::int64_t>::max()});
        BOOST_TEST_REQUIRE(d.us >= 0);
        saturated = saturated || d.us == std::numeric_limits<std::int64_t>::max();
    }
    BOOST_TEST(saturated);
    BOOST_TEST(stream.ordinal() == 300u);
}

BOOST_AUTO_TEST_CASE(empty_ranges_are_programmer_errors) {
    BOOST_TEST(base_test::dies([] { random_stream(1, "", "", "").below(0); }).aborted);
    BOOST_TEST(base_test::dies([] { random_stream(1, "", "", "").between(2, 1); }).aborted);
}

BOOST_AUTO_TEST_SUITE_END()
