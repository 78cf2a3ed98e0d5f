#include "sim/search/doubles.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <utility>

#include "aivp/base/hash.hpp"
#include "sim/search/token.hpp"
#include "sim/workers.hpp"

namespace aivp::sim {

namespace {

constexpr std::uint64_t cases_in_memory_max = 512;
constexpr std::size_t shown_max = 5;

thread_local std::string under_way;

struct doubled {
    run_case met;
    verify_report found;
    std::optional<std::string> thrown;
};

/// Which places there are, as a search finds them.
result<search_report> census_of(const std::shared_ptr<const scenario>& s, const doubles_options& options) {
    search_options o;
    o.first_seed = options.first_seed;
    o.singles_max = o.pairs_max = o.seeds = 0;
    o.shrinks = false;
    o.jobs = options.jobs;
    o.hook = options.hook;
    return search(s, o);
}

doubled run_case_twice(run_case c, const setup_hook& hook) {
    doubled out{std::move(c), {}, {}};
    under_way = to_token(out.met);
    try {
        out.found = verify_planned(*out.met.what, out.met.seed, out.met.plan, hook);
    } catch (...) {
        out.thrown = text_of_thrown();
    }
    under_way.clear();
    return out;
}

void add(doubles_report& out, digest_chain& chain, doubled&& one) {
    if (one.thrown) {
        if (out.thrown.size() < shown_max) out.thrown.emplace_back(std::move(one.met), std::move(*one.thrown));
        return;
    }
    const run_report& r = one.found.run;
    out.compared += one.found.compared;
    out.inputs += r.inputs;
    out.broken += !r.findings.empty();
    chain.append(r.outcome.view());
    std::set<fault_kind> kinds;
    for (const met_fault& m : r.met) kinds.insert(one.met.plan.faults[m.index].kind);
    for (const fault_kind k : kinds) ++out.met[static_cast<std::size_t>(k)];
    out.faulty += !kinds.empty();
    if (!one.found.diverged) return;
    ++out.diverged;
    if (out.first.size() < shown_max) out.first.push_back({std::move(one.met), std::move(*one.found.diverged)});
}

} // namespace

const std::string& case_under_way() { return under_way; }

result<doubles_report> run_twice(const std::shared_ptr<const scenario>& s, const doubles_options& options) {
    doubles_report out;
    out.what = s;
    out.met.assign(fault_kind_count, 0);
    AIVP_TRY(const search_report found, census_of(s, options));
    if (!found.passed()) {
        out.fails_by_itself = found.failures.empty() ? finding{} : found.failures.front().what;
        return out;
    }
    census places;
    places.seeds.push_back(options.first_seed);
    places.add(found.sites, 0);
    fault_filter filter;
    const bool vary_workload = take_swarm(*s, filter) && options.vary_workload;
    const plan_space space(std::move(places), filter);
    digest_chain chain;
    for (std::uint64_t begin = 0; begin < options.seeds; begin += cases_in_memory_max) {
        if (options.progress) options.progress(begin, options.seeds);
        std::vector<doubled> cases(std::min(cases_in_memory_max, options.seeds - begin));
        std::atomic<std::size_t> next{0};
        run_on_threads(std::max(1U, options.jobs), [&] {
            for (std::size_t i = next++; i < cases.size(); i = next++)
                cases[i] =
                    run_case_twice(drawn_case(space, s, options.first_seed + begin + i, vary_workload), options.hook);
        });
        for (doubled& one : cases) add(out, chain, std::move(one));
    }
    out.outcomes = chain.head();
    return out;
}

} // namespace aivp::sim
