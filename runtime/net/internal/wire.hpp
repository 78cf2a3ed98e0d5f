// A connection to one server, plain or TLS, without its sockets showing: resolved, checked, connected, verified.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"
#include "runtime/net/egress.hpp"
#include "runtime/os/event_loop.hpp"

namespace aivp::internal {

/// What a read brought. Neither bytes nor `closed` nor `error`: does not happen.
struct wire_read {
    std::string_view bytes; ///< valid during the call
    bool closed = false;    ///< the other side said that it has finished
    std::string error;      ///< the connection broke
};

/// At most one read and one write at a time. Functions are called by the loop, never from within the call that hands them
/// over, and not at all after close().
class wire {
public:
    virtual ~wire() = default;
    /// Errors: policy.denied, http.connect, http.tls. Nothing of any message has been sent by then.
    virtual void open(std::function<void(result<void>)> done) = 0;
    /// `done` gets an empty text, or why it failed.
    virtual void write(std::string bytes, std::function<void(std::string)> done) = 0;
    virtual void read(std::function<void(wire_read)> done) = 0;
    virtual void close() = 0;
    /// Open, and the other side has sent nothing: fit for another request.
    virtual bool is_quiet() = 0;
};

struct tls_settings {
    std::string ca_file; ///< PEM, trusted besides the system's; empty = none
    bool system_trust = true;
};

/// Makes wires; may be destroyed before them.
class dialer {
public:
    dialer(event_loop& loop, tls_settings tls);
    ~dialer();
    dialer(const dialer&) = delete;
    dialer& operator=(const dialer&) = delete;

    std::shared_ptr<wire> dial(const egress_target& target, bool secure);

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace aivp::internal
