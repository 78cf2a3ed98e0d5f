// The number test of the authors of RFC 8785 (cyberphone/json-canonicalization, testdata/README.md): lines of
// "<bits in hex>,<ECMAScript text>" whose SHA-256 they publish for powers of ten. The values: 168 edge cases, 2,000 in a row
// from the smallest normal double, then those of a chain of SHA-256 blocks.
#include "aivp/base/payload.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <openssl/evp.h>

#include "aivp/base/hash.hpp"

using namespace aivp;

namespace {

// A third of powers of ten, as successive divisions by ten with rounding gave them.
constexpr std::array thirds{
    3.3333333333333335e+21, 3.333333333333333e+20,  3.3333333333333336e+19, 3.333333333333334e+18,
    3.333333333333334e+17,  3.333333333333334e+16,  3333333333333334.0,     333333333333333.4,
    33333333333333.344,     3333333333333.334,      333333333333.33344,     33333333333.33334,
    3333333333.333334,      333333333.3333334,      33333333.333333336,     3333333.3333333335,
    333333.3333333333,      33333.333333333336,     3333.333333333333,      333.3333333333333,
    33.333333333333336,     3.3333333333333335,     0.3333333333333333,     0.03333333333333333,
    0.0033333333333333335,  0.0003333333333333333,  3.3333333333333335e-05, 3.3333333333333333e-06,
    3.3333333333333335e-07, 3.3333333333333334e-08, 3.3333333333333334e-09, 3.333333333333333e-10,
    3.3333333333333335e-11, 3.333333333333333e-12,  3.3333333333333334e-13, 3.3333333333333334e-14,
    3.3333333333333332e-15, 3.333333333333333e-16,  3.3333333333333335e-17, 3.3333333333333333e-18,
    3.3333333333333334e-19, 3.333333333333333e-20,  3.3333333333333333e-21, 3.333333333333333e-22,
    3.3333333333333333e-23, 3.3333333333333334e-24, 3.3333333333333335e-25, 3.333333333333333e-26,
    3.333333333333333e-27,  3.3333333333333338e-28};

std::vector<double> edge_cases() {
    std::vector<double> values{0.0, -0.0, 5e-324, -5e-324};
    for (const double third : thirds) values.push_back(-third);
    for (const double third : thirds) values.push_back(third);
    for (const double v : {10.0, 5.0, 0.5, 0.05, 0.005, 0.0005, 5e-05, 5e-06, 5e-07, 5e-08, 5e-09}) values.push_back(v);
    // 5 and 6 with ever more zeros between them, until a double no longer sees the 6.
    for (const double v : {5.06e-06, 5.006e-06, 5.0006e-06, 5.00006e-06, 5.000006e-06, 5.0000006e-06, 5.00000006e-06,
                           5.000000006e-06, 5.0000000006e-06, 5.00000000006e-06, 5.000000000006e-06,
                           5.0000000000006e-06, 5.00000000000006e-06, 5.000000000000006e-06, 5.0000000000000006e-06})
        values.push_back(v);
    // Around 1 and 0.3, the smallest and largest normal numbers, 2^53, 2^68, and where the notation changes.
    for (const double v : {1.0,
                           -1.0,
                           -0.9999999999999993,
                           -0.9999999999999994,
                           0.9999999999999993,
                           0.9999999999999994,
                           0.9999999999999996,
                           0.9999999999999998,
                           -0.9999999999999999,
                           -0.9999999999999999,
                           0.9999999999999999,
                           0.9999999999999999,
                           0.29999999999999993,
                           0.3,
                           0.30000000000000004,
                           0x1p-1022,
                           0x0.ffffffffffffdp-1022,
                           0x0.fffffffffffffp-1022,
                           0x1.fffffffffffffp1023,
                           -0x1.fffffffffffffp1023,
                           0x1p53,
                           -0x1p53,
                           0x1p68,
                           9.999999999999997e+22,
                           1e+23,
                           1.0000000000000001e+23,
                           9.999999999999997e+20,
                           9.999999999999999e+20,
                           1e+21,
                           9.999999999999997e-07,
                           1e-06,
                           333333333.3333332,
                           333333333.33333325,
                           333333333.3333333,
                           333333333.3333334,
                           333333333.33333343,
                           -3.3333333333333333e-06,
                           1424953923781206.2})
        values.push_back(v);
    return values;
}

class number_source {
public:
    double next() {
        const std::size_t i = index_++;
        if (i < edges_.size()) return edges_[i];
        if (i < edges_.size() + 2000) return std::bit_cast<double>(0x0010'0000'0000'0000 + (i - edges_.size()));
        for (;;) {
            if (used_ == 4) {
                block_ = sha256(block_.view());
                used_ = 0;
            }
            std::uint64_t bits = 0;
            for (std::size_t byte = 8; byte-- > 0;) bits = bits << 8 | block_.bytes[used_ * 8 + byte];
            ++used_;
            const double value = std::bit_cast<double>(bits);
            if (value != 0 && std::isfinite(value)) return value;
        }
    }
    std::size_t edge_count() const { return edges_.size(); }

private:
    std::vector<double> edges_ = edge_cases();
    std::size_t index_ = 0;
    digest block_;
    std::size_t used_ = 4;
};

// SHA-256 of a text that arrives in pieces; the base module has no need for one.
class running_hash {
public:
    running_hash() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
        EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
    }
    void add(std::string_view text) { EVP_DigestUpdate(context_.get(), text.data(), text.size()); }
    std::string hex_so_far() const {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> copy(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        EVP_MD_CTX_copy_ex(copy.get(), context_.get());
        digest d;
        EVP_DigestFinal_ex(copy.get(), d.bytes.data(), nullptr);
        return to_hex(d);
    }

private:
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

const std::map<std::size_t, std::string> published{
    {1'000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"},
    {10'000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"},
    {100'000, "22776e6d4b49fa294a0d0f349268e5c28808fe7e0cb2bcbe28f63894e494d4c7"},
    {1'000'000, "49415fee2c56c77864931bd3624faad425c3c577d6d74e89a83bc725506dad16"},
    {10'000'000, "b9f8a44a91d46813b21b9602e72f112613c91408db0b8341fb94603d9db135e0"},
};

std::size_t wanted_lines() {
    const char* const text = std::getenv("AIVP_NUMBER_LINES");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 10'000'000;
}

} // namespace

BOOST_AUTO_TEST_SUITE(numbers)

BOOST_AUTO_TEST_CASE(generated_numbers_have_the_published_texts) {
    number_source source;
    BOOST_TEST_REQUIRE(source.edge_count() == 168u);
    const std::size_t lines = wanted_lines();
    BOOST_TEST_REQUIRE(published.contains(lines), "AIVP_NUMBER_LINES must be 1000, 10000, ... 10000000");
    running_hash hash;
    std::string block;
    for (std::size_t i = 1; i <= lines; ++i) {
        const double value = source.next();
        char hex[16];
        block.append(hex, std::to_chars(hex, hex + sizeof hex, std::bit_cast<std::uint64_t>(value), 16).ptr);
        block += ',';
        append_number(block, value);
        block += '\n';
        const auto checkpoint = published.find(i);
        if (block.size() < 60'000 && checkpoint == published.end()) continue;
        hash.add(block);
        block.clear();
        if (checkpoint != published.end())
            BOOST_TEST(hash.hex_so_far() == checkpoint->second, "the first " << i << " numbers differ");
    }
    std::cout << lines << " generated numbers compared with the published checksums" << std::endl;
}

BOOST_AUTO_TEST_CASE(generated_numbers_read_back_as_themselves) {
    number_source source;
    for (int i = 0; i < 50'000; ++i) {
        const double value = source.next();
        std::string text;
        append_number(text, value);
        const auto read = payload::parse(text);
        BOOST_TEST_REQUIRE(read.has_value());
        BOOST_TEST_REQUIRE(read->text() == text);
        BOOST_TEST_REQUIRE(std::strtod(text.c_str(), nullptr) == value);
    }
}

BOOST_AUTO_TEST_SUITE_END()
