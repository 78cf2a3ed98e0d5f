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
    explicit watched(run_limits limits = {}, retry_policy retry = {.max_attempts = 1})
        : agent(make_loop_agent("a", {make_binding("send", with_retry(make_skill("mail.send"), retry))}, "go",
                                {.limits = limits})),
          after(given(agent).state()) {}

    static skill_ptr with_retry(const skill_ptr& skill, const retry_policy& retry) {
        auto out = std::make_shared<skill_contract>(*skill);
        out->retry = retry;
        return out;
    }
    void plan(std::uint64_t call, std::uint32_t attempt, instant due, errc why = errc::skill_unavailable) {
        commit({call_retry_planned{{1}, {call}, attempt, due, why, {}, {}}}, latest);
    }
    void resend(std::uint64_t call, instant at) { commit({call_resent{{1}, {call}, {}, {}}}, std::max(latest, at)); }
    /// The state's own view of a run that has begun.
    run_state& run_is(run_id run, instant deadline) {
        run_state& r = after.runs[run];
        r.id = run;
        r.agent = {1};
        r.started = true;
        r.deadline = deadline;
        r.open.push_back({.call = {99}, .deadline = deadline, .arguments = {}});
        r.watchdog = deadline;
        return r;
    }

    void commit(std::vector<engine_event> events, instant at = spec::start) { commit_as(next, std::move(events), at); }
    void commit_as(std::uint64_t seq, std::vector<engine_event> events, instant at = spec::start,
                   std::string line = "{}") {
        next = seq + 1;
        latest = std::max(latest, at);
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
        for (const violation& v : checker.violations()) out += v.name + " ";
        return out;
    }

    snapshot_ptr agent;
    engine_state after;
    property_checker checker;
    std::uint64_t next = 1;
    instant latest = spec::start;
};

scenario_property stated(const std::string& text, property_mode mode = property_mode::always) {
    std::vector<error> errors;
    auto program = compile_property({text, {"s.yaml", 1, 1}, {"s.yaml", 1, 1}}, {}, errors);
    if (!program) throw std::runtime_error(text + ": " + errors.front().message);
    return {text, mode, {"s.yaml", 1, 1}, std::move(program)};
}

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
    const std::vector<scenario_property> own{stated("count(ledger) <= 1")};
    setup.agents = {
        make_loop_agent("a", {make_binding("send", make_skill("kv.set"), {.fixed = R"({"token":{"$secret":"api"}})"})},
                        "go", {.converse = true})};
    setup.world = json(R"({"kv":{}})");
    setup.secrets = {{"api", "s3cr3t-token"}};
    setup.properties = &own;
    model_says({make_turn({make_call("send", R"({"key":"a","value":1})")}), make_answer("done")});
    skill_answers("kv.set", R"({"version":1})");
    start("a");
    run_until_idle();
    world().conclude(stop_reason::idle);
    BOOST_TEST(world().properties().violations().empty());
    BOOST_TEST(world().properties().violation_count() == 0U);
    for (const property_info& p : property_table()) {
        const bool takes_more =
            p.id == retry_within_policy || p.id == breaker_lets_nothing_through || p.id == timer_fires_once;
        BOOST_TEST((world().properties().checked(p.id) > 0U) == !takes_more, p.name << " is put to the test");
    }
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
    w.accept(1);
    w.accept(2);
    // As the engine's own state has it: whoever starts is the active one.
    const auto starts = [&](std::uint64_t run) {
        w.after.agents[0].active = {run};
        w.commit({run_started{{run}}});
    };
    starts(1);
    w.commit({run_finished{{1}, std::make_shared<structured_outcome>()}});
    starts(2);
    BOOST_TEST(w.violated().empty());
    w.accept(3);
    starts(3);
    BOOST_TEST(w.violated() == "agent.single_flight ");
    BOOST_TEST(w.checker.violations()[0].actual == "run-3 beside run-2");
}

