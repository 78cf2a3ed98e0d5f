// Skill files: SKILL.md (front matter and guidance), *.skill.yaml with the same keys, and AOS's SkillMetadata as JSON.
// docs/skill-guide.md is the page for those who write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/skill/contract.hpp"
#include "runtime/codec/yaml.hpp"

namespace aivp {

struct skill_file {
    skill_ptr contract;
    std::string guidance; ///< the Markdown below the front matter: for planning, never for enforcement
};

/// The form follows from the name of the file: "*.md" has front matter, "*.json" is SkillMetadata or the front matter's
/// keys as JSON, everything else is YAML. Appends all errors; nullopt when there was one. Errors: skill.front_matter,
/// yaml.*, json.*, config.*, schema.*.
std::optional<skill_file> parse_skill(std::string_view text, const std::string& file, std::vector<error>& errors);

/// One line of a pool: where skills come from.
struct pool_import {
    located_text path; ///< file or folder, relative to the pool's file
};
/// One line of a pool: a skill that must be there, and whether it may be used.
struct pool_entry {
    located_text id;
    std::optional<located_text> version;
    bool enabled = true;
};
struct skill_pool {
    std::vector<pool_import> imports;
    std::vector<pool_entry> entries;
};

/// `schema_version: skill_pool.v1`. Errors: yaml.*, config.*.
std::optional<skill_pool> parse_skill_pool(std::string_view text, const std::string& file, std::vector<error>& errors);

/// Pointers of all parts that a schema marks with "x-secret": true or "writeOnly": true; `*` stands for every item or for
/// every member. Sorted. References within the schema are followed.
std::vector<std::string> secret_pointers(const payload& schema);

/// Lower-case letters, digits, `_`, `-` and `.`, at most 128, beginning and ending with a letter or digit.
bool is_skill_id(std::string_view text);

} // namespace aivp
