// The scrubber that knows secrets by value. Encoders here are written apart from the finder, straight from the RFCs.
#include "aivp/skill/redact.hpp"

#include <functional>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

constexpr std::string_view canary = "sk-C4n4ry/+ \"q\"\\ü7=Zz";

std::string base64(std::string_view bytes, std::string_view last_two, bool padded) {
    std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    digits += last_two;
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
        for (std::size_t j = 0; j < 3; ++j)
            group = group << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0U);
        for (std::size_t j = 0; j <= n; ++j) out += digits[group >> (18 - 6 * j) & 63];
        if (padded) out.append(3 - n, '=');
    }
    return out;
}

std::string wrapped(const std::string& text, std::size_t width) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += width) out += (i > 0 ? "\r\n" : "") + text.substr(i, width);
    return out;
}

std::string hex(std::string_view bytes, const char* digits, std::string_view separator = "") {
    std::string out;
    for (const char c : bytes) {
        if (!out.empty()) out += separator;
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

constexpr const char* lower = "0123456789abcdef";
constexpr const char* upper = "0123456789ABCDEF";

std::string percent(std::string_view bytes, std::string_view kept, const char* digits) {
    std::string out;
    for (const char c : bytes) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) || kept.find(c) != std::string_view::npos;
        out += plain ? std::string(1, c) : "%" + hex(std::string(1, c), digits);
    }
    return out;
}

std::string form(std::string_view bytes) {
    std::string out = percent(bytes, "*-._ ", upper);
    for (char& c : out) c = c == ' ' ? '+' : c;
    return out;
}

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out.substr(1, out.size() - 2);
}

// \uXXXX for each character; the value holds none beyond U+FFFF.
std::string all_escaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned c = static_cast<unsigned char>(text[i]);
        if (c >= 0xc0) c = (c & 0x1f) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f);
        out += "\\u" + hex(std::string{static_cast<char>(c >> 8), static_cast<char>(c & 255)}, lower);
    }
    return out;
}

std::string html(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '"' ? "&quot;" : c == '+' ? "&#43;" : c == '/' ? "&#x2F;" : std::string(1, c);
    return out;
}

struct encoding {
    const char* name;
    std::function<std::string(const std::string&)> encode;
};

const std::vector<encoding>& encodings() {
    using s = std::string;
    static const std::vector<encoding> all{
        {"plain", [](const s& v) { return v; }},
        {"base64", [](const s& v) { return base64(v, "+/", true); }},
        {"base64 without padding", [](const s& v) { return base64(v, "+/", false); }},
        {"base64url", [](const s& v) { return base64(v, "-_", true); }},
        {"base64url without padding", [](const s& v) { return base64(v, "-_", false); }},
        {"base64 of user:value", [](const s& v) { return base64("user:" + v, "+/", true); }},
        {"base64 of x=value&y", [](const s& v) { return base64("x=" + v + "&y", "+/", true); }},
        {"base64 of value and more", [](const s& v) { return base64("abc" + v + "de", "-_", false); }},
        {"base64 in lines", [](const s& v) { return wrapped(base64(v, "+/", true), 8); }},
        {"base64 in a URL", [](const s& v) { return percent(base64(v, "+/", true), "", upper); }},
        {"hex", [](const s& v) { return hex(v, lower); }},
        {"hex in capitals", [](const s& v) { return hex(v, upper); }},
        {"hex with colons", [](const s& v) { return hex(v, lower, ":"); }},
        {"hex with blanks", [](const s& v) { return hex(v, upper, " "); }},
        {"percent", [](const s& v) { return percent(v, "-._~", upper); }},
        {"percent in small letters", [](const s& v) { return percent(v, "-._~", lower); }},
        {"percent, reserved kept", [](const s& v) { return percent(v, "-_.!~*'();/?:@&=+$,#", upper); }},
        {"percent, everything",
         [](const s& v) {
             s out;
             for (const char c : v) out += "%" + hex(s(1, c), lower);
             return out;
         }},
        {"percent twice", [](const s& v) { return percent(percent(v, "-._~", upper), "-._~", upper); }},
        {"form", form},
        {"JSON", [](const s& v) { return json_string(v); }},
        {"JSON in JSON", [](const s& v) { return json_string(json_string(v)); }},
        {"JSON in JSON in JSON", [](const s& v) { return json_string(json_string(json_string(v))); }},
        {"JSON, every character escaped", [](const s& v) { return all_escaped(v); }},
        {"JSON escaped in JSON", [](const s& v) { return json_string(all_escaped(v)); }},
        {"HTML", [](const s& v) { return html(v); }},
    };
    return all;
}

