#include "aivp/tape/tape.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

} // namespace

BOOST_AUTO_TEST_SUITE(tape_values)

BOOST_AUTO_TEST_CASE(the_history_chain_has_the_published_vectors) {
    const payload m1 = json(R"({"content":"add 1 and 2","role":"user"})");
    const payload m2 = json(R"({"calls":[{"args":{"a":1,"b":2},"id":"call#0","name":"add"}],"role":"assistant"})");
    const payload m3 = json(R"({"call":"call#0","content":"3","role":"tool"})");
    history h = history().appended(m1);
    BOOST_TEST(to_hex(h.chain()) == "017dfb534c33f8b044ac018429659cdc50202a761c1ffb06e30f3b66d47c3331");
    h = h.appended(m2);
    BOOST_TEST(to_hex(h.chain()) == "f2368ca445ac4bbe3a98a2442e7ba3e78fa303a60e18667710888d2e57bee157");
    h = h.appended(m3);
    BOOST_TEST(to_hex(h.chain()) == "5f8d61b9b09d892f412a30bd74370dc6b494b42b6ece01a3f6aae3ae33369f72");
}

BOOST_AUTO_TEST_CASE(the_messages_of_a_model_turn_and_its_results_are_those_of_the_vectors) {
    model_response r = proposes("add", json(R"({"b":2,"a":1})"));
    BOOST_TEST(assistant_message(r, 0).text() ==
               R"({"calls":[{"args":{"a":1,"b":2},"id":"call#0","name":"add"}],"role":"assistant"})");
    BOOST_TEST(tool_message("call#0", text("3"), false).text() == R"({"call":"call#0","content":"3","role":"tool"})");
    r.calls.push_back({"quit \"now\"", json("{}")});
    r.content = text("so");
    BOOST_TEST(
        assistant_message(r, 41).text() ==
        R"({"calls":[{"args":{"a":1,"b":2},"id":"call#41","name":"add"},{"args":{},"id":"call#42","name":"quit \"now\""}],)"
        R"("content":"so","role":"assistant"})");
    BOOST_TEST(assistant_message({}, 7).text() == R"({"role":"assistant"})");
}

BOOST_AUTO_TEST_CASE(the_event_chain_has_the_published_vectors) {
    digest_chain chain;
    BOOST_TEST(to_hex(chain.append(R"({"at":0,"body":{"kind":"run_started"},"seq":1,"source":"host"})")) ==
               "974436007c42c6d849861541446095823435ad78588aa729331b540086e40bb1");
    BOOST_TEST(to_hex(chain.append(R"({"at":1840000,"body":{"kind":"model_call"},"seq":2,"source":"engine"})")) ==
               "cc37f2ebd710e74d8d035ade361daea420288bab4e3619e586e623e73b94ae8b");
}

BOOST_AUTO_TEST_CASE(the_model_key_from_parts_is_the_request_key_of_the_engine) {
    const history h = history().appended(user_message("hello"));
    const payload tools = json(R"([{"name":"a"}])");
    const payload params = json(R"({"temperature_milli":200})");
    BOOST_CHECK(tape_model_key(h.chain(), tools.hash(), params.hash(), "m") == request_key(h, tools, params, "m"));
    BOOST_CHECK(tape_model_key(h.chain(), tools.hash(), params.hash(), "n") != request_key(h, tools, params, "m"));
}

BOOST_AUTO_TEST_CASE(the_skill_key_is_the_hash_of_id_and_canonical_arguments) {
    BOOST_CHECK(tape_skill_key("mail.send", json(R"({ "b":1, "a":2 })")) == sha256(R"(mail.send{"a":2,"b":1})"));
    BOOST_CHECK(tape_skill_key("mail.send", json("{}")) != tape_skill_key("mail.sen", json("{}")));
}

BOOST_AUTO_TEST_CASE(only_requests_have_a_key) {
    const tape t = sample_tape();
    std::string keyed;
    for (const tape_event& e : t.events)
        if (tape_key(e)) keyed += std::string(to_string(e.kind())) + " ";
    BOOST_TEST(keyed == "model_call skill_call model_call user_turn ");
}

BOOST_AUTO_TEST_CASE(the_blob_root_is_a_binary_tree_of_tagged_hashes) {
    const digest a = sha256("a");
    const digest b = sha256("b");
    const digest c = sha256("c");
    const auto leaf = [](const digest& d) { return sha256(std::string("\0", 1), d.view()); };
    const auto node = [](const digest& l, const digest& r) { return sha256("\1" + std::string(l.view()), r.view()); };
    BOOST_CHECK(tape_blob_root({}) == digest{});
    BOOST_CHECK(tape_blob_root({a}) == leaf(a));
    BOOST_CHECK(tape_blob_root({a, b, c}) == node(node(leaf(a), leaf(b)), leaf(c)));
    BOOST_CHECK(tape_blob_root({a, b}) != tape_blob_root({b, a}));
}

BOOST_AUTO_TEST_SUITE_END()
