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
                                                            {1, stray_timer},
                                                            {1, name_journal},
                                                            {3, crash},
                                                            {1, recover_uncrashed},
                                                            {1, wake},
                                                            {3, pause},
                                                            {3, resume},
                                                            {4, resolve}});
    return rc::gen::map(rc::gen::tuple(kind, rc::gen::inRange<std::uint32_t>(0, 200),
                                       rc::gen::inRange<std::uint32_t>(0, 10), any_turn()),
                        [](std::tuple<move::kind, std::uint32_t, std::uint32_t, model_response> t) {
                            return move{std::get<0>(t), std::get<1>(t), std::get<2>(t), std::move(std::get<3>(t))};
                        });
}

rc::Gen<std::vector<move>> any_moves() { return rc::gen::container<std::vector<move>>(any_move()); }
/// The same agent, with skills and a model that are tried `attempts` times, and within a budget when there are three.
snapshot_ptr with_attempts(const snapshot_ptr& agent, std::uint32_t attempts) {
    auto out = std::make_shared<agent_snapshot>(*agent);
    retry_policy policy{.max_attempts = attempts, .base_delay = seconds(2), .cap = seconds(9)};
    if (attempts == 3) policy.budget = {.share_permille = 400, .min_per_second = 1, .ttl = seconds(2)};
    for (skill_binding& b : out->bindings) {
        auto skill = std::make_shared<skill_contract>(*b.skill);
        skill->retry = policy;
        b.skill = std::move(skill);
    }
    if (auto* loop = std::get_if<loop_brain>(&out->brain)) loop->model.retry = policy;
    return out;
}

rc::Gen<std::vector<snapshot_ptr>> any_agents() {
    return rc::gen::map(rc::gen::tuple(any_agent("one"), any_agent("two"), rc::gen::arbitrary<bool>(),
                                       rc::gen::inRange<std::uint32_t>(1, 4)),
                        [](const std::tuple<snapshot_ptr, snapshot_ptr, bool, std::uint32_t>& t) {
                            std::vector<snapshot_ptr> agents{with_attempts(std::get<0>(t), std::get<3>(t))};
                            if (std::get<2>(t)) agents.push_back(with_attempts(std::get<1>(t), std::get<3>(t)));
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

/// One thing that is wrong with a journal or a state.
struct damage {
    enum class kind : std::uint32_t { drop, repeat, swap, number, name, member, count };
    kind what = kind::drop;
    std::uint32_t line = 0;
    std::uint32_t place = 0;
    std::uint32_t with = 0;
};

rc::Gen<std::vector<damage>> any_damage() {
    return short_list<damage>(
        4,
        rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::uint32_t>(0, 6), rc::gen::inRange<std::uint32_t>(0, 1000),
                                    rc::gen::inRange<std::uint32_t>(0, 1000), rc::gen::inRange<std::uint32_t>(0, 40)),
                     [](const std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>& t) {
                         return damage{static_cast<damage::kind>(std::get<0>(t)), std::get<1>(t), std::get<2>(t),
                                       std::get<3>(t)};
                     }));
}

/// Where a number, or the quoted text after `before`, begins and ends.
std::vector<std::pair<std::size_t, std::size_t>> numbers_of(const std::string& text) {
    std::vector<std::pair<std::size_t, std::size_t>> out;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i - 1] != ':' && text[i - 1] != ',' && text[i - 1] != '[') continue;
        const std::size_t stop = text.find_first_not_of("-0123456789", i);
        if (stop != i && stop != std::string::npos) out.emplace_back(i, stop);
    }
    return out;
}
std::vector<std::pair<std::size_t, std::size_t>> names_of(const std::string& text, bool members) {
    std::vector<std::pair<std::size_t, std::size_t>> out;
    for (std::size_t i = 0; (i = text.find('"', i)) != std::string::npos;) {
        const std::size_t stop = text.find('"', i + 1);
        if (stop == std::string::npos) break;
        const bool member = stop + 1 < text.size() && text[stop + 1] == ':';
        if (member == members) out.emplace_back(i + 1, stop);
        i = stop + 1;
    }
    return out;
}

