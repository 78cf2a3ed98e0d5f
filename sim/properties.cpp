#include "sim/properties.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aivp::sim {

const std::vector<property_info>& property_table() {
    using enum property_id;
    static const std::vector<property_info> table{
        {effect_at_most_once_per_key, "effect.at_most_once_per_key",
         "no effect is performed twice under one idempotency key, unless nobody knows whether it happened"},
        {effect_intent_committed_first, "effect.intent_committed_first",
         "every effect that is performed has a committed, open intent"},
        {grant_nothing_outside, "grant.nothing_outside", "only skills bound to the agent are performed"},
        {cap_skill_calls, "cap.skill_calls", "a run makes at most limits.skill_calls skill calls"},
        {cap_model_turns, "cap.model_turns", "a run takes at most limits.model_turns model turns"},
        {budget_overrun_at_most_one_call, "budget.overrun_at_most_one_call",
         "a run spends at most its budget and one call more"},
        {single_flight_per_agent, "agent.single_flight", "an agent has at most one run under way"},
        {trigger_ends_with_a_reason, "trigger.ends_with_a_reason", "every accepted trigger ends in an outcome"},
        {time_never_runs_back, "time.never_runs_back", "instants in the input log never decrease"},
        {journal_chain_verifies, "journal.chain_verifies",
         "each record follows the one before it, in number and digest"},
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
    const bool known =
        std::any_of(violations_.begin(), violations_.end(), [p](const violation& v) { return v.property == p; });
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
    if (!follows || record.seq != input.seq)
        report(journal_chain_verifies, "the next number", std::to_string(input.seq.value));
    for (const std::string& secret : secrets_) {
        count(secret_never_leaves);
        if (record.line.find(secret) != std::string_view::npos)
            report(secret_never_leaves, "no secret in record " + std::to_string(seq_.value), "one is there");
    }
    const bool recovering = std::holds_alternative<recover>(input.body);
    for (const engine_event& event : d.events) watch(event, after, recovering);
}

bool property_checker::value_set::insert(std::uint64_t value) {
    if (value == 0) return !std::exchange(has_zero_, true);
    if (2 * used_ >= slots_.size()) grow();
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = value & mask; // the values are digits of a hash: they need no mixing
    while (slots_[at] != 0) {
        if (slots_[at] == value) return false;
        at = (at + 1) & mask;
    }
    slots_[at] = value;
    ++used_;
    return true;
}

void property_checker::value_set::grow() {
    const std::vector<std::uint64_t> old = std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 4));
    const std::size_t mask = slots_.size() - 1;
    for (const std::uint64_t value : old) {
        if (value == 0) continue;
        std::size_t at = value & mask;
        while (slots_[at] != 0) at = (at + 1) & mask;
        slots_[at] = value;
    }
}

property_checker::run_watch& property_checker::watch_of(run_id run) {
    if (run != last_run_ || !last_watch_) {
        last_run_ = run;
        last_watch_ = &runs_[run];
    }
    return *last_watch_;
}

void property_checker::intended(run_id run, call_id call, bool model) {
    using enum property_id;
    run_watch& w = watch_of(run);
    w.open_intents.push_back(call.value);
    if (!w.snapshot) return;
    const run_limits& limits = w.snapshot->limits;
    const std::uint32_t n = model ? ++w.model_turns : ++w.skill_calls;
    const std::uint32_t cap = model ? limits.model_turns : limits.skill_calls;
    const property_id p = model ? cap_model_turns : cap_skill_calls;
    count(p);
    if (n > cap) report(p, "at most " + std::to_string(cap), std::to_string(n));
}

void property_checker::settled(run_id run, call_id call, usd_micros cost, bool unknown) {
    run_watch& w = watch_of(run);
    std::erase(w.open_intents, call.value);
    const auto key = std::find_if(w.keys.begin(), w.keys.end(), [&](const auto& k) { return k.first == call.value; });
    if (key != w.keys.end()) {
        if (unknown) unknown_keys_.push_back(key->second);
        w.keys.erase(key);
    }
    w.largest_call = std::max(w.largest_call, cost.value);
    // A bill beyond 64 bits saturates, as it does in the engine.
    if (__builtin_add_overflow(w.spent, cost.value, &w.spent)) w.spent = std::numeric_limits<std::int64_t>::max();
    if (!w.snapshot) return;
    count(property_id::budget_overrun_at_most_one_call);
    const std::int64_t budget = w.snapshot->limits.budget.value;
    if (w.spent - budget > w.largest_call)
        report(property_id::budget_overrun_at_most_one_call,
               "at most " + to_string(usd_micros{budget}) + " and one call", to_string(usd_micros{w.spent}));
}

void property_checker::restart(const recovered_state& found) {
    seq_ = found.seq;
    at_ = found.at;
    accepted_ = found.state.last_run;
    finished_ = found.state.finished_runs;
    runs_.clear();
    last_watch_ = nullptr;
    for (const auto& [id, r] : found.state.runs) {
        run_watch& w = runs_[id];
        w.snapshot = r.snapshot;
        w.skill_calls = r.skill_calls;
        w.model_turns = r.model_turns;
        w.spent = r.spent.value;
        for (const open_call& o : r.open) {
            w.open_intents.push_back(o.call.value);
            if (o.kind == call_kind::skill) w.keys.emplace_back(o.call.value, o.idempotency_key.prefix());
        }
        // Learned by a process that died before it could tell.
        for (const unknown_write& u : r.unknown_writes) {
            const std::uint64_t key = u.idempotency_key.prefix();
            if (std::find(unknown_keys_.begin(), unknown_keys_.end(), key) == unknown_keys_.end())
                unknown_keys_.push_back(key);
        }
    }
}

