#include "aivp/engine/driver.hpp"

#include <map>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"
#include "tests/engine/timeless.hpp"

using namespace aivp;
using namespace aivp::testing;

namespace {

/// Every port of a driver in one place. Calls are kept and answered by the test.
struct bench final : clock_port, timer_port, model_provider, connector_port, user_channel, secret_port {
    instant time = spec::start;
    std::map<timer_key, instant> armed;
    std::vector<std::string> calls; ///< what was performed, in order
    std::vector<payload> arguments; ///< of the skill calls
    std::vector<effect_key> keys;
    std::map<std::string, std::string, std::less<>> secrets{{"api", "s3cr3t-token"}, {"pin", "correct horse"}};
    std::vector<std::string> revealed;
    bool at_once = false; ///< skill calls are answered within the call
    payload reply = json(R"({"n":1})");

    instant now() override { return time; }
    void arm(timer_key key, instant due) override {
        armed[key] = due;
        calls.push_back("arm");
    }
    void disarm(timer_key key) override {
        armed.erase(key);
        calls.push_back("disarm");
    }
    void call(const model_request& r, completion_sink&) override {
        calls.push_back("model " + std::string(r.model) + " " + std::to_string(r.call.value));
    }
    void call(const skill_request& r, completion_sink& sink) override {
        calls.push_back("skill " + std::string(r.skill) + "@" + std::string(r.skill_version) + " as " +
                        std::string(r.as) + " by " + std::string(r.agent));
        arguments.push_back(r.arguments);
        keys.push_back(r.idempotency_key);
        if (at_once) sink.skill_done({{r.run, r.call}, effect_outcome::ok, reply, errc::ok, {}});
    }
    void ask(const user_question& q, completion_sink&) override {
        calls.push_back("ask " + std::string(q.text.text()));
    }
    void cancel(call_ref ref) override { calls.push_back("cancel " + std::to_string(ref.call.value)); }
    result<std::string> reveal(std::string_view name) override {
        revealed.emplace_back(name);
        const auto it = secrets.find(name);
        if (it == secrets.end())
            return fail(errc::secret_unavailable, "there is no secret `" + std::string(name) + "`");
        return it->second;
    }
    std::size_t performed() const {
        std::size_t n = 0;
        for (const std::string& c : calls)
            n += c.starts_with("skill ") || c.starts_with("model ") || c.starts_with("ask ");
        return n;
    }
};

/// Commits nothing, or does not say whether it did, from the n-th record on.
class broken_store final : public forwarding_store {
public:
    broken_store(store_port& next, std::uint64_t from, commit_outcome how, bool once = false)
        : forwarding_store(next), from_(from), how_(how), once_(once) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        ++commits_;
        if (batch.front().seq.value < from_ || (once_ && commits_ > from_)) return forwarding_store::commit(batch);
        return how_;
    }
    std::uint64_t commits() const { return commits_; }

private:
    std::uint64_t from_;
    commit_outcome how_;
    bool once_;
    std::uint64_t commits_ = 0;
};

struct host {
    explicit host(store_port* use = nullptr)
        : store(use ? *use : memory), engine({ports, ports, store, ports, ports, ports, ports}) {}
    bench ports;
    memory_store memory;
    store_port& store;
    driver engine;
    void start(std::string_view body = "null") {
        BOOST_REQUIRE(engine.submit(start_run{{1}, json(body)}, input_source::operator_));
    }
    void answer(std::uint64_t call, std::string_view result = "{}", std::uint64_t run = 1) {
        engine.skill_done({{{run}, {call}}, effect_outcome::ok, json(result), errc::ok, {}});
    }
    payload line(std::uint64_t n) { return json(memory.line(n)); }
};

snapshot_ptr two_steps() {
    return make_steps_agent("a",
                            {make_binding("look", make_skill("mail.read", {.effect = effect_class::read})),
                             make_binding("send", make_skill("mail.send"))},
                            {{"one", "look"}, {"two", "send"}});
}

