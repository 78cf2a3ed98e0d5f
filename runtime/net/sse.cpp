#include "runtime/net/sse.hpp"

#include <utility>

namespace aivp {

result<void> sse_reader::feed(std::string_view bytes, const visitor& visit) {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const std::size_t end = bytes.find_first_of("\r\n");
        line_ += bytes.substr(0, end);
        if (line_.size() + event_.data.size() > event_bytes_max_)
            return fail(errc::limit_output,
                        "an event of the stream is larger than " + std::to_string(event_bytes_max_) + " bytes");
        if (end == std::string_view::npos) return {};
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        AIVP_CHECK(line_ended(visit));
    }
    return {};
}

result<void> sse_reader::finish(const visitor& visit) {
    if (!line_.empty()) AIVP_CHECK(line_ended(visit));
    dispatch(visit);
    return {};
}

result<void> sse_reader::line_ended(const visitor& visit) {
    std::string_view line = line_;
    if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.empty()) {
        dispatch(visit);
    } else if (const std::size_t colon = line.find(':'); colon != 0) {
        const std::string_view field = line.substr(0, colon);
        std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
        if (value.starts_with(' ')) value.remove_prefix(1);
        if (field == "data") {
            if (std::exchange(has_data_, true)) event_.data += '\n';
            event_.data += value;
        } else if (field == "event") {
            event_.event = value;
        }
    }
    line_.clear();
    return {};
}

void sse_reader::dispatch(const visitor& visit) {
    const sse_event event = std::exchange(event_, {});
    if (std::exchange(has_data_, false)) visit(event);
}

} // namespace aivp
