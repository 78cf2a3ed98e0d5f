// Errors are values. Every failure that a caller can react to has one row in errors.def; from that table come the codes,
// docs/errors.md, the exit codes and the keys of the failure catalogue. Refusals by the gate use the same codes but travel
// as outcomes, not as errors.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aivp {

enum class errc : std::uint16_t {
    ok = 0,
#define AIVP_ERROR(name, number, ...) name = number,
#include "aivp/base/errors.def"
#undef AIVP_ERROR
};

/// AOS categories (see docs/errors.md).
enum class error_category : std::uint8_t {
    client,
    config,
    policy,
    budget,
    transient,
    third_party,
    infra,
    safety,
    data,
    internal
};
enum class error_severity : std::uint8_t { info, warning, error, critical };
/// What a caller should do about it; the names are those of the AOS failure catalogue.
enum class recovery_mode : std::uint8_t {
    abort,
    retry_immediate,
    retry_exponential,
    retry_with_jitter,
    fallback,
    skip,
    escalate,
    checkpoint_restore,
    manual_intervention
};

/// One row of errors.def.
struct error_info {
    errc code;
    std::string_view name; ///< dotted and stable: "policy.no_rule"
    error_category category;
    error_severity severity;
    bool retryable;
    recovery_mode recovery;
    std::string_view aos_code; ///< code of the AOS taxonomy on the wire: "ERR_POLICY_VIOLATION"
    int exit_code;             ///< of a command that ends because of it
    std::string_view text;     ///< one sentence: what it means
    std::string_view help;     ///< one sentence: what would help
};

/// The whole table, ascending by number. Static storage.
const std::vector<error_info>& error_table();
/// Never fails for a value of the enum; errc::ok has a row of its own.
const error_info& info(errc code);
/// "policy.no_rule" or "AV0310"; nullptr when unknown.
const error_info* find_error(std::string_view name_or_number);
/// "AV0310".
std::string code_number(errc code);

/// Where in a text a thing stands. line and column count from 1; 0 = not known. `file` as the user named it.
struct source_pos {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    friend bool operator==(const source_pos&, const source_pos&) = default;
};

/// "agents/x.yaml:18:11", "agents/x.yaml" or "".
std::string to_string(const source_pos& pos);

/// A failure: stable code, a sentence for people, where, and what would help in this very case (may be empty: then the
/// table's `help` applies). `context` holds machine-readable details in insertion order. Never carries a secret.
struct error {
    errc code = errc::internal_bug;
    std::string message;
    source_pos where;
    std::string help;
    std::vector<std::pair<std::string, std::string>> context;

    friend bool operator==(const error&, const error&) = default;
};

/// "error[AV0310]: message" + " --> file:line:col" + "help: …", without a source excerpt. Several lines, no final newline.
std::string to_string(const error& e);

template <class T>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(errc code, std::string message, source_pos where = {}, std::string help = {}) {
    return std::unexpected(error{code, std::move(message), std::move(where), std::move(help), {}});
}

} // namespace aivp

#define AIVP_CONCAT_IMPL(a, b) a##b
#define AIVP_CONCAT(a, b) AIVP_CONCAT_IMPL(a, b)
#define AIVP_TRY_IMPL(tmp, decl, expr)                        \
    auto tmp = (expr);                                        \
    if (!tmp) return std::unexpected(std::move(tmp).error()); \
    decl = std::move(*tmp)
/// AIVP_TRY(auto x, f()): x = value of f(), or return its error from the enclosing function. (GCC 12's std::expected
/// has no and_then.)
#define AIVP_TRY(decl, expr) AIVP_TRY_IMPL(AIVP_CONCAT(aivp_try_, __LINE__), decl, expr)
/// AIVP_CHECK(f()): the same for result<void>.
#define AIVP_CHECK(expr) \
    if (auto aivp_checked = (expr); !aivp_checked) return std::unexpected(std::move(aivp_checked).error())
