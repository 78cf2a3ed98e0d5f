#include "aivp/reliability/kill.hpp"

#include <array>

#include "runtime/reliability/internal/scale.hpp"

namespace aivp {

result<void> check(const kill_policy& policy) {
    AIVP_CHECK(detail::check_range("term_grace", policy.term_grace.us, 0, days(1).us));
    AIVP_CHECK(detail::check_range("kill_grace", policy.kill_grace.us, 0, days(1).us));
    return {};
}

std::string_view to_string(kill_action action) {
    constexpr std::array<std::string_view, 5> names{"none", "wait", "term", "kill", "give_up"};
    return names[static_cast<std::size_t>(action)];
}

kill_step next_kill_step(const kill_policy& policy, const kill_state& state, instant now) {
    if (state.exited) return {kill_action::none, now};
    instant at = state.due;
    kill_action action = kill_action::term;
    if (state.kill_sent) {
        at = *state.kill_sent + policy.kill_grace;
        action = kill_action::give_up;
    } else if (state.term_sent) {
        at = *state.term_sent + policy.term_grace;
        action = kill_action::kill;
    }
    if (now < at) return {kill_action::wait, at};
    return {action, now};
}

kill_state after_kill_step(kill_state state, const kill_step& step) {
    if (step.action == kill_action::term) state.term_sent = step.at;
    if (step.action == kill_action::kill) state.kill_sent = step.at;
    return state;
}

} // namespace aivp
