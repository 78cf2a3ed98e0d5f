#include <filesystem>
#include <fstream>
#include <iostream>

#include "runtime/codec/skill_file.hpp"
#include "tools/aivp/commands.hpp"
#include "tools/aivp/schemas.hpp"
#include "tools/common/output.hpp"

namespace aivp::tools {

namespace {

constexpr std::string_view agent_template = R"(# yaml-language-server: $schema=@SCHEMA@
schema_version: v1alpha1
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
# yaml-language-server: $schema=@SCHEMA@
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

constexpr std::string_view scenario_template = R"(# yaml-language-server: $schema=@SCHEMA@
schema_version: scenario.v1
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

struct new_file {
    std::string path;
    std::string text;
};

std::string filled(std::string_view text, std::string_view mark, const std::string& value) {
    std::string out(text);
    for (std::size_t at = out.find(mark); at != std::string::npos; at = out.find(mark, at + value.size()))
        out.replace(at, mark.size(), value);
    return out;
}

/// Files to write: what was asked for, and the schemas that editors check it with.
class new_files {
public:
    /// `folder` is empty or ends with a slash.
    explicit new_files(std::string folder) : folder_(std::move(folder)) {}

    void add(const std::string& path, std::string_view text, const std::string& id) {
        files_.push_back({folder_ + path, filled(text, "@ID@", id)});
    }
    /// With a first line that names its schema, which is written too unless it is there or one folder up.
    void add(const std::string& path, std::string_view text, const std::string& id, std::string_view schema) {
        const std::string file = "schemas/" + std::string(schema) + ".schema.json";
        const bool here = std::filesystem::exists(folder_ + file);
        const bool above = !here && std::filesystem::exists(folder_ + "../" + file);
        const std::string up = path.find('/') == std::string::npos ? "" : "../";
        add(path, filled(text, "@SCHEMA@", up + (above ? "../" : "") + file), id);
        if (here || above) return;
        for (const published_schema& s : published_schemas())
            if (s.name == schema) files_.push_back({folder_ + file, std::string(s.text)});
    }
    const std::vector<new_file>& files() const { return files_; }

private:
    std::string folder_;
    std::vector<new_file> files_;
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
    const std::string skill = "skills/" + id + ".look_up.SKILL.md";
    new_files out(folder);
    std::string next;
    if (what == "agent") {
        out.add(id + ".yaml", agent_template, id, "agent");
        out.add(skill, skill_template, id + ".look_up", "skill");
        out.add("fixture.yaml", fixture_template, id);
        next = "aivp run --dry-run " + folder + id + ".yaml --fixtures " + (folder.empty() ? "." : a.text("folder"));
    } else if (what == "skill") {
        out.add(id + ".SKILL.md", skill_template, id, "skill");
        next = "aivp validate " + folder + id + ".SKILL.md";
    } else if (what == "scenario") {
        out.add(id + ".scenario.yaml", scenario_template, id, "scenario");
        if (!std::filesystem::exists(folder + id + ".yaml")) out.add(id + ".yaml", agent_template, id, "agent");
        if (!std::filesystem::exists(folder + skill)) out.add(skill, skill_template, id + ".look_up", "skill");
        next = "aivp-sim run " + folder + id + ".scenario.yaml --seeds 20";
    } else {
        return usage_error("`new` does not know `" + what + "`", "it makes an agent, a skill or a scenario");
    }
    const int code = write_all(out.files());
    if (code == exit_ok) std::cout << "next: " << next << "\n";
    return code;
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
