// Whatever the program of a process agent prints: it is refused or understood, and what is understood says the same when it is
// written again and when it comes back to the program as a part of the conversation.
#include "runtime/providers/process_answer.hpp"

#include <string>
#include <vector>

#include "ci/fuzz/fuzz.hpp"

namespace {

using namespace aivp;

payload written_again(const process_answer& answer) {
    std::vector<std::pair<std::string, payload>> out;
    const model_response& r = answer.response;
    if (r.calls.empty()) {
        out.emplace_back("finish", r.content);
    } else {
        std::vector<payload> calls;
        for (const proposed_call& c : r.calls)
            calls.push_back(payload::of_object({{"skill", payload::of_string(c.name)}, {"arguments", c.arguments}}));
        out.emplace_back("calls", payload::of_array(calls));
        if (!r.content.is_null()) out.emplace_back("content", r.content);
    }
    if (r.usage.reported)
        out.emplace_back("usage", payload::of_object({{"input", payload::of_integer(r.usage.input)},
                                                      {"output", payload::of_integer(r.usage.output)},
                                                      {"cached_input", payload::of_integer(r.usage.cached_input)}}));
    return payload::of_object(std::move(out));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    const auto answer = parse_process_answer(text);
    if (!answer) {
        fuzz::require(answer.error().code == errc::process_protocol, "the only code is process.protocol");
        return 0;
    }
    fuzz::require(payload::parse(text).has_value(), "an answer is JSON");
    fuzz::require(answer->ok == answer->code.empty(), "errors have a code");
    if (!answer->ok) return 0;
    const model_response& r = answer->response;
    fuzz::require(r.content.is_string() || r.content.is_null(), "what is said is text");
    fuzz::require(r.usage.cached_input <= r.usage.input && r.usage.output >= 0, "counts can be");
    const auto again = parse_process_answer(written_again(*answer).text());
    fuzz::require(again && again->response == r, "an answer survives being written again");

    model_request request;
    request.tools = payload::of_array({});
    request.messages = history().appended(user_message("go")).appended(assistant_message(r, 0));
    const payload document = process_turn_document(request, {});
    const auto turn = as_integer(*member(document, "turn"));
    fuzz::require(turn == 2, "one turn lies before the next");
    const auto shown = at_pointer(document, "/messages/1/calls");
    fuzz::require((shown ? items(*shown).size() : 0) == r.calls.size(), "all calls are told again");
    return 0;
}
