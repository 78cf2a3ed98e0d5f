// An agent that looks something up and answers, in virtual time.
#include "aivp/testing/sim_fixture.hpp"

#include <cstdio>

int main() {
    using namespace aivp::testing;
    const auto look = make_skill("kv.get", {.effect = aivp::effect_class::read});
    sim_fixture world;
    world.setup.agents = {make_loop_agent("clerk", {make_binding("look", look)}, "Find it.")};
    world.skill_answers("kv.get", R"({"value":"found"})");
    world.model_says({make_turn({make_call("look")}), make_answer("found")});
    world.start("clerk");
    world.run_until_idle();
    world.expect_calls("look", 1);
    const bool ok = world.last_outcome().status == aivp::outcome_status::success;
    std::printf("simulated run: %s\n", ok ? "success" : "no success");
    return ok ? 0 : 1;
}
