#include "runtime/schema/internal/evaluator.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace aivp::schema_internal {
namespace {

/// A set of small numbers; no allocation up to 64.
class mark_set {
public:
    explicit mark_set(std::size_t size) {
        if (size > 64) large_.resize((size + 63) / 64);
    }
    void set(std::uint32_t i) { word(i) |= std::uint64_t{1} << i % 64; }
    bool test(std::uint32_t i) const { return (large_.empty() ? small_ : large_[i / 64]) >> i % 64 & 1; }
    std::uint64_t first_word() const { return large_.empty() ? small_ : large_[0]; }
    void merge(const mark_set& other) {
        small_ |= other.small_;
        for (std::size_t i = 0; i < large_.size(); ++i) large_[i] |= other.large_[i];
    }

private:
    std::uint64_t& word(std::uint32_t i) { return large_.empty() ? small_ : large_[i / 64]; }
    std::uint64_t small_ = 0;
    std::vector<std::uint64_t> large_;
};

constexpr std::uint16_t work_by_kind(json_kind kind) {
    constexpr std::uint16_t common = work::value | work::apply;
    switch (kind) {
    case json_kind::number: return common | work::integer | work::number;
    case json_kind::string: return common | work::string;
    case json_kind::array: return common | work::array | work::unevaluated_items;
    case json_kind::object: return common | work::object | work::unevaluated_properties;
    default: return common;
    }
}
constexpr std::uint16_t relevant_work[] = {work_by_kind(json_kind::null),   work_by_kind(json_kind::boolean),
                                           work_by_kind(json_kind::number), work_by_kind(json_kind::string),
                                           work_by_kind(json_kind::array),  work_by_kind(json_kind::object)};

/// What every evaluation of one instance shares, whichever way it is done.
struct evaluation {
    const program& p;
    const json_tree& instance;
    std::uint64_t steps_left;
    std::uint32_t depth = 0;
    bool given_up = false;
    std::vector<std::uint32_t> scope; ///< resources entered, outermost first; kept only for dynamic references
    std::vector<finding>* findings = nullptr;
    std::size_t limit = 0;
    std::uint32_t found = 0;
};

bool earlier(const finding& a, const finding& b) { return a.node != b.node ? a.node < b.node : a.order < b.order; }

/// Marks what a schema has looked at, for unevaluatedItems and unevaluatedProperties: ordinals of items or members.
using evaluated_set = mark_set;

/// `report` decides whether the first broken rule ends the work (false) or all are collected (true).
template <bool report>
class evaluator {
public:
    explicit evaluator(evaluation& e)
        : e_(e), schemas_(e.p.schemas.data()), tree_(e.instance), nodes_(e.instance.nodes()) {}

    bool check(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        const auto& schema = schemas_[s];
        const auto kind = nodes_[n].kind;
        if (!(schema.kinds >> static_cast<unsigned>(kind) & 1))
            return broken(n, s, schema.is_false ? keyword::false_schema : keyword::type);
        const auto todo = static_cast<std::uint16_t>(schema.work & relevant_work[static_cast<std::size_t>(kind)]);
        if (todo == 0) return true;
        return check_work(s, n, todo, evaluated);
    }

private:
    /// The same evaluation without findings: for what may fail without breaking anything.
    bool probe(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        return evaluator<false>(e_).check(s, n, evaluated);
    }

    bool broken(std::uint32_t n, schema_index s, keyword rule, std::uint32_t extra = none,
                bool unknown_property = false) {
        if constexpr (report) {
            const finding f{n, s, rule, extra, e_.found++, unknown_property};
            auto& list = *e_.findings;
            if (list.size() < e_.limit) {
                list.push_back(f);
                std::push_heap(list.begin(), list.end(), earlier);
            } else if (earlier(f, list.front())) {
                std::pop_heap(list.begin(), list.end(), earlier);
                list.back() = f;
                std::push_heap(list.begin(), list.end(), earlier);
            }
        }
        return false;
    }