/// Made canonical again where it is JSON still: otherwise nothing but that would be noticed.
std::string damaged(const std::string& text, const damage& d) {
    static const std::vector<std::string> values{"-1",
                                                 "0",
                                                 "1",
                                                 "2",
                                                 "3",
                                                 "5",
                                                 "99",
                                                 "4294967295",
                                                 "4294967296",
                                                 "9007199254740993",
                                                 "9223372036854775807",
                                                 "-9223372036854775808",
                                                 "null",
                                                 "\"x\"",
                                                 "[]",
                                                 "{}",
                                                 "true"};
    static const std::vector<std::string> words{"ok",   "failed",  "unknown", "model", "skill",
                                                "user", "success", "a",       ""};
    const auto places =
        d.what == damage::kind::number ? numbers_of(text) : names_of(text, d.what == damage::kind::member);
    if (places.empty()) return text;
    const auto [begin, stop] = places[d.place % places.size()];
    static const engine_event kinds[] = {
        agent_activated{}, agent_retired{},   trigger_armed{},      trigger_accepted{}, trigger_refused{},
        run_started{},     model_requested{}, model_settled{},      call_refused{},     call_intended{},
        call_settled{},    step_finished{},   turn_completed{},     user_asked{},       user_answered{},
        timer_armed{},     run_finished{},    journal_opened{},     recovered{},        time_lost{},
        call_parked{},     call_resent{},     call_retry_planned{}, run_paused{},       run_resumed{}};
    std::string with;
    if (d.what == damage::kind::number)
        with = values[d.with % values.size()];
    else if (d.what == damage::kind::member)
        with = "gone";
    else if (text.find("_", begin) < stop)
        with = event_name(kinds[d.with % std::size(kinds)]);
    else
        with = words[d.with % words.size()];
    std::string out = text;
    out.replace(begin, stop - begin, with);
    const auto parsed = payload::parse(out);
    return parsed ? std::string(parsed->text()) : out;
}

void apply(std::vector<std::string>& lines, const damage& d) {
    if (lines.empty()) return;
    const std::size_t n = d.line % lines.size();
    switch (d.what) {
    case damage::kind::drop: lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(n)); break;
    case damage::kind::repeat:
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(n), std::string(lines[n]));
        break;
    case damage::kind::swap: std::swap(lines[n], lines[d.place % lines.size()]); break;
    default: lines[n] = damaged(lines[n], d); break;
    }
}

/// Whatever state it is: it can be written, and the engine can go on from it for a while.
void go_on(engine_state state, const std::vector<snapshot_ptr>& agents) {
    listed_snapshots known(agents);
    if (const auto again = decode_state(encode_state(state), known)) RC_ASSERT(*again == state);
    decision d;
    std::uint64_t seq = 0;
    const auto put = [&](engine_input in) {
        step(state, {{++seq}, spec::start + hours(1), input_source::host, {}, {}, std::move(in)}, d);
        std::string line;
        append_journal_line(line, {{seq}, spec::start, input_source::host, {}, {}, recover{}}, d);
        RC_ASSERT(payload::parse(line).has_value());
    };
    put(recover{seconds(3)});
    const engine_state before = state;
    for (const auto& [id, r] : before.runs) {
        put(resume_run{id});
        for (const open_call& o : r.open) {
            put(resolve_call{{id, o.call}, call_finding::failed, {}, {}});
            put(skill_completion{.ref = {id, o.call}, .outcome = effect_outcome::ok, .result = {}, .message = {}});
            put(model_completion{.ref = {id, o.call}, .response = make_answer("x"), .message = {}});
        }
        put(timer_elapsed{{timer_key::kind::run, id.value, 0}});
        put(cancel_run{id, "enough"});
    }
}

void count_events(const play& p) {
    for (std::size_t i = 0; i < events_seen.size(); ++i) events_seen[i] += p.seen(i);
}

} // namespace

