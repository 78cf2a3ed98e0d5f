#include "runtime/schema/internal/library.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "runtime/schema/internal/metaschema.hpp"
#include "runtime/schema/internal/uri.hpp"

namespace aivp::schema_internal {
namespace {

constexpr std::string_view keyword_names[] = {
#define AIVP_KEYWORD(name, text) text,
    AIVP_SCHEMA_KEYWORDS(AIVP_KEYWORD)
#undef AIVP_KEYWORD
        "false",
    "$limit",
};

enum class subschema_shape { no, one, list, map };

/// Where subschemas stand. Only there are `$id` and anchors identifiers; elsewhere they are data.
subschema_shape shape_of(keyword k, json_kind kind, schema_dialect dialect) {
    switch (k) {
    case keyword::items:
        if (kind == json_kind::array)
            return dialect == schema_dialect::draft_2020_12 ? subschema_shape::no : subschema_shape::list;
        return subschema_shape::one;
    case keyword::not_:
    case keyword::if_:
    case keyword::then_:
    case keyword::else_:
    case keyword::additional_items:
    case keyword::contains:
    case keyword::additional_properties:
    case keyword::property_names:
    case keyword::unevaluated_items:
    case keyword::unevaluated_properties:
    case keyword::content_schema: return subschema_shape::one;
    case keyword::all_of:
    case keyword::any_of:
    case keyword::one_of:
    case keyword::prefix_items: return subschema_shape::list;
    case keyword::defs:
    case keyword::definitions:
    case keyword::dependent_schemas:
    case keyword::dependencies:
    case keyword::properties:
    case keyword::pattern_properties: return subschema_shape::map;
    default: return subschema_shape::no;
    }
}

void collect_subschemas(const json_tree& tree, std::uint32_t node, schema_dialect dialect,
                        std::vector<std::uint32_t>& out) {
    if (tree[node].kind != json_kind::object) return;
    for (std::uint32_t key = node + 1; key < tree[node].next; key = tree[key + 1].next) {
        const std::uint32_t value = key + 1;
        const auto shape = shape_of(find_keyword(tree.raw(key)), tree[value].kind, dialect);
        if (shape == subschema_shape::one) out.push_back(value);
        if (shape == subschema_shape::list && tree[value].kind == json_kind::array)
            for (std::uint32_t i = value + 1; i < tree[value].next; i = tree[i].next) out.push_back(i);
        if (shape == subschema_shape::map && tree[value].kind == json_kind::object)
            for (std::uint32_t i = value + 1; i < tree[value].next; i = tree[i + 1].next)
                if (tree[i + 1].kind != json_kind::array) out.push_back(i + 1);
    }
}

std::optional<schema_dialect> known_dialect(std::string_view uri) {
    uri = split_fragment(uri).first;
    if (uri.starts_with("https:")) uri.remove_prefix(6);
    if (uri.starts_with("http:")) uri.remove_prefix(5);
    if (uri == "//json-schema.org/draft-07/schema" || uri == "//json-schema.org/draft-06/schema")
        return schema_dialect::draft_07;
    if (uri == "//json-schema.org/draft/2019-09/schema") return schema_dialect::draft_2019_09;
    if (uri == "//json-schema.org/draft/2020-12/schema") return schema_dialect::draft_2020_12;
    return std::nullopt;
}

bool is_string_node(const json_tree& tree, std::uint32_t node) {
    return node != none && tree[node].kind == json_kind::string;
}

} // namespace

std::string_view keyword_text(keyword k) { return keyword_names[static_cast<std::size_t>(k)]; }

keyword find_keyword(std::string_view name) {
    static const auto sorted = [] {
        std::array<keyword, static_cast<std::size_t>(keyword::false_schema)> out{};
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<keyword>(i);
        std::sort(out.begin(), out.end(), [](keyword a, keyword b) { return keyword_text(a) < keyword_text(b); });
        return out;
    }();
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), name,
                                        [](keyword k, std::string_view n) { return keyword_text(k) < n; });
    return found != sorted.end() && keyword_text(*found) == name ? *found : keyword::count;
}

std::unexpected<error> schema_library::problem(errc code, const place& at, std::string_view keyword,
                                               const std::string& what, std::string help) const {
    const auto& source = *program_.sources[at.source];
    const auto pointer = source.tree.pointer(at.node);
    const auto where = (at.source == 0 ? "" : source.uri + "#") + pointer;
    error e{code, (where.empty() ? "the schema" : "schema " + where) + ": " + what, {}, std::move(help), {}};
    e.context.emplace_back("pointer", pointer);
    e.context.emplace_back("keyword", keyword);
    if (at.source != 0) e.context.emplace_back("document", source.uri);
    return std::unexpected(std::move(e));
}

std::uint32_t schema_library::add_source(std::string uri, std::string text) {
    auto source = std::make_unique<schema_source>();
    source->uri = std::move(uri);
    source->text = std::move(text);
    if (!source->tree.scan(source->text)) return none;
    program_.sources.push_back(std::move(source));
    return static_cast<std::uint32_t>(program_.sources.size() - 1);
}

