#include "runtime/schema/internal/compiler.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "runtime/schema/internal/library.hpp"
#include "runtime/schema/internal/linker.hpp"

namespace aivp::schema_internal {
namespace {

/// The name under which `$recursiveAnchor: true` of 2019-09 is a dynamic anchor; no real anchor can be called so.
constexpr std::string_view recursive_name = "#";

/// The rules of one schema while its keywords are read.
struct schema_draft {
    schema_index index;
    place at;
    schema_rules rules;
    number_rules* number = nullptr;
    string_rules* string = nullptr;
    array_rules* array = nullptr;
    object_rules* object = nullptr;
    applied_rules* applied = nullptr;
    std::map<std::string, std::uint32_t, std::less<>> entries;
};

class schema_compiler {
public:
    schema_compiler(program& p, const schema_options& options) : program_(p), library_(p, options) {}

    result<void> run(const payload& schema) {
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

private:
    schema_index index_of(const place& at) {
        const auto [known, added] =
            index_by_place_.try_emplace({at.source, at.node}, static_cast<schema_index>(places_.size()));
        if (added) {
            places_.push_back(at);
            program_.schemas.push_back({.resource = at.resource, .document = at.source, .node = at.node});
        }
        return known->second;
    }

    schema_index child(const schema_draft& d, std::uint32_t node) { return index_of(library_.child(d.at, node)); }

    /// A dynamic reference may lead to any resource that evaluation can pass through: to all that are in use.
    bool add_dynamic_targets() {
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
                if (const auto at = std::lower_bound(table.begin(), table.end(), entry);
                    at == table.end() || *at != entry)
                    table.insert(at, entry);
            }
        }
        return more;
    }

    std::uint32_t dynamic_number(std::string_view name) {
        const auto [known, added] =
            dynamic_names_.try_emplace(std::string(name), static_cast<std::uint32_t>(program_.dynamic_anchors.size()));
        if (added) program_.dynamic_anchors.emplace_back();
        return known->second;
    }

