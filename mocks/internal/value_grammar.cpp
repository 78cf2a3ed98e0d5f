#include "mocks/internal/value_grammar.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "aivp/base/time.hpp"

namespace aivp {
namespace {

constexpr std::uint32_t grammar_nodes_max = 4000;
constexpr std::uint32_t grammar_depth_max = 10;
constexpr std::int64_t grammar_span = 100;            // of a number that only one bound limits
constexpr std::int64_t grammar_items_more = 3;        // beyond the least number of items
constexpr std::int64_t grammar_text_bytes_max = 4000; // whatever a schema allows or demands
constexpr std::int64_t grammar_items_max = 64;
constexpr std::int64_t grammar_number_max = std::int64_t{1} << 53;

constexpr std::string_view grammar_words[] = {"alpha",  "report", "invoice", "monday",  "budget", "review",
                                              "north",  "sample", "seven",   "green",   "note",   "query",
                                              "river",  "team",   "plan",    "draft",   "order",  "weekly",
                                              "server", "cloud",  "paper",   "meeting", "blue",   "value"};

// The largest integer not above (or the smallest not below) a JSON number.
std::optional<std::int64_t> grammar_bound(const std::optional<payload>& value, bool upper) {
    if (!value) return std::nullopt;
    if (const auto exact = as_integer(*value)) return std::clamp(*exact, -grammar_number_max, grammar_number_max);
    double d = 0;
    const std::string_view text = value->text();
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), d);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    d = std::clamp(upper ? std::floor(d) : std::ceil(d), -9e15, 9e15);
    return static_cast<std::int64_t>(d);
}

// What two schemas that must both hold say together, as far as one keyword can say it.
payload grammar_both(const payload& a, const payload& b) {
    if (!a.is_object()) return b;
    if (!b.is_object()) return a;
    payload out = merged(a, b);
    for (const char* key : {"properties", "required"}) {
        const auto left = member(a, key);
        const auto right = member(b, key);
        if (!left || !right) continue;
        if (left->is_object() && right->is_object()) {
            out = merged(out, payload::of_object({{key, merged(*left, *right)}}));
        } else if (left->is_array() && right->is_array()) {
            auto all = items(*left);
            for (payload& p : items(*right))
                if (std::ranges::find(all, p) == all.end()) all.push_back(std::move(p));
            out = merged(out, payload::of_object({{key, payload::of_array(all)}}));
        }
    }
    return out;
}

payload grammar_without(const payload& object, std::string_view key) {
    auto all = members(object);
    std::erase_if(all, [&](const auto& m) { return m.first == key; });
    return payload::of_object(std::move(all));
}

std::string grammar_hex(random_stream& draws, int digits) {
    std::string out;
    for (int i = 0; i < digits; ++i) out += "0123456789abcdef"[draws.below(16)];
    return out;
}

std::string grammar_word(random_stream& draws) {
    return std::string(grammar_words[draws.below(std::size(grammar_words))]);
}

