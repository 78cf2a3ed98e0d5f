#include "sim/search/shrink.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "sim/search/story.hpp"
#include "sim/search/token.hpp"
#include "sim/search/workload_space.hpp"

namespace aivp::sim {

namespace {

constexpr std::size_t value_tries = 6; ///< of each kind of replacement; all must fail in the same way
constexpr std::size_t seed_tries = 20;
constexpr std::size_t free_values_max = 6;
constexpr std::uint64_t seeds_without_faults = 50;

class explainer {
public:
    explainer(failure_report& report, const shrink_options& options)
        : report_(report), case_(report.shrunk), options_(options) {}

    void find_required();
    void count_without();
    void find_free_values();
    void find_nearest();
    void tell();

private:
    bool expired() const { return options_.expired && options_.expired(); }
    /// Do all of them break the property?
    bool all_fail(const std::vector<run_case>& cases) {
        if (cases.empty() || expired()) return false;
        const std::string& property = report_.what.what;
        const auto passes = [&](const case_result& r) { return r.find(property) == nullptr; };
        return first_wanted(cases, options_.hook, options_.jobs, passes, {}) == cases.size();
    }
    run_case without_fault(std::size_t i) const {
        run_case c = case_;
        c.plan.faults.erase(c.plan.faults.begin() + static_cast<std::ptrdiff_t>(i));
        return c;
    }
    /// The case with `value` replaced in all payloads that hold it under this name; nothing when a schema forbids that.
    std::optional<run_case> with_value(const std::string& name, const payload& value, const payload& other) const;
    void find_free_value(const std::string& name, const payload& value);
    std::vector<run_case> with_values(const std::string& name, const payload& value,
                                      const std::function<payload(random_stream&)>& draw) const;
    void find_free_spans();
    bool compare(const run_case& passing, const std::string& words);

