#include "runtime/codec/yaml.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

namespace {

using aivp::errc;

aivp::yaml_document read_good(std::string_view text, std::string file = "f.yaml") {
    std::vector<aivp::error> errors;
    auto document = aivp::read_document(text, std::move(file), errors);
    for (const aivp::error& e : errors) BOOST_TEST_MESSAGE(aivp::to_string(e));
    BOOST_REQUIRE(document);
    return std::move(*document);
}

std::string payload_text(std::string_view yaml) {
    const auto value = aivp::to_payload(read_good(yaml).root, "f.yaml");
    return value ? std::string(value->text())
                 : std::string(aivp::info(value.error().code).name) + " " + aivp::to_string(value.error().where);
}

std::string refusal_of(const aivp::result<aivp::yaml_document>& document) {
    if (document) return "no error";
    return std::string(aivp::info(document.error().code).name) + " " + aivp::to_string(document.error().where);
}

std::string place_text(aivp::text_place at) { return std::to_string(at.line) + ":" + std::to_string(at.column); }

} // namespace

BOOST_AUTO_TEST_SUITE(yaml)

BOOST_AUTO_TEST_CASE(keys_and_values_know_where_they_stand) {
    const auto document = read_good("a: 1\nb:\n  - x\n  - {c: \"y\"}\n");
    const aivp::yaml_node& root = document.root;
    BOOST_REQUIRE(root.is_mapping());
    BOOST_TEST(place_text(root.members[0].at) == "1:1");
    BOOST_TEST(place_text(root.members[0].value.at) == "1:4");
    BOOST_TEST(place_text(root.members[1].at) == "2:1");
    const aivp::yaml_node& list = root.find("b")->value;
    BOOST_TEST(place_text(list.at) == "3:3");
    BOOST_TEST(place_text(list.items[0].at) == "3:5");
    BOOST_TEST(place_text(list.items[1].at) == "4:5");
    BOOST_TEST(place_text(list.items[1].members[0].at) == "4:6");
    BOOST_TEST(place_text(list.items[1].members[0].value.at) == "4:9");
    BOOST_TEST(place_text(list.items[1].members[0].value.content()) == "4:10");
    BOOST_TEST((root.find("z") == nullptr));
}

BOOST_AUTO_TEST_CASE(columns_count_characters_and_not_bytes) {
    const auto document = read_good("{\"größe\": \"ß\", \"日本\": x}\n");
    BOOST_TEST(place_text(document.root.members[0].value.at) == "1:11");
    BOOST_TEST(place_text(document.root.members[1].at) == "1:16");
    BOOST_TEST(place_text(document.root.members[1].value.at) == "1:22");
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_crlf_change_nothing) {
    const auto plain = read_good("a: 1\nb: |\n  x\n  y\n");
    const auto windows = read_good("\xEF\xBB\xBF"
                                   "a: 1\r\nb: |\r\n  x\r\n  y\r\n");
    BOOST_TEST(windows.root.find("b")->value.text == "x\ny\n");
    BOOST_TEST(place_text(windows.root.find("b")->at) == place_text(plain.root.find("b")->at));
}

BOOST_AUTO_TEST_CASE(plain_scalars_are_typed_by_the_core_schema_of_yaml_1_2) {
    const std::pair<const char*, const char*> cases[] = {
        {"", "null"},
        {"~", "null"},
        {"null", "null"},
        {"Null", "null"},
        {"NULL", "null"},
        {"nUll", "\"nUll\""},
        {"true", "true"},
        {"True", "true"},
        {"TRUE", "true"},
        {"false", "false"},
        {"tRue", "\"tRue\""},
        {"yes", "\"yes\""},
        {"no", "\"no\""},
        {"on", "\"on\""},
        {"off", "\"off\""},
        {"y", "\"y\""},
        {"0", "0"},
        {"-0", "0"},
        {"+12", "12"},
        {"-12", "-12"},
        {"007", "7"},
        {"-007", "-7"},
        {"0o17", "15"},
        {"0xfF", "255"},
        {"0o18", "\"0o18\""},
        {"0x", "\"0x\""},
        {"-0x1F", "\"-0x1F\""},
        {"1_000", "\"1_000\""},
        {"0b11", "\"0b11\""},
        {"1:30", "\"1:30\""},
        {"12345678901234567890123", "12345678901234567890123"},
        {"0xFFFFFFFFFFFFFFFFFFFF", "1208925819614629174706175"},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"-.5", "-0.5"},
        {"+.5", "0.5"},
        {"5.", "5"},
        {"5.e2", "500"},
        {"1e3", "1000"},
        {"1E-2", "0.01"},
        {"00.10", "0.1"},
        {".", "\".\""},
        {"1.2.3", "\"1.2.3\""},
        {"e3", "\"e3\""},
        {"1e", "\"1e\""},
        {"--1", "\"--1\""},
        {"1 2", "\"1 2\""},
        {"2026-03-01", "\"2026-03-01\""},
        {"\"1\"", "\"1\""},
        {"'true'", "\"true\""},
        {"\"\"", "\"\""},
        {"'null'", "\"null\""},
        {".inf", "config.value f.yaml:1:4"},
        {"-.INF", "config.value f.yaml:1:4"},
        {".nan", "config.value f.yaml:1:4"},
        {"1e400", "json.number f.yaml:1:4"},
    };
    for (const auto& [written, expected] : cases) {
        const std::string made = payload_text("a: " + std::string(written) + "\n");
        const std::string wanted = made.front() == '{' ? "{\"a\":" + std::string(expected) + "}" : expected;
        BOOST_TEST(made == wanted, written << " is read as " << made);
    }
}

