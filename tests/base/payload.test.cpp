#include "aivp/base/payload.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "tests/base/dies.hpp"

using namespace aivp;

namespace {

std::string canonical(std::string_view text) {
    const auto parsed = payload::parse(text);
    return parsed ? std::string(parsed->text()) : to_string(parsed.error());
}

payload parsed(std::string_view text) { return payload::parse(text).value(); }

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string bytes_of_hex(std::string_view hex) {
    std::string bytes;
    std::string digits;
    for (const char c : hex) {
        if (c == ' ' || c == '\n' || c == '\r') continue;
        digits += c;
        if (digits.size() < 2) continue;
        bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
        digits.clear();
    }
    return bytes;
}

std::string data_folder() {
    const char* const folder = std::getenv("AIVP_DATA");
    return folder != nullptr ? folder : AIVP_SOURCE_DIR "/../shared/data";
}

std::string nested(std::size_t levels, char open, char close) {
    return std::string(levels, open) + std::string(levels, close);
}

} // namespace

BOOST_AUTO_TEST_SUITE(payloads)

BOOST_AUTO_TEST_CASE(the_six_pairs_of_the_rfc_authors_match) {
    const std::string folder = data_folder() + "/vectors/jcs";
    if (read_file(folder + "/input/arrays.json").empty()) {
        std::cout << "SKIPPED: the JCS vectors are not in " << folder << std::endl;
        BOOST_TEST_MESSAGE("SKIPPED: the JCS vectors are not in " << folder);
        return;
    }
    for (const std::string name : {"arrays", "french", "structures", "unicode", "values", "weird"}) {
        BOOST_TEST_CONTEXT(name) {
            const std::string expected = bytes_of_hex(read_file(folder + "/outhex/" + name + ".txt"));
            BOOST_TEST_REQUIRE(!expected.empty());
            BOOST_TEST(canonical(read_file(folder + "/input/" + name + ".json")) == expected);
            BOOST_TEST(canonical(expected) == expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(numbers_are_written_as_ecmascript_does) {
    const std::pair<const char*, const char*> cases[] = {
        {"1E30", "1e+30"},
        {"4.50", "4.5"},
        {"2e-3", "0.002"},
        {"1e-27", "1e-27"},
        {"333333333.33333329", "333333333.3333333"},
        {"1e21", "1e+21"},
        {"1e20", "100000000000000000000"},
        {"1e-7", "1e-7"},
        {"0.000001", "0.000001"},
        {"-0", "0"},
        {"1.0", "1"},
        {"5e-324", "5e-324"},
        {"-0.0", "0"},
        {"-0e5", "0"},
        {"0e999999999999", "0"},
        {"1.7976931348623157e308", "1.7976931348623157e+308"},
        {"-1.5e-5", "-0.000015"},
        {"123456789012345678901234567890e-9", "123456789012345680000"},
        {"100", "100"},
        {"1E+2", "100"},
        {"0.1e1", "1"},
        {"12.5", "12.5"},
        {"-12.5", "-12.5"},
        {"1e-400", "0"},
        {"-1e-400", "0"},
        {"1e-99999999999999999999", "0"},
        {"1000000000000e-400", "0"},
        {"0.00000000000000000000000000000000000000000000000001e340", "1e+290"},
    };
    for (const auto& [text, expected] : cases)
        BOOST_TEST(canonical(text) == expected, text << " gives " << canonical(text));
}

BOOST_AUTO_TEST_CASE(integer_literals_keep_every_digit) {
    for (const char* const text : {"9007199254740993", "-9007199254740993", "18446744073709551616",
                                   "123456789012345678901234567890", "9223372036854775807"})
        BOOST_TEST(canonical(text) == text);
    const std::string long_one = "1" + std::string(308, '0');
    BOOST_TEST(canonical(long_one) == long_one);
    BOOST_TEST((parsed("9007199254740992").hash() != parsed("9007199254740993").hash()));
}

BOOST_AUTO_TEST_CASE(numbers_beyond_a_double_are_refused) {
    for (const std::string& text :
         {std::string("1e400"), std::string("-1e400"), std::string("0.00001e400"),
          std::string("1.7976931348623159e308"), std::string("1e99999999999999999999"), "1" + std::string(309, '0'),
          "-1" + std::string(400, '0'), "1" + std::string(400, '0') + ".5"}) {
        const auto r = payload::parse(" " + text);
        BOOST_TEST_REQUIRE(!r.has_value(), text);
        BOOST_TEST((r.error().code == errc::json_number));
        BOOST_TEST((r.error().where == source_pos{"", 1, 2}));
        BOOST_TEST(r.error().message.size() < 150u);
    }
}

BOOST_AUTO_TEST_CASE(keys_are_sorted_by_utf16_units) {
    BOOST_TEST(canonical("{\"\xEF\xAC\xB3\":1,\"\xF0\x9F\x98\x80\":2,\"\xE2\x82\xAC\":3,\"\xC3\xB6\":4,\"\xC2\x80\":5,"
                         "\"1\":6,\"\\r\":7}") == "{\"\\r\":7,\"1\":6,\"\xC2\x80\":5,\"\xC3\xB6\":4,\"\xE2\x82\xAC\":3,"
                                                  "\"\xF0\x9F\x98\x80\":2,\"\xEF\xAC\xB3\":1}");
    BOOST_TEST(canonical(R"({"b":1,"":2,"aa":3,"a":4,"B":5})") == R"({"":2,"B":5,"a":4,"aa":3,"b":1})");
    // A quote and a backslash are escaped in the text, but sort as what they are: " is before #, \ after [.
    BOOST_TEST(canonical(R"({"#":1,"\"":2,"\\":3,"[":4,"]":5})") == R"({"\"":2,"#":1,"[":4,"\\":3,"]":5})");
    BOOST_TEST(canonical(R"({"a\u0001":1,"a":2,"a\n":3,"a ":4})") == R"({"a":2,"a\u0001":1,"a\n":3,"a ":4})");
    BOOST_TEST(canonical(R"({"z":{"b":[{"d":1,"c":2}],"a":0},"y":1})") == R"({"y":1,"z":{"a":0,"b":[{"c":2,"d":1}]}})");
}

BOOST_AUTO_TEST_CASE(strings_have_one_spelling) {
    const std::pair<const char*, const char*> cases[] = {
        {R"("\u0041\/\u00e9")", "\"A/\xC3\xA9\""},
        {R"("\u0022\u005C\u0008\u000c\u000A\u000d\u0009")", R"("\"\\\b\f\n\r\t")"},
        {R"("\u001F\u001f\u0000")", R"("\u001f\u001f\u0000")"},
        {R"("\uD83D\uDE00")", "\"\xF0\x9F\x98\x80\""},
        {R"("\u007f")", "\"\x7f\""},
        {R"("\b\f\n\r\t\"\\")", R"("\b\f\n\r\t\"\\")"},
        {"\"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\"", "\"\xF4\x8F\xBF\xBF\xEF\xBF\xBF\""},
        {"\"\\ud7ff\\ue000\"", "\"\xED\x9F\xBF\xEE\x80\x80\""},
        {"\"a long run of plain text before \\u0041 and after it\"",
         "\"a long run of plain text before A and after it\""},
    };
    for (const auto& [text, expected] : cases) {
        BOOST_TEST(canonical(text) == expected);
        BOOST_TEST(canonical(expected) == expected);
    }
}

BOOST_AUTO_TEST_CASE(white_space_disappears) {
    BOOST_TEST(canonical(" \t\r\n{ \"a\" : [ 1 , true , null , \"x y\" ] , \"b\" : { } , \"c\" : [ ] } \n") ==
               R"({"a":[1,true,null,"x y"],"b":{},"c":[]})");
    BOOST_TEST(canonical(" false") == "false");
    BOOST_TEST(canonical("0 ") == "0");
}

BOOST_AUTO_TEST_CASE(bad_texts_are_refused_with_code_and_position) {
    struct bad {
        std::string text;
        errc code;
        std::uint32_t line;
        std::uint32_t column;
    };
    const bad cases[] = {
        {"", errc::json_syntax, 1, 1},
        {"  \n ", errc::json_syntax, 2, 2},
        {"nul", errc::json_syntax, 1, 1},
        {"True", errc::json_syntax, 1, 1},
        {"[1,]", errc::json_syntax, 1, 4},
        {"[1 2]", errc::json_syntax, 1, 4},
        {"[", errc::json_syntax, 1, 2},
        {"[1", errc::json_syntax, 1, 3},
        {"{", errc::json_syntax, 1, 2},
        {"{\"a\"", errc::json_syntax, 1, 5},
        {"{\"a\":", errc::json_syntax, 1, 6},
        {"{\"a\":1", errc::json_syntax, 1, 7},
        {"{\"a\":1,}", errc::json_syntax, 1, 8},
        {"{\"a\" 1}", errc::json_syntax, 1, 6},
        {"{a:1}", errc::json_syntax, 1, 2},
        {"{'a':1}", errc::json_syntax, 1, 2},
        {"1 2", errc::json_syntax, 1, 3},
        {"{}\n\n}", errc::json_syntax, 3, 1},
        {"01", errc::json_syntax, 1, 1},
        {"-", errc::json_syntax, 1, 2},
        {"-x", errc::json_syntax, 1, 2},
        {"+1", errc::json_syntax, 1, 1},
        {".5", errc::json_syntax, 1, 1},
        {"1.", errc::json_syntax, 1, 3},
        {"1.e5", errc::json_syntax, 1, 3},
        {"1e", errc::json_syntax, 1, 3},
        {"1e+", errc::json_syntax, 1, 4},
        {"0x10", errc::json_syntax, 1, 2},
        {"NaN", errc::json_syntax, 1, 1},
        {"Infinity", errc::json_syntax, 1, 1},
        {"// c\n1", errc::json_syntax, 1, 1},
        {"[1]\x01", errc::json_syntax, 1, 4},
        {"\"abc", errc::json_syntax, 1, 1},
        {"[\"abc\\", errc::json_syntax, 1, 6},
        {"\"a\nb\"", errc::json_syntax, 1, 3},
        {"\"a\tb\"", errc::json_syntax, 1, 3},
        {"\"\\x\"", errc::json_syntax, 1, 2},
        {"\"\\u12\"", errc::json_syntax, 1, 2},
        {"\"\\u12g4\"", errc::json_syntax, 1, 2},
        {"\"\\u-123\"", errc::json_syntax, 1, 2},
        {"\xEF\xBB\xBF{}", errc::json_syntax, 1, 1},
        {std::string("\"a\0b\"", 5), errc::json_syntax, 1, 3},
        {"\xFF", errc::json_syntax, 1, 1},
        {"\"\xFF\"", errc::json_utf8, 1, 2},
        {"\"\xC3\"", errc::json_utf8, 1, 2},
        {"\"\xC0\x80\"", errc::json_utf8, 1, 2},
        {"\"\xE0\x80\x80\"", errc::json_utf8, 1, 2},
        {"\"\xED\xA0\x80\"", errc::json_utf8, 1, 2},
        {"\"\xF0\x80\x80\x80\"", errc::json_utf8, 1, 2},
        {"\"\xF4\x90\x80\x80\"", errc::json_utf8, 1, 2},
        {"\"\xF5\x80\x80\x80\"", errc::json_utf8, 1, 2},
        {"\"\xE2\x82", errc::json_utf8, 1, 2},
        {"\"\xC3\xA9\xC3\xA9 \x80\"", errc::json_utf8, 1, 5},
        {"\"\\ud800\"", errc::json_utf8, 1, 2},
        {"\"\\udc00\"", errc::json_utf8, 1, 2},
        {"\"\\ud800\\u0041\"", errc::json_utf8, 1, 2},
        {"\"\\ud800\\ud800\"", errc::json_utf8, 1, 2},
        {"\"\\udc00\\udc00\"", errc::json_utf8, 1, 2},
        {"\"ab\\ud800", errc::json_utf8, 1, 4},
        {"{\"a\":1,\n \"a\":2}", errc::json_duplicate_key, 2, 2},
        {"{\"b\":1,\"a\":1,\n\n\"b\":2}", errc::json_duplicate_key, 3, 1},
        {"{\"a\":1,\"\\u0061\":2}", errc::json_duplicate_key, 1, 8},
        {"[{\"\\n\":1,\"x\":0,\"\\u000a\":2}]", errc::json_duplicate_key, 1, 16},
        {nested(129, '[', ']'), errc::json_depth, 1, 129},
    };
    for (const bad& b : cases) {
        BOOST_TEST_CONTEXT(b.text) {
            const auto r = payload::parse(b.text);
            BOOST_TEST_REQUIRE(!r.has_value());
            BOOST_TEST(info(r.error().code).name == info(b.code).name);
            BOOST_TEST(r.error().where.file == "");
            BOOST_TEST(r.error().where.line == b.line);
            BOOST_TEST(r.error().where.column == b.column);
            BOOST_TEST(!r.error().message.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(messages_say_what_was_expected_and_found) {
    BOOST_TEST(payload::parse("[1 2]").error().message == "expected ',' or ']' after an item, found '2'");
    BOOST_TEST(payload::parse("{\"a\" 1}").error().message == "expected ':' after a key, found '1'");
    BOOST_TEST(payload::parse("[").error().message == "expected a value, found the end of the text");
    BOOST_TEST(payload::parse("{\"a\":1,\"a\":2}").error().message == "the key \"a\" stands twice in one object");
    BOOST_TEST(payload::parse("\x01").error().message == "expected a value, found byte 0x01");
    BOOST_TEST(payload::parse("\xEF\xBB\xBF{}").error().help == "Save it as UTF-8 without a byte order mark.");
    const std::string key(5000, 'k');
    BOOST_TEST(payload::parse("{\"" + key + "\":1,\"" + key + "\":2}").error().message.size() < 150u);
}

BOOST_AUTO_TEST_CASE(depth_is_bounded_at_128) {
    BOOST_TEST(canonical(nested(128, '[', ']')) == nested(128, '[', ']'));
    std::string objects;
    for (int i = 0; i < 128; ++i) objects += "{\"a\":";
    BOOST_TEST(payload::parse(objects + "1" + std::string(128, '}')).has_value());
    BOOST_TEST((payload::parse("{\"a\":" + objects + "1" + std::string(129, '}')).error().code == errc::json_depth));
    // A million brackets must neither crash nor take long.
    BOOST_TEST((payload::parse(std::string(1'000'000, '[')).error().code == errc::json_depth));
}

BOOST_AUTO_TEST_CASE(size_is_bounded_before_and_after_canonicalisation) {
    const std::string padding(json_bytes_max - 1, ' ');
    BOOST_TEST(canonical(padding + "1") == "1");
    BOOST_TEST((payload::parse(padding + "12").error().code == errc::json_size));
    // "1e20" has 4 bytes, its canonical form 21.
    std::string growing = "[1e20";
    while (growing.size() < json_bytes_max / 4) growing += ",1e20";
    BOOST_TEST((payload::parse(growing + "]").error().code == errc::json_size));
}

BOOST_AUTO_TEST_CASE(values_are_made_from_parts) {
    BOOST_TEST(payload().text() == "null");
    BOOST_TEST(payload().is_null());
    BOOST_TEST(payload::of_integer(-42).text() == "-42");
    BOOST_TEST(payload::of_integer(INT64_MIN).text() == "-9223372036854775808");
    std::string out = "[";
    append_integer(out, INT64_MIN);
    append_integer(out, 0);
    BOOST_TEST(out == "[-92233720368547758080");
    BOOST_TEST(payload::of_bool(true).text() == "true");
    BOOST_TEST(payload::of_bool(false).text() == "false");
    BOOST_TEST(payload::of_string("a\"\\\n\x01\xC3\xA9").text() == "\"a\\\"\\\\\\n\\u0001\xC3\xA9\"");
    BOOST_TEST(payload::of_array({}).text() == "[]");
    BOOST_TEST(payload::of_array({payload(), payload::of_integer(1)}).text() == "[null,1]");
    BOOST_TEST(payload::of_object({}).text() == "{}");
    BOOST_TEST(
        payload::of_object({{"b", payload::of_integer(1)}, {"a\n", payload()}, {"", payload::of_bool(true)}}).text() ==
        R"({"":true,"a\n":null,"b":1})");
    BOOST_TEST((payload::of_array({}).hash() == sha256("[]")));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_utf8_become_replacement_characters) {
    const payload p = payload::of_string("a\xFF\xE2\x82z\xED\xA0\x80");
    BOOST_TEST(p.text() == "\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    BOOST_TEST(payload::parse(p.text()).has_value());
}

BOOST_AUTO_TEST_CASE(impossible_values_are_programmer_errors) {
    BOOST_TEST(base_test::dies([] { payload::of_object({{"a", payload()}, {"a", payload()}}); }).aborted);
    BOOST_TEST(base_test::dies([] { payload::from_canonical(""); }).aborted);
    BOOST_TEST(base_test::dies([] { merged(payload(), payload::of_object({})); }).aborted);
    BOOST_TEST(base_test::dies([] {
                   std::string out;
                   append_number(out, 1.0 / 0.0);
               }).aborted);
}

BOOST_AUTO_TEST_CASE(kinds_and_scalars_are_told_apart) {
    BOOST_TEST(parsed("{}").is_object());
    BOOST_TEST(parsed("[]").is_array());
    BOOST_TEST(parsed("\"\"").is_string());
    BOOST_TEST(!parsed("1").is_null());
    BOOST_TEST(as_string(parsed(R"("a\n\u0001\"\\\/\b\f\r\té")")).value() == "a\n\x01\"\\/\b\f\r\t\xC3\xA9");
    BOOST_TEST(!as_string(parsed("1")).has_value());
    BOOST_TEST(as_integer(parsed("9223372036854775807")).value() == INT64_MAX);
    BOOST_TEST(as_integer(parsed("-9223372036854775808")).value() == INT64_MIN);
    BOOST_TEST(as_integer(parsed("1e3")).value() == 1000);
    for (const char* const text : {"9223372036854775808", "1.5", "\"1\"", "null", "true", "[1]", "1e21"})
        BOOST_TEST(!as_integer(parsed(text)).has_value(), text);
    BOOST_TEST(as_bool(parsed("true")).value());
    BOOST_TEST(!as_bool(parsed("false")).value());
    BOOST_TEST(!as_bool(parsed("0")).has_value());
}

BOOST_AUTO_TEST_CASE(equality_is_equality_of_values) {
    const payload a = parsed(R"({"a":1,"b":[1.0]})");
    const payload b = parsed(R"({ "b" : [1], "a" : 1 })");
    const payload same = a;
    BOOST_TEST((a == b));
    BOOST_TEST((a.hash() == b.hash()));
    BOOST_TEST(!a.same_as(b));
    BOOST_TEST(a.same_as(same));
    BOOST_TEST(!(a == parsed("{}")));
}

BOOST_AUTO_TEST_CASE(pointers_follow_rfc_6901) {
    // The document and the pointers of the RFC's section 5.
    const payload document =
        parsed(R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8})");
    const std::pair<const char*, const char*> cases[] = {
        {"/foo", R"(["bar","baz"])"},
        {"/foo/0", R"("bar")"},
        {"/foo/1", R"("baz")"},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
    };
    for (const auto& [pointer, value] : cases)
        BOOST_TEST(at_pointer(document, pointer).value().text() == value, pointer);
    BOOST_TEST(at_pointer(document, "").value().same_as(document));
    for (const char* const pointer : {"foo", "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/+1", "/foo/ 1", "/foo/",
                                      "/foo/0/x", "/x", "/m~n", "/m~", "/m~2n", "/foo/99999999999999999999", "/a~1b/0"})
        BOOST_TEST(!at_pointer(document, pointer).has_value(), pointer);
}

BOOST_AUTO_TEST_CASE(members_and_items_come_in_order) {
    const payload object = parsed(R"({"b":{"x":[1,"}",{}]},"a":"{\"","c\n":[[],[[]]]})");
    const auto list = members(object);
    BOOST_TEST_REQUIRE(list.size() == 3u);
    BOOST_TEST(list[0].first == "a");
    BOOST_TEST(list[0].second.text() == R"("{\"")");
    BOOST_TEST(list[1].first == "b");
    BOOST_TEST(list[1].second.text() == R"({"x":[1,"}",{}]})");
    BOOST_TEST(list[2].first == "c\n");
    const auto inner = items(list[2].second);
    BOOST_TEST_REQUIRE(inner.size() == 2u);
    BOOST_TEST(inner[0].text() == "[]");
    BOOST_TEST(inner[1].text() == "[[]]");
    BOOST_TEST(member(object, "c\n").value().text() == "[[],[[]]]");
    BOOST_TEST(!member(object, "c").has_value());
    BOOST_TEST(!member(inner[0], "a").has_value());
    BOOST_TEST(member_text(object.text(), "b").value() == R"({"x":[1,"}",{}]})");
    for (const char* const text : {"{}", "[]", "1", "\"{}\"", "null"}) {
        BOOST_TEST(members(parsed(text)).empty());
        BOOST_TEST(items(parsed(text)).empty());
    }
}

BOOST_AUTO_TEST_CASE(merging_sets_the_members_of_the_overlay) {
    const auto merge = [](const char* a, const char* b) { return std::string(merged(parsed(a), parsed(b)).text()); };
    BOOST_TEST(merge("{}", "{}") == "{}");
    BOOST_TEST(merge(R"({"a":1})", "{}") == R"({"a":1})");
    BOOST_TEST(merge("{}", R"({"a":1})") == R"({"a":1})");
    BOOST_TEST(merge(R"({"a":1,"c":{"x":1}})", R"({"b":2,"c":{"y":2},"d":4})") == R"({"a":1,"b":2,"c":{"y":2},"d":4})");
    BOOST_TEST(merge(R"({"b":1})", R"({"a":2})") == R"({"a":2,"b":1})");
}

BOOST_AUTO_TEST_CASE(differences_name_the_leaves) {
    const auto show = [](const char* a, const char* b, std::size_t limit = 100) {
        std::string text;
        for (const json_difference& d : differences(parsed(a), parsed(b), limit)) {
            text += d.pointer + ": " + (d.left ? std::string(d.left->text()) : "-") + " | " +
                    (d.right ? std::string(d.right->text()) : "-") + "\n";
        }
        return text;
    };
    BOOST_TEST(show(R"({"a":1})", R"({"a":1.0})") == "");
    BOOST_TEST(show("1", "2") == ": 1 | 2\n");
    BOOST_TEST(show("1", "\"1\"") == ": 1 | \"1\"\n");
    BOOST_TEST(show("[]", "{}") == ": [] | {}\n");
    BOOST_TEST(show(R"({"a":1,"b":{"c":[1,2],"d":null}})", R"({"b":{"c":[1,3,4],"d":null},"e":5})") ==
               "/a: 1 | -\n/b/c/1: 2 | 3\n/b/c/2: - | 4\n/e: - | 5\n");
    BOOST_TEST(show("[1,2,3]", "[1]") == "/1: 2 | -\n/2: 3 | -\n");
    BOOST_TEST(show(R"({"a/b~c":1})", R"({"a/b~c":2})") == "/a~1b~0c: 1 | 2\n");
    BOOST_TEST(show("[1,2,3]", "[4,5,6]", 2) == "/0: 1 | 4\n/1: 2 | 5\n");
    BOOST_TEST(show("[1,2,3]", "[4,5,6]", 0) == "");
    BOOST_TEST(show(R"({"a":1,"b":2})", "{}", 1) == "/a: 1 | -\n");
}

BOOST_AUTO_TEST_CASE(values_built_deeper_than_a_text_may_be_are_compared_as_leaves) {
    payload left = payload::of_integer(1);
    payload right = payload::of_integer(2);
    for (int i = 0; i < 1000; ++i) {
        left = payload::of_array({left});
        right = payload::of_array({right});
    }
    const auto found = differences(left, right, 10);
    BOOST_TEST_REQUIRE(found.size() == 1u);
    BOOST_TEST(found[0].pointer.size() == 2u * (json_depth_max + 1));
}

BOOST_AUTO_TEST_SUITE_END()
