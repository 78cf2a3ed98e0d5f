#include "tools/aivpd/commands.hpp"

int main(int argc, char** argv) {
    using namespace aivp::tools;
    const program_spec program{"aivpd",
                               "runs agents for real, and takes up again what a crash left open",
                               {serve_command_spec(), status_command_spec(), migrate_command_spec(),
                                check_command_spec(), explain_command("aivpd"), completion_command("aivpd")}};
    return run_program(program, argc, argv);
}
