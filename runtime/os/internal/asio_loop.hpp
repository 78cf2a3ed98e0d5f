// For the .cpp files of adapters only: the loop's io_context.
#pragma once

#include <boost/asio/io_context.hpp>

#include "runtime/os/event_loop.hpp"

namespace aivp {

/// Lives as long as the loop. Run it through the loop only: event_loop::run(), run_until(), poll(), stop(). What an
/// operation's handler holds is destroyed at the latest with the loop.
boost::asio::io_context& asio_context(event_loop& loop);

} // namespace aivp
