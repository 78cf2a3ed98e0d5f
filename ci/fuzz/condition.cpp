// Any text is refused as a condition and as a template with a code and a column, or it can be evaluated and rendered.
#include "aivp/agent/template.hpp"

#include <optional>

#include "ci/fuzz/fuzz.hpp"

namespace {

using aivp::payload;

std::optional<std::uint32_t> resolve(std::string_view name) {
    if (name == "trigger" || name == "t") return 0;
    if (name == "fetch" || name == "f") return 1;
    if (name == "skipped" || name == "s") return 2;
    return std::nullopt;
}

const payload* look_up(std::uint32_t source) {
    static const payload trigger =
        payload::parse(R"({"a":1,"b":[true,null,"x\n",1e300,9007199254740993],"":{}})").value();
    static const payload fetch = payload::parse("\"text\"").value();
    return source == 0 ? &trigger : source == 1 ? &fetch : nullptr;
}

void require_refusal(const aivp::error& e) {
    fuzz::require(e.code == aivp::errc::config_value || e.code == aivp::errc::config_reference, "a refusal has a code");
    fuzz::require(e.where.column > 0, "a refusal has a column");
    fuzz::require(!e.message.empty(), "a refusal has a message");
}

void check_condition(std::string_view text) {
    const auto made = aivp::condition::compile(text, resolve);
    if (!made) return require_refusal(made.error());
    const auto once = made->evaluate(look_up);
    const auto again = made->evaluate(look_up);
    fuzz::require(once.has_value() == again.has_value() && (!once || *once == *again), "evaluating is a function");
    if (!once) fuzz::require(once.error().code == aivp::errc::run_reference, "an undecidable condition has its code");
    const auto negated = aivp::condition::compile("!(" + std::string(text) + ")", resolve);
    if (!negated) return; // too long or too deep by the two signs
    const auto opposite = negated->evaluate(look_up);
    fuzz::require(once.has_value() == opposite.has_value(), "a negation is decidable when its operand is");
    if (once) fuzz::require(*once != *opposite, "a negation is the opposite");
}

void check_template(const payload& document) {
    const auto made = aivp::argument_template::compile(document, resolve);
    if (!made) return require_refusal(made.error());
    const auto out = made->render(look_up);
    if (made->constant()) fuzz::require(out && out->same_as(made->document()), "a constant renders as itself");
    if (!out) {
        const bool expected =
            out.error().code == aivp::errc::run_reference || out.error().code == aivp::errc::args_limit;
        return fuzz::require(expected, "what cannot be rendered has a code");
    }
    const auto parsed = payload::parse(out->text());
    fuzz::require(parsed && parsed->text() == out->text(), "what is rendered is canonical");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    check_condition(text);
    check_template(payload::of_string(text));
    if (const auto document = payload::parse(text)) check_template(*document);
    return 0;
}
