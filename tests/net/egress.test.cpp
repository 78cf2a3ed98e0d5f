#include "runtime/net/egress.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

BOOST_AUTO_TEST_SUITE(egress)

BOOST_AUTO_TEST_CASE(addresses_that_are_not_public_are_known_in_every_spelling) {
    for (const char* text : {
             "0.0.0.0",
             "0.1.2.3",
             "10.0.0.1",
             "10.255.255.255",
             "100.64.0.0",
             "100.100.100.200",
             "100.127.255.255",
             "127.0.0.1",
             "127.255.255.254",
             "168.63.129.16",
             "169.254.0.1",
             "169.254.169.254",
             "172.16.0.1",
             "172.31.255.255",
             "192.0.0.1",
             "192.0.2.1",
             "192.88.99.1",
             "192.168.0.1",
             "192.168.255.255",
             "198.18.0.1",
             "198.19.255.255",
             "198.51.100.1",
             "203.0.113.9",
             "224.0.0.1",
             "239.255.255.255",
             "240.0.0.1",
             "255.255.255.255",
             "::",
             "::1",
             "::127.0.0.1",
             "::10.0.0.1",
             "::ffff:127.0.0.1",
             "::ffff:7f00:1",
             "::ffff:10.1.2.3",
             "::ffff:169.254.169.254",
             "::ffff:0:0",
             "64:ff9b::7f00:1",
             "64:ff9b::10.0.0.1",
             "64:ff9b::169.254.169.254",
             "64:ff9b:1::1",
             "2002:7f00:1::",
             "2002:a00:1::1",
             "2002:a9fe:a9fe::",
             "2002:c0a8:101::1",
             "2001::1",
             "2001:0:53aa:64c::1",
             "2001:10::1",
             "2001:db8::1",
             "3fff::1",
             "3fff:fff::1",
             "fc00::1",
             "fd00::1",
             "fd00:ec2::254",
             "fdff::1",
             "fe80::1",
             "febf::1",
             "fec0::1",
             "ff02::1",
             "ff05::2",
             "100::1",
             "5f00::1",
             "4000::1",
             "1::1",
             "::2:0:0",
             "64:ff9a::808:808",
             "8000::1",
         }) {
        const auto address = parse_ip(text);
        BOOST_REQUIRE_MESSAGE(address, text);
        BOOST_TEST(!is_public(*address), text);
    }
}

BOOST_AUTO_TEST_CASE(public_addresses_are_public_in_every_spelling) {
    for (const char* text : {"1.1.1.1",
                             "8.8.8.8",
                             "9.255.255.255",
                             "11.0.0.0",
                             "100.63.255.255",
                             "100.128.0.0",
                             "126.255.255.255",
                             "128.0.0.1",
                             "172.15.255.255",
                             "172.32.0.0",
                             "192.167.255.255",
                             "192.169.0.0",
                             "223.255.255.255",
                             "2606:4700::1111",
                             "2a00:1450::1",
                             "2001:200::1",
                             "2001:4860:4860::8888",
                             "::ffff:8.8.8.8",
                             "64:ff9b::8.8.8.8",
                             "2002:808:808::1",
                             "3ffe::1",
                             "2001:db7::1"})
        BOOST_TEST(is_public(parse_ip(text).value()), text);
}

BOOST_AUTO_TEST_CASE(only_the_usual_spelling_of_an_address_is_one) {
    for (const char* text :
         {"", "1", "127.1", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.1 ", "127.0.0.1.", "[::1]", "::1%lo", "localhost"})
        BOOST_TEST(!parse_ip(text), text);
    BOOST_TEST(!parse_ip(std::string_view("127.0.0.1\0x", 11)));
    BOOST_TEST(to_string(parse_ip("0:0::1").value()) == "::1");
}

BOOST_AUTO_TEST_CASE(nothing_is_allowed_that_is_not_listed) {
    const egress_rules none;
    BOOST_TEST(!none.find("h", 443));
    egress_rules rules({{"api.example.com", 443}});
    BOOST_TEST(rules.find("api.example.com", 443).has_value());
    for (const auto& [host, port] :
         std::vector<std::pair<const char*, std::uint16_t>>{{"api.example.com", 80},
                                                            {"example.com", 443},
                                                            {"x.api.example.com", 443},
                                                            {"api.example.com.evil.org", 443},
                                                            {"", 443}}) {
        const auto got = rules.find(host, port);
        BOOST_TEST(!got, host);
        if (!got) BOOST_TEST(static_cast<int>(got.error().code) == static_cast<int>(errc::policy_denied));
    }
}

BOOST_AUTO_TEST_CASE(private_addresses_need_a_word_of_their_own) {
    const ip_address loopback = parse_ip("127.0.0.1").value();
    BOOST_TEST(!egress_rules::check_address({"h", 443}, loopback));
    BOOST_TEST(egress_rules::check_address({"h", 443, true}, loopback).has_value());
    BOOST_TEST(egress_rules::check_address({"h", 443}, parse_ip("9.9.9.9").value()).has_value());
    BOOST_TEST(is_own(loopback));
    BOOST_TEST(!is_own(parse_ip("9.9.9.9").value()));
}

BOOST_AUTO_TEST_SUITE_END()
