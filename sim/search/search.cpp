#include "sim/search/search.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "aivp/base/nearest.hpp"
#include "runtime/base/probe_recorder.hpp"
#include "sim/search/shrink.hpp"

namespace aivp::sim {

const char* to_string(search_stage s) {
    switch (s) {
    case search_stage::census: return "census";
    case search_stage::singles: return "single faults";
    case search_stage::disk: return "faults of the disk";
    case search_stage::pairs: return "pairs";
    case search_stage::swarm: return "random plans";
    case search_stage::shrinking: return "shrinking";
    }
    return "";
}

const char* to_string(search_guide g) {
    switch (g) {
    case search_guide::nothing: return "nothing";
    case search_guide::steps: return "steps";
    case search_guide::all: return "all";
    }
    return "";
}

std::optional<search_guide> parse_search_guide(std::string_view word) {
    for (const search_guide g : {search_guide::nothing, search_guide::steps, search_guide::all})
        if (word == to_string(g)) return g;
    return std::nullopt;
}

std::uint64_t search_report::clean_seeds_wanted() const {
    return swarm.failed == 0 ? 0 : (3 * swarm.tried + swarm.failed - 1) / swarm.failed;
}

namespace {

constexpr std::size_t chunk = 64;
/// A fault that nothing meets, but for which the store stands on the simulated disk.
constexpr std::uint64_t never = 1'000'000'000;
constexpr std::size_t faults_of_a_plan = 8;

/// A failing case with how often one like it was met.
struct met_failure {
    run_case met;
    finding what;
    failure_signature signature;
    std::uint64_t inputs = 0;
    std::uint64_t seeds_tried = 0; ///< executions up to it
    std::uint64_t also = 0;
};

/// The parent with one fault more, less, elsewhere or replaced; now and then under another seed.
run_case mutated(const plan_space& space, const run_case& parent, std::uint64_t seed) {
    random_stream stream(seed, "swarm", "mutation", "");
    run_case c = parent;
    const std::vector<fault> drawn = space.draw(seed).faults;
    std::vector<fault>& faults = c.plan.faults;
    const std::uint64_t what = stream.below(5);
    if (what == 0 && faults.size() > 1) {
        faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(stream.below(faults.size())));
    } else if (what == 1 && !faults.empty()) {
        fault& f = faults[stream.below(faults.size())];
        f.ordinal = std::max<std::int64_t>(1, static_cast<std::int64_t>(f.ordinal) + stream.between(-2, 2));
    } else if (what == 2 && !faults.empty() && !drawn.empty()) {
        faults[stream.below(faults.size())] = drawn[stream.below(drawn.size())];
    } else if (what == 3) {
        c.seed = seed;
    } else if (!drawn.empty() && faults.size() < 2 * faults_of_a_plan) {
        faults.push_back(drawn[stream.below(drawn.size())]);
    }
    return c;
}

/// The run of the first seed once more: for when its calls were and, when the store is to stand on the simulated disk, for
/// the disk's own place.
void look_closer(run_case c, bool on_disk, const setup_hook& hook, census& found) {
    if (on_disk) c.plan.faults.push_back({.site = "disk", .ordinal = never, .kind = fault_kind::disk_slow});
    const executed_case run = execute_fully(c, hook);
    std::vector<fault_site> of_disk;
    for (const fault_site& s : run.result.report.sites)
        if (s.port == fault_port::disk) of_disk.push_back(s);
    found.add(of_disk, 0);
    found.place(run);
}

/// Takes in what is new, and says whether anything was. Both are sorted.
bool add_all(std::vector<std::uint64_t>& known, const std::vector<std::uint64_t>& more) {
    if (std::includes(known.begin(), known.end(), more.begin(), more.end())) return false;
    std::vector<std::uint64_t> both;
    std::set_union(known.begin(), known.end(), more.begin(), more.end(), std::back_inserter(both));
    known = std::move(both);
    return true;
}

class searcher {
public:
    searcher(const std::shared_ptr<const scenario>& s, const search_options& options)
        : scenario_(s), options_(options) {
        report_.what = s;
        report_.property_checks.assign(property_count, 0);
        report_.met.assign(fault_kind_count, 0);
    }
    result<search_report> run();

private:
    bool expired() {
        if (!report_.out_of_time && options_.expired && options_.expired()) report_.out_of_time = true;
        return report_.out_of_time;
    }
    void tell(search_stage stage, std::uint64_t done, std::uint64_t all) {
        if (options_.progress) options_.progress(stage, done, all);
    }
    result<void> check_filter(const fault_filter& filter) const;
    void take_census(const fault_filter& filter);
    /// True when the run reached something that the guide takes for new.
    bool count(const run_case& c, const case_result& r, stage_count& stage);
    void stage(search_stage which, stage_count& counts, std::uint64_t n,
               const std::function<run_case(std::size_t)>& make);
    void try_singles(const plan_space& space);
    void swarm(const plan_space& space);
    void swarm_guided(const plan_space& space);
    void shrink_failures();
    std::vector<const met_failure*> worth_shrinking() const;

