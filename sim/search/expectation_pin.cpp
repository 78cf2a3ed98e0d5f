#include "sim/search/internal/expectation_pin.hpp"

#include <algorithm>
#include <utility>

namespace aivp::sim::internal {

namespace {

/// No state of a world and no number of anything: asked for it, a run says what there is.
constexpr std::int64_t impossible_number = 9'007'199'254'740'991;
constexpr const char* impossible_state = "nothing is like this";

/// What a finding says that there is, as what is right.
std::optional<payload> as_right(const expectation& e, const std::string& actual) {
    if (e.what != expectation::kind::world) {
        const auto n = payload::parse(actual);
        return n && as_integer(*n) ? std::optional(*n) : std::nullopt;
    }
    const std::string service = service_of(actual);
    const auto state = payload::parse(std::string_view(actual).substr(std::min(actual.size(), service.size() + 1)));
    if (!state) return std::nullopt;
    return payload::of_object({{service, *state}});
}

} // namespace

std::optional<pinned_expectation> pin_of(const scenario& s, const finding& f) {
    for (std::uint32_t n = 0; n < s.expectations.size(); ++n)
        if (s.expectations[n].where == f.where) return pinned_expectation{n, {}};
    return std::nullopt;
}

std::string service_of(std::string_view actual) { return std::string(actual.substr(0, actual.find(':'))); }

std::optional<run_case> with_right(const run_case& c, const std::string& service, const reference_program& reference) {
    const expectation& e = c.origin()->expectations[c.edits.expect->number];
    workload_edits edits = c.edits;
    edits.expect->right = service.empty() ? payload::of_integer(impossible_number)
                                          : payload::of_object({{service, payload::of_string(impossible_state)}});
    const auto asked = with_edits(c, edits);
    if (!asked) return std::nullopt;
    const auto actual = reference(*asked);
    const auto right = actual ? as_right(e, *actual) : std::nullopt;
    if (!right) return std::nullopt;
    edits.expect->right = *right;
    auto out = with_edits(c, std::move(edits));
    return out ? std::optional(std::move(*out)) : std::nullopt;
}

} // namespace aivp::sim::internal
