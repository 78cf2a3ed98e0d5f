// Two documents in one input, separated by a zero byte: comparing, merging and looking up agree with each other, and the
// strict parser accepts no text that a lenient one (nlohmann/json) refuses, nor refuses one without a reason of its own.
#include <nlohmann/json.hpp>

#include "aivp/base/payload.hpp"
#include "ci/fuzz/fuzz.hpp"

namespace {

void compare(const aivp::payload& left, const aivp::payload& right) {
    const auto found = aivp::differences(left, right, 1000);
    fuzz::require(found.empty() == (left == right), "there are differences where values differ");
    for (const aivp::json_difference& d : found) {
        fuzz::require(d.left != d.right, "a difference has two sides");
        fuzz::require(aivp::at_pointer(left, d.pointer) == d.left, "the left side is where the pointer leads");
        fuzz::require(aivp::at_pointer(right, d.pointer) == d.right, "the right side is where the pointer leads");
    }
    if (!left.is_object() || !right.is_object()) return;
    const aivp::payload both = aivp::merged(left, right);
    fuzz::require(aivp::payload::parse(both.text()).value() == both, "a merged object is canonical");
    for (const auto& [key, value] : aivp::members(right))
        fuzz::require(aivp::member(both, key) == value, "the overlay's members win");
    fuzz::require(aivp::payload::of_object(aivp::members(both)) == both, "an object is its members");
}

void compare_with_lenient_parser(std::string_view text, const aivp::result<aivp::payload>& strict) {
    // The lenient parser recurses without bound.
    if (!strict && strict.error().code == aivp::errc::json_depth) return;
    const bool lenient = nlohmann::json::accept(text);
    if (strict) {
        fuzz::require(lenient, "what is accepted here is JSON");
    } else if (lenient) {
        // It skips a byte order mark and keeps the last of two equal keys.
        const bool marked = text.starts_with("\xEF\xBB\xBF");
        fuzz::require(marked || strict.error().code == aivp::errc::json_duplicate_key, "JSON is refused for a reason");
    }
    if (!strict) {
        fuzz::require(strict.error().where.line > 0 && strict.error().where.column > 0, "an error has a position");
        fuzz::require(!aivp::to_string(strict.error()).empty(), "an error has a text");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    const std::size_t split = text.find('\0');
    const auto left = aivp::payload::parse(text.substr(0, split));
    compare_with_lenient_parser(text.substr(0, split), left);
    if (!left || split == std::string_view::npos) return 0;
    // The lenient parser takes a zero byte for the end of the text.
    const std::string_view second = text.substr(split + 1, text.find('\0', split + 1) - split - 1);
    const auto right = aivp::payload::parse(second);
    compare_with_lenient_parser(second, right);
    if (right) compare(*left, *right);
    return 0;
}
