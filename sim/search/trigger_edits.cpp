#include "sim/search/internal/trigger_edits.hpp"

#include <algorithm>

namespace aivp::sim::internal {

std::vector<trigger_edit> one_edit_each(const run_case& c) {
    std::vector<std::vector<const trigger_edit*>> edits(c.origin()->triggers.size());
    for (const trigger_edit& e : c.edits.triggers)
        if (e.trigger < edits.size()) edits[e.trigger].push_back(&e);
    std::vector<trigger_edit> out;
    for (std::uint32_t i = 0; i < edits.size(); ++i) {
        const bool changed = std::any_of(edits[i].begin(), edits[i].end(), [](const auto* e) { return !e->added; });
        if (!changed) out.push_back({.trigger = i, .after = {}, .times = {}, .body = {}});
        for (const trigger_edit* e : edits[i]) out.push_back(*e);
    }
    return out;
}

std::vector<trigger_edit> without_empty(std::vector<trigger_edit> edits) {
    for (std::size_t i = 0; i + 1 < edits.size(); ++i) {
        if (!edits[i].dropped || !edits[i + 1].added || edits[i + 1].trigger != edits[i].trigger) continue;
        edits[i + 1].added = false;
        edits[i] = {.trigger = edits[i].trigger, .after = {}, .times = {}, .body = {}};
    }
    std::erase_if(edits, [](const trigger_edit& e) { return e.empty(); });
    return edits;
}

const planned_trigger& written_trigger(const run_case& c, const trigger_edit& e) {
    return c.origin()->triggers[e.trigger];
}

std::uint64_t times_of(const run_case& c, const trigger_edit& e) {
    return e.times.value_or(written_trigger(c, e).times);
}

duration after_of(const run_case& c, const trigger_edit& e) { return e.after.value_or(written_trigger(c, e).after); }

bool is_without(const workload_edits& edits, const planned_trigger& t) {
    return std::find(edits.without.begin(), edits.without.end(), t.agent) != edits.without.end();
}

bool is_gone(const run_case& c, const trigger_edit& e) {
    return e.dropped || is_without(c.edits, written_trigger(c, e));
}

} // namespace aivp::sim::internal
