// One table of commands drives parsing, help and completion, so that none of them can disagree with another.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/error.hpp"

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

/// Exit codes of all binaries; docs/exit-codes.md.
enum exit_code : int {
    exit_ok = 0,
    exit_internal = 1,
    exit_usage = 2,
    exit_config = 3,
    exit_nothing = 4,
    exit_failed = 10,
    exit_diverged = 12,
    exit_refused = 31,
};

/// Parses, dispatches, and turns what goes wrong into a message and an exit code.
int run_program(const program_spec& program, int argc, const char* const* argv);

/// Prints `e` to stderr in the form of docs/errors.md and returns its exit code.
int report_error(const error& e);
/// "error[AV0102]: …" for a command line that is not understood; returns exit_usage.
int usage_error(const std::string& message, const std::string& help = {});

/// Prints one row of the error table, as `explain` does. Errors: usage.invalid with the nearest known names.
int explain_code(const std::string& name_or_number);
command_spec explain_command(const std::string& program);

} // namespace aivp::tools
