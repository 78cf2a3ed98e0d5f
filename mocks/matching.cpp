#include "mocks/matching.hpp"

#include <algorithm>

namespace aivp {

bool subset_matches(const payload& whole, const payload& part) {
    if (part.is_object()) {
        if (!whole.is_object()) return false;
        const auto have = members(whole);
        return std::ranges::all_of(members(part), [&](const auto& wanted) {
            const auto found =
                std::ranges::find(have, wanted.first, [](const auto& m) -> const std::string& { return m.first; });
            return found != have.end() && subset_matches(found->second, wanted.second);
        });
    }
    if (part.is_array() && whole.is_array()) return std::ranges::equal(items(whole), items(part), subset_matches);
    return whole == part;
}

} // namespace aivp