snapshot_ptr with_secret(std::string fixed = R"({"auth":{"$secret":"api"},"more":[{"$secret":"pin"}]})") {
    return make_steps_agent(
        "a",
        {make_binding("send", make_skill("mail.send"), {.fixed = std::move(fixed)}),
         make_binding("look", make_skill("mail.read"))},
        {{"one", "send", {.arguments = R"({"to":"x"})"}}, {"two", "look", {.arguments = R"({"of":"${one}"})"}}});
}

} // namespace

BOOST_AUTO_TEST_SUITE(driving)

BOOST_AUTO_TEST_CASE(a_run_goes_through_the_ports_and_into_the_journal) {
    host h;
    BOOST_TEST(h.engine.activate(two_steps())->value == 1U);
    h.start();
    BOOST_TEST(h.ports.calls == (std::vector<std::string>{"skill mail.read@1.0.0 as look by a", "arm"}),
               boost::test_tools::per_element());
    h.answer(1);
    h.answer(2);
    BOOST_TEST(h.ports.calls.back() == "disarm");
    BOOST_TEST(h.ports.armed.empty());
    BOOST_TEST(h.engine.state().finished_runs == 1U);
    BOOST_TEST(h.engine.last_seq().value == 4U);
    BOOST_TEST(h.memory.size() == 4U);
    BOOST_CHECK(h.memory.head()->chain == h.engine.chain());
    BOOST_CHECK(h.memory.read({1}, [](const journal_record&) { return true; }));
}

BOOST_AUTO_TEST_CASE(inputs_name_their_source_their_run_and_the_input_that_led_to_them) {
    host h;
    h.ports.at_once = true;
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.start();
    BOOST_REQUIRE_EQUAL(h.memory.size(), 4U);
    const auto text = [&](std::uint64_t n, const char* key) {
        return std::string(member(h.line(n), key).value_or(payload()).text());
    };
    BOOST_TEST(text(1, "source") == "\"host\"");
    BOOST_TEST(text(2, "source") == "\"operator\"");
    BOOST_TEST(text(2, "causation") == "null"); // left out
    BOOST_TEST(text(3, "source") == "\"connector\"");
    BOOST_TEST(text(3, "causation") == "2");
    BOOST_TEST(text(3, "correlation") == "1");
    BOOST_TEST(text(4, "causation") == "3");
    h.engine.timer_fired({timer_key::kind::run, 1, 0});
    h.engine.timer_fired({timer_key::kind::trigger, 1, 0});
    h.engine.user_done({{{9}, {1}}, {}, true});
    h.engine.model_done({.ref = {{9}, {1}}, .message = {}});
    BOOST_TEST(text(5, "source") == "\"timer\"");
    BOOST_TEST(text(5, "correlation") == "1");
    BOOST_TEST(text(6, "correlation") == "null");
    BOOST_TEST(text(6, "source") == "\"schedule\"");
    BOOST_TEST(text(7, "source") == "\"user\"");
    BOOST_TEST(text(7, "correlation") == "9");
    BOOST_TEST(text(8, "source") == "\"model\"");
    BOOST_TEST(text(8, "causation") == "null");
}

