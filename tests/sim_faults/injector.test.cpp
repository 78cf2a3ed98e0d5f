#include "sim/faults/injector.hpp"

#include <string>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "sim/faults/internal/spoilt_answers.hpp"
#include "tests/mocks/support.hpp"

using namespace aivp;
using namespace aivp::sim;
using namespace aivp::mocks_test;
using aivp::testing::make_answer;
using aivp::testing::make_call;
using aivp::testing::make_turn;

namespace {

class desk final : public fault_host {
public:
    void command(std::string_view agent, const fault& f) override {
        orders += std::string(agent) + " " + to_string(f) + "\n";
    }
    seq_no last_seq() const override { return {7}; }
    std::string orders;
};

/// Answers every call at once with what it is told to.
class prompt_models final : public model_provider {
public:
    void call(const model_request& r, completion_sink& sink) override {
        ++calls;
        model_completion c{.ref = {r.run, r.call}, .response = answer, .message = {}};
        sink.model_done(std::move(c));
    }
    void cancel(call_ref) override { ++cancelled; }
    model_response answer = make_answer("fine");
    int calls = 0;
    int cancelled = 0;
};

class prompt_users final : public user_channel {
public:
    void ask(const user_question& q, completion_sink& sink) override {
        sink.user_done({{q.run, q.call}, js(R"("yes")"), false});
    }
    void cancel(call_ref) override {}
};

/// One fault in front of a mocked world. Each call is numbered, and answers are told in words.
struct faulty {
    explicit faulty(fault f) : faulty(fault_plan{{std::move(f)}}) {}
    explicit faulty(fault_plan plan)
        : inner(R"({"kv":{},"mail":{}})"),
          injector(std::move(plan), {models, inner.connector, users}, inner.world, host) {}

    std::string skill(std::string_view id = "kv.set", call_options options = {}) {
        const std::size_t before = sink.skills.size();
        injector.connector().call(skill_call(id, js(R"({"key":"a","value":1})"), ++calls, options), sink);
        return words(before);
    }
    std::string words(std::size_t before) const {
        std::string out;
        for (std::size_t i = before; i < sink.skills.size(); ++i) {
            const skill_completion& c = sink.skills[i];
            out += (out.empty() ? "" : ", ") + std::to_string(c.ref.call.value) + " " + to_string(c.outcome) + " " +
                   std::string(info(c.code).name);
        }
        return out.empty() ? "nothing" : out;
    }
    model_completion model() {
        injector.models().call(ask({}, 1, ++calls), sink);
        if (sink.models.empty()) return {};
        return sink.models.back();
    }
    std::uint64_t writes() const { return inner.ledger.effects(); }

    mocked inner;
    prompt_models models;
    prompt_users users;
    desk host;
    fault_injector injector;
    collecting_sink sink;
    std::uint64_t calls = 0;
};

fault at_skill(fault_kind kind, std::uint64_t ordinal = 1) {
    return {.site = "skill/tester/kv.set", .ordinal = ordinal, .kind = kind};
}
fault at_model(fault_kind kind, std::uint8_t form = 0) { return {.site = "model/tester", .kind = kind, .form = form}; }

} // namespace

BOOST_AUTO_TEST_SUITE(fault_injection)

BOOST_AUTO_TEST_CASE(without_a_fault_calls_pass_and_are_counted) {
    faulty f{fault_plan{}};
    BOOST_TEST(f.skill() == "1 ok ok");
    BOOST_TEST(f.skill() == "2 ok ok");
    f.model();
    const auto sites = f.injector.sites();
    BOOST_REQUIRE_EQUAL(sites.size(), 3U);
    BOOST_TEST(sites[0].name == "command/tester");
    BOOST_TEST(sites[0].calls == 3U);
    BOOST_TEST(sites[1].name == "model/tester");
    BOOST_TEST(sites[2].name == "skill/tester/kv.set");
    BOOST_TEST(sites[2].calls == 2U);
    BOOST_TEST(sites[2].writes);
    BOOST_TEST(!sites[2].keyed);
}

BOOST_AUTO_TEST_CASE(a_fault_hits_the_call_of_its_number_and_no_other) {
    faulty f{at_skill(fault_kind::skill_unavailable, 2)};
    BOOST_TEST(f.skill() == "1 ok ok");
    BOOST_TEST(f.injector.unmet().size() == 1U);
    BOOST_TEST(f.skill() == "2 failed skill.unavailable");
    BOOST_TEST(f.skill() == "3 ok ok");
    BOOST_TEST(f.writes() == 2U);
    BOOST_TEST(f.injector.unmet().empty());
    BOOST_REQUIRE_EQUAL(f.injector.met().size(), 1U);
    BOOST_TEST(f.injector.met()[0].ordinal == 2U);
    BOOST_TEST(f.injector.met()[0].after.value == 7U);
}

