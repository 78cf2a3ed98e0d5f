// The value of one node, over one row or over the values of the aggregates.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sim/property/internal/program.hpp"

namespace aivp::sim {

/// `unknown`: it rests on the max or min of nothing.
enum class truth : std::uint8_t { no, yes, unknown };

/// A value whose type the node says. `present` is false for a part of JSON that is not there, and for the max of nothing.
struct operand {
    bool present = true;
    std::int64_t number = 0;
    std::string_view text;
};

/// For one evaluation; views of its results live as long as it does.
class evaluation {
public:
    /// Over a row of the table that the nodes are about.
    evaluation(const property_program& program, const property_row& row) : program_(program), row_(&row) {}
    /// Over the aggregates, in their order; nullopt = of nothing.
    evaluation(const property_program& program, std::span<const std::optional<std::int64_t>> aggregates)
        : program_(program), aggregates_(aggregates) {}

    operand value(std::uint32_t node);
    /// Looks at JSON as `type`: not present when it is something else.
    operand value_as(std::uint32_t node, value_type type);
    truth holds(std::uint32_t node);
    /// Why the value means nothing: an overflow, or a calculation with what is no number. Empty when it does.
    const std::string& fault() const { return fault_; }

private:
    operand field(const property_node& n);
    operand calculate(const property_node& n);
    truth compare(const property_node& n);
    truth compare(node_kind kind, value_type as, const operand& left, const operand& right) const;
    truth among(const property_node& n);
    truth texts(const property_node& n);
    void fail_once(std::string why) {
        if (fault_.empty()) fault_ = std::move(why);
    }

    const property_program& program_;
    const property_row* row_ = nullptr;
    std::span<const std::optional<std::int64_t>> aggregates_;
    std::deque<std::string> decoded_; ///< JSON strings with escapes
    std::string fault_;
};

/// "2", "$1.50", "30s", "\"A17\"": for people.
std::string shown(value_type type, std::int64_t number, std::string_view text = {});

} // namespace aivp::sim