std::uint32_t schema_library::add_resource(schema_resource r) {
    const auto index = static_cast<std::uint32_t>(resources_.size());
    resource_by_uri_.try_emplace(r.uri, index);
    resource_by_root_.try_emplace({r.source, r.node}, index);
    resources_.push_back(std::move(r));
    return index;
}

result<void> schema_library::load(const payload& schema) {
    if (add_source("", std::string(schema.text())) == none)
        return fail(errc::schema_invalid, "the schema is not canonical JSON");
    AIVP_CHECK(identify(0, ""));
    for (const auto& document : options_.documents) {
        const std::string uri(split_fragment(document.uri).first);
        const auto source = add_source(uri, std::string(document.schema.text()));
        if (source == none) return fail(errc::schema_invalid, "the document " + uri + " is not canonical JSON");
        AIVP_CHECK(identify(source, uri));
    }
    return {};
}

result<void> schema_library::identify(std::uint32_t source, std::string_view uri) {
    const auto& tree = program_.sources[source]->tree;
    schema_resource root;
    root.uri = uri;
    root.source = source;
    root.dialect = options_.dialect;
    std::vector<place> open{{source, 0, add_resource(std::move(root))}};
    std::vector<std::uint32_t> below;
    while (!open.empty()) {
        place at = open.back();
        open.pop_back();
        AIVP_TRY(at.resource, enter(at));
        below.clear();
        collect_subschemas(tree, at.node, resources_[at.resource].dialect, below);
        for (auto i = below.rbegin(); i != below.rend(); ++i) open.push_back({source, *i, at.resource});
    }
    return {};
}

/// The resource of a schema: its own when it has an `$id`, otherwise that around it. Registers its identifiers.
result<std::uint32_t> schema_library::enter(const place& at) {
    const auto& t = tree(at);
    if (t[at.node].kind != json_kind::object) return at.resource;
    const auto metaschema = t.member(at.node, "$schema");
    const auto own_dialect = is_string_node(t, metaschema) ? known_dialect(t.string(metaschema)) : std::nullopt;
    const auto dialect = own_dialect.value_or(resources_[at.resource].dialect);
    auto id = t.member(at.node, "$id");
    // Up to draft-07 a reference has no siblings, and an `$id` of a fragment only is an anchor.
    const bool old = dialect == schema_dialect::draft_07;
    if (old && t.member(at.node, "$ref") != none) id = none;
    place own = at;
    if (is_string_node(t, id)) {
        const auto text = t.string(id);
        if (old && text.starts_with('#')) {
            if (text.size() > 1) resources_[at.resource].anchors.try_emplace(text.substr(1), at.node);
        } else {
            AIVP_TRY(own.resource, add_identified(at, text));
        }
    }
    auto& resource = resources_[own.resource];
    if (resource.node == at.node) {
        resource.dialect = dialect;
        if (is_string_node(t, metaschema)) resource.metaschema = metaschema;
    }
    AIVP_CHECK(register_anchors(own));
    return own.resource;
}

result<std::uint32_t> schema_library::add_identified(const place& at, std::string_view id) {
    schema_resource r;
    r.uri = resolve_uri(resources_[at.resource].uri, id);
    r.source = at.source;
    r.node = at.node;
    r.parent = at.resource;
    if (const auto known = resource_by_uri_.find(r.uri); known != resource_by_uri_.end()) {
        // A document supplied under its own `$id`.
        if (at.node == 0 && known->second == at.resource) return at.resource;
        if (at.source == 0)
            return problem(errc::schema_invalid, at, "$id", "\"$id\" names another part of the same schema too");
    }
    resource_by_root_.erase({at.source, at.node});
    return add_resource(std::move(r));
}

result<void> schema_library::register_anchors(const place& at) {
    const auto& t = tree(at);
    auto& resource = resources_[at.resource];
    if (resource.dialect == schema_dialect::draft_07) return {};
    if (const auto anchor = t.member(at.node, "$anchor"); is_string_node(t, anchor))
        AIVP_CHECK(register_anchor(at, anchor, false));
    if (resource.dialect == schema_dialect::draft_2020_12) {
        if (const auto anchor = t.member(at.node, "$dynamicAnchor"); is_string_node(t, anchor))
            AIVP_CHECK(register_anchor(at, anchor, true));
    } else if (const auto anchor = t.member(at.node, "$recursiveAnchor"); anchor != none && at.node == resource.node) {
        resource.recursive_anchor = t.is_true(anchor);
    }
    return {};
}

result<void> schema_library::register_anchor(const place& at, std::uint32_t node, bool dynamic) {
    auto& resource = resources_[at.resource];
    const auto name = tree(at).string(node);
    if (dynamic) resource.dynamic_anchors.try_emplace(name, at.node);
    const auto [known, added] = resource.anchors.try_emplace(name, at.node);
    if (!added && known->second != at.node && at.source == 0)
        return problem(errc::schema_invalid, {at.source, node, at.resource}, dynamic ? "$dynamicAnchor" : "$anchor",
                       "the anchor \"" + name + "\" stands twice in the same schema");
    return {};
}