BOOST_AUTO_TEST_CASE(block_scalars_and_folded_lines_are_text) {
    BOOST_TEST(payload_text("a: |\n  12\n") == R"({"a":"12\n"})");
    BOOST_TEST(payload_text("a: >-\n  one\n  two\n") == R"({"a":"one two"})");
    BOOST_TEST(payload_text("a: one\n  two\n") == R"({"a":"one two"})");
    BOOST_TEST(payload_text("a: \"x\\ty\\u00e9\\n\"\n") == "{\"a\":\"x\\tyé\\n\"}");
    BOOST_TEST(payload_text("a: 'it''s'\n") == R"({"a":"it's"})");
}

BOOST_AUTO_TEST_CASE(only_text_that_is_written_as_it_reads_has_columns_inside) {
    const auto document = read_good("a: plain text\nb: \"x\\ny\"\nc: |\n  x\nd: one\n  two\ne: 'x'\n");
    BOOST_TEST(document.root.find("a")->value.single);
    BOOST_TEST(!document.root.find("b")->value.single);
    BOOST_TEST(!document.root.find("c")->value.single);
    BOOST_TEST(!document.root.find("d")->value.single);
    BOOST_TEST(document.root.find("e")->value.single);
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_null) {
    for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "---\n...\n"})
        BOOST_TEST(payload_text(text) == "null", text);
}

BOOST_AUTO_TEST_CASE(sixty_four_levels_are_allowed_and_one_more_is_not) {
    const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    BOOST_TEST(refusal_of(aivp::parse_yaml(nested(64), "f.yaml")) == "no error");
    BOOST_TEST(refusal_of(aivp::parse_yaml(nested(65), "f.yaml")) == "yaml.depth f.yaml:1:65");
    BOOST_TEST(refusal_of(aivp::parse_json(nested(64), "f.json")) == "no error");
    BOOST_TEST(refusal_of(aivp::parse_json(nested(65), "f.json")) == "yaml.depth f.json:1:65");
    std::string dashes;
    for (int i = 0; i < 64; ++i) dashes += "- ";
    BOOST_TEST(refusal_of(aivp::parse_yaml(dashes + "x", "f.yaml")) == "no error");
    BOOST_TEST(refusal_of(aivp::parse_yaml(dashes + "- x", "f.yaml")) == "yaml.depth f.yaml:1:129");
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_refused_where_it_stands) {
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: é\nb: \xff\n", "f.yaml")) == "json.utf8 f.yaml:2:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: \xC0\x80\n", "f.yaml")) == "json.utf8 f.yaml:1:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: \xED\xA0\x80\n", "f.yaml")) == "json.utf8 f.yaml:1:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: \xE2\x82", "f.yaml")) == "json.utf8 f.yaml:1:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: \xF4\x90\x80\x80\n", "f.yaml")) == "json.utf8 f.yaml:1:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml(std::string("a: \0b", 5), "f.yaml")) == "yaml.syntax f.yaml:1:4");
    BOOST_TEST(refusal_of(aivp::parse_yaml("a: b\rc\n", "f.yaml")) == "yaml.syntax f.yaml:1:5");
    BOOST_TEST(refusal_of(aivp::parse_json("{\"a\":\n \"\xff\"}", "f.json")) == "json.utf8 f.json:2:3");
}

BOOST_AUTO_TEST_CASE(files_of_more_than_four_mebibytes_are_refused) {
    std::string text = "a: \"" + std::string(aivp::yaml_bytes_max - 5, 'x') + "\"";
    BOOST_TEST(text.size() == aivp::yaml_bytes_max);
    BOOST_TEST(refusal_of(aivp::parse_yaml(text, "f.yaml")) == "no error");
    BOOST_TEST(refusal_of(aivp::parse_yaml(text + "\n", "f.yaml")) == "json.size f.yaml");
    BOOST_TEST(refusal_of(aivp::parse_json("\"" + std::string(aivp::yaml_bytes_max, 'x') + "\"", "f.json")) ==
               "json.size f.json");
}

