// JSON Schema, compiled once and applied often: every skill call is checked against one, so a check is pure, allocates
// nothing for ordinary arguments, and its cost is bounded whatever the schema and the instance look like.
// docs/json-schema.md lists what is supported, with the counts of the official test suite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "aivp/base/payload.hpp"

namespace aivp {

/// The rules that a schema without `$schema` follows. Within a schema `$schema` decides, for each embedded resource.
enum class schema_dialect : std::uint8_t { draft_07, draft_2019_09, draft_2020_12 };

/// A further document that `$ref` may lead to. Nothing is ever fetched.
struct schema_document {
    std::string uri; ///< where the document counts as having come from; its own `$id` is valid beside it
    payload schema;
};

struct schema_options {
    std::vector<schema_document> documents;
    schema_dialect dialect = schema_dialect::draft_2020_12;
    /// `format` is an annotation unless this is set or the schema's metaschema requires the format-assertion vocabulary.
    bool assert_formats = false;
};

/// An immutable compiled schema; copying shares it. All members may be called from any thread at once.
class json_schema {
public:
    /// Accepts every instance, like anything().
    json_schema();

    /// Errors: schema.invalid (a keyword has a value that JSON Schema forbids), schema.unsupported (docs/json-schema.md,
    /// "Exceptions"), schema.ref (a reference leads nowhere or in a circle). The context holds `pointer` (RFC 6901, into
    /// the document) and `keyword`, and `document` when it is not the schema itself.
    static result<json_schema> compile(const payload& schema);
    static result<json_schema> compile(const payload& schema, const schema_options& options);

    /// One broken rule. No field ever holds a value of the instance, which may be secret; names of members do appear.
    struct violation {
        std::string instance_pointer; ///< RFC 6901; of an unknown property: of the property itself
        std::string schema_pointer;   ///< of the keyword; "<uri>#<pointer>" outside the schema's own document
        std::string keyword;          ///< "false" for the schema `false`, "$limit" when the check was given up
        std::string message;
        bool unknown_property = false; ///< refused because the schema knows no such property

        friend bool operator==(const violation&, const violation&) = default;
    };

    /// nullopt = valid; otherwise the first violation in document order. A check that exceeds its bound on work or depth
    /// counts as violated ("$limit"), also below `not`.
    std::optional<violation> validate(const payload& instance) const;
    /// The first `limit` violations in document order; empty = valid (or limit 0).
    std::vector<violation> validate_all(const payload& instance, std::size_t limit) const;
    bool accepts(const payload& instance) const;

    /// Of the source; with options other than the defaults, of the source and the options.
    const digest& hash() const;
    const payload& source() const;

    static json_schema anything();

private:
    struct implementation;
    explicit json_schema(std::shared_ptr<const implementation> i);
    std::shared_ptr<const implementation> implementation_;
};

} // namespace aivp
