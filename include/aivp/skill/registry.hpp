// The pool of skills that agents can bind, each under its id and version.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/skill/contract.hpp"

namespace aivp {

/// A version by the rules of semver.org 2.0.0. Build metadata ("+x") takes no part in the order.
struct semantic_version {
    std::uint64_t major = 0;
    std::uint64_t minor = 0;
    std::uint64_t patch = 0;
    std::string prerelease; ///< "rc.1"; empty for a release, which comes after all its prereleases

    friend std::strong_ordering operator<=>(const semantic_version& a, const semantic_version& b);
    friend bool operator==(const semantic_version& a, const semantic_version& b) { return (a <=> b) == 0; }
};

/// "1.2.0", "1.2.0-rc.1+build.7". Errors: config.value.
result<semantic_version> parse_semantic_version(std::string_view text);

/// What resolve() reads: "mail.send", "mail.send@1", "mail.send@1.2", "mail.send@1.2.0".
struct skill_reference {
    std::string_view id;
    std::string_view version; ///< empty = any
};
skill_reference split_skill_reference(std::string_view use);

/// A value: copying one copies pointers. Not for concurrent writing.
class skill_registry {
public:
    /// Adding the same content again changes nothing. `skill` is not null. Errors: skill.duplicate (same id and version,
    /// other hash), config.value (its version is no semantic version).
    result<void> add(skill_ptr skill);

    /// "id" = the highest enabled version, "id@1.2.0" = exactly that one, "id@1" and "id@1.2" = the highest enabled one
    /// that begins so. Errors: skill.unknown (its help names what is near), skill.disabled, config.value.
    result<skill_ptr> resolve(std::string_view use) const;

    /// Ascending, each once.
    std::vector<std::string> ids() const;
    /// Ascending by id, then by version.
    std::vector<skill_ptr> all() const;
    /// The id nearest to `name`; empty when none is near.
    std::string nearest(std::string_view name) const;
    bool empty() const { return entries_.empty(); }

private:
    struct entry {
        semantic_version version;
        skill_ptr skill;
    };
    std::vector<entry> entries_; ///< ascending by id, then by version
};

} // namespace aivp
