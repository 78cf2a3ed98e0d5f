// Importers: logged runs of other harnesses become tapes that the engine can be replayed against, with the agent and the
// skills that they need. docs/tape-format.md, "Imported tapes", says what is kept, guessed and added.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/time.hpp"

namespace aivp::sim {

struct import_options {
    /// A file with tool schemas ({"tools":[{"name","description","parameters"}]}) or a folder of such files named
    /// <suite>.<version>.json. Empty: the folder suites/ beside or above the log file. Without a file the schemas are
    /// derived from the calls that were logged.
    std::string tools;
    /// tau-bench only: empty = taken from the file's name ("gpt-4o-airline.json": model gpt-4o, suite airline).
    std::string model;
    std::string suite;
    /// For runs whose log has no time.
    instant recorded_at;
};

struct import_summary {
    std::string format;
    std::uint64_t runs = 0;  ///< found in the files
    std::uint64_t tapes = 0; ///< written
    std::uint64_t model_calls = 0;
    std::uint64_t skill_calls = 0;
    std::uint64_t user_turns = 0;
    std::uint64_t capped_runs = 0; ///< end with calls that the harness did not perform any more
    std::uint64_t cut_runs = 0;    ///< end where a model turn should follow: the tape has one more, failed model call
    std::uint64_t skills = 0;
    struct widening {
        std::string group; ///< "banking-v1"
        std::string skill;
        std::string change; ///< in words, with the place in the schema
    };
    std::vector<widening> widenings;
    struct skipped_run {
        std::string file;
        std::uint32_t line = 0;
        std::string reason;
    };
    std::vector<skipped_run> skipped;
};

/// Several lines for people.
std::string to_string(const import_summary& s);

/// Reads logs of AgentDojo: *.jsonl or *.jsonl.gz with one run a line, *.json or *.json.gz with one run. Writes
/// OUT/<pipeline>/<suite>.<attack>/<user_task>[.<injection_task>].tape, OUT/skills/<suite>-<version>/ and
/// OUT/import-report.json. Nothing is written before all files were read and understood.
/// Errors: import.format (file:line:column), io.not_found, io.read, io.write, io.exists (OUT holds an import of these
/// skills or runs already), schema.* and config.* (a tool schema that cannot be used).
result<import_summary> import_agentdojo(const std::vector<std::string>& files, const std::string& out,
                                        const import_options& options = {});

/// Reads trajectories of tau-bench: the same file forms; a *.json may be a list. Writes
/// OUT/<model>/<suite>/task-<task>.trial-<trial>.tape and the rest as above. Errors: the same.
result<import_summary> import_tau_bench(const std::vector<std::string>& files, const std::string& out,
                                        const import_options& options = {});

} // namespace aivp::sim
