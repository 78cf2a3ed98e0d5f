// Which agents a live host knows: those of its folder, and those that it is handed by file.
#include <unistd.h>

#include <utility>

#include "runtime/codec/files.hpp"
#include "runtime/codec/workspace.hpp"
#include "runtime/daemon/internal/host_impl.hpp"
#include "runtime/os/tzdb.hpp"

namespace aivp {

namespace {

bool is_agent_file(const std::string& path) {
    return path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json");
}

zone_loader zones_of_system() {
    return [](std::string_view name) { return tz_database().load(name); };
}

} // namespace

void live_host::impl::load_agents() {
    const std::size_t changed = load_all();
    std::size_t active = 0;
    for (const agent_state& a : engine.state().agents) active += !a.retired;
    log(log_level::info, std::to_string(active) + " agents active, " + std::to_string(changed) + " new or changed");
    if (options.config.agents.empty())
        log(log_level::warning, "there is no folder agents/ beside the configuration, and it names no other: "
                                "only what `aivp run FILE` is given will run");
}

std::vector<std::string> live_host::impl::agent_files(std::vector<error>& errors) const {
    std::vector<std::string> out;
    for (const std::string& path : options.config.agents) {
        if (!is_folder(path)) {
            out.push_back(path);
            continue;
        }
        auto files = list_files(path);
        if (!files) {
            errors.push_back(std::move(files).error());
            continue;
        }
        for (std::string& f : *files)
            if (is_agent_file(f)) out.push_back(std::move(f));
    }
    return out;
}

std::size_t live_host::impl::load_all() {
    workspace space(zones_of_system());
    std::vector<error> errors;
    for (const std::string& path : options.config.skill_files) space.load_skills(path);
    std::set<std::string> loaded;
    std::size_t changed = 0;
    for (const std::string& file : agent_files(errors)) {
        const snapshot_ptr agent = space.load_agent(file);
        if (!agent) continue;
        if (!loaded.insert(agent->id).second) {
            errors.push_back(
                {errc::config_duplicate, "another file has the agent `" + agent->id + "` too", {file, 0, 0}, {}, {}});
            continue;
        }
        const auto activated = activate_if_new(agent, space.texts());
        if (activated)
            changed += *activated;
        else
            errors.push_back(activated.error());
    }
    errors.insert(errors.begin(), space.errors().begin(), space.errors().end());
    if (!errors.empty()) log(log_level::error, render(errors, space.texts()));
    // A file that cannot be read may be any agent's.
    if (errors.empty()) retire_missing(loaded);
    agent_problems = std::move(errors);
    return changed;
}

result<bool> live_host::impl::activate_if_new(const snapshot_ptr& agent, const source_texts& texts) {
    const agent_state* known = find_agent(agent->id);
    guard.declare(*agent);
    if (known && !known->retired && known->snapshot->hashes.whole == agent->hashes.whole) return false;
    AIVP_CHECK(library.keep(agent, texts));
    AIVP_CHECK(engine.activate(agent));
    warn_of_missing_ports(*agent);
    return true;
}

void live_host::impl::retire_missing(const std::set<std::string>& loaded) {
    std::vector<agent_id> gone;
    for (const agent_state& a : engine.state().agents)
        if (!a.retired && !loaded.contains(a.snapshot->id) && !a.active && a.waiting.empty()) gone.push_back(a.id);
    for (const agent_id id : gone)
        if (!engine.submit(retire_agent{id}, input_source::host)) return;
}

/// What a file names may come to be while the daemon runs, so that none of this is an error.
void live_host::impl::warn_of_configuration() {
    const daemon_config& c = options.config;
    if (const std::string trouble = secrets.trouble(); !trouble.empty()) log(log_level::warning, trouble);
    if (!c.ca_file.empty() && ::access(c.ca_file.c_str(), R_OK) != 0)
        log(log_level::warning, "the file of certificates " + c.ca_file + " cannot be read: calls over TLS will fail");
    for (const auto& [skill, program] : c.programs)
        if (!program.command.empty())
            if (const auto found = find_program(program.command.front()); !found)
                log(log_level::warning, "skill `" + skill + "`: " + found.error().message + "; its calls will fail");
}

void live_host::impl::warn_of_missing_ports(const agent_snapshot& agent) {
    for (const skill_binding& b : agent.bindings)
        if (!skills.serves(b.skill->id))
            log(log_level::warning, "agent " + agent.id + ": the configuration does not say how `" + b.skill->id +
                                        "` is performed; its calls fail with connector.missing until it stands below "
                                        "`skills:` in aivp.yaml");
    const auto* brain = std::get_if<loop_brain>(&agent.brain);
    if (brain && brain->program) {
        const std::string& profile = brain->program->sandbox;
        if ((profile.empty() || profile == "bwrap") && !launcher->sandboxes().bwrap)
            log(log_level::warning,
                "agent " + agent.id +
                    ": its program cannot be started, because the sandbox bwrap does not work here: " +
                    launcher->sandboxes().why);
        return;
    }
    if (brain && !models.serves(brain->model.name))
        log(log_level::warning, "agent " + agent.id + ": the configuration does not say where the model `" +
                                    brain->model.name + "` is; add it below `models:` in aivp.yaml");
}

/// Of the snapshot that the run began with, whatever its agent's file says now.
std::optional<process_turn> live_host::impl::turn_of(run_id run) const {
    const run_state* r = engine.state().find(run);
    const auto* brain = r ? std::get_if<loop_brain>(&r->snapshot->brain) : nullptr;
    if (!brain || !brain->program) return std::nullopt;
    return process_turn{*brain->program, brain->goal, r->trigger_body};
}

const agent_state* live_host::impl::find_agent(std::string_view id) const {
    for (const agent_state& a : engine.state().agents)
        if (a.snapshot->id == id) return &a;
    return nullptr;
}

error live_host::impl::no_such_agent(std::string_view id) const {
    constexpr std::size_t named_max = 10;
    std::string known;
    std::size_t active = 0;
    for (const agent_state& a : engine.state().agents) {
        if (a.retired || ++active > named_max) continue;
        known += (known.empty() ? "" : ", ") + a.snapshot->id;
    }
    if (active > named_max) known += ", …";
    return {
        errc::trigger_no_agent,
        "no agent `" + std::string(id) + "` is active" + (known.empty() ? "; none is" : "; active are " + known),
        {},
        "Give its file: `aivp run FILE`; or put the file where the configuration looks for agents, and send SIGHUP.",
        {}};
}

result<snapshot_ptr> live_host::activate(const std::string& path, std::vector<error>& errors, source_texts& texts) {
    AIVP_CHECK(impl_->ready());
    workspace space(zones_of_system());
    for (const std::string& from : impl_->options.config.skill_files) space.load_skills(from);
    const snapshot_ptr agent = space.load_agent(path);
    texts.add(space.texts());
    errors.insert(errors.end(), space.errors().begin(), space.errors().end());
    if (!agent) return fail(errc::config_value, "the agent file is not in order", {path, 0, 0});
    AIVP_CHECK(impl_->activate_if_new(agent, space.texts()));
    return agent;
}

std::size_t live_host::reload() { return impl_->ready() ? impl_->load_all() : 0; }

} // namespace aivp
