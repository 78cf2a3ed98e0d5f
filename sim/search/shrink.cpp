#include "sim/search/shrink.hpp"

#include <utility>

#include "sim/search/internal/shrinker.hpp"

namespace aivp::sim {

bool smaller(const failure_report& a, const failure_report& b) {
    const auto size = [](const failure_report& r) {
        return std::pair(r.shrunk.plan.faults.size(), r.shrinking.events_after);
    };
    return size(a) < size(b);
}

result<failure_report> shrink(const run_case& found, const std::string& property, const shrink_options& options) {
    internal::shrinker s(found, property, options);
    AIVP_CHECK(s.begin());
    if (s.shrinks()) s.run();
    failure_report out;
    out.found = found;
    out.shrunk = s.best();
    out.shrinking = s.statistics();
    out.shrinking.faults_after = out.shrunk.plan.faults.size();
    out.shrinking.events_after = s.report().inputs;        // explain() knows how many of them led to it
    out.what = *internal::broken_in(s.report(), property); // a case is only taken when it has one
    if (out.what.code == errc::scenario_expectation && s.shrinks()) out.required = s.required();
    if (options.explain) explain(out, options);
    return out;
}

} // namespace aivp::sim
