#include "sim/search/shrink.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "sim/search/token.hpp"

namespace aivp::sim {

namespace {

/// How much a kind asks of whoever reads the story: an answer that is late is less than one that is lost.
int strength(fault_kind k) {
    using enum fault_kind;
    switch (k) {
    case model_late:
    case skill_late:
    case user_late:
    case disk_slow:
    case clock_forward:
    case store_commit_fails: return 1;
    case model_rate_limited:
    case model_overloaded:
    case model_server_error:
    case skill_unavailable:
    case skill_rate_limited:
    case user_silent:
    case disk_full:
    case command_pause: return 2;
    case model_silent:
    case skill_denied:
    case skill_silent:
    case user_leaves:
    case disk_io_error:
    case store_commit_lost:
    case clock_back: return 3;
    case model_lost:
    case skill_lost:
    case store_commit_kept:
    case clock_sleep:
    case command_cancel: return 4;
    case skill_swallowed:
    case disk_sync_fails:
    case clock_drift: return 5;
    default: return 6;
    }
}

/// Durations that people use, ascending.
duration neat_at_least(duration d) {
    static constexpr std::array steps = {milliseconds(1), milliseconds(10), milliseconds(100), seconds(1), seconds(2),
                                         seconds(5),      seconds(10),      seconds(30),       minutes(1), minutes(2),
                                         minutes(5),      minutes(10),      minutes(30),       hours(1),   hours(2),
                                         hours(6),        hours(12),        days(1),           days(2),    days(7)};
    for (const duration s : steps)
        if (d <= s) return s;
    return days((d.us + days(1).us - 1) / days(1).us);
}

/// No state of a world and no number of anything: asked for it, a run says what there is.
constexpr std::int64_t impossible_number = 9'007'199'254'740'991;
constexpr const char* impossible_state = "nothing is like this";

/// The expectation that the finding is about, as a pin.
std::optional<pinned_expectation> pin_of(const scenario& s, const finding& f) {
    for (std::uint32_t n = 0; n < s.expectations.size(); ++n)
        if (s.expectations[n].where == f.where) return pinned_expectation{n, {}};
    return std::nullopt;
}

/// Of "chat: {…}", which is what a finding about the world says: the service.
std::string service_of(std::string_view actual) { return std::string(actual.substr(0, actual.find(':'))); }

/// What a finding says that there is, as what is right.
std::optional<payload> as_right(const expectation& e, const std::string& actual) {
    if (e.what != expectation::kind::world) {
        const auto n = payload::parse(actual);
        return n && as_integer(*n) ? std::optional(*n) : std::nullopt;
    }
    const std::string service = service_of(actual);
    const auto state = payload::parse(std::string_view(actual).substr(std::min(actual.size(), service.size() + 1)));
    if (!state) return std::nullopt;
    return payload::of_object({{service, *state}});
}

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

/// The finding about the property; nullptr when there is none.
const finding* broken_in(const run_report& r, const std::string& what) {
    const auto it =
        std::find_if(r.findings.begin(), r.findings.end(), [&](const finding& f) { return f.what == what; });
    return it == r.findings.end() ? nullptr : &*it;
}

class shrinker {
public:
    shrinker(run_case found, std::string property, const shrink_options& options)
        : best_(std::move(found)), property_(std::move(property)), options_(options) {}

