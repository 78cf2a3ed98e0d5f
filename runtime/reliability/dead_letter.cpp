#include "aivp/reliability/dead_letter.hpp"

#include <array>
#include <utility>

namespace aivp {
namespace {

// Refusals by the gate stand in the range 3xx of errors.def, those of triggers in 61x.
bool is_decided_end(errc code) {
    const auto number = static_cast<unsigned>(code);
    return number / 100 == 3 || number / 10 == 61 || code == errc::run_cancelled || code == errc::run_abstained;
}

bool was_given_up(retry_stop stop) {
    return stop == retry_stop::attempts || stop == retry_stop::deadline || stop == retry_stop::budget;
}

std::optional<dead_letter_kind> dead_letter_kind_of(const final_outcome& end) {
    if (end.code == errc::call_parked) return dead_letter_kind::parked;
    if (end.outcome == effect_outcome::unknown && end.effect == effect_class::write && !end.repeatable)
        return dead_letter_kind::parked;
    if (end.code == errc::ok) return std::nullopt;
    const bool retryable = info(end.code).retryable;
    if (is_decided_end(end.code) && !retryable) return std::nullopt;
    if (retryable || end.code == errc::retry_exhausted || was_given_up(end.stop)) return dead_letter_kind::exhausted;
    return dead_letter_kind::failed;
}

} // namespace

std::string_view to_string(dead_letter_kind kind) {
    constexpr std::array<std::string_view, 3> names{"exhausted", "failed", "parked"};
    return names[static_cast<std::size_t>(kind)];
}

std::optional<dead_letter> dead_letter_for(final_outcome end) {
    const auto kind = dead_letter_kind_of(end);
    if (!kind) return std::nullopt;
    return dead_letter{.kind = *kind,
                       .run = end.run,
                       .call = end.call,
                       .code = end.code,
                       .message = std::move(end.message),
                       .at = end.at,
                       .attempts = end.attempts,
                       .work = std::move(end.work)};
}

bool is_replayable(const dead_letter& letter) { return letter.kind != dead_letter_kind::parked; }

} // namespace aivp
