#include "runtime/schema/internal/linker.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace aivp::schema_internal {
namespace {

/// Calls `visit` with every index by which a rule set applies a schema to the same value.
template <class Applied, class Visit>
void for_each_applied(Applied& rules, Visit&& visit) {
    for (auto& [rule, schema] : rules.all) visit(schema);
    for (auto& schema : rules.any_of) visit(schema);
    for (auto& schema : rules.one_of) visit(schema);
    for (auto& [name, schema] : rules.dependent) visit(schema);
    for (auto* schema : {&rules.not_, &rules.if_, &rules.then_, &rules.else_})
        if (*schema != none) visit(*schema);
}

bool is_only_reference(const compiled_schema& s) {
    if (s.kinds != all_kinds || s.work != work::apply) return false;
    const auto& a = *s.applied;
    return a.all.size() == 1 && a.all[0].first == keyword::ref && a.any_of.empty() && a.one_of.empty() &&
           a.dependent.empty() && a.dynamic.empty() && a.not_ == none && a.if_ == none && a.then_ == none &&
           a.else_ == none;
}

} // namespace

std::uint64_t name_head(std::string_view name) {
    std::uint64_t head = 0;
    std::memcpy(&head, name.data(), std::min<std::size_t>(name.size(), 8));
    return head;
}

std::uint64_t name_hash(std::string_view name, std::uint64_t head) {
    std::uint64_t tail = head;
    if (name.size() > 8) std::memcpy(&tail, name.data() + name.size() - 8, 8);
    std::uint64_t h = (head ^ name.size()) * 0x9e3779b97f4a7c15u;
    h = (std::rotl(h, 29) ^ tail) * 0xff51afd7ed558ccdu;
    return h ^ h >> 32;
}

void index_entries(object_rules& rules) {
    for (auto& e : rules.entries) e.head = name_head(e.name);
    if (rules.entries.size() <= linear_entries_max) return;
    rules.buckets.assign(std::bit_ceil(rules.entries.size() * 2), none);
    for (std::uint32_t i = 0; i < rules.entries.size(); ++i) {
        auto at = name_hash(rules.entries[i].name, rules.entries[i].head) & (rules.buckets.size() - 1);
        while (rules.buckets[at] != none) at = (at + 1) & (rules.buckets.size() - 1);
        rules.buckets[at] = i;
    }
}

schema_index find_circle(const program& p) {
    // Depth-first with an explicit stack; `height` is the longest chain below a finished schema.
    constexpr std::uint32_t unseen = 0;
    constexpr std::uint32_t open = none;
    std::vector<std::uint32_t> height(p.schemas.size(), unseen);
    std::vector<std::pair<schema_index, bool>> stack;
    for (schema_index start = 0; start < p.schemas.size(); ++start) {
        stack.emplace_back(start, false);
        while (!stack.empty()) {
            const auto [at, leaving] = stack.back();
            stack.pop_back();
            const auto* applied = p.schemas[at].applied;
            if (leaving) {
                std::uint32_t below = 0;
                if (applied) for_each_applied(*applied, [&](schema_index s) { below = std::max(below, height[s]); });
                height[at] = below + 1;
                if (below >= chain_max) return at;
                continue;
            }
            if (height[at] != unseen) continue;
            height[at] = open;
            stack.emplace_back(at, true);
            bool circle = false;
            if (applied) {
                for_each_applied(*applied, [&](schema_index s) {
                    circle = circle || height[s] == open;
                    if (height[s] == unseen) stack.emplace_back(s, false);
                });
            }
            if (circle) return at;
        }
    }
    return none;
}

void join_references(program& p) {
    // Evaluation must see every resource that it passes through when a dynamic reference asks for them.
    if (!p.dynamic_anchors.empty()) return;
    const auto join = [&](schema_index& s) {
        while (s != none && is_only_reference(p.schemas[s])) s = p.schemas[s].applied->all[0].second;
    };
    join(p.root);
    for (auto& s : p.schemas) {
        join(s.unevaluated_items);
        join(s.unevaluated_properties);
    }
    for (auto& rules : p.arrays) {
        for (auto& s : rules.prefix) join(s);
        join(rules.items);
        join(rules.contains);
    }
    for (auto& rules : p.objects) {
        for (auto& e : rules.entries) join(e.schema);
        for (auto& [pattern, s] : rules.patterns) join(s);
        join(rules.additional);
        join(rules.names);
    }
    for (auto& rules : p.applied) for_each_applied(rules, join);
}

} // namespace aivp::schema_internal
