#include "aivp/schema/schema.hpp"

#include <algorithm>
#include <utility>

#include "runtime/schema/internal/compiler.hpp"
#include "runtime/schema/internal/evaluator.hpp"
#include "runtime/schema/internal/program.hpp"

namespace aivp {

struct json_schema::implementation {
    payload source;
    digest hash;
    std::unique_ptr<const schema_internal::program> program;
    bool accepts_anything = false;
};

namespace {

using namespace std::string_view_literals;
using schema_internal::compiled_schema;
using schema_internal::finding;
using schema_internal::json_kind;
using schema_internal::json_tree;
using schema_internal::keyword;
using schema_internal::program;

constexpr std::size_t shown_bytes_max = 160;

digest schema_hash(const payload& schema, const schema_options& options) {
    if (options.documents.empty() && options.dialect == schema_dialect::draft_2020_12 && !options.assert_formats)
        return schema.hash();
    digest_chain chain;
    chain.append(schema.hash().view());
    chain.append(std::to_string(static_cast<int>(options.dialect)) + (options.assert_formats ? "+formats" : ""));
    for (const auto& d : options.documents) {
        chain.append(d.uri);
        chain.append(d.schema.hash().view());
    }
    return chain.head();
}

/// Words for a finding. Everything quoted comes from the schema; of the instance only names of members appear.
class message_writer {
public:
    message_writer(const program& p, const json_tree& instance) : p_(p), instance_(instance) {}

    json_schema::violation violation(const finding& f) const {
        json_schema::violation out;
        out.instance_pointer = instance_.pointer(f.node);
        out.schema_pointer = location(f);
        out.keyword = keyword_text(f.rule);
        out.message = message(f);
        out.unknown_property = f.unknown_property;
        return out;
    }

private:
    const compiled_schema& schema(const finding& f) const { return p_.schemas[f.schema]; }
    const schema_internal::schema_source& source(const finding& f) const { return *p_.sources[schema(f).document]; }

    std::string location(const finding& f) const {
        const auto& s = source(f);
        auto out = (schema(f).document == 0 ? "" : s.uri + "#") + s.tree.pointer(schema(f).node);
        if (f.rule < keyword::false_schema) out.append("/").append(keyword_text(f.rule));
        return out;
    }

    /// The keyword's value as the schema has it, cut when long.
    std::string value(const finding& f) const {
        const auto& tree = source(f).tree;
        const auto node = tree.member(schema(f).node, keyword_text(f.rule));
        if (node == schema_internal::none) return "?";
        const auto text = tree.text(node);
        if (text.size() <= shown_bytes_max) return std::string(text);
        auto end = shown_bytes_max;
        while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
        return std::string(text.substr(0, end)) + "…";
    }

    std::string types(const finding& f) const {
        constexpr std::string_view names[] = {"null", "true or false", "a number", "a string", "an array", "an object"};
        std::string out;
        for (std::size_t i = 0; i < std::size(names); ++i) {
            if (!(schema(f).kinds >> i & 1)) continue;
            if (!out.empty()) out += " or ";
            out += i == static_cast<std::size_t>(json_kind::number) && schema(f).work & schema_internal::work::integer
                       ? "a whole number"sv
                       : names[i];
        }
        return out;
    }

    std::string entry(const finding& f) const { return "\"" + schema(f).object->entries[f.extra].name + "\""; }

    /// Last token of the pointer of a member.
    std::string member_name(const finding& f) const {
        return f.node == 0 ? "it" : "\"" + instance_.string(f.node - 1) + "\"";
    }

    std::string branches(const finding& f) const {
        const auto& applied = *schema(f).applied;
        const bool any = f.rule == keyword::any_of;
        if (!any && f.extra != 0)
            return "fits more than one of the alternatives of \"oneOf\", and must fit exactly one";
        const auto& list = any ? applied.any_of : applied.one_of;
        std::string out = "fits none of the " + std::to_string(list.size()) + " alternatives of \"" +
                          std::string(keyword_text(f.rule)) + "\"";
        // The alternative that got furthest into the value is the one that was meant, most of the time.
        std::optional<finding> furthest;
        std::size_t number = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto found = schema_internal::explain(p_, instance_, list[i], f.node, 1);
            if (found.empty() || (furthest && found[0].node <= furthest->node)) continue;
            furthest = found[0];
            number = i + 1;
        }
        if (!furthest || furthest->rule == keyword::any_of || furthest->rule == keyword::one_of) return out;
        auto below = instance_.pointer(furthest->node).substr(instance_.pointer(f.node).size());
        if (!below.empty()) below += " ";
        return out + "; number " + std::to_string(number) + " comes nearest: " + below + message(*furthest);
    }

