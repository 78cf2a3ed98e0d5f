#include "runtime/schema/internal/compiler.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/schema/internal/linker.hpp"
#include "runtime/schema/internal/schema_compiler.hpp"

namespace aivp::schema_internal {

namespace {

/// Whether the keyword belongs to the dialect and the vocabularies of the schema.
bool counts(const schema_rules& rules, keyword k) {
    const auto dialect = rules.dialect;
    if (k >= keyword::all_of && k <= keyword::property_names && !rules.applicators) return false;
    if (k >= keyword::unevaluated_items && k <= keyword::unevaluated_properties && !rules.unevaluated) return false;
    if (k >= keyword::type && k <= keyword::dependent_required && !rules.assertions) return false;
    switch (k) {
    case keyword::dynamic_ref:
    case keyword::dynamic_anchor:
    case keyword::prefix_items: return dialect == schema_dialect::draft_2020_12;
    case keyword::recursive_ref:
    case keyword::recursive_anchor: return dialect == schema_dialect::draft_2019_09;
    case keyword::additional_items: return dialect != schema_dialect::draft_2020_12;
    case keyword::anchor:
    case keyword::vocabulary:
    case keyword::dependent_schemas:
    case keyword::dependent_required:
    case keyword::unevaluated_items:
    case keyword::unevaluated_properties:
    case keyword::max_contains:
    case keyword::min_contains:
    case keyword::content_schema: return dialect != schema_dialect::draft_07;
    default: return true;
    }
}

} // namespace

result<void> schema_compiler::run(const payload& schema) {
    AIVP_CHECK(library_.load(schema));
    program_.root = index_of(library_.child({}, 0));
    for (bool again = true; again;) {
        for (; done_ < places_.size(); ++done_) AIVP_CHECK(compile_one(static_cast<schema_index>(done_)));
        again = add_dynamic_targets();
    }
    if (const auto circle = find_circle(program_); circle != none)
        return library_.problem(
            errc::schema_ref, places_[circle], "$ref",
            "the schema applies itself to the same value, without end or more than 200 times over",
            "Let the reference stand below a keyword that descends into the value, such as properties or items.");
    join_references(program_);
    return {};
}

schema_index schema_compiler::index_of(const place& at) {
    const auto [known, added] =
        index_by_place_.try_emplace({at.source, at.node}, static_cast<schema_index>(places_.size()));
    if (added) {
        places_.push_back(at);
        program_.schemas.push_back({.resource = at.resource, .document = at.source, .node = at.node});
    }
    return known->second;
}

schema_index schema_compiler::child(const schema_draft& d, std::uint32_t node) {
    return index_of(library_.child(d.at, node));
}

bool schema_compiler::add_dynamic_targets() {
    std::set<std::uint32_t> used;
    for (const auto& s : program_.schemas) used.insert(s.resource);
    bool more = false;
    for (const auto& [name, number] : dynamic_names_) {
        for (const auto resource : used) {
            const auto& r = library_.resources()[resource];
            std::uint32_t node = none;
            if (name == recursive_name) {
                if (r.recursive_anchor) node = r.node;
            } else if (const auto anchor = r.dynamic_anchors.find(name); anchor != r.dynamic_anchors.end()) {
                node = anchor->second;
            }
            if (node == none) continue;
            const auto before = places_.size();
            const auto target = index_of({r.source, node, resource});
            more = more || places_.size() != before;
            auto& table = program_.dynamic_anchors[number];
            const std::pair entry{resource, target};
            if (const auto at = std::lower_bound(table.begin(), table.end(), entry); at == table.end() || *at != entry)
                table.insert(at, entry);
        }
    }
    return more;
}

std::uint32_t schema_compiler::dynamic_number(std::string_view name) {
    const auto [known, added] =
        dynamic_names_.try_emplace(std::string(name), static_cast<std::uint32_t>(program_.dynamic_anchors.size()));
    if (added) program_.dynamic_anchors.emplace_back();
    return known->second;
}

result<void> schema_compiler::compile_one(schema_index index) {
    const place at = places_[index];
    const auto& t = library_.tree(at);
    if (t[at.node].kind == json_kind::boolean) {
        auto& schema = program_.schemas[index];
        schema.is_false = !t.is_true(at.node);
        schema.kinds = schema.is_false ? 0 : all_kinds;
        return {};
    }
    if (t[at.node].kind != json_kind::object)
        return library_.problem(errc::schema_invalid, at, "", "a schema is an object or a boolean");
    auto known = rules_.find(at.resource);
    if (known == rules_.end()) {
        AIVP_TRY(const auto rules, library_.rules(at.resource));
        known = rules_.emplace(at.resource, rules).first;
    }
    schema_draft d{.index = index, .at = at, .rules = known->second};
    const bool reference_only = d.rules.dialect == schema_dialect::draft_07 && t.member(at.node, "$ref") != none;
    // Its entries come first, so that lookups meet them in the order of the instance.
    if (const auto properties = t.member(at.node, "properties"); properties != none && !reference_only)
        AIVP_CHECK(compile_keyword(d, keyword::properties, properties));
    for (std::uint32_t key = at.node + 1; key < t[at.node].next; key = t[key + 1].next) {
        const auto k = find_keyword(t.raw(key));
        if (k == keyword::count || k == keyword::properties) continue;
        if (reference_only && k != keyword::ref && k != keyword::definitions) continue;
        if (counts(d.rules, k)) AIVP_CHECK(compile_keyword(d, k, key + 1));
    }
    finish(d);
    return {};
}

result<void> schema_compiler::compile_keyword(schema_draft& d, keyword k, std::uint32_t node) {
    switch (k) {
    case keyword::id:
    case keyword::schema:
    case keyword::anchor:
    case keyword::dynamic_anchor: return check_identifier(d, k, node);
    case keyword::ref:
    case keyword::dynamic_ref:
    case keyword::recursive_ref: return compile_reference(d, k, node);
    case keyword::defs:
    case keyword::definitions:
    case keyword::content_schema: return compile_definitions(d, k, node);
    case keyword::all_of:
    case keyword::any_of:
    case keyword::one_of: return compile_branches(d, k, node);
    case keyword::not_:
    case keyword::if_:
    case keyword::then_:
    case keyword::else_:
    case keyword::additional_properties:
    case keyword::property_names:
    case keyword::unevaluated_items:
    case keyword::unevaluated_properties:
    case keyword::contains: return compile_single(d, k, node);
    case keyword::prefix_items:
    case keyword::items:
    case keyword::additional_items: return compile_items(d, k, node);
    case keyword::properties:
    case keyword::pattern_properties: return compile_properties(d, k, node);
    case keyword::required: return compile_required(d, node);
    case keyword::dependent_schemas:
    case keyword::dependencies:
    case keyword::dependent_required: return compile_dependencies(d, k, node);
    case keyword::type: return compile_type(d, node);
    case keyword::enum_:
    case keyword::const_: return compile_values(d, k, node);
    case keyword::multiple_of:
    case keyword::maximum:
    case keyword::exclusive_maximum:
    case keyword::minimum:
    case keyword::exclusive_minimum: return compile_bound(d, k, node);
    case keyword::pattern: return compile_pattern(d, node);
    case keyword::format: return compile_format(d, node);
    case keyword::unique_items: return compile_unique(d, node);
    case keyword::max_length:
    case keyword::min_length:
    case keyword::max_items:
    case keyword::min_items:
    case keyword::max_contains:
    case keyword::min_contains:
    case keyword::max_properties:
    case keyword::min_properties: return compile_count(d, k, node);
    default: return {};
    }
}

std::unexpected<error> schema_compiler::invalid(const schema_draft& d, keyword k, std::uint32_t node,
                                                const std::string& what, std::string help) const {
    return library_.problem(errc::schema_invalid, {d.at.source, node, d.at.resource}, keyword_text(k), what,
                            std::move(help));
}

result<void> schema_compiler::require_kind(const schema_draft& d, keyword k, std::uint32_t node, json_kind kind) const {
    constexpr std::string_view names[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
    if (tree(d)[node].kind == kind) return {};
    return invalid(d, k, node,
                   "\"" + std::string(keyword_text(k)) + "\" must be " +
                       std::string(names[static_cast<std::size_t>(kind)]));
}

result<void> schema_compiler::check_identifier(const schema_draft& d, keyword k, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, k, node, json_kind::string));
    const auto text = tree(d).string(node);
    if (k == keyword::id && d.rules.dialect != schema_dialect::draft_07) {
        if (const auto hash = text.find('#'); hash != std::string::npos && hash + 1 != text.size())
            return invalid(d, k, node, "\"$id\" must have no fragment",
                           "Use \"$anchor\" to name a place within the document.");
    }
    if (k == keyword::anchor || k == keyword::dynamic_anchor) {
        const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
        const bool fits = !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
            return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
        });
        if (!fits)
            return invalid(d, k, node,
                           "an anchor starts with a letter or '_' and holds letters, digits, '-', '_' and '.' only");
    }
    return {};
}

void schema_compiler::finish(schema_draft& d) {
    auto& schema = program_.schemas[d.index];
    const auto add = [&](bool present, std::uint16_t bit) {
        if (present) schema.work |= bit;
    };
    schema.number = d.number;
    schema.string = d.string;
    schema.array = d.array;
    schema.object = d.object;
    schema.applied = d.applied;
    add(d.number, work::number);
    add(d.string, work::string);
    add(d.array, work::array);
    add(d.object, work::object);
    add(d.applied, work::apply);
    add(!schema.values.empty(), work::value);
    add(schema.unevaluated_items != none, work::unevaluated_items);
    add(schema.unevaluated_properties != none, work::unevaluated_properties);
    if (d.object) index_entries(*d.object);
    if (d.array) d.array->contains_counts = d.rules.dialect == schema_dialect::draft_2020_12;
}

result<std::unique_ptr<const program>> compile_program(const payload& schema, const schema_options& options) {
    auto out = std::make_unique<program>();
    AIVP_CHECK(schema_compiler(*out, options).run(schema));
    return std::unique_ptr<const program>(std::move(out));
}

} // namespace aivp::schema_internal
