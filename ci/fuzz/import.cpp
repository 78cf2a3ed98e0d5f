// Any JSON in place of a logged run is refused with a pointer, marked as not to be replayed, or becomes a tape that reads
// back without a complaint, with an agent file and skill files that load. The first byte chooses the format.
#include "sim/import/internal/tape_builder.hpp"

#include "aivp/tape/files.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/workspace.hpp"

namespace {

using namespace aivp::sim::internal;

void require_refusal(const aivp::error& e) {
    fuzz::require(e.code == aivp::errc::import_format, "a refusal has its code");
    fuzz::require(!e.message.empty(), "a refusal has a message");
    fuzz::require(!e.context.empty() && e.context.front().first == "pointer", "a refusal has a pointer");
}

void check_run(const imported_run& run) {
    skill_set skills(run.suite, run.version);
    for (const imported_turn& turn : run.turns)
        for (const imported_call& call : turn.calls) skills.observe(call.name, call.arguments);
    std::vector<aivp::sim::import_summary::widening> widenings;
    const auto compiled = skills.compile(widenings);
    fuzz::require(compiled.has_value(), "skills that are derived from a log can be used");
    aivp::skill_registry registry;
    for (const auto& [name, skill] : skills.skills()) {
        fuzz::require(registry.add(skill.contract).has_value(), "each skill has an id of its own");
        for (const imported_turn& turn : run.turns)
            for (const imported_call& call : turn.calls)
                if (call.name == name)
                    fuzz::require(skill.contract->input.accepts(call.arguments), "logged arguments pass the schema");
    }
    const aivp::tape_text text = aivp::tape_to_text(build_tape(run, skills));
    const auto read = aivp::tape_from_text(text, "x.tape");
    fuzz::require(read.has_value() && read->problems.empty(), "the tape reads back");
    std::vector<aivp::error> errors;
    const auto agent =
        aivp::load_agent_text(agent_text(run, skills), "agent.yaml", registry, aivp::load_utc_only, errors);
    fuzz::require(agent != nullptr, "the agent file loads");
    fuzz::require(agent->tools == skills.tools(), "the agent offers the tools of the tape");
    fuzz::require(std::get<aivp::loop_brain>(agent->brain).goal == run.goal, "the goal is the first user message");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto document = aivp::payload::parse(text);
    if (!document) return 0;
    const auto run = data[0] % 2 == 0 ? read_agentdojo_run(*document) : read_tau_bench_run(*document, "model", "suite");
    if (!run)
        require_refusal(run.error());
    else if (run->skip.empty())
        check_run(*run);
    return 0;
}
