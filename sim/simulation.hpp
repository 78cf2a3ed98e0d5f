// One simulated world: the whole engine on virtual time, in front of mocks. Building one is cheap; a scenario builds a
// fresh one for each seed. This is also the C++ API: what a scenario file says can be said here in code.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "aivp/engine/call_guard.hpp"
#include "aivp/engine/driver.hpp"
#include "aivp/engine/run_log.hpp"
#include "mocks/connector.hpp"
#include "mocks/ledger.hpp"
#include "runtime/store/memory_store.hpp"
#include "sim/faults/injector.hpp"
#include "sim/faulty_host.hpp"
#include "sim/process_boundary.hpp"
#include "sim/properties.hpp"
#include "sim/scheduler.hpp"
#include "sim/time_ports.hpp"

namespace aivp {
class tape_player;
}

namespace aivp::sim {

/// Secrets of a simulated world. Values are made up, and the checker looks for them wherever they must not be.
class sim_secrets final : public secret_port {
public:
    explicit sim_secrets(std::map<std::string, std::string> values) : values_(std::move(values)) {}
    result<std::string> reveal(std::string_view name) override;
    const std::map<std::string, std::string>& values() const { return values_; }

private:
    std::map<std::string, std::string> values_;
};

/// What ports of a simulated world can be built from. References outlive the ports.
struct world_parts {
    mock_world& world;
    world_ledger& ledger;
    connector_port& mocks;
    std::uint64_t seed;
};

/// The far side of the ports. Null members: no model (every call fails with script.no_rule), a user who leaves at once, the
/// mocks as connector.
struct world_ports {
    std::shared_ptr<model_provider> model;
    std::shared_ptr<user_channel> users;
    std::shared_ptr<connector_port> connector;
    std::shared_ptr<const tape_player> player =
        nullptr; ///< what a tape answers with, to be asked for misses at the end
};

/// `given` with something in the place of each null port, as simulation::create does it.
world_ports complete_ports(world_ports given, connector_port& mocks);

/// What a host does about a store that is more than memory.
class store_keeper {
public:
    virtual ~store_keeper() = default;
    /// For a new process, or after a failure. Errors: as sqlite_store::reopen().
    virtual result<void> reopen() = 0;
    /// What is wrong beneath the store ends: how long that takes; nullopt when nothing was.
    virtual std::optional<duration> repair() = 0;
    /// Nothing goes wrong beneath it any more.
    virtual void heal() = 0;
    /// Whom it tells how long an operation took.
    virtual void on_delay(std::function<void(duration)> take_time) = 0;
};

/// What a simulation is made of.
struct simulation_setup {
    instant start{1'767'225'600'000'000}; ///< 2026-01-01T00:00:00Z
    std::uint64_t seed = 1;
    std::vector<snapshot_ptr> agents;
    payload world; ///< seeds of the mocks, object or null
    latency_table latencies;
    bool synchronous = true; ///< answers without latency come within the call
    std::map<std::string, std::string> secrets;
    memory_store::retention keep = memory_store::retention::all;
    ledger_mode ledger = ledger_mode::entries;
    bool check_properties = true;
    /// What the scenario states of itself, checked with the others; must outlive the simulation. nullptr = nothing.
    const std::vector<scenario_property>* properties = nullptr;
    bool keep_run_log = true;
    std::size_t batch_max = 1; ///< see driver_options
    /// The journal, which must outlive the simulation; null = one in memory, and only then journal() has anything in it.
    store_port* store = nullptr;
    store_keeper* keeper = nullptr;   ///< of `store`; null = nobody; must outlive the simulation
    std::uint64_t snapshot_every = 0; ///< records between two snapshots of the state; 0 = none
    /// Set: the process that runs the engine may die, and be started again.
    std::optional<death_plan> death;
    /// Set: what the ports, the clock, the store and operators do wrong; under an empty plan places are only counted.
    std::optional<fault_plan> faults;
    /// What stands behind the ports. Called once, when the simulation is built; empty = the mocks and nothing else.
    std::function<world_ports(const world_parts&)> ports;
};

/// Why a simulation stopped.
enum class stop_reason : std::uint8_t { horizon, idle, event_limit, store_failed, first_run_over, killed };
const char* to_string(stop_reason r);

class simulation {
public:
    /// Errors: those of seeding the mocks and of activating the agents. A process that dies meanwhile is no error.
    static result<std::unique_ptr<simulation>> create(simulation_setup setup);

    /// Plans an input for later (or now).
    void input_at(instant when, engine_input input, input_source source);
    /// Plans the end of whatever run the agent has under way then, or of the one that waits first.
    void cancel_at(instant when, agent_id agent, std::string reason, bool waiting = false);
    /// Plans that a person looks after the parked call of the agent's run: what the world has did happen, and of what it does
    /// not have they say `otherwise`.
    void resolve_at(instant when, agent_id agent, call_finding otherwise);
    /// The number of the agent with this id. Errors: trigger.no_agent.
    result<agent_id> agent(std::string_view id) const;

