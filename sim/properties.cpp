#include "sim/properties.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "aivp/skill/redact.hpp"
#include "aivp/skill/secret_reference.hpp"
#include "sim/property/row_feed.hpp"

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
        {secret_never_unasked, "secret.never_reaches_the_world_unasked",
         "a secret value reaches the world only where a grant refers to it, or where a skill takes a secret"},
        {retry_within_policy, "retry.within_policy",
         "no call is tried more often, sooner or later than its policy and its run allow"},
        {breaker_lets_nothing_through, "breaker.open_lets_nothing_through",
         "no call is made to a dependency before its breaker's pause is over"},
        {run_no_starvation, "run.no_starvation",
         "a run that goes on waits for a call with a timer, or behind another run, and does not go round in circles"},
        {timer_fires_once, "timer.fires_once", "each window of a schedule is taken or refused once"},
        {probe_holds, "probe.holds", "what the code states of itself is never false"},
        {scenario_own, "scenario.own", "what the scenario states of itself holds"},
    };
    return table;
}

const property_info& info(property_id p) { return property_table()[static_cast<std::size_t>(p)]; }

const property_info* find_property(std::string_view name) {
    for (const property_info& p : property_table())
        if (p.name == name) return &p;
    return nullptr;
}

property_checker::property_checker() = default;
property_checker::~property_checker() = default;

void property_checker::watch_own(const std::vector<scenario_property>& properties, instant start) {
    if (properties.empty()) return;
    at_ = std::max(at_, start);
    own_ = std::make_unique<property_monitor>(properties);
    feed_ = std::make_unique<row_feed>(*own_);
    report_own(own_->settle());
}

const std::vector<property_verdict>& property_checker::own_verdicts() const {
    static const std::vector<property_verdict> none;
    return own_ ? own_->verdicts() : none;
}

void property_checker::report(property_id p, std::string name, source_pos where, std::string expected,
                              std::string actual) {
    ++violation_count_;
    if (name.empty()) name = info(p).name;
    const bool known = std::any_of(violations_.begin(), violations_.end(), [&](const violation& v) {
        return v.property == p && v.name == name && (p != property_id::probe_holds || v.expected == expected);
    });
    if (!known)
        violations_.push_back(
            {p, seq_, at_, std::move(expected), std::move(actual), std::move(name), std::move(where)});
}

void property_checker::report_own(const std::vector<std::size_t>& which) {
    for (const std::size_t i : which) {
        const scenario_property& p = own_->properties()[i];
        const property_verdict& v = own_->verdicts()[i];
        report(property_id::scenario_own, p.name, p.where, v.expected, v.actual);
    }
}

void property_checker::violated(const probe_place& probe) {
    const bool always = probe.kind == probe_kind::always;
    report(property_id::probe_holds, {}, position_of(probe), probe.name,
           (always ? "false at " : "reached at ") + aivp::to_string(position_of(probe)));
}

/// Each row is a moment of its own: it came after the last record and before the next.
void property_checker::look_at_world() {
    const std::vector<ledger_entry>& entries = ledger_->entries();
    for (; ledger_seen_ < entries.size(); ++ledger_seen_) {
        const ledger_entry& e = entries[ledger_seen_];
        const instant before = std::exchange(at_, std::max(at_, e.at));
        if (!secrets_.empty()) look_at_secrets(e);
        if (feed_) {
            feed_->add(e);
            report_own(own_->settle());
        }
        at_ = before;
    }
}

void property_checker::look_at_secrets(const ledger_entry& e) {
    using enum property_id;
    count(secret_never_unasked);
    for (const watched_secret& secret : secrets_) {
        if (e.arguments.text().find(secret.value) == std::string_view::npos) continue;
        const auto leave = secret_leaves_.find(call_ref{e.run, e.call});
        const bool known = leave != secret_leaves_.end();
        if (known && std::ranges::find(leave->second.names, secret.name) != leave->second.names.end()) continue;
        const payload rest =
            known ? redact(e.arguments, leave->second.skill->secret_arguments, "argument") : e.arguments;
        if (rest.text().find(secret.value) != std::string_view::npos)
            report(secret_never_unasked, "no secret in " + e.operation + " that nobody asked for",
                   "`" + secret.name + "` is in row " + std::to_string(e.ordinal) + " of the ledger");
    }
}

