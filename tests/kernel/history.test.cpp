#include "aivp/kernel/history.hpp"

#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

// Computed outside this project with another SHA-256.
constexpr std::string_view chain_1 = "017dfb534c33f8b044ac018429659cdc50202a761c1ffb06e30f3b66d47c3331";
constexpr std::string_view chain_2 = "f2368ca445ac4bbe3a98a2442e7ba3e78fa303a60e18667710888d2e57bee157";
constexpr std::string_view chain_3 = "5f8d61b9b09d892f412a30bd74370dc6b494b42b6ece01a3f6aae3ae33369f72";

const payload call_message =
    payload::from_canonical(R"({"calls":[{"args":{"a":1,"b":2},"id":"call#0","name":"add"}],"role":"assistant"})");

history history_of(const std::vector<std::string>& texts) {
    history h;
    for (const std::string& text : texts) h = h.appended(user_message(text));
    return h;
}

} // namespace

BOOST_AUTO_TEST_SUITE(conversation_history)

BOOST_AUTO_TEST_CASE(the_chain_of_three_messages_is_the_published_one) {
    const history one = history().appended(user_message("add 1 and 2"));
    const history two = one.appended(call_message);
    const history three = two.appended(tool_message("call#0", payload::of_string("3"), false));
    BOOST_TEST(to_hex(one.chain()) == chain_1);
    BOOST_TEST(to_hex(two.chain()) == chain_2);
    BOOST_TEST(to_hex(three.chain()) == chain_3);
}

BOOST_AUTO_TEST_CASE(an_empty_history_has_the_zero_chain) {
    const history h;
    BOOST_TEST(h.empty());
    BOOST_TEST(h.size() == 0U);
    BOOST_TEST(h.bytes() == 0U);
    BOOST_TEST(!h.chain());
    BOOST_TEST(h.messages().empty());
}

BOOST_AUTO_TEST_CASE(messages_have_their_documented_canonical_form) {
    BOOST_TEST(system_message("a \"b\"\n").text() == R"({"content":"a \"b\"\n","role":"system"})");
    BOOST_TEST(user_message("ü").text() == R"({"content":"ü","role":"user"})");
    BOOST_TEST(tool_message("call#3", payload::of_integer(7), false).text() ==
               R"({"call":"call#3","content":7,"role":"tool"})");
    BOOST_TEST(tool_message("call#3", payload(), true).text() ==
               R"({"call":"call#3","content":null,"error":true,"role":"tool"})");
    for (const payload& m :
         {system_message("a/\x01"), user_message("\""), tool_message("call#0", user_message("x"), true)}) {
        const auto parsed = payload::parse(m.text());
        BOOST_REQUIRE(parsed.has_value());
        BOOST_TEST(parsed->text() == m.text());
    }
    BOOST_TEST(call_name(0) == "call#0");
    BOOST_TEST(call_name(18'446'744'073'709'551'615ULL) == "call#18446744073709551615");
}

BOOST_AUTO_TEST_CASE(appending_leaves_the_shorter_history_alone_so_that_it_can_be_forked) {
    const history base = history_of({"a", "b"});
    const digest before = base.chain();
    const history left = base.appended(user_message("left"));
    const history right = base.appended(user_message("right"));
    BOOST_TEST((base.chain() == before));
    BOOST_TEST(base.size() == 2U);
    BOOST_TEST(!(left == right));
    BOOST_TEST((left.messages()[1] == right.messages()[1]));
    BOOST_TEST((left == base.appended(user_message("left"))));
}

BOOST_AUTO_TEST_CASE(a_history_of_a_million_messages_is_destroyed_without_exhausting_the_stack) {
    history h;
    const payload message = user_message("x");
    for (int i = 0; i < 1'000'000; ++i) h = h.appended(message);
    const history fork = h.appended(message);
    BOOST_TEST(h.size() == 1'000'000U);
    h = history();
    BOOST_TEST(fork.size() == 1'000'001U);
    BOOST_TEST(fork.messages_after(1'000'000).size() == 1U);
}

RC_BOOST_PROP(every_prefix_has_the_chain_and_size_of_its_own_history, (const std::vector<std::string>& texts)) {
    history h;
    digest_chain chain;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const payload m = user_message(texts[i]);
        h = h.appended(m);
        bytes += m.text().size();
        chain.append(m.hash().view());
        RC_ASSERT(h.chain() == chain.head());
        RC_ASSERT(h.size() == i + 1);
        RC_ASSERT(h.bytes() == bytes);
        RC_ASSERT(h == history_of({texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(i) + 1}));
    }
    RC_ASSERT(h.messages().size() == texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) RC_ASSERT(h.messages()[i] == user_message(texts[i]));
}

RC_BOOST_PROP(messages_after_n_are_the_tail, (const std::vector<std::string>& texts)) {
    const history h = history_of(texts);
    const auto n = *rc::gen::inRange<std::uint32_t>(0, static_cast<std::uint32_t>(texts.size()) + 3);
    const auto all = h.messages();
    const auto tail = h.messages_after(n);
    RC_ASSERT(tail.size() == (n < all.size() ? all.size() - n : 0));
    RC_ASSERT(std::equal(tail.rbegin(), tail.rend(), all.rbegin()));
}

RC_BOOST_PROP(one_edited_message_changes_every_chain_after_it, (const std::vector<std::string>& texts)) {
    RC_PRE(!texts.empty());
    const auto at = *rc::gen::inRange<std::size_t>(0, texts.size());
    auto edited = texts;
    edited[at] += "!";
    RC_ASSERT(history_of(texts).chain() != history_of(edited).chain());
    const auto cut = static_cast<std::ptrdiff_t>(at);
    RC_ASSERT(history_of({texts.begin(), texts.begin() + cut}) == history_of({edited.begin(), edited.begin() + cut}));
}

BOOST_AUTO_TEST_SUITE_END()
