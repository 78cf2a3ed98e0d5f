#include "sim/search/plan_space.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "mocks/scripted_user.hpp"

namespace aivp::sim {

namespace {

constexpr std::uint64_t faults_drawn_max = 8;

bool has_span(const fault_kind_info& k) { return !k.span.name.empty(); }

std::uint32_t variants_of(const fault_kind_info& k) {
    return (k.repeats ? 2U : 1U) * (has_span(k) ? 3U : 1U) *
           std::max<std::uint32_t>(1, static_cast<std::uint32_t>(k.forms.size()));
}

} // namespace

bool fault_filter::admits(const fault_kind_info& k) const {
    const auto any = [&](const std::vector<std::string>& patterns) {
        return patterns.empty() || std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
                   const std::vector<fault_kind> named = matching_kinds(p);
                   return std::find(named.begin(), named.end(), k.kind) != named.end();
               });
    };
    return any(kinds) && any(swarm);
}

bool fault_filter::admits(const fault_site& s) const {
    if (!site.ends_with('*')) return site.empty() || s.name == site;
    return s.name.starts_with(std::string_view(site).substr(0, site.size() - 1));
}

void census::add(const std::vector<fault_site>& found) {
    for (const fault_site& s : found) {
        auto it = std::lower_bound(sites.begin(), sites.end(), s.name,
                                   [](const site_census& a, const std::string& name) { return a.site.name < name; });
        if (it == sites.end() || it->site.name != s.name) it = sites.insert(it, {s, {}});
        it->site.calls = std::max(it->site.calls, s.calls);
        it->calls.resize(seeds.size(), 0);
        it->calls.back() = s.calls;
    }
    for (site_census& s : sites) s.calls.resize(seeds.size(), 0);
}

std::uint64_t census::seed_for(std::string_view site, std::uint64_t ordinal) const {
    for (const site_census& s : sites) {
        if (s.site.name != site) continue;
        for (std::size_t i = 0; i < s.calls.size(); ++i)
            if (s.calls[i] >= ordinal) return seeds[i];
    }
    return seeds.empty() ? 1 : seeds.front();
}

plan_space::plan_space(census found, fault_filter filter) : census_(std::move(found)) {
    for (std::uint32_t i = 0; i < census_.sites.size(); ++i) {
        const fault_site& site = census_.sites[i].site;
        if (!filter.admits(site)) continue;
        for (const fault_kind_info& k : fault_kinds()) {
            if (!applies(k, site) || !filter.admits(k)) continue;
            const std::uint64_t ordinals = site.calls;
            if (ordinals == 0) continue;
            slots_.push_back({i, k.kind, ordinals, variants_of(k), singles_});
            singles_ += ordinals * slots_.back().variants;
        }
    }
}

fault plan_space::make(const slot& s, std::uint64_t ordinal, std::uint32_t variant) const {
    const fault_kind_info& k = info(s.kind);
    fault f;
    f.site = census_.sites[s.site].site.name;
    f.ordinal = ordinal;
    f.kind = s.kind;
    if (!k.forms.empty()) {
        f.form = static_cast<std::uint8_t>(variant % k.forms.size());
        variant /= static_cast<std::uint32_t>(k.forms.size());
    }
    if (has_span(k)) {
        // The usual severity first.
        f.severity = std::array<std::uint8_t, 3>{2, 1, 3}[variant % 3];
        variant /= 3;
    }
    if (k.repeats && variant % 2 == 1) f.times = fault::always;
    return f;
}

planned_case plan_space::alone(fault f) const {
    const std::uint64_t seed = census_.seed_for(f.site, f.ordinal);
    return {{{std::move(f)}}, seed};
}

planned_case plan_space::single(std::uint64_t i) const {
    const auto after =
        std::upper_bound(slots_.begin(), slots_.end(), i, [](std::uint64_t n, const slot& s) { return n < s.begin; });
    const slot& s = *std::prev(after);
    const std::uint64_t n = i - s.begin;
    return alone(make(s, 1 + n / s.variants, static_cast<std::uint32_t>(n % s.variants)));
}

std::vector<fault> plan_space::representatives(std::uint64_t ordinals_max) const {
    std::vector<fault> out;
    for (const slot& s : slots_)
        for (const std::uint64_t n : sample_evenly(s.ordinals, ordinals_max, "representatives"))
            out.push_back(make(s, n + 1, 0));
    return out;
}

