#include "sim/faulty_run.hpp"

#include <algorithm>
#include <optional>

namespace aivp::sim {

namespace {

/// A fault that always hits would repeat without end.
constexpr std::uint64_t repairs_max = 200;
/// More faults in a row than any plan has for one start.
constexpr int tries_max = 20;

/// One repair. False when it is none of the plan's business; `failed`: why the last one was in vain.
bool repair(simulation& world, instant until, stop_reason stopped, std::optional<error>& failed) {
    const bool dead = stopped == stop_reason::killed;
    const fault* f = dead ? world.buried() : world.broken_by();
    const std::optional<duration> beneath = world.keeper() ? world.keeper()->repair() : std::nullopt;
    const bool after_all = dead && world.faults() && world.faults()->healed();
    if (!f && !beneath && !after_all) return false;
    for (int tries = 0; tries < tries_max; ++tries) {
        const duration left = std::max(duration{}, until - world.now());
        const duration away = std::min(f ? f->effective_span() : beneath.value_or(duration{}), left);
        // Whoever is still down when the scenario ends is started again as its last act.
        if (left.us == 0) world.heal();
        failed.reset();
        const auto done = dead ? world.restart(away) : world.repair_store(away);
        if (done) return true;
        failed = done.error();
        if (!dead && (world.broken_by() || world.killed())) return true;
        // Unless something went wrong beneath the store once more, it stays so.
        if (!world.keeper() || !world.keeper()->repair()) return false;
    }
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

open_runs still_open(const simulation& world, run_id since) {
    open_runs out;
    bool used[excuse_count] = {};
    for (const auto& [id, r] : world.state().runs) {
        if (id > since) break;
        if (const excuse* e = excuse_of(world.state(), r)) {
            used[static_cast<std::size_t>(e->id)] = true;
        } else if (out.unexcused.empty()) {
            out.unexcused =
                to_string(id) + " of " + r.snapshot->id + " is open" +
                (r.open.empty() ? ", and waits for nothing" : ", waiting for " + to_string(r.open.front().call));
        }
    }
    for (const excuse& e : excuses())
        if (used[static_cast<std::size_t>(e.id)]) out.excused.push_back(&e);
    return out;
}

} // namespace aivp::sim
