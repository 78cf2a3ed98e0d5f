// From the bytes of a request on the control socket to what the daemon is asked.
#pragma once

#include "runtime/net/control_server.hpp"
#include "runtime/net/internal/http_parser.hpp"

namespace aivp::internal {

/// Of a parser that is done. Errors: usage.invalid (a target that is no path, a broken %XX), those of payload::parse().
result<control_request> read_control_request(http_parser& parser);

} // namespace aivp::internal
