// What the scenario commands print: text for people, JSON for machines.
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
/// What is printed below the line of a scenario that failed.
std::string failure_text(const sim::scenario_report& r);
/// Where two runs of a seed part: the record, what differs, both lines.
std::string divergence_text(std::uint64_t seed, const sim::divergence& d);
/// "aivp-sim run FILE --seed N" for a shell.
std::string repro_line(const sim::scenario_report& r, const std::string& command, std::uint64_t seed);

} // namespace aivp::tools
