#include "aivp/testing/generators.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>
#include <rapidcheck/boost_test.h>

using namespace aivp;
using namespace aivp::testing;

namespace {

template <class T>
rc::Shrinkable<T> sample(const rc::Gen<T>& generator, std::uint64_t seed) {
    return generator(rc::Random(seed), 60);
}

/// Follows the first smaller value until there is none.
template <class T>
T smallest(rc::Shrinkable<T> from) {
    for (int i = 0; i < 10'000; ++i) {
        const auto next = from.shrinks().next();
        if (!next) return from.value();
        from = *next;
    }
    BOOST_FAIL("it shrinks for ever");
    return from.value();
}

std::size_t steps_of(const snapshot_ptr& agent) { return std::get<steps_brain>(agent->brain).steps.size(); }

} // namespace

BOOST_AUTO_TEST_SUITE(generators)

RC_BOOST_PROP(payloads_are_canonical, ()) {
    const payload p = *any_payload();
    RC_ASSERT(payload::parse(p.text()).value() == p);
}

RC_BOOST_PROP(agents_can_be_run, ()) {
    const snapshot_ptr agent = *any_agent("x");
    RC_ASSERT(agent->id == "x");
    RC_ASSERT(!agent->bindings.empty());
    RC_ASSERT(!agent->triggers.empty());
    RC_ASSERT(std::is_sorted(agent->bindings.begin(), agent->bindings.end(),
                             [](const auto& a, const auto& b) { return a.as < b.as; }));
    spec s = given(agent);
    s.when(start_run{{1}, {}});
    RC_ASSERT(s.state().last_run == 1U);
}

RC_BOOST_PROP(schedules_begin_where_they_are_told_to, ()) {
    const schedule s = *any_schedule();
    const auto next = next_fire(s, spec::start);
    RC_ASSERT(!next || *next > spec::start);
}

RC_BOOST_PROP(turns_are_as_models_make_them_or_worse, ()) {
    for (const model_response& turn : *any_script()) {
        RC_ASSERT(turn.calls.size() <= 5U);
        for (const proposed_call& c : turn.calls) RC_ASSERT(!c.name.empty());
        RC_ASSERT(turn.content.is_null() || turn.content.is_string());
    }
}

BOOST_AUTO_TEST_CASE(everything_shrinks_to_something_small) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        BOOST_TEST(smallest(sample(any_payload(), seed)).text().size() <= 5U);
        BOOST_TEST(smallest(sample(any_text(), seed)).empty());
        BOOST_TEST(smallest(sample(any_turn(), seed)).calls.empty());
        BOOST_TEST(smallest(sample(any_script(), seed)).empty());
        const snapshot_ptr agent = smallest(sample(any_steps_agent(), seed));
        BOOST_TEST(steps_of(agent) == 0U);
        BOOST_TEST(agent->bindings.size() == 1U);
        BOOST_TEST(agent->limits.skill_calls == 0U);
    }
}

BOOST_AUTO_TEST_CASE(many_kinds_of_agents_come_up) {
    std::size_t loops = 0, long_ones = 0, converse = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const snapshot_ptr agent = sample(any_agent(), seed).value();
        if (const auto* loop = std::get_if<loop_brain>(&agent->brain)) {
            ++loops;
            converse += loop->converse;
        } else {
            long_ones += steps_of(agent) > 3;
        }
    }
    BOOST_TEST(loops > 10U);
    BOOST_TEST(loops < 50U);
    BOOST_TEST(long_ones > 3U);
    BOOST_TEST(converse > 3U);
}

BOOST_AUTO_TEST_SUITE_END()