    bool check_work(schema_index s, std::uint32_t n, std::uint16_t todo, evaluated_set* evaluated) {
        if (e_.steps_left == 0 || e_.depth >= evaluation_depth_max) {
            e_.given_up = true;
            e_.steps_left = 0;
            return false;
        }
        --e_.steps_left;
        ++e_.depth;
        const auto& schema = schemas_[s];
        const bool enters = !e_.p.dynamic_anchors.empty() && (e_.scope.empty() || e_.scope.back() != schema.resource);
        if (enters) e_.scope.push_back(schema.resource);
        const bool ok = todo & (work::unevaluated_items | work::unevaluated_properties)
                            ? check_with_unevaluated(s, n, todo, evaluated)
                            : check_rules(s, n, todo, evaluated);
        if (enters) e_.scope.pop_back();
        --e_.depth;
        return ok;
    }

    bool check_rules(schema_index s, std::uint32_t n, std::uint16_t todo, evaluated_set* evaluated) {
        const auto& schema = schemas_[s];
        bool ok = true;
        if (todo & work::integer && !is_integer(n)) return broken(n, s, keyword::type);
        if (todo & work::string) ok = check_string(s, n);
        if (todo & work::number) ok = check_number(s, n);
        if (todo & work::object && (ok || report)) ok &= check_object(s, n, evaluated);
        if (todo & work::array && (ok || report)) ok &= check_array(s, n, evaluated);
        if (todo & work::value && (ok || report)) {
            for (const auto* rules : schema.values)
                if (!is_listed(*rules, n)) ok = broken(n, s, rules->rule);
        }
        if (todo & work::apply && (ok || report)) ok &= check_applied(s, n, evaluated);
        return ok;
    }

    bool check_with_unevaluated(schema_index s, std::uint32_t n, std::uint16_t todo, evaluated_set* outer) {
        evaluated_set own(nodes_[n].count);
        bool ok = check_rules(s, n, todo, &own);
        // After a failure it is not known what the failed part would have looked at.
        if (!ok) return false;
        const auto& schema = schemas_[s];
        const bool object = nodes_[n].kind == json_kind::object;
        const auto rest = object ? schema.unevaluated_properties : schema.unevaluated_items;
        std::uint32_t ordinal = 0;
        for (std::uint32_t i = n + 1; i < nodes_[n].next; ++ordinal) {
            const std::uint32_t value = object ? i + 1 : i;
            if (!own.test(ordinal)) {
                own.set(ordinal);
                const auto rule = object ? keyword::unevaluated_properties : keyword::unevaluated_items;
                if (schemas_[rest].is_false ? !broken(value, s, rule, none, object) : !check(rest, value, nullptr))
                    ok = false;
                if (!ok && !report) return false;
            }
            i = nodes_[value].next;
        }
        if (ok && outer) outer->merge(own);
        return ok;
    }

    bool is_integer(std::uint32_t n) const {
        if (!(nodes_[n].flags & json_node::fraction)) return true;
        return parse_decimal(tree_.text(n)).is_integer();
    }

    bool check_number(schema_index s, std::uint32_t n) {
        const auto& rules = *schemas_[s].number;
        const auto text = tree_.text(n);
        bool ok = true;
        const auto integer = nodes_[n].flags & json_node::fraction ? std::nullopt : parse_small_integer(text);
        const bool within = integer && rules.all_small && *integer >= rules.low && *integer <= rules.high;
        if (within && !rules.multiple_of) return true;
        const auto small = integer ? small_decimal{*integer, 0} : parse_small_decimal(text);
        for (const auto& bound : rules.bounds) {
            if (within) break;
            auto order = small && bound.small ? compare(*small, *bound.small) : std::nullopt;
            if (!order) order = compare(parse_decimal(text), bound.exact);
            const bool kept = bound.rule == keyword::minimum             ? *order >= 0
                              : bound.rule == keyword::maximum           ? *order <= 0
                              : bound.rule == keyword::exclusive_minimum ? *order > 0
                                                                         : *order < 0;
            if (!kept) ok = broken(n, s, bound.rule);
        }
        if (rules.multiple_of && (ok || report)) {
            auto multiple =
                small && rules.multiple_of_small ? is_multiple(*small, *rules.multiple_of_small) : std::nullopt;
            if (!multiple) multiple = is_multiple(parse_decimal(text), *rules.multiple_of);
            if (!*multiple) ok = broken(n, s, keyword::multiple_of);
        }
        return ok;
    }

