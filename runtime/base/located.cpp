#include "aivp/base/located.hpp"

#include <algorithm>

#include "aivp/base/assert.hpp"

namespace aivp {

const payload_place& located_payload::at(std::string_view pointer) const {
    AIVP_ASSERT(!places.empty(), "a located payload has at least the place of the whole");
    for (;;) {
        const auto found = std::ranges::lower_bound(
            places, pointer, {}, [](const payload_place& p) -> std::string_view { return p.pointer; });
        if (found != places.end() && found->pointer == pointer) return *found;
        if (pointer.empty()) return places.front();
        pointer = pointer.substr(0, pointer.rfind('/') == std::string_view::npos ? 0 : pointer.rfind('/'));
    }
}

} // namespace aivp
