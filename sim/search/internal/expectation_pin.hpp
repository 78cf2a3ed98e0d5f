// An expectation that is broken, shrunk against a program that is right: for each smaller workload that one is asked what the
// expectation comes to there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sim/search/case.hpp"

namespace aivp::sim::internal {

/// See shrink_options::reference.
using reference_program = std::function<std::optional<std::string>(const run_case&)>;

/// The expectation that the finding is about, as a pin.
std::optional<pinned_expectation> pin_of(const scenario& s, const finding& f);
/// Of "chat: {…}", which is what a finding about the world says: the service.
std::string service_of(std::string_view actual);
/// Of a case with a pinned expectation: the same with what is right there; nullopt when that cannot be told. `service`: that
/// the expectation is about; empty = a number of something.
std::optional<run_case> with_right(const run_case& c, const std::string& service, const reference_program& reference);

} // namespace aivp::sim::internal