BOOST_AUTO_TEST_SUITE(engine_properties)

RC_BOOST_PROP(whatever_happens_the_books_of_the_host_and_the_state_of_the_engine_agree, ()) {
    play p(*any_agents(), *rc::gen::arbitrary<bool>());
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
    count_events(first);
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

RC_BOOST_PROP(a_damaged_journal_is_refused_or_leads_to_a_state_that_can_go_on, ()) {
    play p(*any_agents());
    const std::vector<move> moves = *any_moves();
    playing(p, [&] {
        for (const move& m : moves) p.make(m);
    });
    count_events(p);
    std::vector<std::string> lines = p.lines();
    const std::vector<damage> all = *any_damage();
    for (const damage& d : all) apply(lines, d);
    listed_snapshots known(p.agents());
    engine_state state;
    for (const std::string& line : lines) {
        engine_state after = state;
        const auto read = replay_line(after, line, known);
        if (!read) {
            RC_ASSERT(!read.error().message.empty());
            RC_ASSERT(read.error().code == errc::store_corrupt || read.error().code == errc::store_snapshot);
            break;
        }
        state = std::move(after);
    }
    go_on(std::move(state), p.agents());
}

RC_BOOST_PROP(a_damaged_state_is_refused_or_can_go_on, ()) {
    play p(*any_agents());
    const std::vector<move> moves = *any_moves();
    playing(p, [&] {
        for (const move& m : moves) p.make(m);
    });
    std::string text = encode_state(p.state());
    for (damage d : *any_damage()) {
        if (d.what < damage::kind::number) d.what = damage::kind::number;
        text = damaged(text, d);
    }
    listed_snapshots known(p.agents());
    if (auto state = decode_state(text, known))
        go_on(std::move(*state), p.agents());
    else
        RC_ASSERT(!state.error().message.empty());
}

/// What random moves seldom come to: calls of every kind are open together when the host crashes, again and again.
BOOST_AUTO_TEST_CASE(crashes_in_the_middle_of_a_turn_with_every_kind_of_call) {
    const std::vector<skill_binding> bindings{
        make_binding("a", make_skill("x.a", {.effect = effect_class::read, .cost = {3}})),
        make_binding("b", make_skill("x.b")), make_binding("c", make_skill("x.c", {.takes_key = true})),
        make_binding("d", make_skill("x.d", {.idempotent = true})),
        make_binding("e", make_skill("x.e", {.takes_key = true, .secret_arguments = {"/n"}}))};
    const std::vector<snapshot_ptr> agents{
        with_attempts(make_loop_agent("one", bindings, "go", {.converse = true}), 3),
        with_attempts(make_steps_agent("two", bindings, {{"s0", "a"}, {"s1", "b"}, {"s2", "e"}}), 3)};
    const model_response turn = make_turn({make_call("a"), make_call("b", R"({"n":1})"), make_call("c"), make_call("d"),
                                           make_call("e", R"({"n":1})"), make_call("b", R"({"n":2})")});
    using enum move::kind;
    for (std::uint32_t how = 0; how < 60; ++how) {
        play p(agents, how % 2 == 0);
        try {
            p.make({.what = start, .pick = 1});
            p.make({.what = start, .pick = 2});
            for (const move::kind then : {answer, answer_again, crash, pause, answer, resolve, crash, resolve, wake,
                                          answer, fire_next_timer, resume, resolve, crash, answer, fire_next_timer})
                p.make({.what = then, .pick = how / 3, .how = how % 10, .turn = turn});
            p.drain();
        } catch (const std::logic_error& e) {
            BOOST_ERROR("case " << how << ": " << e.what() << "\n" << p.journal());
        }
        count_events(p);
    }
}

BOOST_AUTO_TEST_CASE(together_they_have_seen_every_event) {
    for (std::size_t i = 0; i < events_seen.size(); ++i)
        BOOST_TEST(events_seen[i] > 0U, "event " << i << " was never seen");
}

BOOST_AUTO_TEST_SUITE_END()
