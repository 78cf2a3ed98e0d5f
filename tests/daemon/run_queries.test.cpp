#include "runtime/daemon/run_queries.hpp"

#include <boost/test/unit_test.hpp>

namespace {

using namespace aivp;

/// Answers every question with the same row.
store_query always(std::vector<std::string> columns, std::vector<std::vector<std::optional<std::string>>> rows) {
    return [=](std::string_view, std::size_t) -> result<query_result> { return query_result{columns, rows, false}; };
}

errc code_of(const result<replay_request>& r) { return r ? errc::ok : r.error().code; }

} // namespace

BOOST_AUTO_TEST_SUITE(answers_about_runs)

BOOST_AUTO_TEST_CASE(names_of_runs_and_calls_are_numbers_with_or_without_a_prefix) {
    BOOST_TEST((parse_number_name("run-12", "run-") == 12u));
    BOOST_TEST((parse_number_name("12", "run-") == 12u));
    for (const char* bad : {"", "run-", "run-x", "call-1", "-1", "1 ", "99999999999999999999999"})
        BOOST_TEST(!parse_number_name(bad, "run-"), bad);
}

BOOST_AUTO_TEST_CASE(columns_become_numbers_texts_and_documents) {
    const auto listed =
        list_runs(always({"run", "agent_id", "code", "body", "message", "accepted_at", "details"},
                         {{"7", "0042", "ok", "{\"a\":1}", std::nullopt, "1700000000000000", "no json"}}),
                  true);
    BOOST_TEST_REQUIRE(listed.has_value());
    BOOST_TEST(listed->text() ==
               "{\"runs\":[{\"accepted_at\":1700000000000000,\"agent_id\":\"0042\",\"body\":{\"a\":1},\"code\":\"ok\","
               "\"details\":\"no json\",\"message\":null,\"run\":7}],\"truncated\":false,\"version\":1}");
}

BOOST_AUTO_TEST_CASE(a_line_is_about_the_runs_that_it_names) {
    const payload line =
        payload::parse(R"({"correlation":3,"events":[{"type":"x"},{"run":5,"type":"y"}],"seq":9})").value();
    BOOST_TEST(is_about(line, {}));
    BOOST_TEST(is_about(line, {3}));
    BOOST_TEST(is_about(line, {5}));
    BOOST_TEST(!is_about(line, {4}));
    BOOST_TEST(!is_about(payload(), {4}));
}

BOOST_AUTO_TEST_CASE(only_what_was_recorded_and_is_known_can_be_replayed) {
    const std::vector<std::string> columns{"code", "agent", "body"};
    const auto failed = always(columns, {{"skill.failed", "desk", "{\"order\":1}"}});
    const auto replay = replay_of(failed, "dl-42-run");
    BOOST_TEST_REQUIRE(replay.has_value());
    BOOST_TEST(replay->agent == "desk");
    BOOST_TEST(replay->body.text() == "{\"order\":1}");
    BOOST_TEST((code_of(replay_of(always(columns, {}), "dl-42-run")) == errc::run_not_found));
    for (const char* bad : {"", "-", "dl-42", "42", "dl-x-run", "dl-42-'", "dl-42-run' OR 1"})
        BOOST_TEST((code_of(replay_of(failed, bad)) == errc::run_not_found), bad);
    BOOST_TEST(
        (code_of(replay_of(always(columns, {{"call.parked", "desk", "1"}}), "dl-42-call")) == errc::call_parked));
    BOOST_TEST((code_of(replay_of(always(columns, {{"trigger.refused", std::nullopt, std::nullopt}}),
                                  "dl-42-trigger")) == errc::config_not_supported));
}

BOOST_AUTO_TEST_SUITE_END()
