#include "sim/recording.hpp"

#include <utility>

#include "aivp/skill/secret_reference.hpp"
#include "aivp/tape/files.hpp"
#include "aivp/version.hpp"

namespace aivp::sim {

tape_folding::tape_folding(const std::vector<snapshot_ptr>& agents, const std::map<std::string, std::string>& secrets) {
    for (const snapshot_ptr& agent : agents) {
        agents_.emplace(agent->id, agent);
        for (const skill_binding& b : agent->bindings) skills_.emplace(b.skill->id, b.skill);
    }
    for (const auto& [name, value] : secrets) secrets_.add(name, value);
}

payload tape_folding::arguments(std::string_view skill, const payload& value) const {
    const auto known = skills_.find(skill);
    const payload folded = known == skills_.end() ? value : redact(value, known->second->secret_arguments, "argument");
    return secrets_.empty() ? folded : secrets_.scrub(folded);
}

payload tape_folding::result(std::string_view skill, const payload& value) const {
    const auto known = skills_.find(skill);
    const payload folded = known == skills_.end() ? value : redact(value, known->second->secret_results, "result");
    return secrets_.empty() ? folded : secrets_.scrub(folded);
}

model_response tape_folding::response(std::string_view agent, const model_response& value) const {
    const auto known = agents_.find(agent);
    return known == agents_.end() ? value : recordable(*known->second, value);
}

std::map<std::string, std::string> stand_in_secrets(const agent_snapshot& agent) {
    std::map<std::string, std::string> out;
    const auto collect = [&out](std::string_view name) -> result<std::string> {
        return out.emplace(name, "stand-in for " + std::string(name)).first->second;
    };
    for (const skill_binding& b : agent.bindings) (void)with_secrets(b.fixed, collect);
    return out;
}

struct run_recording::tapped_ports {
    tapped_ports(world_ports inner, tape_recorder_options options)
        : next(std::move(inner)), recorder(*next.model, *next.connector, *next.users, std::move(options)) {}
    world_ports next;
    tape_recorder recorder;
};

void run_recording::attach(simulation_setup& setup) {
    const auto folding = std::make_shared<const tape_folding>(setup.agents, setup.secrets);
    const auto redacted = std::make_shared<std::map<std::string, std::uint64_t>>();
    folding_ = folding;
    redacted_ = redacted;
    setup.ports = [this, inner = std::move(setup.ports), folding, redacted](const world_parts& parts) {
        tape_recorder_options options;
        options.now = [world = &parts.world] { return world->now(); };
        options.fold_arguments = [folding, redacted](std::string_view skill, const payload& value) {
            payload folded = folding->arguments(skill, value);
            if (folded != value) ++(*redacted)["argument"];
            return folded;
        };
        options.fold_result = [folding, redacted](std::string_view skill, const payload& value) {
            payload folded = folding->result(skill, value);
            if (folded != value) ++(*redacted)["result"];
            return folded;
        };
        options.fold_response = [folding, redacted](std::string_view agent, const model_response& value) {
            model_response folded = folding->response(agent, value);
            if (folded != value) ++(*redacted)["response"];
            return folded;
        };
        ports_ = std::make_shared<tapped_ports>(complete_ports(inner ? inner(parts) : world_ports{}, parts.mocks),
                                                std::move(options));
        // The ports share their owner, so that whoever keeps one keeps what stands behind it.
        return world_ports{{ports_, &ports_->recorder.models()},
                           {ports_, &ports_->recorder.users()},
                           {ports_, &ports_->recorder.connector()},
                           ports_->next.player};
    };
}

void run_recording::committed(const input_envelope&, const decision& d, const engine_state& after,
                              const journal_record&) {
    for (const engine_event& event : d.events) {
        if (const auto* started = std::get_if<run_started>(&event)) {
            // A run can start and end within one step, and is then gone from the state.
            if (const run_state* r = after.find(started->run))
                ports_->recorder.run_started(r->id, r->snapshot->id, r->trigger_body);
        } else if (const auto* refused = std::get_if<call_refused>(&event)) {
            ports_->recorder.call_refused(
                refused->run, {refused->as, refused->why->code, refused->why->decided_by, refused->why->message});
        } else if (const auto* finished = std::get_if<run_finished>(&event)) {
            ports_->recorder.run_finished(
                finished->run, {finished->outcome->status, finished->outcome->code, finished->outcome->message});
        }
    }
}

std::vector<run_id> run_recording::runs() const { return ports_ ? ports_->recorder.runs() : std::vector<run_id>{}; }

result<void> run_recording::write(run_id run, const std::string& folder, const tape_origin& origin) const {
    tape t = ports_ ? ports_->recorder.tape_of(run) : tape{};
    bool any = false;
    for (const tape_event& e : t.events) any = any || tape_key(e).has_value();
    if (!any) return fail(errc::tape_empty, to_string(run) + " asked nothing that a tape could answer");
    t.manifest.build = std::string(version);
    t.manifest.recorded_at = t.events.front().at;
    t.manifest.agent_file = origin.agent_file;
    t.manifest.skill_folders = origin.skill_folders;
    t.manifest.provenance = origin.provenance;
    t.manifest.redacted = *redacted_;
    tape_write_options options;
    options.secrets = folding_->secrets();
    return write_tape(folder, t, options);
}

} // namespace aivp::sim
