// Records the runs of a simulation as tapes, and folds what a tape must not hold: declared secrets by place, known ones by
// value.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/skill/redact.hpp"
#include "mocks/tape/recorder.hpp"
#include "sim/simulation.hpp"

namespace aivp::sim {

/// Turns arguments and results into what a tape holds. The same on recording and on replay, so that requests match.
class tape_folding {
public:
    /// Contracts come from the agents; values of `secrets` are replaced wherever they stand.
    tape_folding(const std::vector<snapshot_ptr>& agents, const std::map<std::string, std::string>& secrets);

    payload arguments(std::string_view skill, const payload& value) const;
    payload result(std::string_view skill, const payload& value) const;
    /// `agent` is the id of one of the agents.
    model_response response(std::string_view agent, const model_response& value) const;
    const known_secrets& secrets() const { return secrets_; }

private:
    std::map<std::string, snapshot_ptr, std::less<>> agents_;
    std::map<std::string, skill_ptr, std::less<>> skills_;
    known_secrets secrets_;
};

/// The names in {"$secret": name} of the agent's grants, each with a value that stands for the real one on replay.
std::map<std::string, std::string> stand_in_secrets(const agent_snapshot& agent);

/// Where a recorded run finds its agent again, relative to the tape's folder.
struct tape_origin {
    std::string agent_file;
    std::vector<std::string> skill_folders;
    payload provenance = payload::from_canonical("{}");
};

/// Ownership: outlives the simulation that it is attached to. Threads: the simulation's.
class run_recording final : public driver_observer {
public:
    /// Puts the recorder in front of the ports that the setup describes.
    void attach(simulation_setup& setup);
    /// Starts to listen for what no port sees: starts, refusals and ends of runs.
    void watch(simulation& s) { s.engine().observe(*this); }

    void committed(const input_envelope& input, const decision& d, const engine_state& after,
                   const journal_record& record) override;

    /// Runs that were recorded, ascending.
    std::vector<run_id> runs() const;
    /// Writes one run. Errors: io.exists, io.write, tape.secret; tape.empty when the run asked nothing of any port.
    result<void> write(run_id run, const std::string& folder, const tape_origin& origin) const;

private:
    struct tapped_ports;
    std::shared_ptr<tapped_ports> ports_;
    std::shared_ptr<const tape_folding> folding_;
    std::shared_ptr<std::map<std::string, std::uint64_t>> redacted_;
};

} // namespace aivp::sim
