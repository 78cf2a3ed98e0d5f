#include "aivp/kernel/model_call.hpp"

#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace aivp;

namespace {

// The key from its definition, with the four parts joined by hand.
digest key_by_hand(const history& messages, const payload& tools, const payload& params, std::string_view model) {
    std::string material;
    material += messages.chain().view();
    material += sha256(tools.text()).view();
    material += sha256(params.text()).view();
    material += model;
    return sha256(material);
}

} // namespace

BOOST_AUTO_TEST_SUITE(model_requests)

BOOST_AUTO_TEST_CASE(the_key_hashes_history_tools_params_and_model) {
    const history messages = history().appended(user_message("hello"));
    const payload tools = payload::from_canonical(R"([{"description":"d","name":"n","parameters":{}}])");
    const payload params = payload::from_canonical(R"({"max_output_tokens":10})");
    BOOST_TEST((request_key(messages, tools, params, "m-1") == key_by_hand(messages, tools, params, "m-1")));
}

BOOST_AUTO_TEST_CASE(each_part_of_a_request_changes_its_key) {
    const history one = history().appended(user_message("a"));
    const history two = one.appended(user_message("b"));
    const payload none = payload::of_array({});
    const payload some = payload::of_array({payload::of_integer(1)});
    std::set<std::string> keys;
    for (const history& messages : {history(), one, two}) {
        for (const payload& tools : {none, some}) {
            for (const payload& params : {payload(), some}) {
                for (const char* model : {"", "m", "m2"})
                    keys.insert(to_hex(request_key(messages, tools, params, model)));
            }
        }
    }
    BOOST_TEST(keys.size() == 3U * 2 * 2 * 3);
}

BOOST_AUTO_TEST_CASE(a_turn_is_equal_to_its_copy_and_to_nothing_that_differs_in_one_field) {
    const model_response turn{
        payload::of_string("x"), {{"add", payload::of_object({})}}, "tool_calls", {1, 2, 0, true}};
    BOOST_TEST((turn == model_response(turn)));
    model_response other = turn;
    other.calls[0].name = "sub";
    BOOST_TEST(!(turn == other));
    other = turn;
    other.usage.output = 3;
    BOOST_TEST(!(turn == other));
    other = turn;
    other.content = payload();
    BOOST_TEST(!(turn == other));
}

BOOST_AUTO_TEST_SUITE_END()
