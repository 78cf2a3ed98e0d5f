// Loads skills and agents from files and collects everything that is wrong with them: what a command needs between its
// arguments and the engine.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/agent/compile.hpp"
#include "aivp/skill/registry.hpp"
#include "runtime/codec/diagnostics.hpp"

namespace aivp {

/// The rules of a time zone by its IANA name. Errors: config.zone.
using zone_loader = std::function<result<zone_rules>(std::string_view name)>;

/// Knows UTC only.
result<zone_rules> load_utc_only(std::string_view name);

/// From the text of an agent file to its snapshot, without touching a file. Appends all errors; null when there was one.
snapshot_ptr load_agent_text(std::string_view text, const std::string& file, const skill_registry& registry,
                             const zone_loader& zones, std::vector<error>& errors);

/// Not for use from several threads at once.
class workspace {
public:
    explicit workspace(zone_loader zones = load_utc_only) : zones_(std::move(zones)) {}

    /// A folder (every SKILL.md, *.SKILL.md, *.skill.yaml, *.skill.yml and *.skill.json below it), one such file, or a
    /// skill pool (a file with `schema_version: skill_pool.v1`; its imports must lie below its own folder). Returns whether
    /// all of it is sound; what is sound is registered in any case.
    bool load_skills(const std::string& path);
    /// Null when there is an error.
    snapshot_ptr load_agent(const std::string& path);

    const skill_registry& skills() const { return skills_; }
    /// The Markdown of a SKILL.md; empty when there is none.
    std::string_view guidance(const skill_contract& skill) const;

    /// Of everything loaded so far, in the order in which it was found.
    const std::vector<error>& errors() const { return errors_; }
    const source_texts& texts() const { return texts_; }
    /// All errors with their lines and carets; empty when there is none.
    std::string report() const { return render(errors_, texts_); }

private:
    using skill_list = std::vector<skill_ptr>;

    bool read_text(const std::string& path, std::string& text);
    void collect_skills(const std::string& path, bool in_pool, skill_list& found);
    void collect_skill_file(const std::string& path, bool in_pool, skill_list& found);
    void collect_pool(const std::string& path, std::string_view text, skill_list& found);

    zone_loader zones_;
    skill_registry skills_;
    std::map<std::pair<std::string, std::string>, std::string> guidance_; ///< by id and version
    std::vector<error> errors_;
    source_texts texts_;
};

} // namespace aivp
