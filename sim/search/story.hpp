// A run as a person reads it: what started it, what it did, which faults hit it, and what broke.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sim/search/failure.hpp"

namespace aivp::sim {

/// The lines of the run in order, the violation last. `required` by fault of the plan; may be empty.
std::vector<story_line> story_of(const run_case& c, const executed_case& run, const finding& what,
                                 const std::vector<bool>& required);

/// One record in a few words: "start_run: trigger_accepted clerk, call_intended charge".
std::string brief(std::string_view journal_line);

/// `key: value, key: value` of an object, else the JSON text; at most `width` characters.
std::string short_text(const payload& value, std::size_t width);

} // namespace aivp::sim
