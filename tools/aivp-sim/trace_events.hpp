// A run as Chrome trace events (JSON), which Perfetto and chrome://tracing open: when each run and call was under way, what
// led to what, and the money spent, in virtual time.
#pragma once

#include <string>

#include "sim/search/case.hpp"

namespace aivp::tools {

/// Runs and calls are asynchronous pairs (`b`, `e`) with the ids "run 3" and "run 3 call 7"; what was open at the end ends
/// there. Each record is a slice of one nanosecond on the engine's thread, so that flows (`s`, `f`) have something to hold
/// on to; records of one instant stand a nanosecond apart. `ts` is in microseconds since the scenario's start.
std::string to_trace_events(const sim::run_case& c, const sim::executed_case& run);

} // namespace aivp::tools
