// A model that makes things up: plausible calls of the tools it is offered, sometimes wrong ones, text, an end. The answer
// is a function of (seed, agent, run, turn) and the request's tools; nothing else that is drawn anywhere changes it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mocks/model_source.hpp"

namespace aivp {

/// Rates are per mille: 0 never, 1000 always.
struct generative_options {
    std::uint64_t seed = 0;
    std::uint32_t stop_per_mille = 250;        ///< a turn answers with text, which ends the run
    std::uint32_t abstain_per_mille = 10;      ///< a turn declines to act, where the tool `abstain` is offered
    std::uint32_t invalid_per_mille = 50;      ///< a call's arguments break the schema
    std::uint32_t unknown_tool_per_mille = 10; ///< a call names a tool that is not offered
    std::uint32_t repeat_per_mille = 20;       ///< a turn repeats the calls of the one before
    std::uint32_t text_beside_per_mille = 100; ///< a turn with calls says something, too
    std::uint32_t calls_max = 3;               ///< of one turn, at least 1
    std::uint32_t turns_max = 20;              ///< the turn of this number answers with text
    friend bool operator==(const generative_options&, const generative_options&) = default;
};

/// {"seed"?, "stop_per_mille"?, …}. Errors: config.*.
result<generative_options> parse_generative_options(const payload& document, std::uint64_t seed, const std::string& at);

class generative_source final : public model_source {
public:
    explicit generative_source(generative_options options);
    ~generative_source() override;
    model_answer answer(const model_request& request) override;
    void forget(run_id) override {}

private:
    struct grammars;
    generative_options options_;
    std::unique_ptr<grammars> grammars_;
};

} // namespace aivp
