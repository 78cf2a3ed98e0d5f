#include "sim/search/case.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "runtime/base/probe_recorder.hpp"
#include "sim/search/coverage.hpp"
#include "sim/search/journal_view.hpp"
#include "sim/workers.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t signature_records = 3;

/// The kinds of what was told and of what became of it, in the last records up to `seq`.
digest last_events(const journal_text& journal, seq_no seq) {
    std::string kinds;
    const std::size_t end = std::min<std::size_t>(seq.value, journal.records.size());
    for (std::size_t i = end - std::min(end, signature_records); i < end; ++i) {
        const record_view r = view_of(journal.records[i].line);
        kinds += r.input + "(";
        for (const event_view& e : r.events) kinds += e.type + " ";
        kinds += ")";
    }
    return sha256(kinds);
}

journal_text journal_of(const simulation& world) {
    journal_text out;
    const memory_store& store = world.journal();
    out.records.reserve(store.size());
    for (std::uint64_t n = 1; n <= store.size(); ++n) {
        const std::string_view line = store.line(n);
        out.records.push_back({std::string(line), {number_of(line, "at")}, store.chain(n)});
    }
    return out;
}

void sign(const run_case& c, case_result& result, const journal_text& journal) {
    if (result.report.findings.empty()) return;
    const finding& f = result.report.findings.front();
    result.signature = {f.what, last_events(journal, seq_of(f, journal, c.what->start))};
}

case_result broken_case(const run_case& c, const std::string& text) {
    case_result out;
    out.report.scenario = c.what->name;
    out.report.file = c.what->file;
    out.report.seed = c.seed;
    out.report.findings = {
        {errc::internal_bug, "internal.bug", {c.what->file, 0, 0}, "a run throws nothing", text, {}}};
    out.signature.property = "internal.bug";
    return out;
}

} // namespace

result<run_case> with_edits(const run_case& c, workload_edits edits) {
    run_case out = c;
    out.written = c.origin();
    AIVP_TRY(out.what, apply_edits(out.written, edits));
    out.edits = std::move(edits);
    return out;
}

const finding* case_result::find(std::string_view what) const {
    for (const finding& f : report.findings)
        if (f.what == what) return &f;
    return nullptr;
}

std::string journal_text::moment(seq_no seq, instant start) const {
    if (seq.value == 0 || seq.value > records.size()) return "0000@0";
    const record& r = records[seq.value - 1];
    return to_hex(r.chain, 4) + "@" + std::to_string((r.at - start).us / 1000);
}

executed_case execute_fully(const run_case& c, const setup_hook& hook) {
    executed_case out;
    try {
        planned_world run = run_planned(*c.what, c.seed, c.plan, hook);
        out.result.report = std::move(run.report);
        if (run.world) out.journal = journal_of(*run.world);
        out.world = std::move(run.world);
        sign(c, out.result, out.journal);
    } catch (...) {
        out.result = broken_case(c, text_of_thrown());
    }
    return out;
}

case_result execute(const run_case& c, const setup_hook& hook) {
    std::optional<probe_recorder> probes;
    if (probe_recording::active()) probes.emplace();
    try {
        planned_world run = run_planned(*c.what, c.seed, c.plan, hook);
        case_result out{std::move(run.report), {}, {}};
        if (run.world) out.reached = reached_by(run.world->journal());
        if (probes) out.reached.probes = probes->hits();
        // Most runs pass: only the journal of one that does not is read.
        if (out.failed() && run.world)
            sign(c, out, journal_of(*run.world));
        else if (out.failed())
            out.signature.property = out.report.findings.front().what;
        return out;
    } catch (...) {
        return broken_case(c, text_of_thrown());
    }
}

seq_no seq_of(const finding& f, const journal_text& journal, instant start) {
    for (std::uint64_t n = journal.records.size(); n > 0 && !f.moment.empty(); --n)
        if (journal.moment({n}, start) == f.moment) return {n};
    return {journal.records.size()};
}

std::vector<std::size_t> unmet_faults(const run_case& c, const run_report& report) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < c.plan.faults.size(); ++i)
        if (std::none_of(report.met.begin(), report.met.end(), [&](const met_fault& m) { return m.index == i; }))
            out.push_back(i);
    return out;
}

std::vector<error> stale_faults(const run_case& c, const run_report& report) {
    std::vector<error> out;
    for (const std::size_t i : unmet_faults(c, report)) {
        const fault& f = c.plan.faults[i];
        const auto site = std::find_if(report.sites.begin(), report.sites.end(),
                                       [&](const fault_site& s) { return s.name == f.site; });
        if (site == report.sites.end())
            out.push_back({errc::fault_no_site,
                           "`" + to_string(f) + "`: the scenario has no place `" + f.site + "`",
                           {c.what->file, 0, 0},
                           {},
                           {}});
        else
            out.push_back({errc::fault_not_met,
                           "`" + to_string(f) + "` was not met: the place was called " + std::to_string(site->calls) +
                               (site->calls == 1 ? " time" : " times"),
                           {c.what->file, 0, 0},
                           {},
                           {}});
    }
    return out;
}

std::size_t first_wanted(std::span<const run_case> cases, const setup_hook& hook, unsigned jobs,
                         const std::function<bool(const case_result&)>& wanted, const std::function<bool()>& stop) {
    const std::size_t width = std::max(1u, jobs);
    std::vector<char> is_wanted;
    for (std::size_t begin = 0; begin < cases.size(); begin += width) {
        if (stop && stop()) break;
        const std::size_t count = std::min(width, cases.size() - begin);
        is_wanted.assign(count, 0);
        std::atomic<std::size_t> next{0};
        run_on_threads(static_cast<unsigned>(count), [&] {
            for (std::size_t i = next++; i < count; i = next++) is_wanted[i] = wanted(execute(cases[begin + i], hook));
        });
        const auto it = std::find(is_wanted.begin(), is_wanted.end(), 1);
        if (it != is_wanted.end()) return begin + static_cast<std::size_t>(it - is_wanted.begin());
    }
    return cases.size();
}

std::size_t execute_all(std::size_t count, const std::function<run_case(std::size_t)>& make, const setup_hook& hook,
                        unsigned jobs, std::size_t chunk,
                        const std::function<bool(std::size_t, const run_case&, case_result&)>& visit) {
    for (std::size_t begin = 0; begin < count; begin += chunk) {
        const std::size_t n = std::min(chunk, count - begin);
        std::vector<run_case> cases(n);
        std::vector<case_result> results(n);
        std::atomic<std::size_t> next{0};
        run_on_threads(std::max(1u, jobs), [&] {
            for (std::size_t i = next++; i < n; i = next++) {
                cases[i] = make(begin + i);
                results[i] = execute(cases[i], hook);
            }
        });
        for (std::size_t i = 0; i < n; ++i)
            if (!visit(begin + i, cases[i], results[i])) return begin + i + 1;
    }
    return count;
}

} // namespace aivp::sim
