#include "sim/simulation.hpp"

#include <algorithm>
#include <utility>

namespace aivp::sim {

namespace {

/// Stands where a world has no model.
class no_model final : public model_provider {
public:
    void call(const model_request& request, completion_sink& sink) override {
        sink.model_done({{request.run, request.call},
                         effect_outcome::failed,
                         {},
                         errc::script_no_rule,
                         "this world has no model: add a `model` section"});
    }
    void cancel(call_ref) override {}
};

/// Stands where nobody answers: the conversation ends at once.
class no_user final : public user_channel {
public:
    void ask(const user_question& question, completion_sink& sink) override {
        sink.user_done({{question.run, question.call}, {}, true});
    }
    void cancel(call_ref) override {}
};

} // namespace

world_ports complete_ports(world_ports given, connector_port& mocks) {
    if (!given.model) given.model = std::make_shared<no_model>();
    if (!given.users) given.users = std::make_shared<no_user>();
    // The mocks belong to the simulation: a pointer that does not own them.
    if (!given.connector) given.connector = std::shared_ptr<connector_port>(std::shared_ptr<void>(), &mocks);
    return given;
}

const char* to_string(stop_reason r) {
    switch (r) {
    case stop_reason::horizon: return "horizon";
    case stop_reason::idle: return "idle";
    case stop_reason::event_limit: return "event_limit";
    case stop_reason::store_failed: return "store_failed";
    case stop_reason::first_run_over: return "first_run_over";
    case stop_reason::killed: return "killed";
    }
    return "horizon";
}

result<std::string> sim_secrets::reveal(std::string_view name) {
    const auto it = values_.find(std::string(name));
    if (it == values_.end()) return fail(errc::secret_unavailable, "there is no secret `" + std::string(name) + "`");
    return it->second;
}

namespace {

bool has_limits(const agent_snapshot& a) {
    const auto* loop = std::get_if<loop_brain>(&a.brain);
    return (loop && (loop->model.rate || loop->model.breaker)) ||
           std::any_of(a.bindings.begin(), a.bindings.end(),
                       [](const skill_binding& b) { return b.skill->rate || b.skill->breaker; });
}

} // namespace

simulation::simulation(simulation_setup setup)
    : setup_(std::move(setup)),
      scheduler_(setup_.start),
      clock_(scheduler_),
      mock_world_(scheduler_),
      store_(setup_.keep),
      ledger_(setup_.ledger),
      secrets_(setup_.secrets),
      mocks_(mock_world_, ledger_, {.seed = setup_.seed, .synchronous = setup_.synchronous}),
      ports_(complete_ports(setup_.ports ? setup_.ports({mock_world_, ledger_, mocks_, setup_.seed}) : world_ports{},
                            mocks_)),
      planned_(*this) {
    mocks_.set_latencies(setup_.latencies);
    for (const auto& [name, value] : setup_.secrets) checker_.watch_secret(value);
    start_process(setup_.store ? *setup_.store : store_, setup_.death.value_or(death_plan{}));
}

void simulation::start_process(store_port& store, death_plan plan) {
    for (const auto& old : timers_) old->clear();
    sim_timers& timers = *timers_.emplace_back(std::make_unique<sim_timers>(scheduler_));
    process_boundary* edge = nullptr;
    store_port* used_store = &store;
    model_provider* models = ports_.model.get();
    connector_port* connector = ports_.connector.get();
    user_channel* users = ports_.users.get();
    if (setup_.death) {
        edge = edges_
                   .emplace_back(std::make_unique<process_boundary>(
                       process_boundary::inner_ports{store, *models, *connector, *users}, plan))
                   .get();
        used_store = &edge->store();
        models = &edge->models();
        connector = &edge->connector();
        users = &edge->users();
    }
    guard_ = {};
    if (std::any_of(setup_.agents.begin(), setup_.agents.end(), [](const snapshot_ptr& a) { return has_limits(*a); })) {
        for (const snapshot_ptr& a : setup_.agents) guard_.declare(*a);
        models = guarded_models_.emplace_back(std::make_unique<guarded_model_provider>(*models, guard_, clock_)).get();
        connector =
            guarded_connectors_.emplace_back(std::make_unique<guarded_connector>(*connector, guard_, clock_)).get();
    }
    driver_ = std::make_unique<driver>(driver_ports{clock_, timers, *used_store, *models, *connector, *users, secrets_},
                                       driver_options{.batch_max = setup_.batch_max});
    if (edge) edge->attach(*driver_);
    timers.deliver_to(edge ? static_cast<completion_sink&>(*edge) : *driver_);
    if (setup_.keep_run_log) driver_->observe(log_);
    if (setup_.check_properties) driver_->observe(checker_);
}

result<void> simulation::activate_agents() {
    for (const snapshot_ptr& agent : setup_.agents) {
        const auto& known = driver_->state().agents;
        const bool active = std::any_of(known.begin(), known.end(), [&](const agent_state& a) {
            return !a.retired && a.snapshot->hashes.whole == agent->hashes.whole;
        });
        if (active) continue;
        const auto activated = driver_->activate(agent);
        if (killed()) return {};
        AIVP_CHECK(activated);
    }
    return {};
}

result<std::unique_ptr<simulation>> simulation::create(simulation_setup setup) {
    std::unique_ptr<simulation> s(new simulation(std::move(setup)));
    if (!s->setup_.world.is_null()) AIVP_CHECK(s->mocks_.seed(s->setup_.world));
    AIVP_CHECK(s->activate_agents());
    return s;
}

result<void> simulation::restart(store_port& store, duration away, death_plan plan) {
    listed_snapshots snapshots(setup_.agents);
    AIVP_TRY(recovered_state found, read_state(store, snapshots));
    setup_.store = &store;
    snapshot_seq_ = found.seq;
    scheduler_.step_until(scheduler_.now() + away);
    // What was checked so far was seen by a process that may have seen too little: the journal is told anew.
    checker_.restart(found);
    start_process(store, plan);
    const bool fresh = found.seq.value == 0;
    driver_->restore(std::move(found));
    if (!fresh) {
        const auto taken_up = driver_->submit(recover{away}, input_source::host);
        if (killed()) return {};
        AIVP_CHECK(taken_up);
    }
    AIVP_CHECK(activate_agents());
    for (const std::uint64_t n : std::exchange(planned_.waiting, {})) planned_.fire(n);
    return {};
}

result<void> simulation::retry() {
    listed_snapshots snapshots(setup_.agents);
    return driver_->retry(snapshots);
}

void simulation::planned_inputs::fire(std::uint64_t token) {
    if (simulation_.killed() || !simulation_.driver_->failures().empty()) {
        waiting.push_back(token);
        return;
    }
    planned p = inputs[token];
    if (p.cancels) {
        const run_id active = simulation_.driver_->state().agents[p.cancels.value - 1].active;
        if (!active) return;
        std::get<cancel_run>(p.input).run = active;
    }
    // A process that dies or a store that fails leaves the input with whoever wanted it.
    if (!simulation_.driver_->submit(std::move(p.input), p.source)) waiting.push_back(token);
}

void simulation::input_at(instant when, engine_input input, input_source source) {
    planned_.inputs.push_back({std::move(input), source, {}});
    scheduler_.at(when, event_class::external, planned_, planned_.inputs.size() - 1);
}

void simulation::cancel_at(instant when, agent_id agent, std::string reason) {
    planned_.inputs.push_back({cancel_run{{}, std::move(reason)}, input_source::operator_, agent});
    scheduler_.at(when, event_class::external, planned_, planned_.inputs.size() - 1);
}

result<agent_id> simulation::agent(std::string_view id) const {
    for (const agent_state& a : driver_->state().agents)
        if (a.snapshot->id == id) return a.id;
    // A process that died before it knew them all: they get the numbers of their order.
    for (std::size_t i = 0; i < setup_.agents.size() && killed(); ++i)
        if (setup_.agents[i]->id == id) return agent_id{i + 1};
    return fail(errc::trigger_no_agent, "no agent `" + std::string(id) + "` is active here");
}

bool simulation::first_run_over() const { return scheduler_.fired() > 0 && !driver_->state().find(run_id{1}); }

stop_reason simulation::run(instant until, std::uint64_t max_events) { return run(until, max_events, false); }

stop_reason simulation::run_first(instant until, std::uint64_t max_events) { return run(until, max_events, true); }

stop_reason simulation::run(instant until, std::uint64_t max_events, bool only_first) {
    const std::uint64_t limit = scheduler_.fired() + max_events;
    while (!scheduler_.empty()) {
        if (only_first && first_run_over()) return stop_reason::first_run_over;
        if (killed()) return stop_reason::killed;
        if (!driver_->failures().empty()) return stop_reason::store_failed;
        if (scheduler_.next_at() > until) {
            scheduler_.set_now(until);
            return stop_reason::horizon;
        }
        if (scheduler_.fired() >= limit) return stop_reason::event_limit;
        scheduler_.step_one();
        if (setup_.snapshot_every != 0) save_snapshot_when_due();
    }
    if (killed()) return stop_reason::killed;
    return driver_->failures().empty() ? stop_reason::idle : stop_reason::store_failed;
}

/// A snapshot that cannot be saved is no failure: the journal has everything.
void simulation::save_snapshot_when_due() {
    const seq_no last = driver_->last_seq();
    if (!setup_.store || killed() || !driver_->failures().empty()) return;
    if (last.value < snapshot_seq_.value + setup_.snapshot_every) return;
    snapshot_seq_ = last;
    (void)setup_.store->save_snapshot({last, driver_->last_at(), driver_->chain(), encode_state(driver_->state())});
}

void simulation::conclude(stop_reason reason) {
    if (setup_.check_properties)
        checker_.conclude(driver_->state(), setup_.store ? *setup_.store : store_, reason == stop_reason::idle);
}

digest simulation::outcome_digest() const { return sha256(driver_->chain().view(), ledger_.digest_head().view()); }

} // namespace aivp::sim
