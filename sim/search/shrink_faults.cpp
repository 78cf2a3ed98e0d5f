// Fewer faults and weaker ones, and a small seed.
#include <algorithm>

#include "sim/search/internal/shrinker.hpp"
#include "sim/search/weaker_kinds.hpp"

namespace aivp::sim::internal {

void shrinker::drop_unmet() {
    const std::vector<std::size_t> unmet = unmet_faults(best_, report_);
    if (unmet.empty()) return;
    run_case c = best_;
    for (auto i = unmet.rbegin(); i != unmet.rend(); ++i)
        c.plan.faults.erase(c.plan.faults.begin() + static_cast<std::ptrdiff_t>(*i));
    take(std::move(c));
}

void shrinker::drop_faults() {
    const std::vector<fault> all = best_.plan.faults;
    if (all.empty()) return;
    minimise(all.size(), [&](const std::vector<bool>& keep) -> std::optional<run_case> {
        run_case c = best_;
        c.plan.faults.clear();
        for (std::size_t i = 0; i < all.size(); ++i)
            if (keep[i]) c.plan.faults.push_back(all[i]);
        return c;
    });
}

void shrinker::weaken_faults() {
    for (std::size_t i = 0; i < best_.plan.faults.size(); ++i) weaken_fault(i);
}

void shrinker::weaken_fault(std::size_t i) {
    const auto try_each = [&](const std::vector<fault>& weaker) {
        std::vector<run_case> candidates;
        for (const fault& f : weaker) {
            candidates.push_back(best_);
            candidates.back().plan.faults[i] = f;
        }
        take_first(std::move(candidates));
    };
    const fault f = best_.plan.faults[i];
    std::vector<fault> weaker;
    for (const fault_kind k : weaker_kinds(f.kind)) {
        const auto site = std::find_if(report_.sites.begin(), report_.sites.end(),
                                       [&](const fault_site& s) { return s.name == f.site; });
        if (site == report_.sites.end() || !applies(info(k), *site)) continue;
        weaker.push_back({.site = f.site, .ordinal = f.ordinal, .kind = k});
        if (info(k).repeats) weaker.back().times = f.times;
    }
    try_each(weaker);
    const fault lasting = best_.plan.faults[i];
    if (lasting.times != 1) {
        weaker.clear();
        for (const std::uint64_t n : {1, 2, 3, 4})
            if (lasting.times == fault::always || n < lasting.times) {
                weaker.push_back(lasting);
                weaker.back().times = n;
            }
        try_each(weaker);
    }
    const fault strong = best_.plan.faults[i];
    weaker.clear();
    if (!info(strong.kind).span.name.empty()) {
        for (std::uint8_t severity = 1; severity < strong.severity || (strong.span.us != 0 && severity <= 3);
             ++severity) {
            weaker.push_back(strong);
            weaker.back().severity = severity;
            weaker.back().span = {};
        }
    }
    if (strong.form != 0) {
        weaker.push_back(strong);
        weaker.back().form = 0;
    }
    try_each(weaker);
    const fault late = best_.plan.faults[i];
    weaker.clear();
    for (std::uint64_t n = 1; n < late.ordinal && n <= 3; ++n) {
        weaker.push_back(late);
        weaker.back().ordinal = n;
    }
    for (const std::uint64_t n : {late.ordinal / 2, late.ordinal - 1})
        if (n > 3 && n < late.ordinal) {
            weaker.push_back(late);
            weaker.back().ordinal = n;
        }
    try_each(weaker);
}

void shrinker::lower_seed() {
    std::vector<run_case> candidates;
    for (std::uint64_t seed = 1; seed < std::min<std::uint64_t>(best_.seed, 9); ++seed) {
        candidates.push_back(best_);
        candidates.back().seed = seed;
    }
    take_first(std::move(candidates));
}

} // namespace aivp::sim::internal