    result<void> compile_one(schema_index index) {
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

    /// Whether the keyword belongs to the dialect and the vocabularies of the schema.
    static bool counts(const schema_rules& rules, keyword k) {
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

    result<void> compile_keyword(schema_draft& d, keyword k, std::uint32_t node) {
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

    const json_tree& tree(const schema_draft& d) const { return library_.tree(d.at); }
    std::unexpected<error> invalid(const schema_draft& d, keyword k, std::uint32_t node, const std::string& what,
                                   std::string help = {}) const {
        return library_.problem(errc::schema_invalid, {d.at.source, node, d.at.resource}, keyword_text(k), what,
                                std::move(help));
    }
    result<void> require_kind(const schema_draft& d, keyword k, std::uint32_t node, json_kind kind) const {
        constexpr std::string_view names[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
        if (tree(d)[node].kind == kind) return {};
        return invalid(d, k, node,
                       "\"" + std::string(keyword_text(k)) + "\" must be " +
                           std::string(names[static_cast<std::size_t>(kind)]));
    }

    number_rules& number(schema_draft& d) {
        return *(d.number ? d.number : d.number = &program_.numbers.emplace_back());
    }
    string_rules& string(schema_draft& d) {
        return *(d.string ? d.string : d.string = &program_.strings.emplace_back());
    }
    array_rules& array(schema_draft& d) { return *(d.array ? d.array : d.array = &program_.arrays.emplace_back()); }
    object_rules& object(schema_draft& d) {
        return *(d.object ? d.object : d.object = &program_.objects.emplace_back());
    }
    applied_rules& applied(schema_draft& d) {
        return *(d.applied ? d.applied : d.applied = &program_.applied.emplace_back());
    }

    result<void> check_identifier(const schema_draft& d, keyword k, std::uint32_t node) {
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
                return invalid(
                    d, k, node,
                    "an anchor starts with a letter or '_' and holds letters, digits, '-', '_' and '.' only");
        }
        return {};
    }

    result<void> compile_reference(schema_draft& d, keyword k, std::uint32_t node) {
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

    /// Nothing refers to them yet; in the caller's own schema they are checked all the same.
    result<void> compile_definitions(const schema_draft& d, keyword k, std::uint32_t node) {
        if (k == keyword::content_schema) {
            if (d.at.source == 0) child(d, node);
            return {};
        }
        AIVP_CHECK(require_kind(d, k, node, json_kind::object));
        const auto& t = tree(d);
        for (std::uint32_t key = node + 1; d.at.source == 0 && key < t[node].next; key = t[key + 1].next)
            child(d, key + 1);
        return {};
    }

    result<void> compile_branches(schema_draft& d, keyword k, std::uint32_t node) {
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

    result<void> compile_single(schema_draft& d, keyword k, std::uint32_t node) {
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

    result<void> compile_items(schema_draft& d, keyword k, std::uint32_t node) {
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

    std::uint32_t entry(schema_draft& d, std::string_view raw_name) {
        auto& entries = object(d).entries;
        const auto [known, added] =
            d.entries.try_emplace(std::string(raw_name), static_cast<std::uint32_t>(entries.size()));
        if (added) entries.push_back({.name = std::string(raw_name)});
        return known->second;
    }

    result<void> compile_properties(schema_draft& d, keyword k, std::uint32_t node) {
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

    std::unexpected<error> bad_pattern(const schema_draft& d, keyword k, std::uint32_t node,
                                       const pattern_problem& p) const {
        return library_.problem(p.unsupported ? errc::schema_unsupported : errc::schema_invalid,
                                {d.at.source, node, d.at.resource}, keyword_text(k), p.message,
                                p.unsupported ? "Say it without; docs/json-schema.md lists what is not supported."
                                              : "Patterns follow ECMA 262.");
    }

    /// The entries of an array of different strings.
    result<std::vector<std::uint32_t>> compile_names(schema_draft& d, keyword k, std::uint32_t node) {
        AIVP_CHECK(require_kind(d, k, node, json_kind::array));
        const auto& t = tree(d);
        std::vector<std::uint32_t> out;
        for (std::uint32_t i = node + 1; i < t[node].next; i = t[i].next) {
            if (t[i].kind != json_kind::string)
                return invalid(d, k, i, "\"" + std::string(keyword_text(k)) + "\" lists names: strings");
            const auto at = entry(d, t.raw(i));
            if (std::find(out.begin(), out.end(), at) != out.end())
                return invalid(d, k, i, "the name stands twice in the list");
            out.push_back(at);
        }
        return out;
    }

    result<void> compile_required(schema_draft& d, std::uint32_t node) {
        if (tree(d)[node].kind == json_kind::boolean)
            return invalid(d, keyword::required, node, "\"required\" must be an array",
                           "List the required names in the object's schema.");
        AIVP_TRY(const auto names, compile_names(d, keyword::required, node));
        for (const auto at : names) {
            auto& rules = object(d);
            rules.entries[at].required = true;
            rules.required.push_back(at);
            if (at < 64) rules.required_mask |= std::uint64_t{1} << at;
        }
        return {};
    }

    result<void> compile_dependencies(schema_draft& d, keyword k, std::uint32_t node) {
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

    result<void> compile_type(const schema_draft& d, std::uint32_t node) {
        const auto& t = tree(d);
        auto& schema = program_.schemas[d.index];
        schema.kinds = 0;
        bool integer = false;
        const auto add = [&](std::uint32_t n) -> result<void> {
            constexpr std::string_view names[] = {"null", "boolean", "number", "string", "array", "object"};
            const auto name = t[n].kind == json_kind::string ? t.raw(n) : std::string_view{};
            const auto known = std::find(std::begin(names), std::end(names), name);
            if (known == std::end(names) && name != "integer")
                return invalid(d, keyword::type, n,
                               "\"type\" knows null, boolean, integer, number, string, array and object");
            integer = integer || name == "integer";
            if (known != std::end(names)) schema.kinds |= static_cast<std::uint8_t>(1u << (known - std::begin(names)));
            return {};
        };
        if (t[node].kind == json_kind::array) {
            if (t[node].count == 0) return invalid(d, keyword::type, node, "\"type\" must name at least one type");
            for (std::uint32_t i = node + 1; i < t[node].next; i = t[i].next) {
                for (std::uint32_t j = node + 1; j < i; j = t[j].next)
                    if (t.text(i) == t.text(j))
                        return invalid(d, keyword::type, i, "the type stands twice in the list");
                AIVP_CHECK(add(i));
            }
        } else {
            AIVP_CHECK(add(node));
        }
        if (integer && !(schema.kinds & kind_bit(json_kind::number))) {
            schema.kinds |= kind_bit(json_kind::number);
            schema.work |= work::integer;
        }
        return {};
    }

    result<void> compile_values(const schema_draft& d, keyword k, std::uint32_t node) {
        const auto& t = tree(d);
        auto& rules = program_.values.emplace_back();
        rules.rule = k;
        rules.listed = node;
        std::vector<std::uint32_t> nodes{node};
        if (k == keyword::enum_) {
            AIVP_CHECK(require_kind(d, k, node, json_kind::array));
            nodes.clear();
            for (std::uint32_t i = node + 1; i < t[node].next; i = t[i].next) nodes.push_back(i);
        }
        for (const auto n : nodes) rules.texts.emplace_back(t.text(n));
        for (const auto n : nodes) rules.normal_texts.push_back(normal_text(t, n));
        std::sort(rules.texts.begin(), rules.texts.end());
        std::sort(rules.normal_texts.begin(), rules.normal_texts.end());
        program_.schemas[d.index].values.push_back(&rules);
        return {};
    }

    result<void> compile_bound(schema_draft& d, keyword k, std::uint32_t node) {
        const auto& t = tree(d);
        if (t[node].kind == json_kind::boolean && k != keyword::multiple_of)
            return invalid(d, k, node, "\"" + std::string(keyword_text(k)) + "\" must be a number",
                           "Its boolean form ended with draft-04: write the bound itself here.");
        AIVP_CHECK(require_kind(d, k, node, json_kind::number));
        auto& rules = number(d);
        const auto text = t.text(node);
        auto exact = parse_decimal(text);
        if (k == keyword::multiple_of) {
            if (exact.digits.empty() || exact.negative)
                return invalid(d, k, node, "\"multipleOf\" must be greater than 0");
            if (exact.digits.size() > 400)
                return library_.problem(errc::schema_unsupported, {d.at.source, node, 0}, "multipleOf",
                                        "\"multipleOf\" has more than 400 digits");
            rules.multiple_of_small = parse_small_decimal(text);
            rules.multiple_of = std::move(exact);
            return {};
        }
        if (const auto bound = parse_small_integer(text)) {
            if (k == keyword::minimum) rules.low = std::max(rules.low, *bound);
            if (k == keyword::exclusive_minimum) rules.low = std::max(rules.low, *bound + 1);
            if (k == keyword::maximum) rules.high = std::min(rules.high, *bound);
            if (k == keyword::exclusive_maximum) rules.high = std::min(rules.high, *bound - 1);
        } else {
            rules.all_small = false;
        }
        rules.bounds.push_back({k, std::move(exact), parse_small_decimal(text)});
        return {};
    }

    result<void> compile_pattern(schema_draft& d, std::uint32_t node) {
        AIVP_CHECK(require_kind(d, keyword::pattern, node, json_kind::string));
        auto compiled = pattern::compile(tree(d).string(node));
        if (!compiled) return bad_pattern(d, keyword::pattern, node, compiled.error());
        string(d).pattern = std::move(*compiled);
        return {};
    }

    result<void> compile_format(schema_draft& d, std::uint32_t node) {
        AIVP_CHECK(require_kind(d, keyword::format, node, json_kind::string));
        if (!d.rules.formats) return {};
        if (const auto known = find_format(tree(d).raw(node))) string(d).format = known;
        return {};
    }

    result<void> compile_unique(schema_draft& d, std::uint32_t node) {
        AIVP_CHECK(require_kind(d, keyword::unique_items, node, json_kind::boolean));
        if (tree(d).is_true(node)) array(d).unique = true;
        return {};
    }

    result<void> compile_count(schema_draft& d, keyword k, std::uint32_t node) {
        AIVP_CHECK(require_kind(d, k, node, json_kind::number));
        const auto value = parse_decimal(tree(d).text(node));
        if (value.negative || !value.is_integer())
            return invalid(d, k, node, "\"" + std::string(keyword_text(k)) + "\" must be a whole number, 0 or more");
        // Counts beyond 18 digits are never reached.
        std::uint64_t count = UINT64_MAX;
        if (value.exponent + static_cast<std::int64_t>(value.digits.size()) <= 18) {
            count = 0;
            for (const char c : value.digits) count = count * 10 + static_cast<unsigned>(c - '0');
            for (std::int64_t i = 0; i < value.exponent; ++i) count *= 10;
        }
        switch (k) {
        case keyword::max_length: string(d).max_length = count; break;
        case keyword::min_length: string(d).min_length = count; break;
        case keyword::max_items: array(d).max_items = count; break;
        case keyword::min_items: array(d).min_items = count; break;
        case keyword::max_contains: array(d).max_contains = count; break;
        case keyword::min_contains: array(d).min_contains = count; break;
        case keyword::max_properties: object(d).max_properties = count; break;
        default: object(d).min_properties = count; break;
        }
        return {};
    }

    void finish(schema_draft& d) {
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

    program& program_;
    schema_library library_;
    std::vector<place> places_; ///< by schema index
    std::size_t done_ = 0;
    std::map<std::pair<std::uint32_t, std::uint32_t>, schema_index> index_by_place_;
    std::map<std::uint32_t, schema_rules> rules_;
    std::map<std::string, std::uint32_t, std::less<>> dynamic_names_;
};

} // namespace

result<std::unique_ptr<const program>> compile_program(const payload& schema, const schema_options& options) {
    auto out = std::make_unique<program>();
    AIVP_CHECK(schema_compiler(*out, options).run(schema));
    return std::unique_ptr<const program>(std::move(out));
}

} // namespace aivp::schema_internal
