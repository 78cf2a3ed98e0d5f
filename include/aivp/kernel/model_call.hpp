// A model call: what goes to a model and what comes back, independent of any vendor's wire format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "aivp/base/id.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"
#include "aivp/kernel/effect.hpp"
#include "aivp/kernel/history.hpp"

namespace aivp {

/// Tokens as the provider reported them. Absent counts are 0 and `reported` is false.
struct token_usage {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cached_input = 0;
    bool reported = false;
    friend bool operator==(const token_usage&, const token_usage&) = default;
};

/// A call that the model proposes, in the order in which the model listed it.
struct proposed_call {
    std::string name;  ///< the binding's `as`, as offered in the tool list
    payload arguments; ///< canonical; when the provider sent text that is no JSON: that text as a JSON string
    friend bool operator==(const proposed_call&, const proposed_call&) = default;
};

/// One model turn.
struct model_response {
    payload content; ///< JSON string, or null when the turn has only calls
    std::vector<proposed_call> calls;
    std::string finish = "stop"; ///< stop | tool_calls | length | content_filter | refusal; unknown values kept as text
    token_usage usage;
    friend bool operator==(const model_response&, const model_response&) = default;
};

/// A request as handed to a provider. `key` is what a tape matches by:
/// SHA-256 over history chain, tools hash, params hash and model name (see request_key).
struct model_request {
    run_id run;
    call_id call;
    std::string_view agent; ///< agent id from the file; valid during the call to the port only
    std::string_view model; ///< the model's name; valid during the call only
    payload params;         ///< canonical object: temperature_milli, max_output_tokens, …; part of the key
    payload tools;          ///< array of {"description","name","parameters"}, sorted by name
    history messages;
    digest key;
    instant deadline;
};

digest request_key(const history& messages, const payload& tools, const payload& params, std::string_view model);

/// The history message of a model turn: {"calls":[{"args":…,"id":"call#N","name":…}],"content":…,"role":"assistant"}.
/// Calls are numbered from `first_call_ordinal` on in the order in which the model listed them; a turn without calls has
/// no "calls", and one with null content no "content".
payload assistant_message(const model_response& response, std::uint64_t first_call_ordinal);

} // namespace aivp
