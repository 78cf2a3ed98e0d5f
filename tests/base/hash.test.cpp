#include "aivp/base/hash.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(hashes)

BOOST_AUTO_TEST_CASE(sha256_gives_the_values_of_fips_180) {
    BOOST_TEST(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    BOOST_TEST(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    BOOST_TEST(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
               "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    BOOST_TEST(to_hex(sha256(std::string(1'000'000, 'a'))) ==
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

BOOST_AUTO_TEST_CASE(two_parts_hash_like_their_sum) {
    const std::string text(200, 'x');
    for (const std::size_t cut : {0u, 1u, 31u, 55u, 56u, 63u, 64u, 65u, 128u, 199u, 200u})
        BOOST_TEST((sha256(std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)) == sha256(text)));
}

BOOST_AUTO_TEST_CASE(a_chain_of_events_gives_the_published_digests) {
    digest_chain chain;
    chain.append(R"({"at":0,"body":{"kind":"run_started"},"seq":1,"source":"host"})");
    BOOST_TEST(to_hex(chain.head()) == "974436007c42c6d849861541446095823435ad78588aa729331b540086e40bb1");
    chain.append(R"({"at":1840000,"body":{"kind":"model_call"},"seq":2,"source":"engine"})");
    BOOST_TEST(to_hex(chain.head()) == "cc37f2ebd710e74d8d035ade361daea420288bab4e3619e586e623e73b94ae8b");
    BOOST_TEST((digest_chain(chain.head()) == chain));
}

BOOST_AUTO_TEST_CASE(a_chain_of_message_hashes_gives_the_published_digests) {
    digest_chain chain;
    chain.append(sha256(R"({"content":"add 1 and 2","role":"user"})").view());
    BOOST_TEST(to_hex(chain.head()) == "017dfb534c33f8b044ac018429659cdc50202a761c1ffb06e30f3b66d47c3331");
    chain.append(sha256(R"({"calls":[{"args":{"a":1,"b":2},"id":"call#0","name":"add"}],"role":"assistant"})").view());
    BOOST_TEST(to_hex(chain.head()) == "f2368ca445ac4bbe3a98a2442e7ba3e78fa303a60e18667710888d2e57bee157");
    chain.append(sha256(R"({"call":"call#0","content":"3","role":"tool"})").view());
    BOOST_TEST(to_hex(chain.head()) == "5f8d61b9b09d892f412a30bd74370dc6b494b42b6ece01a3f6aae3ae33369f72");
}

BOOST_AUTO_TEST_CASE(digests_print_and_read_back) {
    const digest d = sha256("abc");
    BOOST_TEST(to_hex(d, 8) == "ba7816bf");
    BOOST_TEST(to_hex(d, 0) == "");
    BOOST_TEST(to_hex(d, 64) == to_hex(d));
    BOOST_TEST((parse_digest(to_hex(d)).value() == d));
    BOOST_TEST((parse_digest("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD").value() == d));
    BOOST_TEST(d.prefix() == 0xba7816bf8f01cfeaULL);
    BOOST_TEST(static_cast<bool>(d));
    BOOST_TEST(!static_cast<bool>(digest{}));
}

BOOST_AUTO_TEST_CASE(what_is_no_digest_is_refused) {
    const std::string good = to_hex(sha256("abc"));
    for (const std::string& bad : {std::string(), good.substr(1), good + "0", "g" + good.substr(1),
                                   good.substr(1) + "\n", " " + good.substr(1)}) {
        const auto parsed = parse_digest(bad);
        BOOST_TEST_REQUIRE(!parsed.has_value());
        BOOST_TEST((parsed.error().code == errc::data_hex));
        BOOST_TEST(!parsed.error().message.empty());
    }
    BOOST_TEST(parse_digest("g" + good.substr(1)).error().message ==
               "character 1 of the digest is no hexadecimal digit");
}

BOOST_AUTO_TEST_SUITE_END()
