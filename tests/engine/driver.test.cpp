#include "aivp/engine/driver.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/generators.hpp"
#include "aivp/testing/sim_fixture.hpp"
#include "aivp/testing/spec.hpp"
#include "runtime/store/memory_store.hpp"
#include "tests/engine/play.hpp"
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

    std::function<void()> when_read; ///< called by the next reading of the clock

    instant now() override {
        if (const auto look = std::exchange(when_read, nullptr)) look();
        return time;
    }
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
    BOOST_TEST(text(1, "source") == "null"); // host: left out, as is always so
    BOOST_TEST(text(2, "source") == "\"operator\"");
    BOOST_TEST(text(2, "causation") == "null"); // left out
    BOOST_TEST(text(3, "source") == "null");    // connector
    BOOST_TEST(text(3, "causation") == "2");
    BOOST_TEST(text(3, "correlation") == "1");
    BOOST_TEST(text(4, "causation") == "3");
    h.engine.timer_fired({timer_key::kind::run, 1, 0});
    h.engine.timer_fired({timer_key::kind::trigger, 1, 0});
    h.engine.user_done({{{9}, {1}}, {}, true});
    h.engine.model_done({.ref = {{9}, {1}}, .message = {}});
    BOOST_TEST(text(5, "source") == "null"); // timer
    BOOST_TEST(text(5, "correlation") == "1");
    BOOST_TEST(text(6, "correlation") == "null");
    BOOST_TEST(text(6, "source") == "null"); // schedule
    BOOST_TEST(text(7, "source") == "null"); // user
    BOOST_TEST(text(7, "correlation") == "9");
    BOOST_TEST(text(8, "source") == "null"); // model
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

// ---- a store that does not always work ---------------------------------------------------------------------------------

