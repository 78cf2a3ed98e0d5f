#include "sim/search/internal/shrinker.hpp"

#include <algorithm>
#include <numeric>

namespace aivp::sim::internal {

namespace {

/// What two equal cases have in common, and no two different ones. What is right for a case follows from the rest of it.
digest identity(const run_case& c) {
    workload_edits edits = c.edits;
    if (edits.expect) edits.expect->right = {};
    std::string text = std::to_string(c.seed) + " " + std::string(to_payload(edits).text());
    for (const fault& f : c.plan.faults)
        text += "\n" + f.site + " " + std::to_string(f.ordinal) + " " + std::to_string(static_cast<int>(f.kind)) + " " +
                std::to_string(f.times) + " " + std::to_string(f.severity) + " " + std::to_string(f.span.us) + " " +
                std::to_string(f.form);
    return sha256(text);
}

} // namespace

const finding* broken_in(const run_report& r, const std::string& what) {
    const auto it =
        std::find_if(r.findings.begin(), r.findings.end(), [&](const finding& f) { return f.what == what; });
    return it == r.findings.end() ? nullptr : &*it;
}

result<void> shrinker::begin() {
    case_result r = execute(best_, options_.hook);
    if (!fails(r)) {
        for (error& e : stale_faults(best_, r.report)) return std::unexpected(std::move(e));
        return fail(errc::repro_token, "the case does not break `" + property_ + "`", {best_.what->file, 0, 0},
                    "It may have been repaired since; `aivp-sim repro` shows what the run does now.");
    }
    statistics_.tries = 1;
    statistics_.faults_before = best_.plan.faults.size();
    statistics_.events_before = r.report.inputs;
    report_ = std::move(r.report);
    const finding broken = *broken_in(report_, property_);
    is_expectation_ = broken.code == errc::scenario_expectation;
    // Looked at as it is, a case stays what it was.
    const bool pins = is_expectation_ && (options_.reference || options_.tries_max > 1);
    return pins ? pin(broken) : result<void>();
}

result<void> shrinker::pin(const finding& broken) {
    workload_edits edits = best_.edits;
    if (!edits.expect) edits.expect = pin_of(*best_.what, broken);
    if (!edits.expect) return {};
    if (best_.what->expectations[best_.edits.expect ? 0 : edits.expect->number].what == expectation::kind::world)
        service_ = service_of(broken.actual);
    AIVP_TRY(run_case pinned, with_edits(best_, std::move(edits)));
    if (options_.reference) {
        auto right = right_for(pinned);
        if (!right)
            return fail(errc::repro_token, "what `" + property_ + "` comes to in the other program cannot be told",
                        {best_.what->file, 0, 0}, "It has to take the same tokens.");
        pinned = std::move(*right);
    }
    case_result r = execute(pinned, options_.hook);
    if (!fails(r))
        return fail(errc::repro_token, "the other program breaks `" + property_ + "` as well",
                    {best_.what->file, 0, 0});
    best_ = std::move(pinned);
    report_ = std::move(r.report);
    return {};
}

std::vector<bool> shrinker::required() const {
    std::vector<bool> out;
    for (std::size_t i = 0; i < best_.plan.faults.size(); ++i) {
        run_case without = best_;
        without.plan.faults.erase(without.plan.faults.begin() + static_cast<std::ptrdiff_t>(i));
        const auto c = right_for(without);
        out.push_back(!c || !fails(execute(*c, options_.hook)));
    }
    return out;
}

/// The index of the first that fails, or their number. What is right for it stands in it then.
std::size_t shrinker::first_failing(std::vector<run_case>& candidates) {
    if (!is_expectation_)
        return first_wanted(
            candidates, options_.hook, options_.jobs, [this](const case_result& r) { return fails(r); },
            options_.expired);
    for (std::size_t i = 0; i < candidates.size() && !(options_.expired && options_.expired()); ++i) {
        auto c = right_for(candidates[i]);
        if (!c || !fails(execute(*c, options_.hook))) continue;
        candidates[i] = std::move(*c);
        return i;
    }
    return candidates.size();
}

std::optional<std::size_t> shrinker::take_first(std::vector<run_case> candidates) {
    std::vector<std::size_t> index;
    std::vector<run_case> fresh;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (tried_.contains(identity(candidates[i]))) continue;
        index.push_back(i);
        fresh.push_back(std::move(candidates[i]));
    }
    if (fresh.empty() || finished()) return std::nullopt;
    // Beyond the bound nothing is looked at, whatever runs in parallel.
    fresh.resize(std::min<std::size_t>(fresh.size(), options_.tries_max - statistics_.tries));
    const std::size_t found = first_failing(fresh);
    for (std::size_t i = 0; i < found; ++i) tried_.insert(identity(fresh[i]));
    statistics_.tries += std::min(found + 1, fresh.size());
    if (found == fresh.size()) return std::nullopt;
    ++statistics_.accepted;
    best_ = std::move(fresh[found]);
    report_ = execute(best_, options_.hook).report;
    return index[found];
}

void shrinker::minimise(std::size_t n, const std::function<std::optional<run_case>(const std::vector<bool>&)>& make) {
    std::vector<std::size_t> kept(n);
    std::iota(kept.begin(), kept.end(), std::size_t{0});
    std::size_t parts = 1; // first everything at once
    while (!kept.empty() && !finished()) {
        std::vector<run_case> candidates;
        std::vector<std::vector<std::size_t>> left;
        for (std::size_t p = 0; p < parts; ++p) {
            const std::size_t begin = kept.size() * p / parts, end = kept.size() * (p + 1) / parts;
            if (begin == end) continue;
            std::vector<std::size_t> rest(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(begin));
            rest.insert(rest.end(), kept.begin() + static_cast<std::ptrdiff_t>(end), kept.end());
            std::vector<bool> keep(n, false);
            for (const std::size_t i : rest) keep[i] = true;
            if (auto c = make(keep)) {
                candidates.push_back(std::move(*c));
                left.push_back(std::move(rest));
            }
        }
        if (const auto taken = take_first(std::move(candidates))) {
            kept = std::move(left[*taken]);
            parts = std::max<std::size_t>(1, std::min(parts - (parts > 1), kept.size()));
        } else if (parts >= kept.size()) {
            return;
        } else {
            parts = std::min(2 * parts, kept.size());
        }
    }
}

void shrinker::run() {
    constexpr int rounds_max = 4;
    for (int round = 0; round < rounds_max && !finished(); ++round) {
        const std::uint64_t accepted = statistics_.accepted;
        drop_unmet();
        drop_faults();
        cut_time();
        drop_triggers();
        drop_agents();
        shorten_triggers();
        expand_triggers();
        restore_bodies();
        weaken_faults();
        lower_settings();
        close_gaps();
        lower_seed();
        if (statistics_.accepted == accepted) return;
    }
}

} // namespace aivp::sim::internal
