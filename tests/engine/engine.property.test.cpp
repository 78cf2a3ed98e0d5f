// What holds for every agent and every order of answers, timers, cancellations and stray inputs.
#include "aivp/testing/generators.hpp"

#include <cstdio>
#include <ostream>
#include <stdexcept>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

#include "aivp/testing/sim_fixture.hpp"
#include "tests/engine/play.hpp"
#include "tests/engine/timeless.hpp"

using namespace aivp;
using namespace aivp::testing;
using engine_test::move;
using engine_test::play;

namespace engine_test {
void showValue(const move& m, std::ostream& out) { out << m; }
} // namespace engine_test

namespace {

rc::Gen<move> any_move() {
    using enum move::kind;
    const auto kind = rc::gen::weightedElement<move::kind>({{4, start},
                                                            {12, answer},
                                                            {8, answer_again},
                                                            {4, fire_next_timer},
                                                            {2, let_time_pass},
                                                            {1, cancel},
                                                            {2, publish},
                                                            {2, repeat_completion},
                                                            {1, retire},
                                                            {1, activate},
                                                            {1, stray_timer}});
    return rc::gen::map(rc::gen::tuple(kind, rc::gen::inRange<std::uint32_t>(0, 200),
                                       rc::gen::inRange<std::uint32_t>(0, 10), any_turn()),
                        [](std::tuple<move::kind, std::uint32_t, std::uint32_t, model_response> t) {
                            return move{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::move(std::get<3>(t))};
                        });
}

rc::Gen<std::vector<move>> any_moves() { return rc::gen::container<std::vector<move>>(any_move()); }
rc::Gen<std::vector<snapshot_ptr>> any_agents() {
    return rc::gen::map(rc::gen::tuple(any_agent("one"), any_agent("two"), rc::gen::arbitrary<bool>()),
                        [](const std::tuple<snapshot_ptr, snapshot_ptr, bool>& t) {
                            std::vector<snapshot_ptr> agents{std::get<0>(t)};
                            if (std::get<2>(t)) agents.push_back(std::get<1>(t));
                            return agents;
                        });
}

/// What a failing case shows beside its moves.
template <class Body>
void playing(play& p, Body body) {
    try {
        body();
    } catch (const std::logic_error& e) {
        RC_LOG() << p.journal();
        RC_FAIL(e.what());
    }
}

std::vector<std::uint64_t> events_seen(std::variant_size_v<engine_event>);

void count_events(const play& p) {
    for (std::size_t i = 0; i < events_seen.size(); ++i) events_seen[i] += p.seen(i);
}

} // namespace

BOOST_AUTO_TEST_SUITE(engine_properties)

RC_BOOST_PROP(whatever_happens_the_books_of_the_host_and_the_state_of_the_engine_agree, ()) {
    play p(*any_agents());
    const std::vector<move> moves = *any_moves();
    playing(p, [&] {
        for (const move& m : moves) p.make(m);
        p.drain();
    });
    count_events(p);
}

RC_BOOST_PROP(the_same_inputs_lead_to_the_same_journal, ()) {
    const auto agents = *any_agents();
    const std::vector<move> moves = *any_moves();
    play first(agents), second(agents);
    playing(first, [&] {
        for (const move& m : moves) first.make(m);
        for (const move& m : moves) second.make(m);
    });
    RC_ASSERT(first.chain() == second.chain());
    RC_ASSERT(first.state() == second.state());
}

RC_BOOST_PROP(a_copy_of_the_state_goes_on_by_itself_and_alike, ()) {
    play trunk(*any_agents());
    const std::vector<move> before = *any_moves();
    const std::vector<move> after = *any_moves();
    playing(trunk, [&] {
        for (const move& m : before) trunk.make(m);
        const play kept = trunk;
        play branch = trunk;
        for (const move& m : after) branch.make(m);
        RC_ASSERT(trunk.chain() == kept.chain());
        RC_ASSERT(trunk.state() == kept.state());
        for (const move& m : after) trunk.make(m);
        RC_ASSERT(trunk.chain() == branch.chain());
        RC_ASSERT(trunk.state() == branch.state());
    });
}

RC_BOOST_PROP(runs_of_a_long_queue_end_one_after_the_other, ()) {
    const auto kind = *rc::gen::arbitrary<bool>();
    const auto script = *any_script();
    const trigger_spec manual{.id = "t", .when = manual_schedule{}, .payload_schema = {}, .queue_max = 30, .where = {}};
    const agent_options options{.triggers = {manual}};
    const auto bindings = *any_bindings();
    play p({kind ? make_steps_agent("a", bindings, {{"one", "a"}}, options)
                 : make_loop_agent("a", bindings, "go", options)});
    playing(p, [&] {
        for (std::uint32_t i = 0; i < 20; ++i) p.make({.what = move::kind::start, .pick = 1});
        for (const model_response& turn : script) p.make({.what = move::kind::answer, .how = 9, .turn = turn});
        p.drain();
        RC_ASSERT(p.state().finished_runs == 20U);
    });
    count_events(p);
}

RC_BOOST_PROP(ports_that_answer_at_once_and_later_lead_to_the_same_events, ()) {
    const snapshot_ptr agent = *any_agent();
    const auto script = *any_script();
    const auto replies = *short_list(3, any_text());
    const payload body = *any_payload(1);
    const bool fails = *rc::gen::inRange(0, 4) == 0;
    std::vector<std::string> events[2];
    for (const bool synchronous : {false, true}) {
        sim_fixture f;
        f.setup.synchronous = synchronous;
        f.setup.agents = {agent};
        f.model_says(script);
        f.user_replies(replies);
        if (fails) f.skill_fails("x.b", errc::skill_unavailable);
        f.skill_answers("*", R"({"n":2,"token":"hush"})");
        f.submit(start_run{{1}, body});
        f.advance(microseconds(1));
        f.submit(start_run{{1}, {}});
        f.advance(minutes(1));
        events[synchronous] = engine_test::timeless_events(f.world().journal());
        RC_ASSERT(f.world().properties().violations().empty());
    }
    RC_ASSERT(events[0] == events[1]);
}

BOOST_AUTO_TEST_CASE(together_they_have_seen_every_event) {
    for (std::size_t i = 0; i < events_seen.size(); ++i)
        BOOST_TEST(events_seen[i] > 0U, "event " << i << " was never seen");
}

BOOST_AUTO_TEST_SUITE_END()
