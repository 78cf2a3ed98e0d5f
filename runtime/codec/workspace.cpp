#include "runtime/codec/workspace.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/codec/agent_file.hpp"
#include "runtime/codec/files.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/yaml.hpp"

namespace aivp {

namespace {

bool is_skill_file_name(std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/') + 1);
    if (name == "SKILL.md") return true;
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{".SKILL.md", ".skill.yaml", ".skill.yml", ".skill.json"},
        [&](std::string_view end) { return name.ends_with(end); });
}

bool is_pool_text(std::string_view text, const std::string& path) {
    if (path.ends_with(".md") || text.find("skill_pool.") == std::string_view::npos) return false;
    std::vector<error> ignored;
    const auto document = read_document(text, path, ignored);
    const yaml_member* version = document ? document->root.find("schema_version") : nullptr;
    return version != nullptr && version->value.text.starts_with("skill_pool.");
}

} // namespace

result<zone_rules> load_utc_only(std::string_view name) {
    if (name == "UTC") return zone_rules::utc();
    return fail(errc::config_zone, "time zone `" + std::string(name) + "` is not known", {}, "Only UTC is known here.");
}

snapshot_ptr load_agent_text(std::string_view text, const std::string& file, const skill_registry& registry,
                             const zone_loader& zones, std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    snapshot_ptr snapshot;
    if (const auto definition = parse_agent(text, file, errors)) {
        auto zone = definition->zone.text == "UTC" ? zone_rules::utc() : zones(definition->zone.text);
        if (!zone) {
            zone.error().where = definition->zone.where;
            errors.push_back(std::move(zone).error());
            // The rest is checked in UTC, so that the zone's error does not hide the others.
            zone = zone_rules::utc();
        }
        if (auto compiled = compile_agent(*definition, registry, *zone, errors)) snapshot = std::move(*compiled);
    }
    sort_by_place(std::span(errors).subspan(errors_before));
    return errors.size() == errors_before ? snapshot : nullptr;
}

bool workspace::read_text(const std::string& path, std::string& text) {
    auto read = read_file(path, yaml_bytes_max);
    if (!read) {
        errors_.push_back(std::move(read).error());
        return false;
    }
    text = std::move(*read);
    texts_.add(path, text);
    return true;
}

bool workspace::load_skills(const std::string& path) {
    const std::size_t errors_before = errors_.size();
    skill_list found;
    collect_skills(path, false, found);
    for (skill_ptr& skill : found)
        if (auto added = skills_.add(std::move(skill)); !added) errors_.push_back(std::move(added).error());
    return errors_.size() == errors_before;
}

void workspace::collect_skills(const std::string& path, bool in_pool, skill_list& found) {
    if (!is_folder(path)) return collect_skill_file(path, in_pool, found);
    const auto files = list_files(path);
    if (!files) {
        errors_.push_back(files.error());
        return;
    }
    bool any = false;
    for (const std::string& file : *files) {
        if (!is_skill_file_name(file)) continue;
        any = true;
        collect_skill_file(file, in_pool, found);
    }
    if (!any)
        errors_.push_back({errc::io_not_found,
                           "the folder `" + path + "` holds no skill file",
                           {path, 0, 0},
                           "Skill files are called SKILL.md, *.SKILL.md, *.skill.yaml or *.skill.json.",
                           {}});
}

void workspace::collect_skill_file(const std::string& path, bool in_pool, skill_list& found) {
    std::string text;
    if (!read_text(path, text)) return;
    if (is_pool_text(text, path)) {
        if (in_pool)
            errors_.push_back({errc::config_not_supported,
                               "a pool cannot import a pool",
                               {path, 0, 0},
                               "Import the skills themselves.",
                               {}});
        else
            collect_pool(path, text, found);
        return;
    }
    auto skill = parse_skill(text, path, errors_);
    if (!skill) return;
    guidance_[{skill->contract->id, skill->contract->version}] = std::move(skill->guidance);
    found.push_back(std::move(skill->contract));
}

void workspace::collect_pool(const std::string& path, std::string_view text, skill_list& found) {
    const auto pool = parse_skill_pool(text, path, errors_);
    if (!pool) return;
    skill_list imported;
    for (const pool_import& import : pool->imports) {
        auto below = path_below(folder_of(path), import.path.text);
        if (!below) {
            below.error().where = import.path.where;
            errors_.push_back(std::move(below).error());
        } else {
            collect_skills(*below, true, imported);
        }
    }
    for (const pool_entry& entry : pool->entries) {
        bool any = false;
        for (skill_ptr& skill : imported) {
            if (skill->id != entry.id.text || (entry.version && skill->version != entry.version->text)) continue;
            any = true;
            if (entry.enabled) continue;
            skill_contract disabled = *skill;
            disabled.enabled = false;
            skill = std::make_shared<const skill_contract>(std::move(disabled));
        }
        if (!any)
            errors_.push_back({errc::config_reference,
                               "no import brings the skill `" + entry.id.text +
                                   (entry.version ? "@" + entry.version->text : "") + "`",
                               entry.id.where,
                               {},
                               {}});
    }
    std::ranges::move(imported, std::back_inserter(found));
}

snapshot_ptr workspace::load_agent(const std::string& path) {
    std::string text;
    if (!read_text(path, text)) return nullptr;
    return load_agent_text(text, path, skills_, zones_, errors_);
}

std::string_view workspace::guidance(const skill_contract& skill) const {
    const auto found = guidance_.find({skill.id, skill.version});
    return found == guidance_.end() ? std::string_view() : found->second;
}

} // namespace aivp
