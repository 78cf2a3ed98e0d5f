#include "sim/runner.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <utility>

#include "mocks/matching.hpp"
#include "mocks/tape/player.hpp"
#include "sim/expectations.hpp"
#include "sim/workers.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t failed_runs_kept = 5;
constexpr std::uint64_t items_in_memory_max = 65'536;

std::string moment_of(const simulation& s, seq_no seq, instant at, instant start) {
    const std::uint64_t n = std::min(seq.value, s.journal().size());
    const std::string digits = n == 0 ? "0000" : to_hex(s.journal().chain(n), 4);
    return digits + "@" + std::to_string((at - start).us / 1000);
}

void collect_findings(const scenario& s, simulation& world, stop_reason stopped, std::vector<finding>& out) {
    for (const violation& v : world.properties().violations()) {
        if (std::find(s.muted.begin(), s.muted.end(), v.property) != s.muted.end()) continue;
        out.push_back({errc::scenario_property,
                       std::string(info(v.property).name),
                       {},
                       v.expected,
                       v.actual,
                       moment_of(world, v.seq, v.at, s.start)});
    }
    if (stopped == stop_reason::event_limit)
        out.push_back({errc::scenario_budget,
                       "max_events",
                       {s.file, 0, 0},
                       "at most " + std::to_string(s.max_events) + " events",
                       "more",
                       {}});
    for (const error& e : world.engine().failures())
        out.push_back({e.code, std::string(info(e.code).name), {}, "every commit succeeds", e.message, {}});
    if (const auto failed = tape_failure(world))
        out.push_back({failed->code,
                       std::string(info(failed->code).name),
                       {},
                       "the tape answers every request, and all of it is asked for",
                       failed->message,
                       {}});
    check_expectations(s, world, out);
}

void run_world(const scenario& s, simulation& world, run_report& report) {
    if (auto planned = plan_triggers(s, world); !planned) {
        report.findings.push_back({planned.error().code,
                                   "triggers",
                                   planned.error().where,
                                   "an agent that is active",
                                   planned.error().message,
                                   {}});
        return;
    }
    report.stopped = world.run(s.start + s.horizon, s.max_events);
    world.conclude(report.stopped);
    collect_findings(s, world, report.stopped, report.findings);
    report.outcome = world.outcome_digest();
    report.inputs = world.engine().last_seq().value;
    report.effects = world.ledger().effects();
    report.virtual_time = world.now() - s.start;
    for (const auto& [id, run] : world.log().runs()) {
        ++report.runs;
        for (const run_log_entry& e : run.entries) report.refused_calls += e.what == run_log_entry::kind::refused;
        if (run.outcome) report.cost = checked_add(report.cost, run.outcome->cost).value_or(report.cost);
    }
    for (std::size_t p = 0; p < property_count; ++p)
        report.property_checks.push_back(world.properties().checked(static_cast<property_id>(p)));
}

struct ended_run {
    run_report report;
    std::unique_ptr<simulation> world; ///< null when it could not be built
};

ended_run run_fully(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    ended_run out;
    out.report.scenario = s.name;
    out.report.file = s.file;
    out.report.seed = seed;
    simulation_setup setup = make_setup(s, seed);
    if (hook) hook(setup);
    auto world = simulation::create(std::move(setup));
    if (!world) {
        out.report.findings.push_back(
            {world.error().code, "world", world.error().where, "a world that can be built", world.error().message, {}});
        return out;
    }
    out.world = std::move(*world);
    run_world(s, *out.world, out.report);
    return out;
}

std::optional<divergence> compare_journals(const memory_store& a, const memory_store& b) {
    const std::uint64_t common = std::min(a.size(), b.size());
    std::uint64_t low = 0, high = common; // chains are equal up to `low`
    while (low < high) {
        const std::uint64_t middle = (low + high + 1) / 2;
        if (a.chain(middle) == b.chain(middle))
            low = middle;
        else
            high = middle - 1;
    }
    if (low == common && a.size() == b.size()) return std::nullopt;
    divergence d;
    d.seq = {low + 1};
    if (low < a.size()) d.first = a.line(low + 1);
    if (low < b.size()) d.second = b.line(low + 1);
    const auto left = payload::parse(d.first), right = payload::parse(d.second);
    if (left && right) d.differences = differences(*left, *right, 8);
    return d;
}

} // namespace

