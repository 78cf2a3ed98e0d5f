// The documents that a schema may refer to, and the identifiers in them: which resource a place belongs to, by which rules it
// is read, and where a reference leads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aivp/schema/schema.hpp"
#include "runtime/schema/internal/program.hpp"

namespace aivp::schema_internal {

/// A value within one of the sources; `resource` is the one that it belongs to.
struct place {
    std::uint32_t source = 0;
    std::uint32_t node = 0;
    std::uint32_t resource = 0;
};

/// Which keywords count.
struct schema_rules {
    schema_dialect dialect = schema_dialect::draft_2020_12;
    bool applicators = true;
    bool assertions = true;
    bool unevaluated = true;
    bool formats = false; ///< `format` is asserted
};

/// Part of a document with a URI of its own.
struct schema_resource {
    std::string uri;
    std::uint32_t source = 0;
    std::uint32_t node = 0;
    schema_dialect dialect = schema_dialect::draft_2020_12; ///< as far as it is known without its metaschema
    std::uint32_t metaschema = none;                        ///< node of `$schema`; none = as its surroundings
    std::uint32_t parent = none;                            ///< the resource around it
    bool recursive_anchor = false;
    std::map<std::string, std::uint32_t, std::less<>> anchors;
    std::map<std::string, std::uint32_t, std::less<>> dynamic_anchors;
};

class schema_library {
public:
    schema_library(program& p, const schema_options& options) : program_(p), options_(options) {}

    /// The schema itself becomes resource 0. Errors: schema.invalid for identifiers that clash.
    result<void> load(const payload& schema);

    const std::vector<schema_resource>& resources() const { return resources_; }
    const json_tree& tree(const place& p) const { return program_.sources[p.source]->tree; }
    /// `resource` of the value at `node`, which stands in a keyword of a schema of resource `around`.
    place child(const place& around, std::uint32_t node) const;
    /// Errors: schema.unsupported.
    result<schema_rules> rules(std::uint32_t resource);
    /// Where `reference`, written at `from`, leads. Errors: schema.ref.
    result<place> find(const place& from, std::string_view reference, keyword k);

    std::unexpected<error> problem(errc code, const place& at, std::string_view keyword, const std::string& what,
                                   std::string help = {}) const;

private:
    using position = std::pair<std::uint32_t, std::uint32_t>;

    std::uint32_t add_source(std::string uri, std::string text);
    std::uint32_t add_resource(schema_resource r);
    result<void> identify(std::uint32_t source, std::string_view uri);
    result<std::uint32_t> enter(const place& at);
    result<std::uint32_t> add_identified(const place& at, std::string_view id);
    result<void> register_anchors(const place& at);
    result<void> register_anchor(const place& at, std::uint32_t node, bool dynamic);
    std::uint32_t find_resource(const std::string& uri);
    result<place> follow_pointer(const place& from, place at, std::string_view pointer, std::string_view reference,
                                 keyword k) const;

    program& program_;
    const schema_options& options_;
    std::vector<schema_resource> resources_;
    std::map<std::string, std::uint32_t, std::less<>> resource_by_uri_;
    std::map<position, std::uint32_t> resource_by_root_;
};

} // namespace aivp::schema_internal