known_secrets with(std::string_view name, std::string_view value) {
    known_secrets secrets;
    BOOST_REQUIRE(secrets.add(name, value));
    return secrets;
}

// A value as secrets look like, with everything that encodings treat specially.
std::string any_value() {
    static const std::vector<std::string> characters{"a", "Z", "0", "9", "-", "_", ".", "/", "+", "=", "\"", "\\",
                                                     " ", "%", "&", "<", "'", "$", "ü", "é", "n", "u", "\n"};
    std::string value = "x";
    for (int n = *rc::gen::inRange(4, 24); n > 0; --n) value += *rc::gen::elementOf(characters);
    return value + "y";
}

} // namespace

BOOST_AUTO_TEST_SUITE(redaction_by_value)

BOOST_AUTO_TEST_CASE(the_encoders_of_this_test_agree_with_the_rfcs) {
    BOOST_TEST(base64("fo", "+/", true) == "Zm8=");
    BOOST_TEST(base64("foobar", "+/", true) == "Zm9vYmFy");
    BOOST_TEST(base64("\xfb\xff", "-_", false) == "-_8");
    BOOST_TEST(percent("a b/ü", "", upper) == "a%20b%2F%C3%BC");
    BOOST_TEST(form("a b+c") == "a+b%2Bc");
    BOOST_TEST(all_escaped("aü") == "\\u0061\\u00fc");
    BOOST_TEST(hex("k\xff", upper, ":") == "6B:FF");
}

BOOST_AUTO_TEST_CASE(a_canary_survives_in_no_encoding) {
    const known_secrets secrets = with("api_key", canary);
    for (const encoding& e : encodings()) {
        const std::string encoded = e.encode(std::string(canary));
        const std::string scrubbed = secrets.scrub_text("before " + encoded + " after");
        BOOST_TEST_CONTEXT(e.name << ": " << encoded) {
            BOOST_TEST(scrubbed.find(encoded) == std::string::npos);
            BOOST_TEST(scrubbed.find("⟦secret:api_key#1⟧") != std::string::npos);
            BOOST_TEST(scrubbed.starts_with("before "));
            BOOST_TEST(scrubbed.ends_with(" after"));
            BOOST_TEST(secrets.find_in(encoded) == "⟦secret:api_key#1⟧");
        }
    }
}

