#include "mocks/tape/recorder.hpp"

#include <boost/test/unit_test.hpp>

#include "mocks/tape/player.hpp"
#include "tests/tape/ports.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

/// Ports that keep the request open until the test answers.
class silent_ports final : public model_provider, public connector_port, public user_channel {
public:
    void call(const model_request& r, completion_sink& s) override { keep({r.run, r.call}, s); }
    void call(const skill_request& r, completion_sink& s) override { keep({r.run, r.call}, s); }
    void ask(const user_question& q, completion_sink& s) override { keep({q.run, q.call}, s); }
    void cancel(call_ref ref) override { cancelled.push_back(ref); }

    completion_sink* sink = nullptr;
    call_ref last;
    std::vector<call_ref> cancelled;

private:
    void keep(call_ref ref, completion_sink& s) {
        last = ref;
        sink = &s;
    }
};

std::vector<tape_body> bodies(const tape& t) {
    std::vector<tape_body> out;
    for (const tape_event& e : t.events) out.push_back(e.body);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tape_recording)

BOOST_AUTO_TEST_CASE(what_is_recorded_from_a_played_tape_is_that_tape_again) {
    const tape played = tape_from_text(tape_to_text(sample_tape()), "x.tape").value();
    test_world world;
    tape_player player(played.events, {.world = &world, .fold_arguments = {}});
    tape_recorder recorder(player, player, player,
                           {.now = [&world] { return world.now(); }, .fold_arguments = {}, .fold_result = {}});
    tiny_run run(recorder.models(), recorder.connector(), recorder.users(), &world);
    recorder.run_started(run_id{1}, "payer", json(R"({"bill":17})"));
    run.start(sample_tape());
    world.run();
    recorder.call_refused(run_id{1}, {"delete", errc::cap_missing, "grants", "no grant"});
    recorder.run_finished(run_id{1}, {outcome_status::success, errc::ok, "done"});

    const tape recorded = recorder.tape_of(run_id{1});
    BOOST_CHECK(bodies(recorded) == bodies(played));
    BOOST_TEST(recorded.manifest.model == "model-a");
    BOOST_TEST(recorded.manifest.trigger.text() == R"({"bill":17})");
    BOOST_REQUIRE(recorded.manifest.outcome.has_value());
    const std::vector<std::int64_t> expected{0, 0, 250'000, 260'000, 510'000, 3'510'000, 3'510'000};
    for (std::size_t i = 0; i < expected.size(); ++i) {
        BOOST_TEST(recorded.events[i].at.us == expected[i]);
        BOOST_TEST(recorded.events[i].seq.value == i + 1);
    }
    BOOST_TEST((recorder.runs() == std::vector<run_id>{run_id{1}}));
    recorder.forget(run_id{1});
    BOOST_TEST(recorder.runs().empty());
    BOOST_TEST(recorder.tape_of(run_id{1}).events.empty());
}

BOOST_AUTO_TEST_CASE(calls_without_an_answer_are_recorded_as_unanswered_and_unknown) {
    silent_ports ports;
    test_world world;
    tape_recorder recorder(ports, ports, ports,
                           {.now = [&world] { return world.now(); }, .fold_arguments = {}, .fold_result = {}});
    tiny_run run(recorder.models(), recorder.connector(), recorder.users());
    run.call_skill("a.b", json("{}"));
    recorder.connector().cancel({run_id{1}, call_id{1}});
    run.call_skill("a.c", json("{}"));
    BOOST_TEST(ports.cancelled.size() == 1u);
    const tape t = recorder.tape_of(run_id{1});
    BOOST_REQUIRE(t.events.size() == 2u);
    for (const tape_event& e : t.events) {
        const tape_ending& ending = std::get<tape_skill_call>(e.body).ending;
        BOOST_CHECK(ending.outcome == effect_outcome::unknown);
        BOOST_TEST(!ending.answered);
    }
    BOOST_TEST(tape_from_text(tape_to_text(t), "x.tape").has_value());
}

BOOST_AUTO_TEST_CASE(duplicate_and_late_answers_are_passed_on_but_the_first_one_is_recorded) {
    silent_ports ports;
    test_world world;
    tape_recorder recorder(ports, ports, ports,
                           {.now = [&world] { return world.now(); }, .fold_arguments = {}, .fold_result = {}});
    tiny_run run(recorder.models(), recorder.connector(), recorder.users());
    run.call_skill("a.b", json("{}"));
    ports.sink->skill_done({ports.last, effect_outcome::ok, text("one"), errc::ok, {}});
    ports.sink->skill_done({ports.last, effect_outcome::ok, text("two"), errc::ok, {}});
    recorder.connector().cancel(ports.last);
    ports.sink->skill_done({ports.last, effect_outcome::ok, text("three"), errc::ok, {}});
    BOOST_TEST(run.log.size() == 3u);
    const tape t = recorder.tape_of(run_id{1});
    BOOST_REQUIRE(t.events.size() == 1u);
    BOOST_TEST(std::get<tape_skill_call>(t.events[0].body).result.text() == "\"one\"");
    ports.sink->skill_done({{run_id{7}, call_id{7}}, effect_outcome::ok, {}, errc::ok, {}});
    BOOST_TEST(run.log.size() == 3u);
}

BOOST_AUTO_TEST_CASE(the_far_side_sees_the_secret_and_the_tape_does_not) {
    silent_ports ports;
    test_world world;
    tape_recorder recorder(
        ports, ports, ports,
        {.now = [&world] { return world.now(); },
         .fold_arguments = [](std::string_view, const payload& a) { return merged(a, json(R"({"token":"X"})")); },
         .fold_result = [](std::string_view skill, const payload&) { return text("from " + std::string(skill)); }});
    tiny_run run(recorder.models(), recorder.connector(), recorder.users());
    run.call_skill("a.b", json(R"({"token":"hunter2"})"));
    ports.sink->skill_done({ports.last, effect_outcome::ok, text("hunter2"), errc::ok, {}});
    BOOST_TEST(run.log.back() == "0 skill ok \"hunter2\"");
    const tape t = recorder.tape_of(run_id{1});
    BOOST_TEST(tape_to_text(t).events.find("hunter2") == std::string::npos);
    BOOST_TEST(std::get<tape_skill_call>(t.events[0].body).result.text() == "\"from a.b\"");
}

BOOST_AUTO_TEST_SUITE_END()