    failure_report& report_;
    const run_case& case_;
    const shrink_options& options_;
};

void explainer::find_required() {
    report_.required.assign(case_.plan.faults.size(), false);
    for (std::size_t i = 0; i < case_.plan.faults.size() && !expired(); ++i)
        report_.required[i] = execute(without_fault(i), options_.hook).find(report_.what.what) == nullptr;
}

/// With the faults away and nothing else changed: does it pass under every seed?
void explainer::count_without() {
    if (case_.plan.empty()) return;
    const auto make = [&](std::size_t i) {
        run_case c = case_;
        c.plan = {};
        c.seed = case_.seed + i;
        return c;
    };
    execute_all(seeds_without_faults, make, options_.hook, options_.jobs, 16,
                [&](std::size_t, const run_case&, case_result& r) {
                    ++report_.seeds_without;
                    report_.passed_without += r.find(report_.what.what) == nullptr;
                    return !expired();
                });
}

/// What a payload without members is called.
constexpr const char* whole_payload = "payload";

struct leaf {
    std::string name; ///< the key, or whole_payload
    payload value;
    friend bool operator<(const leaf& a, const leaf& b) {
        return std::pair(a.name, a.value.text()) < std::pair(b.name, b.value.text());
    }
};

void collect_leaves(const payload& value, const std::string& name, std::set<leaf>& out) {
    if (value.is_object()) {
        for (const auto& [key, inner] : members(value)) collect_leaves(inner, key, out);
    } else if (value.is_array()) {
        for (const payload& inner : items(value)) collect_leaves(inner, name, out);
    } else if (as_string(value) || as_integer(value)) {
        out.insert({name, value});
    }
}

payload replaced(const payload& value, const std::string& name, const leaf& what, const payload& other) {
    if (value.is_object()) {
        auto all = members(value);
        for (auto& [key, inner] : all) inner = replaced(inner, key, what, other);
        return payload::of_object(std::move(all));
    }
    if (value.is_array()) {
        auto all = items(value);
        for (payload& inner : all) inner = replaced(inner, name, what, other);
        return payload::of_array(all);
    }
    return name == what.name && value == what.value ? other : value;
}

std::optional<run_case> explainer::with_value(const std::string& name, const payload& value,
                                              const payload& other) const {
    auto changed = std::make_shared<scenario>(*case_.what);
    for (planned_trigger& t : changed->triggers) {
        t.body = replaced(t.body, whole_payload, {name, value}, other);
        if (!accepts_payload(*changed, t, t.body)) return std::nullopt;
    }
    run_case c = case_;
    c.what = std::move(changed);
    return c;
}

std::vector<run_case> explainer::with_values(const std::string& name, const payload& value,
                                             const std::function<payload(random_stream&)>& draw) const {
    random_stream stream(case_.seed, "explain", name, std::string(value.text()));
    std::vector<run_case> out;
    for (std::size_t i = 0; i < 3 * value_tries && out.size() < value_tries; ++i) {
        const payload other = draw(stream);
        if (other == value) continue;
        if (auto c = with_value(name, value, other)) out.push_back(std::move(*c));
    }
    if (out.size() < value_tries) out.clear(); // too few to say "any"
    return out;
}

void explainer::find_free_value(const std::string& name, const payload& value) {
    if (as_string(value)) {
        const auto draw = [](random_stream& s) {
            return payload::of_string("v" + std::to_string(s.below(1'000'000'000)));
        };
        if (all_fail(with_values(name, value, draw))) report_.free_values.push_back("any " + name);
        return;
    }
    const auto positive = [](random_stream& s) {
        return payload::of_integer(s.between(1, s.chance(1, 2) ? 100 : 1'000'000));
    };
    if (!all_fail(with_values(name, value, positive))) return;
    const auto negative = [](random_stream& s) { return payload::of_integer(-s.between(0, 1'000'000)); };
    report_.free_values.push_back("any " + name + (all_fail(with_values(name, value, negative)) ? "" : " > 0"));
}

void explainer::find_free_spans() {
    std::vector<run_case> cases;
    std::string name;
    for (std::size_t i = 0; i < case_.plan.faults.size(); ++i) {
        const fault& f = case_.plan.faults[i];
        if (info(f.kind).span.name.empty()) continue;
        name = info(f.kind).span.name;
        for (const std::int64_t part : {10, 3}) {
            cases.push_back(case_);
            cases.back().plan.faults[i].span = {std::max<std::int64_t>(1, f.effective_span().us / part)};
            cases.push_back(case_);
            cases.back().plan.faults[i].span = {std::min(f.effective_span().us * part, days(300).us)};
        }
    }
    if (all_fail(cases)) report_.free_values.push_back("any `" + name + "` of the fault");
}

void explainer::find_free_values() {
    std::set<leaf> leaves;
    for (const planned_trigger& t : case_.what->triggers) collect_leaves(t.body, whole_payload, leaves);
    for (const leaf& l : leaves) {
        if (report_.free_values.size() >= free_values_max || expired()) return;
        find_free_value(l.name, l.value);
    }
    std::vector<run_case> seeds;
    for (std::uint64_t i = 0; i < seed_tries; ++i) {
        seeds.push_back(case_);
        seeds.back().seed = 1000 + i;
    }
    if (all_fail(seeds)) report_.free_values.push_back("any seed");
    find_free_spans();
}

bool explainer::compare(const run_case& passing, const std::string& words) {
    const executed_case run = execute_fully(passing, options_.hook);
    if (run.result.find(report_.what.what)) return false;
    const executed_case failing = execute_fully(case_, options_.hook);
    const auto &a = failing.journal.records, &b = run.journal.records;
    std::size_t n = 0;
    while (n < a.size() && n < b.size() && a[n].line == b[n].line) ++n;
    if (n == a.size() && n == b.size()) return false;
    if (report_.nearest && report_.nearest->seq.value >= n + 1) return true;
    failure_report::difference d{
        words, {n + 1}, brief(n < a.size() ? a[n].line : ""), brief(n < b.size() ? b[n].line : "")};
    if (d.first == d.second && n < a.size() && n < b.size()) {
        const auto left = payload::parse(a[n].line), right = payload::parse(b[n].line);
        if (left && right)
            for (const json_difference& x : differences(*left, *right, 1)) {
                if (x.pointer == "/at") {
                    d.first += ", at +" + to_string(a[n].at - case_.what->start);
                    d.second += ", at +" + to_string(b[n].at - case_.what->start);
                    continue;
                }
                d.first = x.pointer + " " + (x.left ? short_text(*x.left, 60) : "(absent)");
                d.second = x.pointer + " " + (x.right ? short_text(*x.right, 60) : "(absent)");
            }
    }
    report_.nearest = std::move(d);
    return true;
}

void explainer::find_nearest() {
    for (std::size_t i = 0; i < case_.plan.faults.size(); ++i)
        if (report_.required[i]) compare(without_fault(i), "without the fault " + to_string(case_.plan.faults[i]));
    if (report_.nearest || !case_.plan.empty()) return;
    for (std::uint64_t i = 0; i < seed_tries && !expired(); ++i) {
        run_case other = case_;
        other.seed = 1 + i;
        if (other.seed != case_.seed && compare(other, "with seed " + std::to_string(other.seed))) return;
    }
}

void explainer::tell() {
    const executed_case run = execute_fully(case_, options_.hook);
    report_.signature = run.result.signature;
    report_.signature.property = report_.what.what;
    report_.shrinking.events_after = seq_of(report_.what, run.journal, case_.what->start).value;
    report_.story = story_of(case_, run, report_.what, report_.required);
    report_.token = to_token(case_);
    report_.found_token = to_token(report_.found);
}

} // namespace

void explain(failure_report& report, const shrink_options& options) {
    explainer e(report, options);
    // What an expectation comes to without a fault or with other values, only a reference could tell.
    if (report.what.code != errc::scenario_expectation) {
        e.find_required();
        e.count_without();
        e.find_free_values();
        e.find_nearest();
    } else {
        report.required.resize(report.shrunk.plan.faults.size(), false);
    }
    e.tell();
}

} // namespace aivp::sim
