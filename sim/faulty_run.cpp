#include "sim/faulty_run.hpp"

#include <algorithm>
#include <optional>

namespace aivp::sim {

namespace {

/// A fault that always hits would repeat without end.
constexpr std::uint64_t repairs_max = 200;

/// One repair. False when it is none of the plan's business.
bool repair(simulation& world, instant until, stop_reason stopped, std::optional<error>& failed) {
    const bool dead = stopped == stop_reason::killed;
    const fault* f = dead ? world.buried() : world.broken_by();
    const std::optional<duration> beneath = world.keeper() ? world.keeper()->repair() : std::nullopt;
    const bool after_all = dead && world.faults() && world.faults()->healed();
    if (!f && !beneath && !after_all) return false;
    const duration left = std::max(duration{}, until - world.now());
    const duration away = std::min(f ? f->effective_span() : beneath.value_or(duration{}), left);
    // Whoever is still down when the scenario ends is started again as its last act.
    if (left.us == 0) world.heal();
    const auto done = dead ? world.restart(away) : world.repair_store(away);
    if (done || world.broken_by() || world.killed()) return true;
    // Beneath the store something went wrong once more.
    if (world.keeper() && done.error().code != errc::store_corrupt) return true;
    failed = done.error();
    return false;
}

} // namespace

stop_reason run_through_faults(simulation& world, instant until, std::uint64_t max_events,
                               std::optional<error>& failed) {
    const std::uint64_t limit = world.time().fired() + max_events;
    for (std::uint64_t repairs = 0;; ++repairs) {
        const std::uint64_t fired = world.time().fired();
        const stop_reason stopped = world.run(until, fired < limit ? limit - fired : 0);
        if (stopped != stop_reason::killed && stopped != stop_reason::store_failed) return stopped;
        if (repairs == repairs_max) world.heal();
        if (repairs > repairs_max || !repair(world, until, stopped, failed)) return stopped;
    }
}

std::string still_open(const simulation& world, run_id since) {
    const engine_state& state = world.state();
    for (const auto& [id, r] : state.runs) {
        if (id > since) break;
        const auto halted = [](const run_state* x) { return x && x->halted_at != instant::max(); };
        if (halted(&r) || halted(state.find(state.agents[r.agent.value - 1].active))) continue;
        if (std::any_of(r.open.begin(), r.open.end(), [](const open_call& o) { return o.kind == call_kind::user; }))
            continue;
        return to_string(id) + " of " + r.snapshot->id + " is open" +
               (r.open.empty() ? ", and waits for nothing" : ", waiting for " + to_string(r.open.front().call));
    }
    return {};
}

} // namespace aivp::sim
