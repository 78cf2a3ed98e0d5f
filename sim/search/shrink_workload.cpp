// Less time, fewer triggers and agents, and what was written instead of what was drawn.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "sim/search/internal/shrinker.hpp"
#include "sim/search/internal/trigger_edits.hpp"

namespace aivp::sim::internal {

namespace {

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

} // namespace

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
        std::erase_if(next.settings, [&](const setting_edit& e) {
            return std::binary_search(next.without.begin(), next.without.end(), e.of);
        });
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

} // namespace aivp::sim::internal
