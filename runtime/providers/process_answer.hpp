// What a program that decides for an agent reads on stdin and writes on stdout, as pure functions. docs/agent-format.md is the
// page for those who write such programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aivp/agent/snapshot.hpp"
#include "aivp/base/error.hpp"
#include "aivp/kernel/model_call.hpp"

namespace aivp {

/// What a turn needs and a model request does not say.
struct process_turn {
    brain_program program;
    std::string goal;
    payload trigger; ///< the trigger's payload; null when it has none
};

/// {"schema_version","agent","run","call","turn","goal","trigger","messages","skills","deadline"}: one line without its end.
payload process_turn_document(const model_request& request, const process_turn& turn);

/// {"calls": [{"skill", "arguments"?}, …], "content"?} or {"finish": value}, either with "usage"?: {"input", "output",
/// "cached_input"?}; or {"error": {"code", "message"?, "retry_after_ms"?}}.
struct process_answer {
    bool ok = false;
    model_response response;                    ///< of calls and finish
    std::string code;                           ///< of error, never empty
    std::string message;                        ///< of error; may be empty
    std::optional<std::int64_t> retry_after_ms; ///< of error; not negative
};

/// One document, alone but for white space around it; no other members. Errors: process.protocol.
result<process_answer> parse_process_answer(std::string_view text);

} // namespace aivp
