// Any text either is refused with errors that have places, or becomes a contract; the first byte says which kind of file it
// is. A tree that was read can always be turned into a payload or says where that fails.
#include "runtime/codec/skill_file.hpp"

#include "aivp/skill/registry.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/diagnostics.hpp"

namespace {

void check_errors(const std::vector<aivp::error>& errors, std::string_view text, const std::string& file) {
    aivp::source_texts texts;
    texts.add(file, std::string(text));
    for (const aivp::error& e : errors) {
        fuzz::require(e.where.file == file, "an error names the file");
        fuzz::require(!aivp::render(e, texts).empty(), "an error can be shown");
    }
}

void check_tree(std::string_view text, const std::string& file) {
    std::vector<aivp::error> errors;
    const auto document = aivp::read_document(text, file, errors);
    fuzz::require(document.has_value() == errors.empty(), "either a document or errors");
    check_errors(errors, text, file);
    if (!document) return;
    const auto value = aivp::to_located_payload(document->root, file);
    if (!value) return fuzz::require(!value.error().message.empty(), "a failure says why");
    const auto json = aivp::parse_json(value->value.text(), "v.json");
    fuzz::require(json.has_value(), "what was read can be written and read as JSON");
    const auto again = aivp::to_payload(json->root, "v.json");
    fuzz::require(again && *again == value->value, "and is the same value");
    for (const aivp::payload_place& place : value->places) {
        fuzz::require(aivp::at_pointer(value->value, place.pointer).has_value(), "every place leads to a value");
        fuzz::require(place.value.line > 0 && place.value.column > 0, "every place has a line and a column");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = fuzz::as_text(data + 1, size - 1);
    const std::string file = data[0] == 'J' ? "s.skill.json" : data[0] == 'M' ? "SKILL.md" : "s.skill.yaml";
    std::vector<aivp::error> errors;
    const auto skill = aivp::parse_skill(text, file, errors);
    fuzz::require(skill.has_value() == errors.empty(), "either a skill or errors");
    check_errors(errors, text, file);
    if (skill)
        fuzz::require(aivp::skill_registry().add(skill->contract).has_value(), "a sound skill can be registered");
    errors.clear();
    (void)aivp::parse_skill_pool(text, "pool.yaml", errors);
    check_errors(errors, text, "pool.yaml");
    check_tree(text, data[0] == 'J' ? "t.json" : "t.yaml");
    return 0;
}