place schema_library::child(const place& around, std::uint32_t node) const {
    const auto own = resource_by_root_.find({around.source, node});
    return {around.source, node, own == resource_by_root_.end() ? around.resource : own->second};
}

std::uint32_t schema_library::find_resource(const std::string& uri) {
    if (const auto known = resource_by_uri_.find(uri); known != resource_by_uri_.end()) return known->second;
    for (const auto& m : metaschemas()) {
        if (m.uri != uri) continue;
        const auto source = add_source(uri, std::string(m.text));
        if (source == none || !identify(source, uri)) return none;
        return resource_by_uri_.find(uri)->second;
    }
    return none;
}

result<schema_rules> schema_library::rules(std::uint32_t index) {
    const auto source = resources_[index].source;
    const auto metaschema = resources_[index].metaschema;
    schema_rules out{.dialect = resources_[index].dialect, .formats = options_.assert_formats};
    if (metaschema == none) return resources_[index].parent == none ? out : rules(resources_[index].parent);
    const place at{source, metaschema, index};
    const auto uri = tree(at).string(metaschema);
    if (known_dialect(uri)) return out;
    const auto meta = find_resource(std::string(split_fragment(uri).first));
    if (meta == none)
        return problem(errc::schema_unsupported, at, "$schema",
                       "the metaschema is neither 2020-12, 2019-09 nor draft-07, and no document supplies it",
                       "Use \"https://json-schema.org/draft/2020-12/schema\", or leave \"$schema\" out.");
    const place meta_root{resources_[meta].source, resources_[meta].node, meta};
    const auto& t = tree(meta_root);
    const auto vocabulary = t.member(meta_root.node, "$vocabulary");
    if (vocabulary == none || t[vocabulary].kind != json_kind::object) return out;
    out.applicators = out.assertions = out.unevaluated = false;
    for (std::uint32_t key = vocabulary + 1; key < t[vocabulary].next; key = t[key + 1].next) {
        const auto name = t.string(key);
        const auto slash = name.rfind('/');
        const bool known = name.starts_with("https://json-schema.org/draft/") && slash != std::string::npos;
        const auto last = known ? name.substr(slash + 1) : "";
        constexpr std::string_view plain[] = {"core", "meta-data", "format-annotation", "content", "format"};
        if (last == "applicator")
            out.applicators = true;
        else if (last == "validation")
            out.assertions = true;
        else if (last == "unevaluated")
            out.unevaluated = true;
        else if (last == "format-assertion")
            out.formats = true;
        else if (std::find(std::begin(plain), std::end(plain), last) == std::end(plain) && t.is_true(key + 1))
            return problem(errc::schema_unsupported, at, "$schema",
                           "the metaschema requires the vocabulary " + name + ", which is not known");
    }
    return out;
}

result<place> schema_library::find(const place& from, std::string_view reference, keyword k) {
    const auto [document, encoded] = split_fragment(reference);
    const auto uri = resolve_uri(resources_[from.resource].uri, document);
    const auto index = find_resource(uri);
    if (index == none)
        return problem(errc::schema_ref, from, keyword_text(k),
                       "\"" + std::string(reference) + "\" leads to " + uri +
                           ", which is not supplied; nothing is fetched",
                       "Put the definition under $defs of the same schema, or supply the document.");
    const auto& resource = resources_[index];
    const place root{resource.source, resource.node, index};
    if (encoded.empty()) return root;
    const auto fragment = percent_decode(encoded);
    if (fragment.starts_with('/')) return follow_pointer(from, root, fragment, reference, k);
    if (const auto anchor = resource.anchors.find(fragment); anchor != resource.anchors.end())
        return place{resource.source, anchor->second, index};
    return problem(errc::schema_ref, from, keyword_text(k),
                   "\"" + std::string(reference) + "\" leads to an anchor that does not exist");
}

result<place> schema_library::follow_pointer(const place& from, place at, std::string_view pointer,
                                             std::string_view reference, keyword k) const {
    const auto& t = tree(at);
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const auto slash = std::min(pointer.find('/'), pointer.size());
        std::string token;
        for (std::size_t i = 0; i < slash; ++i) {
            const bool escape = pointer[i] == '~' && i + 1 < slash;
            token += escape ? (pointer[i + 1] == '1' ? '/' : '~') : pointer[i];
            if (escape) ++i;
        }
        pointer.remove_prefix(slash);
        std::uint32_t next = none;
        if (t[at.node].kind == json_kind::object) {
            next = t.member(at.node, token);
        } else if (t[at.node].kind == json_kind::array) {
            const auto index = parse_small_integer(token);
            if (index && *index >= 0 && static_cast<std::uint64_t>(*index) < t[at.node].count) {
                next = at.node + 1;
                for (std::int64_t i = 0; i < *index; ++i) next = t[next].next;
            }
        }
        if (next == none)
            return problem(errc::schema_ref, from, keyword_text(k),
                           "\"" + std::string(reference) + "\" leads nowhere: there is no \"" + token + "\"");
        at = child(at, next);
    }
    return at;
}

} // namespace aivp::schema_internal