BOOST_AUTO_TEST_CASE(when_a_commit_does_not_succeed_nothing_of_it_is_performed_and_the_driver_stops) {
    for (const commit_outcome how : {commit_outcome::failed, commit_outcome::unknown})
        for (std::uint64_t n = 1; n <= 4; ++n) {
            memory_store memory;
            broken_store store(memory, n, how);
            host h(&store);
            std::vector<error> said;
            const auto note = [&](const result<void>& r) {
                if (!r) said.push_back(r.error());
            };
            if (const auto a = h.engine.activate(two_steps()); !a) said.push_back(a.error());
            note(h.engine.submit(start_run{{1}, {}}, input_source::host));
            h.answer(1);
            h.answer(2);
            note(h.engine.submit(start_run{{1}, {}}, input_source::host));
            // Record 2 performs the first call, record 3 the second one.
            BOOST_TEST(h.ports.performed() == (n <= 2 ? 0U : n == 3 ? 1U : 2U));
            BOOST_TEST(h.engine.last_seq().value == n - 1);
            BOOST_TEST(memory.size() == n - 1);
            BOOST_CHECK(memory.head()->chain == h.engine.chain());
            BOOST_REQUIRE_EQUAL(h.engine.failures().size(), 1U);
            const errc expected =
                how == commit_outcome::failed ? errc::store_commit_failed : errc::store_commit_unknown;
            BOOST_TEST(info(h.engine.failures()[0].code).name == info(expected).name);
            BOOST_TEST(h.engine.failures()[0].message.find("record " + std::to_string(n)) != std::string::npos);
            BOOST_REQUIRE(!said.empty());
            for (const error& e : said) BOOST_TEST(info(e.code).name == info(expected).name);
            BOOST_TEST(store.commits() == n);
        }
}

BOOST_AUTO_TEST_CASE(a_store_that_recovers_does_not_restart_a_driver_that_has_stopped) {
    memory_store memory;
    broken_store store(memory, 2, commit_outcome::failed, true);
    host h(&store);
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    BOOST_CHECK(!h.engine.submit(start_run{{1}, {}}, input_source::host));
    BOOST_CHECK(!h.engine.submit(start_run{{1}, {}}, input_source::host));
    BOOST_TEST(store.commits() == 2U);
    BOOST_TEST(h.ports.performed() == 0U);
}

