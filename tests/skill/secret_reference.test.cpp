#include "aivp/skill/secret_reference.hpp"

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {
payload parsed(std::string_view text) { return payload::parse(text).value(); }
result<std::string> reveal(std::string_view name) {
    if (name == "token") return std::string("s3cr\"et");
    return fail(errc::secret_unavailable, "there is no secret `" + std::string(name) + "`");
}
} // namespace

BOOST_AUTO_TEST_SUITE(secret_reference)

BOOST_AUTO_TEST_CASE(references_are_found_where_they_stand) {
    const payload value =
        parsed(R"({"a/b":{"$secret":"token"},"list":[1,{"$secret":"other"}],"plain":"{\"$secret\":\"no\"}"})");
    BOOST_TEST(has_secret_reference(value));
    const std::vector<std::string> expected{"/a~1b", "/list/1"};
    BOOST_TEST(secret_reference_pointers(value) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(text_that_only_looks_like_a_reference_is_text) {
    const payload value = parsed(R"({"note":"{\"$secret\":\"token\"}"})");
    BOOST_TEST(!has_secret_reference(value));
    BOOST_TEST(with_secrets(value, reveal).value().text() == value.text());
}

BOOST_AUTO_TEST_CASE(a_reference_becomes_the_secret_as_a_json_string) {
    const auto filled = with_secrets(parsed(R"({"auth":{"$secret":"token"},"n":1})"), reveal);
    BOOST_REQUIRE(filled.has_value());
    BOOST_TEST(filled->text() == R"({"auth":"s3cr\"et","n":1})");
}

BOOST_AUTO_TEST_CASE(an_unknown_name_and_a_malformed_reference_are_errors) {
    BOOST_TEST(
        (with_secrets(parsed(R"({"auth":{"$secret":"missing"}})"), reveal).error().code == errc::secret_unavailable));
    BOOST_TEST((with_secrets(parsed(R"({"auth":{"$secret":7}})"), reveal).error().code == errc::secret_unavailable));
    BOOST_TEST(
        (with_secrets(parsed(R"({"auth":{"$secret":{"a":"b"}}})"), reveal).error().code == errc::secret_unavailable));
}

BOOST_AUTO_TEST_CASE(a_pointer_is_below_itself_and_below_its_parents) {
    const std::vector<std::string> pointers{"/a", "/b/0"};
    BOOST_TEST(is_below("/a", pointers));
    BOOST_TEST(is_below("/a/x", pointers));
    BOOST_TEST(!is_below("/ab", pointers));
    BOOST_TEST(!is_below("/b", pointers));
}

BOOST_AUTO_TEST_SUITE_END()
