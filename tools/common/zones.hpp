// The system's time zones, for everything that a command loads.
#pragma once

#include "runtime/codec/workspace.hpp"

namespace aivp::tools {

/// Safe to call from any thread; reads the zone's file at every call.
zone_loader system_zones();

} // namespace aivp::tools
