#include "sim/properties.hpp"

#include <algorithm>

namespace aivp::sim {

const std::vector<property_info>& property_table() {
    using enum property_id;
    static const std::vector<property_info> table{
        {effect_at_most_once_per_key, "effect.at_most_once_per_key", "no effect is performed twice under one idempotency key"},
        {effect_intent_committed_first, "effect.intent_committed_first", "every effect that is performed has a committed, open intent"},
        {grant_nothing_outside, "grant.nothing_outside", "only skills bound to the agent are performed"},
        {cap_skill_calls, "cap.skill_calls", "a run makes at most limits.skill_calls skill calls"},
        {cap_model_turns, "cap.model_turns", "a run takes at most limits.model_turns model turns"},
        {budget_overrun_at_most_one_call, "budget.overrun_at_most_one_call", "a run spends at most its budget and one call more"},
        {single_flight_per_agent, "agent.single_flight", "an agent has at most one run under way"},
        {trigger_ends_with_a_reason, "trigger.ends_with_a_reason", "every accepted trigger ends in an outcome"},
        {time_never_runs_back, "time.never_runs_back", "instants in the input log never decrease"},
        {journal_chain_verifies, "journal.chain_verifies", "each record follows the one before it, in number and digest"},
        {secret_never_leaves, "secret.never_leaves", "no secret value appears in the journal"},
    };
    return table;
}

const property_info& info(property_id p) { return property_table()[static_cast<std::size_t>(p)]; }

const property_info* find_property(std::string_view name) {
    for (const property_info& p : property_table())
        if (p.name == name) return &p;
    return nullptr;
}

void property_checker::report(property_id p, std::string expected, std::string actual) {
    ++violation_count_;
    const bool known = std::any_of(violations_.begin(), violations_.end(), [p](const violation& v) { return v.property == p; });
    if (!known) violations_.push_back({p, seq_, at_, std::move(expected), std::move(actual)});
}

void property_checker::committed(const input_envelope& input, const decision& d, const engine_state& after,
                                 const journal_record& record) {
    using enum property_id;
    count(time_never_runs_back);
    if (input.at < at_) report(time_never_runs_back, "at least " + to_string(at_), to_string(input.at));
    count(journal_chain_verifies);
    const bool follows = input.seq.value == seq_.value + 1;
    seq_ = input.seq;
    at_ = input.at;
    // Hashing every line a second time would double the cost of a step; the store re-verifies the whole chain on reading,
    // and the checker looks at the sequence here.
    if (!follows || record.seq != input.seq) report(journal_chain_verifies, "the next number", std::to_string(input.seq.value));
    for (const std::string& secret : secrets_) {
        count(secret_never_leaves);
        if (record.line.find(secret) != std::string_view::npos)
            report(secret_never_leaves, "no secret in record " + std::to_string(seq_.value), "one is there");
    }
    for (const engine_event& event : d.events) watch(event, after);
}

void property_checker::check_caps(const run_state& r, const run_watch& w) {
    using enum property_id;
    const run_limits& limits = r.snapshot->limits;
    count(cap_skill_calls);
    if (r.skill_calls > limits.skill_calls)
        report(cap_skill_calls, "at most " + std::to_string(limits.skill_calls), std::to_string(r.skill_calls));
    count(cap_model_turns);
    if (r.model_turns > limits.model_turns)
        report(cap_model_turns, "at most " + std::to_string(limits.model_turns), std::to_string(r.model_turns));
    count(budget_overrun_at_most_one_call);
    if (r.spent > limits.budget && r.spent.value - limits.budget.value > w.largest_call.value)
        report(budget_overrun_at_most_one_call, "at most " + to_string(limits.budget) + " and one call",
               to_string(r.spent));
}

void property_checker::watch(const engine_event& event, const engine_state& after) {
    const auto intend = [this](run_id run, call_id call) { runs_[run].open_intents.push_back(call.value); };
    const auto settle = [&](run_id run, call_id call, usd_micros cost) {
        run_watch& w = runs_[run];
        std::erase(w.open_intents, call.value);
        w.largest_call = std::max(w.largest_call, cost);
        if (const run_state* r = after.find(run)) check_caps(*r, w);
    };
    if (const auto* e = std::get_if<call_intended>(&event)) {
        intend(e->run, e->call);
    } else if (const auto* s = std::get_if<call_settled>(&event)) {
        settle(s->run, s->call, s->cost);
    } else if (const auto* m = std::get_if<model_requested>(&event)) {
        intend(m->run, m->call);
    } else if (const auto* ms = std::get_if<model_settled>(&event)) {
        settle(ms->run, ms->call, ms->cost);
    } else if (const auto* q = std::get_if<user_asked>(&event)) {
        intend(q->run, q->call);
    } else if (const auto* a = std::get_if<user_answered>(&event)) {
        settle(a->run, a->call, {});
    } else if (std::holds_alternative<trigger_accepted>(event)) {
        ++accepted_;
    } else if (const auto* started = std::get_if<run_started>(&event)) {
        count(property_id::single_flight_per_agent);
        const run_state* r = after.find(started->run);
        if (r && after.agents[r->agent.value - 1].active != started->run)
            report(property_id::single_flight_per_agent, "one active run",
                   to_string(started->run) + " beside " + to_string(after.agents[r->agent.value - 1].active));
    } else if (const auto* f = std::get_if<run_finished>(&event)) {
        ++finished_;
        runs_.erase(f->run);
    }
}

void property_checker::performing(const engine_effect& effect) {
    using enum property_id;
    const auto has_intent = [this](call_ref ref) {
        count(effect_intent_committed_first);
        const auto it = runs_.find(ref.run);
        const bool open = it != runs_.end() && std::find(it->second.open_intents.begin(), it->second.open_intents.end(),
                                                         ref.call.value) != it->second.open_intents.end();
        if (!open) report(effect_intent_committed_first, "an open intent of " + to_string(ref.call), "none");
    };
    if (const auto* call = std::get_if<skill_call>(&effect)) {
        has_intent(call->ref);
        count(effect_at_most_once_per_key);
        if (!keys_performed_.insert(call->idempotency_key.prefix()).second)
            report(effect_at_most_once_per_key, "a key that is new", to_hex(call->idempotency_key, 16));
        count(grant_nothing_outside);
        if (call->binding >= call->snapshot->bindings.size())
            report(grant_nothing_outside, "a bound skill", "binding " + std::to_string(call->binding));
    } else if (const auto* model = std::get_if<model_call>(&effect)) {
        has_intent(model->ref);
    } else if (const auto* question = std::get_if<user_question_effect>(&effect)) {
        has_intent(question->ref);
    }
}

void property_checker::conclude(const engine_state& state, bool quiet) {
    using enum property_id;
    count(trigger_ends_with_a_reason);
    const std::uint64_t open = state.runs.size();
    if (accepted_ != finished_ + open)
        report(trigger_ends_with_a_reason, std::to_string(accepted_) + " accepted",
               std::to_string(finished_) + " finished and " + std::to_string(open) + " open");
    if (quiet && open != 0)
        report(trigger_ends_with_a_reason, "no run without an outcome when nothing more can happen",
               std::to_string(open) + " open, the first is " + to_string(state.runs.begin()->first));
}

} // namespace aivp::sim
