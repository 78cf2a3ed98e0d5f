#include "aivp/tape/matcher.hpp"

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

std::vector<tape_event> numbered(std::vector<tape_event> events) {
    for (std::size_t i = 0; i < events.size(); ++i) events[i].seq.value = i + 1;
    return events;
}

tape_model_request request_of(const tape_model_call& m) { return {m.model, m.params, *m.tools, m.messages}; }

const tape_model_call& model_of(const std::vector<tape_event>& events, std::size_t i) {
    return std::get<tape_model_call>(events[i].body);
}

std::vector<std::string> pointers(const tape_miss& m) {
    std::vector<std::string> out;
    if (m.nearest)
        for (const json_difference& d : m.nearest->differences) out.push_back(d.pointer);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tape_matching)

BOOST_AUTO_TEST_CASE(a_recorded_run_answers_itself_completely) {
    const auto events = numbered(sample_tape().events);
    tape_matcher matcher(events);
    for (const tape_event& e : events) {
        if (const auto* m = std::get_if<tape_model_call>(&e.body))
            BOOST_CHECK(matcher.model("main", request_of(*m)) == &e);
        if (const auto* s = std::get_if<tape_skill_call>(&e.body))
            BOOST_CHECK(matcher.skill("main", s->skill, s->arguments) == &e);
        if (const auto* u = std::get_if<tape_user_turn>(&e.body)) BOOST_CHECK(matcher.user("main", u->text) == &e);
    }
    BOOST_TEST(matcher.unused().empty());
    BOOST_TEST(matcher.used(tape_kind::model_call) == 2u);
    BOOST_TEST(matcher.recorded(tape_kind::skill_call) == 1u);
}

BOOST_AUTO_TEST_CASE(equal_requests_are_answered_in_the_order_of_recording_and_then_missed) {
    std::vector<tape_event> events;
    for (const char* answer : {"first", "second", "third"})
        events.push_back(event_of(0, skill_call("a.poll", json("{}"), text(answer))));
    events = numbered(std::move(events));
    tape_matcher matcher(events);
    for (std::size_t i = 0; i < 3; ++i) BOOST_CHECK(matcher.skill("main", "a.poll", json("{}")) == &events[i]);
    const auto fourth = matcher.skill("main", "a.poll", json("{}"));
    BOOST_REQUIRE(!fourth);
    BOOST_TEST(to_string(fourth.error()) ==
               "tape miss: skill_call a.poll, lane main, request 4 of its kind\n"
               "  nearest: seq 3 (already used; equal, recorded fewer times than asked for)");
}

BOOST_AUTO_TEST_CASE(parallel_lanes_cannot_take_each_others_answers) {
    const auto events = numbered({event_of(0, skill_call("a.b", json("{}"), text("one")), "main/x"),
                                  event_of(0, skill_call("a.b", json("{}"), text("two")), "main/y")});
    tape_matcher matcher(events);
    BOOST_CHECK(matcher.skill("main/y", "a.b", json("{}")) == &events[1]);
    BOOST_TEST(!matcher.skill("main/y", "a.b", json("{}")).has_value());
    BOOST_TEST(!matcher.skill("main", "a.b", json("{}")).has_value());
    BOOST_CHECK(matcher.skill("main/x", "a.b", json("{}")) == &events[0]);
}

BOOST_AUTO_TEST_CASE(the_loop_trap_is_no_trap_because_a_result_makes_another_key) {
    const payload arguments = json("{}");
    const model_response asks = proposes("look", arguments);
    const history before = history().appended(user_message("how many?"));
    const history after =
        before.appended(assistant_message(asks, 0)).appended(tool_message("call#0", text("4"), false));
    const auto events = numbered({event_of(0, model_call(before, asks)), event_of(1, model_call(after, says("four")))});
    tape_matcher matcher(events);
    BOOST_CHECK(matcher.model("main", request_of(model_of(events, 0))) == &events[0]);
    BOOST_CHECK(matcher.model("main", request_of(model_of(events, 1))) == &events[1]);
    BOOST_TEST(!matcher.model("main", request_of(model_of(events, 0))).has_value());
}

