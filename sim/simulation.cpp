#include "sim/simulation.hpp"

#include <algorithm>
#include <utility>

namespace aivp::sim {

namespace {

/// So many orders of what happens at one instant are offered to a search.
constexpr std::uint64_t tie_orders = 8;

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
    if (setup_.faults) start_faults();
    if (setup_.keeper) setup_.keeper->on_delay([this](duration d) { scheduler_.busy_for(d); });
    for (const auto& [name, value] : setup_.secrets) checker_.watch_secret(value, name);
    const bool states = setup_.properties && !setup_.properties->empty();
    if (states || !setup_.secrets.empty()) checker_.watch_world(ledger_);
    if (states && setup_.check_properties) checker_.watch_own(*setup_.properties, setup_.start);
    start_process(setup_.store ? *setup_.store : store_, injector_ && injector_->has(fault_port::process)
                                                             ? next_death()
                                                             : setup_.death.value_or(death_plan{}));
}

void simulation::start_faults() {
    desk_ = std::make_unique<fault_desk>(*this);
    injector_ = std::make_unique<fault_injector>(
        *setup_.faults, fault_injector::inner_ports{*ports_.model, *ports_.connector, *ports_.users}, mock_world_,
        *desk_);
    if (injector_->has(fault_port::process) || injector_->has(fault_port::store) || setup_.keeper)
        setup_.death = death_plan{};
    if (injector_->has(fault_port::clock)) clock_.on_reading([this] { desk_->look_at_clock(); });
    if (const std::uint64_t key = injector_->next_ordinal("ties", 1); key != 0) {
        scheduler_.permute_ties(key);
        (void)injector_->meet("ties", key);
    }
}

death_plan simulation::next_death() const {
    const auto after = [this](const char* site, std::uint64_t before) {
        const std::uint64_t n = injector_->next_ordinal(site, before + 1);
        return n == 0 ? death_plan::never : n - before;
    };
    return {.at_commit = after("process/commit", desk_->commits_of_the_dead()),
            .at_effect = after("process/effect", desk_->effects_of_the_dead())};
}

void simulation::heal() {
    if (injector_) injector_->heal();
    if (setup_.keeper) setup_.keeper->heal();
    if (!edges_.empty()) edges_.back()->spare();
}

std::vector<fault_site> simulation::fault_sites() const {
    if (!injector_) return {};
    std::vector<fault_site> out = injector_->sites();
    std::uint64_t calls = 0;
    for (const fault_site& s : out)
        if (s.port != fault_port::command) calls += s.calls;
    const std::uint64_t inputs = driver_->last_seq().value;
    out.push_back({.name = "clock", .port = fault_port::clock, .calls = inputs});
    out.push_back({.name = "process/commit", .port = fault_port::process, .calls = inputs});
    out.push_back({.name = "process/effect", .port = fault_port::process, .calls = calls});
    out.push_back({.name = "store", .port = fault_port::store, .calls = inputs});
    out.push_back({.name = "ties", .port = fault_port::ties, .calls = tie_orders});
    std::sort(out.begin(), out.end(), [](const fault_site& a, const fault_site& b) { return a.name < b.name; });
    return out;
}

void simulation::start_process(store_port& store, death_plan plan) {
    for (const auto& old : timers_) old->clear();
    sim_timers& timers = *timers_.emplace_back(std::make_unique<sim_timers>(scheduler_, clock_));
    process_boundary* edge = nullptr;
    store_port* used_store = &store;
    model_provider* models = injector_ ? &injector_->models() : ports_.model.get();
    connector_port* connector = injector_ ? &injector_->connector() : ports_.connector.get();
    user_channel* users = injector_ ? &injector_->users() : ports_.users.get();
    if (injector_ && injector_->has(fault_port::store))
        used_store = faulty_stores_.emplace_back(std::make_unique<faulty_store>(store, *desk_)).get();
    if (setup_.death) {
        edge = edges_
                   .emplace_back(std::make_unique<process_boundary>(
                       process_boundary::inner_ports{*used_store, *models, *connector, *users}, plan))
                   .get();
        used_store = &edge->store();
        models = &edge->models();
        connector = &edge->connector();
        users = &edge->users();
    }
    guard_ = {};
    if (setup_.check_properties) guard_.observe(&checker_);
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

/// A host that cannot write while it starts gives up: somebody starts it again later.
template <class T>
bool simulation::dies_of(const result<T>& how) {
    if (!how && (broken_by() || setup_.keeper)) kill();
    return killed();
}

result<void> simulation::activate_agents() {
    for (const snapshot_ptr& agent : setup_.agents) {
        const auto& known = driver_->state().agents;
        const bool active = std::any_of(known.begin(), known.end(), [&](const agent_state& a) {
            return !a.retired && a.snapshot->hashes.whole == agent->hashes.whole;
        });
        if (active) continue;
        const auto activated = driver_->activate(agent);
        if (dies_of(activated)) return {};
        AIVP_CHECK(activated);
    }
    return {};
}

result<std::unique_ptr<simulation>> simulation::create(simulation_setup setup) {
    std::unique_ptr<simulation> s(new simulation(std::move(setup)));
    if (!s->setup_.world.is_null()) AIVP_CHECK(s->mocks_.seed(s->setup_.world));
    const probe_scope watching(s->checker_);
    AIVP_CHECK(s->activate_agents());
    return s;
}

std::vector<snapshot_ptr> simulation::all_snapshots() const {
    std::vector<snapshot_ptr> all = setup_.agents;
    if (desk_) all.insert(all.end(), desk_->former().begin(), desk_->former().end());
    return all;
}

result<void> simulation::restart(store_port& store, duration away, death_plan plan) {
    const std::vector<snapshot_ptr> known = all_snapshots();
    listed_snapshots snapshots(known);
    if (desk_) desk_->broke(nullptr);
    forget_what_was_kept(store);
    const probe_scope watching(checker_);
    AIVP_TRY(recovered_state found, read_state(store, snapshots));
    setup_.store = &store;
    snapshot_seq_ = found.seq;
    scheduler_.step_until(scheduler_.now() + away);
    AIVP_CHECK(checker_.restart(found, store, snapshots));
    if (setup_.keep_run_log) log_.restart(found.state);
    start_process(store, plan);
    const bool fresh = found.seq.value == 0;
    if (desk_) away = away + desk_->untold_sleep(found.seq);
    driver_->restore(std::move(found));
    if (!fresh) {
        const auto taken_up = driver_->submit(recover{away}, input_source::host);
        if (dies_of(taken_up)) return {};
        AIVP_CHECK(taken_up);
    }
    return catch_up();
}

result<void> simulation::retry() {
    const std::vector<snapshot_ptr> known = all_snapshots();
    listed_snapshots snapshots(known);
    if (desk_) desk_->broke(nullptr);
    forget_what_was_kept(setup_.store ? *setup_.store : store_);
    const probe_scope watching(checker_);
    AIVP_CHECK(driver_->retry(snapshots));
    return catch_up();
}

result<void> simulation::restart(duration away) {
    if (setup_.keeper) AIVP_CHECK(setup_.keeper->reopen());
    return restart(setup_.store ? *setup_.store : store_, away, next_death());
}

result<void> simulation::repair_store(duration down) {
    scheduler_.step_until(scheduler_.now() + down);
    if (setup_.keeper) AIVP_CHECK(setup_.keeper->reopen());
    return retry();
}

const fault* simulation::buried() {
    if (!desk_) return nullptr;
    if (std::exchange(buried_, edges_.size()) != edges_.size())
        desk_->died(edges_.back()->commits(), edges_.back()->effects());
    return desk_->broken_by();
}

/// What the host wanted while nobody was there to take it.
result<void> simulation::catch_up() {
    AIVP_CHECK(activate_agents());
    for (const auto& [token, in_doubt] : std::exchange(planned_.waiting, {})) planned_.fire(token);
    return {};
}

/// Whoever was told that nobody knows looks whether it is there before saying it again.
void simulation::forget_what_was_kept(store_port& store) {
    const auto head = store.head();
    if (!head || head->seq <= driver_->last_seq()) return;
    std::erase_if(planned_.waiting, [](const auto& w) { return w.in_doubt; });
}

bool simulation::planned_inputs::aim(planned& p) const {
    const engine_state& state = simulation_.driver_->state();
    const agent_state& agent = state.agents[p.operated.value - 1];
    const run_id run = !p.waiting ? agent.active : agent.waiting.empty() ? run_id{} : agent.waiting.front();
    if (auto* cancel = std::get_if<cancel_run>(&p.input)) {
        cancel->run = run;
        return static_cast<bool>(run);
    }
    const run_state* r = state.find(run);
    if (!r) return false;
    const auto parked = std::ranges::find_if(r->open, &open_call::parked);
    if (parked == r->open.end()) return false;
    resolve_call& found = std::get<resolve_call>(p.input);
    found.ref = {run, parked->call};
    if (std::ranges::any_of(simulation_.ledger_.entries(), [&](const ledger_entry& e) {
            return call_ref{e.run, e.call} == found.ref && e.outcome == effect_outcome::ok;
        }))
        found.finding = call_finding::happened;
    return true;
}

void simulation::planned_inputs::fire(std::uint64_t token) {
    if (simulation_.killed() || !simulation_.driver_->failures().empty()) {
        waiting.push_back({token, false});
        return;
    }
    planned p = inputs[token];
    if (p.operated && !aim(p)) return;
    // A process that dies or a store that fails leaves the input with whoever wanted it.
    if (!simulation_.driver_->submit(std::move(p.input), p.source)) waiting.push_back({token, true});
}

void simulation::input_at(instant when, engine_input input, input_source source) {
    planned_.inputs.push_back({std::move(input), source, {}});
    scheduler_.at(when, event_class::external, planned_, planned_.inputs.size() - 1);
}

void simulation::cancel_at(instant when, agent_id agent, std::string reason, bool waiting) {
    planned_.inputs.push_back({cancel_run{{}, std::move(reason)}, input_source::operator_, agent, waiting});
    scheduler_.at(when, event_class::external, planned_, planned_.inputs.size() - 1);
}

void simulation::resolve_at(instant when, agent_id agent, call_finding otherwise) {
    planned_.inputs.push_back({resolve_call{{}, otherwise, {}, {}}, input_source::operator_, agent});
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
    const probe_scope watching(checker_);
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
    if (killed() || !driver_->failures().empty()) return;
    if (last.value < snapshot_seq_.value + setup_.snapshot_every) return;
    snapshot_seq_ = last;
    store_port& store = setup_.store ? *setup_.store : store_;
    (void)store.save_snapshot({last, driver_->last_at(), driver_->chain(), encode_state(driver_->state())});
}

void simulation::keep_journal() {
    if (!setup_.store || setup_.store == &store_) return;
    // A store that cannot be read to its end has been reported by conclude().
    (void)setup_.store->read(seq_no{1},
                             [this](const journal_record& r) { return store_.commit({&r, 1}) == commit_outcome::ok; });
    if (setup_.keeper) setup_.keeper->on_delay({});
    setup_.store = nullptr;
    setup_.keeper = nullptr;
}

void simulation::conclude(stop_reason reason) {
    if (setup_.check_properties)
        checker_.conclude(driver_->state(), setup_.store ? *setup_.store : store_, reason == stop_reason::idle);
}

digest simulation::outcome_digest() const { return sha256(driver_->chain().view(), ledger_.digest_head().view()); }

} // namespace aivp::sim
