#include "tools/aivp/commands.hpp"

int main(int argc, char** argv) {
    using namespace aivp::tools;
    const program_spec program{"aivp",
                               "writes, checks and dry-runs agents",
                               {run_command_spec(), validate_command_spec(), new_command_spec(), schema_command_spec(),
                                explain_command("aivp"), completion_command("aivp")}};
    return run_program(program, argc, argv);
}