    bool check_string(schema_index s, std::uint32_t n) {
        const auto& rules = *schemas_[s].string;
        const auto flags = nodes_[n].flags;
        std::string decoded;
        auto text = tree_.raw(n);
        if (flags & json_node::escaped) text = decoded = unescape(text);
        bool ok = true;
        if (rules.min_length != 0 || rules.max_length != UINT64_MAX) {
            std::uint64_t length = text.size();
            if (flags & json_node::non_ascii)
                length = static_cast<std::uint64_t>(
                    std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
            if (length < rules.min_length) ok = broken(n, s, keyword::min_length);
            if (length > rules.max_length) ok = broken(n, s, keyword::max_length);
        }
        if (rules.pattern && (ok || report) && !rules.pattern->found_in(text)) ok = broken(n, s, keyword::pattern);
        if (rules.format && (ok || report) && !has_format(*rules.format, text)) ok = broken(n, s, keyword::format);
        return ok;
    }

    bool is_listed(const value_rules& rules, std::uint32_t n) const {
        if (nodes_[n].flags & json_node::ambiguous)
            return std::binary_search(rules.normal_texts.begin(), rules.normal_texts.end(), normal_text(tree_, n));
        const auto text = tree_.text(n);
        if (rules.texts.size() <= 8)
            return std::find(rules.texts.begin(), rules.texts.end(), text) != rules.texts.end();
        return std::binary_search(rules.texts.begin(), rules.texts.end(), text);
    }

    bool check_array(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        const auto& rules = *schemas_[s].array;
        const auto& node = nodes_[n];
        bool ok = true;
        if (node.count < rules.min_items) ok = broken(n, s, keyword::min_items);
        if (node.count > rules.max_items) ok = broken(n, s, keyword::max_items);
        if (!ok && !report) return false;
        if (rules.items != none || !rules.prefix.empty()) {
            std::uint32_t ordinal = 0;
            for (std::uint32_t i = n + 1; i < node.next; i = nodes_[i].next, ++ordinal) {
                const auto item = ordinal < rules.prefix.size() ? rules.prefix[ordinal] : rules.items;
                if (item == none) break;
                if (evaluated) evaluated->set(ordinal);
                if (!check(item, i, nullptr)) {
                    if (!report) return false;
                    ok = false;
                }
            }
        }
        if (rules.contains != none) ok &= check_contains(s, n, evaluated);
        if (rules.unique && (ok || report) && !has_unique_items(n)) ok = broken(n, s, keyword::unique_items);
        return ok;
    }

    bool check_contains(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        const auto& rules = *schemas_[s].array;
        std::uint64_t matches = 0;
        std::uint32_t ordinal = 0;
        const bool all = (evaluated && rules.contains_counts) || rules.max_contains != UINT64_MAX;
        for (std::uint32_t i = n + 1; i < nodes_[n].next && (all || matches < rules.min_contains);
             i = nodes_[i].next, ++ordinal) {
            if (!probe(rules.contains, i, nullptr)) continue;
            ++matches;
            if (evaluated && rules.contains_counts) evaluated->set(ordinal);
        }
        if (matches < rules.min_contains)
            return broken(n, s, rules.min_contains == 1 ? keyword::contains : keyword::min_contains);
        if (matches > rules.max_contains) return broken(n, s, keyword::max_contains);
        return true;
    }

    bool has_unique_items(std::uint32_t n) const {
        const auto& node = nodes_[n];
        if (node.count < 2) return true;
        if (node.flags & json_node::ambiguous) {
            std::vector<std::string> texts;
            for (std::uint32_t i = n + 1; i < node.next; i = nodes_[i].next) texts.push_back(normal_text(tree_, i));
            std::sort(texts.begin(), texts.end());
            return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
        }
        constexpr std::uint32_t pairwise_max = 12;
        if (node.count <= pairwise_max) {
            for (std::uint32_t i = n + 1; i < node.next; i = nodes_[i].next)
                for (std::uint32_t k = nodes_[i].next; k < node.next; k = nodes_[k].next)
                    if (tree_.text(i) == tree_.text(k)) return false;
            return true;
        }
        std::vector<std::string_view> texts;
        texts.reserve(node.count);
        for (std::uint32_t i = n + 1; i < node.next; i = nodes_[i].next) texts.push_back(tree_.text(i));
        std::sort(texts.begin(), texts.end());
        return std::adjacent_find(texts.begin(), texts.end()) == texts.end();
    }

    /// First eight bytes of a key, as name_head() gives them.
    std::uint64_t key_head(std::string_view name) const {
        const auto offset = static_cast<std::size_t>(name.data() - tree_.data());
        if (name.size() >= 8 || offset + 8 <= tree_.document().size()) {
            std::uint64_t block;
            std::memcpy(&block, name.data(), 8);
            if (name.size() >= 8) return block;
            if constexpr (std::endian::native == std::endian::little)
                return block & ((std::uint64_t{1} << name.size() * 8) - 1);
        }
        return name_head(name);
    }

    static bool is_entry(const property_entry& e, std::string_view name, std::uint64_t head) {
        return e.head == head && e.name.size() == name.size() &&
               (name.size() <= 8 || std::memcmp(e.name.data() + 8, name.data() + 8, name.size() - 8) == 0);
    }

    /// `next` is the entry after the last one found: keys mostly come in the order of the schema.
    std::uint32_t find_entry(const object_rules& rules, std::string_view name, std::uint32_t& next) const {
        const auto& entries = rules.entries;
        const auto size = static_cast<std::uint32_t>(entries.size());
        if (size == 0) return none;
        const auto head = key_head(name);
        if (next < size && is_entry(entries[next], name, head)) return next++;
        if (rules.buckets.empty()) {
            for (std::uint32_t i = 0; i < size; ++i)
                if (is_entry(entries[i], name, head)) return next = i + 1, i;
            return none;
        }
        const auto mask = rules.buckets.size() - 1;
        for (auto at = name_hash(name, head) & mask; rules.buckets[at] != none; at = (at + 1) & mask)
            if (is_entry(entries[rules.buckets[at]], name, head))
                return next = rules.buckets[at] + 1, rules.buckets[at];
        return none;
    }

    bool check_object(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        const auto& rules = *schemas_[s].object;
        const auto& node = nodes_[n];
        bool ok = true;
        if (node.count < rules.min_properties) ok = broken(n, s, keyword::min_properties);
        if (node.count > rules.max_properties) ok = broken(n, s, keyword::max_properties);
        if (!ok && !report) return false;
        mark_set seen(rules.entries.size());
        std::uint32_t next = 0;
        std::uint32_t ordinal = 0;
        for (std::uint32_t key = n + 1; key < node.next; key = nodes_[key + 1].next, ++ordinal) {
            bool known = false;
            if (const auto entry = find_entry(rules, tree_.raw(key), next); entry != none) {
                seen.set(entry);
                if (const auto schema = rules.entries[entry].schema; schema != none) {
                    known = true;
                    ok &= check(schema, key + 1, nullptr);
                }
            }
            if (!rules.patterns.empty()) ok &= check_patterns(rules, key, known);
            if (!known && rules.additional != none) {
                known = true;
                ok &= check_additional(s, key + 1);
            }
            if (rules.names != none) ok &= check(rules.names, key, nullptr);
            if (known && evaluated) evaluated->set(ordinal);
            if (!ok && !report) return false;
        }
        const bool all_there =
            rules.entries.size() <= 64 && (seen.first_word() & rules.required_mask) == rules.required_mask;
        if (!all_there) ok &= check_required(s, n, seen);
        if (!rules.dependencies.empty() && (ok || report)) ok &= check_dependencies(s, n, seen);
        return ok;
    }

    bool check_patterns(const object_rules& rules, std::uint32_t key, bool& known) {
        const auto name = tree_.string(key);
        bool ok = true;
        for (const auto& [pattern, schema] : rules.patterns) {
            if (!pattern.found_in(name)) continue;
            known = true;
            ok &= check(schema, key + 1, nullptr);
        }
        return ok;
    }

    bool check_additional(schema_index s, std::uint32_t value) {
        const auto additional = schemas_[s].object->additional;
        if (schemas_[additional].is_false) return broken(value, s, keyword::additional_properties, none, true);
        return check(additional, value, nullptr);
    }

    bool check_required(schema_index s, std::uint32_t n, const mark_set& seen) {
        bool ok = true;
        for (const auto entry : schemas_[s].object->required)
            if (!seen.test(entry)) ok = broken(n, s, keyword::required, entry);
        return ok;
    }

    bool check_dependencies(schema_index s, std::uint32_t n, const mark_set& seen) {
        bool ok = true;
        for (const auto& dependency : schemas_[s].object->dependencies) {
            if (!seen.test(dependency.trigger)) continue;
            for (const auto entry : dependency.needed)
                if (!seen.test(entry)) ok = broken(n, s, dependency.rule, entry);
        }
        return ok;
    }

    bool check_applied(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        const auto& rules = *schemas_[s].applied;
        bool ok = true;
        for (const auto& [rule, schema] : rules.all) {
            ok &= check(schema, n, evaluated);
            if (!ok && !report) return false;
        }
        for (const auto& target : rules.dynamic) ok &= check(resolve(target), n, evaluated);
        if (!rules.any_of.empty() && (ok || report)) ok &= check_any_of(s, n, evaluated);
        if (!rules.one_of.empty() && (ok || report)) ok &= check_one_of(s, n, evaluated);
        if (rules.not_ != none && (ok || report) && probe(rules.not_, n, nullptr)) ok = broken(n, s, keyword::not_);
        if (rules.if_ != none && (ok || report)) {
            const auto branch = try_branch(rules.if_, n, evaluated) ? rules.then_ : rules.else_;
            if (branch != none) ok &= check(branch, n, evaluated);
        }
        if (!rules.dependent.empty() && nodes_[n].kind == json_kind::object) {
            for (const auto& [name, schema] : rules.dependent)
                if ((ok || report) && has_member(n, name)) ok &= check(schema, n, evaluated);
        }
        return ok;
    }

    /// What a branch that fails has looked at does not count.
    bool try_branch(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        if (!evaluated) return probe(s, n, nullptr);
        evaluated_set own(nodes_[n].count);
        if (!probe(s, n, &own)) return false;
        evaluated->merge(own);
        return true;
    }

    bool check_any_of(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        bool any = false;
        for (const auto branch : schemas_[s].applied->any_of) {
            any |= try_branch(branch, n, evaluated);
            if (any && !evaluated) return true;
        }
        return any || broken(n, s, keyword::any_of);
    }

    bool check_one_of(schema_index s, std::uint32_t n, evaluated_set* evaluated) {
        std::uint32_t matches = 0;
        for (const auto branch : schemas_[s].applied->one_of) {
            if (try_branch(branch, n, evaluated) && ++matches == 2) return broken(n, s, keyword::one_of, matches);
        }
        return matches == 1 || broken(n, s, keyword::one_of, matches);
    }

    bool has_member(std::uint32_t n, std::string_view raw_name) const {
        for (std::uint32_t key = n + 1; key < nodes_[n].next; key = nodes_[key + 1].next)
            if (tree_.raw(key) == raw_name) return true;
        return false;
    }

    /// The outermost resource on the way here that has the anchor decides.
    schema_index resolve(const dynamic_target& target) const {
        if (target.anchor == none) return target.schema;
        const auto& table = e_.p.dynamic_anchors[target.anchor];
        for (const auto resource : e_.scope) {
            const auto at = std::lower_bound(table.begin(), table.end(), std::pair{resource, schema_index{0}});
            if (at != table.end() && at->first == resource) return at->second;
        }
        return target.schema;
    }

    evaluation& e_;
    const compiled_schema* schemas_;
    const json_tree& tree_;
    const json_node* nodes_;
};

evaluation begin_evaluation(const program& p, const json_tree& instance) {
    return {.p = p,
            .instance = instance,
            .steps_left = evaluation_steps_base + evaluation_steps_per_node * instance.size()};
}

} // namespace

bool evaluate(const program& p, const json_tree& instance, schema_index schema, std::uint32_t node) {
    auto e = begin_evaluation(p, instance);
    return evaluator<false>(e).check(schema, node, nullptr) && !e.given_up;
}

std::vector<finding> explain(const program& p, const json_tree& instance, schema_index schema, std::uint32_t node,
                             std::size_t limit) {
    auto e = begin_evaluation(p, instance);
    std::vector<finding> out;
    e.findings = &out;
    e.limit = limit;
    const bool ok = evaluator<true>(e).check(schema, node, nullptr);
    // What was found before giving up may itself be a consequence of it.
    if (e.given_up) return {{node, schema, keyword::limit, none, 0, false}};
    std::sort_heap(out.begin(), out.end(), earlier);
    if (!ok && out.empty()) out.push_back({node, schema, keyword::false_schema, none, 0, false});
    return out;
}

} // namespace aivp::schema_internal
