// Words that describe effects: what they do to the world, and how they ended.
#pragma once

#include <cstdint>

namespace aivp {

/// What happens to the world when a skill runs.
enum class effect_class : std::uint8_t {
    none,  ///< computes only
    read,  ///< looks at the world
    write, ///< changes the world
};
constexpr const char* to_string(effect_class e) {
    return e == effect_class::none ? "none" : e == effect_class::read ? "read" : "write";
}

/// How an effect ended. `unknown` = it may have happened.
enum class effect_outcome : std::uint8_t { ok, failed, unknown };
constexpr const char* to_string(effect_outcome o) {
    return o == effect_outcome::ok ? "ok" : o == effect_outcome::failed ? "failed" : "unknown";
}

} // namespace aivp
