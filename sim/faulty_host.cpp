#include "sim/faulty_host.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "sim/simulation.hpp"

namespace aivp::sim {

namespace {

/// An operator whose command finds nobody comes back after this time.
constexpr duration patience = seconds(1);

/// The agent as a person narrows it who wants it to do less: one call of each kind a run.
snapshot_ptr narrowed(const agent_snapshot& from) {
    auto out = std::make_shared<agent_snapshot>(from);
    out->limits.skill_calls = std::min<std::uint32_t>(out->limits.skill_calls, 1);
    out->limits.model_turns = std::min<std::uint32_t>(out->limits.model_turns, 1);
    out->hashes.whole = sha256(from.hashes.whole.view(), "narrowed");
    return out;
}

} // namespace

seq_no fault_desk::last_seq() const { return simulation_.driver_ ? simulation_.driver_->last_seq() : seq_no{}; }

void fault_desk::at(instant when, order o) {
    orders_.push_back(std::move(o));
    simulation_.scheduler_.at(when, event_class::external, *this, orders_.size() - 1);
}

void fault_desk::command(std::string_view agent, const fault& f) {
    at(simulation_.now(), {.agent = std::string(agent), .why = &f, .run = {}});
}

void fault_desk::fire(std::uint64_t token) {
    const order o = orders_[token];
    if (simulation_.killed() || !simulation_.driver_->failures().empty()) {
        simulation_.scheduler_.in(patience, event_class::external, *this, token);
        return;
    }
    carry_out(o);
}

void fault_desk::carry_out(const order& o) {
    driver& engine = *simulation_.driver_;
    // What a failing store refuses is dropped with its command, but for what would leave a run paused.
    if (o.kind == order::what::resume) {
        if (engine.state().find(o.run) && !engine.submit(resume_run{o.run}, input_source::operator_))
            at(simulation_.now() + patience, o);
        return;
    }
    if (o.why->kind == fault_kind::command_reactivate) return reactivate(o);
    const auto id = simulation_.agent(o.agent);
    const run_id run = id ? engine.state().agents[id->value - 1].active : run_id{};
    if (!run) return;
    if (o.why->kind == fault_kind::command_cancel)
        return (void)engine.submit(cancel_run{run, "cancelled by a fault"}, input_source::operator_);
    (void)engine.submit(pause_run{run, "paused by a fault"}, input_source::operator_);
    at(simulation_.now() + o.why->effective_span(),
       {.kind = order::what::resume, .agent = o.agent, .why = o.why, .run = run});
}

void fault_desk::reactivate(const order& o) {
    for (snapshot_ptr& agent : simulation_.setup_.agents) {
        if (agent->id != o.agent) continue;
        if (o.why->form != 0) {
            former_.push_back(agent);
            agent = narrowed(*agent);
        }
        (void)simulation_.driver_->activate(agent);
        return;
    }
}

void fault_desk::look_at_clock() {
    const fault* f = simulation_.injector_->meet("clock", ++readings_);
    if (!f) return;
    const duration span = f->effective_span();
    sim_clock& clock = simulation_.clock_;
    switch (f->kind) {
    case fault_kind::clock_forward: clock.set_by(span); break;
    case fault_kind::clock_back: clock.set_by(duration{} - span); break;
    case fault_kind::clock_drift: clock.drift(f->form == 0 ? span : duration{} - span); break;
    case fault_kind::clock_sleep: slept(clock.sleep(span)); break;
    default: return;
    }
    simulation_.timers_.back()->clock_changed();
}

/// The engine is told before it takes what it read the clock for.
void fault_desk::slept(duration by) {
    const seq_no last = last_seq();
    if (last != slept_after_) slept_ = {};
    slept_after_ = last;
    slept_ = slept_ + by;
    if (simulation_.driver_) simulation_.driver_->slept(by);
}

duration fault_desk::untold_sleep(seq_no found) {
    const duration untold = found <= slept_after_ ? slept_ : duration{};
    slept_ = {};
    return untold;
}

const fault* fault_desk::next_commit() {
    ++commits_;
    return simulation_.injector_->meet("store", commits_);
}

void fault_desk::died(std::uint64_t commits, std::uint64_t effects) {
    commits_of_the_dead_ += commits;
    effects_of_the_dead_ += effects;
    // Otherwise it was the store that it could not live without.
    if (const fault* f = simulation_.injector_->meet("process/commit", commits_of_the_dead_)) broken_by_ = f;
    if (const fault* f = simulation_.injector_->meet("process/effect", effects_of_the_dead_)) broken_by_ = f;
}

commit_outcome faulty_store::commit(std::span<const journal_record> batch) {
    const fault* f = desk_.next_commit();
    if (!f) return next_.commit(batch);
    desk_.broke(f);
    if (f->kind == fault_kind::store_commit_fails) return commit_outcome::failed;
    if (f->kind == fault_kind::store_commit_kept && next_.commit(batch) == commit_outcome::failed)
        return commit_outcome::failed;
    return commit_outcome::unknown;
}

} // namespace aivp::sim