namespace {

/// Pairs out of `first` × `second`, evenly, until `most` are in `out`.
void add_pairs(const std::vector<fault>& first, const std::vector<fault>& second, std::uint64_t most,
               std::string_view purpose, std::set<std::pair<fault, fault>>& known, std::vector<fault_plan>& out) {
    if (first.empty() || second.empty() || out.size() >= most) return;
    const std::uint64_t all = static_cast<std::uint64_t>(first.size()) * second.size();
    // Pairs that are known, or at one place, are drawn in vain: twice as many are looked at.
    for (const std::uint64_t n : sample_evenly(all, 2 * (most - out.size()), purpose)) {
        if (out.size() >= most) return;
        fault a = first[n / second.size()], b = second[n % second.size()];
        if (a.site == b.site) continue;
        if (b < a) std::swap(a, b);
        if (known.emplace(a, b).second) out.push_back({{std::move(a), std::move(b)}});
    }
}

} // namespace

std::vector<planned_case> plan_space::pairs(std::uint64_t most) const {
    const std::vector<fault> all = representatives(8);
    std::vector<fault> ambiguous, kills;
    for (const fault& f : all) {
        if (info(f.kind).ambiguous) ambiguous.push_back(f);
        if (f.kind == fault_kind::process_kill) kills.push_back(f);
    }
    std::set<std::pair<fault, fault>> known;
    std::vector<fault_plan> plans;
    add_pairs(ambiguous, kills, most / 3, "pairs with a kill", known, plans);
    add_pairs(ambiguous, all, most * 2 / 3, "ambiguous pairs", known, plans);
    add_pairs(all, all, most, "pairs", known, plans);
    std::vector<planned_case> out;
    for (fault_plan& p : plans) {
        const std::uint64_t one = census_.seed_for(p.faults[0].site, p.faults[0].ordinal);
        const std::uint64_t two = census_.seed_for(p.faults[1].site, p.faults[1].ordinal);
        out.push_back({std::move(p), std::max(one, two)});
    }
    return out;
}

fault_plan plan_space::draw(std::uint64_t seed) const {
    random_stream kinds(seed, "swarm", "kinds", ""), places(seed, "swarm", "places", "");
    random_stream shape(seed, "swarm", "shape", ""), count(seed, "swarm", "count", "");
    std::array<std::uint64_t, fault_kind_count> weight{};
    for (std::uint64_t& w : weight) {
        const bool drawn = kinds.chance(1, 2);
        const std::uint64_t n = 1 + kinds.below(100);
        w = drawn ? n : 0;
    }
    std::vector<std::uint64_t> sums; // by slot
    std::uint64_t sum = 0;
    for (const slot& s : slots_) sums.push_back(sum += weight[static_cast<std::size_t>(s.kind)]);
    fault_plan out;
    if (sum == 0) return out;
    std::uint64_t n = 1;
    while (n < faults_drawn_max && count.chance(1, 2)) ++n;
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::uint64_t at = places.below(sum);
        const slot& s = slots_[static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end(), at) - sums.begin())];
        // A fault changes what follows: places may then be called oftener than without.
        const std::uint64_t ordinal = 1 + places.below(s.ordinals + s.ordinals / 4);
        fault f = make(s, ordinal, static_cast<std::uint32_t>(shape.below(s.variants)));
        const std::uint64_t lasting = shape.below(10);
        if (info(s.kind).repeats) f.times = lasting < 6 ? 1 : lasting < 8 ? lasting - 4 : fault::always;
        out.faults.push_back(std::move(f));
    }
    std::sort(out.faults.begin(), out.faults.end());
    out.faults.erase(std::unique(out.faults.begin(), out.faults.end()), out.faults.end());
    return out;
}

std::vector<std::uint64_t> sample_evenly(std::uint64_t all, std::uint64_t most, std::string_view purpose) {
    std::vector<std::uint64_t> out;
    if (all <= most) {
        for (std::uint64_t i = 0; i < all; ++i) out.push_back(i);
        return out;
    }
    random_stream stream(0, "sample", purpose, "");
    const auto part = [&](std::uint64_t i) {
        return static_cast<std::uint64_t>(static_cast<unsigned __int128>(all) * i / most);
    };
    for (std::uint64_t i = 0; i < most; ++i) {
        const std::uint64_t begin = part(i), end = part(i + 1);
        out.push_back(begin + stream.below(end - begin));
    }
    return out;
}

