#include <algorithm>
#include <iostream>
#include <map>
#include <set>

#include "aivp/tape/files.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/workspace.hpp"
#include "runtime/codec/yaml.hpp"
#include "sim/scenario.hpp"
#include "tools/aivp/commands.hpp"
#include "tools/common/output.hpp"
#include "tools/common/zones.hpp"

namespace aivp::tools {

namespace {

enum class file_kind { agent, skill, scenario, fixture, tape, unknown };

/// What stands at the top level behind `schema_version`, also when the rest is broken; "" when nothing does.
std::string version_of(const std::string& path, std::string_view text) {
    std::vector<error> errors;
    if (const auto document = read_document(text, path, errors)) {
        const yaml_member* version = document->root.is_mapping() ? document->root.find("schema_version") : nullptr;
        return version && version->value.is_scalar() ? version->value.text : "";
    }
    constexpr std::string_view key = "schema_version:";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.starts_with(key)) continue;
        line.remove_prefix(std::min(line.find_first_not_of(" \"'", key.size()), line.size()));
        return std::string(line.substr(0, line.find_first_of(" \"'#\r")));
    }
    return "";
}

/// By name first, then by what the file says about itself.
file_kind kind_of(const std::string& path) {
    if (path.ends_with("SKILL.md") || path.ends_with(".skill.yaml") || path.ends_with(".skill.yml") ||
        path.ends_with(".skill.json"))
        return file_kind::skill;
    if (is_folder(path)) return file_kind::tape;
    if (path.ends_with(".schema.json")) return file_kind::unknown;
    if (!path.ends_with(".yaml") && !path.ends_with(".yml") && !path.ends_with(".json")) return file_kind::unknown;
    const auto text = read_file(path, yaml_bytes_max);
    if (!text) return file_kind::agent;
    const std::string version = version_of(path, *text);
    if (version.starts_with("scenario.")) return file_kind::scenario;
    if (version.starts_with("fixture.") || path.ends_with("/fixture.yaml")) return file_kind::fixture;
    if (version.starts_with("skill_pool.") || version.starts_with("skill.")) return file_kind::skill;
    return file_kind::agent;
}

/// The folder of the tape that holds the file; "" when none does.
std::string tape_around(const std::string& file) {
    const std::size_t at = file.find(".tape/");
    return at == std::string::npos ? "" : file.substr(0, at + 5);
}

/// Files and tapes at and below the paths. Below a folder, what is nothing that can be checked is passed over.
std::set<std::string> files_of(const std::vector<std::string>& paths, std::vector<error>& errors) {
    std::set<std::string> out;
    for (std::string path : paths) {
        if (!is_folder(path)) {
            if (auto text = read_file(path, yaml_bytes_max); !text)
                errors.push_back(std::move(text).error());
            else if (kind_of(path) == file_kind::unknown)
                errors.push_back({errc::config_value,
                                  "is no agent, skill, scenario, fixture or tape",
                                  {path, 0, 0},
                                  "name a .yaml, .yml, .json or SKILL.md file, or the folder of a tape",
                                  {}});
            else
                out.insert(std::move(path));
            continue;
        }
        while (path.size() > 1 && path.ends_with('/')) path.pop_back();
        if (path.ends_with(".tape")) {
            out.insert(std::move(path));
            continue;
        }
        auto found = list_files(path);
        if (!found) {
            errors.push_back(std::move(found).error());
            continue;
        }
        for (std::string& f : *found) {
            std::string tape = tape_around(f.substr(path.size()));
            if (!tape.empty())
                out.insert(path + tape);
            else if (kind_of(f) != file_kind::unknown)
                out.insert(std::move(f));
        }
    }
    return out;
}

/// How many sound ones of each kind there are.
struct sound_files {
    std::uint64_t agents = 0;
    std::uint64_t skills = 0;
    std::uint64_t scenarios = 0;
    std::uint64_t fixtures = 0;
    std::uint64_t tapes = 0;
    std::uint64_t all() const { return agents + skills + scenarios + fixtures + tapes; }
};

