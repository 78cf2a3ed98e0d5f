// Any text is read as a configuration without a crash, its errors have places in the file, and reading again gives the same.
#include "runtime/daemon/config.hpp"

#include "ci/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    std::vector<aivp::error> errors;
    const aivp::daemon_config first = aivp::parse_daemon_config(text, "aivp.yaml", "/nowhere", errors);
    for (const aivp::error& e : errors) {
        fuzz::require(e.where.file == "aivp.yaml", "an error names the file");
        fuzz::require(!aivp::to_string(e).empty(), "an error can be shown");
    }
    std::vector<aivp::error> again;
    const aivp::daemon_config second = aivp::parse_daemon_config(text, "aivp.yaml", "/nowhere", again);
    fuzz::require(errors == again && first.egress == second.egress && first.agents == second.agents,
                  "reading again gives the same");
    for (const auto& [skill, program] : first.programs)
        fuzz::require(!errors.empty() || !program.command.empty(), "a program has a command");
    return 0;
}
