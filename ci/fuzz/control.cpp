// What somebody sends to the control socket: refused with a code, or one request that is the same however the bytes are cut,
// and that says the same when it is written again.
#include "runtime/net/internal/control_request.hpp"

#include <optional>
#include <string>

#include "ci/fuzz/fuzz.hpp"

namespace {

using namespace aivp;
using internal::http_parser;

struct reading {
    std::optional<control_request> request;
    errc why = errc::ok;
};

reading read(std::string_view bytes, std::size_t piece) {
    http_parser parser(http_parser::kind::request, {.head_bytes_max = 2048, .body_bytes_max = 1024});
    while (!bytes.empty() && !parser.done()) {
        if (const auto put = parser.put(bytes.substr(0, piece)); !put) return {{}, put.error().code};
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    if (!parser.done()) return {{}, errc::http_protocol};
    auto request = internal::read_control_request(parser);
    if (!request) return {{}, request.error().code};
    return {std::move(*request), errc::ok};
}

bool same(const control_request& a, const control_request& b) {
    return a.method == b.method && a.path == b.path && a.query == b.query && a.body == b.body;
}

std::string percent_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += '%';
        out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
        out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

std::string written_again(const control_request& r) {
    std::string target = "/" + percent_encoded(std::string_view(r.path).substr(1));
    char mark = '?';
    for (const auto& [key, value] : r.query) {
        target += mark + percent_encoded(key) + '=' + percent_encoded(value);
        mark = '&';
    }
    const std::string body = r.body.is_null() ? "" : std::string(r.body.text());
    return r.method + " " + target + " HTTP/1.1\r\nHost: d\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz::as_text(data, size);
    const reading whole = read(bytes, size + 1);
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
        const reading cut = read(bytes, piece);
        fuzz::require(cut.why == whole.why && cut.request.has_value() == whole.request.has_value(),
                      "it does not depend on the pieces");
        fuzz::require(!cut.request || same(*cut.request, *whole.request), "a request does not depend on the pieces");
    }
    if (!whole.request) {
        fuzz::require(whole.why != errc::ok, "a refusal has a code");
        return 0;
    }
    fuzz::require(whole.request->path.starts_with('/'), "a path begins at the root");
    const std::string text = written_again(*whole.request);
    if (text.size() > 2048) return 0;
    const reading again = read(text, text.size());
    fuzz::require(again.request && same(*again.request, *whole.request), "a request survives being written again");
    return 0;
}
