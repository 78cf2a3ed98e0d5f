// Each property is violated by a planted bug: a host or an engine that does what it must not do.
#include "sim/properties.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::testing;
using enum aivp::sim::property_id;

namespace {

/// A checker, and an engine that it is told about. What the engine is said to do need not be what one would do.
struct watched {
    explicit watched(run_limits limits = {})
        : agent(make_loop_agent("a", {make_binding("send", make_skill("mail.send"))}, "go", {.limits = limits})),
          after(given(agent).state()) {}

    void commit(std::vector<engine_event> events, instant at = spec::start) { commit_as(next, std::move(events), at); }
    void commit_as(std::uint64_t seq, std::vector<engine_event> events, instant at = spec::start,
                   std::string line = "{}") {
        next = seq + 1;
        const input_envelope input{{seq}, at, input_source::host, {}, {}, cancel_run{}};
        checker.committed(input, {std::move(events), {}}, after, {{seq}, at, line, {}});
    }
    void accept(std::uint64_t run = 1) { commit({trigger_accepted{{1}, 0, {run}, spec::start, {}, false}}); }
    void intend(std::uint64_t call, std::uint64_t run = 1) {
        commit({call_intended{{run}, {call}, 0, 0, {}, {}, key(call), {}, {}}});
    }
    void settle(std::uint64_t call, effect_outcome how = effect_outcome::ok, std::int64_t cost = 0) {
        commit({call_settled{{1}, {call}, 0, 0, how, {}, errc::ok, {}, {cost}}});
    }
    void perform(std::uint64_t call, std::uint64_t named_by, std::uint32_t binding = 0) {
        checker.performing(skill_call{{{1}, {call}}, agent, binding, {}, key(named_by), {}, false});
    }
    static effect_key key(std::uint64_t n) { return effect_key_of(sha256("key " + std::to_string(n))); }
    std::string violated() const {
        std::string out;
        for (const violation& v : checker.violations()) out += std::string(sim::info(v.property).name) + " ";
        return out;
    }

    snapshot_ptr agent;
    engine_state after;
    property_checker checker;
    std::uint64_t next = 1;
};

} // namespace

BOOST_AUTO_TEST_SUITE(properties)

BOOST_AUTO_TEST_CASE(the_table_names_every_property_once_and_in_order) {
    BOOST_TEST(property_table().size() == property_count);
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < property_count; ++i) {
        const property_info& p = property_table()[i];
        BOOST_TEST(static_cast<std::size_t>(p.id) == i);
        BOOST_TEST(&sim::info(p.id) == &p);
        BOOST_TEST(find_property(p.name) == &p);
        BOOST_TEST(!p.text.empty());
        names.insert(p.name);
    }
    BOOST_TEST(names.size() == property_count);
    BOOST_TEST(find_property("effect.none") == nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_world_in_order_violates_none_and_puts_each_to_the_test, sim_fixture) {
    setup.agents = {
        make_loop_agent("a", {make_binding("send", make_skill("kv.set"), {.fixed = R"({"token":{"$secret":"api"}})"})},
                        "go", {.converse = true})};
    setup.world = json(R"({"kv":{}})");
    setup.secrets = {{"api", "s3cr3t-token"}};
    model_says({make_turn({make_call("send", R"({"key":"a","value":1})")}), make_answer("done")});
    start("a");
    run_until_idle();
    world().conclude(stop_reason::idle);
    BOOST_TEST(world().properties().violations().empty());
    BOOST_TEST(world().properties().violation_count() == 0U);
    for (const property_info& p : property_table())
        BOOST_TEST(world().properties().checked(p.id) > 0U, p.name << " is put to the test");
}

BOOST_AUTO_TEST_CASE(two_effects_under_one_key_are_reported) {
    watched w;
    w.accept();
    w.intend(1);
    w.intend(2);
    w.perform(1, 1);
    BOOST_TEST(w.violated().empty());
    w.perform(2, 1);
    BOOST_TEST(w.violated() == "effect.at_most_once_per_key ");
    BOOST_TEST(w.checker.checked(effect_at_most_once_per_key) == 2U);
}

BOOST_AUTO_TEST_CASE(a_key_may_be_used_again_once_after_an_unknown_outcome_and_not_after_another) {
    watched w;
    w.accept();
    w.intend(1);
    w.perform(1, 1);
    w.settle(1, effect_outcome::unknown);
    w.intend(2);
    w.perform(2, 1);
    BOOST_TEST(w.violated().empty());
    w.settle(2);
    w.intend(3);
    w.perform(3, 1);
    BOOST_TEST(w.violated() == "effect.at_most_once_per_key ");
}

