#include <iostream>

#include "runtime/codec/files.hpp"
#include "runtime/codec/workspace.hpp"
#include "runtime/codec/yaml.hpp"
#include "sim/scenario.hpp"
#include "tools/aivp/commands.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

namespace aivp::tools {

namespace {

enum class file_kind { agent, skill, scenario, other };

/// By name first, then by what the file says about itself.
file_kind kind_of(const std::string& path) {
    if (path.ends_with("SKILL.md") || path.ends_with(".skill.yaml") || path.ends_with(".skill.yml") ||
        path.ends_with(".skill.json"))
        return file_kind::skill;
    if (!path.ends_with(".yaml") && !path.ends_with(".yml") && !path.ends_with(".json")) return file_kind::other;
    const auto text = read_file(path, yaml_bytes_max);
    if (!text) return file_kind::agent;
    const auto says = [&](std::string_view what) { return text->find(what) != std::string::npos; };
    if (says("scenario.v1")) return file_kind::scenario;
    if (says("skill_pool.v1") || says("skill.v1")) return file_kind::skill;
    if (says("fixture.v1")) return file_kind::other;
    return file_kind::agent;
}

std::vector<std::string> files_of(const std::vector<std::string>& paths, std::vector<error>& errors) {
    std::vector<std::string> out;
    for (const std::string& path : paths) {
        if (!is_folder(path)) {
            out.push_back(path);
            continue;
        }
        auto found = list_files(path);
        if (!found)
            errors.push_back(std::move(found).error());
        else
            for (std::string& f : *found)
                if (f.find(".tape/") == std::string::npos) out.push_back(std::move(f));
    }
    return out;
}

int validate(const arguments& a) {
    std::vector<error> errors;
    source_texts texts;
    workspace space(system_zones());
    const std::vector<std::string> files = files_of(a.positional, errors);
    if (a.has("skills")) space.load_skills(a.text("skills"));
    std::uint64_t agents = 0, skills = 0, scenarios = 0;
    for (const std::string& f : files)
        if (kind_of(f) == file_kind::skill) skills += space.load_skills(f);
    for (const std::string& f : files) {
        const file_kind kind = kind_of(f);
        if (kind == file_kind::agent) agents += space.load_agent(f) != nullptr;
        if (kind == file_kind::scenario) scenarios += sim::load_scenario(f, system_zones(), errors, texts) != nullptr;
    }
    errors.insert(errors.end(), space.errors().begin(), space.errors().end());
    texts.add(space.texts());
    sort_by_place(errors);
    if (a.has("json")) {
        std::cout << "{\"agents\":" << agents << ",\"errors\":[";
        for (std::size_t i = 0; i < errors.size(); ++i)
            std::cout << (i ? "," : "") << "{\"code\":" << quoted(info(errors[i].code).name)
                      << ",\"column\":" << errors[i].where.column << ",\"file\":" << quoted(errors[i].where.file)
                      << ",\"help\":" << quoted(errors[i].help) << ",\"line\":" << errors[i].where.line
                      << ",\"message\":" << quoted(errors[i].message)
                      << ",\"number\":" << quoted(code_number(errors[i].code)) << "}";
        std::cout << "],\"scenarios\":" << scenarios << ",\"skills\":" << skills << ",\"version\":1}\n";
        return errors.empty() ? exit_ok : exit_config;
    }
    std::cerr << render(errors, texts);
    if (!errors.empty()) {
        std::cerr << counted(errors.size(), "error") << "\n";
        return exit_config;
    }
    std::cout << "ok: " << counted(agents, "agent") << ", " << counted(skills, "skill file") << ", "
              << counted(scenarios, "scenario") << "\n";
    return agents + skills + scenarios == 0 ? exit_nothing : exit_ok;
}

} // namespace

command_spec validate_command_spec() {
    return {"validate",
            "validate PATH… [--skills FOLDER] [--json]",
            "Checks agent, skill and scenario files; shows every error with its place.",
            {"aivp validate fixtures", "aivp validate my-agent.yaml --skills skills"},
            {{"skills", "FOLDER", "", "where the agents' skills are, when they are not among the paths"},
             {"json", "", "", "one JSON document on stdout"}},
            1,
            1000,
            validate};
}

} // namespace aivp::tools
