// Keywords that apply other schemas: references, branches, and what descends into objects and arrays.
#include "runtime/schema/internal/schema_compiler.hpp"

#include <utility>

namespace aivp::schema_internal {

result<void> schema_compiler::compile_reference(schema_draft& d, keyword k, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, k, node, json_kind::string));
    const auto reference = tree(d).string(node);
    AIVP_TRY(const auto target, library_.find({d.at.source, node, d.at.resource}, reference, k));
    const auto schema = index_of(target);
    if (k == keyword::ref) {
        applied(d).all.emplace_back(k, schema);
        return {};
    }
    const auto& resource = library_.resources()[target.resource];
    dynamic_target dynamic{.schema = schema, .rule = k};
    if (k == keyword::recursive_ref) {
        if (resource.recursive_anchor) dynamic.anchor = dynamic_number(recursive_name);
    } else {
        const auto hash = reference.find('#');
        const auto name = hash == std::string::npos ? "" : reference.substr(hash + 1);
        const auto anchor = resource.dynamic_anchors.find(name);
        if (anchor != resource.dynamic_anchors.end() && anchor->second == target.node)
            dynamic.anchor = dynamic_number(name);
    }
    applied(d).dynamic.push_back(dynamic);
    return {};
}

result<void> schema_compiler::compile_definitions(const schema_draft& d, keyword k, std::uint32_t node) {
    if (k == keyword::content_schema) {
        if (d.at.source == 0) child(d, node);
        return {};
    }
    AIVP_CHECK(require_kind(d, k, node, json_kind::object));
    const auto& t = tree(d);
    for (std::uint32_t key = node + 1; d.at.source == 0 && key < t[node].next; key = t[key + 1].next) child(d, key + 1);
    return {};
}

result<void> schema_compiler::compile_branches(schema_draft& d, keyword k, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, k, node, json_kind::array));
    const auto& t = tree(d);
    if (t[node].count == 0)
        return invalid(d, k, node, "\"" + std::string(keyword_text(k)) + "\" must hold at least one schema");
    for (std::uint32_t i = node + 1; i < t[node].next; i = t[i].next) {
        const auto branch = child(d, i);
        if (k == keyword::all_of)
            applied(d).all.emplace_back(k, branch);
        else
            (k == keyword::any_of ? applied(d).any_of : applied(d).one_of).push_back(branch);
    }
    return {};
}

result<void> schema_compiler::compile_single(schema_draft& d, keyword k, std::uint32_t node) {
    const auto target = child(d, node);
    switch (k) {
    case keyword::not_: applied(d).not_ = target; break;
    case keyword::if_: applied(d).if_ = target; break;
    case keyword::then_: applied(d).then_ = target; break;
    case keyword::else_: applied(d).else_ = target; break;
    case keyword::additional_properties: object(d).additional = target; break;
    case keyword::property_names: object(d).names = target; break;
    case keyword::unevaluated_items: program_.schemas[d.index].unevaluated_items = target; break;
    case keyword::unevaluated_properties: program_.schemas[d.index].unevaluated_properties = target; break;
    default: array(d).contains = target; break;
    }
    return {};
}

result<void> schema_compiler::compile_items(schema_draft& d, keyword k, std::uint32_t node) {
    const auto& t = tree(d);
    const bool list = t[node].kind == json_kind::array;
    if (k == keyword::prefix_items) {
        AIVP_CHECK(require_kind(d, k, node, json_kind::array));
        if (t[node].count == 0) return invalid(d, k, node, "\"prefixItems\" must hold at least one schema");
    } else if (k == keyword::items && list && d.rules.dialect == schema_dialect::draft_2020_12) {
        return invalid(d, k, node, "\"items\" is one schema since 2020-12, not an array of them",
                       "Use \"prefixItems\", or declare \"$schema\": \"http://json-schema.org/draft-07/schema#\".");
    }
    if (k == keyword::additional_items) {
        const auto items = t.member(d.at.node, "items");
        const auto rest = child(d, node);
        if (items != none && t[items].kind == json_kind::array) array(d).items = rest;
    } else if (list) {
        for (std::uint32_t i = node + 1; i < t[node].next; i = t[i].next) array(d).prefix.push_back(child(d, i));
    } else {
        array(d).items = child(d, node);
    }
    return {};
}

std::uint32_t schema_compiler::entry(schema_draft& d, std::string_view raw_name) {
    auto& entries = object(d).entries;
    const auto [known, added] =
        d.entries.try_emplace(std::string(raw_name), static_cast<std::uint32_t>(entries.size()));
    if (added) entries.push_back({.name = std::string(raw_name)});
    return known->second;
}

result<void> schema_compiler::compile_properties(schema_draft& d, keyword k, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, k, node, json_kind::object));
    const auto& t = tree(d);
    for (std::uint32_t key = node + 1; key < t[node].next; key = t[key + 1].next) {
        const auto target = child(d, key + 1);
        if (k == keyword::properties) {
            const auto at = entry(d, t.raw(key));
            object(d).entries[at].schema = target;
            continue;
        }
        auto compiled = pattern::compile(t.string(key));
        if (!compiled) return bad_pattern(d, k, key, compiled.error());
        object(d).patterns.emplace_back(std::move(*compiled), target);
    }
    return {};
}

result<void> schema_compiler::compile_dependencies(schema_draft& d, keyword k, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, k, node, json_kind::object));
    const auto& t = tree(d);
    for (std::uint32_t key = node + 1; key < t[node].next; key = t[key + 1].next) {
        const bool names =
            k == keyword::dependent_required || (k == keyword::dependencies && t[key + 1].kind == json_kind::array);
        if (names) {
            AIVP_TRY(auto needed, compile_names(d, k, key + 1));
            const auto trigger = entry(d, t.raw(key));
            object(d).dependencies.push_back({trigger, std::move(needed), k});
        } else {
            const auto target = child(d, key + 1);
            applied(d).dependent.emplace_back(t.raw(key), target);
        }
    }
    return {};
}

} // namespace aivp::schema_internal
