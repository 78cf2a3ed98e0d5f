// A logged run in a form that no longer depends on the log's format.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "sim/import/import.hpp"

namespace aivp::sim::internal {

struct imported_answer {
    payload result; ///< JSON string: what the model got to see
    bool failed = false;
    std::string message; ///< the harness's error text
};

struct imported_call {
    std::string name; ///< as the model wrote it
    payload arguments;
    std::string id; ///< of the log; may be empty
    std::optional<imported_answer> answer;
};

struct imported_turn {
    payload content; ///< JSON string or null
    std::vector<imported_call> calls;
    std::optional<payload> reply; ///< what the user answered to a turn without calls: JSON string or null
    bool reply_ends = false;
};

struct imported_run {
    std::string suite;
    std::string version;
    std::string folder; ///< of the tape, relative, without ".tape"; parts are safe names
    std::string model;
    std::string title;
    std::string system;
    std::string goal;
    std::vector<imported_turn> turns;
    bool converse = false;
    std::vector<std::string> ends_after;
    std::string error; ///< the harness's error for the run as a whole
    duration total;    ///< of the run; 0 = not known
    instant recorded_at;
    payload provenance; ///< object
    std::string skip;   ///< not empty: cannot be replayed, and why
};

/// A fault in a log: `pointer` into the document.
struct import_fault {
    std::string pointer;
    std::string message;
};

/// Errors: import.format with the pointer in the context.
result<imported_run> read_agentdojo_run(const payload& document);
result<imported_run> read_tau_bench_run(const payload& document, const std::string& model, const std::string& suite);

/// Checks what both formats have in common, and marks runs that the engine would not make again. Fills in `skip`.
void check_imported_run(imported_run& run);

/// How a run ends.
enum class imported_ending : std::uint8_t {
    finished, ///< the model's last word, the user left, or a skill that ends the run
    capped,   ///< the last turn asks for calls that were not performed
    cut,      ///< another model turn should follow
};
imported_ending ending_of(const imported_run& run);

/// Letters, digits, `-`, `_` and `.` stay; anything else becomes `_`. Never empty, never begins with a dot, at most 80 bytes.
std::string safe_name(std::string_view text);

} // namespace aivp::sim::internal
