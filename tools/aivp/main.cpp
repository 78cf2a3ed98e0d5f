#include "tools/aivp/commands.hpp"

int main(int argc, char** argv) {
    using namespace aivp::tools;
    const program_spec program{"aivp",
                               "writes, checks and runs agents",
                               {run_command_spec(), ps_command_spec(), show_command_spec(), logs_command_spec(),
                                cancel_command_spec(), pause_command_spec(), resume_command_spec(),
                                answer_command_spec(), resolve_command_spec(), dead_letters_command_spec(),
                                validate_command_spec(), new_command_spec(), schema_command_spec(),
                                explain_command("aivp"), completion_command("aivp")}};
    return run_program(program, argc, argv);
}
