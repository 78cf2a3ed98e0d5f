// The first byte says how the stream is cut; the events are the same as of the whole.
#include "runtime/net/sse.hpp"

#include <vector>

#include "ci/fuzz/fuzz.hpp"

namespace {

constexpr std::size_t event_bytes_max = 256;

struct reading {
    std::vector<aivp::sse_event> events;
    bool failed = false;
};

reading read(std::string_view text, std::size_t piece) {
    reading out;
    const auto visit = [&](const aivp::sse_event& e) {
        fuzz::require(e.data.size() <= 2 * event_bytes_max, "an event is bounded");
        out.events.push_back(e);
    };
    aivp::sse_reader reader(event_bytes_max);
    while (!text.empty() && !out.failed) {
        const auto fed = reader.feed(text.substr(0, piece), visit);
        out.failed = !fed;
        text.remove_prefix(std::min(piece, text.size()));
    }
    if (!out.failed) out.failed = !reader.finish(visit);
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = fuzz::as_text(data + 1, size - 1);
    const reading whole = read(text, text.size() + 1);
    const reading cut = read(text, 1 + data[0] % 16);
    fuzz::require(whole.failed == cut.failed, "the pieces do not decide whether it can be read");
    fuzz::require(whole.failed || whole.events == cut.events, "the events do not depend on the pieces");
    return 0;
}
