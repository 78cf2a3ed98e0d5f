#include "aivp/tape/files.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/tape/sample.hpp"

namespace {

using namespace aivp;
using namespace aivp::tape_tests;

enum class part : std::uint8_t { manifest, events };

/// One edit of a good tape, and what the reader must say about it.
struct broken_tape {
    const char* name;
    part where;
    const char* from;
    const char* to;
    errc code;
    std::uint32_t line;
    const char* at;      ///< the text at the reported column after the edit; empty: the column is not checked by text
    const char* message; ///< a part of it
};

const broken_tape broken_tapes[] = {
    {"the manifest is no JSON", part::manifest, "\"rules\":", "rules:", errc::tape_format, 13, "rules", ""},
    {"the manifest is empty", part::manifest, nullptr, "", errc::tape_format, 1, "", ""},
    {"the manifest is a list", part::manifest, nullptr, "[]", errc::tape_format, 1, "[]", "must be an object"},
    {"a key stands twice", part::manifest, "{\n", "{\n\"model\":\"a\",\n", errc::tape_format, 9, "", ""},
    {"another format", part::manifest, "aivp.tape/1", "har", errc::tape_format, 7, "\"har\"", "the format is \"har\""},
    {"a newer format", part::manifest, "aivp.tape/1", "aivp.tape/2", errc::tape_version, 7, "\"aivp.tape/2\"",
     "aivp.tape/2"},
    {"no format", part::manifest, "\"format\":\"aivp.tape/1\",\n", "", errc::tape_format, 1, "{", "lacks \"format\""},
    {"other key rules", part::manifest, "\"r1\"", "\"r9\"", errc::tape_version, 13, "\"r9\"", "r9"},
    {"an unknown member", part::manifest, "\"rules\":\"r1\"", "\"rules\":\"r1\",\"colour\":1", errc::tape_format, 13,
     "\"colour\"", "no member \"colour\""},
    {"an absolute agent file", part::manifest, "\"agent.yaml\"", "\"/agent.yaml\"", errc::tape_format, 2,
     "\"/agent.yaml\"", "relative"},
    {"an absolute skill folder", part::manifest, "\"../skills\"", "\"/skills\"", errc::tape_format, 2, "\"/skills\"",
     "relative"},
    {"skills that are no list", part::manifest, "[\"../skills\"]", "\"../skills\"", errc::tape_format, 2,
     "\"../skills\"", "array"},
    {"a time that is none", part::manifest, "1970-01-01T00:00:00Z", "yesterday", errc::tape_format, 11, "\"yesterday\"",
     "instant"},
    {"an outcome code that does not exist", part::manifest, "\"code\":\"ok\"", "\"code\":\"fine\"", errc::tape_format,
     9, "\"fine\"", "no error code"},
    {"a status that does not exist", part::manifest, "\"status\":\"success\"", "\"status\":\"great\"",
     errc::tape_format, 9, "\"great\"", "known: success"},
    {"a negative count", part::manifest, "\"model_calls\":2", "\"model_calls\":-2", errc::tape_format, 5, "-2",
     "negative"},
    {"a count with a fraction", part::manifest, "\"model_calls\":2", "\"model_calls\":2.5", errc::tape_format, 5, "2.5",
     "integer"},
    {"a digest that is cut", part::manifest, "\"last\":\"", "\"last\":\"zz", errc::tape_format, 6, "\"zz",
     "64 hexadecimal"},
    {"provenance that is no object", part::manifest, "{\"who\":\"a test\"}", "\"a test\"", errc::tape_format, 10,
     "\"a test\"", "object"},

    {"a line that is no JSON", part::events, "\"lane\":\"main\"", "\"lane\":main", errc::tape_format, 1, "main", ""},
    {"an empty line", part::events, "\n", "\n\n", errc::tape_format, 2, "", ""},
    {"a line that is a list", part::events, nullptr, "[]\n", errc::tape_format, 1, "[]", "must be an object"},
    {"an event without a body", part::events, "\"body\":{\"agent\"", "\"bodi\":{\"agent\"", errc::tape_format, 1, "{",
     "lacks \"body\""},
    {"an instant that is text", part::events, "\"at\":0", "\"at\":\"0\"", errc::tape_format, 1, "\"0\"", "integer"},
    {"an instant beyond 64 bits", part::events, "\"at\":0", "\"at\":99999999999999999999", errc::tape_format, 1,
     "99999999999999999999", "integer"},
    {"a kind that does not exist", part::events, "\"kind\":\"run_started\"", "\"kind\":\"run_begun\"",
     errc::tape_format, 1, "\"run_begun\"", "known: run_started"},
    {"a source that does not fit the kind", part::events, "\"source\":\"host\"", "\"source\":\"model\"",
     errc::tape_format, 1, "\"model\"", "is \"host\""},
    {"a digest that is none", part::events, "\"digest\":\"", "\"digest\":\"g", errc::tape_format, 1, "\"g",
     "64 hexadecimal"},
    {"an unknown member of an event", part::events, "\"lane\":\"main\"", "\"lane\":\"main\",\"mood\":1",
     errc::tape_format, 1, "\"mood\"", "no member \"mood\""},
    {"an unknown member of a request", part::events, "\"effect\":\"write\"", "\"effect\":\"write\",\"speed\":1",
     errc::tape_format, 3, "\"speed\"", "no member \"speed\""},
    {"an effect that does not exist", part::events, "\"effect\":\"write\"", "\"effect\":\"wrote\"", errc::tape_format,
     3, "\"wrote\"", "known: none, read, write"},
    {"an outcome that does not exist", part::events, "\"outcome\":\"ok\"", "\"outcome\":\"good\"", errc::tape_format, 2,
     "\"good\"", "known: ok, failed, unknown"},
    {"a failure without a code", part::events, "\"outcome\":\"ok\"", "\"outcome\":\"failed\"", errc::tape_format, 2,
     "\"failed\"", "needs a \"code\""},
    {"a negative latency", part::events, "\"latency_us\":250000", "\"latency_us\":-1", errc::tape_format, 2, "-1",
     "negative"},
    {"a call without a name", part::events, ",\"name\":\"send_money\"}],\"finish\"", "}],\"finish\"", errc::tape_format,
     2, "{\"args\"", "lacks \"name\""},
    {"calls that are no list", part::events,
     "\"calls\":[{\"args\":{\"amount\":98.7,\"recipient\":\"SPOTIFY\"},\"name\"",
     "\"calls\":{\"a\":[{\"args\":{},\"name\"", errc::tape_format, 2, "", ""},
    {"a message that is text", part::events, "{\"content\":\"You pay bills.\",\"role\":\"system\"}",
     "\"You pay bills.\"", errc::tape_format, 2, "\"You pay bills.\"", "message must be an object"},
    {"a parent that nobody has", part::events, "\"parent\":null", "\"parent\":\"k1:00\"", errc::tape_format, 2,
     "\"k1:00\"", "no earlier model_call"},
    {"a blob with a bad name", part::events, "\"result\":\"sent\"", "\"result\":{\"$blob\":\"sha256:12\"}",
     errc::tape_format, 3, "\"sha256:12\"", "64 hexadecimal"},
    {"a blob that is missing", part::events, "\"result\":\"sent\"",
     "\"result\":{\"$blob\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\"}",
     errc::tape_blob, 3, "{\"$blob\"", "cannot be read"},
    {"tools with a bad hash", part::events, "\"tools\":[]", "\"tools\":\"sha256:1\"", errc::tape_format, 2,
     "\"sha256:1\"", "hash"},
    {"an ending that is no boolean", part::events, "\"ended\":true", "\"ended\":1", errc::tape_format, 5, "1",
     "true or false"},
    {"a user's message that is a number", part::events, "\"message\":\"No.\"", "\"message\":4", errc::tape_format, 5,
     "4", "string"},
    {"an unanswered call that is ok", part::events, "\"res\":{\"latency_us\":10000",
     "\"res\":{\"answered\":false,\"latency_us\":10000", errc::tape_format, 3, "false", "unknown"},
    {"a refusal with a code that does not exist", part::events, "\"cap.missing\"", "\"cap.lost\"", errc::tape_format, 6,
     "\"cap.lost\"", "no error code"},
    {"half a surrogate pair", part::events, "You pay bills.", "\\ud800", errc::tape_format, 2, "", ""},
    {"too many levels", part::events, "\"result\":\"sent\"", "\"result\":@DEEP@", errc::tape_format, 3, "", ""},

    {"the events were edited", part::events, "\"result\":\"sent\"", "\"result\":\"lost\"", errc::tape_chain, 3, "",
     "event 3"},
    {"the digest was edited", part::events, "\"at\":0", "\"at\":1", errc::tape_chain, 1, "", "event 1"},
    {"the count of events was edited", part::manifest, "\"events\":7", "\"events\":8", errc::tape_chain, 5, "8",
     "number of events"},
    {"the last line is cut", part::events, "\"status\":\"success\"},", "\n", errc::tape_format, 7, "", ""},
};

std::string line_of(const std::string& text, std::uint32_t line) {
    std::size_t at = 0;
    for (std::uint32_t i = 1; i < line && at != std::string::npos; ++i) at = text.find('\n', at) + 1;
    return text.substr(at, text.find('\n', at) - at);
}

} // namespace

