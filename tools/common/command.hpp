// One table of commands drives parsing, help and completion, so that none of them can disagree with another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"
#include "runtime/codec/diagnostics.hpp"

namespace aivp::tools {

struct flag_spec {
    std::string name;         ///< without the dashes
    std::string value_name;   ///< empty: a switch
    std::string default_text; ///< of a value; empty = none
    std::string help;
};

/// What stood on the command line, checked against the table.
class arguments {
public:
    std::vector<std::string> positional;
    std::map<std::string, std::string> values; ///< switches have the value "1"

    bool has(const std::string& flag) const { return values.contains(flag); }
    /// The value, or the table's default, or "".
    std::string text(const std::string& flag) const;
    /// Errors: usage.invalid when it is no whole number in [least, most].
    result<std::int64_t> integer(const std::string& flag, std::int64_t least, std::int64_t most) const;

    std::map<std::string, std::string> defaults;
};

struct command_spec {
    std::string name;
    std::string synopsis; ///< "run PATH… [--seeds N]"
    std::string summary;  ///< one sentence
    std::vector<std::string> examples;
    std::vector<flag_spec> flags;
    std::size_t positional_least = 0;
    std::size_t positional_most = 0;
    std::function<int(const arguments&)> run;
};

struct program_spec {
    std::string name;
    std::string summary;
    std::vector<command_spec> commands;
};

/// Exit codes of all binaries; docs/cli.md.
enum exit_code : int {
    exit_ok = 0,
    exit_internal = 1,
    exit_usage = 2,
    exit_config = 3,
    exit_nothing = 4,
    exit_failed = 10,
    exit_diverged = 12,
    exit_unreachable = 30,
    exit_refused = 31,
    exit_person_needed = 32,
    exit_interrupted = 130,
};

/// Parses, dispatches, and turns what goes wrong into a message and an exit code. Output that could not be written is such
/// a thing.
int run_program(const program_spec& program, int argc, const char* const* argv);

/// Prints all of them by place to stderr, with the lines that they point into, and returns exit_config. With --json, the
/// first of them to stdout as report_error does.
int report_errors(std::vector<error> errors, const source_texts& texts);
/// Prints `e` to stderr in the form of docs/errors.md and returns its exit code. When the command line of run_program has
/// --json, also {"error":{"code":…,"help":…,"message":…,"number":…,"where":…},"version":1} to stdout.
int report_error(const error& e);
/// "error[AV0102]: …" for a command line that is not understood; returns exit_usage.
int usage_error(const std::string& message, const std::string& help = {});

/// Prints one row of the error table, as `explain` does. Errors: usage.invalid with the nearest known names.
int explain_code(const std::string& name_or_number);
command_spec explain_command(const std::string& program);
/// Prints a completion script for the shell, made from the program's table.
command_spec completion_command(const std::string& program);

} // namespace aivp::tools
