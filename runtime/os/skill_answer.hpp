// What a skill's process says on stdout.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"

namespace aivp {

/// {"ok": result} or {"error": {"code": …, "message": …, "retry_after_ms": …}}.
struct skill_answer {
    bool ok = false;
    payload result;      ///< of ok
    std::string code;    ///< of error, never empty: the skill's own word, or one of errors.def's names
    std::string message; ///< of error; may be empty
    std::optional<std::int64_t> retry_after_ms; ///< of error; not negative
};

/// One document, alone but for white space around it; no other members. Errors: process.protocol.
result<skill_answer> parse_skill_answer(std::string_view text);

} // namespace aivp