namespace {

payload varied_text(const std::string& text, random_stream& stream) {
    static constexpr std::string_view odd[] = {"", " ", "0", "null", "\xc3\xa4\xf0\x9f\x90\x9d", "a\nb", "../x"};
    const std::uint64_t what = stream.below(8);
    if (what == 0) return payload::of_string(odd[stream.below(std::size(odd))]);
    if (what == 1) return payload::of_string(text + text);
    return payload::of_string("x" + std::to_string(stream.below(1'000'000)));
}

payload varied_number(std::int64_t n, random_stream& stream) {
    switch (stream.below(6)) {
    case 0: return payload::of_integer(0);
    case 1: return payload::of_integer(stream.between(-1000, -1));
    case 2: return payload::of_integer(n / 2);
    case 3: return payload::of_integer(stream.between(1, 1'000'000'000));
    default: return payload::of_integer(stream.between(1, 1000));
    }
}

} // namespace

payload varied(const payload& value, random_stream& stream) {
    if (value.is_object()) {
        auto all = members(value);
        for (auto& [key, inner] : all) inner = varied(inner, stream);
        return payload::of_object(std::move(all));
    }
    if (value.is_array()) {
        auto all = items(value);
        for (payload& inner : all) inner = varied(inner, stream);
        return payload::of_array(all);
    }
    // Most parts stay as they are: what was written means something to the world.
    if (!stream.chance(1, 3)) return value;
    if (const auto text = as_string(value)) return varied_text(*text, stream);
    if (const auto n = as_integer(value)) return varied_number(*n, stream);
    if (const auto yes = as_bool(value)) return payload::of_bool(!*yes);
    return value;
}

bool accepts_payload(const scenario& s, const planned_trigger& t, const payload& body) {
    for (const snapshot_ptr& a : s.agents) {
        if (!t.agent.empty() && a->id != t.agent) continue;
        for (const trigger_spec& spec : a->triggers) {
            const auto* event = std::get_if<event_schedule>(&spec.when);
            const bool started = t.event.empty() ? !event : event && event->event_type == t.event;
            if (started && spec.payload_schema && !spec.payload_schema->accepts(body)) return false;
        }
    }
    return true;
}

namespace {

std::optional<payload> varied_body(const scenario& s, const planned_trigger& t, random_stream& stream) {
    if (t.body.is_null()) return std::nullopt;
    for (int i = 0; i < 4; ++i) {
        payload body = varied(t.body, stream);
        if (body != t.body && accepts_payload(s, t, body)) return body;
    }
    return std::nullopt;
}

duration varied_time(const scenario& s, const planned_trigger& t, random_stream& stream) {
    // Close together, as written and a bit, or anywhere.
    switch (stream.below(3)) {
    case 0: return milliseconds(stream.between(0, 2000));
    case 1: return std::min(s.horizon, t.after + milliseconds(stream.between(0, 60'000)));
    default: return microseconds(stream.between(0, s.horizon.us));
    }
}

void draw_trigger(const scenario& s, std::uint32_t index, std::uint64_t seed, std::vector<trigger_edit>& out) {
    const planned_trigger& t = s.triggers[index];
    random_stream stream(seed, "swarm", "trigger", std::to_string(index));
    trigger_edit e{.trigger = index, .after = {}, .times = {}, .body = {}};
    if (s.triggers.size() > 1 && stream.chance(1, 8)) {
        e.dropped = true;
        out.push_back(std::move(e));
        return;
    }
    if (t.every && stream.chance(1, 3)) e.times = 1 + stream.below(2 * std::min<std::uint64_t>(t.times, 500));
    if (stream.chance(1, 3)) e.after = varied_time(s, t, stream);
    if (!t.cancel && stream.chance(1, 3)) e.body = varied_body(s, t, stream);
    if (!e.empty()) out.push_back(std::move(e));
    if (!stream.chance(1, 5)) return;
    trigger_edit more{.trigger = index, .added = true, .after = varied_time(s, t, stream), .times = 1, .body = {}};
    if (!t.cancel && stream.chance(1, 2)) more.body = varied_body(s, t, stream);
    out.push_back(std::move(more));
}

std::optional<payload> varied_users(const scenario& s, std::uint64_t seed) {
    random_stream stream(seed, "swarm", "users", "");
    const auto written = member(s.users, "replies");
    if (!written || !stream.chance(1, 3)) return std::nullopt;
    std::vector<payload> replies = items(*written);
    if (replies.size() < 2) return std::nullopt;
    for (std::size_t i = replies.size() - 1; i > 0; --i) std::swap(replies[i], replies[stream.below(i + 1)]);
    replies.resize(1 + stream.below(replies.size()));
    payload users = merged(s.users, payload::of_object({{"replies", payload::of_array(replies)}}));
    if (users == s.users || !parse_user_script(users)) return std::nullopt;
    return users;
}

} // namespace

workload_edits draw_workload(const scenario& s, std::uint64_t seed) {
    workload_edits out;
    if (random_stream(seed, "swarm", "workload", "").chance(1, 2)) return out;
    for (std::uint32_t i = 0; i < s.triggers.size(); ++i) draw_trigger(s, i, seed, out.triggers);
    out.users = varied_users(s, seed);
    const auto dropped = static_cast<std::size_t>(
        std::count_if(out.triggers.begin(), out.triggers.end(), [](const trigger_edit& e) { return e.dropped; }));
    // A world in which nothing happens finds nothing.
    if (!s.triggers.empty() && dropped == s.triggers.size())
        std::erase_if(out.triggers, [](const trigger_edit& e) { return e.dropped; });
    return out;
}

} // namespace aivp::sim