BOOST_AUTO_TEST_CASE(a_canary_survives_nowhere_in_a_payload) {
    const known_secrets secrets = with("api_key", canary);
    for (const encoding& e : encodings()) {
        const payload text = payload::of_string("<" + e.encode(std::string(canary)) + ">");
        const payload p =
            payload::of_object({{"list", payload::of_array({payload::of_integer(1), text})},
                                {"key " + e.encode(std::string(canary)), payload::of_bool(true)},
                                {"deep", payload::of_object({{"a", payload::of_object({{"b", text}})}})}});
        BOOST_TEST_CONTEXT(e.name) {
            const payload scrubbed = secrets.scrub(p);
            const std::string whole(scrubbed.text());
            BOOST_TEST(whole.find(json_string(e.encode(std::string(canary)))) == std::string::npos);
            BOOST_TEST(at_pointer(scrubbed, "/deep/a/b")->text().find("⟦secret:api_key#1⟧") != std::string_view::npos);
            BOOST_TEST(at_pointer(scrubbed, "/list/1")->text().find("⟦secret:api_key#1⟧") != std::string_view::npos);
            BOOST_TEST(at_pointer(scrubbed, "/list/0")->text() == "1");
            BOOST_REQUIRE(members(scrubbed).size() == 3U);
            BOOST_TEST(members(scrubbed)[1].first.starts_with("key "));
            BOOST_TEST(members(scrubbed)[1].first.find("⟦secret:api_key#1⟧") != std::string::npos);
            BOOST_TEST(secrets.find_in(scrubbed.text()) == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(only_the_base64_digits_that_hold_the_secret_go) {
    const known_secrets secrets = with("p", "hunter2!");
    BOOST_TEST(secrets.scrub_text("Basic " + base64("user:hunter2!", "+/", true) + ";") == "Basic dXNlcj⟦secret:p#1⟧;");
    BOOST_TEST(secrets.scrub_text("a=" + percent(base64("hunter2!", "+/", true), "", upper) + "&b") ==
               "a=⟦secret:p#1⟧&b");
    BOOST_TEST(secrets.scrub_text(base64("abchunter2!x", "+/", true)) == "YWJj⟦secret:p#1⟧4");
}

BOOST_AUTO_TEST_CASE(short_values_and_values_of_the_placeholder_itself_are_not_taken) {
    known_secrets secrets;
    BOOST_TEST(!secrets.add("a", "12345"));
    BOOST_TEST(!secrets.add("a", "  12345\n"));
    BOOST_TEST(!secrets.add("a", ""));
    BOOST_TEST(!secrets.add("a", "secret"));
    BOOST_TEST(!secrets.add("a", "hidden"));
    BOOST_TEST(secrets.empty());
    BOOST_TEST(secrets.add("a", "123456"));
    BOOST_TEST(secrets.scrub_text("secret 12345 123456") == "secret 12345 ⟦secret:a#1⟧");
}

BOOST_AUTO_TEST_CASE(a_line_end_in_the_file_of_a_secret_does_not_matter) {
    const known_secrets secrets = with("token", " abcdef\n");
    BOOST_TEST(secrets.scrub_text("abcdef") == "⟦secret:token#1⟧");
    BOOST_TEST(secrets.scrub_text(base64("abcdef\n", "+/", true)) == "⟦secret:token#1⟧Cg==");
}

BOOST_AUTO_TEST_CASE(values_of_one_name_are_numbered_in_order_of_addition) {
    known_secrets secrets;
    secrets.add("token", "first-value");
    secrets.add("other", "third-value");
    secrets.add("token", "second-value");
    secrets.add("again", "first-value");
    BOOST_TEST(secrets.scrub_text("second-value first-value third-value") ==
               "⟦secret:token#2⟧ ⟦secret:token#1⟧ ⟦secret:other#1⟧");
}

BOOST_AUTO_TEST_CASE(a_name_that_gives_a_value_away_is_hidden) {
    BOOST_TEST(with("my-passphrase-1", "passphrase").scrub_text("passphrase") == "⟦secret:hidden#1⟧");
    known_secrets secrets = with("host-example", "11111111");
    secrets.add("b", "example");
    BOOST_TEST(secrets.scrub_text("11111111 example") == "⟦secret:hidden#1⟧ ⟦secret:b#1⟧");
    BOOST_TEST(with("a⟧\"b", "abcdef").scrub_text("abcdef") == "⟦secret:a____b#1⟧");
}

BOOST_AUTO_TEST_CASE(overlapping_secrets_leave_no_rest) {
    known_secrets secrets;
    secrets.add("a", "AAABBB");
    secrets.add("b", "BBBCCC");
    secrets.add("c", "AAABBB-long");
    BOOST_TEST(secrets.scrub_text("<AAABBBCCC>") == "<⟦secret:a#1⟧>");
    BOOST_TEST(secrets.scrub_text("<AAABBB-long>") == "<⟦secret:c#1⟧>");
    BOOST_TEST(with("x", "abaaba").scrub_text("abaabaaba") == "⟦secret:x#1⟧");
    BOOST_TEST(with("x", "ababab").scrub_text("abababababab") == "⟦secret:x#1⟧");
}

BOOST_AUTO_TEST_CASE(a_number_that_is_a_secret_becomes_a_placeholder) {
    const known_secrets secrets = with("pin", "12345678");
    BOOST_TEST(secrets.scrub(payload::parse(R"({"pin":12345678,"x":1234567})").value()).text() ==
               R"({"pin":"⟦secret:pin#1⟧","x":1234567})");
}

BOOST_AUTO_TEST_CASE(keys_that_become_equal_stay_apart) {
    const known_secrets secrets = with("s", "s3cr3t+");
    const payload p = payload::parse(R"({"s3cr3t%2B":1,"s3cr3t+":2,"s3cr3t\\u002b":3})").value();
    BOOST_TEST(secrets.scrub(p).text() == R"({"⟦secret:s#1⟧":1,"⟦secret:s#1⟧~2":2,"⟦secret:s#1⟧~3":3})");
}

BOOST_AUTO_TEST_CASE(characters_beyond_the_basic_plane_are_found_as_surrogates) {
    const known_secrets secrets = with("s", "key-😀-end");
    BOOST_TEST(secrets.scrub_text(R"(key-\ud83d\ude00-end)") == "⟦secret:s#1⟧");
    BOOST_TEST(secrets.scrub_text(R"(key-\\ud83d\\uDE00-end)") == "⟦secret:s#1⟧");
    BOOST_TEST(secrets.scrub_text("key-%F0%9F%98%80-end") == "⟦secret:s#1⟧");
    BOOST_TEST(secrets.scrub_text(R"(key-\ud83d-end)") == R"(key-\ud83d-end)");
}

BOOST_AUTO_TEST_CASE(a_payload_without_secrets_is_the_same_object) {
    const payload p = payload::parse(R"({"a":["b",{"c":"d"}],"n":1.5})").value();
    BOOST_TEST(known_secrets().scrub(p).same_as(p));
    BOOST_TEST(with("s", "abcdef").scrub(p).same_as(p));
    // The text of the document holds it, but no string of it does.
    BOOST_TEST(with("s", R"(b",{"c":"d)").scrub(p).same_as(p));
}

BOOST_AUTO_TEST_CASE(broken_encodings_and_broken_utf8_are_read_without_harm) {
    const known_secrets secrets = with("s", "abc\xc3\x28\xff.def");
    BOOST_TEST(secrets.scrub_text("abc\xc3\x28\xff.def") == "⟦secret:s#1⟧");
    BOOST_TEST(secrets.scrub_text("abc%C3%28%ff.def") == "⟦secret:s#1⟧");
    for (const char* broken :
         {"%",  "%2",  "%zz",  "%25", "%252", "\\",   "\\u",      "\\u12", "\\ud800", "\\ud800\\u", "\\x", "&",
          "&#", "&#;", "&#x;", "&#x", "&amp", "\xc3", "\xf0\x9f", "\xff",  ""}) {
        BOOST_TEST(secrets.scrub_text(broken) == broken);
    }
}

RC_BOOST_PROP(no_encoding_of_any_value_survives_and_scrubbing_is_idempotent, ()) {
    const std::string value = any_value();
    known_secrets secrets;
    RC_PRE(secrets.add("name", value));
    const encoding& e = encodings()[*rc::gen::inRange<std::size_t>(0, encodings().size())];
    const std::string encoded = e.encode(value);
    const std::string text =
        *rc::gen::arbitrary<std::string>() + encoded + *rc::gen::element<std::string>("", "%", "\\", "&", "q");

    const std::string once = secrets.scrub_text(text);
    RC_LOG() << e.name << ": " << encoded;
    RC_ASSERT(once.find(encoded) == std::string::npos);
    RC_ASSERT(once.find(value) == std::string::npos);
    RC_ASSERT(secrets.find_in(once) == "");
    RC_ASSERT(secrets.scrub_text(once) == once);

    const payload p = payload::of_array({payload::of_string(text), payload::of_integer(1)});
    const payload clean = secrets.scrub(p);
    RC_ASSERT(!clean.same_as(p));
    RC_ASSERT(secrets.find_in(clean.text()) == "");
    RC_ASSERT(secrets.scrub(clean).same_as(clean));
}

RC_BOOST_PROP(the_order_of_two_secrets_does_not_decide_what_is_found, ()) {
    const std::string one = any_value();
    const std::string two = any_value();
    known_secrets forward;
    known_secrets backward;
    RC_PRE(forward.add("one", one) && forward.add("two", two) && backward.add("two", two) && backward.add("one", one));
    RC_PRE(one != two);
    const std::string text = two + *rc::gen::arbitrary<std::string>() + one;
    RC_ASSERT(forward.scrub_text(text) == backward.scrub_text(text));
}

BOOST_AUTO_TEST_SUITE_END()
