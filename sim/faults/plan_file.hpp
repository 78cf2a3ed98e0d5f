// Plans as text: the `faults` list of a scenario or regression file, and the token that stands in one line of a failure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/codec/reader.hpp"
#include "sim/faults/fault.hpp"

namespace aivp::sim {

/// One mapping of a `faults` list: {site, ordinal, kind, severity, times: N | always, form, and the kind's span}. Reports
/// what is wrong; the result is usable when nothing was reported.
fault read_fault(const yaml_node& node, file_errors& errors);
/// A whole list.
fault_plan read_faults(const yaml_node& list, file_errors& errors);

/// One line of YAML: "{site: skill/clerk/charge, ordinal: 2, kind: lost}". Read back, it is the same fault.
std::string to_yaml(const fault& f);

} // namespace aivp::sim
