#include "sim/retry_watch.hpp"

#include <algorithm>
#include <utility>

namespace aivp::sim {

namespace {

void drop_before(std::deque<instant>& times, instant first) {
    while (!times.empty() && times.front() < first) times.pop_front();
}

const loop_brain* loop_of(const agent_snapshot& agent) { return std::get_if<loop_brain>(&agent.brain); }

} // namespace

bool has_retry_budget(const agent_snapshot& agent) {
    const loop_brain* loop = loop_of(agent);
    return (loop && loop->model.retry.budget) ||
           std::any_of(agent.bindings.begin(), agent.bindings.end(),
                       [](const skill_binding& b) { return b.skill->retry.budget.has_value(); });
}

std::size_t retry_watch::account_of(bool model, const std::string& dependency, const retry_budget_policy& policy) {
    const auto known = std::find_if(accounts_.begin(), accounts_.end(), [&](const account& a) {
        return a.model == model && a.dependency == dependency && a.policy == policy;
    });
    if (known != accounts_.end()) return static_cast<std::size_t>(known - accounts_.begin());
    accounts_.push_back(
        {.model = model, .dependency = dependency, .policy = policy, .first_attempts = {}, .retries = {}});
    return accounts_.size() - 1;
}

/// `binding`: of a skill call; null = a model turn.
void retry_watch::begin(run_id id, call_id which, const std::uint32_t* binding, instant at) {
    const auto known = runs_.find(id);
    if (known == runs_.end()) return;
    const agent_snapshot& agent = *known->second.snapshot;
    const loop_brain* loop = loop_of(agent);
    if (binding ? *binding >= agent.bindings.size() : !loop) return;
    const std::string& name = binding ? agent.bindings[*binding].skill->id : loop->model.name;
    const retry_policy& retry = binding ? agent.bindings[*binding].skill->retry : loop->model.retry;
    if (!retry.budget) return;
    const std::size_t index = account_of(!binding, name, *retry.budget);
    known->second.calls[which.value] = {.account = index};
    account& a = accounts_[index];
    drop_before(a.first_attempts, at - a.policy.ttl + duration{1});
    a.first_attempts.push_back(at);
}

std::optional<retry_watch::finding> retry_watch::planned(const call_retry_planned& e, instant at) {
    const auto known = runs_.find(e.run);
    if (known == runs_.end()) return std::nullopt;
    const auto which = known->second.calls.find(e.call.value);
    if (which == known->second.calls.end() || e.attempt <= which->second.attempt) return std::nullopt;
    which->second.attempt = e.attempt;
    account& a = accounts_[which->second.account];
    // The oldest of its ten slices may have begun just now: what is sure holds for the nine others.
    drop_before(a.retries, at - duration{a.policy.ttl.us / 10 * 9} + duration{1});
    drop_before(a.first_attempts, at - a.policy.ttl + duration{1});
    a.retries.push_back(at);
    const std::int64_t allowed_milli = static_cast<std::int64_t>(a.first_attempts.size()) * a.policy.share_permille +
                                       a.policy.min_per_second * a.policy.ttl.us / 1000;
    const auto made = static_cast<std::int64_t>(a.retries.size());
    if (made * 1000 <= allowed_milli) return std::nullopt;
    return finding{"at most " + std::to_string(allowed_milli / 1000) + " retries of " + a.dependency +
                       " within its budget's time",
                   std::to_string(made)};
}

std::optional<retry_watch::finding> retry_watch::see(const engine_event& event, const std::vector<agent_state>& agents,
                                                     instant at) {
    if (const auto* accepted = std::get_if<trigger_accepted>(&event)) {
        const std::size_t agent = accepted->agent.value - 1;
        if (agent < agents.size() && has_retry_budget(*agents[agent].snapshot))
            runs_[accepted->run].snapshot = agents[agent].snapshot;
        return std::nullopt;
    }
    if (runs_.empty()) return std::nullopt;
    if (const auto* intended = std::get_if<call_intended>(&event))
        begin(intended->run, intended->call, &intended->binding, at);
    else if (const auto* requested = std::get_if<model_requested>(&event))
        begin(requested->run, requested->call, nullptr, at);
    else if (const auto* finished = std::get_if<run_finished>(&event))
        runs_.erase(finished->run);
    else if (const auto* again = std::get_if<call_retry_planned>(&event))
        return planned(*again, at);
    return std::nullopt;
}

} // namespace aivp::sim
