#include "mocks/canned.hpp"

#include <boost/test/unit_test.hpp>

#include "support.hpp"

using namespace aivp;
using namespace aivp::mocks_test;

namespace {
struct canned {
    manual_world world;
    world_ledger ledger;
    canned_connector connector;
    std::uint64_t calls = 0;

    explicit canned(std::string_view answers, connector_port* next = nullptr)
        : connector(world, ledger, parse_canned_answers(js(answers)).value(), next) {}
    skill_completion call(std::string_view skill, std::string_view arguments, const call_options& options = {}) {
        collecting_sink sink;
        connector.call(skill_call(skill, js(arguments), ++calls, options), sink);
        BOOST_REQUIRE(sink.skills.size() == 1u);
        return sink.skills.front();
    }
    std::string text(std::string_view skill, std::string_view arguments) {
        return std::string(call(skill, arguments).result.text());
    }
};
} // namespace

BOOST_AUTO_TEST_SUITE(mocks_canned)

BOOST_AUTO_TEST_CASE(the_first_answer_that_fits_is_given_until_it_is_used_up) {
    canned c(
        R"([{"skill":"mail.read","when":{"id":"a"},"result":1,"times":2},{"skill":"mail.read","when":{"id":"a"},"result":2},
                 {"skill":"mail.*","result":3},{"skill":"*","result":4}])");
    BOOST_TEST(c.text("mail.read", R"({"id":"a","x":0})") == "1");
    BOOST_TEST(c.connector.unused().size() == 1u);
    BOOST_TEST(c.connector.unused().at(0) == "mail.read (1 of 2 left)");
    BOOST_TEST(c.text("mail.read", R"({"id":"a"})") == "1");
    BOOST_TEST(c.text("mail.read", R"({"id":"a"})") == "2");
    BOOST_TEST(c.text("mail.read", R"({"id":"a"})") == "2");
    BOOST_TEST(c.text("mail.read", R"({"id":"b"})") == "3");
    BOOST_TEST(c.text("chat.post", "{}") == "4");
    BOOST_TEST(c.connector.unused().empty());
    BOOST_TEST(c.ledger.size() == 6u);
}

BOOST_AUTO_TEST_CASE(several_results_come_in_order_and_the_last_repeats) {
    canned c(R"([{"skill":"a.b","results":[1,2]}])");
    BOOST_TEST(c.text("a.b", "{}") == "1");
    BOOST_TEST(c.text("a.b", "{}") == "2");
    BOOST_TEST(c.text("a.b", "{}") == "2");
}

BOOST_AUTO_TEST_CASE(an_error_fails_with_its_code_and_details) {
    canned c(
        R"([{"skill":"a.b","error":{"code":"skill.unavailable","message":"gone","details":{"retry":1}}},{"skill":"a.c","error":"skill.outcome_unknown"}])");
    const auto failed = c.call("a.b", "{}");
    BOOST_TEST((failed.outcome == effect_outcome::failed));
    BOOST_TEST((failed.code == errc::skill_unavailable));
    BOOST_TEST(failed.message == "gone");
    BOOST_TEST(failed.result.text() == R"({"retry":1})");
    const auto unknown = c.call("a.c", "{}");
    BOOST_TEST((unknown.outcome == effect_outcome::unknown));
    BOOST_TEST(!unknown.message.empty());
}

BOOST_AUTO_TEST_CASE(a_miss_says_whether_the_skill_or_the_arguments_are_unknown) {
    canned c(R"([{"skill":"a.b","when":{"x":1},"result":1,"times":1}])");
    BOOST_TEST((c.call("a.c", "{}").code == errc::connector_missing));
    BOOST_TEST((c.call("a.b", R"({"x":2})").code == errc::skill_not_found));
    BOOST_TEST(c.text("a.b", R"({"x":1})") == "1");
    const auto spent = c.call("a.b", R"({"x":1})");
    BOOST_TEST((spent.code == errc::skill_not_found));
    BOOST_TEST(spent.message.find(R"({"x":1})") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_it_does_not_know_goes_on_to_the_next_connector) {
    mocked behind(R"({"kv":{}})");
    canned c(R"([{"skill":"kv.get","when":{"key":"canned"},"result":"from the can"}])", &behind.connector);
    BOOST_TEST(c.text("kv.get", R"({"key":"canned"})") == R"("from the can")");
    BOOST_TEST(c.text("kv.get", R"({"key":"other"})") == R"({"found":false,"value":null})");
    BOOST_TEST(c.ledger.size() == 1u);
    BOOST_TEST(behind.ledger.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_keyed_repeat_uses_no_answer_up) {
    canned c(R"([{"skill":"a.b","results":[1,2]}])");
    const std::string_view first = "k1";
    BOOST_TEST(c.call("a.b", "{}", {.key = first}).result.text() == "1");
    BOOST_TEST(c.call("a.b", "{}", {.key = first}).result.text() == "1");
    BOOST_TEST((c.call("a.b", R"({"x":1})", {.key = first}).code == errc::idem_other_args));
    BOOST_TEST(c.call("a.b", "{}", {.key = "k2"}).result.text() == "2");
    BOOST_TEST(c.ledger.duplicates() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
