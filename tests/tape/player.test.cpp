#include "mocks/tape/player.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tape/ports.hpp"
#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

tape loaded(const tape& t) { return tape_from_text(tape_to_text(t), "x.tape").value(); }

} // namespace

BOOST_AUTO_TEST_SUITE(tape_playing)

BOOST_AUTO_TEST_CASE(a_recorded_run_is_answered_at_the_recorded_latency) {
    const tape t = loaded(sample_tape());
    test_world world;
    tape_player player(t.events, {.world = &world, .fold_arguments = {}});
    tiny_run run(player, player, player, &world);
    run.start(sample_tape());
    BOOST_TEST(run.log == std::vector<std::string>{}, boost::test_tools::per_element());
    world.run();
    const std::vector<std::string> expected{"250000 model ok", "260000 skill ok \"sent\"", "510000 model ok",
                                            "3510000 user ended"};
    BOOST_TEST(run.log == expected, boost::test_tools::per_element());
    const tape_verdict v = player.verdict();
    BOOST_TEST(v.clean());
    BOOST_TEST(v.matched == 3u);
    BOOST_TEST(v.matched_model == 2u);
    BOOST_TEST(v.matched_skill == 1u);
    BOOST_TEST(v.matched_user == 1u);
    BOOST_TEST(check(v).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_world_answers_come_at_once) {
    const tape t = loaded(sample_tape());
    tape_player player(t.events);
    tiny_run run(player, player, player);
    run.start(sample_tape());
    BOOST_TEST(run.log.size() == 4u);
    BOOST_TEST(player.verdict().clean());
}

BOOST_AUTO_TEST_CASE(a_hand_edited_tape_shows_its_edit_as_a_miss_with_the_pointer) {
    tape_text text = tape_to_text(sample_tape());
    const std::string_view recorded = R"("recipient":"SPOTIFY"},"as")";
    text.events.replace(text.events.find(recorded), recorded.size(), R"("recipient":"SPOTIFI"},"as")");
    const tape t = tape_from_text(text, "x.tape").value();
    BOOST_CHECK(t.problems.front().code == errc::tape_chain);
    tape_player player(t.events);
    tiny_run run(player, player, player);
    run.start(sample_tape());
    BOOST_TEST(run.log.back() == "0 skill failed tape.miss");
    BOOST_TEST(player.missed());
    const tape_verdict v = player.verdict();
    BOOST_TEST(v.missed == 1u);
    BOOST_TEST(v.unused == 3u);
    BOOST_REQUIRE(v.misses.size() == 1u);
    BOOST_TEST(to_string(v.misses.front()) ==
               "tape miss: skill_call bank.send_money, lane main, request 1 of its kind\n"
               "  nearest: seq 3 (unused; differs in 1 value)\n"
               "    /args/recipient  recorded \"SPOTIFI\"  live \"SPOTIFY\"");
}

BOOST_AUTO_TEST_CASE(with_a_world_a_host_can_stop_a_run_before_it_goes_on_from_a_miss) {
    const tape t = loaded(sample_tape());
    test_world world;
    tape_player player(t.events, {.world = &world, .fold_arguments = {}});
    tiny_run run(player, player, player, &world);
    run.call_skill("bank.close", json("{}"));
    BOOST_TEST(player.missed());
    BOOST_TEST(run.log.empty());
    world.run();
    BOOST_TEST(run.log == std::vector<std::string>{"0 skill failed tape.miss"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_edited_result_is_missed_by_the_next_model_call) {
    tape_text text = tape_to_text(sample_tape());
    const std::string_view recorded = R"("result":"sent")";
    text.events.replace(text.events.find(recorded), recorded.size(), R"("result":"lost")");
    const tape t = tape_from_text(text, "x.tape").value();
    tape_player player(t.events);
    tiny_run run(player, player, player);
    run.start(sample_tape());
    BOOST_REQUIRE(player.misses().size() == 1u);
    const tape_miss& m = player.misses().front();
    BOOST_CHECK(m.kind == tape_kind::model_call);
    BOOST_TEST(m.step == 2u);
    BOOST_TEST(m.nearest->differences.front().pointer == "/messages/3/content");
    BOOST_TEST(m.nearest->differences.front().left->text() == "\"sent\"");
    BOOST_TEST(m.nearest->differences.front().right->text() == "\"lost\"");
}

BOOST_AUTO_TEST_CASE(recorded_failures_and_silence_are_played_too) {
    tape t;
    tape_skill_call failed = skill_call("a.b", json("{}"), text("no such file"));
    failed.ending = {effect_outcome::failed, errc::skill_failed, "no such file", milliseconds(5), true};
    tape_skill_call silent = skill_call("a.c", json("{}"), {});
    silent.ending = {effect_outcome::unknown, errc::skill_outcome_unknown, "no answer came", {}, false};
    t.events = {event_of(0, failed), event_of(1, silent)};
    t = loaded(t);
    test_world world;
    tape_player player(t.events, {.world = &world, .fold_arguments = {}});
    tiny_run run(player, player, player, &world);
    run.call_skill("a.b", json("{}"));
    run.call_skill("a.c", json("{}"));
    world.run();
    BOOST_TEST(run.log == std::vector<std::string>{"5000 skill failed skill.failed \"no such file\""},
               boost::test_tools::per_element());
    BOOST_TEST(player.verdict().clean());
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_gets_no_answer) {
    const tape t = loaded(sample_tape());
    test_world world;
    tape_player player(t.events, {.world = &world, .fold_arguments = {}});
    tiny_run run(player, player, player, &world);
    run.start(sample_tape());
    player.cancel({run_id{1}, call_id{1}});
    world.run();
    BOOST_TEST(run.log.empty());
    BOOST_TEST(player.verdict().unused == 3u);
}

BOOST_AUTO_TEST_CASE(live_arguments_are_folded_before_they_are_matched) {
    tape t;
    t.events = {event_of(0, skill_call("a.b", json(R"({"token":"<secret:1>"})"), text("ok")))};
    t = loaded(t);
    tape_player player(t.events, {.fold_arguments = [](std::string_view, const payload& arguments) {
                           return merged(arguments, json(R"({"token":"<secret:1>"})"));
                       }});
    tiny_run run(player, player, player);
    run.call_skill("a.b", json(R"({"token":"hunter2"})"));
    BOOST_TEST(run.log.back() == "0 skill ok \"ok\"");
}

BOOST_AUTO_TEST_CASE(an_unknown_question_ends_the_conversation_and_is_a_miss) {
    const tape t = loaded(sample_tape());
    tape_player player(t.events);
    tiny_run run(player, player, player);
    run.ask(text("Who are you?"));
    BOOST_TEST(run.log.back() == "0 user ended");
    BOOST_CHECK(player.misses().front().kind == tape_kind::user_turn);
}

BOOST_AUTO_TEST_SUITE_END()
