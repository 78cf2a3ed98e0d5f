#include "tests/schema/vectors.hpp"

#include <array>
#include <cstdlib>

#include <zlib.h>

namespace aivp::schema_test {
namespace {

std::string text_of(const payload& object, std::string_view key) {
    const auto value = member(object, key);
    return value ? as_string(*value).value_or("") : "";
}

} // namespace

std::optional<payload> read_vectors(const std::string& file) {
    const char* const data = std::getenv("AIVP_DATA");
    const std::string path = (data && *data ? std::string(data) : std::string(AIVP_SOURCE_DIR "/../shared/data")) +
                             "/vectors/json-schema/" + file;
    const gzFile in = gzopen(path.c_str(), "rb");
    if (!in) return std::nullopt;
    std::string text;
    std::array<char, 1 << 16> block{};
    for (int n = 0; (n = gzread(in, block.data(), block.size())) > 0;)
        text.append(block.data(), static_cast<std::size_t>(n));
    gzclose(in);
    auto parsed = payload::parse(text);
    if (!parsed) std::fprintf(stderr, "%s: %s\n", path.c_str(), to_string(parsed.error()).c_str());
    return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

std::vector<suite_case> run_suite(const payload& files, const payload& remotes, schema_dialect dialect) {
    schema_options options{.dialect = dialect};
    for (const auto& [name, document] : members(remotes))
        options.documents.push_back({"http://localhost:1234/" + name, document});
    std::vector<suite_case> out;
    for (const auto& [file, groups] : members(files)) {
        options.assert_formats = file.starts_with("optional/format/");
        for (const auto& group : items(groups)) {
            const auto schema = json_schema::compile(*member(group, "schema"), options);
            for (const auto& test : items(*member(group, "tests"))) {
                suite_case c{file,
                             text_of(group, "description"),
                             text_of(test, "description"),
                             *as_bool(*member(test, "valid")),
                             {}};
                if (!schema) {
                    c.outcome = std::string(info(schema.error().code).name) + ": " + schema.error().message;
                } else if (const auto violation = schema->validate(*member(test, "data"));
                           violation.has_value() == c.valid) {
                    c.outcome = violation ? "refused at " + violation->instance_pointer + ": " + violation->message
                                          : "accepted";
                }
                out.push_back(std::move(c));
            }
        }
    }
    return out;
}

} // namespace aivp::schema_test