BOOST_AUTO_TEST_SUITE(tape_broken)

BOOST_AUTO_TEST_CASE(every_broken_tape_has_a_code_and_a_place) {
    const tape_text good = tape_to_text(sample_tape());
    BOOST_REQUIRE(tape_from_text(good, "x.tape").has_value());
    for (const broken_tape& b : broken_tapes) {
        BOOST_TEST_CONTEXT(b.name) {
            tape_text bad = good;
            std::string& edited = b.where == part::manifest ? bad.manifest : bad.events;
            std::string to = b.to;
            if (const std::size_t deep = to.find("@DEEP@"); deep != std::string::npos)
                to.replace(deep, 6, std::string(200, '[') + std::string(200, ']'));
            if (b.from) {
                const std::size_t at = edited.find(b.from);
                BOOST_REQUIRE(at != std::string::npos);
                edited.replace(at, std::string_view(b.from).size(), to);
            } else {
                edited = to;
            }
            const auto read = tape_from_text(bad, "x.tape");
            BOOST_REQUIRE(!read || !read->problems.empty());
            const error& e = read ? read->problems.front() : read.error();
            BOOST_TEST_INFO(to_string(e));
            BOOST_TEST(info(e.code).name == info(b.code).name);
            BOOST_TEST(e.where.file == (b.where == part::manifest ? "x.tape/manifest.json" : "x.tape/events.jsonl"));
            BOOST_TEST(e.where.line == b.line);
            BOOST_TEST(e.where.column > 0u);
            BOOST_TEST(e.message.find(b.message) != std::string::npos);
            BOOST_TEST(!info(e.code).help.empty());
            const std::string shown = line_of(edited, e.where.line);
            BOOST_TEST(shown.substr(std::min<std::size_t>(e.where.column - 1, shown.size())).starts_with(b.at));
        }
    }
    static_assert(std::size(broken_tapes) >= 30);
}