    /// The first execution. Errors as shrink().
    result<void> begin();
    bool shrinks() const { return !is_expectation_ || (options_.reference && best_.edits.expect); }
    /// Which faults of the best case, whose expectation is pinned to a reference, it takes.
    std::vector<bool> required() const;
    void run();
    run_case& best() { return best_; }
    const run_report& report() const { return report_; }
    shrink_statistics& statistics() { return statistics_; }

private:
    bool fails(const case_result& r) const { return r.find(property_) != nullptr; }
    /// Of a case with a pinned expectation: the same with what is right there; nullopt when that cannot be told.
    std::optional<run_case> with_right(const run_case& c) const;
    result<void> pin(const finding& broken);
    std::size_t first_failing(std::vector<run_case>& candidates);
    bool finished() {
        if (!statistics_.out_of_time && options_.expired && options_.expired()) statistics_.out_of_time = true;
        return statistics_.out_of_time || statistics_.tries >= options_.tries_max;
    }
    /// The first of the candidates that fails is the best case from now on.
    std::optional<std::size_t> take_first(std::vector<run_case> candidates);
    bool take(run_case candidate) {
        std::vector<run_case> one;
        one.push_back(std::move(candidate));
        return take_first(std::move(one)).has_value();
    }
    bool take_edits(workload_edits edits) {
        auto candidate = with_edits(best_, std::move(edits));
        return candidate && take(std::move(*candidate));
    }
    /// Keeps a smallest part of n things without which it does not fail; `make` builds the case of those that stay.
    void minimise(std::size_t n, const std::function<std::optional<run_case>(const std::vector<bool>&)>& make);

    void drop_unmet();
    void drop_faults();
    void weaken_faults();
    void weaken_fault(std::size_t i);
    void cut_time();
    void end_at_an_event();
    void drop_triggers();
    void shorten_triggers();
    void expand_triggers();
    void restore_bodies();
    void drop_agents();
    void close_gaps();
    void lower_seed();

