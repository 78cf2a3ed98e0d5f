// The decisions' way in.
#include "aivp/engine/engine.hpp"
#include "runtime/engine/internal/engine_step.hpp"

namespace aivp {

void step(engine_state& state, const input_envelope& input, decision& out) {
    out.clear();
    engine_step s(state, input, out);
    std::visit([&s](const auto& body) { s.on(body); }, input.body);
}

decision decide(const engine_state& state, const input_envelope& input) {
    engine_state copy = state;
    decision d;
    step(copy, input, d);
    return d;
}

} // namespace aivp