    std::shared_ptr<const scenario> scenario_;
    const search_options& options_;
    bool varies_workload_ = true;
    search_report report_;
    census found_;
    std::map<failure_signature, met_failure> failures_;
    reached_things reached_;
};

result<void> searcher::check_filter(const fault_filter& filter) const {
    std::vector<std::string> names;
    for (const fault_kind_info& k : fault_kinds()) names.push_back(full_name(k));
    for (const auto* patterns : {&filter.kinds, &filter.swarm})
        for (const std::string& p : *patterns) {
            if (!matching_kinds(p).empty()) continue;
            const std::string near = nearest_name(p, names);
            return fail(errc::config_value, "there is no kind of fault `" + p + "`", {},
                        near.empty() ? "`aivp-sim faults` lists them." : "Did you mean `" + near + "`?");
        }
    if (filter.site.empty()) return {};
    for (const fault_site& s : report_.sites)
        if (filter.admits(s)) return {};
    return fail(errc::fault_no_site, "the scenario has no place `" + filter.site + "`", {scenario_->file, 0, 0});
}

bool searcher::count(const run_case& c, const case_result& r, stage_count& stage) {
    const bool step = add_all(reached_.steps, r.reached.steps);
    const bool state = add_all(reached_.states, r.reached.states);
    const bool probe = add_all(reached_.probes, r.reached.probes);
    const bool reached_more = step || (options_.guide == search_guide::all && (state || probe));
    ++stage.tried;
    ++report_.runs;
    report_.inputs += r.report.inputs;
    for (std::size_t p = 0; p < r.report.property_checks.size(); ++p)
        report_.property_checks[p] += r.report.property_checks[p];
    std::set<fault_kind> kinds;
    for (const met_fault& m : r.report.met) kinds.insert(c.plan.faults[m.index].kind);
    for (const fault_kind k : kinds) ++report_.met[static_cast<std::size_t>(k)];
    for (const excused_finding& e : r.report.excused) ++report_.excused[static_cast<std::size_t>(e.why->id)];
    if (!r.failed()) return reached_more;
    ++stage.failed;
    ++report_.failed;
    met_failure f{c, r.report.findings.front(), r.signature, r.report.inputs, report_.runs, 0};
    const auto [known, is_new] = failures_.try_emplace(r.signature, f);
    if (is_new) return reached_more;
    const auto size = [](const met_failure& m) { return std::pair(m.met.plan.faults.size(), m.inputs); };
    const std::uint64_t also = known->second.also + 1;
    if (size(f) < size(known->second)) known->second = std::move(f);
    known->second.also = also;
    return reached_more;
}

void searcher::stage(search_stage which, stage_count& counts, std::uint64_t n,
                     const std::function<run_case(std::size_t)>& make) {
    counts.planned = n;
    for (std::size_t begin = 0; begin < n && !expired(); begin += chunk) {
        tell(which, begin, n);
        execute_all(
            std::min<std::size_t>(chunk, n - begin), [&](std::size_t i) { return make(begin + i); }, options_.hook,
            options_.jobs, chunk,
            [&](std::size_t, const run_case& c, case_result& r) {
                count(c, r, counts);
                return true;
            });
    }
}

void searcher::try_singles(const plan_space& space) {
    const std::uint64_t of_disk = space.disk_singles(), others = space.singles() - of_disk;
    const std::uint64_t share_of_disk = others == 0 ? options_.singles_max : options_.singles_max / 10;
    const auto try_some = [&](search_stage which, stage_count& counts, std::uint64_t begin, std::uint64_t all,
                              std::uint64_t most, const char* purpose) {
        counts.possible = all;
        const auto some = sample_evenly(all, most, purpose);
        stage(which, counts, some.size(),
              [&](std::size_t i) { return with_plan(scenario_, space.single(begin + some[i])); });
    };
    try_some(search_stage::singles, report_.singles, 0, others, options_.singles_max, "single faults");
    try_some(search_stage::disk, report_.disk, others, of_disk, share_of_disk, "single faults of the disk");
}

void searcher::swarm(const plan_space& space) {
    report_.swarm.possible = options_.seeds;
    if (options_.guide != search_guide::nothing) return swarm_guided(space);
    stage(search_stage::swarm, report_.swarm, options_.seeds, [&](std::size_t i) {
        const std::uint64_t seed = options_.first_seed + i;
        return drawn_case(space, scenario_, seed, varies_workload_);
    });
}

void searcher::swarm_guided(const plan_space& space) {
    // A generation sees what the ones before it reached, so that its plans do not depend on how many run at once.
    constexpr std::uint64_t generation = 64;
    std::vector<run_case> interesting;
    stage_count& counts = report_.swarm;
    counts.planned = options_.seeds;
    for (std::uint64_t begin = 0; begin < options_.seeds && !expired(); begin += generation) {
        tell(search_stage::swarm, begin, options_.seeds);
        const std::vector<run_case> parents = interesting;
        const auto make = [&](std::size_t i) {
            const std::uint64_t seed = options_.first_seed + begin + i;
            random_stream choice(seed, "swarm", "parent", "");
            if (parents.empty() || begin < options_.guided_from || choice.chance(1, 2))
                return drawn_case(space, scenario_, seed, varies_workload_);
            // What is new is looked at most.
            const std::uint64_t back = choice.chance(1, 2) ? choice.below(std::min<std::uint64_t>(8, parents.size()))
                                                           : choice.below(parents.size());
            return mutated(space, parents[parents.size() - 1 - back], seed);
        };
        execute_all(std::min(generation, options_.seeds - begin), make, options_.hook, options_.jobs, generation,
                    [&](std::size_t, const run_case& c, case_result& r) {
                        if (count(c, r, counts) && !r.failed()) interesting.push_back(c);
                        return true;
                    });
    }
}

/// The smallest of each property first, then the second smallest of each: many ways to break one property do not hide
/// another.
std::vector<const met_failure*> searcher::worth_shrinking() const {
    std::map<std::string, std::vector<const met_failure*>> by_property;
    for (const auto& [signature, f] : failures_) by_property[signature.property].push_back(&f);
    std::vector<const met_failure*> out;
    for (auto& [property, all] : by_property)
        std::stable_sort(all.begin(), all.end(), [](const met_failure* a, const met_failure* b) {
            return std::tuple(a->met.plan.faults.size(), a->inputs, a->seeds_tried) <
                   std::tuple(b->met.plan.faults.size(), b->inputs, b->seeds_tried);
        });
    for (std::size_t n = 0; out.size() < failures_.size(); ++n)
        for (const auto& [property, all] : by_property)
            if (n < all.size()) out.push_back(all[n]);
    return out;
}

void searcher::shrink_failures() {
    std::map<failure_signature, failure_report> shrunk;
    std::size_t tries = 0;
    const std::vector<const met_failure*> all = worth_shrinking();
    for (const met_failure* f : all) {
        if (tries == options_.failures_max) {
            report_.not_examined += 1 + f->also;
            continue;
        }
        tell(search_stage::shrinking, tries, std::min(all.size(), options_.failures_max));
        ++tries;
        shrink_options o;
        o.tries_max = options_.shrinks ? options_.shrink_tries : 1;
        o.expired = options_.shrink_expired;
        o.jobs = options_.jobs;
        o.hook = options_.hook;
        auto r = shrink(f->met, f->signature.property, o);
        if (!r) continue; // only a run that differs from itself: `verify` is there to say so
        r->seeds_tried = f->seeds_tried;
        r->also = f->also;
        const auto [known, is_new] = shrunk.try_emplace(r->signature, *r);
        if (is_new) continue;
        const std::uint64_t also = known->second.also + 1 + f->also;
        if (smaller(*r, known->second)) known->second = std::move(*r);
        known->second.also = also;
    }
    for (auto& [signature, r] : shrunk) report_.failures.push_back(std::move(r));
    std::stable_sort(report_.failures.begin(), report_.failures.end(), smaller);
}

void searcher::take_census(const fault_filter& filter) {
    report_.census.planned = report_.census.possible = options_.census_seeds;
    tell(search_stage::census, 0, options_.census_seeds);
    execute_all(
        options_.census_seeds,
        [&](std::size_t i) { return run_case{scenario_, options_.first_seed + i, scenario_->faults}; }, options_.hook,
        options_.jobs, chunk,
        [&](std::size_t, const run_case& c, case_result& r) {
            found_.seeds.push_back(c.seed);
            found_.add(r.report.sites, found_.seeds.size() - 1);
            count(c, r, report_.census);
            return true;
        });
    const bool asks_for_disk = std::any_of(fault_kinds().begin(), fault_kinds().end(), [&](const fault_kind_info& k) {
        return k.port == fault_port::disk && filter.admits(k);
    });
    const bool on_disk = asks_for_disk && filter.admits(fault_site{.name = "disk", .port = fault_port::disk});
    if (on_disk || options_.pairs_max > 0)
        look_closer({scenario_, options_.first_seed, scenario_->faults}, on_disk, options_.hook, found_);
    for (const site_census& s : found_.sites) report_.sites.push_back(s.site);
}

result<search_report> searcher::run() {
    const probe_recording recording;
    fault_filter filter = options_.filter;
    varies_workload_ = take_swarm(*scenario_, filter) && options_.vary_workload;
    take_census(filter);
    AIVP_CHECK(check_filter(filter));
    // Under its own plan it is broken already: whatever is added to that tells nothing new.
    if (report_.failed == 0) {
        const plan_space space(std::move(found_), filter);
        try_singles(space);
        const std::vector<planned_case> pairs = space.pairs(options_.pairs_max);
        report_.pairs.possible = pairs.size();
        stage(search_stage::pairs, report_.pairs, pairs.size(),
              [&](std::size_t i) { return with_plan(scenario_, pairs[i]); });
        if (!space.empty()) swarm(space);
    }
    report_.reached = reached_.steps.size();
    report_.states = reached_.states.size();
    report_.probes = reached_.probes.size();
    shrink_failures();
    return std::move(report_);
}

} // namespace

result<search_report> search(const std::shared_ptr<const scenario>& s, const search_options& options) {
    return searcher(s, options).run();
}

} // namespace aivp::sim
