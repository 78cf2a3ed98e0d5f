// The control socket's requests, and what they do to a live host. docs/runbook.md has the table.
#pragma once

#include "runtime/daemon/live_host.hpp"
#include "runtime/net/control_server.hpp"

namespace aivp {

/// For control_server. The host outlives what comes back, and the streams that it has begun.
control_server::handler control_api(live_host& host);

} // namespace aivp