    std::string message(const finding& f) const {
        switch (f.rule) {
        case keyword::false_schema: return "is not allowed here";
        case keyword::limit: return "was not checked to the end: the schema needs too much work for it";
        case keyword::type: return "must be " + types(f);
        case keyword::enum_: return "must be one of " + value(f);
        case keyword::const_: return "must be " + value(f);
        case keyword::multiple_of: return "must be a multiple of " + value(f);
        case keyword::maximum: return "must be at most " + value(f);
        case keyword::exclusive_maximum: return "must be less than " + value(f);
        case keyword::minimum: return "must be at least " + value(f);
        case keyword::exclusive_minimum: return "must be greater than " + value(f);
        case keyword::max_length: return "must have at most " + value(f) + " characters";
        case keyword::min_length: return "must have at least " + value(f) + " characters";
        case keyword::pattern: return "must match the pattern " + value(f);
        case keyword::format: return "must have the format " + value(f);
        case keyword::max_items: return "must have at most " + value(f) + " items";
        case keyword::min_items: return "must have at least " + value(f) + " items";
        case keyword::unique_items: return "must not hold the same item twice";
        case keyword::contains: return "must hold an item that fits \"contains\"";
        case keyword::min_contains: return "must hold at least " + value(f) + " items that fit \"contains\"";
        case keyword::max_contains: return "must hold at most " + value(f) + " items that fit \"contains\"";
        case keyword::max_properties: return "must have at most " + value(f) + " properties";
        case keyword::min_properties: return "must have at least " + value(f) + " properties";
        case keyword::required: return "the property " + entry(f) + " is missing";
        case keyword::dependent_required:
        case keyword::dependencies: return "the property " + entry(f) + " is missing, which another property requires";
        case keyword::additional_properties:
        case keyword::unevaluated_properties: return "the property " + member_name(f) + " is not known";
        case keyword::unevaluated_items: return "is an item too many";
        case keyword::any_of:
        case keyword::one_of: return branches(f);
        case keyword::not_: return "must not fit the schema of \"not\"";
        default: return "does not fit the schema";
        }
    }

    const program& p_;
    const json_tree& instance_;
};

json_schema::violation unreadable() {
    return {.instance_pointer = "",
            .schema_pointer = "",
            .keyword = "$limit",
            .message = "is not canonical JSON of at most 128 levels"};
}

} // namespace

json_schema::json_schema(std::shared_ptr<const implementation> i) : implementation_(std::move(i)) {}

json_schema::json_schema() : json_schema(anything()) {}

json_schema json_schema::anything() {
    static const json_schema shared = *compile(payload::of_bool(true));
    return shared;
}

result<json_schema> json_schema::compile(const payload& schema) { return compile(schema, {}); }

result<json_schema> json_schema::compile(const payload& schema, const schema_options& options) {
    auto out = std::make_shared<implementation>();
    AIVP_TRY(out->program, schema_internal::compile_program(schema, options));
    out->source = schema;
    out->hash = schema_hash(schema, options);
    const auto& root = out->program->schemas[out->program->root];
    out->accepts_anything = root.kinds == schema_internal::all_kinds && root.work == 0;
    return json_schema(std::move(out));
}

bool json_schema::accepts(const payload& instance) const {
    if (implementation_->accepts_anything) return true;
    json_tree tree;
    return tree.scan(instance.text()) &&
           schema_internal::evaluate(*implementation_->program, tree, implementation_->program->root, 0);
}

std::optional<json_schema::violation> json_schema::validate(const payload& instance) const {
    if (accepts(instance)) return std::nullopt;
    return validate_all(instance, 1).front();
}

std::vector<json_schema::violation> json_schema::validate_all(const payload& instance, std::size_t limit) const {
    std::vector<violation> out;
    if (limit == 0 || accepts(instance)) return out;
    json_tree tree;
    if (!tree.scan(instance.text())) return {unreadable()};
    const auto& p = *implementation_->program;
    const message_writer writer(p, tree);
    auto found = schema_internal::explain(p, tree, p.root, 0, limit);
    if (found.empty())
        found.push_back(
            {.node = 0, .schema = p.root, .rule = keyword::limit, .extra = 0, .order = 0, .unknown_property = false});
    for (const auto& f : found) out.push_back(writer.violation(f));
    return out;
}

const digest& json_schema::hash() const { return implementation_->hash; }
const payload& json_schema::source() const { return implementation_->source; }

} // namespace aivp