BOOST_AUTO_TEST_CASE(faults_before_the_effect_leave_the_world_alone) {
    BOOST_TEST(faulty{at_skill(fault_kind::skill_denied)}.skill() == "1 failed skill.failed");
    faulty silent{at_skill(fault_kind::skill_silent)};
    BOOST_TEST(silent.skill() == "nothing");
    silent.inner.world.run_all();
    BOOST_TEST(silent.words(0) == "nothing");
    BOOST_TEST(silent.writes() == 0U);
}

BOOST_AUTO_TEST_CASE(faults_after_the_effect_leave_the_caller_in_doubt_or_without_an_answer) {
    faulty lost{at_skill(fault_kind::skill_lost)};
    BOOST_TEST(lost.skill() == "nothing");
    lost.inner.world.run_all();
    BOOST_TEST(lost.words(0) == "1 unknown skill.outcome_unknown");
    BOOST_TEST(lost.writes() == 1U);

    faulty read{{.site = "skill/tester/kv.get", .kind = fault_kind::skill_lost}};
    read.skill("kv.get", {.effect = effect_class::read});
    read.inner.world.run_all();
    BOOST_TEST(read.words(0) == "1 failed skill.unavailable");

    faulty swallowed{at_skill(fault_kind::skill_swallowed)};
    BOOST_TEST(swallowed.skill() == "nothing");
    swallowed.inner.world.run_all();
    BOOST_TEST(swallowed.words(0) == "nothing");
    BOOST_TEST(swallowed.writes() == 1U);
}

BOOST_AUTO_TEST_CASE(a_late_answer_comes_although_nobody_wants_it_any_more) {
    faulty f{at_skill(fault_kind::skill_late)};
    BOOST_TEST(f.skill() == "nothing");
    f.injector.connector().cancel({{1}, {1}});
    const instant before = f.inner.world.now();
    f.inner.world.run_all();
    BOOST_TEST(f.words(0) == "1 ok ok");
    BOOST_TEST((f.inner.world.now() - before == minutes(2)));
}

BOOST_AUTO_TEST_CASE(answers_and_deliveries_come_twice) {
    faulty twice{at_skill(fault_kind::skill_answers_twice)};
    BOOST_TEST(twice.skill() == "1 ok ok");
    twice.inner.world.run_all();
    BOOST_TEST(twice.words(0) == "1 ok ok, 1 ok ok");
    BOOST_TEST(twice.writes() == 1U);

    faulty delivered{at_skill(fault_kind::skill_delivered_twice)};
    BOOST_TEST(delivered.skill("kv.set", {.key = "k"}) == "1 ok ok");
    BOOST_TEST(delivered.inner.ledger.size() == 2U);
    BOOST_TEST(delivered.inner.ledger.duplicates() == 1U);
}

BOOST_AUTO_TEST_CASE(an_answer_is_overtaken_by_the_next_one_or_comes_when_there_is_none) {
    faulty f{at_skill(fault_kind::skill_overtaken)};
    BOOST_TEST(f.skill() == "nothing");
    BOOST_TEST(f.skill() == "2 ok ok");
    f.inner.world.run_all();
    BOOST_TEST(f.words(0) == "2 ok ok, 1 ok ok");
    faulty alone{at_skill(fault_kind::skill_overtaken)};
    alone.skill();
    alone.inner.world.run_all();
    BOOST_TEST(alone.words(0) == "1 ok ok");
}

BOOST_AUTO_TEST_CASE(results_break_their_schema_or_carry_an_instruction) {
    faulty bad{at_skill(fault_kind::skill_bad_result)};
    bad.skill();
    BOOST_TEST(bad.sink.skills.at(0).result.text() == R"(["<html>",502])");
    for (const char* good : {R"("text")", R"({"a":[1,{"b":"text"}]})", R"([1,2])", "{}", "7"}) {
        payload result = js(good);
        spoil(result, {.kind = fault_kind::skill_instruction});
        BOOST_TEST_CONTEXT(result.text())
        BOOST_TEST((result.text().find(injected_instruction) != std::string_view::npos));
    }
}

