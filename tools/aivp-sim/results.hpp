// What a command found, in the form that its files are made of: JUnit XML, an HTML page, annotations of a CI service.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/search/search.hpp"
#include "tools/aivp-sim/reports.hpp"
#include "tools/common/command.hpp"

namespace aivp::tools {

struct reported_failure {
    std::string what; ///< the property's name, or the expectation in words
    source_pos where; ///< line 0: only the file is known
    std::string expected;
    std::string actual;
    std::string block; ///< as it is printed; empty: it is part of the one before
    std::string repro; ///< a command line
    std::uint64_t seed = 0;
    std::string token; ///< empty: the case does not fit into one
    /// With the history; none when two runs of a seed differ.
    std::optional<sim::failure_report> told;
};

struct reported_scenario {
    std::string file;
    std::string name;
    bool passed = true;
    std::string counts; ///< "20 seeds, 40 runs, 160 inputs"
    double seconds = 0;
    std::vector<std::pair<std::string, std::string>> properties; ///< for JUnit: name and value
    std::vector<reported_failure> failures;
    std::uint64_t not_shown = 0; ///< failures that were only counted
};

struct reported_results {
    std::string command; ///< "run"
    std::vector<reported_scenario> scenarios;
    batch_summary summary;
};

/// The first failing seed of each scenario is run again for its history.
reported_results results_of(const std::string& command, const std::vector<sim::scenario_report>& reports,
                            const batch_summary& summary);
/// `kept`: the regression files by failure, or empty.
reported_scenario result_of(const sim::search_report& r, const std::vector<std::string>& kept, double seconds);
/// One case that passed, or failed with `r`.
reported_scenario result_of(const sim::run_case& c, const sim::failure_report* r, const std::string& kept,
                            double seconds);

std::string to_junit(const reported_results& results);

/// The files that --junit, --html and --github ask for. They are opened before the work begins: hours of it are not lost to
/// a folder that does not exist.
class result_files {
public:
    /// Errors: io.write.
    static result<result_files> open(const arguments& a);
    bool wanted() const { return !files_.empty() || github_; }
    /// Errors: io.write. Annotations go to stdout, or with --json to stderr.
    result<void> write(const reported_results& results);

private:
    struct file {
        std::string path;
        std::string (*make)(const reported_results&);
    };
    std::vector<file> files_;
    bool github_ = false;
    bool json_ = false;
};

/// The flags that belong to them: --junit, --html, --github.
std::vector<flag_spec> result_flags();

/// Errors: io.write.
result<void> write_whole_file(const std::string& path, const std::string& text);

} // namespace aivp::tools
