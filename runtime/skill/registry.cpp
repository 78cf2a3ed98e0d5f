#include "aivp/skill/registry.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "aivp/base/assert.hpp"
#include "aivp/base/nearest.hpp"

namespace aivp {

namespace {

bool is_version_digit(char c) { return c >= '0' && c <= '9'; }

bool is_version_word(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_version_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
    });
}

/// A number without leading zero that fits 64 bits.
std::optional<std::uint64_t> read_version_number(std::string_view text) {
    if (text.empty() || !std::ranges::all_of(text, is_version_digit) || (text.size() > 1 && text[0] == '0')) return {};
    std::uint64_t value = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

/// Cuts the part before the next `separator` off the front of `rest`.
std::string_view take_version_part(std::string_view& rest, char separator) {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

bool are_version_words(std::string_view dotted, bool numbers_are_strict) {
    if (dotted.empty() || dotted.back() == '.') return false;
    while (!dotted.empty()) {
        const std::string_view word = take_version_part(dotted, '.');
        if (!is_version_word(word)) return false;
        if (numbers_are_strict && std::ranges::all_of(word, is_version_digit) && word.size() > 1 && word[0] == '0')
            return false;
    }
    return true;
}

std::strong_ordering compare_version_words(std::string_view a, std::string_view b) {
    const bool a_is_number = std::ranges::all_of(a, is_version_digit);
    const bool b_is_number = std::ranges::all_of(b, is_version_digit);
    if (a_is_number != b_is_number) return a_is_number ? std::strong_ordering::less : std::strong_ordering::greater;
    if (a_is_number && a.size() != b.size()) return a.size() <=> b.size();
    return a <=> b;
}

std::strong_ordering compare_prereleases(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return a.empty() <=> b.empty();
    while (!a.empty() && !b.empty()) {
        const auto order = compare_version_words(take_version_part(a, '.'), take_version_part(b, '.'));
        if (order != 0) return order;
    }
    return b.empty() <=> a.empty();
}

} // namespace

std::strong_ordering operator<=>(const semantic_version& a, const semantic_version& b) {
    if (const auto order = a.major <=> b.major; order != 0) return order;
    if (const auto order = a.minor <=> b.minor; order != 0) return order;
    if (const auto order = a.patch <=> b.patch; order != 0) return order;
    return compare_prereleases(a.prerelease, b.prerelease);
}

result<semantic_version> parse_semantic_version(std::string_view text) {
    const auto refuse = [&] {
        return fail(errc::config_value, "\"" + std::string(text.substr(0, 64)) + "\" is not a semantic version", {},
                    "Write three numbers such as 1.2.0.");
    };
    std::string_view core = text;
    const std::size_t plus = text.find('+');
    if (plus != std::string_view::npos) {
        if (!are_version_words(text.substr(plus + 1), false)) return refuse();
        core = text.substr(0, plus);
    }
    semantic_version version;
    const std::size_t dash = core.find('-');
    if (dash != std::string_view::npos) {
        version.prerelease = core.substr(dash + 1);
        if (!are_version_words(version.prerelease, true)) return refuse();
        core = core.substr(0, dash);
    }
    if (std::ranges::count(core, '.') != 2) return refuse();
    const auto major = read_version_number(take_version_part(core, '.'));
    const auto minor = read_version_number(take_version_part(core, '.'));
    const auto patch = read_version_number(core);
    if (!major || !minor || !patch) return refuse();
    version.major = *major;
    version.minor = *minor;
    version.patch = *patch;
    return version;
}

skill_reference split_skill_reference(std::string_view use) {
    const std::size_t at = use.find('@');
    if (at == std::string_view::npos) return {use, {}};
    return {use.substr(0, at), use.substr(at + 1)};
}

result<void> skill_registry::add(skill_ptr skill) {
    AIVP_ASSERT(skill != nullptr, "a registry holds skills");
    auto version = parse_semantic_version(skill->version);
    if (!version) {
        version.error().where = skill->where;
        return std::unexpected(std::move(version).error());
    }
    const auto comes_before = [](const entry& a, const entry& b) {
        if (a.skill->id != b.skill->id) return a.skill->id < b.skill->id;
        if (const auto order = a.version <=> b.version; order != 0) return order < 0;
        return a.skill->version < b.skill->version;
    };
    entry added{std::move(*version), std::move(skill)};
    const auto place = std::ranges::lower_bound(entries_, added, comes_before);
    if (place != entries_.end() && !comes_before(added, *place)) {
        if (place->skill->hash == added.skill->hash && place->skill->enabled == added.skill->enabled) return {};
        const std::string first = to_string(place->skill->where);
        return fail(errc::skill_duplicate,
                    "skill `" + added.skill->id + "` " + added.skill->version +
                        " is already registered with other content" + (first.empty() ? "" : ", from " + first),
                    added.skill->where, "Raise `version` in one of the two files.");
    }
    entries_.insert(place, std::move(added));
    return {};
}

result<skill_ptr> skill_registry::resolve(std::string_view use) const {
    const auto [id, wanted] = split_skill_reference(use);
    if (use.find('@') != std::string_view::npos && wanted.empty())
        return fail(errc::config_value, "no version follows the @ in `" + std::string(use) + "`", {},
                    "Write mail.send@1.2.0, or no @.");
    const auto fits = [&](const skill_contract& skill) {
        return wanted.empty() || skill.version == wanted ||
               (skill.version.starts_with(wanted) && skill.version[wanted.size()] == '.');
    };
    std::string versions;
    bool disabled = false;
    for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
        if (e->skill->id != id) continue;
        if (fits(*e->skill)) {
            if (e->skill->enabled) return e->skill;
            disabled = true;
        }
        versions += (versions.empty() ? "" : ", ") + e->skill->version;
    }
    if (disabled) return fail(errc::skill_disabled, "skill `" + std::string(use) + "` is switched off");
    if (!versions.empty())
        return fail(errc::skill_unknown, "skill `" + std::string(id) + "` has no version " + std::string(wanted), {},
                    "Its versions: " + versions + ".");
    const std::string near = nearest(id);
    return fail(errc::skill_unknown, "no skill `" + std::string(id) + "` is registered", {},
                near.empty() ? "Add its skill file, or correct the name." : "Did you mean `" + near + "`?");
}

std::vector<std::string> skill_registry::ids() const {
    std::vector<std::string> names;
    for (const entry& e : entries_)
        if (names.empty() || names.back() != e.skill->id) names.push_back(e.skill->id);
    return names;
}

std::vector<skill_ptr> skill_registry::all() const {
    std::vector<skill_ptr> skills;
    for (const entry& e : entries_) skills.push_back(e.skill);
    return skills;
}

std::string skill_registry::nearest(std::string_view name) const { return nearest_name(name, ids()); }

} // namespace aivp
