#include "runtime/schema/internal/json_tree.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "runtime/schema/internal/decimal.hpp"
#include "runtime/schema/internal/format.hpp"
#include "runtime/schema/internal/pattern.hpp"
#include "runtime/schema/internal/uri.hpp"

namespace {

using namespace aivp::schema_internal;

bool found(std::string_view expression, std::string_view text) {
    const auto compiled = pattern::compile(expression);
    BOOST_REQUIRE_MESSAGE(compiled, std::string(expression) + ": " + (compiled ? "" : compiled.error().message));
    return compiled->found_in(text);
}

void expect_format(std::string_view name, std::initializer_list<std::string_view> good,
                   std::initializer_list<std::string_view> bad) {
    const auto kind = find_format(name);
    BOOST_REQUIRE(kind);
    for (const auto text : good) BOOST_TEST(has_format(*kind, text), name << " refuses " << text);
    for (const auto text : bad) BOOST_TEST(!has_format(*kind, text), name << " accepts " << text);
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema_internals)

BOOST_AUTO_TEST_CASE(a_tree_knows_its_values_and_their_pointers) {
    const std::string text = R"({"a":[1,{"b/c":"x\n"},[]],"d~":{},"e":null})";
    json_tree tree;
    BOOST_REQUIRE(tree.scan(text));
    BOOST_TEST(tree[0].count == 3u);
    BOOST_TEST(tree[0].next == tree.size());
    const auto a = tree.member(0, "a");
    BOOST_TEST(tree[a].count == 3u);
    const auto b = tree.member(a + 2, "b/c");
    BOOST_TEST(tree.string(b) == "x\n");
    BOOST_TEST(tree.pointer(b) == "/a/1/b~1c");
    BOOST_TEST(tree.pointer(b - 1) == "/a/1/b~1c");
    BOOST_TEST(tree.pointer(0) == "");
    BOOST_TEST(tree.pointer(tree.member(0, "d~")) == "/d~0");
    BOOST_TEST(tree.text(tree.member(0, "e")) == "null");
    BOOST_TEST(tree.member(0, "zz") == none);
}

BOOST_AUTO_TEST_CASE(a_tree_grows_beyond_its_inline_nodes_and_stops_at_the_depth_limit) {
    std::string text = "[0";
    for (int i = 1; i < 1000; ++i) text += "," + std::to_string(i);
    text += "]";
    json_tree tree;
    BOOST_REQUIRE(tree.scan(text));
    BOOST_TEST(tree[0].count == 1000u);
    BOOST_TEST(tree.text(1000) == "999");
    BOOST_TEST(tree.pointer(1000) == "/999");
    json_tree deep;
    BOOST_TEST(deep.scan(std::string(128, '[') + std::string(128, ']')));
    BOOST_TEST(!deep.scan(std::string(129, '[') + std::string(129, ']')));
}

BOOST_AUTO_TEST_CASE(strings_of_every_length_are_scanned_to_their_end) {
    for (std::size_t size = 0; size < 70; ++size) {
        for (const std::string_view piece : {"", "\\\"", "\\\\", "ä", "\\n"}) {
            for (std::size_t at = 0; at <= size; at += 7) {
                const auto text =
                    "[\"" + std::string(at, 'x') + std::string(piece) + std::string(size - at, 'y') + "\",1]";
                json_tree tree;
                BOOST_REQUIRE(tree.scan(text));
                BOOST_REQUIRE_EQUAL(tree[0].count, 2u);
                BOOST_REQUIRE_EQUAL(tree[1].end - tree[1].begin, size + piece.size() + 2);
                BOOST_REQUIRE_EQUAL((tree[1].flags & json_node::escaped) != 0, piece.starts_with('\\'));
                BOOST_REQUIRE_EQUAL((tree[1].flags & json_node::non_ascii) != 0, piece == "ä");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(decimals_compare_by_value) {
    const std::vector<std::string> ascending{"-1e+300",
                                             "-123456789012345678901",
                                             "-10",
                                             "-1.5",
                                             "-1e-7",
                                             "0",
                                             "1e-300",
                                             "0.1",
                                             "0.10000000000000001",
                                             "0.3",
                                             "1",
                                             "1.000000000000000000001",
                                             "9.99",
                                             "10",
                                             "9007199254740992",
                                             "9007199254740993",
                                             "1e+21",
                                             "1000000000000000000001",
                                             "1e+300"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t k = 0; k < ascending.size(); ++k) {
            const int expected = i < k ? -1 : i > k ? 1 : 0;
            BOOST_TEST(compare(parse_decimal(ascending[i]), parse_decimal(ascending[k])) == expected);
            const auto a = parse_small_decimal(ascending[i]);
            const auto b = parse_small_decimal(ascending[k]);
            if (const auto order = a && b ? compare(*a, *b) : std::nullopt) BOOST_TEST(*order == expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(multiples_are_exact_in_small_and_large_arithmetic) {
    struct example {
        std::string value, of;
        bool multiple;
    };
    for (const auto& e :
         std::vector<example>{{"0", "7", true},
                              {"21", "7", true},
                              {"22", "7", false},
                              {"-21", "7", true},
                              {"4.35", "0.01", true},
                              {"0.0075", "0.0001", true},
                              {"0.00751", "0.0001", false},
                              {"1e+308", "0.123456789", false},
                              {"1e+308", "0.5", true},
                              {"3e+30", "3", true},
                              {"1e+30", "3", false},
                              {"123456789012345678901234567890", "123456789012345678901234567890", true},
                              {"246913578024691357802469135780", "123456789012345678901234567890", true},
                              {"246913578024691357802469135781", "123456789012345678901234567890", false},
                              {"1e+40", "12345678901234567891", false},
                              {"1.5", "1e-300", true}}) {
        BOOST_TEST(is_multiple(parse_decimal(e.value), parse_decimal(e.of)) == e.multiple, e.value << " of " << e.of);
        const auto a = parse_small_decimal(e.value);
        const auto b = parse_small_decimal(e.of);
        if (const auto small = a && b ? is_multiple(*a, *b) : std::nullopt) BOOST_TEST(*small == e.multiple);
    }
}

BOOST_AUTO_TEST_CASE(references_resolve_as_in_rfc_3986) {
    const std::string base = "http://a/b/c/d;p?q";
    const std::pair<std::string, std::string> table[] = {{"g:h", "g:h"},
                                                         {"g", "http://a/b/c/g"},
                                                         {"./g", "http://a/b/c/g"},
                                                         {"g/", "http://a/b/c/g/"},
                                                         {"/g", "http://a/g"},
                                                         {"//g", "http://g"},
                                                         {"?y", "http://a/b/c/d;p?y"},
                                                         {"g?y", "http://a/b/c/g?y"},
                                                         {"", "http://a/b/c/d;p?q"},
                                                         {".", "http://a/b/c/"},
                                                         {"..", "http://a/b/"},
                                                         {"../g", "http://a/b/g"},
                                                         {"../..", "http://a/"},
                                                         {"../../g", "http://a/g"},
                                                         {"../../../g", "http://a/g"},
                                                         {"/./g", "http://a/g"},
                                                         {"/../g", "http://a/g"},
                                                         {"g.", "http://a/b/c/g."},
                                                         {"g..", "http://a/b/c/g.."},
                                                         {"./../g", "http://a/b/g"},
                                                         {"g/./h", "http://a/b/c/g/h"},
                                                         {"g/../h", "http://a/b/c/h"}};
    for (const auto& [reference, expected] : table) BOOST_TEST(resolve_uri(base, reference) == expected);
    BOOST_TEST(resolve_uri("", "item.json") == "item.json");
    BOOST_TEST(resolve_uri("urn:uuid:1", "#a") == "urn:uuid:1");
    BOOST_TEST(percent_decode("a%25b%2fc%") == "a%b/c%");
}

BOOST_AUTO_TEST_CASE(patterns_mean_what_ecma_262_says) {
    BOOST_TEST(found("", "x"));
    BOOST_TEST(found("b", "abc"));
    BOOST_TEST(!found("^b", "abc"));
    BOOST_TEST(found("^[a-z][a-z0-9_]*$", "snake_case_2"));
    BOOST_TEST(!found("^[a-z][a-z0-9_]*$", "snake_case_2\n"));
    BOOST_TEST(found("^https?://", "https://x"));
    BOOST_TEST(found("^a*ab$", "aaab"));
    BOOST_TEST(found("^.{2}$", "💩ä"));
    BOOST_TEST(!found("^.$", "\xe2\x80\xa8"));
    BOOST_TEST(found("^[^a]$", "\xe2\x80\xa8"));
    BOOST_TEST(found("^.{0,5000}$", std::string(5000, 'x')));
    BOOST_TEST(!found("^.{0,5000}$", std::string(5001, 'x')));
    BOOST_TEST(found("^\\S+@\\S+\\.\\S+$", "ana@example.com"));
    BOOST_TEST(found("^(?:a|b)+$", "abba"));
    BOOST_TEST(found("^(?<year>\\d{4})-(\\d\\d)$", "2026-03"));
    BOOST_TEST(found("^\\u{1F4A9}\\ud83d\\udca9$", "💩💩"));
    BOOST_TEST(found("^[\\w.-]+$", "a.b-c_d"));
    BOOST_TEST(found("^\\p{Lu}\\P{Lu}$", "Äb"));
    BOOST_TEST(found("^\\p{Script=Greek}+$", "αβγ"));
    BOOST_TEST(found("^[^\\p{L}]$", "1"));
    BOOST_TEST(!found("^[^\\p{L}x]$", "ä"));
    BOOST_TEST(!found("[]", "a"));
    BOOST_TEST(found("^[^]$", "\n"));
    BOOST_TEST(found("^a{,3}$", "a{,3}"));
    BOOST_TEST(found("\\bcat\\b", "a cat!"));
    BOOST_TEST(found("a$", "ba"));
    BOOST_TEST(!found("a^b", "ab"));
    BOOST_TEST(found("^\\/\\-\\.$", "/-."));
}

BOOST_AUTO_TEST_CASE(sequences_of_classes_and_re2_agree) {
    // "(?:)" in front changes nothing but sends the pattern to RE2.
    const std::vector<std::string> expressions{"^a",   "^a?b?c$", "^[ab]{2,3}c*$",    "^[^a]+a$", "^\\d{4}-\\d{2}$",
                                               "^x*$", "^.?ä$",   "^[a-c]{0,2}[x-z]", "^\\s*$",   "^a{2}a{2}$"};
    const std::vector<std::string> texts{"",     "a",     "b",    "abc", "ab",      "abac",   "aa", "aaa",
                                         "aaaa", "aaaaa", "bbac", "bxa", "2026-03", "2026-3", "x",  "xxy",
                                         "ä",    "aä",    "ää",   " \n", "abz",     "cccz",   "z"};
    for (const auto& e : expressions)
        for (const auto& t : texts) BOOST_TEST(found(e, t) == found("(?:)" + e, t), e << " on " << t);
}

BOOST_AUTO_TEST_CASE(what_is_no_pattern_or_needs_backtracking_is_refused) {
    const auto kind = [](std::string_view expression) {
        const auto compiled = pattern::compile(expression);
        return compiled ? "compiles" : compiled.error().unsupported ? "unsupported" : "invalid";
    };
    for (const auto* e :
         {"(",    ")",     "[",           "a**",   "*",        "{2}",   "a{3,2}", "\\",  "\\a",     "\\Z",
          "\\xg", "\\u12", "\\u{110000}", "[z-a]", "(?P<n>x)", "(?i)x", "(?#c)",  "\\p", "[\\d-z]", "\\ud83d\\u0041"})
        BOOST_TEST(kind(e) == "invalid", e);
    for (const auto* e : {"(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(a)\\1", "(?<n>a)\\k<n>", "(ab){1001}", "\\p{Emoji}"})
        BOOST_TEST(kind(e) == "unsupported", e);
    BOOST_TEST(kind(std::string(1000, '(') + std::string(1000, ')')) == "unsupported");
}

BOOST_AUTO_TEST_CASE(formats_accept_and_refuse) {
    expect_format("date-time", {"2026-03-01T09:00:00Z", "2026-03-01t09:00:00.5+05:30", "1998-12-31T23:59:60Z"},
                  {"2026-03-01", "2026-02-29T00:00:00Z", "2026-03-01T09:00:00", "2026-03-01T23:59:60+01:00"});
    expect_format("duration", {"P4DT12H30M5S", "P4Y", "PT0S", "P1M", "PT36H", "P1DT12H", "P2W"},
                  {"", "P", "PT", "P1YT", "PT1D", "P2D1Y", "P1D2H", "P2S", "P1Y2W", "P1Y2D", "4D", "P1", "P1W2D"});
    expect_format("email",
                  {"joe.bloggs@example.com", "te~st@example.com", "~test@example.com", "\"joe bloggs\"@example.com",
                   "\"joe..bloggs\"@example.com", "\"joe@bloggs\"@example.com", "\"a\\\"b\"@example.com",
                   "joe@[127.0.0.1]", "joe@[IPv6:::1]"},
                  {"2962", "@example.com", "joe@", ".test@example.com", "test.@example.com", "te..st@example.com",
                   "joe@invalid=domain.com", "joe@[127.0.0.300]", "a@b.c, d@e.f", "\"Winston Smith\" <w@example.com>",
                   "\"a\"b\"@example.com", "jöe@example.com"});
    expect_format("idn-email", {"실례@실례.테스트", "jöe@example.com"}, {"2962", "실례"});
    expect_format("hostname", {"www.example.com", "1host", "xn--4gbwdl.xn--wgbh1c"},
                  {"", "-a", "a-", "a_b", "a.", "xn--X", "a..b"});
    expect_format("idn-hostname", {"실례.테스트", "l·l", "example.com"}, {"〮실례", "a·l", "-a"});
    expect_format("ipv4", {"192.168.0.1", "0.0.0.0"}, {"256.1.1.1", "1.1.1", "01.1.1.1", "1.1.1.1 "});
    expect_format(
        "ipv6", {"::1", "::", "1:2:3:4:5:6:7:8", "1::8", "::ffff:1.2.3.4", "1:2:3:4:5:6:7::"},
        {"12345::", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1%eth0", "1.2.3.4::", ":1", "1:"});
    expect_format("uri", {"http://a/b?c#d", "urn:x:y", "ldap://[2001:db8::7]/c=GB"},
                  {"//a", "a", "http://a b", "http://a/%G0", "1a:b"});
    expect_format("uri-reference", {"", "a/b", "//a", "#f"}, {"\\a", "a b", "#a\\b"});
    expect_format("iri", {"http://ƒøø.ßår/?∂éœ=πîx#πîüx"}, {"/abc", "http://a b"});
    expect_format("iri-reference", {"âππ", "//ƒøø.ßår/"}, {"\\\\x", "#ƒräg\\mênt"});
    expect_format("uuid", {"2eb8aa08-aa98-11ea-b4aa-73b441d16380"},
                  {"2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638g"});
    expect_format("uri-template", {"http://e/{x:1}/{+y*}", ""}, {"{", "{}", "a b", "{v:0}"});
    expect_format("json-pointer", {"", "/a~0~1", "/"}, {"a", "/~2", "/~"});
    expect_format("relative-json-pointer", {"0", "1/a", "2#"}, {"", "01", "-1", "0##"});
    expect_format("regex", {"^a+$", "(?=a)"}, {"(", "\\a"});
    BOOST_TEST(!find_format("colour").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