    run_case best_;
    std::string property_;
    const shrink_options& options_;
    run_report report_; ///< of the best case
    shrink_statistics statistics_;
    std::set<digest> tried_; ///< and did not fail
    bool is_expectation_ = false;
    std::string service_; ///< that a pinned expectation of the world is about
};

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
        auto right = with_right(pinned);
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

std::optional<run_case> shrinker::with_right(const run_case& c) const {
    const expectation& e = c.origin()->expectations[c.edits.expect->number];
    workload_edits edits = c.edits;
    edits.expect->right = service_.empty() ? payload::of_integer(impossible_number)
                                           : payload::of_object({{service_, payload::of_string(impossible_state)}});
    const auto asked = with_edits(c, edits);
    if (!asked) return std::nullopt;
    const auto actual = options_.reference(*asked);
    const auto right = actual ? as_right(e, *actual) : std::nullopt;
    if (!right) return std::nullopt;
    edits.expect->right = *right;
    auto out = with_edits(c, std::move(edits));
    return out ? std::optional(std::move(*out)) : std::nullopt;
}

std::vector<bool> shrinker::required() const {
    std::vector<bool> out;
    for (std::size_t i = 0; i < best_.plan.faults.size(); ++i) {
        run_case without = best_;
        without.plan.faults.erase(without.plan.faults.begin() + static_cast<std::ptrdiff_t>(i));
        const auto c = with_right(without);
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
        auto c = with_right(candidates[i]);
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

void shrinker::cut_time() {
    if (is_expectation_) return end_at_an_event();
    const finding* what = broken_in(report_, property_);
    // The horizon is also how long the agents have to come to rest: with less of it, anything fails so.
    if (what && what->code == errc::not_converged) return;
    const duration now = best_.what->horizon;
    // Not below the violation: after the end faults are not met any more, and whether they are should not hang on a moment.
    duration seen;
    const std::size_t at = what ? what->moment.find('@') : std::string::npos;
    if (at != std::string::npos)
        seen = neat_at_least(milliseconds(std::strtoll(what->moment.c_str() + at + 1, nullptr, 10) + 1));
    std::vector<duration> shorter;
    const auto add = [&](duration d) {
        if (d.us > 0 && d >= seen && d < now) shorter.push_back(d);
    };
    add(seen);
    for (const std::int64_t part : {64, 16, 4, 2}) add(neat_at_least({now.us / part}));
    std::sort(shorter.begin(), shorter.end());
    std::vector<run_case> candidates;
    for (const duration d : shorter) {
        workload_edits edits = best_.edits;
        edits.horizon = d;
        if (auto c = with_edits(best_, std::move(edits))) candidates.push_back(std::move(*c));
    }
    take_first(std::move(candidates));
}

/// An expectation is asked at the end: that comes before the first event which is not needed for it to be broken. Where
/// the other program is slower, some time passes until it has done what this one should have.
void shrinker::end_at_an_event() {
    const auto with_horizon = [this](duration d) {
        workload_edits edits = best_.edits;
        edits.horizon = d;
        return with_edits(best_, std::move(edits));
    };
    const auto times = [this] {
        std::vector<duration> out = {duration{}};
        for (const journal_text::record& r : execute_fully(best_, options_.hook).journal.records)
            if (const duration t = r.at - best_.what->start; out.back() < t) out.push_back(t);
        return out;
    };
    const std::vector<duration> events = times();
    for (std::size_t low = 1, high = events.size(); low < high && !finished();) {
        const std::size_t middle = (low + high) / 2;
        const auto c = with_horizon({std::max<std::int64_t>(1, events[middle].us - 1)});
        if (events[middle] < best_.what->horizon && c && take(*c))
            high = middle;
        else
            low = middle + 1;
    }
    const duration last = times().back();
    constexpr std::size_t sooner_max = 24;
    std::vector<run_case> sooner;
    for (duration d = milliseconds(last.us / 1000 + 1); d < best_.what->horizon && sooner.size() < sooner_max;
         d = neat_at_least({d.us + 1}))
        if (auto c = with_horizon(d)) sooner.push_back(std::move(*c));
    take_first(std::move(sooner));
}

/// The workload with each trigger as an edit of its own: those that are not edited, and nothing else, are empty.
std::vector<trigger_edit> one_edit_each(const run_case& c) {
    std::vector<std::vector<const trigger_edit*>> edits(c.origin()->triggers.size());
    for (const trigger_edit& e : c.edits.triggers)
        if (e.trigger < edits.size()) edits[e.trigger].push_back(&e);
    std::vector<trigger_edit> out;
    for (std::uint32_t i = 0; i < edits.size(); ++i) {
        const bool changed = std::any_of(edits[i].begin(), edits[i].end(), [](const auto* e) { return !e->added; });
        if (!changed) out.push_back({.trigger = i, .after = {}, .times = {}, .body = {}});
        for (const trigger_edit* e : edits[i]) out.push_back(*e);
    }
    return out;
}

/// Back to the edits: without those that change nothing, and a trigger that is gone and comes back is one that changed.
std::vector<trigger_edit> without_empty(std::vector<trigger_edit> edits) {
    for (std::size_t i = 0; i + 1 < edits.size(); ++i) {
        if (!edits[i].dropped || !edits[i + 1].added || edits[i + 1].trigger != edits[i].trigger) continue;
        edits[i + 1].added = false;
        edits[i] = {.trigger = edits[i].trigger, .after = {}, .times = {}, .body = {}};
    }
    std::erase_if(edits, [](const trigger_edit& e) { return e.empty(); });
    return edits;
}

const planned_trigger& written_trigger(const run_case& c, const trigger_edit& e) {
    return c.origin()->triggers[e.trigger];
}

std::uint64_t times_of(const run_case& c, const trigger_edit& e) {
    return e.times.value_or(written_trigger(c, e).times);
}

duration after_of(const run_case& c, const trigger_edit& e) { return e.after.value_or(written_trigger(c, e).after); }

/// Did the trigger go with its agent?
bool is_without(const workload_edits& edits, const planned_trigger& t) {
    return std::find(edits.without.begin(), edits.without.end(), t.agent) != edits.without.end();
}

/// Does it never happen?
bool is_gone(const run_case& c, const trigger_edit& e) {
    return e.dropped || is_without(c.edits, written_trigger(c, e));
}

void shrinker::drop_triggers() {
    const std::vector<trigger_edit> all = one_edit_each(best_);
    std::vector<std::size_t> live;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!is_gone(best_, all[i])) live.push_back(i);
    minimise(live.size(), [&](const std::vector<bool>& keep) -> std::optional<run_case> {
        std::vector<trigger_edit> edits = all;
        std::set<std::size_t> gone;
        for (std::size_t k = 0; k < live.size(); ++k) {
            if (keep[k]) continue;
            if (all[live[k]].added)
                gone.insert(live[k]);
            else
                edits[live[k]] = {
                    .trigger = all[live[k]].trigger, .dropped = true, .after = {}, .times = {}, .body = {}};
        }
        workload_edits next = best_.edits;
        next.triggers.clear();
        for (std::size_t i = 0; i < edits.size(); ++i)
            if (!gone.contains(i)) next.triggers.push_back(edits[i]);
        next.triggers = without_empty(std::move(next.triggers));
        if (auto c = with_edits(best_, std::move(next))) return std::move(*c);
        return std::nullopt;
    });
}

void shrinker::shorten_triggers() {
    for (std::size_t i = 0; i < one_edit_each(best_).size() && !finished(); ++i) {
        const std::vector<trigger_edit> all = one_edit_each(best_);
        const std::uint64_t times = times_of(best_, all[i]);
        if (is_gone(best_, all[i]) || times <= 1) continue;
        const duration every = written_trigger(best_, all[i]).every.value_or(duration{});
        std::vector<run_case> candidates;
        const auto add = [&](std::uint64_t n, std::uint64_t first) {
            std::vector<trigger_edit> edits = all;
            edits[i].times = n;
            if (first != 0)
                edits[i].after = after_of(best_, all[i]) + duration{every.us * static_cast<std::int64_t>(first)};
            workload_edits next = best_.edits;
            next.triggers = without_empty(std::move(edits));
            if (auto c = with_edits(best_, std::move(next))) candidates.push_back(std::move(*c));
        };
        const std::uint64_t looked_at = std::min<std::uint64_t>(times, 12);
        for (std::uint64_t k = 0; k < looked_at; ++k) add(1, k * times / looked_at);
        for (std::uint64_t n = 2; n < times; n *= 2) add(n, 0);
        take_first(std::move(candidates));
    }
}

/// One trigger for each time, so that any of them can go.
void shrinker::expand_triggers() {
    constexpr std::uint64_t expanded_max = 48;
    const std::vector<trigger_edit> all = one_edit_each(best_);
    std::vector<trigger_edit> edits;
    bool any = false;
    for (const trigger_edit& e : all) {
        const std::uint64_t times = times_of(best_, e);
        const auto every = written_trigger(best_, e).every;
        if (is_gone(best_, e) || times <= 1 || times > expanded_max || !every) {
            edits.push_back(e);
            continue;
        }
        any = true;
        for (std::uint64_t n = 0; n < times; ++n) {
            trigger_edit one = e;
            one.times = 1;
            one.added = e.added || n > 0;
            one.after = after_of(best_, e) + duration{every->us * static_cast<std::int64_t>(n)};
            edits.push_back(std::move(one));
        }
    }
    if (!any) return;
    workload_edits next = best_.edits;
    next.triggers = without_empty(std::move(edits));
    const run_case before = best_;
    const run_report report = report_;
    if (!take_edits(std::move(next))) return;
    const std::uint64_t accepted = statistics_.accepted;
    drop_triggers();
    if (statistics_.accepted != accepted) return;
    // All of them are needed: then the one trigger says it better.
    best_ = before;
    report_ = report;
}

/// A payload that a draw has put there goes back to what was written, where that fails as well.
void shrinker::restore_bodies() {
    for (std::size_t i = best_.edits.triggers.size(); i-- > 0;) {
        if (!best_.edits.triggers[i].body) continue;
        workload_edits next = best_.edits;
        next.triggers[i].body.reset();
        next.triggers = without_empty(std::move(next.triggers));
        take_edits(std::move(next));
    }
    if (best_.edits.users) {
        workload_edits next = best_.edits;
        next.users.reset();
        take_edits(std::move(next));
    }
    if (!best_.what->users.is_null()) {
        workload_edits next = best_.edits;
        next.users = payload{};
        take_edits(std::move(next));
    }
}

void shrinker::drop_agents() {
    std::vector<std::string> ids;
    for (const snapshot_ptr& a : best_.what->agents) ids.push_back(a->id);
    if (ids.size() < 2) return;
    const std::vector<std::string> gone = best_.edits.without;
    minimise(ids.size(), [&](const std::vector<bool>& keep) -> std::optional<run_case> {
        workload_edits next = best_.edits;
        next.without = gone;
        for (std::size_t i = 0; i < ids.size(); ++i)
            if (!keep[i]) next.without.push_back(ids[i]);
        std::sort(next.without.begin(), next.without.end());
        std::erase_if(next.triggers,
                      [&](const trigger_edit& e) { return is_without(next, written_trigger(best_, e)); });
        if (auto c = with_edits(best_, std::move(next))) return std::move(*c);
        return std::nullopt;
    });
}

void shrinker::close_gaps() {
    for (std::size_t i = 0; i < one_edit_each(best_).size() && !finished(); ++i) {
        const std::vector<trigger_edit> all = one_edit_each(best_);
        const duration now = after_of(best_, all[i]);
        if (is_gone(best_, all[i]) || now.us == 0) continue;
        std::vector<duration> earlier = {duration{}};
        for (const duration d :
             {neat_at_least({now.us / 64}), neat_at_least({now.us / 8}), neat_at_least({now.us / 2})})
            if (d < now && d > earlier.back()) earlier.push_back(d);
        if (now.us % 1000 != 0) earlier.push_back(milliseconds(now.us / 1000));
        std::vector<run_case> candidates;
        for (const duration d : earlier) {
            std::vector<trigger_edit> edits = all;
            edits[i].after = d;
            if (d == written_trigger(best_, all[i]).after) edits[i].after.reset();
            workload_edits next = best_.edits;
            next.triggers = without_empty(std::move(edits));
            if (auto c = with_edits(best_, std::move(next))) candidates.push_back(std::move(*c));
        }
        take_first(std::move(candidates));
    }
}

void shrinker::lower_seed() {
    std::vector<run_case> candidates;
    for (std::uint64_t seed = 1; seed < std::min<std::uint64_t>(best_.seed, 9); ++seed) {
        candidates.push_back(best_);
        candidates.back().seed = seed;
    }
    take_first(std::move(candidates));
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
        close_gaps();
        lower_seed();
        if (statistics_.accepted == accepted) return;
    }
}

} // namespace

std::vector<fault_kind> weaker_kinds(fault_kind k) {
    std::vector<fault_kind> out;
    for (const fault_kind_info& other : fault_kinds())
        if (other.port == info(k).port && strength(other.kind) < strength(k)) out.push_back(other.kind);
    std::stable_sort(out.begin(), out.end(), [](fault_kind a, fault_kind b) { return strength(a) < strength(b); });
    return out;
}

bool smaller(const failure_report& a, const failure_report& b) {
    const auto size = [](const failure_report& r) {
        return std::pair(r.shrunk.plan.faults.size(), r.shrinking.events_after);
    };
    return size(a) < size(b);
}

result<failure_report> shrink(const run_case& found, const std::string& property, const shrink_options& options) {
    shrinker s(found, property, options);
    AIVP_CHECK(s.begin());
    if (s.shrinks()) s.run();
    failure_report out;
    out.found = found;
    out.shrunk = s.best();
    out.shrinking = s.statistics();
    out.shrinking.faults_after = out.shrunk.plan.faults.size();
    out.shrinking.events_after = s.report().inputs; // explain() knows how many of them led to it
    out.what = *broken_in(s.report(), property);    // a case is only taken when it has one
    if (out.what.code == errc::scenario_expectation && s.shrinks()) out.required = s.required();
    if (options.explain) explain(out, options);
    return out;
}

} // namespace aivp::sim
