#include "sim/simulation.hpp"

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
    }
    return "horizon";
}

result<std::string> sim_secrets::reveal(std::string_view name) {
    const auto it = values_.find(std::string(name));
    if (it == values_.end()) return fail(errc::secret_unavailable, "there is no secret `" + std::string(name) + "`");
    return it->second;
}

simulation::simulation(simulation_setup setup)
    : setup_(std::move(setup)),
      scheduler_(setup_.start),
      clock_(scheduler_),
      timers_(scheduler_),
      mock_world_(scheduler_),
      store_(setup_.keep),
      ledger_(setup_.ledger),
      secrets_(setup_.secrets),
      mocks_(mock_world_, ledger_, {.seed = setup_.seed, .synchronous = setup_.synchronous}),
      ports_(complete_ports(setup_.ports ? setup_.ports({mock_world_, ledger_, mocks_, setup_.seed}) : world_ports{},
                            mocks_)),
      driver_({clock_, timers_, store_, *ports_.model, *ports_.connector, *ports_.users, secrets_}),
      planned_(*this) {
    timers_.deliver_to(driver_);
    mocks_.set_latencies(setup_.latencies);
    if (setup_.keep_run_log) driver_.observe(log_);
    if (setup_.check_properties) driver_.observe(checker_);
    for (const auto& [name, value] : setup_.secrets) checker_.watch_secret(value);
}

result<std::unique_ptr<simulation>> simulation::create(simulation_setup setup) {
    std::unique_ptr<simulation> s(new simulation(std::move(setup)));
    if (!s->setup_.world.is_null()) AIVP_CHECK(s->mocks_.seed(s->setup_.world));
    for (const snapshot_ptr& agent : s->setup_.agents) AIVP_CHECK(s->driver_.activate(agent));
    return s;
}

void simulation::planned_inputs::fire(std::uint64_t token) {
    planned p = std::move(inputs[token]);
    if (p.cancels) {
        const run_id active = simulation_.driver_.state().agents[p.cancels.value - 1].active;
        if (!active) return;
        std::get<cancel_run>(p.input).run = active;
    }
    // A failing store stops the driver for good; run() sees that.
    (void)simulation_.driver_.submit(std::move(p.input), p.source);
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
    for (const agent_state& a : driver_.state().agents)
        if (a.snapshot->id == id) return a.id;
    return fail(errc::trigger_no_agent, "no agent `" + std::string(id) + "` is active here");
}

bool simulation::first_run_over() const { return scheduler_.fired() > 0 && !driver_.state().find(run_id{1}); }

stop_reason simulation::run(instant until, std::uint64_t max_events) { return run(until, max_events, false); }

stop_reason simulation::run_first(instant until, std::uint64_t max_events) { return run(until, max_events, true); }

stop_reason simulation::run(instant until, std::uint64_t max_events, bool only_first) {
    const std::uint64_t limit = scheduler_.fired() + max_events;
    while (!scheduler_.empty()) {
        if (only_first && first_run_over()) return stop_reason::first_run_over;
        if (!driver_.failures().empty()) return stop_reason::store_failed;
        if (scheduler_.next_at() > until) {
            scheduler_.set_now(until);
            return stop_reason::horizon;
        }
        if (scheduler_.fired() >= limit) return stop_reason::event_limit;
        scheduler_.step_one();
    }
    return driver_.failures().empty() ? stop_reason::idle : stop_reason::store_failed;
}

void simulation::conclude(stop_reason reason) {
    if (setup_.check_properties) checker_.conclude(driver_.state(), store_, reason == stop_reason::idle);
}

digest simulation::outcome_digest() const { return sha256(driver_.chain().view(), ledger_.digest_head().view()); }

} // namespace aivp::sim
