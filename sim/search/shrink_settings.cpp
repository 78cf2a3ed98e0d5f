// Lower limits: fewer steps, turns, attempts and probes, where that leaves fewer events.
#include <algorithm>
#include <tuple>

#include "sim/properties.hpp"
#include "sim/search/internal/shrinker.hpp"

namespace aivp::sim::internal {

namespace {

std::vector<setting_edit> with(std::vector<setting_edit> edits, const setting& s, std::int64_t to) {
    std::erase_if(edits, [&](const setting_edit& e) { return e.of == s.of && e.name == s.name; });
    edits.push_back({s.of, s.name, to});
    std::sort(edits.begin(), edits.end());
    return edits;
}

} // namespace

/// A lower limit alone often changes no number of events: it is what it makes unnecessary that counts. So the rest is
/// shrunk under it, and it is taken back when the case has not become smaller.
bool shrinker::lower(const setting& s, std::int64_t to) {
    const run_case before = best_;
    const run_report report = report_;
    const std::uint64_t accepted = statistics_.accepted;
    workload_edits next = best_.edits;
    next.settings = with(std::move(next.settings), s, to);
    if (!take_edits(std::move(next))) return false;
    drop_triggers();
    cut_time();
    if (report_.inputs < report.inputs) return true;
    best_ = before;
    report_ = report;
    statistics_.accepted = accepted;
    return false;
}

/// Only for what no right program breaks, whatever its limits: a built-in property, or an expectation beside a program that is
/// right. With fewer attempts an agent may rightly break any other.
void shrinker::lower_settings() {
    if (!is_expectation_ && !find_property(property_)) return;
    for (const setting& s : settings_of(*best_.what)) {
        std::int64_t tried = 0;
        for (const std::int64_t to : {s.least, s.value / 16, s.value / 4, s.value / 2, s.value - 1}) {
            if (to < s.least || to >= s.value || to <= tried) continue;
            tried = to;
            if (finished() || lower(s, to)) break;
        }
    }
}

} // namespace aivp::sim::internal
