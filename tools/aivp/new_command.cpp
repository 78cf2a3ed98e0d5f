#include <filesystem>
#include <fstream>
#include <iostream>

#include "runtime/codec/skill_file.hpp"
#include "tools/aivp/commands.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr std::string_view agent_template = R"(schema_version: v1alpha1
kind: agent
id: @ID@
name: @ID@
timezone: UTC
trigger:
  type: schedule
  every_minutes: 60
goal: |
  Say in one sentence what this agent is for, and what a good result looks like.
system: You work carefully and use only the skills that you are offered.
model:
  name: scripted
skill_bindings:
  - as: look_up
    use: @ID@.look_up
limits:
  model_turns: 10
  skill_calls: 20
  budget_usd: "0.50"
  run_timeout: 10m
)";

constexpr std::string_view skill_template = R"(---
schema_version: skill.v1
id: @ID@
version: 1.0.0
summary: Say in one line what this skill does; a model reads it.
effect: read
idempotent: true
timeout: 30s
risk:
  level: low
inputs:
  type: object
  additionalProperties: false
  required: [query]
  properties:
    query:
      type: string
      minLength: 1
outputs:
  type: object
---
Guidance for whoever plans with this skill: when to use it, and when not.
Nothing in this text enforces anything; the front matter does.
)";

constexpr std::string_view fixture_template = R"(schema_version: fixture.v1
skills:
  - skills
answers:
  - skill: @ID@.look_up
    result: {found: 2}
model:
  rules:
    - when: {turn: 1}
      respond:
        calls:
          - {name: look_up, args: {query: everything}}
  default:
    content: I looked, and found 2.
)";

constexpr std::string_view scenario_template = R"(schema_version: scenario.v1
name: @ID@ answers what it looked up
skills:
  - skills
agents:
  - @ID@.yaml
duration: 1h
answers:
  - skill: @ID@.look_up
    result: {found: 2}
model:
  rules:
    - when: {turn: 1}
      respond:
        calls:
          - {name: look_up, args: {query: everything}}
  default:
    content: I looked, and found 2.
triggers:
  - start: @ID@
expect:
  runs: {total: {at_least: 1}, failure: 0}
  calls:
    - {call: look_up, outcome: ok, at_least: 1}
)";

std::string filled(std::string_view text, const std::string& id) {
    std::string out(text);
    for (std::size_t at = out.find("@ID@"); at != std::string::npos; at = out.find("@ID@", at)) out.replace(at, 4, id);
    return out;
}

struct new_file {
    std::string path;
    std::string text;
};

int write_all(const std::vector<new_file>& files) {
    for (const new_file& f : files)
        if (std::filesystem::exists(f.path))
            return report_error({errc::io_exists, f.path + " exists already", {}, {}, {}});
    for (const new_file& f : files) {
        std::error_code ec;
        const auto folder = std::filesystem::path(f.path).parent_path();
        if (!folder.empty()) std::filesystem::create_directories(folder, ec);
        std::ofstream out(f.path);
        if (!(out << f.text)) return report_error({errc::io_write, "cannot write " + f.path, {}, {}, {}});
        std::cout << "wrote " << f.path << "\n";
    }
    return exit_ok;
}

int make_new(const arguments& a) {
    const std::string what = a.positional[0], id = a.positional[1];
    if (!is_skill_id(id))
        return usage_error("`" + id + "` is no id", "use lower-case letters, digits, `_`, `-` and `.`");
    const std::string folder = a.has("folder") ? a.text("folder") + "/" : "";
    const new_file skill{folder + "skills/" + id + ".look_up.SKILL.md", filled(skill_template, id + ".look_up")};
    if (what == "agent") {
        const int code = write_all({{folder + id + ".yaml", filled(agent_template, id)},
                                    skill,
                                    {folder + "fixture.yaml", filled(fixture_template, id)}});
        if (code == exit_ok)
            std::cout << "next: aivp run --dry-run " << folder << id << ".yaml --fixtures "
                      << (folder.empty() ? "." : a.text("folder")) << "\n";
        return code;
    }
    if (what == "skill") {
        const std::string path = folder + id + ".SKILL.md";
        const int code = write_all({{path, filled(skill_template, id)}});
        if (code == exit_ok) std::cout << "next: aivp validate " << path << "\n";
        return code;
    }
    if (what == "scenario") {
        std::vector<new_file> files{{folder + id + ".scenario.yaml", filled(scenario_template, id)}};
        if (!std::filesystem::exists(folder + id + ".yaml"))
            files.push_back({folder + id + ".yaml", filled(agent_template, id)});
        if (!std::filesystem::exists(skill.path)) files.push_back(skill);
        const int code = write_all(files);
        if (code == exit_ok) std::cout << "next: aivp-sim run " << folder << id << ".scenario.yaml --seeds 20\n";
        return code;
    }
    return usage_error("`new` does not know `" + what + "`", "it makes an agent, a skill or a scenario");
}

} // namespace

command_spec new_command_spec() {
    return {
        "new",
        "new agent|skill|scenario ID [--folder FOLDER]",
        "Writes a complete example to start from; never overwrites.",
        {"aivp new agent my-helper", "aivp new skill tickets.search --folder skills", "aivp new scenario my-helper"},
        {{"folder", "FOLDER", "", "where to write; else here"}},
        2,
        2,
        make_new};
}

} // namespace aivp::tools
