// The plans that a search can try in a scenario: every single fault at every place where a run met none, pairs of them, and
// random ones. Everything is a function of the census and of seeds: no plan depends on what was tried before.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/random.hpp"
#include "sim/search/case.hpp"

namespace aivp::sim {

/// Where faults can be met, as runs without any found it.
struct site_census {
    fault_site site;                  ///< with the most calls of any seed
    std::vector<std::uint64_t> calls; ///< by census seed
};
struct census {
    std::vector<std::uint64_t> seeds;
    std::vector<site_census> sites; ///< by name
    /// The sites of one more run. `seeds` already has its seed, as the last.
    void add(const std::vector<fault_site>& sites);
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
    /// i < singles(); in the order of the places, then kinds, then calls.
    planned_case single(std::uint64_t i) const;

    /// At most `most` pairs, the promising ones first: a fault of which nobody knows how it went and a death of the process,
    /// then such a fault and any other, then any two at different places.
    std::vector<planned_case> pairs(std::uint64_t most) const;

    /// What the seed draws: a subset of kinds with weights, how many faults, and where.
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
    fault make(const slot& s, std::uint64_t ordinal, std::uint32_t variant) const;
    planned_case alone(fault f) const;
    /// Once, usual severity, first form; of each slot at most so many ordinals.
    std::vector<fault> representatives(std::uint64_t ordinals_max) const;

    census census_;
    std::vector<slot> slots_;
    std::uint64_t singles_ = 0;
};

/// `most` of the numbers below `all`, one drawn out of each of `most` equal parts; all of them when they are no more.
std::vector<std::uint64_t> sample_evenly(std::uint64_t all, std::uint64_t most, std::string_view purpose);

/// What the seed makes of the scenario's workload: other numbers and times of its triggers, other payloads that the agents'
/// schemas allow, other users. Half of the seeds leave it as it is.
workload_edits draw_workload(const scenario& s, std::uint64_t seed);

/// Another value in place of each text and number of `value`, drawn by `stream`; now and then an odd one.
payload varied(const payload& value, random_stream& stream);
/// Do the schemas of all triggers that this one can start accept the payload?
bool accepts_payload(const scenario& s, const planned_trigger& t, const payload& body);

} // namespace aivp::sim
