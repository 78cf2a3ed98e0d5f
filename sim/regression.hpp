// A failure that was found once, as a file: scenarios/regressions/NAME.yaml. It names a scenario and says under which seed,
// faults and workload the scenario was seen to break; from then on it is run with the others, and passes while nothing
// breaks. load_scenario() reads it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/faults/fault.hpp"
#include "sim/workload.hpp"

namespace aivp {
struct yaml_document;
}

namespace aivp::sim {

inline constexpr std::string_view regression_version = "regression.v1";
/// Of the plans that a search draws; a seed promises the same plan only under the same generator.
inline constexpr std::uint64_t generator_version = 1;

struct regression {
    std::string scenario; ///< path, relative to the regression's file, or absolute
    std::uint64_t seed = 1;
    std::string property;  ///< what was broken
    std::string signature; ///< hex digits
    fault_plan plan;
    workload_edits workload;
    std::string engine; ///< version that wrote it
    std::uint64_t generator = generator_version;
    std::string scenario_hash; ///< hex digits, of the scenario's text then
    friend bool operator==(const regression&, const regression&) = default;
};

/// Is it a regression, and not a scenario?
bool is_regression(const yaml_document& document);
/// Appends what is wrong to `errors`; the result is usable when nothing was. Errors: config.*, fault.*.
regression read_regression(const yaml_document& document, std::vector<error>& errors);
/// Read back, it is the same.
std::string to_yaml(const regression& r);

} // namespace aivp::sim
