// Properties that a scenario states of itself, in a small typed language over tables of what happened:
//
//   count(ledger where operation == "payment.charge" && outcome == "ok" && !duplicate per arguments.order) <= 1
//
// Everything that can be wrong with an expression is found when it is read. It cannot loop, has no floating point, and its value
// depends on the rows alone. docs/scenario-format.md is the page for those who write them, docs/adr/0019-properties.md says why.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "aivp/base/located.hpp"
#include "sim/property/tables.hpp"

namespace aivp::sim {

/// A compiled expression; immutable, may be used by several threads.
struct property_program;
using property_program_ptr = std::shared_ptr<const property_program>;

inline constexpr std::size_t property_bytes_max = 4096;
inline constexpr std::uint32_t property_depth_max = 64; ///< of parentheses and operators in each other

/// What texts are compared with must exist. An empty list is not checked.
struct property_names {
    std::vector<std::string> agents;
    std::vector<std::string> calls;      ///< names of bindings
    std::vector<std::string> skills;     ///< ids
    std::vector<std::string> operations; ///< of the world's mocks
};

/// Appends all errors: config.value (syntax), config.type, config.reference (a name that does not exist), each at its place and
/// with help. nullptr when there was one.
property_program_ptr compile_property(const located_text& text, const property_names& names,
                                      std::vector<error>& errors);

enum class property_mode : std::uint8_t {
    always,    ///< holds from the beginning on, after every row
    finally,   ///< holds at the end
    sometimes, ///< is true at some moment of some seed
};
const char* to_string(property_mode m);

struct scenario_property {
    std::string name; ///< unique in the scenario
    property_mode mode = property_mode::always;
    source_pos where; ///< of the expression
    property_program_ptr program;
    std::string text{}; ///< as it was written
};

} // namespace aivp::sim
