// The journal line of each event and input, and one digest that every compiler must arrive at.
#include "aivp/engine/engine.hpp"

#include <limits>
#include <set>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

const std::string nasty = "a \"quote\", a \\, a \n, \x01, ü, 😀, \xff and </script>";
const payload some = json(R"({"b":[1,2.5,null,true],"a":{"ü":"\"\\\n"},"big":9007199254740993})");
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

std::shared_ptr<const refusal> a_refusal() {
    return std::make_shared<refusal>(refusal{errc::args_schema, gate_stage::validate, nasty, nasty, nasty});
}

std::shared_ptr<const structured_outcome> an_outcome() {
    structured_outcome o;
    o.status = outcome_status::partial;
    o.code = errc::run_step_failed;
    o.message = nasty;
    o.cost = {most};
    o.latency = {5};
    o.details = some;
    o.side_effects = {{nasty, "x"}, {"y", nasty}};
    o.abstained = true;
    return std::make_shared<structured_outcome>(std::move(o));
}

std::vector<engine_event> every_event() {
    const auto agent = make_steps_agent(nasty, {}, {});
    const auto response = std::make_shared<model_response>(model_response{
        payload::of_string(nasty), {{nasty, some}, {"b", payload::of_string(nasty)}}, nasty, {1, 2, 3, true}});
    const digest d = sha256("x");
    return {
        agent_activated{{1}, agent},
        agent_retired{{1}},
        trigger_armed{{1}, 2, {5}},
        trigger_armed{{1}, 2, instant::max()},
        trigger_accepted{{1}, 2, {3}, {-4}, some, true},
        trigger_accepted{{1}, 2, {3}, {4}, {}, false},
        trigger_refused{{}, 0, {4}, errc::trigger_no_agent, nasty, std::numeric_limits<std::uint32_t>::max()},
        run_started{{3}},
        model_requested{{3}, {1}, d, {7}, {9}},
        model_requested{{3}, {1}, d, {7}, instant::max()},
        model_settled{{3}, {1}, effect_outcome::ok, response, errc::ok, nasty, {4}},
        model_settled{{3}, {1}, effect_outcome::unknown, nullptr, errc::model_unknown, nasty, {}},
        model_settled{{3}, {1}, effect_outcome::ok, std::make_shared<model_response>(), errc::ok, {}, {}},
        call_refused{{3}, {1}, 4, no_binding, nasty, d, a_refusal()},
        call_intended{{3}, {1}, 4, 5, some, d, effect_key_of(d), {6}, {7}},
        call_settled{{3}, {1}, 4, 5, effect_outcome::failed, some, errc::skill_failed, nasty, {6}},
        call_settled{{3}, {1}, 4, 5, effect_outcome::unknown, some, errc::skill_failed, nasty, {6}, retry_stop::budget},
        model_settled{{3}, {1}, effect_outcome::failed, nullptr, errc::model_failed, {}, {}, retry_stop::budget},
        step_finished{{3}, 4, outcome_status::skipped, errc::ok, nasty},
        turn_completed{{3}},
        user_asked{{3}, {1}, payload::of_string(nasty)},
        user_answered{{3}, {1}, payload::of_string(nasty), true},
        user_answered{{3}, {1}, {}, false},
        timer_armed{{3}, {5}},
        timer_armed{{3}, instant::max()},
        completion_ignored{{3}, {1}, nasty},
        run_finished{{3}, an_outcome()},
        run_finished{{3}, std::make_shared<structured_outcome>()},
        journal_opened{effect_key_of(d)},
        recovered{2, 1},
        time_lost{{most}},
        call_parked{{3}, {1}, errc::call_parked, nasty},
        call_resent{{3}, {1}, {7}, {6}},
        call_resent{{3}, {1}, {7}, {}},
        call_retry_planned{{3}, {1}, 2, {7}, errc::rate_limited, nasty, {6}},
        call_retry_planned{{3}, {1}, 2, {7}, errc::rate_limited, {}, {}},
        run_paused{{3}, nasty},
        run_paused{{3}, {}},
        run_resumed{{3}}};
}

