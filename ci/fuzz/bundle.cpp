// Any text either is refused as a bundle or is one to the byte; what compiles has the hash that the bundle names, and comes
// back from a bundle of its own. Since hardly any garbage carries the right hash, other inputs are taken as the sources that
// a bundle is made of: skills and at last an agent, separated by the byte FF.
#include "runtime/codec/bundle.hpp"

#include "aivp/skill/registry.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/skill_file.hpp"
#include "runtime/codec/workspace.hpp"

namespace {

void check_bundle(std::string_view text) {
    const auto bundle = aivp::parse_bundle(text);
    if (!bundle) return fuzz::require(!bundle.error().message.empty(), "a refusal says why");
    fuzz::require(aivp::to_payload(*bundle).text() == text, "a bundle is written as it was read");
    std::vector<aivp::error> errors;
    const auto snapshot = aivp::compile_bundle(*bundle, errors);
    fuzz::require(snapshot.has_value() == errors.empty(), "either a snapshot or errors");
    fuzz::require(aivp::render(errors, aivp::texts_of(*bundle)).empty() == errors.empty(), "errors can be shown");
    if (!snapshot) return;
    fuzz::require((*snapshot)->hashes.whole == bundle->whole, "the snapshot is the one that was bundled");
    const auto again = aivp::make_bundle(**snapshot, aivp::texts_of(*bundle));
    fuzz::require(again && again->whole == bundle->whole && again->skills.size() <= bundle->skills.size(),
                  "what was compiled can be bundled again");
}

void check_sources(std::string_view text) {
    aivp::skill_registry registry;
    aivp::source_texts texts;
    std::vector<aivp::error> errors;
    for (int i = 0; i < 8 && text.find('\xFF') != std::string_view::npos; ++i) {
        const std::string_view part = text.substr(0, text.find('\xFF'));
        text.remove_prefix(part.size() + 1);
        const std::string file = std::to_string(i) + (part.starts_with("---\n") ? "/SKILL.md" : ".skill.yaml");
        auto skill = aivp::parse_skill(part, file, errors);
        if (!skill || !registry.add(std::move(skill->contract))) continue;
        texts.add(file, std::string(part));
    }
    errors.clear();
    const auto snapshot = aivp::load_agent_text(text, "a.yaml", registry, aivp::load_utc_only, errors);
    if (!snapshot) return;
    texts.add("a.yaml", std::string(text));
    const auto bundle = aivp::make_bundle(*snapshot, texts);
    fuzz::require(bundle.has_value(), "a snapshot can be bundled");
    const auto again = aivp::compile_bundle(*bundle, errors);
    fuzz::require(again && (*again)->hashes == snapshot->hashes && (*again)->tools == snapshot->tools,
                  "a bundle compiles to what it was made of");
    check_bundle(aivp::to_payload(*bundle).text());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    if (text.starts_with('{'))
        check_bundle(text);
    else
        check_sources(text);
    return 0;
}