void property_checker::committed(const input_envelope& input, const decision& d, const engine_state& after,
                                 const journal_record& record) {
    using enum property_id;
    if (ledger_) look_at_world();
    count(time_never_runs_back);
    if (input.at < at_) report(time_never_runs_back, "at least " + to_string(at_), to_string(input.at));
    count(journal_chain_verifies);
    const bool follows = input.seq.value == seq_.value + 1;
    seq_ = input.seq;
    chain_ = record.chain;
    at_ = input.at;
    // Hashing every line a second time would double the cost of a step; the store re-verifies the whole chain on reading,
    // and the checker looks at the sequence here.
    if (!follows || record.seq != input.seq)
        report(journal_chain_verifies, "the next number", std::to_string(input.seq.value));
    for (const watched_secret& secret : secrets_) {
        count(secret_never_leaves);
        if (record.line.find(secret.value) != std::string_view::npos)
            report(secret_never_leaves, "no secret in record " + std::to_string(seq_.value), "one is there");
    }
    const bool recovering = std::holds_alternative<recover>(input.body);
    by_schedule_ = !std::holds_alternative<start_run>(input.body) && !std::holds_alternative<publish_event>(input.body);
    for (const engine_event& event : d.events) watch(event, after, recovering);
    watch_budgets(d.events, after.agents, input.at);
    if (last_watch_) check_waiting(last_run_, after);
    if (!touched_.empty()) {
        for (const run_id run : touched_) check_waiting(run, after);
        touched_.clear();
    }
    if (feed_) {
        feed_->add(d.events, after.agents, input.at);
        report_own(own_->settle());
    }
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

property_checker::run_watch& property_checker::other_watch(run_id run) {
    if (last_watch_) touched_.push_back(last_run_);
    last_run_ = run;
    last_watch_ = &runs_[run];
    return *last_watch_;
}

namespace {

const retry_policy* policy_of(const agent_snapshot& agent, const std::uint32_t* binding) {
    if (binding) return *binding < agent.bindings.size() ? &agent.bindings[*binding].skill->retry : nullptr;
    const auto* loop = std::get_if<loop_brain>(&agent.brain);
    return loop ? &loop->model.retry : nullptr;
}

} // namespace

/// `binding`: of a skill call; null = a model turn.
void property_checker::intended(run_id run, call_id call, const std::uint32_t* binding) {
    using enum property_id;
    run_watch& w = watch_of(run);
    call_watch& c = w.open.emplace_back();
    c.call = call.value;
    c.started = at_;
    if (!w.snapshot) return;
    c.policy = policy_of(*w.snapshot, binding);
    const run_limits& limits = w.snapshot->limits;
    const bool model = !binding;
    const std::uint32_t n = model ? ++w.model_turns : ++w.skill_calls;
    const std::uint32_t cap = model ? limits.model_turns : limits.skill_calls;
    const property_id p = model ? cap_model_turns : cap_skill_calls;
    count(p);
    if (n > cap) report(p, "at most " + std::to_string(cap), std::to_string(n));
}

void property_checker::started(run_id run) {
    count(property_id::single_flight_per_agent);
    run_id& active = under_way_[watch_of(run).agent];
    if (active && active != run)
        report(property_id::single_flight_per_agent, "one active run", to_string(run) + " beside " + to_string(active));
    active = run;
}

/// The budget is part of the policy.
void property_checker::watch_budgets(const std::vector<engine_event>& events, const std::vector<agent_state>& agents,
                                     instant at) {
    for (const engine_event& event : events)
        if (auto beyond = retries_.see(event, agents, at))
            report(property_id::retry_within_policy, std::move(beyond->expected), std::move(beyond->actual));
}

void property_checker::settled(run_id run, call_id call, usd_micros cost, bool unknown) {
    run_watch& w = watch_of(run);
    w.heat = 0;
    if (call_watch* c = find(w, call)) {
        if (unknown && c->performed) unknown_keys_.push_back(c->key);
        *c = w.open.back();
        w.open.pop_back();
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

result<void> property_checker::restart(const recovered_state& found, store_port& journal, snapshot_source& snapshots) {
    const bool seen = found.seq == seq_ && found.chain == chain_;
    take_up(found);
    if (seen || (!own_ && !tells_budgets_)) return {};
    return retell(journal, snapshots);
}

void property_checker::take_up(const recovered_state& found) {
    seq_ = found.seq;
    chain_ = found.chain;
    at_ = found.at;
    accepted_ = found.state.last_run;
    finished_ = found.state.finished_runs;
    runs_.clear();
    last_watch_ = nullptr;
    windows_.clear();
    pauses_.clear();
    under_way_.clear();
    tells_budgets_ = std::any_of(found.state.agents.begin(), found.state.agents.end(),
                                 [](const agent_state& a) { return has_retry_budget(*a.snapshot); });
    for (const auto& [id, r] : found.state.runs) {
        run_watch& w = runs_[id];
        w.snapshot = r.snapshot;
        w.agent = r.agent;
        if (r.started) under_way_[r.agent] = id;
        w.skill_calls = r.skill_calls;
        w.model_turns = r.model_turns;
        w.spent = r.spent.value;
        for (const open_call& o : r.open) {
            const bool skill = o.kind == call_kind::skill;
            call_watch& c = w.open.emplace_back();
            c.call = o.call.value;
            if (o.kind != call_kind::user) c.policy = policy_of(*r.snapshot, skill ? &o.binding : nullptr);
            c.started = o.started_at;
            c.due = o.retry_at;
            c.key = o.idempotency_key.prefix();
            c.attempts = o.attempt;
            c.planned = o.retry_at != instant::max();
            c.parked = o.parked;
            c.performed = skill;
        }
        // Learned by a process that died before it could tell.
        for (const unknown_write& u : r.unknown_writes) {
            const std::uint64_t key = u.idempotency_key.prefix();
            if (std::find(unknown_keys_.begin(), unknown_keys_.end(), key) == unknown_keys_.end())
                unknown_keys_.push_back(key);
        }
    }
}

result<void> property_checker::retell(store_port& journal, snapshot_source& snapshots) {
    retries_.forget();
    if (ledger_) look_at_world();
    if (own_) {
        own_->forget_all_but_ledger();
        feed_->forget_events();
    }
    engine_state state;
    std::optional<error> wrong;
    const auto read = journal.read(seq_no{1}, [&](const journal_record& record) {
        auto step = replay_line(state, record.line, snapshots);
        if (!step) {
            wrong = std::move(step).error();
            return false;
        }
        if (feed_) feed_->add(step->events, state.agents, record.at);
        watch_budgets(step->events, state.agents, record.at);
        return true;
    });
    AIVP_CHECK(read);
    if (wrong) return std::unexpected(std::move(*wrong));
    if (own_) report_own(own_->settle());
    return {};
}

void property_checker::heat(run_id run, run_watch& w) {
    if (++w.heat == livelock_events_max + 1)
        report(property_id::run_no_starvation,
               "an end of something within " + std::to_string(livelock_events_max) + " events",
               to_string(run) + " goes round in circles");
}

void property_checker::check_waiting(run_id run, const engine_state& after) {
    using enum property_id;
    const run_state* r = after.find(run);
    if (!r) return;
    count(run_no_starvation);
    if (r->halted_at != instant::max()) return; // a person is asked
    if (!r->started) {
        const run_id active = after.agents[r->agent.value - 1].active;
        if (!active || active == run)
            report(run_no_starvation, "a run that waits behind another", to_string(run) + " waits behind none");
        return;
    }
    if (r->open.empty()) {
        report(run_no_starvation, "an open call", to_string(run) + " goes on and has none");
        return;
    }
    instant due = r->deadline;
    for (const open_call& o : r->open)
        if (o.kind != call_kind::user && !o.parked) due = std::min(due, o.deadline);
    if (r->watchdog > due)
        report(run_no_starvation, "a timer of " + to_string(run) + " no later than " + to_string(due),
               r->watchdog == instant::max() ? "none" : to_string(r->watchdog));
}

/// What our own limits held back was not tried, and is no attempt.
void property_checker::retry_planned(const call_retry_planned& e, const engine_state& after) {
    using enum property_id;
    run_watch& w = watch_of(e.run);
    heat(e.run, w);
    call_watch* c = find(w, e.call);
    if (!c || !c->policy) return;
    count(retry_within_policy);
    const std::string who = to_string(e.run) + " " + to_string(e.call);
    const bool held_back = e.attempt == c->attempts && (e.code == errc::rate_limited || e.code == errc::breaker_open);
    if (!held_back && e.attempt != c->attempts + 1)
        report(retry_within_policy, "attempt " + std::to_string(c->attempts + 1) + " of " + who,
               "attempt " + std::to_string(e.attempt));
    if (e.attempt > c->policy->max_attempts)
        report(retry_within_policy, "at most " + std::to_string(c->policy->max_attempts) + " attempts of " + who,
               std::to_string(e.attempt));
    const run_state* r = after.find(e.run);
    if (r && r->halted_at == instant::max() && e.due >= r->deadline)
        report(retry_within_policy, "an attempt of " + who + " before " + to_string(r->deadline), to_string(e.due));
    if (!held_back && c->policy->max_elapsed && e.due - c->started > *c->policy->max_elapsed)
        report(retry_within_policy, "all attempts of " + who + " within " + to_string(*c->policy->max_elapsed),
               to_string(e.due - c->started));
    c->attempts = e.attempt;
    c->due = e.due;
    c->planned = true;
}

void property_checker::check_attempt(const call_resent& e, run_watch& w, bool recovering) {
    using enum property_id;
    heat(e.run, w);
    call_watch* c = find(w, e.call);
    if (!c) return;
    count(retry_within_policy);
    const std::string who = to_string(e.run) + " " + to_string(e.call);
    if (c->planned && at_ < c->due)
        report(retry_within_policy, "the attempt of " + who + " not before " + to_string(c->due), to_string(at_));
    if (!c->planned && !c->parked && !recovering)
        report(retry_within_policy, "an attempt of " + who + " that was planned", "one that was not");
    c->planned = c->parked = false;
}

/// Windows of one trigger come in their order.
void property_checker::window_taken(agent_id agent, std::uint32_t trigger, instant window, const engine_state& after) {
    // A start by hand counts as the first trigger when none is meant for it.
    if (!by_schedule_ || !agent || agent.value > after.agents.size()) return;
    const std::vector<trigger_spec>& triggers = after.agents[agent.value - 1].snapshot->triggers;
    if (trigger >= triggers.size()) return;
    const schedule& when = triggers[trigger].when;
    if (std::holds_alternative<manual_schedule>(when) || std::holds_alternative<event_schedule>(when)) return;
    count(property_id::timer_fires_once);
    const auto [last, first] = windows_.try_emplace({agent, trigger}, window);
    if (!first && window <= last->second)
        report(property_id::timer_fires_once,
               "a window of trigger `" + triggers[trigger].id + "` after " + to_string(last->second),
               to_string(window));
    last->second = std::max(last->second, window);
}

void property_checker::asked(std::string_view dependency, instant now, errc held_back,
                             std::optional<instant> open_until) {
    count(property_id::breaker_lets_nothing_through);
    const auto pause = pauses_.find(dependency);
    if (held_back == errc::ok && pause != pauses_.end() && now < pause->second)
        report(property_id::breaker_lets_nothing_through,
               "no call of " + std::string(dependency) + " before " + to_string(pause->second),
               "one at " + to_string(now));
    ended(dependency, open_until);
}

void property_checker::ended(std::string_view dependency, std::optional<instant> open_until) {
    if (open_until) pauses_.insert_or_assign(std::string(dependency), *open_until);
}

/// The same key goes out once more, and that is right where the far side keeps it to one effect, or where nothing is changed.
void property_checker::resent(const call_resent& e, const engine_state& after, bool recovering) {
    run_watch& w = watch_of(e.run);
    if (__builtin_add_overflow(w.spent, e.lost.value, &w.spent)) w.spent = std::numeric_limits<std::int64_t>::max();
    w.largest_call += e.lost.value;
    check_attempt(e, w, recovering);
    const call_watch* c = find(w, e.call);
    if (!c || !c->performed) return;
    unknown_keys_.push_back(c->key);
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
                intended(e.run, e.call, &e.binding);
            } else if constexpr (std::is_same_v<event_type, model_requested>) {
                intended(e.run, e.call, nullptr);
            } else if constexpr (std::is_same_v<event_type, user_asked>) {
                watch_of(e.run).open.push_back({.call = e.call.value, .started = at_});
            } else if constexpr (std::is_same_v<event_type, call_settled> ||
                                 std::is_same_v<event_type, model_settled>) {
                settled(e.run, e.call, e.cost, e.outcome == effect_outcome::unknown);
            } else if constexpr (std::is_same_v<event_type, call_resent>) {
                resent(e, after, recovering);
            } else if constexpr (std::is_same_v<event_type, call_parked>) {
                if (call_watch* c = find(watch_of(e.run), e.call)) c->parked = true;
            } else if constexpr (std::is_same_v<event_type, run_resumed>) {
                watch_of(e.run);
            } else if constexpr (std::is_same_v<event_type, timer_armed>) {
                heat(e.run, watch_of(e.run));
            } else if constexpr (std::is_same_v<event_type, call_retry_planned>) {
                retry_planned(e, after);
                run_watch& w = watch_of(e.run);
                if (__builtin_add_overflow(w.spent, e.lost.value, &w.spent))
                    w.spent = std::numeric_limits<std::int64_t>::max();
                w.largest_call += e.lost.value;
            } else if constexpr (std::is_same_v<event_type, user_answered>) {
                settled(e.run, e.call, {}, false);
            } else if constexpr (std::is_same_v<event_type, trigger_accepted>) {
                ++accepted_;
                run_watch& w = watch_of(e.run);
                w.snapshot = after.agents[e.agent.value - 1].snapshot;
                w.agent = e.agent;
                window_taken(e.agent, e.trigger, e.scheduled_for, after);
            } else if constexpr (std::is_same_v<event_type, trigger_refused>) {
                window_taken(e.agent, e.trigger, e.scheduled_for, after);
            } else if constexpr (std::is_same_v<event_type, run_started>) {
                started(e.run);
            } else if constexpr (std::is_same_v<event_type, run_finished>) {
                ++finished_;
                if (const auto w = runs_.find(e.run); w != runs_.end())
                    if (const auto active = under_way_.find(w->second.agent);
                        active != under_way_.end() && active->second == e.run)
                        under_way_.erase(active);
                runs_.erase(e.run);
                last_watch_ = nullptr;
            }
        },
        event);
}

