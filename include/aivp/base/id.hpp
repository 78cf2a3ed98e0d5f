// Strong identifiers. A run, a call and an agent are numbered, not randomly named: the number is derived from the input
// log, so the same history always names the same things.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace aivp {

/// A number that cannot be confused with the number of something else. `Tag` is never defined.
/// 0 means "none"; the first valid value is 1.
template <class Tag>
struct id {
    std::uint64_t value = 0;

    constexpr explicit operator bool() const { return value != 0; }
    friend constexpr auto operator<=>(const id&, const id&) = default;
};

using run_id = id<struct run_tag>;     ///< one execution of an agent; numbered by the engine in order of acceptance
using agent_id = id<struct agent_tag>; ///< one activated agent; numbered in order of activation
using seq_no = id<struct seq_tag>;     ///< position of an input in the input log

/// One call out of a run (a model turn, a skill call or a question to a person): its ordinal within the run, from 1.
using call_id = id<struct call_tag>;

/// "run-12": the form in which people see a run. Never parsed by the engine.
inline std::string to_string(run_id r) { return "run-" + std::to_string(r.value); }
inline std::string to_string(call_id c) { return "call-" + std::to_string(c.value); }

} // namespace aivp