namespace {

/// Does as it is told, commit by commit, and after that what the store below does.
class moody_store final : public forwarding_store {
public:
    enum class mood : std::uint8_t { works, fails, loses_and_does_not_say, keeps_and_does_not_say };
    moody_store(store_port& next, std::vector<mood> moods) : forwarding_store(next), moods_(std::move(moods)) {}
    commit_outcome commit(std::span<const journal_record> batch) override {
        const mood now = commits_ < moods_.size() ? moods_[commits_] : mood::works;
        ++commits_;
        sizes.push_back(batch.size());
        if (now == mood::fails) return commit_outcome::failed;
        if (now == mood::loses_and_does_not_say) return commit_outcome::unknown;
        const commit_outcome how = forwarding_store::commit(batch);
        return now == mood::works ? how : commit_outcome::unknown;
    }
    std::vector<std::size_t> sizes; ///< of the batches

private:
    std::vector<mood> moods_;
    std::size_t commits_ = 0;
};
using enum moody_store::mood;

/// All events of a journal, without which line they stand in.
std::vector<std::string> events_of(const memory_store& journal) {
    std::vector<std::string> out;
    for (std::uint64_t n = 1; n <= journal.size(); ++n)
        for (const payload& e : items(*member(json(journal.line(n)), "events"))) out.emplace_back(e.text());
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(after_a_failed_commit_the_driver_goes_on_with_what_was_not_refused) {
    for (const auto how : {fails, loses_and_does_not_say, keeps_and_does_not_say})
        for (std::size_t n = 0; n < 4; ++n)
            for (std::size_t times = 1; times <= 3; ++times) {
                const std::vector<snapshot_ptr> agents{two_steps()};
                listed_snapshots known(agents);
                memory_store memory;
                std::vector<moody_store::mood> moods(n, works);
                moods.insert(moods.end(), how == keeps_and_does_not_say ? 1 : times, how);
                moody_store store(memory, moods);
                host h(&store);
                // What is refused is said again; what nobody can be told about comes back by itself.
                const auto until_it_works = [&](auto act) {
                    for (std::size_t i = 0; i <= times; ++i) {
                        const seq_no before = h.engine.last_seq();
                        if (act()) return;
                        for (std::size_t k = 0; k <= times && !h.engine.failures().empty(); ++k)
                            (void)h.engine.retry(known);
                        BOOST_REQUIRE(h.engine.failures().empty());
                        if (h.engine.last_seq() != before) return;
                    }
                };
                const auto repair = [&] {
                    for (std::size_t k = 0; k <= times && !h.engine.failures().empty(); ++k)
                        (void)h.engine.retry(known);
                };
                until_it_works([&] { return h.engine.activate(agents[0]).has_value(); });
                until_it_works(
                    [&] { return h.engine.submit(start_run{{1}, {}}, input_source::operator_).has_value(); });
                h.answer(1);
                repair();
                h.answer(2);
                repair();
                BOOST_TEST(h.engine.state().finished_runs == 1U);
                BOOST_TEST(memory.size() == 4U);
                BOOST_TEST(h.ports.performed() == 2U);
                const auto read = read_state(memory, known);
                BOOST_REQUIRE(read.has_value());
                BOOST_CHECK(read->state == h.engine.state());
                BOOST_CHECK(read->chain == h.engine.chain());
            }
}

BOOST_AUTO_TEST_CASE(a_retry_without_a_failure_does_nothing) {
    const std::vector<snapshot_ptr> agents{two_steps()};
    listed_snapshots known(agents);
    host h;
    BOOST_REQUIRE(h.engine.activate(agents[0]));
    BOOST_CHECK(h.engine.retry(known));
    BOOST_TEST(h.memory.size() == 1U);
}

BOOST_AUTO_TEST_CASE(answers_that_come_while_the_store_does_not_work_are_not_lost) {
    const std::vector<snapshot_ptr> agents{
        make_loop_agent("a", {make_binding("x", make_skill("x.x")), make_binding("y", make_skill("x.y"))}, "go")};
    listed_snapshots known(agents);
    memory_store memory;
    moody_store store(memory, {works, works, works, fails});
    host h(&store);
    BOOST_REQUIRE(h.engine.activate(agents[0]));
    h.start();
    h.engine.model_done({.ref = {{1}, {1}}, .response = make_turn({make_call("x"), make_call("y")}), .message = {}});
    h.answer(2);
    BOOST_TEST(h.engine.failures().size() == 1U);
    h.answer(3);
    h.engine.timer_fired({timer_key::kind::run, 1, 0});
    BOOST_TEST(memory.size() == 3U);
    const auto said = h.engine.submit(start_run{{1}, {}}, input_source::operator_);
    BOOST_CHECK(!said);
    BOOST_REQUIRE(h.engine.retry(known));
    BOOST_TEST(memory.size() == 6U);
    BOOST_TEST(h.ports.calls.back() == "model scripted 4");
    BOOST_TEST(h.engine.state().last_run == 1U);
}

BOOST_AUTO_TEST_CASE(what_was_accepted_within_a_port_s_call_is_not_lost_with_a_failed_commit) {
    // The record of the start is committed; that of the answer within the call is not.
    const std::vector<snapshot_ptr> agents{two_steps()};
    listed_snapshots known(agents);
    memory_store memory;
    moody_store store(memory, {works, works, fails});
    host h(&store);
    h.ports.at_once = true;
    BOOST_REQUIRE(h.engine.activate(agents[0]));
    const auto said = h.engine.submit(start_run{{1}, {}}, input_source::operator_);
    BOOST_TEST(said.has_value(), "the start was committed: to refuse it would make its sender start another run");
    BOOST_REQUIRE(h.engine.retry(known));
    BOOST_TEST(h.engine.state().finished_runs == 1U);
    BOOST_TEST(h.engine.state().last_run == 1U);
    BOOST_TEST(memory.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_journal_that_somebody_else_wrote_stops_the_driver_for_good) {
    for (const bool same_number : {true, false}) {
        const std::vector<snapshot_ptr> agents{two_steps()};
        listed_snapshots known(agents);
        memory_store memory;
        moody_store store(memory, {works, loses_and_does_not_say});
        host h(&store);
        BOOST_REQUIRE(h.engine.activate(agents[0]));
        BOOST_CHECK(!h.engine.submit(start_run{{1}, {}}, input_source::operator_));
        for (std::uint64_t n = 2; n <= (same_number ? 2U : 3U); ++n) {
            const journal_record record{{n}, memory.head()->at, "{}", sha256("somebody else")};
            BOOST_REQUIRE(memory.commit({&record, 1}) == commit_outcome::ok);
        }
        for (int i = 0; i < 2; ++i) {
            const auto again = h.engine.retry(known);
            BOOST_REQUIRE(!again.has_value());
            BOOST_TEST(info(again.error().code).name == "store.fenced");
        }
        BOOST_TEST(h.ports.performed() == 0U);
        BOOST_CHECK(!h.engine.submit(start_run{{1}, {}}, input_source::operator_));
    }
}

BOOST_AUTO_TEST_CASE(a_driver_goes_on_where_another_one_stopped) {
    const std::vector<snapshot_ptr> agents{two_steps()};
    listed_snapshots known(agents);
    host first;
    BOOST_REQUIRE(first.engine.activate(agents[0]));
    first.start();
    host second(&first.memory);
    second.ports.time = spec::start + hours(1);
    auto read = read_state(first.memory, known);
    BOOST_REQUIRE(read.has_value());
    second.engine.restore(std::move(*read));
    BOOST_CHECK(second.engine.chain() == first.engine.chain());
    BOOST_CHECK(second.engine.state() == first.engine.state());
    BOOST_TEST(second.engine.last_seq().value == 2U);
    BOOST_REQUIRE(second.engine.submit(recover{hours(1)}, input_source::host));
    BOOST_REQUIRE_EQUAL(second.ports.keys.size(), 1U);
    BOOST_CHECK(second.ports.keys == first.ports.keys);
    BOOST_TEST(second.ports.armed.size() == 1U);
    second.answer(1);
    second.answer(2);
    BOOST_TEST(second.engine.state().finished_runs == 1U);
    BOOST_TEST(first.memory.size() == 5U);
    BOOST_CHECK(first.memory.read({1}, [](const journal_record&) { return true; }));
}

// ---- group commit ------------------------------------------------------------------------------------------------------

namespace {

/// A driver whose inputs come while it is busy: they are handed over from within its first commit.
struct grouped {
    explicit grouped(std::size_t batch_max, std::vector<snapshot_ptr> with, std::vector<moody_store::mood> moods = {})
        : agents(std::move(with)),
          store(memory, std::move(moods)),
          engine({ports, ports, store, ports, ports, ports, ports}, {.batch_max = batch_max}),
          feeder(engine) {
        engine.observe(feeder);
        for (const snapshot_ptr& a : agents) BOOST_REQUIRE(engine.activate(a));
    }
    /// All of them wait together.
    void together(std::vector<engine_input> inputs) {
        feeder.next = std::move(inputs);
        (void)engine.submit(publish_event{"nobody", {}}, input_source::event_bus);
    }
    struct feed final : driver_observer {
        explicit feed(driver& d) : to(d) {}
        void committed(const input_envelope&, const decision&, const engine_state&, const journal_record&) override {
            for (engine_input& in : std::exchange(next, {})) {
                if (auto* skill = std::get_if<skill_completion>(&in))
                    to.skill_done(std::move(*skill));
                else if (auto* model = std::get_if<model_completion>(&in))
                    to.model_done(std::move(*model));
                else
                    BOOST_CHECK(to.submit(std::move(in), input_source::operator_));
            }
        }
        driver& to;
        std::vector<engine_input> next;
    };

    std::vector<snapshot_ptr> agents;
    bench ports;
    memory_store memory;
    moody_store store;
    driver engine;
    feed feeder;
};

} // namespace

BOOST_AUTO_TEST_CASE(inputs_that_wait_together_are_committed_together) {
    for (const std::size_t most : {0U, 1U, 2U, 3U, 100U}) {
        grouped g(most, {two_steps(),
                         make_steps_agent("b", {make_binding("look", make_skill("mail.read"))}, {{"one", "look"}})});
        g.together(
            {start_run{{1}, {}}, start_run{{2}, {}}, start_run{{1}, {}}, start_run{{9}, {}}, cancel_run{{2}, "no"}});
        BOOST_TEST(g.memory.size() == 8U);
        std::vector<std::size_t> sizes(g.store.sizes.begin() + 3, g.store.sizes.end());
        const std::size_t size = std::max<std::size_t>(most, 1);
        for (std::size_t i = 0, left = 5; left > 0; ++i) {
            BOOST_REQUIRE(i < sizes.size());
            BOOST_TEST(sizes[i] == std::min(size, left));
            left -= sizes[i];
        }
        BOOST_CHECK(g.memory.read({1}, [](const journal_record&) { return true; }));
        // The order of what is performed is that of the inputs.
        BOOST_TEST(g.ports.calls.at(0) == "skill mail.read@1.0.0 as look by a");
        BOOST_TEST(g.engine.state().last_run == 3U);
    }
}

BOOST_AUTO_TEST_CASE(inputs_that_come_while_it_is_held_are_committed_together_when_it_is_released) {
    grouped g(100, {two_steps()});
    g.engine.hold();
    for (int i = 0; i < 3; ++i) BOOST_CHECK(g.engine.submit(start_run{{1}, {}}, input_source::operator_));
    BOOST_TEST(g.memory.size() == 1U);
    g.engine.release();
    BOOST_TEST(g.memory.size() == 4U);
    BOOST_TEST(g.store.sizes.back() == 3U);
    BOOST_CHECK(g.engine.submit(start_run{{1}, {}}, input_source::operator_));
    BOOST_TEST(g.memory.size() == 5U);
}

BOOST_AUTO_TEST_CASE(what_a_later_input_of_the_batch_has_ended_is_not_begun) {
    grouped g(10, {two_steps()});
    g.together({start_run{{1}, {}}, cancel_run{{1}, "no"}});
    BOOST_TEST(g.ports.performed() == 0U);
    BOOST_TEST(g.ports.armed.empty());
    grouped one_by_one(1, {two_steps()});
    one_by_one.together({start_run{{1}, {}}, cancel_run{{1}, "no"}});
    BOOST_TEST(one_by_one.ports.performed() == 1U);
    BOOST_TEST(events_of(g.memory) == events_of(one_by_one.memory), boost::test_tools::per_element());
}

RC_BOOST_PROP(group_commit_changes_nothing_but_the_grouping, ()) {
    const std::vector<snapshot_ptr> agents{*any_agent("one"), *any_agent("two")};
    using chunk = std::vector<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t, model_response>>;
    const auto chunks = *short_list<chunk>(
        8, short_list(6, rc::gen::tuple(rc::gen::inRange<std::uint32_t>(0, 9), rc::gen::inRange<std::uint64_t>(1, 5),
                                        rc::gen::inRange<std::uint64_t>(1, 6), any_turn())));
    const auto most = *rc::gen::inRange<std::size_t>(2, 8);
    const auto inputs = [](const chunk& c) {
        std::vector<engine_input> out;
        for (const auto& [kind, run, call, turn] : c) {
            const call_ref ref{{run}, {call}};
            switch (kind) {
            case 0: out.emplace_back(cancel_run{{run}, "no"}); break;
            case 1: out.emplace_back(pause_run{{run}, {}}); break;
            case 2: out.emplace_back(resume_run{{run}}); break;
            case 3: out.emplace_back(publish_event{"ping", {}}); break;
            case 4:
            case 5: out.emplace_back(model_completion{.ref = ref, .response = turn, .message = {}}); break;
            case 6: out.emplace_back(start_run{{1 + call % 2}, {}}); break;
            default:
                out.emplace_back(
                    skill_completion{.ref = ref, .outcome = effect_outcome::ok, .result = {}, .message = {}});
            }
        }
        return out;
    };
    grouped one_by_one(1, agents), together(most, agents);
    for (const chunk& c : chunks) {
        one_by_one.together(inputs(c));
        together.together(inputs(c));
    }
    RC_ASSERT(events_of(one_by_one.memory) == events_of(together.memory));
    RC_ASSERT(one_by_one.engine.state() == together.engine.state());
    RC_ASSERT(one_by_one.ports.armed == together.ports.armed);
    RC_ASSERT(one_by_one.ports.performed() >= together.ports.performed());
    listed_snapshots known(agents);
    const auto read = read_state(together.memory, known);
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->state == together.engine.state());
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_not_committed_is_decided_anew_as_a_whole) {
    for (const auto how : {fails, loses_and_does_not_say, keeps_and_does_not_say}) {
        grouped g(10, {two_steps()}, {works, works, how});
        listed_snapshots known(g.agents);
        g.together({start_run{{1}, {}}, start_run{{1}, {}}, cancel_run{{1}, "no"}});
        BOOST_TEST(g.engine.failures().size() == 1U);
        BOOST_TEST(g.ports.performed() == 0U);
        if (!g.engine.failures().empty())
            BOOST_TEST(g.engine.failures()[0].message.find("records 3 to 5") != std::string::npos);
        BOOST_REQUIRE(g.engine.retry(known));
        BOOST_TEST(g.memory.size() == 5U);
        BOOST_TEST(g.engine.state().last_run == 2U);
        BOOST_TEST(g.ports.performed() == 1U);
        const auto read = read_state(g.memory, known);
        BOOST_REQUIRE(read.has_value());
        BOOST_CHECK(read->state == g.engine.state());
    }
}

// ---- sleep -------------------------------------------------------------------------------------------------------------

namespace {

/// The machine slept, and the reading of the clock for the next input finds that out.
void sleeps(bench& ports, driver& engine, duration by) {
    ports.when_read = [&ports, &engine, by] {
        ports.time = ports.time + by;
        engine.slept(by);
    };
}

std::string inputs_of(const memory_store& journal) {
    std::string out;
    for (std::uint64_t n = 1; n <= journal.size(); ++n) {
        const auto input = member(json(journal.line(n)), "input");
        out += (input ? *as_string(*member(*input, "type")) : "answer") + " ";
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_sleep_is_told_before_the_input_that_found_it_out) {
    host h;
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.start();
    sleeps(h.ports, h.engine, hours(3));
    h.answer(1);
    BOOST_TEST(inputs_of(h.memory) == "activate_agent start_run wake answer ");
    const run_state& r = *h.engine.state().find({1});
    BOOST_CHECK(r.deadline == spec::start + hours(3) + hours(1));
    // What the answer began has its time from now on and not three hours more.
    BOOST_REQUIRE(r.open.size() == 1U);
    BOOST_CHECK(r.open[0].deadline == spec::start + hours(3) + seconds(60));
    BOOST_CHECK(h.memory.read({1}, [](const journal_record&) { return true; }));
}

BOOST_AUTO_TEST_CASE(a_sleep_that_nobody_waits_for_is_told_at_once_and_one_that_is_found_while_it_works_after_that) {
    host h;
    BOOST_REQUIRE(h.engine.activate(two_steps()));
    h.engine.slept(hours(1));
    BOOST_TEST(inputs_of(h.memory) == "activate_agent wake ");
    h.engine.hold();
    h.engine.slept(hours(1));
    h.engine.slept(hours(2));
    h.start();
    BOOST_TEST(h.memory.size() == 2U);
    h.engine.release();
    BOOST_TEST(inputs_of(h.memory) == "activate_agent wake wake start_run ");
    BOOST_TEST(h.memory.line(3).find(std::to_string(hours(3).us)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_sleep_is_told_once_whatever_becomes_of_the_commit) {
    for (const auto how : {fails, loses_and_does_not_say, keeps_and_does_not_say}) {
        const std::vector<snapshot_ptr> agents{two_steps()};
        listed_snapshots known(agents);
        memory_store memory;
        moody_store store(memory, {works, works, how});
        host h(&store);
        BOOST_REQUIRE(h.engine.activate(agents[0]));
        h.start();
        sleeps(h.ports, h.engine, hours(3));
        const bool refused = !h.engine.submit(start_run{{1}, {}}, input_source::operator_);
        BOOST_TEST(refused);
        BOOST_REQUIRE(h.engine.retry(known));
        const std::string kept = how == keeps_and_does_not_say ? "start_run " : "";
        std::string told;
        for (std::uint64_t n = 1; n <= memory.size(); ++n)
            told += *as_string(*member(*member(json(memory.line(n)), "input"), "type")) + " ";
        BOOST_TEST(told == "activate_agent start_run wake " + kept);
        BOOST_CHECK(h.engine.state().find({1})->deadline == spec::start + hours(4));
        const auto read = read_state(memory, known);
        BOOST_REQUIRE(read.has_value());
        BOOST_CHECK(read->state == h.engine.state());
    }
}

BOOST_AUTO_TEST_CASE(a_sleep_within_a_batch_stands_before_the_input_that_found_it_out) {
    grouped g(10, {two_steps()});
    std::size_t readings = 0;
    const std::function<void()> look = [&] {
        if (++readings == 3) {
            g.ports.time = g.ports.time + hours(1);
            g.engine.slept(hours(1));
        } else {
            g.ports.when_read = look;
        }
    };
    g.ports.when_read = look;
    // The first reading is for the event that nobody hears.
    g.together({start_run{{1}, {}}, start_run{{1}, {}}, cancel_run{{2}, "no"}});
    BOOST_TEST(inputs_of(g.memory) == "activate_agent publish_event start_run wake start_run cancel_run ");
    BOOST_TEST(g.store.sizes.back() == 4U);
    listed_snapshots known(g.agents);
    const auto read = read_state(g.memory, known);
    BOOST_REQUIRE(read.has_value());
    BOOST_CHECK(read->state == g.engine.state());
}

BOOST_AUTO_TEST_SUITE_END()