BOOST_AUTO_TEST_CASE(json_is_read_with_the_same_places) {
    const auto document =
        read_good("{\n  \"a\\u0062\": [1, \"x\\n\", {\"q\": null}],\n  \"t\": true, \"n\": -1.5e3\n}\n", "f.json");
    const aivp::yaml_node& list = document.root.find("ab")->value;
    BOOST_TEST(place_text(document.root.find("ab")->at) == "2:3");
    BOOST_TEST(place_text(list.items[1].at) == "2:18");
    BOOST_TEST(!list.items[1].plain);
    BOOST_TEST(!list.items[1].single);
    BOOST_TEST(place_text(list.items[2].find("q")->value.at) == "2:31");
    const auto value = aivp::to_payload(document.root, "f.json");
    BOOST_REQUIRE(value);
    BOOST_TEST(value->text() == R"({"ab":[1,"x\n",{"q":null}],"n":-1500,"t":true})");
    BOOST_TEST(refusal_of(aivp::parse_json("{\"a\": 1,\n}", "f.json")) == "json.syntax f.json:2:1");
    BOOST_TEST(refusal_of(aivp::parse_json("# no\n{}", "f.json")) == "json.syntax f.json:1:1");
}

BOOST_AUTO_TEST_CASE(all_forbidden_things_of_a_file_are_reported) {
    std::vector<aivp::error> errors;
    BOOST_TEST(!aivp::read_document("a: &x 1\nb: *x\na: !t 2\n<<: 3\n", "f.yaml", errors));
    BOOST_REQUIRE_EQUAL(errors.size(), 5U);
    BOOST_TEST(std::string(aivp::info(errors[2].code).name) == "yaml.duplicate_key");
    BOOST_TEST(errors[2].help.find("line 1") != std::string::npos);
    BOOST_TEST(aivp::to_string(errors[4].where) == "f.yaml:4:1");
}

BOOST_AUTO_TEST_CASE(a_quoted_merge_key_and_quoted_tags_are_ordinary_text) {
    BOOST_TEST(payload_text("\"<<\": \"!x\"\n'&a': '*b'\n") == R"({"&a":"*b","<<":"!x"})");
}

BOOST_AUTO_TEST_CASE(located_payloads_know_the_place_of_every_part) {
    const auto document = read_good("a:\n  - {b/c: \"x~y\"}\n  - 2\n");
    const auto value = aivp::to_located_payload(document.root, "f.yaml");
    BOOST_REQUIRE(value);
    BOOST_TEST(value->value.text() == R"({"a":[{"b/c":"x~y"},2]})");
    BOOST_TEST(aivp::to_string(value->at("/a/0/b~1c").value) == "f.yaml:2:11");
    BOOST_TEST(aivp::to_string(value->at("/a/0/b~1c").content) == "f.yaml:2:12");
    BOOST_TEST(aivp::to_string(value->at("/a/0/b~1c").key) == "f.yaml:2:6");
    BOOST_TEST(aivp::to_string(value->at("/a/1").value) == "f.yaml:3:5");
    BOOST_TEST(aivp::to_string(value->at("/a/1/deeper/still").value) == "f.yaml:3:5");
    BOOST_TEST(aivp::to_string(value->at("/nowhere").value) == "f.yaml:1:1");
}

BOOST_AUTO_TEST_CASE(hostile_texts_are_answered_and_not_a_reason_to_fall_over) {
    const auto repeated = [](std::string_view unit, std::size_t bytes) {
        std::string text;
        while (text.size() < bytes) text += unit;
        return text;
    };
    for (const char* unit :
         {"[", "{",     "[{", "- ",  "? ", "{a: ", "[\n", "a: ",     "&a ",  "%T \n", "---\n", "\"\\\n",
          "!", "- [\n", ": ", "?\n", "{?", "*",    "|",   "\"a\": ", "[a\n", ",",     "]"}) {
        const auto read = aivp::parse_yaml(repeated(unit, 1u << 18), "f.yaml");
        BOOST_TEST(!read.has_value(), unit);
        BOOST_TEST(aivp::parse_json(repeated(unit, 1u << 18), "f.json").has_value() == false, unit);
    }
    BOOST_TEST(aivp::parse_yaml(repeated("-\n", 1u << 18), "f.yaml").has_value());
    BOOST_TEST(aivp::parse_yaml("[" + repeated("a,", 1u << 18) + "]", "f.yaml").has_value());
    std::string keys;
    for (int i = 0; i < 20'000; ++i) keys += "k" + std::to_string(i) + ": [1, {a: \"b\"}]\n";
    BOOST_TEST(read_good(keys).root.members.size() == 20'000U);
}

BOOST_AUTO_TEST_SUITE_END()
