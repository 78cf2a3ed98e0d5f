// Any text either is refused with errors that have places, or becomes a snapshot whose hashes do not depend on how often it
// was read. Compiling needs skills: a handful are made here, with every kind of schema that references are checked against.
#include "runtime/codec/workspace.hpp"

#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/skill_file.hpp"

namespace {

aivp::skill_registry make_fuzz_skills() {
    aivp::skill_registry registry;
    const char* skills[] = {
        "schema_version: skill.v1\nid: kv.get\nversion: 1.0.0\nsummary: s\neffect: read\n"
        "inputs: {type: object, required: [key], properties: {key: {type: string, pattern: \"^[a-z]+$\"}}}\n"
        "outputs: {type: object, properties: {found: {type: boolean}, value: {}, list: {type: array, items: {type: "
        "object, properties: {id: {type: string}}}}}}\n",
        "schema_version: skill.v1\nid: kv.set\nversion: 1.2.0\nsummary: s\n"
        "inputs: {type: object, properties: {key: {$ref: \"#/$defs/k\"}, value: {anyOf: [{type: string}, {type: array, "
        "items: {type: integer}}]}}, $defs: {k: {type: string}}}\n"
        "outputs: {allOf: [{properties: {a: {$ref: \"#\"}}}, {properties: {b: {type: number}}}]}\n",
        "schema_version: skill.v1\nid: none\nversion: 0.1.0-rc.1\nsummary: s\ninputs: {}\n",
    };
    for (const char* text : skills) {
        std::vector<aivp::error> errors;
        auto skill = aivp::parse_skill(text, "s.skill.yaml", errors);
        fuzz::require(skill && registry.add(skill->contract), "the skills are sound");
    }
    return registry;
}

void check_agent(std::string_view text, const std::string& file) {
    static const aivp::skill_registry registry = make_fuzz_skills();
    std::vector<aivp::error> errors;
    const auto first = aivp::load_agent_text(text, file, registry, aivp::load_utc_only, errors);
    fuzz::require((first == nullptr) == !errors.empty(), "either a snapshot or errors");
    aivp::source_texts texts;
    texts.add(file, std::string(text));
    for (const aivp::error& e : errors) {
        fuzz::require(e.where.file == file, "an error names the file");
        fuzz::require(!aivp::render(e, texts).empty(), "an error can be shown");
    }
    if (!first) return;
    const auto again = aivp::load_agent_text(text, file, registry, aivp::load_utc_only, errors);
    fuzz::require(again && again->hashes == first->hashes && again->tools == first->tools,
                  "reading again gives the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    check_agent(fuzz::as_text(data + 1, size - 1), data[0] == 'J' ? "a.json" : "a.yaml");
    return 0;
}
