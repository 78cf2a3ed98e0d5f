#include "aivp/agent/snapshot.hpp"

#include <algorithm>

namespace aivp {

std::optional<std::uint32_t> agent_snapshot::find_binding(std::string_view as) const {
    const auto found = std::lower_bound(bindings.begin(), bindings.end(), as,
                                        [](const skill_binding& b, std::string_view wanted) { return b.as < wanted; });
    if (found == bindings.end() || found->as != as) return std::nullopt;
    return static_cast<std::uint32_t>(found - bindings.begin());
}

} // namespace aivp
