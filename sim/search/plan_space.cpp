#include "sim/search/plan_space.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "sim/search/journal_view.hpp"
#include "sim/search/workload_space.hpp"

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

namespace {

std::vector<site_census>::iterator find_place(std::vector<site_census>& sites, std::string_view name) {
    return std::lower_bound(sites.begin(), sites.end(), name,
                            [](const site_census& a, std::string_view n) { return a.site.name < n; });
}

constexpr std::size_t calls_placed_max = 4'096;

/// Collects the calls of sites that a census knows.
class call_placer {
public:
    explicit call_placer(census& into) : into_(into) {
        for (site_census& s : into_.sites) s.when.clear();
    }
    void place(std::string_view site, const placed_call& call) {
        const auto it = find_place(into_.sites, site);
        if (it != into_.sites.end() && it->site.name == site && it->when.size() < calls_placed_max)
            it->when.push_back(call);
    }

private:
    census& into_;
};

std::string_view agent_of(std::string_view site) {
    const std::size_t begin = site.find('/') + 1;
    return site.substr(begin, site.find('/', begin) - begin);
}

} // namespace

void census::add(const std::vector<fault_site>& found, std::size_t seed) {
    for (const fault_site& s : found) {
        auto it = find_place(sites, s.name);
        if (it == sites.end() || it->site.name != s.name) it = sites.insert(it, {s, {}});
        it->site.calls = std::max(it->site.calls, s.calls);
        it->calls.resize(seeds.size(), 0);
        it->calls[seed] = s.calls;
    }
    for (site_census& s : sites) s.calls.resize(seeds.size(), 0);
}

void census::place(const executed_case& run) {
    if (!run.world || !run.world->faults()) return;
    call_placer placer(*this);
    std::map<std::string_view, std::uint32_t> agents;
    std::map<run_id, std::uint32_t> agent_of_run;
    for (const noted_call& c : run.world->faults()->calls()) {
        const std::string_view name = agent_of(c.site);
        const std::uint32_t agent =
            agents.try_emplace(name, static_cast<std::uint32_t>(agents.size() + 1)).first->second;
        agent_of_run.emplace(c.run, agent);
        const placed_call call{c.at, c.run, agent};
        placer.place(c.site, call);
        placer.place("command/" + std::string(name), call);
        placer.place("process/effect", call);
    }
    // A commit is a record, and so is a reading of the clock.
    const std::vector<std::uint64_t>& disk = run.result.report.disk_calls_by_commit;
    std::uint64_t operations = 0;
    for (std::size_t i = 0; i < std::min(run.journal.records.size(), calls_placed_max); ++i) {
        const journal_text::record& r = run.journal.records[i];
        const run_id of{static_cast<std::uint64_t>(number_of(r.line, "correlation"))};
        const auto agent = agent_of_run.find(of);
        const placed_call call{r.at, of, agent == agent_of_run.end() ? 0 : agent->second};
        for (const char* site : {"process/commit", "store", "clock"}) placer.place(site, call);
        for (; i < disk.size() && operations < disk[i]; ++operations) placer.place("disk", call);
    }
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
    const auto add_sites = [&](bool of_disk) {
        for (std::uint32_t i = 0; i < census_.sites.size(); ++i)
            if ((census_.sites[i].site.port == fault_port::disk) == of_disk) add_slots(i, filter);
    };
    add_sites(false);
    disk_slots_begin_ = slots_.size();
    disk_singles_ = singles_;
    add_sites(true);
    disk_singles_ = singles_ - disk_singles_;
}

