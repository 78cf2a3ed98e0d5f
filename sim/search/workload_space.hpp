// Other workloads of a scenario, drawn: what its agents may meet beside what somebody wrote.
#pragma once

#include <cstdint>

#include "aivp/base/payload.hpp"
#include "aivp/base/random.hpp"
#include "sim/scenario.hpp"
#include "sim/workload.hpp"

namespace aivp::sim {

/// What the seed makes of the scenario's workload: other numbers and times of its triggers, other payloads that the agents'
/// schemas allow, other users. Half of the seeds leave it as it is.
workload_edits draw_workload(const scenario& s, std::uint64_t seed);

/// Another value in place of each text and number of `value`, drawn by `stream`; now and then an odd one.
payload varied(const payload& value, random_stream& stream);
/// Do the schemas of all triggers that this one can start accept the payload?
bool accepts_payload(const scenario& s, const planned_trigger& t, const payload& body);

} // namespace aivp::sim