BOOST_AUTO_TEST_CASE(a_miss_names_the_nearest_request_and_the_differing_argument) {
    const auto events =
        numbered({event_of(0, skill_call("bank.get", json(R"({"n":1})"), text("r"))),
                  event_of(1, skill_call("bank.send", json(R"({"amount":5,"recipient":"SPOTIFY"})"), text("r"))),
                  event_of(2, skill_call("bank.send", json(R"({"amount":6,"recipient":"RENT"})"), text("r")))});
    tape_matcher matcher(events);
    BOOST_REQUIRE(matcher.skill("main", "bank.get", json(R"({"n":1})")).has_value());
    const auto miss = matcher.skill("main", "bank.send", json(R"({"amount":5,"recipient":"SPOTIFI","when":"now"})"));
    BOOST_REQUIRE(!miss);
    BOOST_TEST(miss.error().nearest->seq.value == 2u);
    BOOST_TEST(!miss.error().nearest->used);
    BOOST_TEST(to_string(miss.error()) == "tape miss: skill_call bank.send, lane main, request 2 of its kind\n"
                                          "  nearest: seq 2 (unused; differs in 2 values)\n"
                                          "    /args/recipient  recorded \"SPOTIFY\"  live \"SPOTIFI\"\n"
                                          "    /args/when       recorded absent  live \"now\"");
    const error e = to_error(miss.error());
    BOOST_CHECK(e.code == errc::tape_miss);
    BOOST_TEST((e.context.back() == std::pair<std::string, std::string>("pointer", "/args/recipient")));
}