namespace {

/// Of all {"$secret":"NAME"} in it.
std::vector<std::string> secret_names(const payload& arguments) {
    std::vector<std::string> out;
    for (const std::string& pointer : secret_reference_pointers(arguments))
        if (const auto name = at_pointer(arguments, pointer + "/$secret"))
            if (auto text = as_string(*name)) out.push_back(std::move(*text));
    return out;
}

} // namespace

property_checker::call_watch* property_checker::intent_of(call_ref ref) {
    count(property_id::effect_intent_committed_first);
    call_watch* c = find(watch_of(ref.run), ref.call);
    if (!c) report(property_id::effect_intent_committed_first, "an open intent of " + to_string(ref.call), "none");
    return c;
}

void property_checker::performing(const engine_effect& effect) {
    using enum property_id;
    if (const auto* call = std::get_if<skill_call>(&effect)) {
        call_watch* intent = intent_of(call->ref);
        count(effect_at_most_once_per_key);
        const std::uint64_t key = call->idempotency_key.prefix();
        if (intent) {
            intent->key = key;
            intent->performed = true;
        }
        if (!secrets_.empty() && call->binding < call->snapshot->bindings.size())
            secret_leaves_[call->ref] = {secret_names(call->arguments), call->snapshot->bindings[call->binding].skill};
        if (!keys_performed_.insert(key) && std::erase(unknown_keys_, key) == 0)
            report(effect_at_most_once_per_key, "a key that is new", to_hex(call->idempotency_key));
        count(grant_nothing_outside);
        if (call->binding >= call->snapshot->bindings.size())
            report(grant_nothing_outside, "a bound skill", "binding " + std::to_string(call->binding));
    } else if (const auto* model = std::get_if<model_call>(&effect)) {
        intent_of(model->ref);
    } else if (const auto* question = std::get_if<user_question_effect>(&effect)) {
        intent_of(question->ref);
    }
}

void property_checker::conclude(const engine_state& state, store_port& journal, bool quiet) {
    using enum property_id;
    if (ledger_) look_at_world();
    if (own_) {
        report_own(own_->conclude());
        for (const property_verdict& v : own_->verdicts()) count(scenario_own, v.evaluations);
    }
    count(probe_holds);
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