BOOST_AUTO_TEST_CASE(answers_that_come_within_the_call_wait_their_turn) {
    host h;
    h.ports.at_once = true;
    std::vector<step_row> rows;
    for (int i = 0; i < 20'000; ++i)
        rows.push_back({"s" + std::to_string(i), "look", {.arguments = "{\"i\":" + std::to_string(i) + "}"}});
    BOOST_REQUIRE(h.engine.activate(make_steps_agent("a", {make_binding("look", make_skill("mail.read"))}, rows,
                                                     {.limits = {.skill_calls = 20'000}})));
    h.start();
    BOOST_TEST(h.engine.state().finished_runs == 1U);
    BOOST_TEST(h.ports.arguments.size() == 20'000U);
}

BOOST_AUTO_TEST_CASE(time_in_the_log_never_runs_backwards) {
    host h;
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.ports.time = spec::start + hours(1);
    h.start();
    h.ports.time = spec::start - days(400);
    h.answer(1);
    BOOST_TEST(h.engine.last_at().us == (spec::start + hours(1)).us);
    h.ports.time = spec::start + hours(2);
    h.answer(2);
    std::int64_t before = 0;
    for (std::uint64_t n = 1; n <= h.memory.size(); ++n) {
        const std::int64_t at = *as_integer(*member(h.line(n), "at"));
        BOOST_TEST(at >= before);
        before = at;
    }
    BOOST_TEST(before == (spec::start + hours(2)).us);
}

BOOST_AUTO_TEST_CASE(secrets_are_fetched_for_the_call_and_stand_in_no_line_of_the_journal) {
    host h;
    BOOST_REQUIRE(h.engine.activate(with_secret()));
    BOOST_TEST(h.ports.revealed.empty());
    h.start();
    BOOST_TEST(h.ports.revealed == (std::vector<std::string>{"api", "pin"}), boost::test_tools::per_element());
    BOOST_TEST(h.ports.arguments.at(0).text() == R"({"auth":"s3cr3t-token","more":["correct horse"],"to":"x"})");
    // The far side echoes the secret, in a result and in a message.
    h.answer(1, R"({"auth":"s3cr3t-token","head":"Bearer s3cr3t-token"})");
    BOOST_TEST(h.ports.arguments.at(1).text() == R"({"of":{"auth":"⟦secret:api#1⟧","head":"Bearer ⟦secret:api#1⟧"}})");
    h.engine.skill_done({{{1}, {2}},
                         effect_outcome::failed,
                         json(R"({"why":"correct horse"})"),
                         errc::skill_failed,
                         "token s3cr3t-token expired"});
    BOOST_TEST(h.memory.size() == 4U);
    for (std::uint64_t n = 1; n <= h.memory.size(); ++n)
        for (const auto& [name, value] : h.ports.secrets)
            BOOST_TEST(h.memory.line(n).find(value) == std::string_view::npos);
    BOOST_TEST(h.memory.line(2).find(R"("auth":{"$secret":"api"})") != std::string_view::npos);
    BOOST_TEST(h.memory.line(4).find("token ⟦secret:api#1⟧ expired") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_secret_with_quotes_arrives_as_it_is) {
    host h;
    h.ports.secrets["api"] = "a\"b\\c\n{\"$secret\":\"pin\"}";
    BOOST_REQUIRE(h.engine.activate(with_secret(R"({"auth":{"$secret":"api"}})")));
    h.start();
    BOOST_REQUIRE_EQUAL(h.ports.arguments.size(), 1U);
    BOOST_TEST(as_string(*member(h.ports.arguments[0], "auth")).value() == h.ports.secrets["api"]);
    BOOST_TEST(h.ports.revealed.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_secret_that_is_not_there_fails_the_call_and_the_connector_never_sees_it) {
    host h;
    h.ports.secrets.clear();
    BOOST_REQUIRE(h.engine.activate(with_secret()));
    h.start();
    BOOST_TEST(h.ports.performed() == 0U);
    BOOST_TEST(h.memory.line(3).find("\"code\":\"secret.unavailable\"") != std::string_view::npos);
    BOOST_TEST(h.engine.state().finished_runs == 1U);
}

BOOST_AUTO_TEST_CASE(a_reference_to_a_secret_that_has_more_members_fails_the_call) {
    host h;
    BOOST_REQUIRE(h.engine.activate(with_secret(R"({"auth":{"$secret":"api","x":1}})")));
    h.start();
    BOOST_TEST(h.ports.performed() == 0U);
    BOOST_TEST(h.memory.line(3).find("\"code\":\"secret.unavailable\"") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_given_up_is_cancelled_at_its_port) {
    host h;
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.start();
    BOOST_REQUIRE(h.engine.submit(cancel_run{{1}, "stop"}, input_source::operator_));
    BOOST_TEST(h.ports.calls ==
                   (std::vector<std::string>{"skill mail.read@1.0.0 as look by a", "arm", "cancel 1", "disarm"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(models_and_people_are_asked_through_their_ports) {
    host h;
    BOOST_REQUIRE(h.engine.activate(make_loop_agent("a", {}, "talk", {.model = "m-1", .converse = true})));
    h.start();
    h.engine.model_done({.ref = {{1}, {1}}, .response = make_answer("hello"), .message = {}});
    h.engine.user_done({{{1}, {2}}, payload::of_string("hi"), false});
    BOOST_REQUIRE(h.engine.submit(cancel_run{{1}, "stop"}, input_source::operator_));
    BOOST_TEST(h.ports.calls == (std::vector<std::string>{"model m-1 1", "arm", "ask \"hello\"", "model m-1 3",
                                                          "cancel 3", "disarm"}),
               boost::test_tools::per_element());
    h.start();
    h.engine.model_done({.ref = {{2}, {1}}, .response = make_answer("hello"), .message = {}});
    BOOST_REQUIRE(h.engine.submit(cancel_run{{2}, "stop"}, input_source::operator_));
    BOOST_TEST(h.ports.calls.at(h.ports.calls.size() - 2) == "cancel 2");
}

BOOST_AUTO_TEST_CASE(activating_the_same_agent_again_keeps_its_number) {
    host h;
    BOOST_TEST(h.engine.activate(two_steps())->value == 1U);
    BOOST_TEST(h.engine.activate(make_steps_agent("b", {}, {}))->value == 2U);
    BOOST_TEST(h.engine.activate(two_steps())->value == 1U);
}

namespace {

class watcher final : public driver_observer {
public:
    watcher(host& h, std::string name, std::vector<std::string>& order)
        : host_(h), name_(std::move(name)), order_(order) {}
    void committed(const input_envelope& input, const decision&, const engine_state& after,
                   const journal_record& record) override {
        order_.push_back(name_ + " committed " + std::to_string(input.seq.value) + " after " +
                         std::to_string(host_.ports.calls.size()));
        BOOST_TEST(host_.memory.size() == input.seq.value);
        BOOST_TEST(host_.memory.line(record.seq.value) == record.line);
        BOOST_CHECK(host_.memory.chain(record.seq.value) == record.chain);
        BOOST_TEST((after == host_.engine.state()));
    }
    void performing(const engine_effect& e) override {
        order_.push_back(name_ + " performing " + effect_name(e) + " after " +
                         std::to_string(host_.ports.calls.size()));
    }

private:
    host& host_;
    std::string name_;
    std::vector<std::string>& order_;
};

} // namespace

BOOST_AUTO_TEST_CASE(observers_see_a_step_after_its_commit_and_before_its_effects_in_the_order_in_which_they_came) {
    host h;
    std::vector<std::string> order;
    watcher a(h, "a", order), b(h, "b", order);
    h.engine.observe(a);
    h.engine.observe(b);
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.start();
    BOOST_TEST(order ==
                   (std::vector<std::string>{"a committed 1 after 0", "b committed 1 after 0", "a committed 2 after 0",
                                             "b committed 2 after 0", "a performing skill_call after 0",
                                             "b performing skill_call after 0", "a performing timer_request after 1",
                                             "b performing timer_request after 1"}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ports_that_answer_at_once_and_ports_that_answer_later_lead_to_the_same_events) {
    std::vector<std::string> events[2];
    for (const bool synchronous : {true, false}) {
        sim_fixture f;
        f.setup.synchronous = synchronous;
        f.setup.agents = {make_loop_agent("a",
                                          {make_binding("look", make_skill("kv.get", {.effect = effect_class::read})),
                                           make_binding("send", make_skill("kv.set"))},
                                          "go", {.converse = true})};
        f.setup.world = json(R"({"kv":{}})");
        f.model_says({make_turn({make_call("look", R"({"key":"a"})"), make_call("send", R"({"key":"a","value":1})"),
                                 make_call("none")}),
                      make_turn({make_call("look", R"({"key":"a"})")}), make_answer("well?"), make_answer("bye")});
        f.user_replies({"and?"});
        f.start("a");
        f.run_until_idle();
        BOOST_TEST(to_string(f.last_outcome().status) == "success");
        events[synchronous] = engine_test::timeless_events(f.world().journal());
    }
    BOOST_TEST(events[0].size() > 15U);
    BOOST_TEST(events[0] == events[1], boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equal_calls_in_a_run_carry_different_keys_and_a_second_world_derives_the_same_ones) {
    std::vector<effect_key> keys[2];
    for (auto& k : keys) {
        host h;
        h.ports.at_once = true;
        BOOST_REQUIRE(h.engine.activate(make_steps_agent("a", {make_binding("send", make_skill("mail.send"))},
                                                         {{"one", "send"}, {"two", "send"}})));
        h.start();
        h.start();
        k = h.ports.keys;
    }
    BOOST_REQUIRE_EQUAL(keys[0].size(), 4U);
    BOOST_CHECK(keys[0] == keys[1]);
    std::sort(keys[0].begin(), keys[0].end());
    BOOST_CHECK(std::unique(keys[0].begin(), keys[0].end()) == keys[0].end());
}

BOOST_AUTO_TEST_SUITE_END()
