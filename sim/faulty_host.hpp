// The host's side of faults: the store that fails to commit, the clock that jumps, the operator who interferes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/ports/store.hpp"
#include "sim/faults/injector.hpp"
#include "sim/scheduler.hpp"

namespace aivp::sim {

class simulation;

/// Does to one simulation what no port can do. Belongs to the simulation and lives as long.
class fault_desk final : public fault_host, public event_handler {
public:
    explicit fault_desk(simulation& s) : simulation_(s) {}

    void command(std::string_view agent, const fault& f) override;
    seq_no last_seq() const override;
    void fire(std::uint64_t token) override;

    /// The clock is about to be read.
    void look_at_clock();
    /// What a process has slept and died before it could write it down: no later record than this was found.
    duration untold_sleep(seq_no found);
    /// The n-th commit of the whole simulation, counted here.
    const fault* next_commit();

    /// The process has died at its n-th commit or effect.
    void died(std::uint64_t commits, std::uint64_t effects);
    std::uint64_t commits_of_the_dead() const { return commits_of_the_dead_; }
    std::uint64_t effects_of_the_dead() const { return effects_of_the_dead_; }

    const fault* broken_by() const { return broken_by_; }
    void broke(const fault* f) { broken_by_ = f; }
    /// Snapshots that were active once and are not in the setup any more.
    const std::vector<snapshot_ptr>& former() const { return former_; }

private:
    struct order {
        enum class what : std::uint8_t { begin, resume } kind = what::begin;
        std::string agent;
        const fault* why = nullptr;
        run_id run;
    };
    void at(instant when, order o);
    void slept(duration by);
    void carry_out(const order& o);
    void reactivate(const order& o);

    simulation& simulation_;
    std::vector<order> orders_;
    std::vector<snapshot_ptr> former_;
    const fault* broken_by_ = nullptr;
    std::uint64_t readings_ = 0;
    duration slept_; ///< of the machine, which the record after `slept_after_` tells
    seq_no slept_after_;
    std::uint64_t commits_ = 0;
    std::uint64_t commits_of_the_dead_ = 0;
    std::uint64_t effects_of_the_dead_ = 0;
};

/// Commits fail, or leave everybody in doubt, as planned.
class faulty_store final : public forwarding_store {
public:
    faulty_store(store_port& next, fault_desk& desk) : forwarding_store(next), desk_(desk) {}
    commit_outcome commit(std::span<const journal_record> batch) override;

private:
    fault_desk& desk_;
};

} // namespace aivp::sim
