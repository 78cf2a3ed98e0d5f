// "Did you mean …?": the known name that is nearest to a mistyped one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

namespace aivp {

/// How many bytes must be inserted, removed, changed or swapped with their neighbour to make `a` into `b`. Names longer
/// than 128 bytes count as entirely different, so that hostile input costs nothing.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
    if (a.size() > 128 || b.size() > 128) return a == b ? 0 : std::max(a.size(), b.size());
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[b.size()];
}

/// The candidate with the smallest distance, the first of equals; empty when none is near enough to be what was meant
/// (one change in names of up to three bytes, a third of the length in long ones).
template <std::ranges::input_range Names>
std::string nearest_name(std::string_view wanted, const Names& candidates) {
    std::string best;
    std::size_t best_distance = (wanted.size() <= 3 ? 1 : std::max<std::size_t>(2, wanted.size() / 3)) + 1;
    for (const auto& candidate : candidates) {
        const std::size_t distance = edit_distance(wanted, candidate);
        if (distance >= best_distance) continue;
        best = candidate;
        best_distance = distance;
    }
    return best;
}

} // namespace aivp
