// A text of two lines, a schema and an instance: compiling and checking end, and the three ways to check agree.
#include "aivp/schema/schema.hpp"
#include "ci/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::as_text(data, size);
    const auto line_end = text.find('\n');
    if (line_end == std::string_view::npos) return 0;
    const auto source = aivp::payload::parse(text.substr(0, line_end));
    const auto instance = aivp::payload::parse(text.substr(line_end + 1));
    if (!source || !instance) return 0;
    const auto schema = aivp::json_schema::compile(*source);
    if (!schema) return 0;
    const auto first = schema->validate(*instance);
    const auto some = schema->validate_all(*instance, 3);
    fuzz::require(schema->accepts(*instance) == !first.has_value(), "accepts() and validate() agree");
    fuzz::require(some.empty() == !first.has_value(), "validate_all() and validate() agree");
    return 0;
}
