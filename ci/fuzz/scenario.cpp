// Scenario and fixture files, without the files that they name.
#include "sim/scenario.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/diagnostics.hpp"

namespace {

void check_file(std::string_view text, bool fixture) {
    const std::string file = "s.yaml";
    std::vector<aivp::error> errors;
    const auto parse = fixture ? aivp::sim::parse_fixture : aivp::sim::parse_scenario;
    const auto first = parse(text, file, errors);
    fuzz::require((first == nullptr) == !errors.empty(), "either a scenario or errors");
    aivp::source_texts texts;
    texts.add(file, std::string(text));
    for (const aivp::error& e : errors) {
        fuzz::require(e.where.file == file, "an error names the file");
        fuzz::require(!aivp::render(e, texts).empty(), "an error can be shown");
    }
    if (!first) return;
    for (const aivp::sim::planned_trigger& t : first->triggers)
        fuzz::require(t.after.us >= 0 && (!t.every || t.every->us > 0), "time runs forwards");
    const auto again = parse(text, file, errors);
    fuzz::require(again && again->name == first->name && again->model == first->model && again->world == first->world &&
                      again->expectations.size() == first->expectations.size(),
                  "reading again gives the same");
    // Nothing starts without an agent, but the world is built and seeded.
    auto world = aivp::sim::simulation::create(aivp::sim::make_setup(*first, 1));
    fuzz::require(world.has_value(), "a world that was accepted can be built");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    check_file(fuzz::as_text(data + 1, size - 1), data[0] == 'F');
    return 0;
}
