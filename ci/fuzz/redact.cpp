// Whatever the text, no known secret survives scrubbing, and scrubbing again changes nothing.
#include "aivp/skill/redact.hpp"

#include <string>
#include <vector>

#include "ci/fuzz/fuzz.hpp"

namespace {

const aivp::known_secrets& secrets() {
    static const aivp::known_secrets known = [] {
        aivp::known_secrets made;
        fuzz::require(made.add("a", "k3y\"\\ %&"), "a value is taken");
        fuzz::require(made.add("b", "aaaaaa"), "a value is taken");
        fuzz::require(made.add("c", "ü\n+/=😀"), "a value is taken");
        return made;
    }();
    return known;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    const std::string once = secrets().scrub_text(text);
    fuzz::require(secrets().find_in(once).empty(), "nothing survives");
    fuzz::require(secrets().scrub_text(once) == once, "scrubbing is idempotent");
    fuzz::require(secrets().find_in(text).empty() == (once == text), "what is found is replaced");

    const auto document = aivp::payload::parse(text);
    if (!document) return 0;
    const aivp::payload clean = secrets().scrub(*document);
    const auto parsed = aivp::payload::parse(clean.text());
    fuzz::require(parsed && parsed->text() == clean.text(), "a scrubbed payload is canonical");
    fuzz::require(secrets().scrub(clean).same_as(clean), "scrubbing a payload is idempotent");
    const std::vector<std::string> pointers{"/a", "/*/b", "/0/*"};
    const aivp::payload redacted = aivp::redact(*document, pointers, "k");
    fuzz::require(aivp::redact(redacted, pointers, "k").same_as(redacted), "redaction is idempotent");
    return 0;
}
