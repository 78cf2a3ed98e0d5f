// Repro tokens: any text, and any plan behind right check digits.
#include "sim/search/token.hpp"
#include "ci/fuzz/fuzz.hpp"

namespace {

void check(std::string_view text) {
    const auto token = aivp::sim::decode_token(text);
    if (!token) {
        fuzz::require(token.error().code == aivp::errc::repro_token && !token.error().message.empty(),
                      "what is no token is refused with a reason");
        return;
    }
    fuzz::require(aivp::sim::encode(*token) == text, "a token has one form");
    for (const aivp::sim::fault& f : token->plan.faults) {
        fuzz::require(!aivp::sim::to_string(f).empty(), "a fault can be shown");
        fuzz::require(f.effective_span().us >= 0, "a span is not negative");
    }
    const auto again = aivp::sim::decode_token(aivp::sim::encode(*token));
    fuzz::require(again && *again == *token, "encoded and decoded it is the same");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    check(text);
    check(aivp::sim::seal("till", text));
    check(aivp::sim::seal("scenario", text));
    return 0;
}
