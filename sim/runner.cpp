#include "sim/runner.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <span>
#include <utility>

#include "mocks/matching.hpp"
#include "mocks/tape/player.hpp"
#include "sim/durable_store.hpp"
#include "sim/expectations.hpp"
#include "sim/faulty_run.hpp"
#include "sim/recoverability.hpp"
#include "sim/workers.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t failed_runs_kept = 5;
constexpr duration rest_within = days(2); ///< longer than a day of retries, pauses and time limits
constexpr std::uint64_t items_in_memory_max = 65'536;

std::string moment_of(const simulation& s, seq_no seq, instant at, instant start) {
    const std::uint64_t n = std::min(seq.value, s.journal().size());
    const std::string digits = n == 0 ? "0000" : to_hex(s.journal().chain(n), 4);
    return digits + "@" + std::to_string((at - start).us / 1000);
}

/// Does the scenario have the place that a fault names?
bool has_site(const scenario& s, const fault& f) {
    const std::size_t begin = f.site.find('/') + 1;
    const fault_port port = f.port();
    const bool of_agent = port == fault_port::model || port == fault_port::skill || port == fault_port::user ||
                          port == fault_port::command;
    if (!of_agent) return true;
    const std::size_t end = std::min(f.site.find('/', begin), f.site.size());
    const std::string_view name = std::string_view(f.site).substr(begin, end - begin);
    const auto agent =
        std::find_if(s.agents.begin(), s.agents.end(), [name](const snapshot_ptr& a) { return a->id == name; });
    if (agent == s.agents.end()) return false;
    return port != fault_port::skill || (*agent)->find_binding(std::string_view(f.site).substr(end + 1)).has_value();
}

/// A plan that was written down and does not happen says nothing: that is an error of the plan.
void check_plan(const scenario& s, const fault_injector& faults, const durable_store* store,
                std::vector<finding>& out) {
    const std::vector<met_fault> beneath = store ? store->met() : std::vector<met_fault>{};
    for (const std::size_t i : faults.unmet()) {
        const fault& f = faults.plan().faults[i];
        if (std::any_of(beneath.begin(), beneath.end(), [i](const met_fault& m) { return m.index == i; })) continue;
        const bool known = has_site(s, f);
        const errc code = known ? errc::fault_not_met : errc::fault_no_site;
        out.push_back({code,
                       std::string(info(code).name),
                       {s.file, 0, 0},
                       known ? "call " + std::to_string(f.ordinal) + " of " + f.site : "a place of this scenario",
                       to_string(f),
                       {}});
    }
}

