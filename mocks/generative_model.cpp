#include "mocks/generative_model.hpp"

#include <map>
#include <utility>
#include <vector>

#include "aivp/skill/fields.hpp"
#include "mocks/internal/conversation.hpp"
#include "mocks/internal/value_grammar.hpp"

namespace aivp {
namespace {

constexpr std::string_view generative_abstain_tool = "abstain";
constexpr std::string_view generative_texts[] = {"Done.", "That is all I could find.",
                                                 "The work is finished, nothing is left to do.",
                                                 "I could not complete the task with the tools at hand."};
constexpr std::string_view generative_remarks[] = {"Let me look.", "Next step.", "I will check that first."};

struct generative_tool {
    std::string name;
    value_grammar arguments;
};

struct generative_tools {
    payload source;
    std::vector<generative_tool> tools; // without abstain
    std::optional<value_grammar> abstain;
};

generative_tools generative_compile(const payload& tools) {
    generative_tools out;
    out.source = tools;
    for (const payload& t : items(tools)) {
        const auto name = member(t, "name");
        auto grammar = value_grammar::compile(member(t, "parameters").value_or(payload::from_canonical("{}")));
        std::string text = name ? as_string(*name).value_or("") : "";
        if (text == generative_abstain_tool)
            out.abstain = std::move(grammar);
        else
            out.tools.push_back({std::move(text), std::move(grammar)});
    }
    return out;
}

} // namespace

struct generative_source::grammars {
    std::map<digest, generative_tools> of_tools;
    const generative_tools* last = nullptr;

    const generative_tools& get(const payload& tools) {
        if (last && last->source.same_as(tools)) return *last;
        auto found = of_tools.find(tools.hash());
        if (found == of_tools.end()) found = of_tools.emplace(tools.hash(), generative_compile(tools)).first;
        return *(last = &found->second);
    }
};

result<generative_options> parse_generative_options(const payload& document, std::uint64_t seed,
                                                    const std::string& at) {
    field_reader in(document, field_origin::seed, at);
    generative_options o;
    const auto rate = [&](const char* key, std::uint32_t& value) {
        value = static_cast<std::uint32_t>(in.integer_or(key, value, 0, 1000));
    };
    o.seed = seed;
    if (const auto own = in.maybe_integer("seed", 0, std::int64_t{1} << 53)) o.seed = static_cast<std::uint64_t>(*own);
    rate("stop_per_mille", o.stop_per_mille);
    rate("abstain_per_mille", o.abstain_per_mille);
    rate("invalid_per_mille", o.invalid_per_mille);
    rate("unknown_tool_per_mille", o.unknown_tool_per_mille);
    rate("repeat_per_mille", o.repeat_per_mille);
    rate("text_beside_per_mille", o.text_beside_per_mille);
    o.calls_max = static_cast<std::uint32_t>(in.integer_or("calls_max", o.calls_max, 1, 100));
    o.turns_max = static_cast<std::uint32_t>(in.integer_or("turns_max", o.turns_max, 1, 1'000'000));
    AIVP_CHECK(in.done());
    return o;
}

generative_source::generative_source(generative_options options)
    : options_(options), grammars_(std::make_unique<grammars>()) {}
generative_source::~generative_source() = default;

model_answer generative_source::answer(const model_request& request) {
    const std::uint32_t turn = turn_of(request.messages);
    random_stream draws(options_.seed, "model", request.agent,
                        std::to_string(request.run.value) + '/' + std::to_string(turn));
    const generative_tools& offered = grammars_->get(request.tools);
    model_response r;
    // Every kind of turn is drawn, whether it can be had or not: what is offered does not shift what follows.
    const bool stops = draws.chance(options_.stop_per_mille, 1000) || turn >= options_.turns_max;
    const bool abstains = draws.chance(options_.abstain_per_mille, 1000);
    const bool repeats = draws.chance(options_.repeat_per_mille, 1000);
    const bool speaks = draws.chance(options_.text_beside_per_mille, 1000);
    const std::uint64_t count = 1 + draws.below(options_.calls_max);

    if (abstains && offered.abstain) {
        r.calls.push_back({std::string(generative_abstain_tool), offered.abstain->generate(draws)});
    } else if (stops || offered.tools.empty()) {
        r.content = payload::of_string(generative_texts[draws.below(std::size(generative_texts))]);
        return prepared_answer(std::move(r));
    } else if (repeats && turn > 1) {
        r.calls = conversation(request).last_calls();
    }
    const bool complete = !r.calls.empty();
    while (!complete && r.calls.size() < count) {
        const generative_tool& tool = offered.tools[draws.below(offered.tools.size())];
        const bool unknown = draws.chance(options_.unknown_tool_per_mille, 1000);
        const bool broken = draws.chance(options_.invalid_per_mille, 1000);
        r.calls.push_back({unknown ? "unknown_" + tool.name : tool.name,
                           broken ? tool.arguments.generate_broken(draws) : tool.arguments.generate(draws)});
    }
    if (speaks) r.content = payload::of_string(generative_remarks[draws.below(std::size(generative_remarks))]);
    r.finish = "tool_calls";
    return prepared_answer(std::move(r));
}

} // namespace aivp
