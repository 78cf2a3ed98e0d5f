// What a project outside this one sees: the public headers and the exported targets, nothing else.
#include "aivp/base/money.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/engine/engine.hpp"
#include "aivp/schema/schema.hpp"
#include "aivp/version.hpp"

#include <cstdio>
#include <string>

int main() {
    const auto amount = aivp::parse_usd("$0.0227");
    bool ok = amount && aivp::to_string(*amount) == "$0.0227";

    const auto source = aivp::payload::parse(R"({"type":"object","required":["id"]})").value();
    const auto schema = aivp::json_schema::compile(source).value();
    ok = ok && schema.accepts(aivp::payload::parse(R"({"id":7})").value());
    ok = ok && !schema.accepts(aivp::payload::parse(R"({"name":7})").value());

    // An agent that does not exist cannot run, and the pure form leaves the state alone.
    const aivp::engine_state state;
    aivp::input_envelope input;
    input.body = aivp::start_run{aivp::agent_id{1}, {}};
    const aivp::decision refused = aivp::decide(state, input);
    ok = ok && refused.effects.empty();

    std::printf("aivp %s: %s\n", std::string(aivp::version).c_str(), ok ? "works" : "gives wrong answers");
    return ok ? 0 : 1;
}