void collect_findings(const scenario& s, simulation& world, stop_reason stopped, bool own_plan,
                      const durable_store* store, std::vector<finding>& out) {
    for (const violation& v : world.properties().violations()) {
        if (std::find(s.muted.begin(), s.muted.end(), v.property) != s.muted.end()) continue;
        out.push_back(
            {errc::scenario_property, v.name, v.where, v.expected, v.actual, moment_of(world, v.seq, v.at, s.start)});
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
    // A plan that was kept is its own reason to be run: it must still happen.
    if (s.heals && world.faults() && world.faults()->plan() == s.faults) check_plan(s, *world.faults(), store, out);
    if (!own_plan) return;
    if (const auto failed = tape_failure(world))
        out.push_back({failed->code,
                       std::string(info(failed->code).name),
                       {},
                       "the tape answers every request, and all of it is asked for",
                       failed->message,
                       {}});
    if (world.faults()) check_plan(s, *world.faults(), store, out);
    check_expectations(s, world, out);
}

/// The faults end, and whatever was begun must come to an end: looked at after ever longer spans, so that a scenario with
/// schedules need not go on for long.
void converge(const scenario& s, simulation& world, run_report& report, std::optional<error>& failed) {
    const run_id begun{world.state().last_run};
    world.heal();
    const instant healed = world.now();
    const duration longest = std::max(s.horizon, rest_within);
    open_runs open;
    for (duration span = minutes(1);; span = span + span) {
        span = std::min(span, longest);
        report.stopped = run_through_faults(world, healed + span, s.max_events, failed);
        open = still_open(world, begun);
        if (open.unexcused.empty() || span == longest || report.stopped != stop_reason::horizon) break;
    }
    const auto told = [&](std::string what_is_open) {
        return finding{errc::not_converged,
                       std::string(info(errc::not_converged).name),
                       {s.file, 0, 0},
                       "every run that began under faults ends within " + to_string(longest) + " after them",
                       std::move(what_is_open),
                       {}};
    };
    for (const excuse* e : open.excused) report.excused.push_back({e, told(std::string(e->when))});
    // Where nothing runs any more, why that is so is the finding.
    if (!open.unexcused.empty() && !failed) report.findings.push_back(told(std::move(open.unexcused)));
}

/// What was acknowledged is there for good.
void check_acknowledged(const durable_store& store, std::vector<finding>& out) {
    if (store.watched().lost().empty()) return;
    out.push_back({errc::store_corrupt,
                   "store.acknowledged_survives",
                   {},
                   "every record that was acknowledged",
                   store.watched().lost(),
                   {}});
}

/// Of a process that did not start again: what it could not write, and what it had decided then, is of no world.
void drop_last_words(std::vector<finding>& all) {
    std::erase_if(all, [](const finding& f) {
        const bool of_commit = f.code == errc::store_commit_failed || f.code == errc::store_commit_unknown;
        return of_commit || f.what == info(property_id::trigger_ends_with_a_reason).name;
    });
}

/// Findings that are none under the faults that were met.
void excuse_findings(const fault_plan& plan, run_report& report) {
    std::vector<finding> unexcused;
    for (finding& f : report.findings) {
        if (const excuse* e = excuse_of(f, plan, report.met))
            report.excused.push_back({e, std::move(f)});
        else
            unexcused.push_back(std::move(f));
    }
    report.findings = std::move(unexcused);
}

/// What happened beneath the store.
void note_disk(const durable_store& store, instant end, run_report& report) {
    report.sites.push_back({.name = "disk", .port = fault_port::disk, .calls = store.calls()});
    std::sort(report.sites.begin(), report.sites.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    if (store.is_open()) report.disk_calls_by_commit = store.watched().calls_by_commit();
    for (met_fault m : store.met()) {
        m.at = end;
        report.met.push_back(m);
    }
}

void run_world(const scenario& s, simulation& world, bool own_plan, durable_store* store, run_report& report) {
    if (auto planned = plan_triggers(s, world); !planned) {
        report.findings.push_back({planned.error().code,
                                   "triggers",
                                   planned.error().where,
                                   "an agent that is active",
                                   planned.error().message,
                                   {}});
        return;
    }
    std::optional<error> failed;
    report.stopped = run_through_faults(world, s.start + s.horizon, s.max_events, failed);
    if (!own_plan && !failed && report.stopped != stop_reason::event_limit) converge(s, world, report, failed);
    if (failed)
        report.findings.push_back(
            {failed->code, "recovery", failed->where, "a process that starts again", failed->message, {}});
    // From here on it is looked at what became of it.
    if (store) store->heal();
    world.conclude(report.stopped);
    if (store) world.keep_journal();
    if (store) check_acknowledged(*store, report.findings);
    collect_findings(s, world, report.stopped, own_plan, store, report.findings);
    if (failed) drop_last_words(report.findings);
    report.outcome = world.outcome_digest();
    report.inputs = world.engine().last_seq().value;
    report.effects = world.ledger().effects();
    report.virtual_time = world.now() - s.start;
    report.sites = world.fault_sites();
    if (world.faults()) report.met = world.faults()->met();
    if (store) note_disk(*store, world.now(), report);
    if (world.faults()) excuse_findings(world.faults()->plan(), report);
    for (const auto& [id, run] : world.log().runs()) {
        ++report.runs;
        for (const run_log_entry& e : run.entries) report.refused_calls += e.what == run_log_entry::kind::refused;
        if (run.outcome) report.cost = checked_add(report.cost, run.outcome->cost).value_or(report.cost);
    }
    for (std::size_t p = 0; p < property_count; ++p)
        report.property_checks.push_back(world.properties().checked(static_cast<property_id>(p)));
    report.own = world.properties().own_verdicts();
    for (const violation& v : world.properties().violations())
        if (std::find(s.muted.begin(), s.muted.end(), v.property) == s.muted.end())
            report.violated.push_back(v.property);
}

planned_world run_fully(const scenario& s, std::uint64_t seed, const std::optional<fault_plan>& plan, bool own_plan,
                        const setup_hook& hook) {
    planned_world out;
    out.report.scenario = s.name;
    out.report.file = s.file;
    out.report.seed = seed;
    simulation_setup setup = make_setup(s, seed);
    setup.faults = plan;
    std::unique_ptr<durable_store> store;
    if (plan && needs_disk(*plan)) {
        store = std::make_unique<durable_store>(s.start, setup.seed, *plan);
        if (const auto opened = store->open(); !opened) {
            out.report.findings.push_back(
                {opened.error().code, "store", {}, "a store that opens", opened.error().message, {}});
            note_disk(*store, s.start, out.report);
            excuse_findings(*plan, out.report);
            return out;
        }
        setup.store = &store->port();
        setup.keeper = store.get();
    }
    if (hook) hook(setup);
    auto world = simulation::create(std::move(setup));
    if (!world) {
        out.report.findings.push_back(
            {world.error().code, "world", world.error().where, "a world that can be built", world.error().message, {}});
        return out;
    }
    out.world = std::move(*world);
    run_world(s, *out.world, own_plan, store.get(), out.report);
    return out;
}

/// Under the scenario's own plan; without one nothing is counted.
planned_world run_as_written(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    const bool counted = s.heals || !s.faults.empty();
    return run_fully(s, seed, counted ? std::optional(s.faults) : std::nullopt, !s.heals, hook);
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

/// What a run found, beside its journal and its ledger.
std::string words_of(const run_report& r) {
    std::string out = std::string("stopped: ") + to_string(r.stopped);
    for (const finding& f : r.findings) out += "\n" + f.what + ": " + f.actual + " " + f.moment;
    for (const excused_finding& e : r.excused) out += "\nexcused: " + e.what.what + ": " + e.what.actual;
    for (const met_fault& m : r.met)
        out += "\nfault " + std::to_string(m.index) + " at call " + std::to_string(m.ordinal) + ", " +
               std::to_string(m.at.us) + " us, after record " + std::to_string(m.after.value);
    return out;
}

verify_report compared(planned_world first, const planned_world& second) {
    verify_report v{std::move(first.report), std::nullopt, true};
    const std::string one = words_of(v.run), other = words_of(second.report);
    if (first.world && second.world) {
        v.diverged = compare_journals(first.world->journal(), second.world->journal());
        if (v.diverged) return v;
        const seq_no beyond{first.world->journal().size() + 1};
        if (v.run.outcome != second.report.outcome)
            v.diverged =
                divergence{beyond, first.world->ledger().to_json_lines(), second.world->ledger().to_json_lines(), {}};
        else if (one != other)
            v.diverged = divergence{beyond, one, other, {}};
    } else if (one != other) {
        v.diverged = divergence{{1}, one, other, {}};
    }
    return v;
}

} // namespace

std::optional<error> tape_failure(const simulation& world) {
    if (!world.player()) return std::nullopt;
    auto checked = check(world.player()->verdict());
    if (checked) return std::nullopt;
    return std::move(checked).error();
}

run_report run_once(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    return run_as_written(s, seed, hook).report;
}

planned_world run_planned(const scenario& s, std::uint64_t seed, const fault_plan& plan, const setup_hook& hook) {
    return run_fully(s, seed, plan, s.pinned || (plan == s.faults && !s.heals), hook);
}

verify_report verify_once(const scenario& s, std::uint64_t seed, const setup_hook& hook) {
    planned_world first = run_as_written(s, seed, hook);
    return compared(std::move(first), run_as_written(s, seed, hook));
}

verify_report verify_planned(const scenario& s, std::uint64_t seed, const fault_plan& plan, const setup_hook& hook) {
    planned_world first = run_planned(s, seed, plan, hook);
    return compared(std::move(first), run_planned(s, seed, plan, hook));
}

namespace {

struct batch_item {
    run_report report;
    std::optional<divergence> diverged;
    bool compared = false;
};

void add_verdicts(scenario_report& out, const run_report& r) {
    for (std::size_t i = 0; i < r.own.size(); ++i) {
        out.own[i].evaluations += r.own[i].evaluations;
        out.own[i].reached |= r.own[i].reached;
        out.own[i].violated |= r.own[i].violated;
    }
    for (const property_id p : r.violated)
        if (std::find(out.violated.begin(), out.violated.end(), p) == out.violated.end()) out.violated.push_back(p);
}

/// `items` belong to one scenario, by seed.
void add_items(scenario_report& out, digest_chain& chain, std::span<batch_item> items) {
    for (batch_item& item : items) {
        ++out.seeds_run;
        out.seeds_compared += item.compared;
        out.inputs += item.report.inputs;
        out.effects += item.report.effects;
        out.runs += item.report.runs;
        out.virtual_time = out.virtual_time + item.report.virtual_time;
        chain.append(item.report.outcome.view());
        for (std::size_t p = 0; p < item.report.property_checks.size(); ++p)
            out.property_checks[p] += item.report.property_checks[p];
        add_verdicts(out, item.report);
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
        return {std::move(v.run), std::move(v.diverged), v.compared};
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
        out[i].own.resize(scenarios[i]->properties.size());
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
