// A text of two lines, a schema and an instance: compiling and checking end, the ways to check agree with each other, and
// detours around the schema do not change the verdict.
#include "aivp/schema/schema.hpp"

#include <string>

#include "ci/fuzz/fuzz.hpp"

namespace {

void check_errors(const aivp::error& e) {
    using aivp::errc;
    fuzz::require(e.code == errc::schema_invalid || e.code == errc::schema_unsupported || e.code == errc::schema_ref,
                  "compiling fails with a code of its own");
    fuzz::require(!e.message.empty() && !e.context.empty(), "an error says what is wrong and where");
}

void check_verdict(const aivp::json_schema& schema, const aivp::payload& instance) {
    const bool accepted = schema.accepts(instance);
    const auto first = schema.validate(instance);
    const auto some = schema.validate_all(instance, 3);
    fuzz::require(accepted == !first.has_value(), "accepts() and validate() agree");
    fuzz::require(some.empty() == accepted && some.size() <= 3, "validate_all() and validate() agree");
    if (first) fuzz::require(*first == some.front(), "the first violation is the first of several");
    for (const auto& v : some) {
        fuzz::require(aivp::at_pointer(instance, v.instance_pointer).has_value(), "a violation stands in the instance");
        fuzz::require(!v.message.empty() && !v.keyword.empty(), "a violation says what is wrong");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = fuzz::as_text(data, size);
    const auto line_end = text.find('\n');
    if (line_end == std::string_view::npos) return 0;
    const auto first_line = text.substr(0, line_end);
    const auto second_line = text.substr(line_end + 1);
    const auto source = aivp::payload::parse(first_line);
    if (!source) return 0;
    aivp::schema_options options;
    options.assert_formats = size % 2 == 1;
    options.dialect = static_cast<aivp::schema_dialect>(size % 3);
    const auto schema = aivp::json_schema::compile(*source, options);
    if (!schema) check_errors(schema.error());

    // The scanner must withstand text that broke the promise of being canonical.
    if (schema && !second_line.empty())
        (void)schema->validate_all(aivp::payload::from_canonical(std::string(second_line)), 3);

    const auto instance = aivp::payload::parse(second_line);
    if (!schema || !instance) return 0;
    check_verdict(*schema, *instance);
    return 0;
}
