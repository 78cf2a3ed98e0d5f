// The words of the tape format, shared by encoder and decoder.
#pragma once

#include <optional>
#include <string_view>

#include "aivp/tape/tape.hpp"

namespace aivp::internal {

inline constexpr std::string_view tape_hash_prefix = "sha256:";
inline constexpr std::string_view tape_model_key_prefix = "k1:";

/// Who made an event; follows from its kind.
constexpr std::string_view tape_source_of(tape_kind k) {
    switch (k) {
    case tape_kind::run_started: return "host";
    case tape_kind::model_call: return "model";
    case tape_kind::skill_call: return "connector";
    case tape_kind::user_turn: return "user";
    case tape_kind::engine_refusal:
    case tape_kind::run_finished: return "engine";
    }
    return "host";
}

inline constexpr std::string_view tape_status_words[] = {"success", "failure", "partial", "skipped"};
inline constexpr std::string_view tape_outcome_words[] = {"ok", "failed", "unknown"};
inline constexpr std::string_view tape_effect_words[] = {"none", "read", "write"};
inline constexpr std::string_view tape_kind_words[] = {"run_started", "model_call",     "skill_call",
                                                       "user_turn",   "engine_refusal", "run_finished"};

/// Index of `word`, or nullopt.
template <std::size_t N>
constexpr std::optional<std::size_t> tape_word_index(const std::string_view (&words)[N], std::string_view word) {
    for (std::size_t i = 0; i < N; ++i)
        if (words[i] == word) return i;
    return std::nullopt;
}

} // namespace aivp::internal
