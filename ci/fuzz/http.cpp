// The first byte says how an HTTP message is cut, and whether it is the answer to HEAD; it is read the same, or refused, and never larger than allowed.
#include "runtime/net/internal/http_parser.hpp"

#include "ci/fuzz/fuzz.hpp"

namespace {

using aivp::internal::http_parser;

struct reading {
    bool failed = false;
    bool done = false;
    int status = 0;
    std::string body;
    std::vector<aivp::http_header> headers;
    friend bool operator==(const reading&, const reading&) = default;
};

reading read(http_parser::kind what, std::string_view text, std::size_t piece, bool bodyless) {
    http_parser parser(what, {.head_bytes_max = 512, .body_bytes_max = 256}, bodyless);
    reading out;
    while (!text.empty() && !out.failed) {
        out.failed = !parser.put(text.substr(0, piece));
        text.remove_prefix(std::min(piece, text.size()));
    }
    if (!out.failed) out.failed = !parser.end();
    fuzz::require(parser.body().size() <= 256, "the body is bounded");
    if (out.failed) return out;
    fuzz::require(parser.done(), "what has not failed is complete");
    return {false, true, parser.status(), parser.body(), parser.headers()};
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = fuzz::as_text(data + 1, size - 1);
    const bool bodyless = data[0] / 16 == 1;
    for (const auto what : {http_parser::kind::request, http_parser::kind::response}) {
        const reading whole = read(what, text, text.size() + 1, bodyless);
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2} + data[0] % 16})
            fuzz::require(whole == read(what, text, piece, bodyless), "it does not depend on the pieces");
    }
    return 0;
}
