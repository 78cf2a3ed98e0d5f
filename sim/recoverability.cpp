#include "sim/recoverability.hpp"

#include <algorithm>

#include "sim/properties.hpp"
#include "sim/runner.hpp"

namespace aivp::sim {

const std::vector<excuse>& excuses() {
    using enum excuse_id;
    static const std::vector<excuse> table{
        {paused, "paused", "scenario.not_converged", "the run is paused", "a person has stopped it, and resumes it"},
        {parked, "parked", "scenario.not_converged", "a call of the run is parked",
         "nobody knows whether a write happened, and a person finds out"},
        {behind, "behind", "scenario.not_converged", "the agent's active run is paused or parked",
         "an agent has one run at a time, and this one waits behind it"},
        {asked, "asked", "scenario.not_converged", "the run waits for its user's answer",
         "a person answers in their own time"},
        {rot_at_start, "rot_at_start", "store", "`disk.bit_rot` was met, and the store says that it is not whole",
         "nothing was acknowledged yet"},
        {rot_at_recovery, "rot_at_recovery", "recovery",
         "`disk.bit_rot` was met, and the store says that it is not whole",
         "what has rotted on the disk cannot be made good: a stop that is loud loses nothing in silence"},
        {rot_in_the_journal, "rot_in_the_journal", "journal.chain_verifies", "`disk.bit_rot` was met",
         "that the chain does not verify is how rot is found"},
    };
    return table;
}

const excuse& info(excuse_id id) { return excuses()[static_cast<std::size_t>(id)]; }

namespace {

bool halted(const run_state& r) { return r.halted_at != instant::max(); }

bool asks_user(const run_state& r) {
    return std::any_of(r.open.begin(), r.open.end(), [](const open_call& o) { return o.kind == call_kind::user; });
}

/// Of either form: a bit that is read wrong while the log is moved into the database is wrong there for good.
bool has_rotted(const fault_plan& plan, std::span<const met_fault> met) {
    return std::any_of(met.begin(), met.end(),
                       [&](const met_fault& m) { return plan.faults[m.index].kind == fault_kind::disk_bit_rot; });
}

/// What a store says that finds itself broken. Rot in the header of a file makes it somebody else's, or of another version.
bool says_broken(errc code) {
    return code == errc::store_corrupt || code == errc::store_foreign || code == errc::store_newer_schema;
}

} // namespace

const excuse* excuse_of(const engine_state& state, const run_state& run) {
    if (halted(run)) return &info(run.paused ? excuse_id::paused : excuse_id::parked);
    const run_state* active = state.find(state.agents[run.agent.value - 1].active);
    if (active && halted(*active)) return &info(excuse_id::behind);
    return asks_user(run) ? &info(excuse_id::asked) : nullptr;
}

const excuse* excuse_of(const finding& f, const fault_plan& plan, std::span<const met_fault> met) {
    if (!has_rotted(plan, met)) return nullptr;
    for (const excuse_id id : {excuse_id::rot_at_start, excuse_id::rot_at_recovery})
        if (f.what == info(id).finding && says_broken(f.code)) return &info(id);
    if (f.what == info(excuse_id::rot_in_the_journal).finding && f.code == errc::scenario_property)
        return &info(excuse_id::rot_in_the_journal);
    return nullptr;
}

} // namespace aivp::sim
