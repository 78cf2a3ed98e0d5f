// Puts the faults of a plan between a simulated process and its world. It stands on the far side of the process boundary:
// what it counts and holds outlives a process that dies. Under an empty plan it only counts, and so a run tells where faults
// could have been.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "aivp/ports/model_provider.hpp"
#include "aivp/ports/store.hpp"
#include "aivp/ports/user_channel.hpp"
#include "mocks/world.hpp"
#include "sim/faults/fault.hpp"

namespace aivp::sim {

/// A fault that took effect.
struct met_fault {
    std::size_t index = 0; ///< in the plan
    std::uint64_t ordinal = 0;
    instant at;
    seq_no after; ///< the last committed input then
    friend bool operator==(const met_fault&, const met_fault&) = default;
};

/// A call of a model, a skill or a user, which could have met a fault.
struct noted_call {
    std::string_view site; ///< lives as long as the injector
    instant at;
    run_id run;
};

/// What the host of a simulation does for faults that no port can play.
class fault_host {
public:
    /// An operator does something about the agent's run. The engine is busy, so it must happen later.
    virtual void command(std::string_view agent, const fault& f) = 0;
    virtual seq_no last_seq() const = 0;

protected:
    ~fault_host() = default;
};

/// The inner ports must outlive the injector, and the injector everything that was handed to the world. Threads: the
/// driver's.
class fault_injector {
public:
    struct inner_ports {
        model_provider& models;
        connector_port& connector;
        user_channel& users;
    };
    fault_injector(fault_plan plan, inner_ports ports, mock_world& world, fault_host& host);
    ~fault_injector();
    fault_injector(const fault_injector&) = delete;
    fault_injector& operator=(const fault_injector&) = delete;

    const fault_plan& plan() const { return plan_; }

    model_provider& models();
    connector_port& connector();
    user_channel& users();

    /// The n-th call of a site that the host counts itself: the fault that hits it, now noted as met, or nullptr.
    const fault* meet(std::string_view site, std::uint64_t n);
    /// Has the plan a fault at one of the port's sites?
    bool has(fault_port port) const;
    /// The first ordinal of the site at which a fault waits, at or after `from`; 0 = none.
    std::uint64_t next_ordinal(std::string_view site, std::uint64_t from) const;

    /// No fault is met from now on.
    void heal() { healed_ = true; }
    bool healed() const { return healed_; }

    /// Sites of models, skills, users and commands in the order of their names, with the calls so far.
    std::vector<fault_site> sites() const;
    /// The first calls of models, skills and users, in their order.
    static constexpr std::size_t calls_noted_max = 4'096;
    const std::vector<noted_call>& calls() const { return calls_; }
    const std::vector<met_fault>& met() const { return met_; }
    /// Faults of the plan that nothing met, as indices.
    std::vector<std::size_t> unmet() const;

private:
    class faulty_models;
    class faulty_connector;
    class faulty_users;
    struct site_state {
        fault_site site;
        std::vector<std::size_t> faults; ///< of the plan, at this site
    };
    site_state& state_of(std::string_view site, fault_port port);
    /// Counts a call of the port's site for the agent, or for its binding.
    const fault* call_of(fault_port port, run_id run, std::string_view agent, std::string_view binding = {},
                         bool writes = false, bool keyed = true);
    const fault* hit(const std::vector<std::size_t>& faults, std::uint64_t n);

    fault_plan plan_;
    mock_world& world_;
    fault_host& host_;
    bool healed_ = false;
    bool has_commands_ = false;
    std::string name_; ///< of the site that is looked up, so that a call allocates nothing
    std::map<std::string, site_state, std::less<>> sites_;
    std::map<std::string, std::vector<std::size_t>, std::less<>> planned_; ///< faults by site
    std::vector<met_fault> met_;
    std::vector<noted_call> calls_;
    std::unique_ptr<faulty_models> models_;
    std::unique_ptr<faulty_connector> connector_;
    std::unique_ptr<faulty_users> users_;
};

} // namespace aivp::sim
