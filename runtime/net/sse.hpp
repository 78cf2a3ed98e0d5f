// Server-sent events, read from whatever pieces the network delivers. Source: WHATWG HTML, section 9.2.6.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "aivp/base/error.hpp"

namespace aivp {

struct sse_event {
    std::string event; ///< empty when the stream does not say
    std::string data;  ///< several data lines joined with "\n"

    friend bool operator==(const sse_event&, const sse_event&) = default;
};

/// Lines end with CRLF, LF or CR; lines that begin with a colon are comments; an event ends with an empty line. Events
/// without data are passed over. The events do not depend on how the stream is cut into pieces.
class sse_reader {
public:
    using visitor = std::function<void(const sse_event&)>;

    explicit sse_reader(std::size_t event_bytes_max = std::size_t{8} << 20) : event_bytes_max_(event_bytes_max) {}

    /// Errors: limit.output for an event that is too large; nothing can be fed after it.
    result<void> feed(std::string_view bytes, const visitor& visit);
    /// The stream has ended: an event that lacks only its empty line is an event all the same. Errors: as feed().
    result<void> finish(const visitor& visit);

private:
    result<void> line_ended(const visitor& visit);
    void dispatch(const visitor& visit);

    std::size_t event_bytes_max_;
    std::string line_;
    sse_event event_;
    bool has_data_ = false;
    bool after_cr_ = false;
    bool at_start_ = true;
};

} // namespace aivp