BOOST_AUTO_TEST_CASE(a_digest_has_one_spelling) {
    tape_text text = tape_to_text(sample_tape());
    const std::size_t from = text.events.find("\"digest\":\"") + 10;
    const std::size_t letter = text.events.find_first_of("abcdef", from);
    BOOST_REQUIRE(letter < from + 64);
    text.events[letter] = static_cast<char>(text.events[letter] - 'a' + 'A');
    const auto back = tape_from_text(text, "x.tape");
    BOOST_REQUIRE(!back.has_value());
    BOOST_TEST(back.error().message == "\"digest\" must be 64 hexadecimal digits in lower case");
}

BOOST_AUTO_TEST_CASE(every_edited_event_is_reported_not_only_the_first) {
    tape_text text = tape_to_text(sample_tape());
    for (const char* word : {"\"at\":0", "You pay bills.", "\"result\":\"sent\""}) {
        const std::size_t at = text.events.find(word) + std::string_view(word).size() - 2;
        text.events[at] = text.events[at] == ':' ? ' ' : '7';
    }
    const auto back = tape_from_text(text, "x.tape");
    BOOST_TEST(!back.has_value());

    text = tape_to_text(sample_tape());
    for (const char* word : {"You pay bills", "sent", "Anything else"}) {
        const std::size_t at = text.events.find(word);
        text.events[at] = '_';
    }
    const auto edited = tape_from_text(text, "x.tape");
    BOOST_REQUIRE(edited.has_value());
    std::string seqs;
    for (const error& e : edited->problems) seqs += e.context.front().second + " ";
    BOOST_TEST(seqs == "2 3 4 ");
}

BOOST_AUTO_TEST_SUITE_END()
