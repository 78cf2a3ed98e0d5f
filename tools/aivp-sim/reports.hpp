// What the scenario commands print: text for people, JSON and JUnit for machines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/runner.hpp"

namespace aivp::tools {

struct batch_summary {
    std::uint64_t passed = 0;
    std::uint64_t failed = 0;
    std::uint64_t skipped = 0;
    double seconds = 0;
};
batch_summary summarise(const std::vector<sim::scenario_report>& reports);

void print_text(const std::vector<sim::scenario_report>& reports, const std::string& command, double seconds);
std::string to_json(const std::vector<sim::scenario_report>& reports, const batch_summary& summary);
std::string to_junit(const std::vector<sim::scenario_report>& reports, const batch_summary& summary);

} // namespace aivp::tools
