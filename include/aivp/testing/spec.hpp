// Tests of the engine as a decider: given what happened, when an input arrives, then exactly these events follow.
//
//   given(agent)
//       .and_given(start_run{agent_id{1}, {}})
//       .when(skill_completion{.ref = {run_id{1}, call_id{1}}, .result = json("{}")})
//       .then({{"call_settled", R"({"outcome":"ok"})"}, {"step_finished"}, {"run_finished", R"({"status":"success"})"}});
//
// Nothing here knows a test framework: what does not hold throws expectation_failed, whose text begins with file:line of
// the expectation.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "aivp/engine/engine.hpp"

namespace aivp::testing {

class expectation_failed : public std::logic_error {
public:
    expectation_failed(std::string_view what, const std::source_location& where);
};

namespace detail {
template <class T, class Variant>
inline constexpr bool is_alternative = false;
template <class T, class... Ts>
inline constexpr bool is_alternative<T, std::variant<Ts...>> = (std::is_same_v<T, Ts> || ...);
} // namespace detail

/// Asserts that `text` is JSON.
payload json(std::string_view text);

/// An event or an effect as the journal spells it: its type, and the members that must be there with just these values (0,
/// "", "ok" and null may be left out there).
struct expected_part {
    std::string type;
    std::string members = "{}"; ///< JSON object
};

/// An event as it stands in the journal.
payload to_payload(const engine_event& event);
/// An effect in the same manner: {"type":"skill_call","as":…,"arguments":…,"call":…,"deadline":…,"run":…,"skill":…} and so on.
payload to_payload(const engine_effect& effect);

/// A state under construction. Each input is decided twice, purely and in place, and its events are applied to a copy of the
/// state before: that all three agree is checked on the way.
class spec {
public:
    /// 2026-01-01T00:00:00Z
    static constexpr instant start{1'767'225'600'000'000};

    explicit spec(engine_state before = {}) : state_(std::move(before)) {}

    /// What has happened before. `later`: the time that passes first, not negative.
    spec& and_given(engine_input input, duration later = {},
                    std::source_location where = std::source_location::current());
    spec& when(engine_input input, duration later = {}, std::source_location where = std::source_location::current());
    /// Exactly these events, in this order.
    spec& then(std::initializer_list<expected_part> events,
               std::source_location where = std::source_location::current());
    /// These events among others, in this order.
    spec& then_among_others(std::initializer_list<expected_part> events,
                            std::source_location where = std::source_location::current());
    /// Exactly these effects, in this order.
    spec& performing(std::initializer_list<expected_part> effects,
                     std::source_location where = std::source_location::current());

    const engine_state& state() const { return state_; }
    instant now() const { return now_; }
    /// What the last input led to.
    const decision& last() const { return last_; }
    /// The journal line of the last input.
    const std::string& line() const { return line_; }

    /// The n-th event or effect of this kind (n from 0) that the last input led to.
    template <class T>
    const T& the(std::size_t n = 0, std::source_location where = std::source_location::current()) const {
        if constexpr (detail::is_alternative<T, engine_event>)
            return pick<T>(last_.events, n, where);
        else
            return pick<T>(last_.effects, n, where);
    }

private:
    template <class T, class List>
    const T& pick(const List& from, std::size_t n, const std::source_location& where) const {
        for (const auto& one : from)
            if (const T* found = std::get_if<T>(&one); found && n-- == 0) return *found;
        throw expectation_failed("there is none of this kind in " + line_, where);
    }

    engine_state state_;
    instant now_ = start;
    seq_no seq_;
    decision last_;
    std::string line_;
};

/// A world in which these agents have been activated, numbered from 1 in this order.
spec given(std::initializer_list<snapshot_ptr> agents, std::source_location where = std::source_location::current());
inline spec given(snapshot_ptr agent, std::source_location where = std::source_location::current()) {
    return given({std::move(agent)}, where);
}

} // namespace aivp::testing
