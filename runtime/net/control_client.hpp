// The commands' end of the control socket: blocking, one request at a time, bounded in time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"
#include "aivp/base/payload.hpp"
#include "aivp/base/time.hpp"

namespace aivp {

struct control_answer {
    int status = 0;
    payload body; ///< null when there is none
};

class control_client {
public:
    explicit control_client(std::string socket_path, duration timeout = seconds(10))
        : socket_path_(std::move(socket_path)), timeout_(timeout) {}

    /// `target` = path and query, percent-encoded. Errors: daemon.unreachable (nobody listens, or no answer in time),
    /// http.protocol, http.broken, limit.output.
    result<control_answer> call(std::string_view method, std::string_view target, const payload& body = {}) const;

    /// Calls `on_line` for each line of a stream until it ends or `on_line` returns false. Lines may come at any time; the
    /// timeout holds for the beginning only. An answer that is no stream is returned as call() does. Errors: as call().
    result<control_answer> follow(std::string_view target, const std::function<bool(const payload&)>& on_line) const;

private:
    std::string socket_path_;
    duration timeout_;
};

} // namespace aivp