BOOST_AUTO_TEST_CASE(a_miss_of_a_model_call_names_message_parameter_model_and_tools) {
    const payload tools = json(R"([{"description":"d","name":"a","parameters":{"type":"object"}}])");
    history h = history().appended(system_message("s")).appended(user_message("u"));
    const std::string long_text(500, '.');
    h = h.appended(tool_message("call#0", text(long_text + "in stock: 4" + long_text), false));
    const auto events = numbered({event_of(0, model_call(h, says("x"), tools))});
    tape_model_request live = request_of(model_of(events, 0));

    live.messages = history()
                        .appended(system_message("s"))
                        .appended(user_message("u"))
                        .appended(tool_message("call#0", text(long_text + "in stock: 3" + long_text), false));
    auto miss = tape_matcher(events).model("main", live);
    BOOST_REQUIRE(!miss);
    BOOST_TEST(pointers(miss.error()) == std::vector<std::string>{"/messages/2/content"},
               boost::test_tools::per_element());
    const std::string shown = to_string(miss.error());
    BOOST_TEST(shown.find("1 of 3 messages") != std::string::npos);
    BOOST_TEST(shown.find("in stock: 4") != std::string::npos);
    BOOST_TEST(shown.find("in stock: 3") != std::string::npos);
    BOOST_TEST(shown.size() < 500u);

    live = request_of(model_of(events, 0));
    live.model = "model-b";
    live.params = json(R"({"temperature_milli":200})");
    live.tools = json(R"([{"description":"e","name":"a","parameters":{"type":"object"}}])");
    live.messages = live.messages.appended(user_message("more"));
    miss = tape_matcher(events).model("main", live);
    BOOST_REQUIRE(!miss);
    const std::vector<std::string> expected{"/messages/3", "/model", "/params/temperature_milli",
                                            "/tools/0/description"};
    BOOST_TEST(pointers(miss.error()) == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(tools_that_are_kept_as_a_hash_are_compared_by_it) {
    auto events = numbered({event_of(0, model_call(history().appended(user_message("u")), says("x")))});
    const tape_model_request live{"model-a", model_of(events, 0).params, json(R"([{"name":"new"}])"),
                                  model_of(events, 0).messages};
    std::get<tape_model_call>(events[0].body).tools.reset();
    const auto miss = tape_matcher(events).model("main", live);
    BOOST_REQUIRE(!miss);
    BOOST_TEST(pointers(miss.error()) == std::vector<std::string>{"/tools"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_tape_without_such_a_call_says_so) {
    const std::vector<tape_event> none;
    tape_matcher matcher(none);
    BOOST_TEST(to_string(matcher.user("main", text("hello")).error()) ==
               "tape miss: user_turn, lane main, request 1 of its kind\n"
               "  nearest: none, the tape has no user_turn in this lane");
}

BOOST_AUTO_TEST_CASE(at_most_eight_differences_are_shown_and_the_rest_is_counted) {
    std::vector<std::pair<std::string, payload>> left;
    std::vector<std::pair<std::string, payload>> right;
    for (char c = 'a'; c < 'a' + 20; ++c) {
        left.emplace_back(std::string(1, c), payload::of_integer(1));
        right.emplace_back(std::string(1, c), payload::of_integer(2));
    }
    const auto events = numbered({event_of(0, skill_call("a.b", payload::of_object(left), text("r")))});
    const auto miss = tape_matcher(events).skill("main", "a.b", payload::of_object(right));
    BOOST_REQUIRE(!miss);
    BOOST_TEST(miss.error().nearest->differences.size() == tape_miss_differences_max);
    BOOST_TEST(miss.error().nearest->differing == 20u);
    BOOST_TEST(to_string(miss.error()).find("and 12 more") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(another_skill_is_only_nearest_when_there_is_nothing_better) {
    const auto events = numbered({event_of(0, skill_call("a.b", json(R"({"x":1})"), text("r"))),
                                  event_of(1, skill_call("a.c", json(R"({"p":1,"q":2,"r":3})"), text("r")))});
    auto miss = tape_matcher(events).skill("main", "a.c", json(R"({"x":1})"));
    BOOST_TEST(miss.error().nearest->seq.value == 2u);
    miss = tape_matcher(events).skill("main", "a.d", json(R"({"x":1})"));
    BOOST_TEST(miss.error().nearest->seq.value == 1u);
    BOOST_TEST(pointers(miss.error()) == std::vector<std::string>{"/skill"}, boost::test_tools::per_element());
    BOOST_TEST(miss.error().nearest->differing == 1u);
}

BOOST_AUTO_TEST_CASE(a_copy_of_a_matcher_remembers_by_itself) {
    const auto events = numbered({event_of(0, skill_call("a.b", json("{}"), text("r")))});
    tape_matcher one(events);
    tape_matcher fork = one;
    BOOST_TEST(one.skill("main", "a.b", json("{}")).has_value());
    BOOST_TEST(fork.skill("main", "a.b", json("{}")).has_value());
    BOOST_TEST(!one.skill("main", "a.b", json("{}")).has_value());
}

BOOST_AUTO_TEST_CASE(a_verdict_becomes_the_first_thing_that_is_wrong) {
    tape_verdict v;
    BOOST_CHECK(check(v).error().code == errc::tape_empty);
    v.matched = 3;
    BOOST_TEST(check(v).has_value());
    v.unused = 2;
    v.unused_events = {seq_no{4}, seq_no{9}};
    BOOST_CHECK(check(v).error().code == errc::tape_unused);
    BOOST_TEST(check(v).error().message.find("seq 4, 9") != std::string::npos);
    v.missed = 1;
    BOOST_CHECK(check(v).error().code == errc::tape_miss);
    BOOST_TEST(!v.clean());
}

RC_BOOST_PROP(any_order_of_requests_finds_every_answer_and_repeats_keep_their_order, ()) {
    const int count = *rc::gen::inRange(1, 40);
    std::vector<tape_event> events;
    for (int i = 0; i < count; ++i) {
        const payload arguments = payload::of_object({{"k", payload::of_integer(*rc::gen::inRange(0, 4))}});
        events.push_back(event_of(i, skill_call("a.b", arguments, payload::of_integer(i)),
                                  *rc::gen::element<std::string>("main", "other")));
    }
    events = numbered(std::move(events));
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < events.size(); ++i) order.push_back(i);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[*rc::gen::inRange<std::size_t>(0, i)]);
    tape_matcher matcher(events);
    std::map<std::pair<std::string, std::string>, std::uint64_t> last;
    for (const std::size_t i : order) {
        const auto& call = std::get<tape_skill_call>(events[i].body);
        const auto found = matcher.skill(events[i].lane, call.skill, call.arguments);
        RC_ASSERT(found.has_value());
        RC_ASSERT((*found)->lane == events[i].lane);
        RC_ASSERT(std::get<tape_skill_call>((*found)->body).arguments == call.arguments);
        std::uint64_t& before = last[{events[i].lane, std::string(call.arguments.text())}];
        RC_ASSERT((*found)->seq.value > before);
        before = (*found)->seq.value;
    }
    RC_ASSERT(matcher.unused().empty());
}

RC_BOOST_PROP(any_single_changed_argument_is_a_miss_that_names_its_pointer, ()) {
    std::vector<std::pair<std::string, payload>> arguments;
    const int count = *rc::gen::inRange(1, 7);
    for (int i = 0; i < count; ++i)
        arguments.emplace_back("a" + std::to_string(i), payload::of_integer(*rc::gen::inRange(0, 3)));
    const auto events = numbered({event_of(0, skill_call("a.b", payload::of_object(arguments), text("r")))});
    const auto changed = *rc::gen::inRange<std::size_t>(0, arguments.size());
    arguments[changed].second = text("changed");
    const auto miss = tape_matcher(events).skill("main", "a.b", payload::of_object(arguments));
    RC_ASSERT(!miss.has_value());
    RC_ASSERT(pointers(miss.error()) == std::vector<std::string>{"/args/a" + std::to_string(changed)});
}

BOOST_AUTO_TEST_SUITE_END()
