#include "runtime/engine/internal/retry_accounts.hpp"

#include <algorithm>

namespace aivp {

namespace {

auto account_of(auto& accounts, const call_dependency& d) {
    return std::find_if(accounts.begin(), accounts.end(), [&](const retry_account& a) {
        return a.kind == d.kind && a.dependency == d.name && a.budget.policy() == *d.retry->budget;
    });
}

retry_budget& open_account(engine_state& s, const call_dependency& d) {
    const auto known = account_of(s.retry_accounts, d);
    if (known != s.retry_accounts.end()) return known->budget;
    return s.retry_accounts.emplace_back(retry_account{d.kind, std::string(d.name), retry_budget(*d.retry->budget)})
        .budget;
}

} // namespace

call_dependency skill_dependency(const run_state& r, std::uint32_t binding) {
    const skill_contract& skill = *r.snapshot->bindings[binding].skill;
    return {call_kind::skill, skill.id, &skill.retry};
}

call_dependency model_dependency(const run_state& r) {
    const model_spec& model = std::get<loop_brain>(r.snapshot->brain).model;
    return {call_kind::model, model.name, &model.retry};
}

call_dependency dependency_of(const run_state& r, const open_call& o) {
    return o.kind == call_kind::skill ? skill_dependency(r, o.binding) : model_dependency(r);
}

retry_budget budget_of(const engine_state& s, const call_dependency& d) {
    const auto known = account_of(s.retry_accounts, d);
    return known == s.retry_accounts.end() ? retry_budget(*d.retry->budget) : known->budget;
}

void pay_in(engine_state& s, const call_dependency& d, instant at) { open_account(s, d).deposit(at); }

void keep_accounts(engine_state& s, const run_state& r, const model_requested&, instant at) {
    const call_dependency d = model_dependency(r);
    if (d.retry->budget) pay_in(s, d, at);
}

void keep_accounts(engine_state& s, const run_state& r, const call_retry_planned& e, instant at) {
    const auto o = std::find_if(r.open.begin(), r.open.end(), [&](const open_call& c) { return c.call == e.call; });
    // What waits for its turn has not been tried, and takes nothing out.
    if (o == r.open.end() || e.attempt <= o->attempt) return;
    const call_dependency d = dependency_of(r, *o);
    if (d.retry->budget) (void)open_account(s, d).try_withdraw(at);
}

void forget_idle_accounts(engine_state& s, instant at) {
    std::erase_if(s.retry_accounts, [at](const retry_account& a) { return a.budget.is_idle(at); });
}

} // namespace aivp
