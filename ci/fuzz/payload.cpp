// Any text either is refused or has one canonical form, which is its own canonical form.
#include "aivp/base/payload.hpp"
#include "ci/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto once = aivp::payload::parse(fuzz::as_text(data, size));
    if (!once) return 0;
    const auto twice = aivp::payload::parse(once->text());
    fuzz::require(twice.has_value(), "a canonical text parses");
    fuzz::require(twice->text() == once->text(), "a canonical text is its own canonical form");
    fuzz::require(twice->hash() == once->hash(), "equal texts have equal hashes");
    fuzz::require(aivp::differences(*once, *twice, 1).empty(), "equal values do not differ");
    for (const auto& [key, value] : aivp::members(*once)) {
        const auto found = aivp::member(*once, key);
        fuzz::require(found && *found == value, "every member is found by its key");
    }
    if (once->is_object()) {
        fuzz::require(aivp::merged(*once, *once) == *once, "merging a value with itself changes nothing");
    }
    return 0;
}