void plan_space::add_slots(std::uint32_t index, const fault_filter& filter) {
    const fault_site& site = census_.sites[index].site;
    if (site.calls == 0 || !filter.admits(site)) return;
    for (const fault_kind_info& k : fault_kinds()) {
        if (!applies(k, site) || !filter.admits(k)) continue;
        slots_.push_back({index, k.kind, site.calls, variants_of(k), singles_});
        singles_ += site.calls * slots_.back().variants;
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

std::vector<plan_space::pick> plan_space::representatives(std::size_t begin, std::size_t end,
                                                          std::uint64_t ordinals_max) const {
    std::vector<pick> out;
    for (std::size_t i = begin; i < end; ++i)
        for (const std::uint64_t n : sample_evenly(slots_[i].ordinals, ordinals_max, "representatives"))
            out.push_back({i, n + 1});
    return out;
}

/// Pairs in the order in which they are tried, each once.
class plan_space::pair_list {
public:
    explicit pair_list(const plan_space& space) : space_(space) {}
    /// Each of `first` with the calls of `partners` that are next to it in time, the nearest first, `most` at most.
    void add_near(const std::vector<pick>& first, const std::vector<std::size_t>& partners, std::uint64_t most);
    /// Out of `first` × `second`, evenly, until there are `until` in all.
    void add_evenly(const std::vector<pick>& first, const std::vector<pick>& second, std::uint64_t until,
                    std::string_view purpose);
    std::size_t size() const { return plans_.size(); }
    std::vector<planned_case> take();

private:
    /// How promising, the smallest first.
    struct near_pair {
        std::uint8_t relation; ///< 0 the same run, 1 the same agent, 2 neither
        std::uint8_t distance; ///< binary digits of the milliseconds between them
        std::uint64_t drawn;   ///< so that no kind goes before all others
        pick first, second;
    };
    bool add(const pick& a, const pick& b);
    void add_next_to(const pick& p, const placed_call& at, std::size_t partner, std::vector<near_pair>& out) const;

    const plan_space& space_;
    std::set<std::pair<fault, fault>> known_;
    std::vector<fault_plan> plans_;
};

bool plan_space::pair_list::add(const pick& p, const pick& q) {
    fault a = space_.make(p), b = space_.make(q);
    if (a.site == b.site) return false;
    if (b < a) std::swap(a, b);
    if (!known_.emplace(a, b).second) return false;
    plans_.push_back({{std::move(a), std::move(b)}});
    return true;
}

void plan_space::pair_list::add_next_to(const pick& p, const placed_call& at, std::size_t partner,
                                        std::vector<near_pair>& out) const {
    const std::vector<placed_call>& calls = space_.when(partner);
    const auto after =
        std::partition_point(calls.begin(), calls.end(), [&](const placed_call& c) { return c.at < at.at; });
    const auto offer = [&](std::vector<placed_call>::const_iterator it) {
        if (it == calls.end()) return;
        const std::uint8_t relation = at.run && it->run == at.run ? 0 : at.agent != 0 && it->agent == at.agent ? 1 : 2;
        const std::int64_t apart = it->at < at.at ? (at.at - it->at).us : (it->at - at.at).us;
        out.push_back({relation,
                       static_cast<std::uint8_t>(std::bit_width(static_cast<std::uint64_t>(apart / 1000))),
                       0,
                       p,
                       {partner, static_cast<std::uint64_t>(it - calls.begin()) + 1}});
    };
    offer(after);
    if (after != calls.begin()) offer(std::prev(after));
}

void plan_space::pair_list::add_near(const std::vector<pick>& first, const std::vector<std::size_t>& partners,
                                     std::uint64_t most) {
    constexpr std::uint64_t looked_at_max = 200'000;
    if (first.empty() || partners.empty() || most == 0) return;
    std::vector<near_pair> found;
    for (const std::uint64_t i : sample_evenly(first.size(), looked_at_max / partners.size() + 1, "near pairs")) {
        const std::vector<placed_call>& calls = space_.when(first[i].slot);
        if (first[i].ordinal > calls.size()) continue;
        const placed_call at = calls[first[i].ordinal - 1];
        for (const std::size_t partner : partners)
            if (space_.slots_[partner].site != space_.slots_[first[i].slot].site)
                add_next_to(first[i], at, partner, found);
    }
    random_stream stream(0, "near pairs", "order", "");
    for (near_pair& n : found) n.drawn = stream.next();
    std::sort(found.begin(), found.end(), [](const near_pair& a, const near_pair& b) {
        return std::tie(a.relation, a.distance, a.drawn) < std::tie(b.relation, b.distance, b.drawn);
    });
    std::uint64_t added = 0;
    for (std::size_t i = 0; i < found.size() && added < most; ++i) added += add(found[i].first, found[i].second);
}

void plan_space::pair_list::add_evenly(const std::vector<pick>& first, const std::vector<pick>& second,
                                       std::uint64_t until, std::string_view purpose) {
    if (first.empty() || second.empty() || size() >= until) return;
    const std::uint64_t all = static_cast<std::uint64_t>(first.size()) * second.size();
    // Pairs that are known, or at one place, are drawn in vain: twice as many are looked at.
    for (const std::uint64_t n : sample_evenly(all, 2 * (until - size()), purpose)) {
        if (size() >= until) return;
        add(first[n / second.size()], second[n % second.size()]);
    }
}

std::vector<planned_case> plan_space::pair_list::take() {
    std::vector<planned_case> out;
    for (fault_plan& p : plans_) {
        const std::uint64_t one = space_.census_.seed_for(p.faults[0].site, p.faults[0].ordinal);
        const std::uint64_t two = space_.census_.seed_for(p.faults[1].site, p.faults[1].ordinal);
        out.push_back({std::move(p), std::max(one, two)});
    }
    return out;
}

std::vector<planned_case> plan_space::pairs(std::uint64_t most) const {
    constexpr std::uint64_t calls_of_a_slot = 8;
    const std::vector<pick> all = representatives(0, disk_slots_begin_, calls_of_a_slot);
    const std::vector<pick> disk = representatives(disk_slots_begin_, slots_.size(), 2 * calls_of_a_slot);
    std::vector<pick> ambiguous, kills;
    std::vector<std::size_t> every_slot, kill_slots;
    for (const pick& p : all) {
        const fault_kind kind = slots_[p.slot].kind;
        if (info(kind).ambiguous) ambiguous.push_back(p);
        if (kind == fault_kind::process_kill) kills.push_back(p);
        if (!every_slot.empty() && every_slot.back() == p.slot) continue;
        every_slot.push_back(p.slot);
        if (kind == fault_kind::process_kill) kill_slots.push_back(p.slot);
    }
    const std::uint64_t with_disk = disk.empty() ? 0 : all.size() < 2 ? most : most / 10;
    const std::uint64_t share = (most - with_disk) / 3;
    pair_list out(*this);
    const auto near = [&](const std::vector<pick>& first, const std::vector<std::size_t>& partners, std::uint64_t n) {
        const std::size_t before = out.size();
        out.add_near(first, partners, n);
        return out.size() - before;
    };
    const std::uint64_t kills_near = near(ambiguous, kill_slots, share / 2);
    const std::uint64_t ambiguous_near = near(ambiguous, every_slot, share / 2);
    near(all, every_slot, share / 2);
    const std::uint64_t disk_near = near(disk, kill_slots, with_disk / 4) + near(disk, every_slot, with_disk / 4);
    out.add_evenly(ambiguous, kills, out.size() + share - kills_near, "pairs with a kill");
    out.add_evenly(ambiguous, all, out.size() + share - ambiguous_near, "ambiguous pairs");
    out.add_evenly(disk, all, out.size() + with_disk - disk_near, "pairs with the disk");
    out.add_evenly(all, all, most, "pairs");
    return out.take();
}

fault plan_space::draw_fault(const std::vector<std::uint64_t>& sums, random_stream& places,
                             random_stream& shape) const {
    const std::uint64_t at = places.below(sums.back());
    const slot& s = slots_[static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end(), at) - sums.begin())];
    // A fault changes what follows: places may then be called oftener than without.
    const std::uint64_t ordinal = 1 + places.below(s.ordinals + s.ordinals / 4);
    fault f = make(s, ordinal, static_cast<std::uint32_t>(shape.below(s.variants)));
    const std::uint64_t lasting = shape.below(10);
    if (info(s.kind).repeats) f.times = lasting < 6 ? 1 : lasting < 8 ? lasting - 4 : fault::always;
    return f;
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
    const bool on_disk =
        disk_slots_begin_ == 0 || random_stream(seed, "swarm", "disk", "").chance(1, disk_plans_one_in);
    std::vector<std::uint64_t> sums, sums_of_disk; // by slot
    for (const slot& s : slots_) {
        const std::uint64_t w = weight[static_cast<std::size_t>(s.kind)];
        sums.push_back((sums.empty() ? 0 : sums.back()) + (on_disk || !of_disk(s) ? w : 0));
        sums_of_disk.push_back((sums_of_disk.empty() ? 0 : sums_of_disk.back()) + (on_disk && of_disk(s) ? w : 0));
    }
    fault_plan out;
    if (sums.empty() || sums.back() == 0) return out;
    std::uint64_t n = 1;
    while (n < faults_drawn_max && count.chance(1, 2)) ++n;
    // Half of the faults of a plan on the disk are the disk's, which is one place among many.
    for (std::uint64_t i = 0; i < n; ++i)
        out.faults.push_back(draw_fault(sums_of_disk.back() > 0 && i % 2 == 0 ? sums_of_disk : sums, places, shape));
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

bool take_swarm(const scenario& s, fault_filter& filter) {
    filter.swarm = s.swarm;
    // Whoever names what may be drawn names this, too.
    const bool names_workload = std::erase(filter.swarm, swarm_workload) > 0;
    return names_workload || s.swarm.empty();
}

run_case with_plan(const std::shared_ptr<const scenario>& s, planned_case p) {
    run_case c{s, p.seed, s->faults};
    for (fault& f : p.plan.faults) c.plan.faults.push_back(std::move(f));
    return c;
}

run_case drawn_case(const plan_space& space, const std::shared_ptr<const scenario>& s, std::uint64_t seed,
                    bool vary_workload) {
    run_case c = with_plan(s, {space.draw(seed), seed});
    if (!vary_workload) return c;
    auto edited = with_edits(c, draw_workload(*s, seed));
    return edited ? std::move(*edited) : c;
}

} // namespace aivp::sim