std::optional<std::string> grammar_formatted(std::string_view format, random_stream& draws) {
    const auto moment = [&] { return instant{1'767'225'600'000'000 + draws.between(0, 364 * 24 * 60) * 60'000'000}; };
    if (format == "date-time") return to_string(moment());
    if (format == "date") return to_string(moment()).substr(0, 10);
    if (format == "time") return to_string(moment()).substr(11);
    if (format == "email") return grammar_word(draws) + "@example.test";
    if (format == "uri" || format == "uri-reference") return "https://example.test/" + grammar_word(draws);
    if (format == "hostname") return grammar_word(draws) + ".example.test";
    if (format == "ipv4") return "192.0.2." + std::to_string(draws.below(256));
    if (format == "ipv6") return "2001:db8::" + grammar_hex(draws, 4);
    if (format == "duration") return "PT" + std::to_string(draws.between(1, 59)) + "M";
    if (format == "uuid")
        return grammar_hex(draws, 8) + "-" + grammar_hex(draws, 4) + "-4" + grammar_hex(draws, 3) + "-8" +
               grammar_hex(draws, 3) + "-" + grammar_hex(draws, 12);
    return std::nullopt;
}

} // namespace

class value_grammar::compiler {
public:
    compiler(const payload& root, std::vector<node>& nodes) : root_(root), nodes_(nodes) {}

    std::uint32_t compile(const payload& given, std::uint32_t depth) {
        if (depth > grammar_depth_max || nodes_.size() >= grammar_nodes_max) return add({});
        payload schema = resolved(given, 0);
        if (const auto value = member(schema, "const")) return add_fixed({*value});
        if (const auto values = member(schema, "enum")) {
            if (auto list = items(*values); !list.empty()) return add_fixed(std::move(list));
        }
        for (const char* key : {"anyOf", "oneOf"}) {
            const auto alternatives = member(schema, key);
            if (!alternatives) continue;
            const payload base = grammar_without(schema, key);
            node n;
            n.what = kind::any_of;
            for (const payload& a : items(*alternatives))
                n.inside.push_back(compile(grammar_both(base, resolved(a, 0)), depth + 1));
            if (!n.inside.empty()) return add(std::move(n));
        }
        const auto type = member(schema, "type");
        if (type && type->is_array()) {
            node n;
            n.what = kind::any_of;
            for (const payload& t : items(*type))
                n.inside.push_back(typed(schema, as_string(t).value_or("null"), depth));
            if (!n.inside.empty()) return add(std::move(n));
        }
        return typed(schema, (type ? as_string(*type) : std::nullopt).value_or(guessed_type(schema)), depth);
    }

private:
    std::uint32_t add(node n) {
        nodes_.push_back(std::move(n));
        return static_cast<std::uint32_t>(nodes_.size() - 1);
    }
    std::uint32_t add_fixed(std::vector<payload> values) {
        node n;
        n.what = kind::fixed;
        n.values = std::move(values);
        return add(std::move(n));
    }

    payload resolved(const payload& schema, std::uint32_t steps) {
        if (!schema.is_object() || steps > 8 || resolutions_left_ == 0)
            return schema.is_object() ? schema : payload::from_canonical("{}");
        --resolutions_left_;
        payload out = schema;
        if (const auto reference = member(out, "$ref")) {
            const std::string to = as_string(*reference).value_or("");
            out = grammar_without(out, "$ref");
            if (to.starts_with('#'))
                if (const auto found = at_pointer(root_, to.substr(1)))
                    out = grammar_both(resolved(*found, steps + 1), out);
        }
        if (const auto all = member(out, "allOf")) {
            out = grammar_without(out, "allOf");
            for (const payload& part : items(*all)) out = grammar_both(out, resolved(part, steps + 1));
        }
        return out;
    }

    static std::string guessed_type(const payload& schema) {
        if (member(schema, "properties") || member(schema, "required")) return "object";
        if (member(schema, "items") || member(schema, "prefixItems")) return "array";
        if (member(schema, "minimum") || member(schema, "maximum") || member(schema, "multipleOf")) return "integer";
        return "string";
    }

    static std::int64_t size_of(const payload& schema, const char* key, std::int64_t fallback) {
        return std::max<std::int64_t>(0, grammar_bound(member(schema, key), false).value_or(fallback));
    }

    std::uint32_t typed(const payload& schema, const std::string& type, std::uint32_t depth) {
        node n;
        if (type == "object") return object(schema, depth);
        if (type == "array") return array(schema, depth);
        if (type == "integer" || type == "number") {
            n.what = type == "integer" ? kind::integer : kind::number;
            numbers(schema, n);
        } else if (type == "string") {
            n.what = kind::string;
            n.low = size_of(schema, "minLength", 0);
            n.high = size_of(schema, "maxLength", grammar_text_bytes_max);
            if (const auto format = member(schema, "format")) n.format = as_string(*format).value_or("");
            if (const auto pattern = member(schema, "pattern"))
                n.pattern = pattern_text::compile(as_string(*pattern).value_or(""));
        } else if (type == "boolean") {
            n.what = kind::boolean;
        }
        return add(std::move(n));
    }

    static void numbers(const payload& schema, node& n) {
        auto low = grammar_bound(member(schema, "minimum"), false);
        auto high = grammar_bound(member(schema, "maximum"), true);
        if (const auto e = grammar_bound(member(schema, "exclusiveMinimum"), true))
            low = std::max(low.value_or(*e + 1), *e + 1);
        if (const auto e = grammar_bound(member(schema, "exclusiveMaximum"), false))
            high = std::min(high.value_or(*e - 1), *e - 1);
        n.low = low.value_or(high ? *high - grammar_span : 0);
        n.high = high.value_or(n.low + grammar_span);
        const auto step = member(schema, "multipleOf");
        n.step = std::max<std::int64_t>(1, (step ? as_integer(*step) : std::nullopt).value_or(1));
    }

    std::uint32_t array(const payload& schema, std::uint32_t depth) {
        node n;
        n.what = kind::array;
        const auto flag = member(schema, "uniqueItems");
        n.unique = flag && as_bool(*flag).value_or(false);
        if (const auto prefix = member(schema, "prefixItems"))
            for (const payload& p : items(*prefix)) n.inside.push_back(compile(p, depth + 1));
        const auto prefix_size = static_cast<std::int64_t>(n.inside.size());
        const auto rest = member(schema, "items");
        n.open_ended = !rest || rest->is_object() || as_bool(*rest).value_or(false);
        if (n.open_ended)
            n.inside.push_back(compile(rest && rest->is_object() ? *rest : payload::from_canonical("{}"), depth + 1));
        n.low = std::max(size_of(schema, "minItems", 0), std::int64_t{0});
        n.high = std::min(size_of(schema, "maxItems", n.low + grammar_items_more), n.low + grammar_items_more);
        if (!n.open_ended) n.high = std::min(n.high, prefix_size);
        n.low = std::min(n.low, grammar_items_max);
        n.high = std::clamp(n.high, n.low, grammar_items_max + grammar_items_more);
        return add(std::move(n));
    }

    std::uint32_t object(const payload& schema, std::uint32_t depth) {
        node n;
        n.what = kind::object;
        std::vector<std::string> required;
        if (const auto list = member(schema, "required"))
            for (const payload& r : items(*list)) required.push_back(as_string(r).value_or(""));
        payload properties = member(schema, "properties").value_or(payload::from_canonical("{}"));
        if (!properties.is_object()) properties = payload::from_canonical("{}");
        for (const std::string& key : required)
            if (!member(properties, key))
                properties = merged(properties, payload::of_object({{key, payload::from_canonical("{}")}}));
        for (const auto& [key, part] : members(properties)) {
            const bool needed = std::ranges::find(required, key) != required.end();
            const bool forbidden = !as_bool(part).value_or(true);
            if (forbidden || (!needed && depth + 2 > grammar_depth_max)) continue;
            n.properties.push_back({key, compile(part, depth + 1), needed});
        }
        return add(std::move(n));
    }

    const payload& root_;
    std::vector<node>& nodes_;
    std::uint32_t resolutions_left_ = 2 * grammar_nodes_max;
};

value_grammar value_grammar::compile(const payload& schema) {
    value_grammar g;
    g.root_ = compiler(schema, g.nodes_).compile(schema, 0);
    return g;
}

payload value_grammar::generate(random_stream& draws) const {
    std::string out;
    append(root_, draws, out);
    return payload::from_canonical(std::move(out));
}

void value_grammar::append(std::uint32_t index, random_stream& draws, std::string& out) const {
    const node& n = nodes_[index];
    switch (n.what) {
    case kind::null: out += "null"; return;
    case kind::boolean: out += draws.chance(1, 2) ? "true" : "false"; return;
    case kind::fixed: out += n.values[draws.below(n.values.size())].text(); return;
    case kind::any_of: append(n.inside[draws.below(n.inside.size())], draws, out); return;
    case kind::string: append_json_string(out, text(n, draws)); return;
    case kind::array: append_array(n, draws, out); return;
    case kind::object: append_object(n, draws, out, nullptr, nullptr); return;
    case kind::integer:
    case kind::number: break;
    }
    const std::int64_t value = n.low <= n.high ? draws.between(n.low, n.high) : n.low;
    if (n.what == kind::number && n.step == 1 && value < n.high && draws.chance(1, 3)) {
        append_number(out, static_cast<double>(value) + 0.5);
        return;
    }
    std::int64_t stepped = value - value % n.step;
    if (stepped < n.low) stepped += n.step;
    append_integer(out, stepped);
}

std::string value_grammar::text(const node& n, random_stream& draws) const {
    const auto low = static_cast<std::size_t>(std::min(n.low, grammar_text_bytes_max));
    const auto high = static_cast<std::size_t>(n.high);
    if (n.pattern) {
        std::string out;
        for (int attempt = 0; attempt < 8; ++attempt) {
            out = n.pattern->generate(draws);
            if (out.size() >= low && out.size() <= high) break;
        }
        return out;
    }
    if (auto formatted = grammar_formatted(n.format, draws)) return *formatted;
    std::string out = grammar_word(draws);
    for (std::uint64_t more = draws.below(3); more > 0 || out.size() < low; more -= more > 0)
        out += " " + grammar_word(draws);
    if (out.size() > high) out.resize(high);
    return out;
}

void value_grammar::append_array(const node& n, random_stream& draws, std::string& out) const {
    const std::int64_t count = draws.between(n.low, n.high);
    std::vector<std::string> made;
    for (std::int64_t i = 0; i < count; ++i) {
        const auto place = std::min(static_cast<std::size_t>(i), n.inside.size() - 1);
        std::string item;
        for (int attempt = 0; attempt < 8; ++attempt) {
            item.clear();
            append(n.inside[place], draws, item);
            if (!n.unique || std::ranges::find(made, item) == made.end()) break;
        }
        if (n.unique && i >= n.low && std::ranges::find(made, item) != made.end()) break;
        made.push_back(std::move(item));
    }
    out += '[';
    for (std::size_t i = 0; i < made.size(); ++i) {
        if (i > 0) out += ',';
        out += made[i];
    }
    out += ']';
}

void value_grammar::append_object(const node& n, random_stream& draws, std::string& out, const std::string* left_out,
                                  const std::string* wrong) const {
    out += '{';
    bool first = true;
    for (const property& p : n.properties) {
        const bool present = p.required || draws.chance(1, 2) || (wrong && p.key == *wrong);
        if (!present || (left_out && p.key == *left_out)) continue;
        if (!first) out += ',';
        first = false;
        append_json_string(out, p.key);
        out += ':';
        if (wrong && p.key == *wrong) {
            const kind what = nodes_[p.node].what;
            out += what == kind::object || what == kind::any_of || what == kind::fixed ? "[[[]]]"
                                                                                       : "{\"of\":\"another type\"}";
        } else {
            append(p.node, draws, out);
        }
    }
    out += '}';
}

payload value_grammar::generate_broken(random_stream& draws) const {
    const node& n = nodes_[root_];
    std::vector<const std::string*> needed;
    for (const property& p : n.properties)
        if (p.required) needed.push_back(&p.key);
    std::string out;
    switch (draws.below(4)) {
    case 0:
        if (needed.empty()) break;
        append_object(n, draws, out, needed[draws.below(needed.size())], nullptr);
        return payload::from_canonical(std::move(out));
    case 1:
        if (n.properties.empty()) break;
        append_object(n, draws, out, nullptr, &n.properties[draws.below(n.properties.size())].key);
        return payload::from_canonical(std::move(out));
    case 2:
        append(root_, draws, out);
        out.resize(out.size() - 1);
        return payload::of_string(out);
    default: break;
    }
    const payload whole = generate(draws);
    if (!whole.is_object()) return payload::of_string("no object");
    return merged(whole, payload::of_object({{"unexpected_" + grammar_word(draws), payload::of_bool(true)}}));
}

} // namespace aivp