BOOST_AUTO_TEST_CASE(more_retries_than_their_budget_allows_are_reported) {
    const retry_budget_policy half{.share_permille = 500, .min_per_second = 0, .ttl = seconds(10)};
    watched w({}, {.max_attempts = 9, .budget = half});
    w.accept();
    w.intend(1);
    w.intend(2);
    w.plan(1, 2, spec::start + seconds(1));
    w.plan(2, 1, spec::start + seconds(1), errc::rate_limited);
    BOOST_TEST(w.violated().empty());
    w.plan(2, 2, spec::start + seconds(2));
    BOOST_TEST(w.violated() == "retry.within_policy ");
    BOOST_TEST(w.checker.violations()[0].expected == "at most 1 retries of mail.send within its budget's time");
    // What was paid in is worth nothing after its time.
    watched late({}, {.max_attempts = 9, .budget = half});
    late.accept();
    late.intend(1);
    late.intend(2);
    late.latest = spec::start + seconds(10);
    late.plan(1, 2, spec::start + seconds(11));
    BOOST_TEST(late.violated() == "retry.within_policy ");
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
    open.after.runs[{1}].agent = {1};
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

// ---- retries

BOOST_AUTO_TEST_CASE(attempts_within_the_policy_violate_nothing) {
    watched w({}, {.max_attempts = 3});
    w.accept();
    w.run_is({1}, spec::start + hours(1));
    w.intend(1);
    w.plan(1, 2, spec::start + seconds(1));
    w.resend(1, spec::start + seconds(1));
    w.plan(1, 2, spec::start + seconds(9), errc::breaker_open);
    w.resend(1, spec::start + seconds(9));
    w.plan(1, 3, spec::start + seconds(20));
    w.resend(1, spec::start + seconds(21));
    BOOST_TEST(w.violated().empty());
    BOOST_TEST(w.checker.checked(retry_within_policy) == 6U);
}

BOOST_AUTO_TEST_CASE(an_attempt_too_many_is_reported) {
    watched w({}, {.max_attempts = 2});
    w.accept();
    w.intend(1);
    w.plan(1, 2, spec::start + seconds(1));
    w.resend(1, spec::start + seconds(1));
    BOOST_TEST(w.violated().empty());
    w.plan(1, 3, spec::start + seconds(2));
    BOOST_TEST(w.violated() == "retry.within_policy ");
    BOOST_TEST(w.checker.violations()[0].expected == "at most 2 attempts of run-1 call-1");
    BOOST_TEST(w.checker.violations()[0].actual == "3");
}

BOOST_AUTO_TEST_CASE(an_attempt_that_is_not_counted_is_reported) {
    watched w({}, {.max_attempts = 5});
    w.accept();
    w.intend(1);
    w.plan(1, 1, spec::start + seconds(1));
    BOOST_TEST(w.violated() == "retry.within_policy ");
    BOOST_TEST(w.checker.violations()[0].expected == "attempt 2 of run-1 call-1");
}

BOOST_AUTO_TEST_CASE(an_attempt_beyond_the_run_s_deadline_or_the_policy_s_time_is_reported) {
    watched late({}, {.max_attempts = 5});
    late.accept();
    late.run_is({1}, spec::start + seconds(10));
    late.intend(1);
    late.plan(1, 2, spec::start + seconds(10));
    BOOST_TEST(late.violated() == "retry.within_policy ");
    BOOST_TEST(late.checker.violations()[0].actual == "2026-01-01T00:00:10Z");
    watched slow({}, {.max_attempts = 5, .max_elapsed = seconds(5)});
    slow.accept();
    slow.intend(1);
    slow.plan(1, 2, spec::start + seconds(6));
    BOOST_TEST(slow.violated() == "retry.within_policy ");
    BOOST_TEST(slow.checker.violations()[0].actual == "6s");
}

BOOST_AUTO_TEST_CASE(an_attempt_without_a_plan_or_before_its_time_is_reported) {
    watched twice({}, {.max_attempts = 5});
    twice.accept();
    twice.intend(1);
    twice.plan(1, 2, spec::start + seconds(1));
    twice.resend(1, spec::start + seconds(1));
    twice.resend(1, spec::start + seconds(1));
    BOOST_TEST(twice.violated() == "retry.within_policy ", "a timer that fires twice");
    watched early({}, {.max_attempts = 5});
    early.accept();
    early.intend(1);
    early.plan(1, 2, spec::start + seconds(9));
    early.resend(1, spec::start + seconds(1));
    BOOST_TEST(early.violated() == "retry.within_policy ");
}

// ---- breakers

BOOST_AUTO_TEST_CASE(a_call_that_passes_an_open_breaker_is_reported) {
    watched w;
    const instant until = spec::start + seconds(30);
    w.checker.asked("mail.send", spec::start, errc::ok, std::nullopt);
    w.checker.ended("mail.send", until);
    w.checker.asked("mail.send", spec::start + seconds(29), errc::breaker_open, until);
    w.checker.asked("kv.set", spec::start + seconds(29), errc::ok, std::nullopt);
    w.checker.asked("mail.send", until, errc::ok, std::nullopt);
    BOOST_TEST(w.violated().empty());
    w.checker.ended("mail.send", until + seconds(60));
    w.checker.asked("mail.send", until + seconds(59), errc::ok, until + seconds(60));
    BOOST_TEST(w.violated() == "breaker.open_lets_nothing_through ");
    BOOST_TEST(w.checker.violations()[0].expected == "no call of mail.send before 2026-01-01T00:01:30Z");
    BOOST_TEST(w.checker.violations()[0].actual == "one at 2026-01-01T00:01:29Z");
}

// ---- waiting

BOOST_AUTO_TEST_CASE(a_run_that_waits_for_nothing_is_reported) {
    watched w;
    w.accept();
    run_state& r = w.run_is({1}, spec::start + hours(1));
    r.open = {{.call = {1}, .deadline = spec::start + minutes(1), .arguments = {}}};
    r.watchdog = spec::start + minutes(1);
    w.intend(1);
    BOOST_TEST(w.violated().empty());
    r.open.clear();
    w.settle(1);
    BOOST_TEST(w.violated() == "run.no_starvation ");
    BOOST_TEST(w.checker.violations()[0].actual == "run-1 goes on and has none");
}

BOOST_AUTO_TEST_CASE(a_run_that_a_person_halted_may_wait_for_nothing) {
    watched w;
    w.accept();
    w.run_is({1}, spec::start + hours(1)).halted_at = spec::start;
    w.intend(1);
    w.settle(1);
    BOOST_TEST(w.violated().empty());
}

BOOST_AUTO_TEST_CASE(a_call_without_a_timer_and_a_timer_that_comes_too_late_are_reported) {
    for (const instant timer : {instant::max(), spec::start + minutes(2)}) {
        watched w;
        w.accept();
        run_state& r = w.run_is({1}, spec::start + hours(1));
        r.open.push_back({.call = {1}, .deadline = spec::start + minutes(1), .arguments = {}});
        r.watchdog = timer;
        w.intend(1);
        BOOST_TEST(w.violated() == "run.no_starvation ");
    }
}

BOOST_AUTO_TEST_CASE(a_run_that_waits_behind_no_other_is_reported) {
    watched w;
    run_state& r = w.run_is({1}, spec::start + hours(1));
    r.started = false;
    w.after.agents[0].active = {7};
    w.accept();
    BOOST_TEST(w.violated().empty());
    w.after.agents[0].active = {};
    w.accept();
    BOOST_TEST(w.violated().find("run.no_starvation") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_run_that_goes_round_in_circles_is_reported) {
    watched w({}, {.max_attempts = 1});
    w.accept();
    w.intend(1);
    for (std::uint32_t i = 0; i < livelock_events_max / 2; ++i) {
        w.plan(1, 1, spec::start, errc::rate_limited);
        w.resend(1, spec::start);
    }
    BOOST_TEST(w.violated().empty());
    w.plan(1, 1, spec::start, errc::rate_limited);
    BOOST_TEST(w.violated() == "run.no_starvation ");
    watched ends({}, {.max_attempts = 1});
    ends.accept();
    for (std::uint32_t i = 1; i <= 3; ++i) {
        ends.intend(i);
        for (std::uint32_t k = 0; k < livelock_events_max / 3; ++k) ends.plan(i, 1, spec::start, errc::rate_limited);
        ends.settle(i);
    }
    BOOST_TEST(ends.violated().empty(), "what ends now and then is slow and not stuck");
}

// ---- windows

BOOST_AUTO_TEST_CASE(a_window_that_is_taken_twice_is_reported) {
    watched w;
    auto scheduled = std::make_shared<agent_snapshot>(*w.agent);
    scheduled->triggers = {
        {.id = "daily", .when = interval_schedule{days(1), instant{0}}, .payload_schema = {}, .where = {}}};
    w.after.agents[0].snapshot = scheduled;
    w.commit({trigger_accepted{{1}, 0, {1}, spec::start, {}, false}});
    w.commit({trigger_refused{{1}, 0, spec::start + days(1), errc::trigger_refused, "busy", 1}});
    BOOST_TEST(w.violated().empty());
    w.commit({trigger_accepted{{1}, 0, {2}, spec::start + days(1), {}, true}});
    BOOST_TEST(w.violated() == "timer.fires_once ");
    BOOST_TEST(w.checker.violations()[0].actual == "2026-01-02T00:00:00Z");
    watched by_hand;
    by_hand.commit({trigger_accepted{{1}, 0, {1}, spec::start, {}, false}});
    by_hand.commit({trigger_accepted{{1}, 0, {2}, spec::start, {}, true}});
    BOOST_TEST(by_hand.violated().empty(), "people may do a thing twice at once");
}

// ---- secrets in the world

BOOST_AUTO_TEST_CASE(a_secret_that_nobody_asked_for_is_reported_when_it_reaches_the_world) {
    world_ledger ledger;
    watched w;
    w.checker.watch_world(ledger);
    w.checker.watch_secret("s3cr3t-token", "api");
    const auto arrives = [&](std::uint64_t call, const char* arguments) {
        ledger.append({.run = {1}, .call = {call}, .operation = "mail.send", .arguments = json(arguments)});
        w.commit({});
    };
    const auto performs = [&](std::uint64_t call, const char* arguments) {
        w.intend(call);
        w.checker.performing(skill_call{{{1}, {call}}, w.agent, 0, json(arguments), watched::key(call), {}, true});
    };
    w.accept();
    performs(1, R"({"token":{"$secret":"api"}})");
    arrives(1, R"({"token":"s3cr3t-token"})");
    BOOST_TEST(w.violated().empty());
    performs(2, R"({"token":{"$secret":"other"}})");
    arrives(2, R"({"token":"s3cr3t-token"})");
    BOOST_TEST(w.violated() == "secret.never_reaches_the_world_unasked ");
    BOOST_TEST(w.checker.violations()[0].actual == "`api` is in row 2 of the ledger");
    watched unknown;
    unknown.checker.watch_world(ledger);
    unknown.checker.watch_secret("s3cr3t-token", "api");
    unknown.commit({});
    BOOST_TEST(unknown.violated() == "secret.never_reaches_the_world_unasked ", "a call that was never made");
}

BOOST_AUTO_TEST_CASE(a_skill_may_take_a_secret_where_it_says_so) {
    world_ledger ledger;
    watched w;
    auto agent = std::make_shared<agent_snapshot>(*w.agent);
    agent->bindings = {make_binding("pay", make_skill("payment.charge", {.secret_arguments = {"/card"}}))};
    w.checker.watch_world(ledger);
    w.checker.watch_secret("tok-visa-0815", "card");
    w.accept();
    for (const std::uint64_t call : {1U, 2U}) {
        w.intend(call);
        w.checker.performing(skill_call{{{1}, {call}}, agent, 0, {}, watched::key(call), {}, false});
    }
    ledger.append(
        {.run = {1}, .call = {1}, .operation = "payment.charge", .arguments = json(R"({"card":"tok-visa-0815"})")});
    w.commit({});
    BOOST_TEST(w.violated().empty());
    ledger.append(
        {.run = {1}, .call = {2}, .operation = "payment.charge", .arguments = json(R"({"note":"tok-visa-0815"})")});
    w.commit({});
    BOOST_TEST(w.violated() == "secret.never_reaches_the_world_unasked ");
}

// ---- what the code and the scenario state of themselves

BOOST_AUTO_TEST_CASE(a_violated_probe_is_a_finding_of_the_world_in_which_it_ran) {
    watched w, other;
    w.commit({});
    {
        const probe_scope here(w.checker);
        AIVP_ALWAYS(spec::start.us == 0, "test: the world began in 1970");
        AIVP_UNREACHABLE("test: a place that is reached");
        for (int i = 0; i < 3; ++i) AIVP_ALWAYS(i < 0, "test: numbers are negative");
    }
    BOOST_TEST(w.violated() == "probe.holds probe.holds probe.holds ");
    BOOST_TEST(w.checker.violations()[0].expected == "test: the world began in 1970");
    BOOST_TEST(w.checker.violations()[0].actual.find("false at tests/sim/properties.test.cpp:") == 0U);
    BOOST_TEST(w.checker.violations()[1].actual.find("reached at tests/sim/properties.test.cpp:") == 0U);
    BOOST_TEST(w.checker.violations()[0].seq.value == 1U);
    BOOST_TEST(w.checker.violation_count() == 5U);
    BOOST_TEST(other.violated().empty());
}

BOOST_AUTO_TEST_CASE(what_a_scenario_states_is_watched_with_its_name_place_and_moment) {
    world_ledger ledger;
    const std::vector<scenario_property> own{stated("count(ledger per target) <= 1"),
                                             stated("count(runs) == 1", property_mode::finally)};
    watched w;
    w.checker.watch_world(ledger);
    w.checker.watch_own(own, spec::start);
    w.accept();
    for (const char* target : {"a", "b", "b"})
        ledger.append({.at = spec::start + seconds(7), .operation = "mail.send", .target = target, .arguments = {}});
    BOOST_TEST(w.violated().empty());
    w.commit({}, spec::start + seconds(9));
    BOOST_TEST(w.violated() == "count(ledger per target) <= 1 ");
    const violation& v = w.checker.violations()[0];
    BOOST_TEST((v.property == scenario_own));
    BOOST_TEST(to_string(v.where) == "s.yaml:1:1");
    BOOST_TEST(v.seq.value == 1U, "before the record that follows");
    BOOST_TEST((v.at == spec::start + seconds(7)));
    BOOST_TEST(v.actual == "2, for target = \"b\"");
    memory_store journal;
    w.checker.conclude(w.after, journal, false);
    BOOST_TEST(w.violated().find("count(runs) == 1 ") != std::string::npos);
}

namespace {

/// Keeps every commit, and does not say so of the n-th.
class silent_store final : public forwarding_store {
public:
    silent_store(store_port& next, std::uint64_t silent_at) : forwarding_store(next), silent_at_(silent_at) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        const commit_outcome how = next_.commit(batch);
        return ++commits_ == silent_at_ ? commit_outcome::unknown : how;
    }

private:
    std::uint64_t silent_at_;
    std::uint64_t commits_ = 0;
};

/// Two runs of two calls each by a process that dies, and by the one after it.
void check_that_nothing_is_missed(const death_plan& death, std::uint64_t silent_at, const std::string& when) {
    const std::vector<scenario_property> own{
        stated("count(calls) <= count(ledger)"),
        stated("count(calls where outcome == \"ok\") == 4", property_mode::finally),
        stated("count(ledger where !duplicate) == 4", property_mode::finally),
        stated("count(runs) == 2", property_mode::finally)};
    memory_store kept;
    silent_store store(kept, silent_at);
    simulation_setup setup;
    setup.agents = {make_steps_agent("a", {make_binding("set", make_skill("kv.set", {.takes_key = true}))},
                                     {{"one", "set", {.arguments = R"({"key":"a","value":1})"}},
                                      {"two", "set", {.arguments = R"({"key":"b","value":2})"}}})};
    setup.world = json(R"({"kv":{}})");
    setup.store = &store;
    setup.death = death;
    setup.properties = &own;
    auto world = *simulation::create(std::move(setup));
    for (const int minute : {1, 2})
        world->input_at(spec::start + minutes(minute), start_run{agent_id{1}, {}}, input_source::operator_);
    stop_reason stopped = world->run(spec::start + hours(1), 10'000);
    if (stopped != stop_reason::idle) {
        if (!world->killed()) world->kill();
        BOOST_REQUIRE(world->restart(kept, seconds(5)));
        stopped = world->run(spec::start + hours(2), 10'000);
    }
    world->conclude(stopped);
    for (const violation& v : world->properties().violations()) BOOST_ERROR(when << ": " << v.name << ": " << v.actual);
    BOOST_TEST(world->properties().own_verdicts().size() == own.size());
}

} // namespace

// What a process has seen is not told again to the one after it, and what it did not live to see is.
BOOST_AUTO_TEST_CASE(what_a_scenario_states_survives_a_process_that_dies) {
    for (std::uint64_t n = 2; n <= 12; ++n) {
        check_that_nothing_is_missed({.at_commit = n}, 0, "dead before commit " + std::to_string(n));
        check_that_nothing_is_missed({}, n, "dead after commit " + std::to_string(n));
    }
    for (std::uint64_t n = 1; n <= 4; ++n)
        check_that_nothing_is_missed({.at_effect = n}, 0, "dead before effect " + std::to_string(n));
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
