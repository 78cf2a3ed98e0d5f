// A simulated world for one test: say what stands behind the ports, start runs, let virtual time pass, and look at what
// the engine did. Use it as a fixture (BOOST_FIXTURE_TEST_CASE(name, sim_fixture)) or as a local variable.
//
//   setup.agents = {agent};
//   model_says({make_turn({make_call("look")}), make_answer("found")});
//   start("agent");
//   run_until_idle();
//   expect_calls("look", 1);
//   BOOST_TEST(to_string(last_outcome().status) == "success");
//
// What does not hold throws expectation_failed, whose text begins with file:line of the test.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "aivp/testing/fixtures.hpp"
#include "aivp/testing/spec.hpp"
#include "mocks/canned.hpp"
#include "sim/simulation.hpp"

namespace aivp::testing {

class sim_fixture {
public:
    using where = std::source_location;

    sim_fixture();
    ~sim_fixture();
    sim_fixture(const sim_fixture&) = delete;
    sim_fixture& operator=(const sim_fixture&) = delete;

    /// Change it before the world is first used. `setup.ports`, when set, goes before what the three functions below say.
    sim::simulation_setup setup;
    /// What the model answers in each run, from the first turn on.
    void model_says(std::vector<model_response> turns) { turns_ = std::move(turns); }
    /// What a skill ("mail.read", "mail.*", "*") answers; `result` is JSON. The mocks of setup.world answer the rest.
    void skill_answers(std::string skill, std::string_view result);
    void skill_fails(std::string skill, errc code, std::string message = "failed");
    /// What the person replies in each run; then the person leaves.
    void user_replies(std::vector<std::string> replies) { replies_ = std::move(replies); }

    /// Built when it is first asked for.
    sim::simulation& world(where at = where::current());

    void advance(duration d, where at = where::current());
    /// Until nothing is left to do; at most `events_max` events.
    void run_until_idle(std::uint64_t events_max = 100'000, where at = where::current());
    /// Puts the input to the engine now.
    void submit(engine_input input, where at = where::current());
    /// Starts a run of this agent, which begins at once or waits.
    run_id start(std::string_view agent, payload body = {}, where at = where::current());

    /// Everything that was handed to a port, in order.
    const std::vector<engine_effect>& effects() const { return performed_; }
    /// The next effect of kind T that no earlier expect_effect has taken.
    template <class T>
    const T& expect_effect(where at = where::current()) {
        return expect_effect<T>([](const T&) { return true; }, at);
    }
    /// The same, of those for which `matches` holds.
    template <class T, class Predicate>
        requires requires(Predicate p, const T& e) { bool(p(e)); }
    const T& expect_effect(Predicate matches, where at = where::current()) {
        for (std::size_t i = 0; i < performed_.size(); ++i) {
            const T* e = taken_[i] ? nullptr : std::get_if<T>(&performed_[i]);
            if (!e || !matches(*e)) continue;
            taken_[i] = true;
            return *e;
        }
        throw expectation_failed("no such effect was performed; performed were" + list_effects(), at);
    }
    /// So many calls of the binding `as` were performed, over all runs.
    void expect_calls(std::string_view as, std::size_t count, where at = where::current());

    /// Of the run that was accepted last. It must have ended.
    const structured_outcome& last_outcome(where at = where::current());
    const structured_outcome& outcome_of(run_id run, where at = where::current());

private:
    class watcher;
    sim::world_ports make_ports(const sim::world_parts& parts) const;
    std::string list_effects() const;

    std::vector<model_response> turns_;
    std::vector<canned_answer> answers_;
    std::vector<std::string> replies_;
    std::vector<engine_effect> performed_;
    std::vector<bool> taken_;
    std::unique_ptr<watcher> watcher_;
    std::unique_ptr<sim::simulation> world_;
};

} // namespace aivp::testing
