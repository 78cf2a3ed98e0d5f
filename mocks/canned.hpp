// Prepared answers to skill calls, by skill and a part of the arguments: the fixtures of a dry run.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aivp/ports/connector.hpp"
#include "mocks/connector.hpp"
#include "mocks/ledger.hpp"
#include "mocks/pending.hpp"
#include "mocks/world.hpp"

namespace aivp {

struct canned_answer {
    std::string skill;            ///< "mail.search", "mail.*" or "*"
    payload when;                 ///< a part of the arguments; null = any arguments
    std::vector<payload> results; ///< in order; the last one repeats. Empty when it fails
    errc code = errc::ok;         ///< not ok: it fails so; skill.outcome_unknown gives the outcome unknown
    std::string message;
    payload details;         ///< of a failure: what a model gets to see; null = code and message
    std::uint64_t times = 0; ///< how often it answers; 0 = always
};

/// [{"skill", "when"?, "result" | "results" | "error": code or {"code","message"?,"details"?}, "times"?}].
/// Errors: config.*, each with a `pointer` in its context.
result<std::vector<canned_answer>> parse_canned_answers(const payload& document, std::string at = {});

/// The first answer that fits and is not used up, in their order. Without one: `next`, or, when there is no next connector,
/// connector.missing (no answer names the skill) or skill.not_found (none fits the arguments).
/// Keyed effects happen once: the same key with the same arguments gets the first answer again.
class canned_connector final : public connector_port {
public:
    /// `next` may be null. All outlive the connector.
    canned_connector(mock_world& world, world_ledger& ledger, std::vector<canned_answer> answers,
                     connector_port* next = nullptr, mock_connector_options options = {});

    void set_latencies(latency_table table) { latencies_ = std::move(table); }
    void call(const skill_request& request, completion_sink& sink) override;
    void cancel(call_ref ref) override;

    /// Answers with a limited number of uses that were not used up: "mail.read (1 of 2 left)".
    std::vector<std::string> unused() const;

private:
    struct counted {
        canned_answer answer;
        std::uint64_t used = 0;
    };
    struct keyed_effect {
        digest arguments;
        skill_completion completion;
        std::uint64_t ordinal = 0;
    };
    counted* find(const skill_request& request, bool& skill_known);
    skill_completion answer(const skill_request& request, counted& chosen, ledger_entry& entry);
    duration draw_latency(const skill_request& request);

    mock_world& world_;
    world_ledger& ledger_;
    std::vector<counted> answers_;
    connector_port* next_;
    mock_connector_options options_;
    latency_table latencies_;
    std::map<effect_key, keyed_effect> keyed_;
    pending_answers<skill_completion> pending_;
};

} // namespace aivp