/// The same key goes out once more, and that is right where the far side keeps it to one effect, or where nothing is changed.
void property_checker::resent(const call_resent& e, const engine_state& after, bool recovering) {
    run_watch& w = watch_of(e.run);
    if (__builtin_add_overflow(w.spent, e.lost.value, &w.spent)) w.spent = std::numeric_limits<std::int64_t>::max();
    w.largest_call += e.lost.value;
    const auto key = std::find_if(w.keys.begin(), w.keys.end(), [&](const auto& k) { return k.first == e.call.value; });
    if (key == w.keys.end()) return;
    unknown_keys_.push_back(key->second);
    const run_state* r = after.find(e.run);
    if (!r || !recovering) return;
    for (const open_call& o : r->open) {
        if (o.call != e.call) continue;
        const skill_contract& skill = *r->snapshot->bindings[o.binding].skill;
        if (skill.effect == effect_class::write && !skill.takes_key && !skill.idempotent)
            report(property_id::effect_at_most_once_per_key, "a write without a key that is not sent again",
                   to_string(e.run) + " " + to_string(e.call) + " is");
    }
}

void property_checker::watch(const engine_event& event, const engine_state& after, bool recovering) {
    std::visit(
        [&](const auto& e) {
            using event_type = std::decay_t<decltype(e)>;
            if constexpr (std::is_same_v<event_type, call_intended>) {
                keys_performed_.prefetch(e.idempotency_key.prefix());
                intended(e.run, e.call, false);
            } else if constexpr (std::is_same_v<event_type, model_requested>) {
                intended(e.run, e.call, true);
            } else if constexpr (std::is_same_v<event_type, user_asked>) {
                watch_of(e.run).open_intents.push_back(e.call.value);
            } else if constexpr (std::is_same_v<event_type, call_settled> ||
                                 std::is_same_v<event_type, model_settled>) {
                settled(e.run, e.call, e.cost, e.outcome == effect_outcome::unknown);
            } else if constexpr (std::is_same_v<event_type, call_resent>) {
                resent(e, after, recovering);
            } else if constexpr (std::is_same_v<event_type, call_retry_planned>) {
                run_watch& w = watch_of(e.run);
                if (__builtin_add_overflow(w.spent, e.lost.value, &w.spent))
                    w.spent = std::numeric_limits<std::int64_t>::max();
                w.largest_call += e.lost.value;
            } else if constexpr (std::is_same_v<event_type, user_answered>) {
                settled(e.run, e.call, {}, false);
            } else if constexpr (std::is_same_v<event_type, trigger_accepted>) {
                ++accepted_;
                watch_of(e.run).snapshot = after.agents[e.agent.value - 1].snapshot;
            } else if constexpr (std::is_same_v<event_type, run_started>) {
                count(property_id::single_flight_per_agent);
                const run_state* r = after.find(e.run);
                if (r && after.agents[r->agent.value - 1].active != e.run)
                    report(property_id::single_flight_per_agent, "one active run",
                           to_string(e.run) + " beside " + to_string(after.agents[r->agent.value - 1].active));
            } else if constexpr (std::is_same_v<event_type, run_finished>) {
                ++finished_;
                runs_.erase(e.run);
                last_watch_ = nullptr;
            }
        },
        event);
}

void property_checker::performing(const engine_effect& effect) {
    using enum property_id;
    const auto has_intent = [this](call_ref ref) {
        count(effect_intent_committed_first);
        const std::vector<std::uint64_t>& intents = watch_of(ref.run).open_intents;
        const bool open = std::find(intents.begin(), intents.end(), ref.call.value) != intents.end();
        if (!open) report(effect_intent_committed_first, "an open intent of " + to_string(ref.call), "none");
    };
    if (const auto* call = std::get_if<skill_call>(&effect)) {
        has_intent(call->ref);
        count(effect_at_most_once_per_key);
        const std::uint64_t key = call->idempotency_key.prefix();
        watch_of(call->ref.run).keys.emplace_back(call->ref.call.value, key);
        if (!keys_performed_.insert(key) && std::erase(unknown_keys_, key) == 0)
            report(effect_at_most_once_per_key, "a key that is new", to_hex(call->idempotency_key));
        count(grant_nothing_outside);
        if (call->binding >= call->snapshot->bindings.size())
            report(grant_nothing_outside, "a bound skill", "binding " + std::to_string(call->binding));
    } else if (const auto* model = std::get_if<model_call>(&effect)) {
        has_intent(model->ref);
    } else if (const auto* question = std::get_if<user_question_effect>(&effect)) {
        has_intent(question->ref);
    }
}

void property_checker::conclude(const engine_state& state, store_port& journal, bool quiet) {
    using enum property_id;
    if (const auto read = journal.read(seq_no{1}, [](const journal_record&) { return true; });
        !read && read.error().code == errc::store_corrupt)
        report(journal_chain_verifies, "a chain that verifies", read.error().message);
    count(trigger_ends_with_a_reason);
    const std::uint64_t open = state.runs.size();
    if (accepted_ != finished_ + open)
        report(trigger_ends_with_a_reason, std::to_string(accepted_) + " accepted",
               std::to_string(finished_) + " finished and " + std::to_string(open) + " open");
    if (!quiet) return;
    for (const auto& [id, r] : state.runs) {
        // Paused, or parked with a reason: a person is asked, and what waits behind it waits for a reason too.
        const run_id active = state.agents[r.agent.value - 1].active;
        const run_state* ahead = state.find(active);
        if (r.halted_at != instant::max() || (ahead && ahead->halted_at != instant::max())) continue;
        report(trigger_ends_with_a_reason, "no run without an outcome when nothing more can happen",
               to_string(id) + " is open");
    }
}

} // namespace aivp::sim
