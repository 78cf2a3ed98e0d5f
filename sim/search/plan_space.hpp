// The plans that a search can try in a scenario: every single fault at every place where a run met none, pairs of them, and
// random ones. Everything is a function of the census and of seeds: no plan depends on what was tried before. A plan with a
// fault of the disk is several times as dear as another, because its run is a durable one: such plans have a share of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/random.hpp"
#include "sim/search/case.hpp"

namespace aivp::sim {

/// When a call of a site was, and for whom.
struct placed_call {
    instant at;
    run_id run;              ///< 0 = of none, or not known
    std::uint32_t agent = 0; ///< a number for each agent that calls something, from 1; 0 = of none, or not known
};

/// Where faults can be met, as runs without any found it.
struct site_census {
    fault_site site;                  ///< with the most calls of any seed
    std::vector<std::uint64_t> calls; ///< by census seed
    std::vector<placed_call> when{};  ///< the first calls under the first seed; empty = not known
};
struct census {
    std::vector<std::uint64_t> seeds;
    std::vector<site_census> sites; ///< by name
    /// The sites of a run under the seed with this index.
    void add(const std::vector<fault_site>& sites, std::size_t seed);
    /// The sites of one more run. `seeds` already has its seed, as the last.
    void add(const std::vector<fault_site>& found) { add(found, seeds.size() - 1); }
    /// When the calls of its sites were in this run, which is that of the first seed.
    void place(const executed_case& run);
    /// The first seed whose run called the place so often; the first seed when none did.
    std::uint64_t seed_for(std::string_view site, std::uint64_t ordinal) const;
};

/// Which faults a search draws: patterns of matching_kinds(), and a place's name or the beginning of one with "*".
struct fault_filter {
    std::vector<std::string> kinds; ///< any of these; empty = all
    std::vector<std::string> swarm; ///< and any of these; empty = all
    std::string site;               ///< empty = all
    bool admits(const fault_kind_info& k) const;
    bool admits(const fault_site& s) const;
};

/// A plan and the seed under which its places are known to be called.
struct planned_case {
    fault_plan plan;
    std::uint64_t seed = 1;
};

class plan_space {
public:
    plan_space(census found, fault_filter filter);

    /// Every kind at every call of every place: once and always, in each severity and form that it has.
    std::uint64_t singles() const { return singles_; }
    /// So many of them, the last, are faults of the disk.
    std::uint64_t disk_singles() const { return disk_singles_; }
    /// i < singles(); in the order of the places, the disk last, then kinds, then calls.
    planned_case single(std::uint64_t i) const;

    /// At most `most` pairs at two different places, the promising ones first. Three groups: a fault of which nobody knows
    /// how it went and a death of the process, such a fault and any other, any two. In each, those come first that hit the
    /// same run, then the same agent, and of these the ones that are close in time; so half of the group's share is filled,
    /// and the rest evenly from all. A tenth of all has a fault of the disk.
    std::vector<planned_case> pairs(std::uint64_t most) const;

    /// What the seed draws: a subset of kinds with weights, how many faults, and where. One in `disk_plans_one_in` has
    /// faults of the disk, where there are others.
    static constexpr std::uint64_t disk_plans_one_in = 16;
    fault_plan draw(std::uint64_t seed) const;
    bool empty() const { return slots_.empty(); }
    const census& found() const { return census_; }

private:
    /// One kind at one place.
    struct slot {
        std::uint32_t site = 0;
        fault_kind kind = fault_kind::model_late;
        std::uint64_t ordinals = 0;
        std::uint32_t variants = 1;
        std::uint64_t begin = 0; ///< number of the first single fault
    };
    class pair_list;
    /// A representative of a slot: once, usual severity, first form.
    struct pick {
        std::size_t slot = 0;
        std::uint64_t ordinal = 1;
    };
    void add_slots(std::uint32_t site, const fault_filter& filter);
    fault make(const slot& s, std::uint64_t ordinal, std::uint32_t variant) const;
    fault make(const pick& p) const { return make(slots_[p.slot], p.ordinal, 0); }
    planned_case alone(fault f) const;
    bool of_disk(const slot& s) const { return &s - slots_.data() >= static_cast<std::ptrdiff_t>(disk_slots_begin_); }
    /// Of each slot from `begin` to `end` at most so many ordinals.
    std::vector<pick> representatives(std::size_t begin, std::size_t end, std::uint64_t ordinals_max) const;
    const std::vector<placed_call>& when(std::size_t slot) const { return census_.sites[slots_[slot].site].when; }
    fault draw_fault(const std::vector<std::uint64_t>& sums, random_stream& places, random_stream& shape) const;

    census census_;
    std::vector<slot> slots_; ///< those of the disk last
    std::size_t disk_slots_begin_ = 0;
    std::uint64_t singles_ = 0;
    std::uint64_t disk_singles_ = 0;
};

/// `most` of the numbers below `all`, one drawn out of each of `most` equal parts; all of them when they are no more.
std::vector<std::uint64_t> sample_evenly(std::uint64_t all, std::uint64_t most, std::string_view purpose);

/// Takes over what the scenario's own `swarm` admits. May its workload be changed, too?
bool take_swarm(const scenario& s, fault_filter& filter);
/// The scenario under its own faults and these.
run_case with_plan(const std::shared_ptr<const scenario>& s, planned_case p);
/// A random plan: what the seed draws, its workload only if `vary_workload`.
run_case drawn_case(const plan_space& space, const std::shared_ptr<const scenario>& s, std::uint64_t seed,
                    bool vary_workload);

} // namespace aivp::sim
