// Scenarios: a file that composes agents, a mocked world, a model, triggers and what must hold. One file is one test; the
// runner executes it once for each seed. docs/scenario-format.md is the page for those who write them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/located.hpp"
#include "aivp/tape/tape.hpp"
#include "mocks/latency.hpp"
#include "mocks/ledger.hpp"
#include "runtime/codec/diagnostics.hpp"
#include "runtime/codec/workspace.hpp"
#include "sim/faults/fault.hpp"
#include "sim/properties.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

/// An expected number: exactly, at least, at most.
struct expected_count {
    std::uint64_t least = 0;
    std::optional<std::uint64_t> most;
    bool holds(std::uint64_t n) const { return n >= least && (!most || n <= *most); }
    std::string to_string() const;
};

/// One line of `expect`. What is not set is not asked.
struct expectation {
    enum class kind : std::uint8_t {
        runs,
        ledger,
        calls,
        refused,
        refused_triggers,
        outcomes,
        answer,
        world
    } what = kind::runs;
    source_pos where;
    expected_count count;
    std::string agent;      ///< id; empty = all
    std::string run_status; ///< runs: total, success, failure, partial, skipped, open, abstained
    std::string code;       ///< calls, refused, refused_triggers, outcomes: dotted code
    std::string as;         ///< calls, refused: binding name or skill id; refused_triggers: the trigger's id
    std::string outcome;    ///< calls: ok, failed, unknown
    std::string contains;   ///< answer: text
    ledger_filter filter;   ///< ledger
    payload part;           ///< world: must be part of the mocks' final state
};

/// One planned input.
struct planned_trigger {
    duration after; ///< since the start
    std::optional<duration> every;
    std::uint64_t times = 1;
    std::string agent;                   ///< start this agent …
    std::string event;                   ///< … or publish this event
    bool cancel = false;                 ///< … or cancel the agent's run
    bool waiting = false;                ///< … the one that waits first, not the one under way
    std::optional<call_finding> resolve; ///< … or say what a person found out about the parked call of its run
    payload body;
    source_pos where;
};

/// In `swarm`: a search may also draw another workload.
inline constexpr std::string_view swarm_workload = "workload";

struct scenario {
    std::string name;
    std::string description;
    std::string file;
    instant start;
    duration horizon;
    std::uint64_t max_events = 1'000'000;
    std::uint64_t snapshot_every = 0; ///< records between two snapshots of the state; 0 = none
    bool synchronous = true;
    std::vector<snapshot_ptr> agents;
    std::vector<std::string> skill_paths; ///< folders and files, as they were opened
    payload world;
    latency_table latencies;
    payload model;                        ///< script of the model, or null
    payload users;                        ///< script of the users, or null
    payload answers;                      ///< prepared answers in front of the mocks, or null
    std::shared_ptr<const tape> recorded; ///< answers everything instead; null = none
    std::map<std::string, std::string> secrets;
    std::vector<planned_trigger> triggers;
    std::vector<expectation> expectations;
    std::vector<property_id> muted;            ///< properties that are not checked, each with a written reason
    std::vector<scenario_property> properties; ///< of its own
    fault_plan faults;                         ///< met in every run of this scenario
    std::vector<std::string>
        swarm; ///< kinds that a search may draw: "model.*", "skill.lost"; swarm_workload; empty = all
    bool heals =
        false; ///< judged as under the plans of a search: the faults end at the horizon, and `expect` is not asked
    bool pinned = false;               ///< its one expectation is asked under every plan, at the horizon
    std::optional<std::uint64_t> seed; ///< of a regression: the one seed that it is about, whichever is asked for
    digest hash;                       ///< of the file's text
};

/// Reads a scenario, or a regression and its scenario, and everything that it names. Appends all errors; nullptr when there was one. `texts` receives the
/// files that errors may point into; `zones` loads time zones (sim/ itself never touches the system's). Errors: yaml.*, json.*, config.*, skill.*, schema.*, cron.*, time.*, io.*.
std::shared_ptr<const scenario> load_scenario(const std::string& file, const zone_loader& zones,
                                              std::vector<error>& errors, source_texts& texts);

/// Reads FOLDER/fixture.yaml, a scenario without agents, and gives it the agent of `agent_file`, started once with the
/// fixture's `payload`. Skills come from the fixture's `skills`. Errors as load_scenario.
std::shared_ptr<const scenario> load_fixture(const std::string& folder, const std::string& agent_file,
                                             const zone_loader& zones, std::vector<error>& errors, source_texts& texts);

/// Reads a fixture and everything that it names, without an agent. Appends all errors; false when there was one.
bool check_fixture(const std::string& file, const zone_loader& zones, std::vector<error>& errors, source_texts& texts);

/// What a text says, without opening the files that it names: the agents and the tape are missing from the result.
/// `file` is for messages. Appends all errors; nullptr when there was one.
std::shared_ptr<const scenario> parse_scenario(std::string_view text, const std::string& file,
                                               std::vector<error>& errors);
std::shared_ptr<const scenario> parse_fixture(std::string_view text, const std::string& file,
                                              std::vector<error>& errors);

/// Scenario files below the paths, sorted: files as they are; of folders every *.yaml below that has a line
/// `schema_version: scenario.…` (agents may stand beside their scenarios) and is not *.slow.yaml (unless `slow`). Errors: io.not_found, io.read.
result<std::vector<std::string>> find_scenarios(const std::vector<std::string>& paths, bool slow);

/// The parts of a simulation that the scenario fixes; the runner adds the seed.
simulation_setup make_setup(const scenario& s, std::uint64_t seed);
/// Plans all triggers that lie within the horizon. Errors: trigger.no_agent.
result<void> plan_triggers(const scenario& s, simulation& sim);

} // namespace aivp::sim
