// Watches the properties of one scenario in one world. Every aggregate is a few numbers for each of its groups, brought up to
// date by each row as it comes; a property is looked at again only when one of its aggregates changed, and only for the
// group that did.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/property/property.hpp"

namespace aivp::sim {

struct property_verdict {
    std::uint64_t evaluations = 0;
    bool reached = false;  ///< of a `sometimes`: it was true
    bool violated = false; ///< of the others: it was not
    std::string expected;  ///< of the first violation
    std::string actual;
};

/// Threads: one. `properties` must outlive it.
class property_monitor {
public:
    explicit property_monitor(const std::vector<scenario_property>& properties);
    ~property_monitor();
    property_monitor(const property_monitor&) = delete;
    property_monitor& operator=(const property_monitor&) = delete;

    /// A row was appended. Nothing is decided before settle().
    void add(table_id table, const property_row& row);
    /// What was added since is one moment: what changed is looked at again. Returns the properties that are violated
    /// now and were not before, as indices.
    const std::vector<std::size_t>& settle();
    /// All rows but the ledger's will be told again: a process has lost what it had not written down.
    void forget_all_but_ledger();
    /// The end: looks at everything once more, and at `finally`. As settle().
    const std::vector<std::size_t>& conclude();

    const std::vector<scenario_property>& properties() const { return properties_; }
    const std::vector<property_verdict>& verdicts() const { return verdicts_; }
    /// Does any property ask this table?
    bool asks(table_id table) const;

private:
    class state;
    void look_again(std::size_t property);

    const std::vector<scenario_property>& properties_;
    std::vector<std::unique_ptr<state>> states_;
    std::vector<property_verdict> verdicts_;
    std::vector<std::size_t> fresh_;
};

} // namespace aivp::sim