BOOST_AUTO_TEST_CASE(too_many_requests_ask_to_wait_in_every_spelling) {
    const auto wait = [](fault_kind kind, std::uint8_t form) {
        fault x = at_model(kind, form);
        x.span = seconds(90);
        faulty f{x};
        const model_completion c = f.model();
        BOOST_TEST((c.code == errc::model_rate_limited));
        return c.retry_after;
    };
    const auto& forms = info(fault_kind::model_rate_limited).forms;
    for (std::uint8_t form = 0; form < forms.size(); ++form) {
        BOOST_TEST_CONTEXT(forms[form]) {
            const duration asked = wait(fault_kind::model_rate_limited, form);
            const bool says = forms[form] == "seconds" || forms[form] == "date" || forms[form] == "milliseconds";
            if (says) BOOST_TEST((asked == seconds(90)));
            if (forms[form] == "none" || forms[form] == "past") BOOST_TEST((asked == duration{}));
            if (forms[form] == "absurd") BOOST_TEST((asked <= days(1)));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_model_fails_before_it_is_asked_or_after_it_has_answered) {
    faulty early{at_model(fault_kind::model_overloaded)};
    BOOST_TEST((early.model().code == errc::model_failed));
    BOOST_TEST(early.models.calls == 0);
    for (const fault_kind kind : {fault_kind::model_lost, fault_kind::model_cut}) {
        faulty late{at_model(kind)};
        late.model();
        late.inner.world.run_all();
        BOOST_REQUIRE_EQUAL(late.sink.models.size(), 1U);
        BOOST_TEST((late.sink.models[0].outcome == effect_outcome::unknown));
        BOOST_TEST(late.models.calls == 1);
    }
    faulty silent{at_model(fault_kind::model_silent)};
    silent.model();
    silent.inner.world.run_all();
    BOOST_TEST(silent.sink.models.empty());
}

BOOST_AUTO_TEST_CASE(a_model_s_turn_is_spoilt_in_its_meaning) {
    const auto turn = [](fault_kind kind, std::uint8_t form = 0) {
        faulty f{at_model(kind, form)};
        f.models.answer = make_turn({make_call("a", R"({"n":1})"), make_call("b", R"({"s":"x"})")});
        f.models.answer.usage = {10, 20, 0, true};
        return f.model().response;
    };
    BOOST_TEST(turn(fault_kind::model_truncated_arguments).calls.at(0).arguments.text() == R"("{\"n")");
    BOOST_TEST(turn(fault_kind::model_schema_violation).calls.at(1).arguments.text() == R"({"s":["x"]})");
    BOOST_TEST(turn(fault_kind::model_unknown_tool).calls.at(1).name == "no_such_tool");
    BOOST_TEST(turn(fault_kind::model_repeated_call).calls.size() == 3U);
    BOOST_TEST(turn(fault_kind::model_refusal).finish == "refusal");
    BOOST_TEST(turn(fault_kind::model_refusal).calls.empty());
    BOOST_TEST(turn(fault_kind::model_empty).content.is_null());
    BOOST_TEST(!turn(fault_kind::model_no_usage).usage.reported);
    BOOST_TEST(turn(fault_kind::model_huge_usage).usage.output == 2000);
    BOOST_TEST(turn(fault_kind::model_huge_usage, 1).usage.output > 1'000'000'000'000'000);
    BOOST_TEST(turn(fault_kind::model_negative_usage).usage.input < 0);
}

BOOST_AUTO_TEST_CASE(a_user_leaves_or_keeps_silent_or_answers_twice) {
    const auto asked = [](fault_kind kind) {
        faulty f{{.site = "user/tester", .kind = kind}};
        f.injector.users().ask({{1}, {1}, "tester", js(R"("?")"), {}}, f.sink);
        f.inner.world.run_all();
        return f.sink.users;
    };
    BOOST_TEST(asked(fault_kind::user_silent).empty());
    BOOST_TEST(asked(fault_kind::user_leaves).at(0).ended);
    BOOST_TEST(asked(fault_kind::user_answers_twice).size() == 2U);
    BOOST_TEST(asked(fault_kind::user_late).size() == 1U);
}

BOOST_AUTO_TEST_CASE(commands_come_while_the_agent_s_n_th_call_of_any_kind_is_under_way) {
    faulty f{{.site = "command/tester", .ordinal = 2, .kind = fault_kind::command_cancel}};
    f.skill();
    BOOST_TEST(f.host.orders == "");
    f.model();
    BOOST_TEST(f.host.orders == "tester command/tester #2 cancel\n");
}

BOOST_AUTO_TEST_CASE(sites_that_the_host_counts_are_met_by_number_and_known_ahead) {
    faulty f{{.site = "store", .ordinal = 5, .kind = fault_kind::store_commit_lost, .times = 2}};
    BOOST_TEST(f.injector.next_ordinal("store", 1) == 5U);
    BOOST_TEST(f.injector.next_ordinal("store", 6) == 6U);
    BOOST_TEST(f.injector.next_ordinal("store", 7) == 0U);
    BOOST_TEST(f.injector.next_ordinal("clock", 1) == 0U);
    BOOST_TEST(f.injector.meet("store", 4) == nullptr);
    BOOST_TEST(f.injector.meet("store", 5) != nullptr);
    BOOST_TEST(f.injector.has(fault_port::store));
    BOOST_TEST(!f.injector.has(fault_port::clock));
    f.injector.heal();
    BOOST_TEST(f.injector.meet("store", 6) == nullptr);
    BOOST_TEST(f.injector.next_ordinal("store", 1) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
