// Regression files, without the scenarios that they name; and what their workload makes of a scenario.
#include "sim/regression.hpp"
#include "ci/fuzz/fuzz.hpp"
#include "runtime/codec/reader.hpp"
#include "sim/scenario.hpp"

namespace {

/// One with agents, triggers of each kind and an expectation, so that edits find something to change.
const std::shared_ptr<const aivp::sim::scenario>& something_to_edit() {
    static const auto made = [] {
        auto s = std::make_shared<aivp::sim::scenario>();
        s->file = "s.yaml";
        s->horizon = aivp::hours(1);
        auto agent = std::make_shared<aivp::agent_snapshot>();
        agent->id = "clerk";
        agent->brain = aivp::steps_brain{std::vector<aivp::step_spec>(3)};
        s->agents = {agent};
        s->triggers.resize(2);
        s->triggers[0].agent = "clerk";
        s->triggers[0].every = aivp::minutes(1);
        s->triggers[0].times = 3;
        s->triggers[1].event = "mail.arrived";
        s->expectations.resize(1);
        return std::shared_ptr<const aivp::sim::scenario>(std::move(s));
    }();
    return made;
}

std::optional<aivp::sim::regression> read(std::string_view text) {
    std::vector<aivp::error> errors;
    const auto document = aivp::read_document(text, "r.yaml", errors);
    if (!document || !aivp::sim::is_regression(*document)) return std::nullopt;
    auto r = aivp::sim::read_regression(*document, errors);
    for (const aivp::error& e : errors) {
        fuzz::require(!e.message.empty(), "an error says what is wrong");
        fuzz::require(e.where.file == "r.yaml", "an error names the file");
    }
    return errors.empty() ? std::optional(std::move(r)) : std::nullopt;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto first = read(fuzz::as_text(data, size));
    if (!first) return 0;
    const auto again = read(aivp::sim::to_yaml(*first));
    fuzz::require(again && *again == *first, "written and read back it is the same");
    const auto edited = aivp::sim::apply_edits(something_to_edit(), first->workload);
    fuzz::require(edited ? *edited != nullptr : !edited.error().message.empty(), "a scenario, or a reason");
    return 0;
}
