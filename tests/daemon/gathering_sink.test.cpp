#include "runtime/daemon/internal/gathering_sink.hpp"

#include <boost/test/unit_test.hpp>

#include "runtime/store/memory_store.hpp"

namespace {

using namespace aivp;

struct still_clock final : clock_port {
    instant now() override { return {++us}; }
    std::int64_t us = 0;
};
struct no_timers final : timer_port {
    void arm(timer_key, instant) override {}
    void disarm(timer_key) override {}
};
struct no_models final : model_provider {
    void call(const model_request&, completion_sink&) override {}
    void cancel(call_ref) override {}
};
struct no_skills final : connector_port {
    void call(const skill_request&, completion_sink&) override {}
    void cancel(call_ref) override {}
};
struct no_users final : user_channel {
    void ask(const user_question&, completion_sink&) override {}
    void cancel(call_ref) override {}
};
struct no_secrets final : secret_port {
    result<std::string> reveal(std::string_view) override { return fail(errc::secret_unavailable, ""); }
};
struct counting_store final : forwarding_store {
    using forwarding_store::forwarding_store;
    commit_outcome commit(std::span<const journal_record> batch) override {
        batches.push_back(batch.size());
        if (during) during();
        return outcome == commit_outcome::ok ? next_.commit(batch) : outcome;
    }
    std::vector<std::size_t> batches;
    std::function<void()> during;
    commit_outcome outcome = commit_outcome::ok;
};

struct gathered_driver {
    event_loop loop;
    still_clock clock;
    no_timers timers;
    no_models models;
    no_skills skills;
    no_users users;
    no_secrets secrets;
    memory_store memory;
    counting_store counted{memory};
    internal::gathering_sink sink{loop};
    int failures = 0;
    internal::watched_store store{counted, sink, [this] { ++failures; }};
    driver engine{{clock, timers, store, models, skills, users, secrets}, {.batch_max = 100}};
    gathered_driver() { sink.attach(engine); }

    static skill_completion done(std::uint64_t n) { return {{{n}, {1}}, effect_outcome::ok, {}, errc::ok, {}}; }
};

} // namespace

BOOST_AUTO_TEST_SUITE(gathered_completions)

BOOST_AUTO_TEST_CASE(what_comes_in_one_turn_of_the_loop_is_committed_together) {
    gathered_driver g;
    int handed_over = 0;
    g.sink.when_handed_over([&] { ++handed_over; });
    for (std::uint64_t n = 1; n <= 50; ++n) g.sink.skill_done(gathered_driver::done(n));
    BOOST_TEST(g.counted.batches.empty());
    g.loop.poll();
    const std::vector<std::size_t> expected{50};
    BOOST_TEST(g.counted.batches == expected, boost::test_tools::per_element());
    BOOST_TEST(handed_over == 1);
    BOOST_TEST(g.memory.size() == 50u);
}

BOOST_AUTO_TEST_CASE(the_order_of_arrival_is_kept) {
    gathered_driver g;
    for (std::uint64_t n = 1; n <= 9; ++n) g.sink.skill_done(gathered_driver::done(n));
    g.loop.poll();
    for (std::uint64_t n = 1; n <= 9; ++n)
        BOOST_TEST(g.memory.line(n).find("\"correlation\":" + std::to_string(n)) != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(what_arrives_during_a_commit_is_in_the_next) {
    gathered_driver g;
    g.counted.during = [&] {
        g.counted.during = nullptr;
        const internal::gathering_sink::within_driver here(g.sink);
        for (std::uint64_t n = 2; n <= 4; ++n) g.sink.skill_done(gathered_driver::done(n));
    };
    g.sink.skill_done(gathered_driver::done(1));
    g.loop.poll();
    const std::vector<std::size_t> expected{1, 3};
    BOOST_TEST(g.counted.batches == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(held_triggers_do_not_fire_and_watchdogs_do) {
    gathered_driver g;
    g.sink.hold_triggers();
    g.sink.timer_fired({timer_key::kind::trigger, 1, 0});
    g.sink.timer_fired({timer_key::kind::run, 1, 0});
    g.loop.poll();
    BOOST_TEST_REQUIRE(g.memory.size() == 1u);
    BOOST_TEST(g.memory.line(1).find("\"timer\":\"run\"") != std::string_view::npos);
}

BOOST_AUTO_TEST_CASE(a_failed_commit_is_told_of_and_nothing_is_lost) {
    gathered_driver g;
    g.counted.outcome = commit_outcome::failed;
    for (std::uint64_t n = 1; n <= 5; ++n) g.sink.skill_done(gathered_driver::done(n));
    g.loop.poll();
    BOOST_TEST(g.failures == 1);
    BOOST_TEST(g.memory.size() == 0u);
    g.sink.skill_done(gathered_driver::done(6));
    g.loop.poll();
    g.counted.outcome = commit_outcome::ok;
    struct none final : snapshot_source {
        snapshot_ptr find(const digest&) override { return nullptr; }
    } snapshots;
    BOOST_TEST_REQUIRE(g.engine.retry(snapshots).has_value());
    BOOST_TEST(g.memory.size() == 6u);
}

BOOST_AUTO_TEST_CASE(nothing_is_called_after_its_end) {
    gathered_driver g;
    {
        internal::gathering_sink short_lived(g.loop);
        short_lived.attach(g.engine);
        short_lived.skill_done(gathered_driver::done(1));
    }
    g.loop.poll();
    BOOST_TEST(g.memory.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
