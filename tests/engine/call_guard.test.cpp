// Rates and breakers in front of the ports, alone and with the engine's retries behind them.
#include "aivp/engine/call_guard.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

constexpr instant start{1'000'000'000};
constexpr rate_limit one_a_second{.count = 1, .per = seconds(1), .burst = 1};

breaker_policy jumpy() {
    breaker_policy p;
    p.window_calls = 4;
    p.calls_min = 2;
    p.failure_permille = 500;
    p.open_for = seconds(10);
    p.probes_max = 1;
    return p;
}

class recording_sink final : public completion_sink {
public:
    void model_done(model_completion c) override { models.push_back(std::move(c)); }
    void skill_done(skill_completion c) override { skills.push_back(std::move(c)); }
    void user_done(user_completion) override {}
    void timer_fired(timer_key) override {}
    std::vector<model_completion> models;
    std::vector<skill_completion> skills;
};

class standing_clock final : public clock_port {
public:
    instant now() override { return at; }
    instant at = start;
};

/// Answers at once, as told.
class answering final : public connector_port, public model_provider {
public:
    void call(const skill_request& r, completion_sink& sink) override {
        ++calls;
        sink.skill_done({.ref = {r.run, r.call}, .outcome = outcome, .result = {}, .code = code, .message = {}});
    }
    void call(const model_request& r, completion_sink& sink) override {
        ++calls;
        sink.model_done({.ref = {r.run, r.call}, .outcome = outcome, .response = {}, .code = code, .message = {}});
    }
    void cancel(call_ref) override { ++cancels; }
    effect_outcome outcome = effect_outcome::ok;
    errc code = errc::ok;
    int calls = 0;
    int cancels = 0;
};

call_ref call_of(std::uint64_t n) { return {{1}, {n}}; }

/// "asked mail.send breaker.open until 11s": what the guard tells about itself, in seconds since the start.
class listening final : public call_guard_observer {
public:
    void asked(std::string_view dependency, instant now, errc held_back, std::optional<instant> open_until) override {
        told.push_back(std::to_string((now - start).us / 1'000'000) + "s " + std::string(dependency) + " " +
                       std::string(info(held_back).name) + pause(open_until));
    }
    void ended(std::string_view dependency, std::optional<instant> open_until) override {
        told.push_back(std::string(dependency) + " ended" + pause(open_until));
    }
    std::vector<std::string> told;

private:
    static std::string pause(std::optional<instant> until) {
        return until ? ", open for " + to_string(*until - start) : "";
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(call_guards)

BOOST_AUTO_TEST_CASE(an_observer_is_told_what_passes_what_is_held_back_and_when_a_pause_begins) {
    call_guard guard;
    listening observer;
    guard.observe(&observer);
    guard.declare("mail.send", std::nullopt, jumpy());
    guard.declare("kv.set", one_a_second, std::nullopt);
    for (const std::uint64_t n : {1U, 2U}) {
        BOOST_TEST((guard.begin("mail.send", call_of(n), start, start + minutes(1)).held_back == errc::ok));
        guard.ended(call_of(n), errc::skill_unavailable, start + seconds(1));
    }
    guard.begin("mail.send", call_of(3), start + seconds(2), start + minutes(1));
    guard.begin("mail.send", call_of(4), start + seconds(11), start + seconds(12));
    guard.forget(call_of(4), start + seconds(12));
    guard.begin("kv.set", call_of(5), start, start + minutes(1));
    guard.begin("kv.set", call_of(6), start, start + minutes(1));
    guard.begin("nobody.knows", call_of(7), start, start + minutes(1));
    const std::vector<std::string> expected{"0s mail.send ok",
                                            "mail.send ended",
                                            "0s mail.send ok",
                                            "mail.send ended, open for 11s",
                                            "2s mail.send breaker.open, open for 11s",
                                            "11s mail.send ok",
                                            "mail.send ended, open for 32s",
                                            "0s kv.set ok",
                                            "0s kv.set rate.limited"};
    BOOST_TEST(observer.told == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_not_declared_is_not_held_back) {
    call_guard g;
    g.declare("free", std::nullopt, std::nullopt);
    for (std::uint64_t n = 1; n < 100; ++n)
        BOOST_TEST((g.begin("free", call_of(n), start, start + hours(1)).held_back == errc::ok));
}

BOOST_AUTO_TEST_CASE(calls_beyond_a_rate_take_turns_in_the_order_in_which_they_came) {
    call_guard g;
    g.declare("slow", one_a_second, std::nullopt);
    const instant end = start + hours(1);
    BOOST_TEST((g.begin("slow", call_of(1), start, end).held_back == errc::ok));
    const auto second = g.begin("slow", call_of(2), start, end), third = g.begin("slow", call_of(3), start, end);
    BOOST_TEST((second.held_back == errc::rate_limited && third.held_back == errc::rate_limited));
    BOOST_TEST(second.wait.us == 1'000'000);
    BOOST_TEST(third.wait.us == 2'000'000);
    // Too early is too early, and does not cost another turn.
    BOOST_TEST(g.begin("slow", call_of(2), start + milliseconds(400), end).wait.us == 600'000);
    BOOST_TEST((g.begin("slow", call_of(2), start + seconds(1), end).held_back == errc::ok));
    BOOST_TEST((g.begin("slow", call_of(3), start + seconds(2), end).held_back == errc::ok));
    BOOST_TEST((g.begin("slow", call_of(4), start + seconds(2), end).held_back == errc::rate_limited));
    BOOST_TEST((g.begin("slow", call_of(5), start + seconds(4), end).held_back == errc::ok));
}

BOOST_AUTO_TEST_CASE(a_breaker_opens_after_failures_and_lets_a_probe_through_when_its_pause_is_over) {
    call_guard g;
    g.declare("shaky", std::nullopt, jumpy());
    const instant end = start + hours(1);
    for (std::uint64_t n = 1; n <= 2; ++n) {
        BOOST_TEST((g.begin("shaky", call_of(n), start, end).held_back == errc::ok));
        g.ended(call_of(n), errc::skill_unavailable, start);
    }
    const auto refused = g.begin("shaky", call_of(3), start, end);
    BOOST_TEST((refused.held_back == errc::breaker_open));
    BOOST_TEST(refused.wait.us == seconds(10).us);
    const instant later = start + seconds(10);
    BOOST_TEST((g.begin("shaky", call_of(3), later, end).held_back == errc::ok));
    BOOST_TEST((g.begin("shaky", call_of(4), later, end).held_back == errc::breaker_open));
    g.ended(call_of(3), errc::ok, later);
    BOOST_TEST((g.begin("shaky", call_of(4), later, end).held_back == errc::ok));
    g.ended(call_of(99), errc::ok, later);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_given_up_after_its_deadline_counts_as_a_failure_and_before_it_as_nothing) {
    for (const bool late : {true, false}) {
        call_guard g;
        g.declare("hanging", std::nullopt, jumpy());
        const instant end = start + seconds(5);
        for (std::uint64_t n = 1; n <= 2; ++n) {
            BOOST_TEST((g.begin("hanging", call_of(n), start, end).held_back == errc::ok));
            g.forget(call_of(n), late ? end : start);
        }
        BOOST_TEST((g.begin("hanging", call_of(3), end, end + hours(1)).held_back == errc::breaker_open) == late);
    }
}

BOOST_AUTO_TEST_CASE(a_breaker_that_is_declared_again_keeps_its_state_unless_it_changed) {
    call_guard g;
    g.declare("shaky", std::nullopt, jumpy());
    for (std::uint64_t n = 1; n <= 2; ++n) {
        (void)g.begin("shaky", call_of(n), start, start + hours(1));
        g.ended(call_of(n), errc::skill_unavailable, start);
    }
    g.declare("shaky", std::nullopt, jumpy());
    BOOST_TEST((g.begin("shaky", call_of(3), start, start + hours(1)).held_back == errc::breaker_open));
    breaker_policy other = jumpy();
    other.open_for = seconds(20);
    g.declare("shaky", std::nullopt, other);
    BOOST_TEST((g.begin("shaky", call_of(3), start, start + hours(1)).held_back == errc::ok));
    g.declare("shaky", std::nullopt, std::nullopt);
    BOOST_TEST((g.begin("shaky", call_of(4), start, start + hours(1)).held_back == errc::ok));
}

BOOST_AUTO_TEST_CASE(a_guarded_connector_answers_for_what_it_holds_back) {
    answering inner;
    call_guard guard;
    standing_clock clock;
    recording_sink sink;
    guarded_connector c(inner, guard, clock);
    guard.declare("pay.charge", one_a_second, std::nullopt);
    for (std::uint64_t n = 1; n <= 2; ++n)
        c.call({.run = {1}, .call = {n}, .skill = "pay.charge", .arguments = {}}, sink);
    BOOST_TEST(inner.calls == 1);
    BOOST_REQUIRE_EQUAL(sink.skills.size(), 2U);
    BOOST_TEST((sink.skills[0].outcome == effect_outcome::ok));
    BOOST_TEST((sink.skills[1].outcome == effect_outcome::failed && sink.skills[1].code == errc::rate_limited));
    BOOST_TEST(sink.skills[1].retry_after.us == 1'000'000);
    c.cancel(call_of(2));
    BOOST_TEST(inner.cancels == 1);
}

BOOST_AUTO_TEST_CASE(a_guarded_model_opens_its_breaker) {
    answering inner;
    inner.outcome = effect_outcome::failed;
    inner.code = errc::model_failed;
    call_guard guard;
    standing_clock clock;
    recording_sink sink;
    guarded_model_provider m(inner, guard, clock);
    guard.declare("model big", std::nullopt, jumpy());
    for (std::uint64_t n = 1; n <= 3; ++n)
        m.call({.run = {1}, .call = {n}, .model = "big", .params = {}, .tools = {}, .messages = {}, .key = {}}, sink);
    BOOST_TEST(inner.calls == 2);
    BOOST_REQUIRE_EQUAL(sink.models.size(), 3U);
    BOOST_TEST((sink.models[2].code == errc::breaker_open));
    BOOST_TEST(sink.models[2].retry_after.us == seconds(10).us);
    m.cancel(call_of(3));
    BOOST_TEST(inner.cancels == 1);
}

BOOST_AUTO_TEST_CASE(a_step_beyond_the_rate_is_made_when_its_turn_comes_and_that_is_no_attempt) {
    skill_contract slow = *make_skill("x.slow", {.effect = effect_class::read});
    slow.rate = one_a_second;
    const auto agent = make_steps_agent("a", {make_binding("slow", std::make_shared<const skill_contract>(slow))},
                                        {{"one", "slow"}, {"two", "slow"}, {"three", "slow"}});
    sim_fixture f;
    f.setup.agents = {agent};
    f.skill_answers("*", R"({"n":1})");
    f.start("a");
    f.run_until_idle();
    BOOST_TEST(to_string(f.last_outcome().status) == "success");
    BOOST_TEST(f.last_outcome().latency.us == 2'000'000);
    BOOST_TEST(f.world().properties().violations().empty());
}

BOOST_AUTO_TEST_CASE(a_process_that_may_die_has_its_breakers_too) {
    skill_contract shaky = *make_skill("x.shaky", {.effect = effect_class::read});
    shaky.breaker = jumpy();
    std::vector<step_row> rows;
    for (const char* id : {"one", "two", "three"}) rows.push_back({id, "shaky", {.error_policy = on_error::proceed}});
    sim_fixture f;
    f.setup.agents = {
        make_steps_agent("a", {make_binding("shaky", std::make_shared<const skill_contract>(shaky))}, rows)};
    f.setup.death = sim::death_plan{};
    f.skill_fails("x.shaky", errc::skill_unavailable);
    f.start("a");
    f.run_until_idle();
    BOOST_TEST(f.world().performed() == 3U);
    BOOST_TEST(f.last_outcome().latency.us == seconds(10).us);
}

BOOST_AUTO_TEST_SUITE_END()