BOOST_AUTO_TEST_CASE(many_keys_are_told_apart) {
    watched w({.skill_calls = 5000});
    w.accept();
    for (std::uint64_t call = 1; call <= 2000; ++call) {
        w.intend(call);
        w.perform(call, call);
        w.settle(call);
    }
    BOOST_TEST(w.violated().empty());
    w.intend(2001);
    w.perform(2001, 77);
    BOOST_TEST(w.violated() == "effect.at_most_once_per_key ");
    watched zero;
    zero.accept();
    for (int i = 0; i < 2; ++i)
        zero.checker.performing(skill_call{{{1}, {1}}, zero.agent, 0, {}, effect_key{}, {}, false});
    BOOST_TEST(zero.violated().find("effect.at_most_once_per_key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_effect_without_an_open_intent_is_reported) {
    watched w;
    w.accept();
    w.perform(1, 1);
    BOOST_TEST(w.violated() == "effect.intent_committed_first ");
    watched after_its_end;
    after_its_end.accept();
    after_its_end.intend(1);
    after_its_end.settle(1);
    after_its_end.perform(1, 1);
    BOOST_TEST(after_its_end.violated() == "effect.intent_committed_first ");
    watched model, user;
    model.checker.performing(model_call{{{1}, {1}}, model.agent, {}, {}, {}});
    BOOST_TEST(model.violated() == "effect.intent_committed_first ");
    user.checker.performing(user_question_effect{{{1}, {1}}, user.agent, {}, {}});
    BOOST_TEST(user.violated() == "effect.intent_committed_first ");
    watched with;
    with.accept();
    with.commit({model_requested{{1}, {1}, {}, {}, {}}});
    with.checker.performing(model_call{{{1}, {1}}, with.agent, {}, {}, {}});
    with.commit({model_settled{.run = {1}, .call = {1}, .response = {}, .message = {}}, user_asked{{1}, {2}, {}}});
    with.checker.performing(user_question_effect{{{1}, {2}}, with.agent, {}, {}});
    with.checker.performing(timer_request{});
    with.checker.performing(call_cancel{});
    with.commit({user_answered{{1}, {2}, {}, false}});
    BOOST_TEST(with.violated().empty());
}

BOOST_AUTO_TEST_CASE(a_skill_that_is_not_bound_is_reported) {
    watched w;
    w.accept();
    w.intend(1);
    w.perform(1, 1, 1);
    BOOST_TEST(w.violated() == "grant.nothing_outside ");
}

BOOST_AUTO_TEST_CASE(a_call_too_many_is_reported_even_when_it_is_the_run_s_last) {
    watched w({.skill_calls = 1});
    w.accept();
    w.intend(1);
    w.settle(1);
    BOOST_TEST(w.violated().empty());
    w.commit({call_intended{{1}, {2}, 0, 0, {}, {}, watched::key(2), {}, {}},
              call_settled{.run = {1}, .call = {2}, .result = {}, .message = {}},
              run_finished{{1}, std::make_shared<structured_outcome>()}});
    BOOST_TEST(w.violated() == "cap.skill_calls ");
    BOOST_TEST(w.checker.violations()[0].expected == "at most 1");
    BOOST_TEST(w.checker.violations()[0].actual == "2");
}

BOOST_AUTO_TEST_CASE(a_model_turn_too_many_is_reported) {
    watched w({.model_turns = 1});
    w.accept();
    w.commit({model_requested{{1}, {1}, {}, {}, {}}});
    BOOST_TEST(w.violated().empty());
    w.commit({model_requested{{1}, {2}, {}, {}, {}}});
    BOOST_TEST(w.violated() == "cap.model_turns ");
}

BOOST_AUTO_TEST_CASE(a_budget_that_is_exceeded_by_more_than_one_call_is_reported) {
    watched w({.budget = {100}});
    w.accept();
    w.intend(1);
    w.settle(1, effect_outcome::ok, 100);
    w.intend(2);
    w.settle(2, effect_outcome::ok, 40);
    BOOST_TEST(w.violated().empty());
    w.intend(3);
    w.settle(3, effect_outcome::ok, 100);
    BOOST_TEST(w.violated() == "budget.overrun_at_most_one_call ");
    BOOST_TEST(w.checker.violations()[0].actual == "$0.00024");
}

BOOST_AUTO_TEST_CASE(absurd_bills_do_not_overflow_the_checker) {
    watched w({.budget = {100}});
    w.accept();
    for (std::uint64_t call = 1; call <= 3; ++call) {
        w.intend(call);
        w.settle(call, effect_outcome::ok, std::numeric_limits<std::int64_t>::max());
    }
    BOOST_TEST(w.checker.checked(budget_overrun_at_most_one_call) == 3U);
}

BOOST_AUTO_TEST_CASE(two_runs_of_one_agent_at_once_are_reported) {
    watched w;
    w.after.runs[{1}].agent = {1};
    w.after.runs[{2}].agent = {1};
    w.after.agents[0].active = {1};
    w.accept(1);
    w.accept(2);
    w.commit({run_started{{1}}});
    BOOST_TEST(w.violated().empty());
    w.commit({run_started{{2}}});
    BOOST_TEST(w.violated() == "agent.single_flight ");
    BOOST_TEST(w.checker.violations()[0].actual == "run-2 beside run-1");
}

BOOST_AUTO_TEST_CASE(a_trigger_without_an_end_is_reported) {
    memory_store journal;
    watched lost;
    lost.accept();
    lost.checker.conclude(lost.after, journal, false);
    BOOST_TEST(lost.violated() == "trigger.ends_with_a_reason ");

    watched open;
    open.accept();
    open.after.runs[{1}].id = {1};
    open.checker.conclude(open.after, journal, false);
    BOOST_TEST(open.violated().empty());
    open.checker.conclude(open.after, journal, true);
    BOOST_TEST(open.violated() == "trigger.ends_with_a_reason ");
    BOOST_TEST(open.checker.violations()[0].actual.find("run-1") != std::string::npos);

    watched ended;
    ended.accept();
    ended.commit({run_finished{{1}, std::make_shared<structured_outcome>()}});
    ended.checker.conclude(ended.after, journal, true);
    BOOST_TEST(ended.violated().empty());
}

BOOST_AUTO_TEST_CASE(time_that_runs_backwards_is_reported) {
    watched w;
    w.commit({}, spec::start + seconds(1));
    w.commit({}, spec::start + seconds(1));
    BOOST_TEST(w.violated().empty());
    w.commit({}, spec::start);
    BOOST_TEST(w.violated() == "time.never_runs_back ");
    BOOST_TEST(w.checker.violations()[0].expected == "at least 2026-01-01T00:00:01Z");
    BOOST_TEST(w.checker.violations()[0].actual == "2026-01-01T00:00:00Z");
}

BOOST_AUTO_TEST_CASE(a_gap_a_repetition_and_another_number_in_the_journal_are_reported) {
    for (const std::uint64_t seq : {0U, 1U, 3U}) {
        watched w;
        w.commit({});
        w.commit_as(seq, {});
        BOOST_TEST(w.violated() == "journal.chain_verifies ");
    }
    watched w;
    w.checker.committed({{1}, spec::start, input_source::host, {}, {}, cancel_run{}}, {}, w.after,
                        {{2}, spec::start, "{}", {}});
    BOOST_TEST(w.violated() == "journal.chain_verifies ");
}

BOOST_AUTO_TEST_CASE(a_journal_whose_chain_does_not_verify_is_reported_at_the_end) {
    memory_store journal;
    const journal_record rotten{{1}, {1}, "a", sha256("not the chain")};
    BOOST_REQUIRE(journal.commit({&rotten, 1}) == commit_outcome::ok);
    watched w;
    w.checker.conclude(w.after, journal, true);
    BOOST_TEST(w.violated() == "journal.chain_verifies ");
}

BOOST_AUTO_TEST_CASE(a_secret_in_the_journal_is_reported_and_not_repeated) {
    watched w;
    w.checker.watch_secret("s3cr3t-token");
    w.commit_as(1, {}, spec::start, R"({"a":"s3cr3t"})");
    BOOST_TEST(w.violated().empty());
    w.commit_as(2, {}, spec::start, R"({"a":"Bearer s3cr3t-token!"})");
    BOOST_TEST(w.violated() == "secret.never_leaves ");
    const violation& v = w.checker.violations()[0];
    BOOST_TEST(v.seq.value == 2U);
    BOOST_TEST((v.expected + v.actual).find("s3cr3t") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_first_violation_of_a_property_is_kept_and_the_rest_is_counted) {
    watched w({.skill_calls = 0});
    w.accept();
    for (std::uint64_t call = 1; call <= 5; ++call) w.intend(call);
    w.perform(1, 1, 9);
    BOOST_TEST(w.checker.violations().size() == 2U);
    BOOST_TEST(w.checker.violation_count() == 6U);
    BOOST_TEST(w.checker.violations()[0].seq.value == 2U);
    BOOST_TEST(w.checker.violations()[1].seq.value == 6U);
}

BOOST_AUTO_TEST_SUITE_END()