std::optional<error> tape_failure(const simulation& world) {
    if (!world.player()) return std::nullopt;
    auto checked = check(world.player()->verdict());
    if (checked) return std::nullopt;
    return std::move(checked).error();
}

run_report run_once(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    return run_fully(s, seed, hook).report;
}

verify_report verify_once(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    ended_run first = run_fully(s, seed, hook);
    const ended_run second = run_fully(s, seed, hook);
    verify_report v{std::move(first.report), std::nullopt};
    if (!first.world || !second.world) return v;
    v.diverged = compare_journals(first.world->journal(), second.world->journal());
    if (!v.diverged && v.run.outcome != second.report.outcome) {
        v.diverged = divergence{{first.world->journal().size() + 1}, {}, {}, {}};
        v.diverged->first = first.world->ledger().to_json_lines();
        v.diverged->second = second.world->ledger().to_json_lines();
    }
    return v;
}

namespace {

struct batch_item {
    run_report report;
    std::optional<divergence> diverged;
};

/// `items` belong to one scenario, by seed.
void add_items(scenario_report& out, digest_chain& chain, std::span<batch_item> items) {
    for (batch_item& item : items) {
        ++out.seeds_run;
        out.inputs += item.report.inputs;
        out.effects += item.report.effects;
        out.runs += item.report.runs;
        out.virtual_time = out.virtual_time + item.report.virtual_time;
        chain.append(item.report.outcome.view());
        for (std::size_t p = 0; p < item.report.property_checks.size(); ++p)
            out.property_checks[p] += item.report.property_checks[p];
        if (item.diverged && !out.diverged) out.diverged = {item.report.seed, std::move(*item.diverged)};
        if (item.report.passed()) continue;
        ++out.seeds_failed;
        if (out.failed.size() < failed_runs_kept) out.failed.push_back(std::move(item.report));
    }
}

batch_item run_item(const scenario& s, std::uint64_t seed, const batch_options& options) {
    batch_item out;
    try {
        if (!options.verify) {
            out.report = run_once(s, seed, options.hook);
            return out;
        }
        verify_report v = verify_once(s, seed, options.hook);
        return {std::move(v.run), std::move(v.diverged)};
    } catch (...) {
        out.report.scenario = s.name;
        out.report.file = s.file;
        out.report.seed = seed;
        out.report.findings = {
            {errc::internal_bug, "internal.bug", {s.file, 0, 0}, "a run throws nothing", text_of_thrown(), {}}};
    }
    return out;
}

} // namespace

std::vector<scenario_report> run_batch(const std::vector<std::shared_ptr<const scenario>>& scenarios,
                                       const batch_options& options) {
    std::vector<scenario_report> out(scenarios.size());
    std::vector<digest_chain> chains(scenarios.size());
    for (std::size_t i = 0; i < scenarios.size(); ++i) {
        out[i].what = scenarios[i];
        out[i].property_checks.assign(property_count, 0);
    }
    const std::uint64_t all = scenarios.size() * options.seeds;
    std::vector<batch_item> items;
    std::uint64_t done = 0;
    std::mutex progress;
    for (std::uint64_t begin = 0; begin < all; begin += items.size()) {
        items.assign(std::min<std::uint64_t>(all - begin, items_in_memory_max), {});
        std::atomic<std::size_t> next{0};
        run_on_threads(options.jobs, [&] {
            for (std::size_t i = next++; i < items.size(); i = next++) {
                const std::uint64_t n = begin + i;
                items[i] = run_item(*scenarios[n / options.seeds], options.first_seed + n % options.seeds, options);
                if (!options.progress) continue;
                const std::lock_guard lock(progress);
                options.progress(++done, all);
            }
        });
        for (std::size_t i = 0; i < items.size();) {
            const std::size_t which = (begin + i) / options.seeds;
            const std::size_t count =
                std::min<std::uint64_t>(items.size() - i, (which + 1) * options.seeds - (begin + i));
            add_items(out[which], chains[which], std::span(items).subspan(i, count));
            i += count;
        }
    }
    for (std::size_t i = 0; i < scenarios.size(); ++i) out[i].outcomes = chains[i].head();
    return out;
}

} // namespace aivp::sim