bool check_tape(const std::string& folder, std::vector<error>& errors) {
    const auto recorded = read_tape(folder);
    if (!recorded) {
        errors.push_back(recorded.error());
        return false;
    }
    errors.insert(errors.end(), recorded->problems.begin(), recorded->problems.end());
    return recorded->problems.empty();
}

sound_files check_files(const std::set<std::string>& files, workspace& space, std::vector<error>& errors,
                        source_texts& texts) {
    sound_files sound;
    std::map<std::string, file_kind> kinds;
    for (const std::string& f : files) kinds.emplace(f, kind_of(f));
    for (const auto& [f, kind] : kinds)
        if (kind == file_kind::skill) sound.skills += space.load_skills(f);
    for (const auto& [f, kind] : kinds) {
        if (kind == file_kind::agent) sound.agents += space.load_agent(f) != nullptr;
        if (kind == file_kind::scenario)
            sound.scenarios += sim::load_scenario(f, system_zones(), errors, texts) != nullptr;
        if (kind == file_kind::fixture) sound.fixtures += sim::check_fixture(f, system_zones(), errors, texts);
        if (kind == file_kind::tape) sound.tapes += check_tape(f, errors);
    }
    errors.insert(errors.end(), space.errors().begin(), space.errors().end());
    texts.add(space.texts());
    return sound;
}

int validate(const arguments& a) {
    std::vector<error> errors;
    source_texts texts;
    workspace space(system_zones());
    const std::set<std::string> files = files_of(a.positional, errors);
    if (a.has("skills")) space.load_skills(a.text("skills"));
    const sound_files sound = check_files(files, space, errors, texts);
    sort_by_place(errors);
    // Two files that name one broken file would both report it.
    errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
    if (a.has("json")) {
        std::cout << "{\"agents\":" << sound.agents << ",\"errors\":[";
        for (std::size_t i = 0; i < errors.size(); ++i)
            std::cout << (i ? "," : "") << "{\"code\":" << quoted(info(errors[i].code).name)
                      << ",\"column\":" << errors[i].where.column << ",\"file\":" << quoted(errors[i].where.file)
                      << ",\"help\":" << quoted(errors[i].help) << ",\"line\":" << errors[i].where.line
                      << ",\"message\":" << quoted(errors[i].message)
                      << ",\"number\":" << quoted(code_number(errors[i].code)) << "}";
        std::cout << "],\"fixtures\":" << sound.fixtures << ",\"scenarios\":" << sound.scenarios
                  << ",\"skills\":" << sound.skills << ",\"tapes\":" << sound.tapes << ",\"version\":1}\n";
        return errors.empty() ? exit_ok : exit_config;
    }
    std::cerr << render(errors, texts);
    if (!errors.empty()) {
        std::cerr << counted(errors.size(), "error") << "\n";
        return exit_config;
    }
    std::cout << "ok: " << counted(sound.agents, "agent") << ", " << counted(sound.skills, "skill file") << ", "
              << counted(sound.scenarios, "scenario") << ", " << counted(sound.fixtures, "fixture") << ", "
              << counted(sound.tapes, "tape") << "\n";
    return sound.all() == 0 ? exit_nothing : exit_ok;
}

} // namespace

command_spec validate_command_spec() {
    return {"validate",
            "validate PATH… [--skills FOLDER] [--json]",
            "Checks agents, skills, scenarios, fixtures and tapes; shows every error with its place.",
            {"aivp validate fixtures", "aivp validate my-agent.yaml --skills skills"},
            {{"skills", "FOLDER", "", "where the agents' skills are, when they are not among the paths"},
             {"json", "", "", "one JSON document on stdout"}},
            1,
            1000,
            validate};
}

} // namespace aivp::tools
