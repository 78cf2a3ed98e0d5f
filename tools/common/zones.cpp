#include "tools/common/zones.hpp"

#include "runtime/os/tzdb.hpp"

namespace aivp::tools {

zone_loader system_zones() {
    return [](std::string_view name) { return tz_database().load(name); };
}

} // namespace aivp::tools
