#include "sim/import/internal/yaml_text.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "runtime/codec/yaml.hpp"

namespace {

using namespace aivp;
using namespace aivp::sim::internal;

payload through_yaml(const payload& value) {
    std::string text = "value:";
    append_yaml_value(text, value, 2);
    std::vector<error> errors;
    const auto document = read_document(text, "x.yaml", errors);
    if (!document) return payload::of_string("unreadable: " + to_string(errors.front()) + "\n" + text);
    const auto back = to_payload(document->root, "x.yaml");
    if (!back) return payload::of_string("no JSON: " + to_string(back.error()));
    return member(*back, "value").value_or(payload::of_string("absent"));
}

std::string utf8_of(std::uint32_t c) {
    std::string out;
    if (c < 0x80)
        out += static_cast<char>(c);
    else if (c < 0x800)
        out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
    else if (c < 0x10000)
        out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                static_cast<char>(0x80 | (c & 0x3F))};
    else
        out += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
                static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
    return out;
}

std::string any_text() {
    std::string out;
    const int length = *rc::gen::inRange(0, 12);
    for (int i = 0; i < length; ++i) {
        const auto c = *rc::gen::oneOf(
            rc::gen::inRange<std::uint32_t>(0, 0x80), rc::gen::inRange<std::uint32_t>(0x80, 0xD800),
            rc::gen::inRange<std::uint32_t>(0xE000, 0x110000),
            rc::gen::element<std::uint32_t>(0x85, 0xA0, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF, ' ', '\n', '#', ':'));
        out += utf8_of(c);
    }
    return out;
}

payload any_value(int depth) {
    switch (*rc::gen::inRange(0, depth > 0 ? 6 : 4)) {
    case 0: return payload::of_string(any_text());
    case 1: return payload::of_integer(*rc::gen::arbitrary<std::int64_t>());
    case 2: return payload::of_bool(*rc::gen::arbitrary<bool>());
    case 3: return payload();
    case 4: {
        std::vector<payload> list;
        const int count = *rc::gen::inRange(0, 4);
        for (int i = 0; i < count; ++i) list.push_back(any_value(depth - 1));
        return payload::of_array(list);
    }
    default: {
        std::vector<std::pair<std::string, payload>> map;
        const int count = *rc::gen::inRange(0, 4);
        for (int i = 0; i < count; ++i)
            map.emplace_back(*rc::gen::element<std::string>("key", "yes", "null", "1", "a b", "type", "~", "") +
                                 std::to_string(i),
                             any_value(depth - 1));
        map.emplace_back(*rc::gen::element<std::string>("y", "No", "true", "null", "on", "plain"), any_value(0));
        return payload::of_object(std::move(map));
    }
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(import_yaml)

BOOST_AUTO_TEST_CASE(words_are_plain_and_what_means_something_else_is_quoted) {
    std::string text;
    append_yaml_value(text, payload::parse(R"({"type":"yes","no":[1,{"a":null},[]],"x-y":{}})").value(), 2);
    BOOST_TEST(text == "\n  \"no\":\n    - 1\n    -\n      a: null\n    - []\n  type: \"yes\"\n  \"x-y\": {}\n");
}

RC_BOOST_PROP(any_text_is_the_same_after_yaml, ()) {
    const payload text = payload::of_string(any_text());
    RC_ASSERT(through_yaml(text).text() == text.text());
}

RC_BOOST_PROP(any_value_is_the_same_after_yaml, ()) {
    const payload value = any_value(3);
    RC_ASSERT(through_yaml(value).text() == value.text());
}

BOOST_AUTO_TEST_SUITE_END()