std::vector<engine_input> every_input() {
    return {activate_agent{make_steps_agent(nasty, {}, {})},
            retire_agent{{1}},
            start_run{{1}, some},
            publish_event{nasty, some},
            timer_elapsed{{timer_key::kind::run, 3, 0}},
            timer_elapsed{{timer_key::kind::trigger, 3, 7}},
            model_completion{.ref = {{1}, {2}}, .response = make_answer(nasty), .message = nasty},
            skill_completion{.ref = {{1}, {2}}, .result = some, .message = nasty},
            user_completion{{{1}, {2}}, some, true},
            cancel_run{{1}, nasty},
            open_journal{effect_key_of(sha256("x"))},
            recover{{5}},
            wake{{6}},
            pause_run{{1}, nasty},
            resume_run{{1}},
            resolve_call{{{1}, {2}}, call_finding::happened, some, nasty},
            resolve_call{{{1}, {2}}, call_finding::again, {}, {}}};
}

void check_canonical(const std::string& line) {
    const auto parsed = payload::parse(line);
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), line);
    BOOST_TEST(parsed->text() == line);
    BOOST_TEST(line.find('\n') == std::string::npos);
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_lines)

BOOST_AUTO_TEST_CASE(each_event_is_written_as_canonical_json_under_its_name) {
    std::set<std::size_t> kinds;
    for (const engine_event& e : every_event()) {
        kinds.insert(e.index());
        std::string line;
        append_journal_line(line, {{7}, {8}, input_source::timer, {3}, {6}, cancel_run{}}, {{e}, {}});
        check_canonical(line);
        const payload written = aivp::testing::to_payload(e);
        BOOST_TEST(as_string(*member(written, "type")).value() == event_name(e));
        if (const auto run = member(written, "run"))
            BOOST_TEST(as_integer(*run).value() == static_cast<std::int64_t>(run_of(e).value));
        else
            BOOST_TEST(!run_of(e));
    }
    BOOST_TEST(kinds.size() == std::variant_size_v<engine_event>);
}

BOOST_AUTO_TEST_CASE(each_input_is_written_as_canonical_json) {
    std::set<std::size_t> kinds;
    for (const engine_input& in : every_input()) {
        kinds.insert(in.index());
        std::string line;
        append_journal_line(line, {{7}, {8}, input_source::event_bus, {3}, {6}, in}, {});
        check_canonical(line);
    }
    BOOST_TEST(kinds.size() == std::variant_size_v<engine_input>);
}

BOOST_AUTO_TEST_CASE(all_events_of_one_input_stand_in_one_line) {
    std::string line = "kept";
    append_journal_line(line, {{7}, {8}, input_source::host, {}, {}, cancel_run{}}, {every_event(), {}});
    BOOST_TEST(line.starts_with("kept{"));
    check_canonical(line.substr(4));
    BOOST_TEST(items(*at_pointer(json(line.substr(4)), "/events")).size() == every_event().size());
}

BOOST_AUTO_TEST_CASE(the_envelope_is_part_of_the_line) {
    std::string line;
    append_journal_line(line, {{7}, {-8}, input_source::operator_, {3}, {6}, cancel_run{{3}, "x"}}, {});
    BOOST_TEST(
        line ==
        R"({"at":-8,"causation":6,"correlation":3,"events":[],"input":{"reason":"x","type":"cancel_run"},"seq":7,"source":"operator"})");
}

