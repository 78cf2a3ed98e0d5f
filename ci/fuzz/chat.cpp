// Answers of a model server as one JSON text and as the events of a stream: whatever comes, there is a response in which all
// is canonical, or an error with a code and a short message.
#include "runtime/providers/chat_codec.hpp"

#include "ci/fuzz/fuzz.hpp"
#include "runtime/net/sse.hpp"

namespace {

void check(const aivp::result<aivp::model_response>& got) {
    if (!got) {
        fuzz::require(got.error().code != aivp::errc::ok && !got.error().message.empty(), "an error says why");
        fuzz::require(got.error().message.size() < 2000, "a message is short");
        aivp::info(got.error().code);
        return;
    }
    fuzz::require(got->content.is_null() || got->content.is_string(), "content is a text or nothing");
    fuzz::require(!got->finish.empty(), "there is a finish");
    const auto& u = got->usage;
    fuzz::require(u.input >= 0 && u.output >= 0 && u.cached_input >= 0 && u.cached_input <= u.input, "usage can be");
    for (const aivp::proposed_call& c : got->calls) {
        fuzz::require(!c.name.empty(), "a call has a name");
        fuzz::require(aivp::payload::parse(c.arguments.text()).value() == c.arguments, "arguments are canonical");
    }
    const aivp::payload message = aivp::assistant_message(*got, 0);
    const aivp::model_request again{.model = "m",
                                    .params = aivp::payload::of_object({}),
                                    .tools = aivp::payload::of_array({}),
                                    .messages = aivp::history().appended(message)};
    const auto sent = aivp::encode_chat_request(again, aivp::chat_names(), {});
    fuzz::require(sent.has_value() && aivp::payload::parse(*sent).has_value(), "what was answered can be sent back");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = fuzz::as_text(data, size);
    const aivp::chat_names names(aivp::payload::parse(R"([{"name":"a.b"},{"name":"say"}])").value());
    check(aivp::decode_chat_response(text, names));
    check(std::unexpected(aivp::chat_error_of(400, text)));
    aivp::chat_stream stream(names);
    aivp::sse_reader reader;
    const auto visit = [&](const aivp::sse_event& e) { stream.event(e.data); };
    if (reader.feed(text, visit) && reader.finish(visit)) check(stream.finish());
    return 0;
}
