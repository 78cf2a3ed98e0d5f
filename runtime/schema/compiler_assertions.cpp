// Keywords that say what a value must be: types, values, bounds, patterns, names and counts.
#include "runtime/schema/internal/schema_compiler.hpp"

#include <algorithm>
#include <utility>

namespace aivp::schema_internal {

std::unexpected<error> schema_compiler::bad_pattern(const schema_draft& d, keyword k, std::uint32_t node,
                                                    const pattern_problem& p) const {
    return library_.problem(p.unsupported ? errc::schema_unsupported : errc::schema_invalid,
                            {d.at.source, node, d.at.resource}, keyword_text(k), p.message,
                            p.unsupported ? "Say it without; docs/json-schema.md lists what is not supported."
                                          : "Patterns follow ECMA 262.");
}

result<std::vector<std::uint32_t>> schema_compiler::compile_names(schema_draft& d, keyword k, std::uint32_t node) {
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

result<void> schema_compiler::compile_required(schema_draft& d, std::uint32_t node) {
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

result<void> schema_compiler::compile_type(const schema_draft& d, std::uint32_t node) {
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
                if (t.text(i) == t.text(j)) return invalid(d, keyword::type, i, "the type stands twice in the list");
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

result<void> schema_compiler::compile_values(const schema_draft& d, keyword k, std::uint32_t node) {
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

result<void> schema_compiler::compile_bound(schema_draft& d, keyword k, std::uint32_t node) {
    const auto& t = tree(d);
    if (t[node].kind == json_kind::boolean && k != keyword::multiple_of)
        return invalid(d, k, node, "\"" + std::string(keyword_text(k)) + "\" must be a number",
                       "Its boolean form ended with draft-04: write the bound itself here.");
    AIVP_CHECK(require_kind(d, k, node, json_kind::number));
    auto& rules = number(d);
    const auto text = t.text(node);
    auto exact = parse_decimal(text);
    if (k == keyword::multiple_of) {
        if (exact.digits.empty() || exact.negative) return invalid(d, k, node, "\"multipleOf\" must be greater than 0");
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

result<void> schema_compiler::compile_pattern(schema_draft& d, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, keyword::pattern, node, json_kind::string));
    auto compiled = pattern::compile(tree(d).string(node));
    if (!compiled) return bad_pattern(d, keyword::pattern, node, compiled.error());
    string(d).pattern = std::move(*compiled);
    return {};
}

result<void> schema_compiler::compile_format(schema_draft& d, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, keyword::format, node, json_kind::string));
    if (!d.rules.formats) return {};
    if (const auto known = find_format(tree(d).raw(node))) string(d).format = known;
    return {};
}

result<void> schema_compiler::compile_unique(schema_draft& d, std::uint32_t node) {
    AIVP_CHECK(require_kind(d, keyword::unique_items, node, json_kind::boolean));
    if (tree(d).is_true(node)) array(d).unique = true;
    return {};
}

result<void> schema_compiler::compile_count(schema_draft& d, keyword k, std::uint32_t node) {
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

} // namespace aivp::schema_internal
