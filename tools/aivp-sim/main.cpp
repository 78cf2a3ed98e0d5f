#include "tools/aivp-sim/commands.hpp"

int main(int argc, char** argv) {
    using namespace aivp::tools;
    const program_spec program{"aivp-sim",
                               "runs scenarios, replays tapes and imports logged runs, all in virtual time",
                               {run_command_spec(), verify_command_spec(), list_command_spec(), explore_command_spec(),
                                faults_command_spec(), repro_command_spec(), shrink_command_spec(), why_command_spec(),
                                replay_command_spec(), import_command_spec(), properties_command_spec(),
                                explain_command("aivp-sim"), completion_command("aivp-sim")}};
    return run_program(program, argc, argv);
}
