#include "runtime/codec/bundle.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "aivp/skill/registry.hpp"
#include "runtime/codec/internal/text.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"

namespace aivp {

namespace {

constexpr std::string_view bundle_version = "agent_bundle.v1";

std::unexpected<error> bundle_refused(const std::string& message) {
    return fail(errc::store_snapshot, "the agent bundle cannot be used: " + message, {},
                "Load the agent from its files again.");
}

payload bundle_file_payload(const bundle_file& file) {
    return payload::of_object({{"file", payload::of_string(file.file)}, {"text", payload::of_string(file.text)}});
}

result<std::string> bundle_member(const payload& object, const char* key) {
    const auto value = member(object, key);
    auto text = value ? as_string(*value) : std::nullopt;
    if (!text) return bundle_refused("`" + std::string(key) + "` is no text");
    return std::move(*text);
}

result<bundle_file> parse_bundle_file(const payload& object) {
    AIVP_TRY(std::string file, bundle_member(object, "file"));
    AIVP_TRY(std::string text, bundle_member(object, "text"));
    return bundle_file{std::move(file), std::move(text)};
}

result<void> check_bundle_version(const payload& document) {
    AIVP_TRY(const std::string version, bundle_member(document, "schema_version"));
    if (version == bundle_version) return {};
    if (version.starts_with("agent_bundle.v"))
        return fail(errc::store_newer_schema,
                    "the agent bundle has the version `" + internal::shown(version) + "`, not agent_bundle.v1");
    return bundle_refused("it is no document of the kind agent_bundle.v1");
}

result<agent_bundle> parse_bundle_members(const payload& document) {
    AIVP_CHECK(check_bundle_version(document));
    agent_bundle bundle;
    AIVP_TRY(bundle.agent, parse_bundle_file(member(document, "agent").value_or(payload())));
    const auto skills = items(member(document, "skills").value_or(payload()));
    if (skills.size() > bundle_skills_max) return bundle_refused("it has too many skills");
    for (const payload& skill : skills) {
        AIVP_TRY(bundle_file file, parse_bundle_file(skill));
        if (!bundle.skills.empty() && bundle.skills.back().file >= file.file)
            return bundle_refused("its skills are not in order");
        bundle.skills.push_back(std::move(file));
    }
    AIVP_TRY(const std::string whole, bundle_member(document, "whole"));
    const auto hash = parse_digest(whole);
    if (!hash) return bundle_refused("`whole` is no digest");
    bundle.whole = *hash;
    AIVP_TRY(const std::string rules, bundle_member(document, "zone"));
    auto zone = zone_rules::parse(rules);
    if (!zone) return bundle_refused(zone.error().message);
    bundle.zone = std::move(*zone);
    return bundle;
}

result<bundle_file> bundled(const std::string& file, const source_texts& texts) {
    const auto text = texts.text(file);
    if (!text)
        return fail(errc::io_not_found, "the text of `" + internal::shown(file) + "` is not there", {file, 0, 0});
    if (!internal::is_utf8(file) || !internal::is_utf8(*text))
        return bundle_refused("the name or the text of `" + internal::shown(file) + "` is not valid UTF-8");
    return bundle_file{file, std::string(*text)};
}

} // namespace

result<agent_bundle> make_bundle(const agent_snapshot& snapshot, const source_texts& texts) {
    agent_bundle bundle;
    AIVP_TRY(bundle.agent, bundled(snapshot.file, texts));
    std::map<std::string, bundle_file> skills;
    std::size_t bytes = bundle.agent.text.size();
    for (const skill_binding& binding : snapshot.bindings) {
        const std::string& file = binding.skill->where.file;
        if (skills.contains(file)) continue;
        AIVP_TRY(bundle_file skill, bundled(file, texts));
        bytes += skill.text.size();
        if (bytes > bundle_bytes_max) break;
        skills.emplace(file, std::move(skill));
    }
    for (auto& [file, skill] : skills) bundle.skills.push_back(std::move(skill));
    bundle.zone = snapshot.zone;
    bundle.whole = snapshot.hashes.whole;
    if (bytes > bundle_bytes_max || to_payload(bundle).text().size() > bundle_bytes_max)
        return fail(errc::json_size,
                    "the agent and its skills have more than " + std::to_string(bundle_bytes_max >> 20) + " MiB",
                    {snapshot.file, 0, 0}, "Shorten the skills' guidance, or split the agent.");
    std::vector<error> errors;
    AIVP_CHECK(compile_bundle(bundle, errors));
    return bundle;
}

payload to_payload(const agent_bundle& bundle) {
    std::vector<payload> skills;
    skills.reserve(bundle.skills.size());
    for (const bundle_file& skill : bundle.skills) skills.push_back(bundle_file_payload(skill));
    return payload::of_object({{"agent", bundle_file_payload(bundle.agent)},
                               {"schema_version", payload::of_string(bundle_version)},
                               {"skills", payload::of_array(skills)},
                               {"whole", payload::of_string(to_hex(bundle.whole))},
                               {"zone", payload::of_string(bundle.zone.text())}});
}

result<agent_bundle> parse_bundle(std::string_view text) {
    if (text.size() > bundle_bytes_max) return bundle_refused("it is too large");
    const auto document = payload::parse(text);
    if (!document) return bundle_refused(document.error().message);
    AIVP_TRY(agent_bundle bundle, parse_bundle_members(*document));
    // Members that nobody knows, white space and every other spelling of the same bundle end here.
    if (to_payload(bundle).text() != text) return bundle_refused("it is not in canonical form");
    return bundle;
}

result<snapshot_ptr> compile_bundle(const agent_bundle& bundle, std::vector<error>& errors) {
    const std::size_t errors_before = errors.size();
    skill_registry registry;
    for (const bundle_file& file : bundle.skills) {
        auto skill = parse_skill(file.text, file.file, errors);
        if (!skill) continue;
        if (auto added = registry.add(std::move(skill->contract)); !added) errors.push_back(std::move(added).error());
    }
    snapshot_ptr snapshot;
    if (errors.size() == errors_before)
        snapshot = load_agent_text(
            bundle.agent.text, bundle.agent.file, registry,
            [&](std::string_view) -> result<zone_rules> { return bundle.zone; }, errors);
    if (snapshot && (snapshot->hashes.whole != bundle.whole || snapshot->zone != bundle.zone))
        errors.push_back(
            bundle_refused("its sources give " + to_hex(snapshot->hashes.whole) + ", not " + to_hex(bundle.whole))
                .error());
    if (errors.size() > errors_before) return std::unexpected(errors[errors_before]);
    return snapshot;
}

source_texts texts_of(const agent_bundle& bundle) {
    source_texts texts;
    texts.add(bundle.agent.file, bundle.agent.text);
    for (const bundle_file& skill : bundle.skills) texts.add(skill.file, skill.text);
    return texts;
}

} // namespace aivp
