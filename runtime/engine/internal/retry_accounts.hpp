// The retry budgets of all dependencies, as part of the engine's state: first attempts pay in, planned retries take out. Only
// events move anything, so that the accounts follow from the journal.
#pragma once

#include "aivp/engine/event.hpp"
#include "aivp/engine/state.hpp"

namespace aivp {

/// What a call depends on, and how it is retried.
struct call_dependency {
    call_kind kind = call_kind::skill;
    std::string_view name;
    const retry_policy* retry = nullptr; ///< never null
};
call_dependency skill_dependency(const run_state& r, std::uint32_t binding);
/// Of the model that a run of a loop asks.
call_dependency model_dependency(const run_state& r);
/// Of a skill or model call.
call_dependency dependency_of(const run_state& r, const open_call& o);

/// What is left for the dependency, whose policy has a budget: a copy, that may be asked.
retry_budget budget_of(const engine_state& s, const call_dependency& d);

/// A first attempt is made, to a dependency whose policy has a budget.
void pay_in(engine_state& s, const call_dependency& d, instant at);

/// What an event means for the accounts. Before it is applied to its run.
inline void keep_accounts(engine_state& s, const run_state& r, const call_intended& e, instant at) {
    if (r.snapshot->bindings[e.binding].skill->retry.budget) pay_in(s, skill_dependency(r, e.binding), at);
}
void keep_accounts(engine_state& s, const run_state& r, const model_requested& e, instant at);
void keep_accounts(engine_state& s, const run_state& r, const call_retry_planned& e, instant at);
/// Those that are as good as new are forgotten.
void forget_idle_accounts(engine_state& s, instant at);

} // namespace aivp
