#include "aivp/engine/run_log.hpp"

#include <algorithm>

namespace aivp {

namespace {

run_log_entry* entry_of(run_log_run& r, call_id call) {
    const auto it =
        std::find_if(r.entries.rbegin(), r.entries.rend(), [call](const run_log_entry& e) { return e.call == call; });
    return it == r.entries.rend() ? nullptr : &*it;
}

std::string call_step_name(const run_log_run& r, std::uint32_t step, call_id call) {
    if (const auto* steps = std::get_if<steps_brain>(&r.snapshot->brain)) return steps->steps.at(step).id;
    return to_string(call);
}

run_log_entry& add_entry(run_log_run& r, run_log_entry::kind what, call_id call, instant at) {
    run_log_entry& e = r.entries.emplace_back();
    e.what = what;
    e.call = call;
    e.at = at;
    e.outcome.run = r.run;
    e.outcome.step = to_string(call);
    return e;
}

void settle_entry(run_log_entry& e, instant at, effect_outcome how, errc code, const std::string& message,
                  usd_micros cost) {
    e.settled = true;
    e.ended = how;
    e.settled_at = at;
    e.outcome.status = how == effect_outcome::ok ? outcome_status::success : outcome_status::failure;
    e.outcome.code = code;
    e.outcome.message = message;
    e.outcome.cost = cost;
    e.outcome.latency = at - e.at;
    e.outcome.at = at;
}

void name_skill(run_log_run& r, run_log_entry& e, std::uint32_t binding) {
    if (binding == no_binding) return;
    const skill_binding& b = r.snapshot->bindings[binding];
    e.skill = b.skill;
    e.as = b.as;
    e.rule = "binding `" + b.as + "`" + (b.where.file.empty() ? "" : " at " + to_string(b.where));
    e.outcome.skill = b.skill->id;
    e.outcome.skill_version = b.skill->version;
}

void record(run_log_run& r, const call_intended& e, instant at) {
    run_log_entry& x = add_entry(r, run_log_entry::kind::skill, e.call, at);
    x.step = e.step;
    x.arguments = e.arguments;
    name_skill(r, x, e.binding);
    x.outcome.step = call_step_name(r, e.step, e.call);
}

void record(run_log_run& r, const call_refused& e, instant at) {
    run_log_entry& x = add_entry(r, run_log_entry::kind::refused, e.call, at);
    x.step = e.step;
    name_skill(r, x, e.binding);
    x.as = e.as;
    x.why = e.why;
    x.rule = e.why->decided_by;
    x.outcome.step = call_step_name(r, e.step, e.call);
    settle_entry(x, at, effect_outcome::failed, e.why->code, e.why->message, {});
    x.outcome.details = to_payload(*e.why);
}

void record(run_log_run& r, const call_settled& e, instant at) {
    run_log_entry* x = entry_of(r, e.call);
    if (!x) return;
    settle_entry(*x, at, e.outcome, e.code, e.message, e.cost);
    x->result = e.result;
    if (x->skill && x->skill->effect == effect_class::write && e.outcome != effect_outcome::failed)
        x->outcome.side_effects.push_back(
            {x->skill->side_effects.empty() ? x->skill->id : x->skill->side_effects.front(), x->skill->id});
}

void record(run_log_run& r, const model_requested& e, instant at) {
    run_log_entry& x = add_entry(r, run_log_entry::kind::model, e.call, at);
    x.model = std::get<loop_brain>(r.snapshot->brain).model.name;
}

void record(run_log_run& r, const model_settled& e, instant at) {
    run_log_entry* x = entry_of(r, e.call);
    if (!x) return;
    settle_entry(*x, at, e.outcome, e.code, e.message, e.cost);
    if (!e.response) return;
    x->usage = e.response->usage;
    x->result = e.response->content;
}

void record(run_log_run& r, const user_asked& e, instant at) {
    add_entry(r, run_log_entry::kind::question, e.call, at).arguments = e.text;
}

void record(run_log_run& r, const user_answered& e, instant at) {
    run_log_entry* x = entry_of(r, e.call);
    if (!x) return;
    settle_entry(*x, at, effect_outcome::ok, errc::ok, {}, {});
    x->result = e.message;
}

void record(run_log_run& r, const step_finished& e, instant at) {
    structured_outcome& o = r.steps.emplace_back();
    const step_spec& spec = std::get<steps_brain>(r.snapshot->brain).steps.at(e.step);
    const auto entry = std::find_if(r.entries.rbegin(), r.entries.rend(), [&](const run_log_entry& x) {
        return x.outcome.step == spec.id &&
               (x.what == run_log_entry::kind::skill || x.what == run_log_entry::kind::refused);
    });
    if (entry != r.entries.rend()) o = entry->outcome;
    o.run = e.run;
    o.step = spec.id;
    o.status = e.status;
    o.code = e.code;
    if (!e.message.empty()) o.message = e.message;
    o.at = at;
}

void record(run_log_run& r, const run_finished& e, instant) { r.outcome = e.outcome; }

} // namespace

void run_log::committed(const input_envelope& input, const decision& d, const engine_state& after,
                        const journal_record&) {
    for (const engine_event& event : d.events) {
        if (const auto* activated = std::get_if<agent_activated>(&event)) {
            agents_[activated->agent] = activated->snapshot;
        } else if (const auto* accepted = std::get_if<trigger_accepted>(&event)) {
            run_log_run& r = runs_[accepted->run];
            r.run = accepted->run;
            r.snapshot = agents_[accepted->agent];
            r.accepted_at = input.at;
            r.scheduled_for = accepted->scheduled_for;
            r.trigger_body = accepted->body;
        } else if (const auto* refused = std::get_if<trigger_refused>(&event)) {
            const agent_state* a = refused->agent ? &after.agents[refused->agent.value - 1] : nullptr;
            const bool known = a && refused->trigger < a->snapshot->triggers.size();
            refused_.push_back({refused->agent, known ? a->snapshot->triggers[refused->trigger].id : "",
                                refused->scheduled_for, refused->code, refused->reason, refused->count});
        } else {
            std::visit(
                [&](const auto& e) {
                    if constexpr (requires(run_log_run& r) { record(r, e, input.at); }) {
                        const auto it = runs_.find(e.run);
                        if (it != runs_.end()) record(it->second, e, input.at);
                    }
                },
                event);
        }
    }
}

void run_log::restart(const engine_state& found) {
    for (const agent_state& a : found.agents) agents_[a.id] = a.snapshot;
    for (const auto& [id, state] : found.runs) {
        run_log_run& r = runs_[id];
        if (r.snapshot) continue;
        r.run = id;
        r.snapshot = state.snapshot;
        r.accepted_at = state.started ? state.started_at : state.scheduled_for;
        r.scheduled_for = state.scheduled_for;
        r.trigger_body = state.trigger_body;
    }
}

} // namespace aivp
