// Chat completions as real servers sent them: all are read, and what is read agrees with a lenient JSON library.
#include "runtime/providers/chat_codec.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <zlib.h>

#include "runtime/net/sse.hpp"
#include "tests/providers/support.hpp"

using namespace aivp;
using nlohmann::json;

namespace {

std::string data_folder() {
    const char* set = std::getenv("AIVP_DATA");
    return set != nullptr ? set : std::string(AIVP_SOURCE_DIR) + "/../shared/data";
}

std::optional<std::string> unpacked(const std::string& path) {
    const gzFile file = gzopen(path.c_str(), "rb");
    if (file == nullptr) return std::nullopt;
    std::string text;
    std::string buffer(1 << 20, '\0');
    for (int n = 0; (n = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;)
        text.append(buffer, 0, static_cast<std::size_t>(n));
    gzclose(file);
    return text;
}

struct counts {
    int whole = 0, streams = 0, errors = 0, with_calls = 0, with_usage = 0, no_json_arguments = 0;
};

void check_whole(const json& body, counts& seen) {
    const chat_names names;
    const auto got = decode_chat_response(body.dump(), names);
    BOOST_REQUIRE_MESSAGE(got, provider_test::why(got) << "\n" << body.dump());
    ++seen.whole;
    const json message = body["choices"][0].value("message", json::object());
    if (message.value("content", json()).is_string() && !message["content"].get<std::string>().empty())
        BOOST_TEST(as_string(got->content).value_or("?") == message["content"].get<std::string>());
    const json calls = message.value("tool_calls", json::array());
    BOOST_TEST(got->calls.size() == (calls.is_array() ? calls.size() : 0));
    seen.with_calls += !got->calls.empty();
    for (std::size_t i = 0; i < got->calls.size(); ++i) {
        BOOST_TEST(got->calls[i].name == calls[i]["function"]["name"].get<std::string>());
        const std::string text = calls[i]["function"].value("arguments", "");
        if (got->calls[i].arguments.is_string())
            ++seen.no_json_arguments;
        else
            BOOST_TEST((json::parse(got->calls[i].arguments.text()) == json::parse(text.empty() ? "{}" : text)));
    }
    if (body.contains("usage") && body["usage"].is_object()) {
        ++seen.with_usage;
        BOOST_TEST(got->usage.reported);
        BOOST_TEST(got->usage.input == body["usage"]["prompt_tokens"].get<std::int64_t>());
        BOOST_TEST(got->usage.output == body["usage"]["completion_tokens"].get<std::int64_t>());
    }
}

void check_stream(const std::string& text, const std::string& where, counts& seen) {
    const chat_names names;
    chat_stream stream(names);
    sse_reader reader;
    std::string content;
    bool has_error = false;
    const auto visit = [&](const sse_event& e) {
        stream.event(e.data);
        if (e.data == "[DONE]") return;
        const json chunk = json::parse(e.data);
        has_error = has_error || chunk.contains("error");
        for (const json& choice : chunk.value("choices", json::array()))
            if (choice.contains("delta") && choice["delta"].value("content", json()).is_string())
                content += choice["delta"]["content"].get<std::string>();
    };
    BOOST_REQUIRE(reader.feed(text, visit));
    BOOST_REQUIRE(reader.finish(visit));
    const auto got = stream.finish();
    BOOST_REQUIRE_MESSAGE(got.has_value() != has_error, where << ": " << provider_test::summary(got));
    ++seen.streams;
    if (!got) return;
    if (!content.empty()) BOOST_TEST(as_string(got->content).value_or("?") == content, where);
    seen.with_calls += !got->calls.empty();
    seen.with_usage += got->usage.reported;
}

} // namespace

BOOST_AUTO_TEST_SUITE(recorded_chat_completions)

BOOST_AUTO_TEST_CASE(all_recorded_answers_are_read) {
    const auto text = unpacked(data_folder() + "/llm-cassettes/cassettes.jsonl.gz");
    if (!text) {
        BOOST_TEST_MESSAGE("SKIPPED: no recorded answers");
        std::puts("SKIPPED: llm-cassettes are not there (AIVP_DATA)");
        return;
    }
    counts seen;
    std::size_t start = 0;
    while (start < text->size()) {
        const std::size_t end = std::min(text->find('\n', start), text->size());
        const json line = json::parse(std::string_view(*text).substr(start, end - start));
        start = end + 1;
        for (const json& turn : line["interactions"]) {
            if (!turn["request"]["uri"].get<std::string>().contains("chat/completions")) continue;
            const json& response = turn["response"];
            const int status = response["status"];
            const std::string where = line["file"];
            if (status >= 400) {
                ++seen.errors;
                const json& body = response["body"];
                const error e = chat_error_of(status, body.is_string() ? body.get<std::string>() : body.dump());
                BOOST_TEST(static_cast<int>(e.code) != 0);
            } else if (response["sse"].get<bool>()) {
                check_stream(response["body"], where, seen);
            } else {
                const json& raw = response["body"];
                const json body = raw.is_string() ? json::parse(raw.get<std::string>(), nullptr, false) : raw;
                if (body.is_object() && body.contains("choices") && !body["choices"].empty()) check_whole(body, seen);
            }
        }
    }
    BOOST_TEST_MESSAGE("read " << seen.whole << " answers, " << seen.streams << " streams, " << seen.errors
                               << " errors; with calls " << seen.with_calls << ", with usage " << seen.with_usage
                               << ", arguments that are no JSON " << seen.no_json_arguments);
    BOOST_TEST(seen.whole > 300);
    BOOST_TEST(seen.streams > 80);
    BOOST_TEST(seen.with_calls > 50);
}

BOOST_AUTO_TEST_SUITE_END()