BOOST_AUTO_TEST_CASE(raw_results_and_answers_are_not_written_from_the_input) {
    for (const engine_input& in :
         {engine_input(skill_completion{.ref = {{1}, {2}}, .result = json(R"("hunter2!")"), .message = "hunter2!"}),
          engine_input(model_completion{.ref = {{1}, {2}}, .response = make_answer("hunter2!"), .message = "hunter2!"}),
          engine_input(user_completion{{{1}, {2}}, json(R"("hunter2!")"), false}),
          engine_input(resolve_call{{{1}, {2}}, call_finding::happened, json(R"("hunter2!")"), {}})}) {
        std::string line;
        append_journal_line(line, {{1}, {1}, input_source::host, {}, {}, in}, {});
        BOOST_TEST(line.find("hunter2") == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(names_of_events_and_effects_are_unique_and_in_their_order) {
    BOOST_TEST(std::string(event_name(agent_activated{})) == "agent_activated");
    BOOST_TEST(std::string(event_name(run_finished{})) == "run_finished");
    std::set<std::string> names;
    for (const engine_effect& e :
         {engine_effect(model_call{}), engine_effect(skill_call{.ref = {}, .snapshot = {}, .arguments = {}}),
          engine_effect(user_question_effect{}), engine_effect(timer_request{}), engine_effect(call_cancel{})})
        names.insert(effect_name(e));
    BOOST_TEST(names.size() == 5U);
    BOOST_TEST(names.contains("timer_request"));
}

/// Everything that a world can show, in one fixed run: it must end in the same bytes on every machine, with every compiler and
/// at every level of optimisation.
BOOST_FIXTURE_TEST_CASE(a_fixed_world_has_a_fixed_digest, sim_fixture) {
    const model_price price{.input = {3'000'000}, .output = {15'000'000}, .cached_input = {300'000}};
    const auto read = make_skill(
        "kv.get",
        {.effect = effect_class::read, .cost = {11}, .input_schema = R"({"required":["key"],"type":"object"})"});
    const auto write = make_skill("kv.set", {.takes_key = true, .cost = {7}, .secret_arguments = {"/value/pin"}});
    const trigger_spec hourly{.id = "hourly",
                              .when = cron_schedule{*parse_cron_fields("0 * * * *"), zone_rules::utc(), spec::start},
                              .payload_schema = {},
                              .where = {}};
    const trigger_spec manual{.id = "manual", .when = manual_schedule{}, .payload_schema = {}, .where = {}};
    setup.agents = {
        make_loop_agent(
            "talker",
            {make_binding("get", read), make_binding("set", write, {.fixed = R"({"token":{"$secret":"api"}})"})},
            "tidy up",
            {.limits = {.skill_calls = 3, .model_turns = 6},
             .triggers = {manual},
             .system = "be brief",
             .price = price,
             .converse = true,
             .may_abstain = true}),
        make_steps_agent(
            "worker", {make_binding("get", read), make_binding("set", write)},
            {{"one", "set", {.arguments = R"({"key":"${trigger.key}","value":{"pin":"0000"}})"}},
             {"two", "get", {.arguments = R"({"key":"k"})", .error_policy = on_error::proceed}},
             {"three",
              "get",
              {.arguments = R"({"key":"absent"})", .when = "exists(two)", .error_policy = on_error::proceed}}},
            {.triggers = {manual, hourly}})};
    setup.world = json(R"({"kv":{"values":{"talker":{"k":"ü😀"},"worker":{"k":"ü😀"}}}})");
    setup.secrets = {{"api", "s3cr3t-token"}};
    model_response first =
        make_turn({make_call("get", R"({"key":"k"})"), make_call("set", R"({"key":"a","value":{"pin":"1234"}})"),
                   make_call("nothing"), make_call("get", R"({})")});
    first.content = payload::of_string("let me see");
    first.usage = {.input = 120, .output = 34, .cached_input = 100, .reported = true};
    model_response last = make_answer("done: ü");
    last.usage = {.input = 300, .output = 5, .reported = true};
    model_says({first, last, make_turn({make_call("abstain", R"({"reason":"enough"})")})});
    user_replies({"and now?"});
    start("talker", json(R"({"box":"in"})"));
    start("worker", json(R"({"key":"k"})"));
    submit(publish_event{"nobody", {}});
    advance(hours(2));
    submit(retire_agent{{2}});

    std::string kinds;
    for (std::uint64_t n = 1; n <= world().journal().size(); ++n) {
        const payload line = json(world().journal().line(n));
        BOOST_TEST(line.text() == world().journal().line(n));
        BOOST_TEST(line.text().find("s3cr3t") == std::string_view::npos);
        for (const payload& e : items(*member(line, "events"))) kinds += *as_string(*member(e, "type")) + " ";
    }
    for (const char* kind : {"agent_activated", "trigger_accepted", "trigger_refused", "trigger_armed", "run_started",
                             "model_requested", "model_settled", "call_intended", "call_refused", "call_settled",
                             "turn_completed", "user_asked", "user_answered", "step_finished", "run_finished"})
        BOOST_TEST(kinds.find(kind) != std::string::npos, kind << " is part of it");
    BOOST_TEST(world().properties().violations().empty());
    BOOST_TEST(to_hex(world().engine().chain()) == "e81e8f6312b03d598c46c7ed3825c29cd82f66129f1448f82182e4e437a519fa");
    BOOST_TEST(to_hex(world().outcome_digest()) == "c81812450bb8f64b3ee07122812da621e3f444ca356c428e9a88d0dbc552722e");
}

BOOST_AUTO_TEST_SUITE_END()
