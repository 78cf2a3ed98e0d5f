#include "aivp/skill/redact.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

payload json(std::string_view text) { return payload::parse(text).value(); }

std::string redacted(std::string_view text, const std::vector<std::string>& pointers, std::string_view kind = "k") {
    return std::string(redact(json(text), pointers, kind).text());
}

// A document of records, lists and scalars over few keys, so that random pointers hit.
payload any_document(int depth) {
    const int kind = *rc::gen::inRange(0, depth > 0 ? 5 : 3);
    if (kind == 0)
        return payload::of_string(*rc::gen::element<std::string>("", "x", "hush", "⟦secret:k#1⟧", "⟦secret:k#3⟧"));
    if (kind == 1) return payload::of_integer(*rc::gen::inRange(0, 3));
    if (kind == 2) return payload();
    std::vector<payload> values;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n) values.push_back(any_document(depth - 1));
    if (kind == 3) return payload::of_array(values);
    std::vector<std::pair<std::string, payload>> entries;
    const std::vector<std::string> keys{"a", "b", "~/", "0"};
    for (std::size_t i = 0; i < values.size(); ++i) entries.emplace_back(keys[i], values[i]);
    return payload::of_object(std::move(entries));
}

std::vector<std::string> any_pointers() {
    std::vector<std::string> pointers;
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n) {
        std::string pointer;
        for (int m = *rc::gen::inRange(1, 4); m > 0; --m) {
            pointer += *rc::gen::element<std::string>("/a", "/b", "/*", "/0", "/1", "/~0~1");
        }
        pointers.push_back(pointer);
    }
    return pointers;
}

} // namespace

BOOST_AUTO_TEST_SUITE(redaction_by_place)

BOOST_AUTO_TEST_CASE(a_value_at_a_pointer_becomes_a_numbered_placeholder) {
    BOOST_TEST(redacted(R"({"password":"hush","user":"u"})", {"/password"}, "argument") ==
               R"({"password":"⟦secret:argument#1⟧","user":"u"})");
}

BOOST_AUTO_TEST_CASE(values_of_any_type_are_replaced_whole) {
    BOOST_TEST(redacted(R"({"a":7,"b":null,"c":[1,2],"d":{"e":true},"f":false})", {"/a", "/b", "/c", "/d", "/f"}) ==
               R"({"a":"⟦secret:k#1⟧","b":"⟦secret:k#2⟧","c":"⟦secret:k#3⟧","d":"⟦secret:k#4⟧","f":"⟦secret:k#5⟧"})");
    BOOST_TEST(redacted("\"hush\"", {""}) == R"("⟦secret:k#1⟧")");
}

BOOST_AUTO_TEST_CASE(equal_values_share_a_number_and_others_do_not) {
    BOOST_TEST(redacted(R"(["x","y","x",1,"1"])", {"/*"}) ==
               R"(["⟦secret:k#1⟧","⟦secret:k#2⟧","⟦secret:k#1⟧","⟦secret:k#3⟧","⟦secret:k#4⟧"])");
}

BOOST_AUTO_TEST_CASE(a_star_stands_for_every_item_and_every_member) {
    BOOST_TEST(redacted(R"({"list":[{"key":"a","n":1},{"n":2},{"key":"b"}]})", {"/list/*/key"}) ==
               R"({"list":[{"key":"⟦secret:k#1⟧","n":1},{"n":2},{"key":"⟦secret:k#2⟧"}]})");
    BOOST_TEST(redacted(R"({"env":{"A":"1","B":"2"},"n":0})", {"/env/*"}) ==
               R"({"env":{"A":"⟦secret:k#1⟧","B":"⟦secret:k#2⟧"},"n":0})");
}

BOOST_AUTO_TEST_CASE(escapes_and_indices_follow_rfc_6901) {
    BOOST_TEST(redacted(R"({"a/b":1,"m~n":2,"x":3})", {"/a~1b", "/m~0n"}) ==
               R"({"a/b":"⟦secret:k#1⟧","m~n":"⟦secret:k#2⟧","x":3})");
    BOOST_TEST(redacted(R"([1,2,3])", {"/1"}) == R"([1,"⟦secret:k#1⟧",3])");
    BOOST_TEST(redacted(R"([1,2,3])", {"/01", "/-", "/3"}) == "[1,2,3]");
    BOOST_TEST(redacted(R"({"":{"":1}})", {"//"}) == R"({"":{"":"⟦secret:k#1⟧"}})");
}

BOOST_AUTO_TEST_CASE(what_is_no_pointer_redacts_everything) {
    for (const char* broken : {"a", "a/b", "/~", "/~2", "/a~"}) {
        BOOST_TEST(redacted(R"({"a":1})", {broken}) == R"("⟦secret:k#1⟧")");
    }
}

BOOST_AUTO_TEST_CASE(nothing_to_redact_returns_the_same_object) {
    const payload p = json(R"({"a":[1,{"b":2}]})");
    BOOST_TEST(redact(p, {}, "k").same_as(p));
    const std::vector<std::string> elsewhere{"/x", "/a/7", "/a/1/c", "/a/0/b"};
    BOOST_TEST(redact(p, elsewhere, "k").same_as(p));
    const std::vector<std::string> everywhere{"/a/*"};
    const payload once = redact(p, everywhere, "k");
    BOOST_TEST(redact(once, everywhere, "k").same_as(once));
}

BOOST_AUTO_TEST_CASE(a_kind_cannot_break_out_of_its_placeholder) {
    BOOST_TEST(redacted("1", {""}, "a⟧b c#\"") == R"("⟦secret:a___b_c__#1⟧")");
}

RC_BOOST_PROP(redacting_twice_is_redacting_once, ()) {
    const payload p = any_document(3);
    const auto pointers = any_pointers();
    const payload once = redact(p, pointers, "k");
    const payload twice = redact(once, pointers, "k");
    RC_ASSERT(twice == once);
    RC_ASSERT(twice.same_as(once));
    RC_ASSERT(payload::parse(once.text()).value().text() == once.text());
}

RC_BOOST_PROP(only_the_places_named_change, ()) {
    const payload p = any_document(3);
    const auto pointers = any_pointers();
    const payload once = redact(p, pointers, "k");
    for (const auto& difference : differences(p, once, 100)) {
        RC_ASSERT(difference.right.has_value());
        RC_ASSERT(difference.right->text().starts_with("\"⟦secret:k#"));
    }
    if (once == p) RC_ASSERT(once.same_as(p));
}

BOOST_AUTO_TEST_SUITE_END()