    /// Runs until nothing is left to do, `until` is reached or `max_events` events were handled.
    stop_reason run(instant until, std::uint64_t max_events);
    /// As run(), but only until the first run is over, or its trigger refused.
    stop_reason run_first(instant until, std::uint64_t max_events);
    /// Is there nothing to wait for: has the first run ended, or was its trigger refused? False before the first event.
    bool first_run_over() const;
    /// Is the process gone? Requires setup.death.
    bool killed() const { return !edges_.empty() && edges_.back()->dead(); }
    void kill() { edges_.back()->die(); }
    /// A new process on what `store` holds, in the world as it is now: what was open is taken up again, agents are made
    /// known that are not, and what was submitted while nobody was there is submitted now. Errors: those of read_state(),
    /// and of the commits.
    result<void> restart(store_port& store, duration away, death_plan plan = {});
    /// The store works again after a commit that failed or of which nobody knows: also what could not be submitted
    /// meanwhile is submitted now.
    result<void> retry();
    /// The same on the store that it had, after a fault of the plan has killed it. Errors: as restart().
    result<void> restart(duration away);
    store_keeper* keeper() { return setup_.keeper; }
    /// Lets time pass without a store, and then retries.
    result<void> repair_store(duration down);
    /// The fault that killed the process, which is noted as dead once; null when it was none.
    const fault* buried();
    /// Null without a plan.
    fault_injector* faults() { return injector_.get(); }
    /// The fault that keeps the store or the process from working; null when it is none.
    const fault* broken_by() const { return desk_ ? desk_->broken_by() : nullptr; }
    /// No fault is met from now on, and the process lives on.
    void heal();
    /// Places where faults could be met, the host's own included.
    std::vector<fault_site> fault_sites() const;
    /// Calls of models, skills and users that the process made.
    std::uint64_t performed() const { return edges_.back()->effects(); }

    /// Copies the journal of the store to journal(). The store is not used any more, and nothing may run after it.
    void keep_journal();
    /// Ends the checking: what must hold once all is quiet.
    void conclude(stop_reason reason);

    instant now() const { return scheduler_.now(); }
    scheduler& time() { return scheduler_; }
    driver& engine() { return *driver_; }
    const engine_state& state() const { return driver_->state(); }
    const world_ledger& ledger() const { return ledger_; }
    const run_log& log() const { return log_; }
    const memory_store& journal() const { return store_; }
    const property_checker& properties() const { return checker_; }
    mock_connector& mocks() { return mocks_; }
    model_provider& model() { return *ports_.model; }
    /// Null unless a tape answers.
    const tape_player* player() const { return ports_.player.get(); }
    /// Journal chain and ledger together: equal for equal runs.
    digest outcome_digest() const;

private:
    explicit simulation(simulation_setup setup);
    void start_process(store_port& store, death_plan plan);
    void start_faults();
    template <class T>
    bool dies_of(const result<T>& how);
    result<void> activate_agents();
    result<void> catch_up();
    void forget_what_was_kept(store_port& store);
    death_plan next_death() const;
    std::vector<snapshot_ptr> all_snapshots() const;
    void save_snapshot_when_due();
    stop_reason run(instant until, std::uint64_t max_events, bool only_first);

    friend class fault_desk;

    class planned_inputs final : public event_handler {
    public:
        explicit planned_inputs(simulation& s) : simulation_(s) {}
        void fire(std::uint64_t token) override;
        struct planned {
            engine_input input;
            input_source source;
            agent_id
                operated; ///< not 0: `input` is an operator's; the run of this agent that it means is filled in then
            bool waiting = false; ///< it means the run that waits first
        };
        /// False: there is no such run, or no parked call.
        bool aim(planned& p) const;
        std::vector<planned> inputs;
        struct waiting_input {
            std::uint64_t token;
            bool in_doubt; ///< its commit was under way when the store broke
        };
        std::vector<waiting_input> waiting; ///< came while there was nobody to take it

    private:
        simulation& simulation_;
    };

    simulation_setup setup_;
    scheduler scheduler_;
    sim_clock clock_;
    sim_mock_world mock_world_;
    memory_store store_;
    world_ledger ledger_;
    sim_secrets secrets_;
    mock_connector mocks_;
    world_ports ports_;
    run_log log_;
    property_checker checker_;
    std::unique_ptr<fault_desk> desk_;
    std::unique_ptr<fault_injector> injector_;
    std::unique_ptr<driver> driver_;
    planned_inputs planned_;
    call_guard guard_;
    seq_no snapshot_seq_; ///< of the last snapshot
    // What belongs to one process, and outlives it because answers and timers may still name it.
    std::vector<std::unique_ptr<sim_timers>> timers_;
    std::vector<std::unique_ptr<process_boundary>> edges_;
    std::vector<std::unique_ptr<guarded_connector>> guarded_connectors_;
    std::vector<std::unique_ptr<guarded_model_provider>> guarded_models_;
    std::vector<std::unique_ptr<faulty_store>> faulty_stores_;
    std::size_t buried_ = 0; ///< processes whose death has been noted
};

} // namespace aivp::sim
