#include "runtime/net/sse.hpp"

#include <vector>

#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <rapidcheck/boost_test.h>

using namespace aivp;

namespace {

std::vector<sse_event> read_all(std::string_view text, std::size_t piece = 1 << 20) {
    std::vector<sse_event> events;
    const auto visit = [&](const sse_event& e) { events.push_back(e); };
    sse_reader reader;
    for (std::size_t i = 0; i < text.size(); i += piece) reader.feed(text.substr(i, piece), visit).value();
    reader.finish(visit).value();
    return events;
}

std::vector<std::string> data_of(std::string_view text) {
    std::vector<std::string> out;
    for (const sse_event& e : read_all(text)) out.push_back(e.data);
    return out;
}

using texts = std::vector<std::string>;

} // namespace

BOOST_AUTO_TEST_SUITE(server_sent_events)

BOOST_AUTO_TEST_CASE(events_end_with_an_empty_line_of_any_kind) {
    BOOST_TEST(data_of("data: a\n\ndata: b\n\n") == (texts{"a", "b"}));
    BOOST_TEST(data_of("data: a\r\n\r\ndata: b\r\n\r\n") == (texts{"a", "b"}));
    BOOST_TEST(data_of("data: a\r\rdata: b\r\r") == (texts{"a", "b"}));
    BOOST_TEST(data_of("data: a\r\n\ndata: b\n\r\n") == (texts{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(fields_are_read_as_the_standard_says) {
    BOOST_TEST(data_of(": ping\n\n:\n\ndata:x\n\n") == (texts{"x"}));
    BOOST_TEST(data_of("data:  two blanks\n\n") == (texts{" two blanks"}));
    BOOST_TEST(data_of("data: a\ndata: b\ndata\n\n") == (texts{"a\nb\n"}));
    BOOST_TEST(data_of("data: {\"a\": \"b:c\"}\n\n") == (texts{"{\"a\": \"b:c\"}"}));
    BOOST_TEST(data_of("data\n\n") == (texts{""}));
    BOOST_TEST(data_of("id: 7\nretry: 5\nunknown: x\n\n") == texts{});
    BOOST_TEST(data_of("\xEF\xBB\xBF"
                       "data: a\n\n") == (texts{"a"}));
    BOOST_TEST(data_of("Data: a\n data: b\n\n") == texts{});
    const auto named = read_all("event: error\ndata: a\n\ndata: b\n\n");
    BOOST_TEST(named.at(0).event == "error");
    BOOST_TEST(named.at(1).event == "");
}

BOOST_AUTO_TEST_CASE(a_stream_may_lack_its_last_empty_line) {
    BOOST_TEST(data_of("data: [DONE]") == (texts{"[DONE]"}));
    BOOST_TEST(data_of("data: [DONE]\n") == (texts{"[DONE]"}));
    BOOST_TEST(data_of("") == texts{});
}

BOOST_AUTO_TEST_CASE(an_endless_event_is_refused) {
    sse_reader reader(100);
    const auto visit = [](const sse_event&) {};
    BOOST_TEST(reader.feed("data: " + std::string(80, 'x'), visit).has_value());
    const auto got = reader.feed(std::string(80, 'x'), visit);
    BOOST_REQUIRE(!got);
    BOOST_TEST(info(got.error().code).name == "limit.output");
    sse_reader lines(100);
    result<void> many;
    for (int i = 0; i < 100 && many; ++i) many = lines.feed("data: xxxxxxxxxx\n", visit);
    BOOST_TEST(!many);
}

RC_BOOST_PROP(the_events_do_not_depend_on_the_pieces, ()) {
    const auto parts = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("data: ", "data", "event: x", ":", "a", "\xC3\xA4", "\n", "\r\n", "\r", "\n\n",
                                      "\r\n\r\n", " ", "[DONE]", "\xEF\xBB\xBF"));
    std::string text;
    for (const auto& p : parts) text += p;
    const auto whole = read_all(text);
    for (std::size_t piece = 1; piece <= 5; ++piece) RC_ASSERT(read_all(text, piece) == whole);
}

BOOST_AUTO_TEST_SUITE_END()
